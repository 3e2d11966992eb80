"""One run of paced.cc, a load at a fixed rate, pinned to its core."""

import json
import subprocess
from dataclasses import dataclass

from errors import BenchError

GRACE_SECONDS = 30  # beyond the asked-for time: then it hangs and the run ends


@dataclass(frozen=True)
class PacedLoad:
    """Its counts over one round. Latencies in microseconds, from when a request was due."""

    requests: int  # answered as they should be
    due: int
    unanswered: int
    errors: int
    microseconds: int
    p50: int
    p99: int
    greatest: int

    def per_second(self) -> float:
        """Requests a second."""
        return self.requests * 1e6 / self.microseconds if self.microseconds else 0.0

    def complaint(self) -> str:
        """Why this round must not count, or an empty text: a percentile of those that were answered
        says nothing when others were not."""
        problems = {"unanswered": self.unanswered, "errors": self.errors}
        said = [f"{count} {what} of {self.due} due" for what, count in problems.items() if count]
        return ", ".join(said or ["no request completed"] * (not self.requests))


class Paced:
    """The load on one core with one thread."""

    def __init__(self, program: str, core: int):
        self._program = program
        self._core = core

    def run(self, port: int, document: str, size: int, connections: int, rate: int,
            seconds: int) -> PacedLoad:
        """GETs of `document`, whose answers have `size` octets, `rate` a second. Raises BenchError
        when the program itself fails."""
        command = ["taskset", "-c", str(self._core), self._program]
        command += [str(word) for word in (port, document, size, connections, rate, seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired as hung:
            raise BenchError(f"paced did not end: {' '.join(command)}") from hung
        if done.returncode != 0:
            raise BenchError(f"paced failed: {done.stderr.strip()}")
        return PacedLoad(**json.loads(done.stdout))
