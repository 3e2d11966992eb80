"""The judge itself: a scripted server misbehaves in one way at a time, and the judge has to notice each.

A conformance run that passes says nothing unless a wrong server would have failed it.
"""

import contextlib
import email.utils
import functools
import socket
import ssl
import struct
import threading

import pytest
from catalogue.case import CLOSE, EITHER, GET, HELLO, OPEN, Case, reply
from h1_response import BadResponse
from judge import FOLLOW_UP, Violation, judge, offsets, ways_of_sending
from raw_connection import Silence
from raw_tls_connection import RawTlsConnection
from tls_clients import client_context


NOW = b"@now"  # the scripted server puts the date here, when it answers


def answer(status=200, body=b"hello\n", *fields, date=True):
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *fields]
    if date:
        lines.append(b"Date: " + NOW)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CLOSING = b"Connection: close"


class ScriptedServer:
    """Listens on a free port; answers the case's request by `first` and the follow-up by `second`.

    `end` is "fin" (after reading what comes), "reset", or "stay" (never ends).
    """

    def __init__(self, first, second=None, end="fin"):
        self._first, self._second, self._end = first, second, end
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            try:
                self._converse(connection)
            except OSError:
                connection.close()

    def _converse(self, connection):
        self._read_head(connection)
        self._send(connection, self._first)
        if self._second is not None:
            self._read_head(connection)
            self._send(connection, self._second)
        if self._end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._end != "stay":
            connection.close()

    @staticmethod
    def _send(connection, octets):
        connection.sendall(octets.replace(NOW, email.utils.formatdate(usegmt=True).encode()))

    @staticmethod
    def _read_head(connection):
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            octet = connection.recv(1)
            if not octet:
                raise OSError("ended")
            received += octet


def get(expects=HELLO, then=OPEN, **details):
    replies = expects if isinstance(expects, tuple) else (expects,)
    return Case("judge/case", GET, replies, then, "RFC 9112 3", **details)


GOOD_FOLLOW_UP = answer(200, b"hello\n", CLOSING)
REFUSAL = answer(400, b"bad\n", CLOSING)


@pytest.mark.parametrize("first, second, case", [
    (answer(), GOOD_FOLLOW_UP, get()),
    (GOOD_FOLLOW_UP, None, get(then=CLOSE)),
    (GOOD_FOLLOW_UP, None, get(then=EITHER)),
    (answer(), GOOD_FOLLOW_UP, get(then=EITHER)),
    (REFUSAL, None, get(reply(400), CLOSE)),
    (answer() + REFUSAL, None, get((HELLO, reply(400)), CLOSE)),
    (answer(405, b"", b"Allow: OPTIONS, HEAD, GET"), GOOD_FOLLOW_UP, get(reply(405))),
    (answer(501, b"", CLOSING, date=False), None, get(reply(501), CLOSE)),
    (b"", None, get(reply(400, optional=True), CLOSE)),
], ids=range(9))
def test_right_servers_pass(first, second, case):
    with ScriptedServer(first, second) as server:
        judge(case, server.address)


