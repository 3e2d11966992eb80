"""One run of h2load over HTTP/2 on TLS, pinned to its core, and what its summary says.

h2load has no report for machines, so its lines are read; one that is not there ends the run, as a
count that is guessed flatters. It counts no percentiles: these are left out.
"""

import re
import subprocess
from dataclasses import dataclass
from typing import Optional, Tuple

from errors import BenchError
from workloads import Multiplexed

GRACE_SECONDS = 60  # beyond the asked-for time: then h2load hangs and the run ends
# What every server must agree to. The suite is asked for: h2load would sooner have one of 128 bits,
# and a server that goes by its own order another than the rest.
NEGOTIATED = ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "h2")
AGREED = (r"^TLS Protocol: (\S+)$", r"^Cipher: (\S+)$", r"^Application protocol: (\S+)$")
FINISHED = r"^finished in \S+, ([\d.]+) req/s, "
REQUESTS = (r"^requests: \d+ total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, "
            r"(\d+) errored, (\d+) timeout$")
STATUSES = r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$"
DATA = r"^traffic: .* \((\d+)\) data$"


@dataclass(frozen=True)
class MultiplexedLoad:
    """h2load's counts over one round."""

    requests: int  # done: those that were under way at the end are not among them
    started: int
    succeeded: int
    failed: int
    errored: int
    timeouts: int
    of_2xx: int  # heads: of requests under way as well
    other_statuses: int
    octets: int  # of DATA, of requests under way as well
    rate: float  # requests a second
    negotiated: Tuple[str, ...]  # version, suite, ALPN protocol
    said: str  # what it had to say about connections that failed
    p50: Optional[int] = None
    p99: Optional[int] = None

    @property
    def microseconds(self) -> float:
        """How long the requests took altogether."""
        return self.requests * 1e6 / self.rate if self.rate else 0.0

    def per_second(self) -> float:
        """Requests a second."""
        return self.rate

    def complaint(self, size: int, under_way: int) -> str:
        """Why this round must not count, or an empty text. Every body has `size` octets; up to
        `under_way` requests were cut off by the round's end."""
        problems = {"failed": self.failed, "errored": self.errored, "timed out": self.timeouts,
                    "statuses other than 2xx": self.other_statuses,
                    "done without success": self.requests - self.succeeded,
                    "answers without status": max(0, self.requests - self.of_2xx),
                    "requests lost": max(0, self.started - self.requests - under_way)}
        said = [f"{count} {what}" for what, count in problems.items() if count]
        if not self.requests:
            said.append("no request completed")
        elif not 0 <= self.octets - self.requests * size <= under_way * size:
            said.append(f"{self.octets} octets for {self.requests} bodies of {size}")
        if self.negotiated != NEGOTIATED:
            said.append("agreed to " + ", ".join(self.negotiated))
        return ", ".join(said + [self.said] * bool(self.said))


class H2Load:
    """h2load on one core with one thread."""

    def __init__(self, core: int):
        self._core = core

    def run(self, url: str, shape: Multiplexed, seconds: int) -> MultiplexedLoad:
        """Loads `url` for `seconds`. Raises BenchError when h2load itself fails."""
        command = ["taskset", "-c", str(self._core), "h2load", "-t1", f"-c{shape.connections}",
                   f"-m{shape.streams}", "-D", str(seconds),
                   f"--tls13-ciphers={NEGOTIATED[1]}", url]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired as hung:
            raise BenchError(f"h2load did not end: {' '.join(command)}") from hung
        if done.returncode != 0:
            raise BenchError(f"h2load failed: {done.stderr.strip() or done.stdout.strip()}")
        return read(done.stdout, done.stderr)


def read(summary: str, complaints: str = "") -> MultiplexedLoad:
    """The counts in what h2load printed on stdout and stderr. Raises BenchError when one is missing."""
    started, done, succeeded, failed, errored, timeouts = map(int, _find(REQUESTS, summary))
    of_2xx, *others = map(int, _find(STATUSES, summary))
    # Nothing is agreed to when no connection came about; the round is void then and not the run.
    agreed = tuple("".join(re.findall(line, summary, re.MULTILINE)[:1]) for line in AGREED)
    return MultiplexedLoad(
        requests=done, started=started, succeeded=succeeded, failed=failed, errored=errored,
        timeouts=timeouts, of_2xx=of_2xx, other_statuses=sum(others),
        octets=int(_find(DATA, summary)[0]), rate=float(_find(FINISHED, summary)[0]),
        negotiated=agreed, said=" ".join(complaints.split()))


def _find(line: str, summary: str) -> Tuple[str, ...]:
    found = re.search(line, summary, re.MULTILINE)
    if not found:
        raise BenchError(f"h2load's summary has no line {line!r}: {summary.strip()[-300:]}")
    return found.groups()


def version() -> str:
    """The line that h2load says about itself."""
    done = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=False,
                          timeout=10)
    return done.stdout.strip() or "unknown"
