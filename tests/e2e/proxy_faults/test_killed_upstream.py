"""An upstream that is killed and started again, under load.

Whatever the moment: the client gets the whole response, or sees that it did not. Nobody gets octets of another response,
nothing is left behind in the proxy, and when the upstream lives, it is well again at once.
"""

import asyncio
import itertools
import time

import pytest
from clients import SANITIZED
from fault_upstream import FaultUpstream
from faulty_proxy import proxying, spoken
from load_clients import clients_for
from sluice_server import wait_until

LIFE = 0.2  # seconds
CLIENTS = 24
KINDS = (("GET", "/size/1000", b""), ("GET", "/size/300000", b""), ("GET", "/chunked/100000", b""),
         ("GET", "/slow/5000", b""), ("POST", "/hash/0", b"small"), ("POST", "/hash/0", b"large" * 20_000))
ERRORS = {"502", "503", "504", "cut"}
MEMORY = 8 << 20  # what the allocator may keep beyond what it had after the first load


async def one_client(client, numbers, until, outcomes):
    while time.monotonic() < until:
        number = next(numbers)
        method, target, body = KINDS[number % len(KINDS)]
        outcomes.append(await client.ask(method, f"{target}/{number}", body))
        if outcomes[-1] != "whole":
            await asyncio.sleep(0.01)  # where nobody listens, errors come fast


class Load:
    """Requests that all differ. run() gives what became of those of so many seconds."""

    def __init__(self, version, address):
        self._version, self._address = version, address
        self._numbers = itertools.count()

    def run(self, seconds) -> list:
        return asyncio.run(self._run(time.monotonic() + seconds))

    async def _run(self, until):
        outcomes = []
        async with clients_for(self._version, self._address, CLIENTS) as clients:
            await asyncio.gather(*(one_client(client, self._numbers, until, outcomes) for client in clients))
        return outcomes


def seconds_until_whole(server) -> float:
    begin = time.monotonic()
    wait_until(lambda: (found := server.get("/size/10/well")) and found.status == 200, 30, "recovery")
    return time.monotonic() - begin


def sent_twice(upstream) -> dict:
    return {line: times for line, times in upstream.counts().items() if line.startswith("POST") and times > 1}


def assert_survives(folder, version, http2, workers, seconds):
    limits = {"upstream_idle_timeout": "500ms"}  # so that kept connections are soon gone
    with FaultUpstream(folder, lives=LIFE, http2=http2) as upstream, \
            proxying(folder, version, workers, upstream.port, *spoken(http2), **limits) as server:
        sockets, load = server.open_sockets(), Load(version, server.address)
        load.run(max(2, seconds / 6))
        memory = server.rss_bytes()
        outcomes = load.run(seconds)
        upstream.settle()
        recovery = seconds_until_whole(server)
        assert {one for one in outcomes if one != "whole"} <= ERRORS
        assert outcomes.count("whole") > seconds * 5, "there was no load to speak of"
        assert set(outcomes) & ERRORS, "it was not killed in between"
        assert sent_twice(upstream) == {}
        assert SANITIZED or recovery < 1, f"well again after {recovery} s"
        assert SANITIZED or server.rss_bytes() - memory < MEMORY
        kept = workers if http2 else 0  # one each, for good
        wait_until(lambda: server.open_sockets() <= sockets + kept, 30, "letting go of connections")


def test_killed_and_started_again(tmp_path, clear, http2, workers):
    assert_survives(tmp_path, clear, http2, workers, 5)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_killed_and_started_again_for_a_minute(tmp_path, clear, http2, workers):
    assert_survives(tmp_path, clear, http2, workers, 60)
