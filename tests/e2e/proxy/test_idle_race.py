"""An upstream that closes idle connections at just the time when they would be used again.

The problem: a server may close an idle connection at any time (RFC 9112 section 9.5), also while a request is on its way,
and its client cannot know whether that was read. A GET is sent again and nobody notices; a POST must never be (RFC 9110
section 9.2.2), so it must not go where it could be lost.
"""

import collections
import concurrent.futures
import random
import time

import pytest
from asking import Ask, Asker
from gateway import Proxy
from scripted_upstream import ScriptedUpstream, close, head, honest_until_idle, response, send, whole_request

IDLE_SECONDS = 1.5


@pytest.fixture(params=("h1", "h2"))
def plain(request, all_versions):
    return all_versions[request.param]


def one_client(proxy, method, name, rounds) -> list:
    """The statuses of requests one after the other, each sent when the upstream is about to close what the last used."""
    statuses, content = [], b"content" if method == "POST" else b""
    with Asker(lambda: proxy.connect(seconds=600.0), proxy.upstream.client_saw) as client:
        for number in range(rounds):
            target = f"/{method}/{name}/{number}"
            outcome = client.ask(Ask(method, content=content), target)
            good = outcome.whole and outcome.content == f"honest {method} {target}".encode()
            statuses.append(outcome.status if good else f"{outcome}")
            time.sleep(IDLE_SECONDS + random.uniform(-0.004, 0.004))
    return statuses


def race(proxy, clients, rounds) -> dict:
    """So many clients of each method at once: how often each status came, by the method."""
    with concurrent.futures.ThreadPoolExecutor(2 * clients) as pool:
        jobs = {method: [pool.submit(one_client, proxy, method, name, rounds) for name in range(clients)]
                for method in ("GET", "POST")}
        return {method: collections.Counter(status for job in jobs[method] for status in job.result()) for method in jobs}


def assert_race(folder, version, workers, clients, rounds):
    with ScriptedUpstream(always=[honest_until_idle(IDLE_SECONDS)]) as upstream, \
            Proxy(folder, version, workers, upstream, limits={"upstream_fresh": "1s"}) as proxy:
        statuses = race(proxy, clients, rounds)
        assert statuses["GET"] == {200: clients * rounds}
        failed = clients * rounds - statuses["POST"][200]
        assert failed <= 2, statuses["POST"]
        assert {one for one, times in collections.Counter(upstream.seen()).items() if times > 1 and one[:4] == "POST"} == set()


def test_idle_race(plain, tmp_path, workers):
    assert_race(tmp_path, plain, workers, 40, 3)


def test_retries_have_a_budget(plain, tmp_path, workers):
    """Each connection dies with its second request: without a bound every request would be sent twice. 20 % may be, and a
    hundred at the beginning."""
    dying = [whole_request, send(response(b"once")), head, close]
    count = 400
    with ScriptedUpstream(always=dying) as upstream, Proxy(tmp_path, plain, workers, upstream) as proxy:
        with Asker(lambda: proxy.connect(seconds=120.0), upstream.client_saw) as client:
            statuses = collections.Counter(client.ask(Ask(), f"/{number}").status for number in range(count))
        assert statuses[200] + statuses[502] == count
        retried = len(upstream.seen()) - count
        assert 0 < retried <= 0.2 * count + 100, retried
