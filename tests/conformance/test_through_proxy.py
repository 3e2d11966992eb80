"""The catalogue sent through Sluice to four upstreams: no request that only one of them sees (RFC 9112 section 11.2).

The problem: a proxy and the server behind it may read the same octets differently, and what one takes for content is a
request to the other. So each case goes through Sluice to a recorder that forgives nothing, to nginx, to Node.js and to
Python's http.server, and two logs must agree: what Sluice says it had answered by the upstream, and what the upstream
says it was asked, by the id that Sluice gave each request. The upstreams must agree among themselves, too.

The upstreams keep their connections, so what were left of a request would be the beginning of the next one.
"""

import contextlib
import dataclasses
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from catalogue import CASES
from clients import open_folder, request
from h2_frames import DATA, END_STREAM, HEADERS, RST_STREAM, ClearConnection, FrameConnection, data
from json_lines import JsonLines, of_file
from raw_connection import RawConnection
from request_loggers import NginxLogger, NodeLogger, PythonLogger
from request_recorder import STATUS, RequestRecorder
from sluice_server import SluiceServer
from test_h2 import AFTER_THE_END, BROKEN, CONTENT, HARMLESS, HEADS

CONFIGURATION = """
workers = 1
[log]
format = "json"
access = "{log}"
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
    log: JsonLines
    parts: int = 0
    taken: tuple = (0, 0, 0)

    def ask(self, mark):
        with RawConnection(self.server.address, 20) as connection:
            connection.send(request(mark))
            assert connection.response().status == STATUS

    def exchange(self, octets, pieces=1):
        """Sends them, with FIN, and reads until the end."""
        with ClearConnection(self.server.address, 20) as connection:
            size = max(1, -(-len(octets) // pieces))
            for at in range(0, len(octets), size):
                if not connection.send(octets[at:at + size]):
                    break
            connection.send_fin()
            while connection.read():
                continue

    def take(self):
        """What the log and the upstream say of what was since the last time."""
        self.parts += 1
        mark = f"/end-of-part-{self.parts}"
        self.ask(mark)
        await_target(mark, lambda: [line.get("target") for line in self.log.look()[self.taken[0]:]])
        await_target(mark, lambda: [one.target for one in self.upstream.requests()[self.taken[1]:]])
        everything = self.log.look(), self.upstream.requests(), self.upstream.faults()
        lines, requests, faults = (one[taken:] for one, taken in zip(everything, self.taken))
        self.taken = tuple(len(one) for one in everything)
        assert requests[-1].target == mark, f"a request came after {mark}: {requests}"
        return Part([line for line in lines[:-1] if "id" in line], requests[:-1], faults)


@dataclasses.dataclass
class Part:
    lines: list  # of the log, about requests
    requests: list  # at the upstream
    faults: list

    @property
    def statuses(self):
        return sorted(line["status"] for line in self.lines)

    @property
    def seen(self):
        return sorted((one.method, one.target, one.length) for one in self.requests)


def await_target(target, targets):
    end = time.monotonic() + 20
    while target not in targets():
        assert time.monotonic() < end, f"no word of {target}"
        time.sleep(0.001)


def start(stack, name, folder) -> Way:
    if name == "recorder":
        upstream = RequestRecorder()
    else:
        upstream = {"nginx": NginxLogger, "node": NodeLogger, "python": PythonLogger}[name](folder)
    stack.enter_context(upstream)
    path, log = folder / "sluice.toml", folder / "access.log"
    path.write_text(CONFIGURATION.format(port=upstream.address[1], log=log, more=MORE.get(name, "")))
    return Way(stack.enter_context(SluiceServer(config=path)), upstream, JsonLines(of_file(log)))


@pytest.fixture(scope="module")
def ways():
    with contextlib.ExitStack() as stack:  # nginx's worker is another user, to whom pytest's folders are closed
        yield {name: start(stack, name, stack.enter_context(open_folder())) for name in UPSTREAMS}


def origin_form(target):
    """As it goes to an origin server (RFC 9112 section 3.2.1), without dot segments (RFC 3986 section 5.2.4)."""
    absolute = re.fullmatch(r"(?i)https?://[^/?]*(/[^?]*)?(\?.*)?", target)
    target = (absolute[1] or "/") + (absolute[2] or "") if absolute else target
    if not target.startswith("/"):
        return target
    path, mark, query = target.partition("?")
    kept, last = [], ""
    for segment in path.split("/")[1:]:
        last = re.sub("(?i)%2e", ".", segment)
        if last == "..":
            del kept[-1:]
        elif last != ".":
            kept.append(segment)
    return "/" + "/".join(kept + ([""] if last in (".", "..") else [])) + mark + query


def check_agreement(name, part):
    """Every request that the upstream saw is one that the log has, and the log's answered ones were all seen, once."""
    logged = {line["id"]: line for line in part.lines}
    assert len(logged) == len(part.lines)
    for one in part.requests:
        line = logged.get(one.id)
        assert line, f"{name} saw a request that is not in the log: {one}"
        assert (one.method, one.target) == (line["method"], origin_form(line["target"])), f"{name}: {line}"
    seen = [one.id for one in part.requests]
    assert len(set(seen)) == len(seen), f"{name} saw a request twice: {part.requests}"
    answered = [line["id"] for line in part.lines if line["status"] == STATUS]
    assert set(answered) <= set(seen), f"{name} never saw what it is said to have answered: {part}"
    # What an upstream refused as a whole is what its client was told.
    for fault in part.faults:
        assert int(fault.split()[0]) in part.statuses, f"{name} could not read what it got: {part}"
    assert len(part.faults) <= len(part.lines)


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(len(UPSTREAMS)) as threads:
        yield threads


