"""The limits of the proxy (upstream_*, resolve_*): each with a small value, met by an upstream of a few lines.

What is asked: the status and Proxy-Status that the client gets, the limit that the log names, and what the upstream saw.
Where a limit decides what is done rather than what is refused (which connection, how often, how far ahead), the same is
done with another value and must come out otherwise.
"""

import contextlib
import socket
import threading
import time

import pytest
from clients import get, read_to_end, request, reset, slow_socket
from dns_server import DnsServer
from limited_server import logged, takes_about
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until
from small_upstream import OK, Upstream, answering, deaf_address, proxying, proxying_http2, refusing_streams, silent


def refused_by(server, name, status, error):
    """What a GET meets: the response in place of the upstream's, and the line of the log."""
    response = get(server.address)
    assert (response.status, response.get("proxy-status")) == (status, f"sluice; error={error}")
    wait_until(lambda: logged(server), 20, "a line in the log")
    line = logged(server)[-1]
    assert (line["status"], line.get("limit"), line["phase"]) == (status, name, "upstream") and line["cause"]


def cut_by(server, name):
    """What a GET meets whose head is out already: a response that is visibly not whole."""
    with socket.create_connection(server.address, 30) as connection:
        connection.sendall(request())
        octets, _ = read_to_end(connection)
    assert octets.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-Length: 1000\r\n" in octets
    assert len(octets.partition(b"\r\n\r\n")[2]) < 1000
    wait_until(lambda: logged(server), 20, "a line in the log")
    line = logged(server)[-1]
    assert (line["complete"], line["limit"], line["phase"]) == (False, name, "upstream")
    return octets


# --- Time ---


def test_connect_timeout():
    with deaf_address() as url, proxying(url, "upstream_connect_timeout=300ms") as server, takes_about(0.3):
        refused_by(server, "upstream_connect_timeout", 504, "connection_timeout")


def test_connect_timeout_holds_for_the_handshake_too():
    def takes_no_notice(_, connection, __):
        while connection.recv(4096):
            pass

    with Upstream(takes_no_notice) as upstream:
        url = upstream.url.replace("http:", "https:")
        with proxying(url, "upstream_connect_timeout=300ms", more=["--insecure"]) as server, takes_about(0.3):
            refused_by(server, "upstream_connect_timeout", 504, "connection_timeout")


def test_response_timeout():
    with Upstream(silent) as upstream, proxying(upstream, "upstream_response_timeout=300ms") as server:
        with takes_about(0.3):
            refused_by(server, "upstream_response_timeout", 504, "http_response_timeout")
        assert upstream.requests == ["GET / HTTP/1.1"], "who may have begun to work is not asked again"


def test_response_timeout_begins_anew_with_each_interim_response():
    """An application that works for long says so with 102 (RFC 2518 section 10.1)."""
    with Upstream(answering(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 4, OK, pause=0.3)) as upstream, \
            proxying(upstream, "upstream_response_timeout=900ms") as server, RawConnection(server.address, 30) as connection:
        connection.send(request())
        assert [connection.response().status for _ in range(5)] == [102] * 4 + [200]


PART = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"


def test_read_timeout():
    def falls_silent(upstream, connection, number):
        upstream.read_head(connection)
        connection.sendall(PART)
        silent(upstream, connection, number)

    with Upstream(falls_silent) as upstream, proxying(upstream, "upstream_read_timeout=300ms") as server, takes_about(0.3):
        assert cut_by(server, "upstream_read_timeout").endswith(b"begin")


def test_read_timeout_is_for_silence_only():
    with Upstream(answering(PART[:-5], *[b"x" * 200] * 5, pause=0.3)) as upstream, \
            proxying(upstream, "upstream_read_timeout=900ms") as server, takes_about(1.2):
        assert get(server.address).body == b"x" * 1000


def test_read_timeout_is_not_for_events():
    def sends_events_now_and_then(upstream, connection, _):
        upstream.read_head(connection)
        for part in (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b"data: 1\n\n", b"data: 2\n\n"):
            connection.sendall(part)
            time.sleep(0.8)

    with Upstream(sends_events_now_and_then) as upstream, proxying(upstream, "upstream_read_timeout=200ms") as server:
        assert get(server.address).body == b"data: 1\n\ndata: 2\n\n"


def test_send_timeout():
    def reads_no_content(upstream, connection, _):
        upstream.read_head(connection)
        upstream.over.wait(30)

    with Upstream(reads_no_content) as upstream, proxying(upstream, "upstream_send_timeout=300ms") as server, \
            RawConnection(server.address, 30) as connection, takes_about(0.3):
        size = 64 << 20  # more than the buffers of two connections hold
        connection.send(request("/", f"Content-Length: {size}", method="POST"))
        while not connection.buffer and connection.send(bytes(1 << 20)):
            pass
        response = connection.response()
        assert (response.status, response.get("proxy-status")) == (504, "sluice; error=connection_write_timeout")
        wait_until(lambda: logged(server), 20, "a line in the log")
        assert (logged(server)[0]["status"], logged(server)[0]["limit"]) == (504, "upstream_send_timeout")


