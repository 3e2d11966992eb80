"""A client's trailers went upstream as they were: X-Forwarded-For and Authorization among them.

Many applications merge trailers into the head's fields. So what a client may not say in a head, it must not say behind
its content either, whatever it speaks (RFC 9110 section 6.5.1).
"""

import pytest
from h2_frames import FrameConnection, data
from raw_connection import RawConnection
from scripted_upstream import ScriptedUpstream, send, whole_request
from sluice_server import SluiceServer

SPOOFED = [(name, "6.6.6.6") for name in ("x-forwarded-for", "x_forwarded_for", "forwarded", "x-real-ip",
                                          "x-request-id", "authorization", "cookie", "under_score")]
GOOD = ("sum", "1")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def ask_h1(address):
    trailers = "".join(f"{name}: {value}\r\n" for name, value in [*SPOOFED, GOOD])
    with RawConnection(address) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" +
                        trailers.encode() + b"\r\n")
        return connection.response().status


def ask_h2(address):
    with FrameConnection(address) as connection:
        connection.send(connection.request(1, method="POST", end=False), data(1, b"a"),
                        connection.head(1, [*SPOOFED, GOOD]))
        return int(connection.answer(1)[0][":status"])


@pytest.mark.parametrize("ask", [ask_h1, ask_h2])
def test_only_harmless_trailers_go_upstream(ask):
    with ScriptedUpstream([whole_request, send(OK)]) as upstream, SluiceServer(to=upstream.url) as server:
        assert ask(server.address) == 200
        request = upstream.requests[0]
        assert request.whole and request.body == b"a"
        assert [(name.lower(), value) for name, value in request.trailers] == [GOOD]
