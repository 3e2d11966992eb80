"""The response parser must refuse what a forgiving one would take, and must not mind how its input is cut."""

import pytest
from h1_response import BadResponse, parse

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX: a b\r\n\r\nhello\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n\n\r\n0\r\nX: y\r\n\r\n"


def test_reads_one_response_and_leaves_the_rest():
    response, used = parse(HELLO + b"HTTP/1.1 4")
    assert (response.status, response.reason, response.body, used) == (200, "OK", b"hello\n", len(HELLO))
    assert response.get("x") == "a b" and response.get("y") is None
    assert response.raw == HELLO


@pytest.mark.parametrize("whole", [HELLO, CHUNKED], ids=["length", "chunked"])
def test_every_prefix_is_incomplete(whole):
    for end in range(len(whole)):
        assert parse(whole[:end]) is None
        if end:
            with pytest.raises(BadResponse):
                parse(whole[:end], ended=True)
    assert parse(whole)[0].body == b"hello\n"


@pytest.mark.parametrize("head, method, body", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "HEAD", b""),
    (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", b""),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", "GET", b""),
    (b"HTTP/1.1 100 Continue\r\n\r\n", "POST", b""),
    (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "GET", b""),
])
def test_responses_without_content(head, method, body):
    response, used = parse(head + b"HTTP/1.1 200 OK\r\n", method)
    assert response.body == body and used == len(head)


def test_content_until_the_end_needs_close():
    head = b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\n\r\nhello"
    assert parse(head) is None
    assert parse(head, ended=True)[0].body == b"hello"
    with pytest.raises(BadResponse):
        parse(b"HTTP/1.1 200 OK\r\n\r\nhello", ended=True)


@pytest.mark.parametrize("wrong", [
    b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1  200 OK\r\n\r\n", b"HTTP/1.1 099 X\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"x", b"hello\nHTTP/1.1 200 OK", b"HTTP/1.1 200 OK\nX: y\r\n\r\n", b"HTTP/1.1 200 O\x01K\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nDate: a\r\ndate: b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000,
], ids=lambda wrong: repr(wrong[:60]))
def test_wrong_responses_are_refused(wrong):
    with pytest.raises(BadResponse):
        parse(wrong)
