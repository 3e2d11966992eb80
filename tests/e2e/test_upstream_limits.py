"""The limits of the proxy (upstream_*, resolve_*): each with a small value, met by an upstream of a few lines.

What is asked: the status and Proxy-Status that the client gets, the limit that the log names, and what the upstream saw.
Where a limit decides what is done rather than what is refused (which connection, how often, how far ahead), the same is
done with another value and must come out otherwise.
"""

import contextlib
import select
import socket
import threading
import time

import pytest
from clients import get, read_to_end, request, slow_socket
from dns_server import DnsServer
from h2_frames import HEADERS, PREFACE, REFUSED_STREAM, RST_STREAM, SETTINGS, frame
from limited_server import LOG, logged, takes_about
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """A listening socket; each connection is one call of `script(upstream, connection, number)` on a thread of its own,
    and is closed after it. `connections` counts them, `requests` has the lines of all requests that scripts read."""

    def __init__(self, script, address=("127.0.0.1", 0)):
        self._script = script
        self._listening = socket.create_server(address)
        self._accepted = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.requests = []
        self.ended = 0  # connections whose script is over
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def connections(self):
        return len(self._accepted)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._accepted.append(connection)
                self._threads.append(threading.Thread(target=self._run, args=(connection, self.connections), daemon=True))
                self._threads[-1].start()

    def _run(self, connection, number):
        connection.settimeout(30)
        with connection, contextlib.suppress(OSError):
            self._script(self, connection, number)
        self.ended += 1

    def read_head(self, connection) -> bytes:
        """The next head; OSError at the connection's end. Its content stays in the socket."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            octet = connection.recv(1)
            if not octet:
                raise OSError("ended")
            head += octet
        self.requests.append(head.partition(b"\r\n")[0].decode())
        return head

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        # A shutdown wakes whoever waits; a close would not.
        for one in [self._listening, *self._accepted]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for one in self._threads:
            one.join()
        self._listening.close()


def answering(*parts, pause=0.0):
    """Each request gets these octets, the later ones after a pause each."""
    def script(upstream, connection, _):
        while True:
            upstream.read_head(connection)
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
    return script


def silent(upstream, connection, _):
    upstream.read_head(connection)
    connection.recv(1)


def proxying(upstream, *limits, more=()):
    to = upstream if isinstance(upstream, str) else upstream.url
    return SluiceServer(None, *LOG, *(part for limit in limits for part in ("--limit", limit)), *more, to=to)


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


@contextlib.contextmanager
def deaf_address():
    """One where nobody answers a SYN: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as stack:
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        time.sleep(0.1)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


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
    events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with Upstream(answering(events, b"data: 1\n\n", b"data: 2\n\n", pause=0.8)) as upstream, \
            proxying(upstream, "upstream_read_timeout=200ms") as server, \
            socket.create_connection(server.address, 30) as connection:
        connection.sendall(request())
        octets = b""
        while b"data: 2\n\n" not in octets:
            part = connection.recv(4096)
            assert part, octets
            octets += part


def test_send_timeout():
    def reads_no_content(upstream, connection, _):
        upstream.read_head(connection)
        time.sleep(10)

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