WRONG = [
    ("other-status", answer(404), GOOD_FOLLOW_UP, "fin", get()),
    ("other-content", answer(200, b"hallo\n"), GOOD_FOLLOW_UP, "fin", get()),
    ("no-date", answer(date=False), GOOD_FOLLOW_UP, "fin", get()),
    ("wrong-date", answer(200, b"hello\n", b"Date: Mon, 01 Jan 2001 00:00:00 GMT", date=False), GOOD_FOLLOW_UP,
     "fin", get()),
    ("date-in-other-form", answer(200, b"hello\n", b"Date: Monday, 01-Jan-01 00:00:00 GMT", date=False),
     GOOD_FOLLOW_UP,
     "fin", get()),
    ("closes-what-should-go-on", GOOD_FOLLOW_UP, None, "fin", get()),
    ("closes-without-a-word", answer(), None, "fin", get(then=EITHER)),
    ("closes-without-announcing", answer(400, b"bad"), None, "fin", get(reply(400), CLOSE)),
    ("goes-on-where-it-should-close", answer(400, b"bad"), GOOD_FOLLOW_UP, "fin", get(reply(400), CLOSE)),
    ("resets", REFUSAL, None, "reset", get(reply(400), CLOSE)),
    ("an-octet-too-many", REFUSAL + b"x", None, "fin", get(reply(400), CLOSE)),
    ("two-answers", answer() + answer(), GOOD_FOLLOW_UP, "fin", get()),
    ("two-refusals", REFUSAL + REFUSAL, None, "fin", get(reply(400), CLOSE)),
    ("one-answer-too-few", GOOD_FOLLOW_UP, None, "fin", get((HELLO, HELLO), CLOSE)),
    ("no-answer", b"", None, "fin", get(then=CLOSE)),
    ("cut-answer", answer()[:-1], None, "fin", get(then=CLOSE)),
    ("content-for-head", answer(), GOOD_FOLLOW_UP, "fin", get(reply(200, "HEAD"))),
    ("no-allow", answer(405, b""), GOOD_FOLLOW_UP, "fin", get(reply(405))),
    ("allow-too-much", answer(405, b"", b"Allow: GET, HEAD, OPTIONS, POST"), GOOD_FOLLOW_UP, "fin",
     get(reply(405))),
    ("long-refusal", answer(400, b"x" * 201, CLOSING), None, "fin", get(reply(400), CLOSE)),
    ("refusal-that-repeats", answer(400, b"bad: canary", CLOSING), None, "fin", get(reply(400), CLOSE)),
    ("field-missing", answer(), GOOD_FOLLOW_UP, "fin", get(reply(200, has={"x": "y"}))),
    ("field-that-must-not-be", answer(200, b"hello\n", b"X: y"), GOOD_FOLLOW_UP, "fin",
     get(reply(200, lacks=("x",)))),
    ("field-value-that-must-not-be", answer(200, b"hello\n", b"X: y"), GOOD_FOLLOW_UP, "fin",
     get(reply(200, never={"x": "y.*"}))),
    ("octets-that-must-not-be", answer(), GOOD_FOLLOW_UP, "fin", get(reply(200, absent=b"hello"))),
    ("follow-up-wrong", answer(), answer(200, b"other\n", CLOSING), "fin", get()),
    ("follow-up-refused", answer(), answer(400, b"", CLOSING), "fin", get()),
]


@pytest.mark.parametrize("name, first, second, end, case", WRONG, ids=[row[0] for row in WRONG])
def test_wrong_servers_fail(name, first, second, end, case):
    with ScriptedServer(first, second, end) as server, pytest.raises((Violation, BadResponse)) as noticed:
        judge(case, server.address)
    assert "judge/case" in str(noticed.value) and "RFC 9112 3" in str(noticed.value)


def test_a_server_that_never_ends_is_noticed(monkeypatch):
    monkeypatch.setattr("judge.RawConnection.__init__.__defaults__", (0.3,))
    with ScriptedServer(REFUSAL, None, "stay") as server, pytest.raises(Silence):
        judge(get(reply(400), CLOSE), server.address)


class TlsServer(ScriptedServer):
    """Its end is FIN, with or without close_notify before it."""

    def __init__(self, certificate, says_so):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.chain, certificate.key)
        self._says_so = says_so
        super().__init__(REFUSAL)

    def _converse(self, connection):
        with self._context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as secure:
            self._read_head(secure)
            self._send(secure, self._first)
            if self._says_so:
                secure.setblocking(False)  # the client's is not waited for
                with contextlib.suppress(ssl.SSLWantReadError):
                    secure.unwrap()


@pytest.mark.parametrize("says_so", [True, False])
def test_over_tls_an_end_without_close_notify_is_noticed(certificate, says_so):
    connect = functools.partial(RawTlsConnection, context=client_context(certificate.authority))
    with TlsServer(certificate, says_so) as server:
        if says_so:
            judge(get(reply(400), CLOSE), server.address, connect=connect)
            return
        with pytest.raises(Violation, match="FIN without close_notify"):
            judge(get(reply(400), CLOSE), server.address, connect=connect)


def test_answers_that_depend_on_the_sending_are_noticed():
    class Fickle(ScriptedServer):
        def _converse(self, connection):
            self._first, self._other = self._other, self._first
            super()._converse(connection)

    with Fickle(REFUSAL) as server:
        server._other = answer(431, b"", CLOSING)
        with pytest.raises(Violation, match="depends on how it was sent"):
            judge(get(reply((400, 431)), CLOSE), server.address)


def test_every_way_of_sending_sends_all():
    for data in (b"", b"G", b"GE", GET, b"x" * 5000, b"x" * 70000):
        for name, pieces in ways_of_sending(data, every_offset=True):
            assert b"".join(pieces) == data, name
    assert len(list(ways_of_sending(GET, every_offset=True))) == len(GET) + 1
    assert 6 <= len(offsets(len(GET), every=False)) <= 8
    assert FOLLOW_UP.endswith(b"Connection: close\r\n\r\n")
