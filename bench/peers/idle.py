"""Memory per idle keep-alive connection.

Opens thousands of connections, has one request answered on each, and looks at what the server's
processes have grown by. A few requests come first, so that what is built once (pools, caches, the
document) is not charged to the connections; what a server reserves at its start is shown beside.
Kernel memory of the sockets is the same for all and is not counted.
"""

import resource
import socket
import struct
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import List

import client
import processes
import servers
import stats
from errors import BenchError
from speed import Bench

CONNECTIONS = 8_000
DOCUMENT = "1k.bin"
TARGET = 1024.0
TITLE = "Memory per idle keep-alive connection (PSS)"
WARM_REQUESTS = 100
QUIET_SECONDS = 2.0
REPEATS = 3
SPARE_DESCRIPTORS = 200


@dataclass(frozen=True)
class Growth:
    """Octets per connection, and what the server held before."""

    pss: float
    rss: float
    before: int


@dataclass(frozen=True)
class Idle:
    """All repeats of one server. `target` bounds Sluice's octets per connection."""

    server: str
    repeats: List[Growth]
    title: str
    target: float

    def interval(self) -> stats.Interval:
        """Median, least and greatest PSS growth: so few repeats have no bootstrap."""
        values = [one.pss for one in self.repeats]
        return stats.Interval(stats.median(values), min(values), max(values))


def raise_descriptor_limit() -> None:
    """As many descriptors as the hard limit gives; servers started later inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure(name: str, bench: Bench, connections: int = CONNECTIONS,
            repeats: int = REPEATS) -> Idle:
    """Starts a fresh process for each repeat."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + SPARE_DESCRIPTORS:
        raise BenchError(f"{connections} connections need {connections + SPARE_DESCRIPTORS} "
                         f"descriptors, the limit is {soft} (ulimit -n)")
    growths = []
    for number in range(repeats):
        bench.tell(f"memory: {name}, {number + 1} of {repeats}")
        growths.append(_once(name, bench, connections))
    return Idle(name, growths, TITLE, TARGET)


def _once(name: str, bench: Bench, connections: int) -> Growth:
    with ExitStack() as stack:
        server = bench.start(name, servers.Site(bench.docs, DOCUMENT, "held"))
        stack.callback(server.stop)
        _warm(server)
        before = processes.memory(server.process.pid)
        peers = [stack.enter_context(_connect(server)) for _ in range(connections)]
        body = (bench.docs / DOCUMENT).read_bytes()
        for peer in peers:
            _use(peer, server, body)
        time.sleep(QUIET_SECONDS)
        after = processes.memory(server.process.pid)
        _all_alive(peers, name)
        return growth(before, after, connections)


def growth(before: processes.Memory, after: processes.Memory, connections: int) -> Growth:
    """What each of so many connections has added."""
    return Growth((after.pss - before.pss) / connections, (after.rss - before.rss) / connections,
                  before.pss)


def _warm(server: servers.Running) -> None:
    with client.connect(server.port) as peer:
        for _ in range(WARM_REQUESTS):
            peer.sendall(client.request(server.port, DOCUMENT))
            client.read_response(peer)
    time.sleep(QUIET_SECONDS / 4)


def _connect(server: servers.Running) -> socket.socket:
    """A connection that ends with RST, so that thousands of them leave no TIME_WAIT behind."""
    peer = client.connect(server.port)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return peer


def _use(peer: socket.socket, server: servers.Running, body: bytes) -> None:
    peer.sendall(client.request(server.port, DOCUMENT))
    response, _ = client.read_response(peer)
    if response.status != 200 or response.body != body:
        raise BenchError(f"{server.name} answered {response.status} with "
                         f"{len(response.body)} bytes")


def _all_alive(peers: List[socket.socket], name: str) -> None:
    """A server that closed some of them would look thrifty."""
    closed = 0
    for peer in peers:
        peer.setblocking(False)
        try:
            closed += 1 if peer.recv(1) == b"" else 0
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    if closed:
        raise BenchError(f"{name} closed {closed} of {len(peers)} idle connections")
