"""System calls per keep-alive request on one connection, counted by strace.

bench/loopback counts them in the process itself; this is the view from outside, on the real
binary, and the only one that the peers can be seen in as well.
"""

import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

import client
import processes
import servers
from errors import BenchError
from speed import Bench

REQUESTS = 2_000
ATTACH_SECONDS = 5.0
# Calls of timers and of attaching and detaching, spread over the requests.
TOLERANCE = 0.05
ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$")


@dataclass(frozen=True)
class Case:
    """A document, how the floor sends it, and the most calls that Sluice may make for it."""

    title: str
    document: str
    floor_mode: str
    target: int


CASES = (Case("1 KiB, held body", "1k.bin", "held", 3),
         Case("64 KiB, sendfile", "64k.bin", "sendfile", 4))


@dataclass(frozen=True)
class Count:
    """Calls per request by name."""

    server: str
    case: Case
    calls: Dict[str, float]

    def total(self) -> float:
        """All calls per request."""
        return sum(self.calls.values())

    def verdict(self) -> str:
        """Whole calls are the target; what once-a-second work adds is forgiven."""
        return "met" if self.total() <= self.case.target + TOLERANCE else "missed"


def available() -> bool:
    """Is strace there?"""
    return shutil.which("strace") is not None


def measure(name: str, case: Case, bench: Bench, requests: int = REQUESTS) -> Count:
    """Counts over `requests` requests sent one after the other on one connection."""
    bench.tell(f"syscalls: {name}, {case.title}")
    with ExitStack() as stack:
        server = bench.start(name, servers.Site(bench.docs, case.document, case.floor_mode))
        stack.callback(server.stop)
        peer = stack.enter_context(client.connect(server.port))
        _ask(peer, server, case, 10)
        summary = server.temp / "strace"
        strace = _attach(server.process.pid, summary)
        try:
            _ask(peer, server, case, requests)
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(ATTACH_SECONDS)
        return Count(name, case, _per_request(summary, requests))


def _ask(peer, server: servers.Running, case: Case, requests: int) -> None:
    held = b""
    for _ in range(requests):
        peer.sendall(client.request(server.port, case.document))
        response, held = client.read_response(peer, held)
        if response.status != 200:
            raise BenchError(f"{server.name} answered {response.status}")


def _attach(pid: int, summary: Path) -> subprocess.Popen:
    """strace on every thread of the family; returns when all are traced."""
    command = ["strace", "-c", "-f", "-q", "-o", str(summary)]
    for member in processes.family(pid):
        command += ["-p", str(member)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < deadline and strace.poll() is None:
        if all(processes.tracer(task) for task in processes.tasks(pid)):
            return strace
        time.sleep(0.02)
    strace.kill()
    raise BenchError(f"strace could not attach: {strace.communicate()[1].strip()}")


def _per_request(summary: Path, requests: int) -> Dict[str, float]:
    calls: Dict[str, float] = {}
    for line in _rows(summary):
        match = ROW.match(line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1)) / requests
    if not calls:
        raise BenchError(f"no counts in strace's summary: {summary.read_text(errors='replace')}")
    return calls


def _rows(summary: Path) -> List[str]:
    return summary.read_text(encoding="utf-8").splitlines()
