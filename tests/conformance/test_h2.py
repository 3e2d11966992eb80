"""Malformed requests over HTTP/2 (RFC 9113 section 8.1.1): each is an error of its stream, and the connection is good.

A malformed request reaches no handler, so the access log has no line of a request that was handled; the next request on
the same connection is served. What makes a field section unreadable, or breaks the frames' rules, is an error of the
connection (RFC 9113 section 5.4.1), and GOAWAY says which.
"""

import pytest
from h2_frames import (COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR,
                       FRAME_SIZE_ERROR, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, ENABLE_PUSH, PADDED, PING,
                       PREFACE, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED,
                       WINDOW_UPDATE, FrameConnection, data, frame, reset_stream, settings, window_update)
from limited_server import LOG, logged
from served_log import ServedLog
from sluice_server import SluiceServer, wait_until

METHOD, SCHEME, AUTHORITY, PATH = ((":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/"))
GOOD = (METHOD, SCHEME, AUTHORITY, PATH)


def with_path(path):
    return [METHOD, SCHEME, AUTHORITY, (":path", path)]


def with_authority(authority):
    return [METHOD, SCHEME, (":authority", authority), PATH]


def and_then(*fields):
    return [*GOOD, *fields]


# Heads that end their stream. RFC 9113 sections 8.2, 8.2.1, 8.2.2, 8.3 and 8.3.1; RFC 9110 section 4.2; RFC 3986.
HEADS = {
    # :path
    "a fragment": with_path("/a#b"),
    "a space in the path": with_path("/a b"),
    "8-bit octets in the path": with_path(b"/gr\xc3\xbc\xc3\x9f"),
    "a control character in the path": with_path("/a\x01b"),
    "DEL in the path": with_path("/a\x7fb"),
    "an empty path": with_path(""),
    "a path without its slash": with_path("index.html"),
    "an absolute form in the path": with_path("http://localhost/"),
    "an asterisk with GET": with_path("*"),
    # :authority and Host
    "userinfo": with_authority("user@localhost"),
    "userinfo with a password": with_authority("user:password@localhost"),
    "a port that is none": with_authority("localhost:http"),
    "a port over 65535": with_authority("localhost:65536"),
    "a space in the authority": with_authority("local host"),
    "a path in the authority": with_authority("localhost/a"),
    "an authority of a port alone": with_authority(":80"),
    "an open bracket": with_authority("[::1"),
    "a Host that differs": and_then(("host", "other.example")),
    "a Host with another port": and_then(("host", "localhost:81")),
    "two Hosts": [METHOD, SCHEME, PATH, ("host", "localhost"), ("host", "localhost")],
    "a Host with userinfo": [METHOD, SCHEME, PATH, ("host", "user@localhost")],
    "neither authority nor Host": [METHOD, SCHEME, PATH],
    # :scheme
    "another connection's scheme": [METHOD, (":scheme", "https"), AUTHORITY, PATH],
    "an unknown scheme": [METHOD, (":scheme", "ftp"), AUTHORITY, PATH],
    "an empty scheme": [METHOD, (":scheme", ""), AUTHORITY, PATH],
    # Pseudo-fields
    "no method": [SCHEME, AUTHORITY, PATH],
    "an empty method": [(":method", ""), SCHEME, AUTHORITY, PATH],
    "a method that is no token": [(":method", "GE T"), SCHEME, AUTHORITY, PATH],
    "no scheme": [METHOD, AUTHORITY, PATH],
    "no path": [METHOD, SCHEME, AUTHORITY],
    "two methods": [METHOD, METHOD, SCHEME, AUTHORITY, PATH],
    "two schemes": [METHOD, SCHEME, SCHEME, AUTHORITY, PATH],
    "two authorities": [METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH],
    "two paths": [METHOD, SCHEME, AUTHORITY, PATH, PATH],
    "a pseudo-field after a field": [METHOD, SCHEME, AUTHORITY, ("x", "y"), PATH],
    "an unknown pseudo-field": [*GOOD, (":other", "x")],
    "a response's pseudo-field": [*GOOD, (":status", "200")],
    "a protocol without CONNECT": [*GOOD, (":protocol", "websocket")],
    "nothing at all": [],
    # Fields
    "an upper-case name": and_then(("X-Upper", "y")),
    "an empty name": and_then(("", "y")),
    "a space in a name": and_then(("x y", "z")),
    "a colon in a name": and_then(("x:y", "z")),
    "8-bit octets in a name": and_then((b"x\xfc", "z")),
    "a control character in a name": and_then((b"x\x01", "z")),
    "NUL in a value": and_then(("x", "a\0b")),
    "CR in a value": and_then(("x", "a\rb")),
    "LF in a value": and_then(("x", "a\nb: c")),
    "a space before a value": and_then(("x", " a")),
    "a space after a value": and_then(("x", "a ")),
    # Fields of an HTTP/1.1 connection
    "connection": and_then(("connection", "keep-alive")),
    "keep-alive": and_then(("keep-alive", "timeout=5")),
    "proxy-connection": and_then(("proxy-connection", "keep-alive")),
    "transfer-encoding": and_then(("transfer-encoding", "chunked")),
    "upgrade": and_then(("upgrade", "websocket")),
    "te other than trailers": and_then(("te", "gzip")),
    "te with trailers and another": and_then(("te", "trailers, gzip")),
    # Length
    "a length without content": and_then(("content-length", "5")),
    "a length that is no number": and_then(("content-length", "x")),
    "a negative length": and_then(("content-length", "-1")),
    "an empty length": and_then(("content-length", "")),
    "two lengths": and_then(("content-length", "0"), ("content-length", "1")),
    "two lengths in one line": and_then(("content-length", "0, 0")),
    "a length beyond 64 bits": and_then(("content-length", "18446744073709551616")),
    # CONNECT, RFC 9113 section 8.5: nobody offers it here.
    "CONNECT with a path": [(":method", "CONNECT"), SCHEME, AUTHORITY, PATH],
    "CONNECT without an authority": [(":method", "CONNECT")],
    "an extended CONNECT that is not offered": [(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY, PATH],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    for name, octets in {"index.html": b"<p>index", "page.html": b"<p>page", "1k.bin": bytes(1024)}.items():
        (root / name).write_bytes(octets)
    with SluiceServer(root, "--workers", "1", *LOG) as running:
        yield running


def is_stream_error(client, stream, codes=(PROTOCOL_ERROR,)):
    """RST_STREAM and no response, or a 400 (RFC 9113 section 8.1.1 allows one before it)."""
    head, _, code = client.answer(stream)
    assert (head is None or head[":status"] == "400") and code in codes, (head, code)


@pytest.mark.parametrize("name", HEADS)
def test_a_malformed_head(server, name):
    with FrameConnection(server.address) as client:
        client.send(client.head(1, HEADS[name]))
        is_stream_error(client, 1)
        assert client.still_good(3)
        assert client.goaway is None


def test_malformed_heads_are_not_in_the_log_of_what_was_handled(server):
    log = ServedLog(server)
    log.take()
    with FrameConnection(server.address) as client:
        for number, head in enumerate(HEADS.values()):
            client.send(client.head(2 * number + 1, head))
            client.answer(2 * number + 1)
        assert client.still_good(2 * len(HEADS) + 1, "/page.html")
    assert [(line["target"], line["status"]) for line in log.take() if line["status"]] == [("/page.html", 200)]


def test_malformed_heads_octet_by_octet(server):
    """The same, however they arrive."""
    with FrameConnection(server.address, seconds=60) as client:
        for number, head in enumerate(HEADS.values()):
            stream = 2 * number + 1
            for octet in client.head(stream, head):
                client.send(bytes([octet]))
            is_stream_error(client, stream)
        assert client.still_good(2 * len(HEADS) + 1)


def test_plain_connect_is_refused(server):
    """CONNECT for a tunnel is no malformed request, but nothing that anybody here may have."""
    with FrameConnection(server.address) as client:
        client.send(client.head(1, [(":method", "CONNECT"), (":authority", "localhost:80")], end=False))
        head, _, code = client.answer(1)
        assert (head is None and code == PROTOCOL_ERROR) or head[":status"] in ("405", "501")
        assert client.still_good(3)


HARMLESS = {
    "Host like the authority": and_then(("host", "localhost")),
    "Host instead of the authority": [METHOD, SCHEME, PATH, ("host", "localhost")],
    "Host in other letters": and_then(("host", "LOCALHOST")),
    "te: trailers": and_then(("te", "trailers")),
    "a length of nothing": and_then(("content-length", "0")),
    "an empty value": and_then(("x", "")),
    "8-bit octets in a value": and_then(("x", b"gr\xc3\xbc\xc3\x9f")),
    "a port": with_authority("localhost:8080"),
    "a query": with_path("/?a=b&c=%20"),
    "an unknown field of HTTP/1.1's": and_then(("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_wrong(server, name):
    with FrameConnection(server.address) as client:
        client.send(client.head(1, HARMLESS[name]))
        head, _, code = client.answer(1)
        assert head and head[":status"] == "200" and code is None


# --- Content and trailers ---------------------------------------------------------------------------------------------


def post(client, length=None, end=False, stream=1):
    fields = [("content-length", str(length))] if length is not None else []
    return client.request(stream, "/1k.bin", *fields, method="POST", end=end)


# After the head: files answer 405 at once, so the error may come after a response.
CONTENT = {
    "less than announced": lambda client: post(client, 10) + data(1, b"123", True),
    "nothing of what was announced": lambda client: post(client, 10) + data(1, b"", True),
    "more than announced": lambda client: post(client, 3) + data(1, b"12345", True),
    "trailers before the content is whole": lambda client: post(client, 10) + data(1, b"1") + client.head(1, [("x", "y")]),
    "a pseudo-field in trailers": lambda client: post(client) + data(1, b"1") + client.head(1, [(":path", "/"), ("x", "y")]),
    "an upper-case name in trailers": lambda client: post(client) + data(1, b"1") + client.head(1, [("X", "y")]),
    "trailers that end nothing": lambda client: post(client) + data(1, b"1") + client.head(1, [("x", "y")], end=False),
}


@pytest.mark.parametrize("name", CONTENT)
def test_malformed_content(server, name):
    """In one read, so that the handler has not begun: RFC 9113 section 8.1.1, each is the stream's error."""
    with FrameConnection(server.address) as client:
        client.round_trip()
        client.send(CONTENT[name](client))
        is_stream_error(client, 1)
        assert client.still_good(3)


# --- Errors of the connection -----------------------------------------------------------------------------------------


def valid_head(client, stream=1, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, stream, flags, client.block(GOOD))


BROKEN = {
    "DATA on stream 0": (lambda client: frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    "DATA on an idle stream": (lambda client: frame(DATA, 1, 0, b"x"), PROTOCOL_ERROR),
    "HEADERS on stream 0": (lambda client: valid_head(client, 0), PROTOCOL_ERROR),
    "HEADERS on an even stream": (lambda client: valid_head(client, 2), PROTOCOL_ERROR),
    "RST_STREAM on an idle stream": (lambda client: reset_stream(1), PROTOCOL_ERROR),
    "RST_STREAM on stream 0": (lambda client: reset_stream(0), PROTOCOL_ERROR),
    "RST_STREAM of another size": (lambda client: valid_head(client) + frame(RST_STREAM, 1, 0, b"123"), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE on an idle stream": (lambda client: window_update(1, 1), PROTOCOL_ERROR),
    "WINDOW_UPDATE of nothing": (lambda client: window_update(0, 0), PROTOCOL_ERROR),
    "WINDOW_UPDATE of another size": (lambda client: frame(WINDOW_UPDATE, 0, 0, b"123"), FRAME_SIZE_ERROR),
    "a window beyond 2^31-1": (lambda client: window_update(0, 2**31 - 1), FLOW_CONTROL_ERROR),
    "PING on a stream": (lambda client: frame(PING, 1, 0, bytes(8)), PROTOCOL_ERROR),
    "PING of another size": (lambda client: frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "SETTINGS on a stream": (lambda client: frame(SETTINGS, 1), PROTOCOL_ERROR),
    "SETTINGS of another size": (lambda client: frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "an acknowledgement with content": (lambda client: frame(SETTINGS, 0, 1, bytes(6)), FRAME_SIZE_ERROR),
    "a window setting over 2^31-1": (lambda client: settings({INITIAL_WINDOW_SIZE: 2**31}), FLOW_CONTROL_ERROR),
    "a frame size setting too small": (lambda client: settings({MAX_FRAME_SIZE: 16383}), PROTOCOL_ERROR),
    "a push setting that is neither": (lambda client: settings({ENABLE_PUSH: 2}), PROTOCOL_ERROR),
    "PUSH_PROMISE of a client": (lambda client: frame(PUSH_PROMISE, 1, END_HEADERS, bytes(4) + client.block(GOOD)),
                                 PROTOCOL_ERROR),
    "CONTINUATION of nothing": (lambda client: frame(CONTINUATION, 1, END_HEADERS, b""), PROTOCOL_ERROR),
    "another frame within a field block": (lambda client: valid_head(client, 1, 0) + frame(PING, 0, 0, bytes(8)),
                                           PROTOCOL_ERROR),
    "CONTINUATION of another stream": (lambda client: valid_head(client, 1, 0) + frame(CONTINUATION, 3, END_HEADERS, b""),
                                       PROTOCOL_ERROR),
    "a frame too large": (lambda client: frame(DATA, 1, 0, bytes(16385)), FRAME_SIZE_ERROR),
    "padding longer than the frame": (lambda client: post(client) + frame(DATA, 1, PADDED, b"\x05abc"), PROTOCOL_ERROR),
    "an index that nothing has": (lambda client: frame(HEADERS, 1, END_HEADERS, b"\xff\x80\x01"), COMPRESSION_ERROR),
    "an integer without end": (lambda client: frame(HEADERS, 1, END_HEADERS, b"\xff" + b"\xff" * 20), COMPRESSION_ERROR),
    "a string longer than the block": (lambda client: frame(HEADERS, 1, END_HEADERS, b"\x00\x05ab"), COMPRESSION_ERROR),
    "a table larger than we said": (lambda client: frame(HEADERS, 1, END_HEADERS, b"\x3f\xff\xff\x7f"), COMPRESSION_ERROR),
    "a bad Huffman code": (lambda client: frame(HEADERS, 1, END_HEADERS, b"\x00\x81\xff\x81\xff"), COMPRESSION_ERROR),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames_end_the_connection(server, name):
    octets, code = BROKEN[name]
    with FrameConnection(server.address) as client:
        client.round_trip()
        client.send(octets(client))
        goaway = client.end_of_connection()
        # RFC 9113 section 5.4.1: any of these may be taken for a PROTOCOL_ERROR.
        assert goaway and goaway.error() in (code, PROTOCOL_ERROR), client.tail()
    with FrameConnection(server.address) as other:
        assert other.still_good(1)


def test_a_stream_below_the_last_is_not_opened(server):
    """It is closed since a higher one was opened (RFC 9113 section 5.1.1). nghttp2 cannot tell it from one that was reset
    a moment ago, whose frames are to be ignored: so nothing is answered there."""
    with FrameConnection(server.address) as client:
        client.send(valid_head(client, 5), valid_head(client, 3), client.request(7))
        while (one := client.frame()) and not (one.stream == 7 and one.flags & END_STREAM):
            assert one.stream != 3 or one.type == RST_STREAM


# RFC 9113 section 5.1, half-closed (remote) and closed: what comes after the client's end.
AFTER_THE_END = {
    "DATA after the end": lambda client: valid_head(client) + data(1, b"x"),
    "HEADERS after the end": lambda client: valid_head(client) + valid_head(client),
}


@pytest.mark.parametrize("name", AFTER_THE_END)
def test_frames_after_the_end_of_a_stream(server, name):
    """An error of the stream or of the connection; never a second request."""
    with FrameConnection(server.address) as client:
        client.round_trip()
        client.send(AFTER_THE_END[name](client), client.request(3, "/", method="HEAD"))
        while one := client.frame():
            if one.type in (RST_STREAM, GOAWAY) and one.stream in (0, 1):
                break
            assert one.type != HEADERS or one.stream in (1, 3)
        assert one.error() in (STREAM_CLOSED, PROTOCOL_ERROR)


NOT_HTTP2 = [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", PREFACE + frame(PING, payload=bytes(8)), PREFACE + b"GET / HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize("octets", NOT_HTTP2)
def test_a_preface_that_is_none(server, octets):
    """RFC 9113 section 3.4: the connection ends, with GOAWAY or, where it was never HTTP/2, as HTTP/1.1 does."""
    with FrameConnection(server.address, begin=False) as client:
        client.send(octets)
        client.all_frames()
        assert client.ended
        assert client.goaway is None or client.goaway.error() == PROTOCOL_ERROR or client.goaway.error() == FRAME_SIZE_ERROR
        assert not [one for one in client.seen if one.type in (DATA, HEADERS)]


def test_a_connection_error_is_a_line_in_the_log(server):
    ServedLog(server).take()  # what other tests did is there
    before = len(logged(server))
    with FrameConnection(server.address) as client:
        client.send(frame(DATA, 0, 0, b"x"))
        client.all_frames()

    def lines():
        return [one for one in logged(server)[before:] if one.get("phase") == "connection"]

    wait_until(lines, 20, "a line in the log")
    assert all(one["cause"] for one in lines())
