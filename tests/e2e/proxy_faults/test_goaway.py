"""An HTTP/2 upstream that sends GOAWAY in the middle of load (RFC 9113 section 6.8).

What it has not acted on is above the last stream of GOAWAY: that is sent again on another connection, whatever its method,
and no client notices. What is below is answered on the old one.
"""

import asyncio
import collections

import pytest
from fault_upstream import FaultUpstream
from faulty_proxy import causes, proxying, spoken
from load_clients import clients_for

REQUESTS = 2_000
CLIENTS = 16
KINDS = (("GET", "/size/100", b""), ("POST", "/hash/0", b"content"), ("GET", "/size/20000", b""),
         ("PUT", "/hash/0", b"x" * 9000))


async def one_client(client, numbers, outcomes):
    for number in numbers:
        method, target, body = KINDS[number % len(KINDS)]
        outcomes[await client.ask(method, f"{target}/{number}", body)] += 1


async def load(version, address) -> collections.Counter:
    outcomes, numbers = collections.Counter(), iter(range(REQUESTS))
    async with clients_for(version, address, CLIENTS) as clients:
        await asyncio.gather(*(one_client(client, numbers, outcomes) for client in clients))
    return outcomes


def arrivals(upstream) -> collections.Counter:
    """How often the upstream acted on each request."""
    counts = upstream.counts()
    acted = collections.Counter()
    for line, times in counts.items():
        method, target = line.split(" ")
        if method.isupper():
            acted[target] += times - counts[f"refused {target}"]
    return acted


@pytest.mark.timeout(120)
def test_streams_above_the_last_one_go_elsewhere(tmp_path, clear, workers):
    with FaultUpstream(tmp_path, http2=True, goaway=40, delay=0.002) as upstream, \
            proxying(tmp_path, clear, workers, upstream.port, *spoken(True)) as server:
        outcomes = asyncio.run(load(clear, server.address))
        assert outcomes == {"whole": REQUESTS}, causes(server)
        counts = upstream.counts()
        assert counts["connection -"] >= REQUESTS / 60, "each connection bears 60 streams at most"
        assert sum(times for line, times in counts.items() if line.startswith("refused ")) >= 20, "none was left out"
        assert set(arrivals(upstream).values()) == {1}
