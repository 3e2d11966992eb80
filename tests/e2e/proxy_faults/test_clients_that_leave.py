"""A client that leaves takes its request with it: the upstream hears of it within a second, whatever it was doing.

Over HTTP/1.1 a client leaves by ending its connection, over HTTP/2 by that or by resetting the stream. And a client that
reads slowly does not hold the application, which gets rid of its response and is free; nor does it fill the memory.
"""

import socket
import time

import pytest
from clients import SANITIZED, request, reset
from fault_content import content
from fault_upstream import FaultUpstream
from faulty_proxy import proxying, spoken
from h2_connection import H2Connection
from sluice_server import wait_until

SECONDS = 10 if SANITIZED else 1
SMALL = 4608  # the least that Linux makes of a send buffer
HELD = 100 * 1024  # more than is read ahead: the rest lies in the kernel
ENDLESS = 64 << 20  # more than all kernel buffers hold
MEMORY = 4 << 20


class H1Client:
    """Asks one thing, and leaves."""

    def __init__(self, address):
        self._socket = socket.create_connection(address, 20)

    def ask(self, method, target, announced, sent):
        length = [f"Content-Length: {announced}"] if announced else []
        self._socket.sendall(request(target, *length, method=method, body=sent))

    def read_some(self):
        octets = b""
        while b"x" * 100 not in octets:
            octets += self._socket.recv(65536)

    def leave(self, how):
        if how == "reset":
            reset(self._socket)
        else:
            self._socket.close()


class H2Client:
    """The same on a stream."""

    def __init__(self, address):
        self._connection = H2Connection(address)

    def ask(self, method, target, announced, sent):
        length = [("content-length", str(announced))] if announced else []
        self._stream = self._connection.request(target, *length, method=method, end=not announced)
        if sent:
            self._connection.send_body(self._stream, sent, end=False)

    def read_some(self):
        self._connection.until(lambda: len(self._connection.responses[self._stream].content) >= 100)

    def leave(self, how):
        if how == "reset":
            self._connection.reset(self._stream)
        else:
            self._connection.__exit__()


MOMENTS = {  # method, target, content that is announced and sent, and whether some of the response is read
    "waiting": ("GET", "/never/1", 0, b"", False),
    "downloading": ("GET", "/drip/1", 0, b"", True),
    "uploading": ("POST", "/hash/1", 1_000_000, b"x" * 300_000, False),
}


@pytest.mark.parametrize("how", ("close", "reset"))
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_upstream_hears_of_it(tmp_path, clear, http2, workers, moment, how):
    method, target, announced, sent, reads = MOMENTS[moment]
    with FaultUpstream(tmp_path, http2=http2) as upstream, \
            proxying(tmp_path, clear, workers, upstream.port, *spoken(http2)) as server:
        client = (H2Client if clear.is_h2 else H1Client)(server.address)
        client.ask(method, target, announced, sent)
        wait_until(lambda: upstream.count(f"{method} {target}") == 1, 20, "the request")
        if reads:
            client.read_some()
        else:
            time.sleep(0.1)
        assert upstream.count(f"left {target}") == 0
        client.leave(how)
        wait_until(lambda: upstream.count(f"left {target}") == 1, SECONDS, "leaving")
        assert server.get("/size/10/others").status == 200


def test_a_slow_reader_does_not_hold_the_upstream(tmp_path, clear, http2, workers):
    target = f"/size/{HELD}/held"
    with FaultUpstream(tmp_path, http2=http2, send_buffer=SMALL) as upstream, \
            proxying(tmp_path, clear, workers, upstream.port, *spoken(http2)) as server, \
            server.slow_download(target) as download:
        wait_until(lambda: upstream.count(f"written {target}") == 1, 10, "the end of the response")
        assert download.finish() == (content(target, HELD), True)


def test_a_slow_reader_does_not_fill_the_memory(tmp_path, clear, http2, workers):
    target = f"/size/{ENDLESS}/endless"
    with FaultUpstream(tmp_path, http2=http2) as upstream, \
            proxying(tmp_path, clear, workers, upstream.port, *spoken(http2)) as server:
        server.get("/size/300000/warm")
        before = server.rss_bytes()
        with server.slow_download(target, 120.0) as download:
            time.sleep(1)
            assert upstream.count(f"written {target}") == 0, "64 MiB cannot all lie in the kernel"
            assert SANITIZED or server.rss_bytes() - before < MEMORY
            assert download.finish() == (content(target, ENDLESS), True)
