"""Memory per idle TLS connection, as idle.py takes it for plain ones.

The client's sessions live in a process of their own (handshakes.cc), which is light enough to hold
thousands of them; Python's would not be. Each connection has had one request answered. Handshakes
and requests come first, so that what is built once is not charged to the connections.
"""

import time
from contextlib import ExitStack
from pathlib import Path

import client
import processes
import servers
from errors import BenchError
from idle import DOCUMENT, QUIET_SECONDS, REPEATS, WARM_REQUESTS, Growth, Idle, growth
from speed import Bench

CONNECTIONS = 3_000
TARGET = 14.5 * 1024
TITLE = "Memory per idle TLS connection (PSS)"
NEEDS = frozenset({"tls"})
WARM_HANDSHAKES = 20


def measure(name: str, bench: Bench, connections: int = CONNECTIONS,
            repeats: int = REPEATS) -> Idle:
    """Starts a fresh process for each repeat."""
    growths = []
    for number in range(repeats):
        bench.tell(f"tls-memory: {name}, {number + 1} of {repeats}")
        growths.append(_once(name, bench, connections))
    return Idle(name, growths, TITLE, TARGET)


def _once(name: str, bench: Bench, connections: int) -> Growth:
    with ExitStack() as stack:
        document = bench.docs / DOCUMENT
        server = bench.start(name, servers.Site(bench.docs, DOCUMENT, "held",
                                                certificate=bench.certificate))
        stack.callback(server.stop)
        _warm(server, document)
        before = processes.memory(server.process.pid)
        held = stack.enter_context(bench.handshakes.hold(server.port, document, connections))
        time.sleep(QUIET_SECONDS)
        after = processes.memory(server.process.pid)
        closed = held.closed()
        if closed:  # a server that closed some of them would look thrifty
            raise BenchError(f"{name} closed {closed} of {connections} idle TLS connections")
        return growth(before, after, connections)


def _warm(server: servers.Running, document: Path) -> None:
    body = document.read_bytes()
    for _ in range(WARM_HANDSHAKES):
        answer = client.fetch(server.port, document.name, tls=server.tls)
        if answer.status != 200 or answer.body != body:
            raise BenchError(f"{server.name} answered {answer.status} with "
                             f"{len(answer.body)} bytes")
    with client.connect(server.port, server.tls) as peer:
        for _ in range(WARM_REQUESTS):
            peer.sendall(client.request(server.port, document.name, host=client.TLS_HOST))
            client.read_response(peer)
    time.sleep(QUIET_SECONDS / 4)
