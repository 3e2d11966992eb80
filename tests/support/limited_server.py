"""Servers with small limits, and how a test sees that one was met: in the log, the time, the descriptors, system calls."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from clients import SANITIZED
from sluice_server import SluiceServer, wait_until


def serving(site, *limits, more=(), **options):
    """A server with these limits ("name=value"); `more` goes to its command line too."""
    return SluiceServer(site, *(part for limit in limits for part in ("--limit", limit)), *more, **options)


def logged(server):
    """What the access log has so far, line by line."""
    return [json.loads(line) for line in server.stdout().splitlines() if line.endswith("}")]


LOG = ("--access-log", "stdout", "--log-format", "json")


@contextlib.contextmanager
def takes_about(seconds):
    """The block lasts no shorter, and not ten times as long (with a second for slow machines)."""
    begin = time.monotonic()
    yield
    elapsed = time.monotonic() - begin
    assert elapsed > seconds * 0.8, f"after {elapsed} s"
    assert SANITIZED or elapsed < seconds * 10 + 1, f"after {elapsed} s"


def descriptors(server) -> int:
    """How many the server has. It opens one for a moment now and then, to see how much memory there is."""
    return min((server.open_descriptors(), time.sleep(0.005))[0] for _ in range(5))


def strace_works() -> bool:
    with contextlib.suppress(OSError):
        return not SANITIZED and subprocess.run(
            ["strace", "-D", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    return False


@contextlib.contextmanager
def trace(tmp_path, calls):
    """The command that runs a server under strace, and a function that gives its calls so far. strace writes a call that
    another thread's comes between as two lines, "unfinished" and "resumed".
    """
    if not strace_works():
        pytest.skip("strace cannot trace here, or the binary is a sanitized one")
    file = tmp_path / "trace"
    yield (["strace", "-D", "-f", "-qq", "-e", f"trace={calls}", "-e", "signal=none", "-o", file],
           lambda: file.read_text().splitlines())


@contextlib.contextmanager
def traced(site, tmp_path, calls, *limits):
    """A server with one worker, and a function that gives its calls so far."""
    options = [part for limit in limits for part in ("--limit", limit)]
    with trace(tmp_path, calls) as (prefix, so_far), \
            SluiceServer(site, "--workers", "1", *options, prefix=prefix) as server:
        yield server, so_far


@contextlib.contextmanager
def standing_still(server):
    """What is sent meanwhile is there all at once when the server goes on."""
    os.kill(server.pid, signal.SIGSTOP)
    threads = pathlib.Path(f"/proc/{server.pid}/task")
    try:
        wait_until(lambda: all(re.search(r"State:\t[Tt]", (one / "status").read_text()) for one in threads.iterdir()), 20,
                   "stopping")
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)