@pytest.fixture
def through(ways, pool):
    """Sends by every way at once; returns what each log and upstream says, having compared them."""
    def one(send, way):
        send(way)
        return way.take()

    def all_ways(send):
        parts = dict(zip(ways, pool.map(lambda way: one(send, way), ways.values())))
        for name, part in parts.items():
            check_agreement(name, part)
        return parts
    return all_ways


def check_alike(parts):
    """Who was given the same requests read them alike; one that refuses some (nginx TRACE) cannot be compared."""
    strict = parts["recorder"]
    for name, part in parts.items():
        assert part.statuses != strict.statuses or part.seen == strict.seen, f"{name} read it another way: {parts}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_upstreams_see_what_the_log_says(case, through):
    check_alike(through(lambda way: way.exchange(case.data)))


@pytest.mark.long
@pytest.mark.parametrize("pieces", [2, 7])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_upstreams_see_the_same_however_it_comes(case, pieces, through):
    check_alike(through(lambda way: way.exchange(case.data, pieces)))


# --- The same over HTTP/2 ---------------------------------------------------------------------------------------------


def over_h2(frames):
    """Sends what `frames` makes of a client, and a request after it where the connection lives."""
    def send(way):
        with FrameConnection(way.server.address) as client:
            client.round_trip()
            client.send(frames(client), client.request(99, "/last"))
            left = {1, 99}
            while left and (one := client.frame()):
                if one.type == RST_STREAM or (one.type in (DATA, HEADERS) and one.flags & END_STREAM):
                    left.discard(one.stream)
    return send


def but_last(part):
    """What was asked besides the request after it."""
    return [one for one in part.seen if one[1] != "/last"]


@pytest.mark.parametrize("name", HEADS)
def test_malformed_heads_reach_no_upstream(name, through):
    parts = through(over_h2(lambda client: client.head(1, HEADS[name])))
    assert {upstream: part.seen for upstream, part in parts.items()} == {
        upstream: [("GET", "/last", 0)] for upstream in UPSTREAMS}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_wrong_reaches_them_once(name, through):
    parts = through(over_h2(lambda client: client.head(1, HARMLESS[name])))
    check_alike(parts)
    assert all(part.statuses == [STATUS, STATUS] and len(but_last(part)) == 1 for part in parts.values())


@pytest.mark.parametrize("name", CONTENT)
def test_malformed_content_is_no_request(name, through):
    """An upstream may have read the beginning; nobody takes it for the whole."""
    parts = through(over_h2(lambda client: CONTENT[name](client)))
    assert all(but_last(part) == [] for part in parts.values()), parts


@pytest.mark.parametrize("name", [*BROKEN, *AFTER_THE_END])
def test_broken_frames_bring_no_request_of_their_own(name, through):
    """At most the one whose frames were good."""
    frames = AFTER_THE_END[name] if name in AFTER_THE_END else BROKEN[name][0]
    parts = through(over_h2(frames))
    for upstream, part in parts.items():
        assert set(but_last(part)) <= {("GET", "/", 0)} and len(but_last(part)) <= 1, (upstream, part)


def smuggled(*fields, body=b""):
    """A POST with these fields, and content that is a request where its length is misread."""
    def frames(client):
        head = client.request(1, "/outer", *fields, method="POST", end=not body)
        return head + (data(1, body, True) if body else b"")
    return frames


INNER = request("/canary")
# What HTTP/2 lets through and HTTP/1.1 would cut elsewhere ("HTTP/2: The Sequel is Always Worse", James Kettle).
DOWNGRADES = {
    "content without a length": smuggled(body=INNER),
    "the length that it has": smuggled(("content-length", str(len(INNER))), body=INNER),
    "chunks in the content": smuggled(body=b"0\r\n\r\n" + INNER),
    "a length of nothing": smuggled(("content-length", "0"), body=INNER),
    "a length too short": smuggled(("content-length", "4"), body=INNER),
    "chunked": smuggled(("transfer-encoding", "chunked"), body=b"0\r\n\r\n" + INNER),
    "a field in a value": smuggled(("x", "y\r\ntransfer-encoding: chunked"), body=b"0\r\n\r\n" + INNER),
    "a head's end in a value": smuggled(("x", "y\r\n\r\n" + INNER.decode())),
    "a field in a name": smuggled(("x: y\r\ncontent-length: 0\r\nz", "a"), body=INNER),
    "a line feed in a name": smuggled(("x\ny", "a"), body=INNER),
    "a request line in the path": lambda client: client.request(1, "/outer HTTP/1.1\r\nHost: a\r\n\r\nGET /canary"),
    "a request line in the method": lambda client: client.request(1, "/outer", method="GET /canary HTTP/1.1\r\nX:"),
    "a field in the authority": lambda client: client.request(1, "/outer", host="localhost\r\ncontent-length: 50"),
    "a length in trailers": lambda client: client.request(1, "/outer", method="POST", end=False)
                            + data(1, b"a") + client.head(1, [("content-length", "1"), ("transfer-encoding", "chunked")]),
}
WHOLE = {"content without a length": len(INNER), "the length that it has": len(INNER),
         "chunks in the content": len(INNER) + 5}


@pytest.mark.parametrize("name", DOWNGRADES)
def test_nothing_hides_in_what_becomes_http_1(name, through):
    parts = through(over_h2(DOWNGRADES[name]))
    check_alike(parts)
    for upstream, part in parts.items():
        outer = [("POST", "/outer", WHOLE[name])] if name in WHOLE else []
        allowed = [outer, [("POST", "/outer", 1)]] if name == "a length in trailers" else [outer]
        assert but_last(part) in allowed, (upstream, part)


def test_servers_end_well(ways):
    """Runs last: each still answers, and exits with 0."""
    for way in ways.values():
        way.ask("/the-end")
        way.server.stop()
