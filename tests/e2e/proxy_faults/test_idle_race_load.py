"""An upstream that closes idle connections at just the time when they would be used again, under load.

Its ages of closing are random around those at which it was used again, so that there is nothing to learn from them but not
to trust it. Of GETs none fails: they are sent again. Of POSTs none arrives twice, since they are not; next to none may go
where it is lost.
"""

import asyncio
import collections
import random

import pytest
from fault_upstream import FaultUpstream
from faulty_proxy import causes, proxying
from load_clients import clients_for

CLIENTS = 16
LOST = 2  # POSTs that may meet the close


async def one_client(client, numbers, pause, outcomes):
    for number in numbers:
        method, body = (("GET", b""), ("POST", b"content"))[number % 2]
        outcome = await client.ask(method, f"/hash/{number}", body)
        outcomes[method, outcome] += 1
        if pause:
            await asyncio.sleep(random.uniform(0, pause))


async def load(version, address, requests, pause) -> collections.Counter:
    outcomes, numbers = collections.Counter(), iter(range(2 * requests))
    async with clients_for(version, address, CLIENTS) as clients:
        await asyncio.gather(*(one_client(client, numbers, pause, outcomes) for client in clients))
    return outcomes


def assert_race(folder, version, workers, idle, requests):
    pause = 0.005 if idle == "around" else 0
    with FaultUpstream(folder, idle=idle) as upstream, proxying(folder, version, workers, upstream.port) as server:
        outcomes = asyncio.run(load(version, server.address, requests, pause))
        arrived = upstream.counts()
        told = f"{outcomes}, {causes(server)}, {arrived['connection -']} connections"
        assert {one: times for one, times in outcomes.items() if one[0] == "GET"} == {("GET", "whole"): requests}, told
        assert outcomes["POST", "whole"] >= requests - LOST, told
        assert {one for one in outcomes if one[1] not in ("whole", "502")} == set(), told
        posts = [arrived[f"POST /hash/{number}"] for number in range(1, 2 * requests, 2)]
        assert max(posts) == 1
        assert sum(posts) >= outcomes["POST", "whole"]


@pytest.fixture(params=("around", "at once", 0.05))
def idle(request):
    return request.param


@pytest.mark.timeout(300)
def test_connections_that_are_closed_when_they_are_used(tmp_path, clear, workers, idle):
    assert_race(tmp_path, clear, workers, idle, 2_000)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_forty_thousand_times(tmp_path, clear, workers, idle):
    assert_race(tmp_path, clear, workers, idle, 20_000)
