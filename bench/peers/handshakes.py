"""Runs the two programs of ours that shake hands: handshakes (the load) and accept_alone (OpenSSL's
own part), and judges what they counted."""

import json
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List

from certificate import Certificate
from errors import BenchError
from workloads import Handshake

GRACE_SECONDS = 60  # beyond the asked-for time: then it hangs and the run ends
HOLD_SECONDS = 120.0  # for thousands of handshakes
AT_A_TIME_IDLE = 8
# A ticket key may be replaced within a round; more than that is no measurement of resuming.
RESUMED_SHARE = 0.99


@dataclass(frozen=True)
class HandshakeLoad:
    """The load's counts over one round."""

    requests: int
    resumed: int
    errors: int
    first_error: str
    microseconds: int
    p50 = None  # the time of a handshake is mostly the client's own
    p99 = None

    def per_second(self) -> float:
        """Requests, and so connections, a second."""
        return self.requests * 1e6 / self.microseconds if self.microseconds else 0.0

    def complaint(self, resumed: bool) -> str:
        """Why this round must not count, or an empty text. The program has looked at every answer;
        here is checked that the handshakes were of the kind that was asked for."""
        said = [f"{self.errors} errors, the first: {self.first_error}"] if self.errors else []
        said += _kind_complaint(self.requests, self.resumed, resumed)
        return ", ".join(said)


@dataclass(frozen=True)
class AloneLoad:
    """Handshakes in process. The microseconds are the server's CPU time for all of them."""

    handshakes: int
    resumed: int
    microseconds: float

    def complaint(self, resumed: bool) -> str:
        """Why this round must not count, or an empty text."""
        return ", ".join(_kind_complaint(self.handshakes, self.resumed, resumed))


def _kind_complaint(count: int, resumed: int, wanted: bool) -> List[str]:
    if not count:
        return ["no request completed"]
    if wanted and resumed < count * RESUMED_SHARE:
        return [f"only {resumed} of {count} handshakes were resumed"]
    if not wanted and resumed:
        return [f"{resumed} of {count} handshakes were resumed, all should be full"]
    return []


@dataclass(frozen=True)
class Handshakes:
    """Both programs, and the cores that they run on."""

    load_program: str
    alone_program: str
    load_core: int
    server_core: int  # OpenSSL's own part is measured where the servers are

    def load(self, port: int, document: Path, kind: Handshake, connections: int,
             seconds: int) -> HandshakeLoad:
        """New connections for `seconds`. Raises BenchError when the program itself fails."""
        command = self._client(port, document, kind) + ["--connections", str(connections),
                                                        "--seconds", str(seconds)]
        return HandshakeLoad(**_run(command, seconds))

    def alone(self, certificate: Certificate, kind: Handshake, seconds: int) -> AloneLoad:
        """OpenSSL's own part, in process."""
        command = ["taskset", "-c", str(self.server_core), self.alone_program,
                   str(certificate.chain), str(certificate.key), "--seconds", str(seconds)]
        return AloneLoad(**_run(command + _flags(kind), seconds))

    def hold(self, port: int, document: Path, connections: int) -> "Held":
        """Opens idle connections of TLS 1.3, each of which has had one request answered."""
        command = self._client(port, document, Handshake("1.3", False))
        return Held(command + ["--idle", str(connections), "--connections", str(AT_A_TIME_IDLE)])

    def _client(self, port: int, document: Path, kind: Handshake) -> List[str]:
        return ["taskset", "-c", str(self.load_core), self.load_program, str(port), document.name,
                str(document.stat().st_size)] + _flags(kind)


class Held:
    """Idle connections in a process of their own. Ends with `with`."""

    def __init__(self, command: List[str]):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        try:
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def closed(self) -> int:
        """How many of them the server has closed meanwhile; lets go of all."""
        said, words = self._process.communicate(timeout=GRACE_SECONDS)
        return _read(said, words)["closed"]

    def close(self) -> None:
        """Lets go of them at once."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()

    def _await_ready(self) -> None:
        readable, _, _ = select.select([self._process.stdout], [], [], HOLD_SECONDS)
        if not readable:
            raise BenchError(f"the idle connections were not open after {HOLD_SECONDS:.0f} s")
        if self._process.stdout.readline().strip() != "ready":
            raise BenchError(f"no idle connections: {self._process.stderr.read().strip()}")


def _flags(kind: Handshake) -> List[str]:
    return [f"--tls{kind.version}"] + (["--resume"] if kind.resumed else [])


def _run(command: List[str], seconds: int) -> dict:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired as hung:
        raise BenchError(f"it did not end: {' '.join(command)}") from hung
    return _read(done.stdout, done.stderr)


def _read(said: str, words: str) -> dict:
    """The program's one line of JSON, or its last words as an error."""
    try:
        return json.loads(said)
    except json.JSONDecodeError as wrong:
        raise BenchError(words.strip() or f"no counts in: {said.strip()!r}") from wrong
