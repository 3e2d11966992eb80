"""What only proxies need: the origin behind them, and proof that they keep their connections to it.

The origin is one worker of nginx on the load's core, the same for all proxies of a workload. A proxy
that opened a connection for each request would pay for something else than the others, so what the
origin accepted is held against the requests of each round.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Optional

import client
import servers
from errors import BenchError

PEERS = ("nginx", "h2o", "haproxy")  # the proxies that are not ours
UPLOAD = "upload"  # where the origin reads a body to its end and says how long the request was
READ = b"read\n"
COUNTS = "counts"
ACCEPTED = re.compile(rb"server accepts handled requests\s+(\d+)")
RATE_SHARE = 0.5  # of the slowest peer's maximum


@dataclass(frozen=True)
class Origin:
    """The running origin."""

    running: servers.Running

    @property
    def port(self) -> int:
        """Of 127.0.0.1, without TLS."""
        return self.running.port

    def accepted(self) -> int:
        """How many connections it has accepted so far, that of this question included."""
        found = ACCEPTED.search(client.fetch(self.port, COUNTS).body)
        if not found:
            raise BenchError("the origin does not say how many connections it accepted")
        return int(found.group(1))


def start_origin(docs: Path, temp: Path, core: int) -> Origin:
    """Starts the origin, which serves `docs`. The caller stops `running`."""
    maker = servers.origin_maker()
    if not maker.found():
        raise BenchError(f"the proxies' origin is nginx: {maker.package}")
    return Origin(servers.start(maker, servers.Site(docs, "", ""), temp, core))


def complaint(accepted: int, requests: int, under_way: int) -> str:
    """Why a round must not count in which the origin accepted so many connections, or an empty text.

    As many as were under way at a time may be new (the floor's all are), twice that with those that
    took turns, and one in a hundred requests may have found none free.
    """
    if accepted <= 2 * under_way + requests // 100:
        return ""
    return f"{accepted} connections to the origin for {requests} requests: they are not kept"


def fixed_rate(maxima: Iterable[tuple]) -> int:
    """Half the slowest peer's maximum, in requests a second. `maxima` are pairs of a server's name and
    its maximum, or None when that could not be found. Without peers all servers count."""
    known = {name: maximum for name, maximum in maxima if maximum}
    chosen = [known[name] for name in PEERS if name in known] or list(known.values())
    if not chosen:
        raise BenchError("no server could be loaded, so there is no rate to hold")
    return max(1, int(min(chosen) * RATE_SHARE))


def check_upload(port: int, octets: int) -> client.Response:
    """Has one upload answered through the proxy on `port`. Raises BenchError unless the origin got it
    all."""
    answer = client.upload(port, UPLOAD, octets)
    received = _number(answer.fields.get("received"))
    if answer.status != 200 or answer.body != READ or received is None or received <= octets:
        raise BenchError(f"an upload of {octets} octets got {answer.status}, {answer.body[:40]!r}; the "
                         f"origin received {received}")
    return answer


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isdigit() else None
