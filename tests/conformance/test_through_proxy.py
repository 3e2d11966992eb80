"""The catalogue sent through Sluice to four upstreams: no request that only one of them sees (RFC 9112 section 11.2).

The problem: a proxy and the server behind it may read the same octets differently, and what one takes for content is a
request to the other. So each case goes through Sluice to a recorder that forgives nothing, to nginx, to Node.js and to
Python's http.server, and two logs must agree: what Sluice says it had answered by the upstream, and what the upstream
says it was asked, by the id that Sluice gave each request. The upstreams must agree among themselves, too.

The upstreams keep their connections, so what were left of a request would be the beginning of the next one.
"""

import contextlib
import dataclasses
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from catalogue import CASES
from clients import open_folder, request
from h2_frames import FrameConnection
from raw_connection import RawConnection
from request_loggers import NginxLogger, NodeLogger, PythonLogger
from request_recorder import STATUS, RequestRecorder
from sluice_server import SluiceServer, wait_until
from test_h2 import AFTER_THE_END, BROKEN, CONTENT, HARMLESS, HEADS

CONFIGURATION = """
workers = 1
[log]
format = "json"
[limits]
head_timeout = "400ms"
drain_timeout = "400ms"
[[listener]]
address = "127.0.0.1:0"
[[site]]
proxy = {{ to = "http://127.0.0.1:{port}"{more} }}
"""
# http.server does not know Transfer-Encoding: it must be told a length.
MORE = {"python": ', buffer_request = "1 MiB"'}
UPSTREAMS = ("recorder", "nginx", "node", "python")


@dataclasses.dataclass
class Way:
    """Sluice with one upstream behind it."""

    server: SluiceServer
    upstream: object
    parts: int = 0
    lines_taken: int = 0
    requests_taken: int = 0

    def ask(self, mark):
        with RawConnection(self.server.address, 20) as connection:
            connection.send(request(mark))
            assert connection.response().status == STATUS

    def exchange(self, octets, pieces=1):
        """Sends them, with FIN, and reads until the end."""
        with RawConnection(self.server.address, 20) as connection:
            size = max(1, -(-len(octets) // pieces))
            for at in range(0, len(octets), size):
                if not connection.send(octets[at:at + size]):
                    break
            connection.send_fin()
            while not connection.ended:
                connection._wait()

    def take(self):
        """What the log and the upstream say of the part that ends here: (lines, requests)."""
        self.parts += 1
        mark = f"/end-of-part-{self.parts}"
        self.ask(mark)
        wait_until(lambda: f'"target":"{mark}"' in self.server.stdout(), 20, f"the line of {mark}")
        wait_until(lambda: mark in [one.target for one in self.upstream.requests()], 20, f"{mark} at the upstream")
        lines = [json.loads(line) for line in self.server.stdout().splitlines()]
        lines = [line for line in lines if "target" in line]
        requests = self.upstream.requests()
        fresh = lines[self.lines_taken:], requests[self.requests_taken:]
        self.lines_taken, self.requests_taken = len(lines), len(requests)
        assert [one.target for one in fresh[1]][-1] == mark, "a request came after it"
        return fresh[0][:-1], fresh[1][:-1]


def start(stack, name, folder) -> Way:
    if name == "recorder":
        upstream = RequestRecorder()
    else:
        upstream = {"nginx": NginxLogger, "node": NodeLogger, "python": PythonLogger}[name](folder)
    stack.enter_context(upstream)
    path = folder / "sluice.toml"
    path.write_text(CONFIGURATION.format(port=upstream.address[1], more=MORE.get(name, "")))
    return Way(stack.enter_context(SluiceServer(config=path)), upstream)


@pytest.fixture(scope="module")
def ways():
    with contextlib.ExitStack() as stack:  # nginx's worker is another user, to whom pytest's folders are closed
        yield {name: start(stack, name, stack.enter_context(open_folder())) for name in UPSTREAMS}


def origin_form(target):
    """As it goes to an origin server (RFC 9112 section 3.2.1), whatever the client said."""
    absolute = re.fullmatch(r"(?i)https?://[^/?]*(/[^?]*)?(\?.*)?", target)
    return (absolute[1] or "/") + (absolute[2] or "") if absolute else target


def check_agreement(name, lines, requests):
    """Every request that the upstream saw is one that the log has, and the log's answered ones were all seen, once."""
    logged = {line["id"]: line for line in lines if "id" in line}  # without one there was no request
    for one in requests:
        line = logged.get(one.id)
        assert line, f"{name} saw a request that is not in the log: {one}"
        assert (one.method, one.target) == (line["method"], origin_form(line["target"])), f"{name}: {line}"
    seen = [one.id for one in requests]
    assert len(set(seen)) == len(seen), f"{name} saw a request twice: {requests}"
    answered = [line["id"] for line in logged.values() if line["status"] == STATUS]
    assert set(answered) <= set(seen), f"{name} never saw what it is said to have answered: {lines} {requests}"


def through(ways, send):
    """Sends by every way at once; returns what each upstream saw, and checks it against the logs."""
    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(send, ways.values()))
        parts = dict(zip(ways, pool.map(Way.take, ways.values())))
    for name, (lines, requests) in parts.items():
        check_agreement(name, lines, requests)
        assert ways[name].upstream.faults() == [], name
    return parts


def seen(part):
    return [(one.method, one.target, one.length) for one in part[1]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_upstreams_see_what_the_log_says(case, ways):
    parts = through(ways, lambda way: way.exchange(case.data))
    assert len({tuple(sorted(seen(part))) for part in parts.values()}) == 1, {name: seen(part) for name, part in parts.items()}
