"""Exchanges that share a connection to an upstream, or a proxy with others: one's misfortune is not another's.

The problem: the catalogue tries one request after the other. Over one HTTP/2 connection go many exchanges, and an error of
one stream, a GOAWAY in their middle or a limit of one stream at a time must cost none of the others anything (RFC 9113
sections 5.1.2, 5.4.2, 6.8). And a client that leaves takes its own exchange along, soon, and no more.
"""

import concurrent.futures
import time

import pytest
import scripted_upstream_h2 as h2
from asking import Ask
from clients import SANITIZED
from gateway import Proxy
from h2_frames import CANCEL, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, RST_STREAM, reset_stream
from scripted_upstream import ScriptedUpstream, body_part, drain, head, response, send, until_client_saw, whole_request

pytestmark = pytest.mark.threads

VERSIONS = ("h1", "h2")
LEAVING_SECONDS = 5.0 if SANITIZED else 1.0


@pytest.fixture(params=VERSIONS)
def plain(request, all_versions):
    """A version in clear text."""
    return all_versions[request.param]


def ask_all(proxy, targets, ask=Ask()) -> dict:
    """All at the same time, each on a connection of its own: the Outcomes by target."""
    with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
        return dict(zip(targets, pool.map(lambda one: proxy.ask(ask, one), targets)))


def assert_honest(outcomes, method="GET"):
    for target, outcome in outcomes.items():
        assert (outcome.status, outcome.content) == (200, f"honest {method} {target}".encode()), str(outcome)


def answer_all(but=(), order=1):
    """Answers all requests so far but those whose target is in `but`, the last first if `order` is -1."""
    return h2.frames(lambda one: b"".join(h2.honest_response(one, request) for request in one.connection.requests[::order]
                                          if request.target not in but))


TARGETS = tuple(f"/{number}" for number in range(8))


def test_http2_carries_many_exchanges(plain, tmp_path):
    with ScriptedUpstream([h2.preface(), h2.requests(8), answer_all(order=-1)], h2=True) as upstream, \
            Proxy(tmp_path, plain, 1, upstream) as proxy:
        assert_honest(ask_all(proxy, TARGETS))
        assert len(upstream.connections) == 1 and sorted(upstream.seen()) == [f"GET {one}" for one in TARGETS]


def test_http2_error_of_one_stream(plain, tmp_path):
    fail = h2.frames(lambda one: b"".join(reset_stream(request.stream, INTERNAL_ERROR) for request in one.connection.requests
                                          if request.target == "/3"))
    with ScriptedUpstream([h2.preface(), h2.requests(8), fail, answer_all(but=("/3",))], h2=True) as upstream, \
            Proxy(tmp_path, plain, 1, upstream) as proxy:
        outcomes = ask_all(proxy, TARGETS)
        failed = outcomes.pop("/3")
        assert failed.status == 502 and failed.error
        assert_honest(outcomes)
        assert len(upstream.connections) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http2_go_away_in_the_middle(plain, tmp_path, method):
    """Of eight requests the last four are said to be unread: they are sent again, on another connection."""
    fifth = h2.frames(lambda one: h2.go_away_octets(sorted(one.by_stream)[3]))
    answer = h2.frames(lambda one: b"".join(h2.honest_response(one, one.by_stream[stream])
                                            for stream in sorted(one.by_stream)[:4]))
    content = b"posted" if method == "POST" else b""
    with ScriptedUpstream([h2.preface(), h2.requests(8), fifth, answer, drain], h2=True) as upstream, \
            Proxy(tmp_path, plain, 1, upstream) as proxy:
        assert_honest(ask_all(proxy, TARGETS, Ask(method, content=content)), method)
        again = [one for one in upstream.requests if one.connection == 1]
        unread = sorted(upstream.connections[0].requests, key=lambda one: one.stream)[4:]
        assert sorted(map(str, again)) == sorted(map(str, unread)) and len(upstream.requests) == 12


def test_http2_one_stream_at_a_time(plain, tmp_path, workers):
    """What the upstream does not take yet waits, or goes another way, but nothing fails."""
    with ScriptedUpstream(h2=True, always=[h2.preface({MAX_CONCURRENT_STREAMS: 1})]) as upstream, \
            Proxy(tmp_path, plain, workers, upstream) as proxy:
        assert_honest(ask_all(proxy, TARGETS))
        assert len(upstream.requests) == 8


# --- A client that leaves ---


def leave_when(proxy, upstream, ask, condition):
    """Asks, with half of the content, and leaves when the condition holds; returns when that was."""
    with proxy.connect() as client:
        client.begin(ask, "/")
        upstream.wait(condition, "the exchange's middle")
        client.reset()
    return time.monotonic()


@pytest.mark.parametrize("script, ask", [
    ([head, drain], Ask()),
    ([head, send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun"), drain], Ask()),
    ([head, body_part(1000), drain], Ask("POST", content=bytes(4000))),
], ids=["before-the-response", "in-the-response", "in-the-upload"])
def test_a_client_that_leaves_ends_the_connection(plain, tmp_path, workers, script, ask):
    with ScriptedUpstream(script) as upstream, Proxy(tmp_path, plain, workers, upstream) as proxy:
        left = leave_when(proxy, upstream, ask, lambda: upstream.requests and (
            not ask.content or len(upstream.requests[0].body) >= 1000))
        upstream.wait(lambda: upstream.connections[0].ended, "the end of the connection", 10)
        assert time.monotonic() - left < LEAVING_SECONDS
        assert_honest({"/next": proxy.ask(Ask(), "/next")})


def test_a_client_that_leaves_ends_its_stream_alone(plain, tmp_path):
    with ScriptedUpstream([h2.preface(), h2.request, h2.until_reset], h2=True) as upstream, \
            Proxy(tmp_path, plain, 1, upstream) as proxy:
        left = leave_when(proxy, upstream, Ask(), lambda: upstream.requests)
        frames = upstream.connections[0].frames
        upstream.wait(lambda: any(one.type == RST_STREAM for one in frames.seen), "the reset of the stream", 10)
        assert time.monotonic() - left < LEAVING_SECONDS
        assert [one.error() for one in frames.seen if one.type == RST_STREAM] == [CANCEL]
        assert_honest({"/next": proxy.ask(Ask(), "/next")})
        assert len(upstream.connections) == 1


# --- A slow client does not hold the application ---


def test_a_slow_client_frees_the_application(plain, tmp_path):
    """48 KiB are within the read-ahead: the upstream has done its part while the client has read nothing, and serves the
    next on the same connection."""
    content = bytes(48 * 1024)
    with ScriptedUpstream([whole_request, send(response(content)), whole_request, send(response(b"other"))]) as upstream, \
            Proxy(tmp_path, plain, 1, upstream) as proxy, proxy.connect(4096) as slow:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            reading = pool.submit(slow.ask, Ask(), "/slow", upstream.client_saw, 1.0)
            upstream.wait(lambda: upstream.requests, "the request")
            time.sleep(0.3)
            assert proxy.ask(Ask(), "/other").content == b"other"
            assert not reading.done()
            assert reading.result().content == content
        assert len(upstream.connections) == 1


def test_the_beginning_of_content_is_not_held_back(plain, tmp_path, workers):
    """The upstream sends the rest when the client has the beginning: it would wait for ever."""
    script = [head, send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na"), until_client_saw, send(b"tick!")]
    with ScriptedUpstream(script) as upstream, Proxy(tmp_path, plain, workers, upstream) as proxy:
        assert proxy.ask(Ask()).content == b"atick!"