def test_total_timeout_before_the_response():
    with Upstream(silent) as upstream, proxying(upstream, "upstream_total_timeout=300ms") as server, takes_about(0.3):
        refused_by(server, "upstream_total_timeout", 504, "http_response_timeout")


def test_total_timeout_within_the_response():
    """However well it goes on: this one is not about silence."""
    with Upstream(answering(PART, *[b"x"] * 50, pause=0.05)) as upstream, \
            proxying(upstream, "upstream_total_timeout=600ms") as server, takes_about(0.6):
        cut_by(server, "upstream_total_timeout")


def test_continue_timeout():
    """The client is told to go on, by us; and the upstream gets the content that it did not ask for."""
    def answers_the_content(upstream, connection, _):
        upstream.read_head(connection)
        if connection.recv(100) == b"content":
            connection.sendall(OK)

    with Upstream(answers_the_content) as upstream, proxying(upstream, "upstream_continue_timeout=300ms") as server, \
            RawConnection(server.address, 30) as connection:
        with takes_about(0.3):
            connection.send(request("/", "Content-Length: 7", "Expect: 100-continue", method="POST"))
            assert connection.response().status == 100
        connection.send(b"content")
        assert connection.response().status == 200


# --- Kept connections ---


def used_again(server, upstream, pause, method="GET") -> bool:
    """Whether a request so many seconds after one goes over its connection."""
    assert get(server.address).status == 200
    before = upstream.connections
    time.sleep(pause)
    assert get(server.address, method=method).status == 200
    return upstream.connections == before


@pytest.mark.parametrize("most, expected", [("300ms", False), ("10s", True)])
def test_idle_timeout(most, expected):
    with Upstream(answering(OK)) as upstream, \
            proxying(upstream, f"upstream_idle_timeout={most}", more=["--workers", "1"]) as server:
        assert used_again(server, upstream, 0.45) == expected


@pytest.mark.parametrize("most, expected", [("100ms", False), ("10s", True)])
def test_fresh(most, expected):
    """For what cannot be sent twice; the first pause shows that the upstream bears the second one."""
    with Upstream(answering(OK)) as upstream, \
            proxying(upstream, f"upstream_fresh={most}", more=["--workers", "1"]) as server:
        assert used_again(server, upstream, 1.5)
        assert used_again(server, upstream, 0.3, "POST") == expected
        assert used_again(server, upstream, 0.3), "a GET can be sent twice"


@pytest.mark.parametrize("most", [0, 1, 3])
def test_so_many_idle_connections(most):
    together = threading.Barrier(3, timeout=30)

    def answers_three_at_once(upstream, connection, _):
        while True:
            upstream.read_head(connection)
            together.wait()
            connection.sendall(OK)

    with Upstream(answers_three_at_once) as upstream, \
            proxying(upstream, f"upstream_idle={most}", more=["--workers", "1"]) as server, \
            contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawConnection(server.address, 30)) for _ in range(3)]
        for one in clients:
            one.send(request())
        assert [one.response().status for one in clients] == [200] * 3
        wait_until(lambda: upstream.ended == 3 - most, 20, "closing those beyond")
        time.sleep(0.2)
        assert (upstream.connections, upstream.ended) == (3, 3 - most)


# --- Responses ---


def response_with(*fields, body=b"ok"):
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields, b"", body])


@pytest.mark.parametrize("limit, below, above", [
    ("upstream_head=300", [b"X: " + b"y" * 200], [b"X: " + b"y" * 300]),
    ("upstream_head=300", [b"X: " + b"y" * 60] * 3, [b"X: " + b"y" * 60] * 5),
    ("upstream_fields=5", [b"X: y"] * 4, [b"X: y"] * 5),
])
def test_heads(limit, below, above):
    name = limit.partition("=")[0]
    with Upstream(answering(response_with(*below))) as upstream, proxying(upstream, limit) as server:
        assert get(server.address).status == 200
    with Upstream(answering(response_with(*above))) as upstream, proxying(upstream, limit) as server:
        refused_by(server, name, 502, "http_response_header_section_size")
        wait_until(lambda: upstream.ended == 1, 20, "the end of a connection that cannot be read on")


@pytest.mark.parametrize("limit, trailers", [("upstream_head=300", [b"X: " + b"y" * 60] * 5), ("upstream_fields=5", [b"X: y"] * 6)])
def test_trailers(limit, trailers):
    octets = [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"", b"2", b"ok", b"0", *trailers, b"", b""]
    with Upstream(answering(b"\r\n".join(octets))) as upstream, proxying(upstream, limit) as server:
        with socket.create_connection(server.address, 30) as connection:
            connection.sendall(request())
            response, _ = read_to_end(connection)
        assert response.startswith(b"HTTP/1.1 ") and not response.endswith(b"0\r\n\r\n"), "it must look cut"
        wait_until(lambda: logged(server), 20, "a line in the log")
        assert logged(server)[0]["limit"] == limit.partition("=")[0]


@pytest.mark.parametrize("interims, status", [(2, 200), (3, 502)])
def test_interim_responses(interims, status):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    with Upstream(answering(hints * interims + OK)) as upstream, proxying(upstream, "upstream_interims=2") as server, \
            RawConnection(server.address, 30) as connection:
        connection.send(request())
        responses = [connection.response() for _ in range(3)]
        assert [one.status for one in responses] == [103, 103, status]
        wait_until(lambda: logged(server), 20, "a line in the log")
        assert logged(server)[0].get("limit") == (None if status == 200 else "upstream_interims")


def sent_without_a_reader(limit) -> int:
    """How much of a response an upstream can send while the client reads nothing."""
    sent = [0]

    def sends_without_end(upstream, connection, _):
        upstream.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n")
        while True:
            sent[0] += connection.send(bytes(65536))

    with Upstream(sends_without_end) as upstream, proxying(upstream, limit) as server, \
            contextlib.closing(slow_socket(server.address)) as client:
        client.sendall(request())
        before = -1
        while sent[0] != before:  # until nothing moves any more
            before = sent[0]
            time.sleep(0.5)
        reset(client)
    return before


def test_read_ahead():
    """Beside it the kernel's buffers hold some megabytes, which is why the values lie so far apart."""
    little, much = sent_without_a_reader("upstream_read_ahead=64KiB"), sent_without_a_reader("upstream_read_ahead=64MiB")
    assert little < 32 << 20
    assert little + (48 << 20) < much < little + (80 << 20)


# --- Second tries ---


def closing_at(method):
    """Whichever connection the first request with that method comes by is closed instead of answered."""
    def script(upstream, connection, _):
        while True:
            method_now = upstream.read_head(connection).partition(b" ")[0].decode()
            if method_now == method and sum(one.startswith(method) for one in upstream.requests) == 1:
                return
            connection.sendall(OK)
    return script


def put(server, octets):
    with RawConnection(server.address, 30) as connection:
        connection.send(request("/", f"Content-Length: {octets}", method="PUT", body=b"x" * octets))
        return connection.response().status


@pytest.mark.parametrize("limit, status", [("upstream_kept_body=1000", 200), ("upstream_kept_body=999", 502)])
def test_kept_content(limit, status):
    """A PUT of 1,000 octets meets the end of a kept connection."""
    with Upstream(closing_at("PUT")) as upstream, proxying(upstream, limit, more=["--workers", "1"]) as server:
        assert used_again(server, upstream, 1.5), "an age that the upstream bears: else no large PUT takes such a connection"
        assert put(server, 1000) == status
        assert upstream.requests.count("PUT / HTTP/1.1") == (2 if status == 200 else 1)
        assert upstream.connections == (2 if status == 200 else 1)


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_retries(tmp_path, retries):
    with Upstream(refusing_streams) as upstream, \
            proxying_http2(upstream, tmp_path, upstream_retries=retries) as server:
        response = get(server.address)
        assert (response.status, response.get("proxy-status")) == (502, "sluice; error=connection_terminated")
        assert len(upstream.requests) == 1 + retries


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("share, tries", [(0, 0), (20, 20 + 40), (100, 20 + 200)])
def test_retry_share(tmp_path, workers, share, tries):
    """200 requests; beside their share there are 20 tries that every upstream has at first. All workers share them."""
    with Upstream(refusing_streams) as upstream, \
            proxying_http2(upstream, tmp_path, workers, upstream_retries=2, upstream_retry_share=share) as server:
        assert {get(server.address).status for _ in range(200)} == {502}
        assert len(upstream.requests) == 200 + tries


# --- Names ---


@contextlib.contextmanager
def proxying_to_a_name(dns, folder, port, *limits):
    with SluiceServer(None, *(part for limit in limits for part in ("--limit", limit)), to=f"http://app.test:{port}",
                      prefix=dns.prefix(folder)) as server:
        yield server


@pytest.mark.parametrize("least, asked", [("100ms", range(5, 30)), ("1h", range(1, 2))])
def test_a_name_is_looked_up_so_often_at_most(tmp_path, least, asked):
    """Its TTL is 0, which would be for each request."""
    with Upstream(answering(OK)) as upstream, DnsServer() as dns:
        dns.set("app.test", "127.0.0.1", ttl=0)
        with proxying_to_a_name(dns, tmp_path, upstream.port, f"resolve_least={least}", "resolve_most=1h") as server:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                assert get(server.address).status == 200
        assert dns.asked("app.test") in asked


@pytest.mark.parametrize("most, moves", [("200ms", True), ("1h", False)])
def test_a_name_is_looked_up_again_by_then(tmp_path, most, moves):
    """Its TTL is 600 s, as Docker has it."""
    with Upstream(answering(response_with(body=b"first"))) as first, \
            Upstream(answering(response_with(body=b"second")), ("127.0.0.2", first.port)), DnsServer() as dns:
        dns.set("app.test", "127.0.0.1", ttl=600)
        with proxying_to_a_name(dns, tmp_path, first.port, "resolve_least=100ms", f"resolve_most={most}") as server:
            assert get(server.address).body == b"first"
            dns.set("app.test", "127.0.0.2", ttl=600)
            time.sleep(1)
            assert get(server.address).body == (b"second" if moves else b"first")
