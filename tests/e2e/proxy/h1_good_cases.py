"""The catalogue of HTTP/1.1 upstreams that misbehave, or behave as few do: what succeeds all the same.

The problem: a proxy that refuses whatever looks odd is safe and of no use. Here are upstreams whose response must reach the
client as it is, with what must not be passed on or used again left behind: surplus octets, hop-by-hop fields, connections
that are about to close. The expectations are of RFC 9110 and RFC 9112, section by section. What fails is in h1_cases.py.
"""

from asking import Ask
from h1_cases import CHUNKED, CODING, HINTS, PROTOCOL
from misbehaviour import ANYTHING, GET, Expect, case, good, patient
from scripted_upstream import (body, body_part, chunk, close, drain, drip, half_close, head, pause, reset, response, send,
                               whole_request)

HEAD = Ask("HEAD")
LARGE = Ask("POST", content=bytes(8 << 20))


def answers(name, octets, expect, *more, ask=GET, **options):
    return case(name, [whole_request, send(octets), *more], ask=ask, expect=expect, **options)


def again(name, *steps, ask=Ask(target="second"), **more):
    """After a good first response these steps; the second request must be answered, on another connection. How long the
    proxy will trust an upstream after that is its own business."""
    return case(name, [whole_request, send(response(b"one")), *steps],
                asks=((GET, good(b"one")), (ask, good(f"honest {ask.method} /{name}/second".encode()))), gap=0.3,
                reused=None, upstream_check=_second_went_elsewhere, **more)


def _second_went_elsewhere(upstream):
    assert [one.connection for one in upstream.requests[:2]] == [0, 1]
    upstream.wait(lambda: upstream.connections[0].over, "the end of the first connection")


SLOW = [
    # Progress within the timeouts, and longer than any of them in all.
    answers("slow-content", b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n", good(b"0123456789abcdef"),
            drip(b"0123456789abcdef", 0.15), reused=True),
    answers("slow-chunks", CHUNKED, good(b"t" * 10), drip(chunk(b"t") * 10 + b"0\r\n\r\n", 0.25, size=6), reused=True),
    case("slow-reader-of-an-upload", [head, *[body_part(3 << 19), pause(0.3)] * 7, body, send(response(b"taken"))],
         ask=Ask("POST", content=bytes(12 << 20)), expect=good(b"taken"), reused=True, upstream_buffer=1 << 18),
    answers("octet-by-octet", b"", good(b"hello"), drip(response(b"hello", "X-One: 1"), 0.005), reused=True),
    answers("chunk-in-all-pieces", b"", good(b"helloworld"),
            drip(CHUNKED + chunk(b"hello") + chunk(b"world") + b"0\r\n\r\n", 0.005), reused=True),
]

# RFC 9112 section 6.3: what comes after the response is not the next one. Section 9.3: the connection is not kept.
SURPLUS = [
    answers("too-much-content", response(b"hello") + b" world", good(b"hello")),
    answers("two-responses", response(b"first one") + response(b"second one"), good(b"first one")),
    answers("octets-after-the-last-chunk", CHUNKED + chunk(b"hello") + b"0\r\n\r\nworld", good(b"hello")),
    answers("crlf-after-the-response", response(b"hello") + b"\r\n", good(b"hello"), reused=None),
    answers("head-answered-with-content", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", good(b""), ask=HEAD),
    answers("head-answered-with-chunks", CHUNKED + chunk(b"hello") + b"0\r\n\r\n", good(b""), ask=HEAD),
    answers("204-with-content", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            Expect((204, 502), PROTOCOL)),
    answers("204-with-chunks", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"hello") +
            b"0\r\n\r\n", Expect((204, 502), CODING)),
    answers("304-with-content", b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\nhello",
            good(b"", 304, fields=(("etag", ['"a"']),))),
    # Its request had no answer yet when the octets came: whether they are one cannot be told (RFC 9112 section 9.2).
    case("response-before-the-request", [send(response(b"early")), head, close], expect=Expect((200, 502), PROTOCOL),
         gap=0.3, seen=ANYTHING),
]

# RFC 9112 section 9.2: octets on a connection without a request are no response; section 9.5: a close may come at any time.
IDLE = [
    again("unsolicited-408", pause(0.1), send(response(b"", "Connection: close", status="408 Request Timeout")), close),
    again("unsolicited-response", pause(0.1), send(response(b"a lie"))),
    again("unsolicited-octet", pause(0.1), send(b"!")),
    again("closes-when-idle", close),
    again("half-closes-when-idle", half_close, drain),
    again("resets-when-idle", pause(0.1), reset),
    again("closes-when-idle-post", close, ask=Ask("POST", "second", content=b"x")),
    again("resets-when-idle-post", pause(0.1), reset, ask=Ask("POST", "second", content=b"x")),
    # The control: a connection that nothing happens to is kept.
    case("nothing-happens-when-idle", asks=((GET, good(b"honest GET /nothing-happens-when-idle/first")),), gap=1.5,
         reused=True),
    case("keep-alive-timeout-1", [whole_request, send(response(b"one", "Keep-Alive: timeout=1"))],
         expect=good(b"one"), gap=1.5),
]

# RFC 9112 sections 9.3 and 9.6.
CLOSING = [
    answers("connection-close", response(b"hello", "Connection: close"), good(b"hello")),
    answers("connection-close-in-a-list", response(b"hello", "Connection: x-one, CLOSE\t"), good(b"hello")),
    answers("http-1-0", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", good(b"hello")),
    answers("http-1-0-keep-alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
            good(b"hello"), reused=None),
    answers("http-1-0-until-the-end", b"HTTP/1.0 200 OK\r\n\r\nall of it", good(b"all of it"), close),
    answers("http-1-1-until-the-end", b"HTTP/1.1 200 OK\r\n\r\nall of it", good(b"all of it"), pause(0.2), close),
    answers("large-until-the-end", b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3 << 20), good(bytes(3 << 20)), close),
    answers("closes-after-the-response", response(b"hello"), good(b"hello"), close),
    answers("resets-after-the-response", response(b"hello"), good(b"hello"), pause(0.2), reset, gap=0.4),
]

INTERIM = [
    answers("103", HINTS + response(b"hello"), good(b"hello", interims=(103,)), reused=True),
    answers("102-and-103", b"HTTP/1.1 102 Processing\r\n\r\n" + HINTS + response(b"hello"),
            good(b"hello", interims=(102, 103)), reused=True),
    answers("interim-nobody-knows", b"HTTP/1.1 199 Hm\r\nX-One: 1\r\n\r\n" + response(b"hello"),
            good(b"hello", interims=(199,)), reused=True),
    # RFC 9110 section 15.2.1: a client that expected none can discard it.
    answers("100-unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + response(b"hello"), good(b"hello", interims=None), reused=True),
    answers("103-long-before-the-response", HINTS, good(b"hello", interims=(103,)), pause(1.0),
            send(response(b"hello")), reused=True),
    case("100-when-asked", [head, send(b"HTTP/1.1 100 Continue\r\n\r\n"), body, send(response(b"taken"))],
         ask=Ask("POST", content=b"later", waits=True), expect=good(b"taken", interims=(100,)), reused=True,
         upstream_check=lambda upstream: _content(upstream, b"later")),
    # The proxy's own 100 after a while of silence (RFC 9110 section 10.1.1).
    case("silence-when-asked-for-100", [head, body, send(response(b"taken"))],
         ask=Ask("POST", content=b"later", waits=True), expect=good(b"taken", interims=(100,)), reused=True,
         upstream_check=lambda upstream: _content(upstream, b"later")),
    case("417-when-asked-for-100", [head, send(response(b"no", status="417 Expectation Failed")), drain],
         ask=Ask("POST", content=b"later", waits=True), expect=good(b"no", 417), reused=None,
         upstream_check=lambda upstream: _content(upstream, b"")),
    case("401-when-asked-for-100", [head, send(response(b"no", "WWW-Authenticate: Basic", status="401 Unauthorized")), drain],
         ask=Ask("POST", content=bytes(1 << 20), waits=True), expect=good(b"no", 401), reused=None,
         upstream_check=lambda upstream: _content(upstream, b"")),
]


def _content(upstream, octets):
    assert bytes(upstream.requests[0].body) == octets


# RFC 9112 section 9.6 and RFC 9110 section 15.5.14: a response may come while the content is still sent.
EARLY = [
    case("early-response", [head, body_part(1000), send(response(b"no", status="403 Forbidden")), drain], ask=LARGE,
         expect=good(b"no", 403), reused=None),
    case("early-response-before-any-content", [head, send(response(b"no", status="403 Forbidden")), drain], ask=LARGE,
         expect=good(b"no", 403), reused=None),
    case("early-response-and-closes", [head, body_part(1000), send(response(b"no", "Connection: close",
                                                                          status="413 Content Too Large")), half_close, drain],
         ask=LARGE, expect=good(b"no", 413)),
    # What was not read makes a reset of the close.
    case("413-and-reset", [head, body_part(1000), send(response(b"no", "Connection: close", status="413 Content Too Large")),
                           pause(0.3), reset], ask=LARGE, expect=good(b"no", 413)),
    case("413-and-reset-at-once", [head, body_part(1000), send(response(b"no", "Connection: close",
                                                                        status="413 Content Too Large")), close],
         ask=LARGE, expect=good(b"no", 413)),
    case("early-response-in-pieces", [head, body_part(1000), send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno"),
                                      pause(0.3), send(b"no"), drain], ask=LARGE, expect=good(b"nono", 403), reused=None),
]

# RFC 9110 sections 5, 7.6 and 8.4: a proxy passes on what is not its own.
PASSED_ON = [
    answers("wrong-content-coding", response(b"not gzip", "Content-Encoding: gzip"),
            good(b"not gzip", fields=(("content-encoding", ["gzip"]),)), reused=True),
    answers("unknown-content-coding", response(b"hello", "Content-Encoding: x-own"),
            good(b"hello", fields=(("content-encoding", ["x-own"]),)), reused=True),
    answers("two-cookies", response(b"hello", "Set-Cookie: a=1", "Set-Cookie: b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT"),
            good(b"hello", fields=(("set-cookie", ["a=1", "b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT"]),)), reused=True),
    answers("octets-beyond-ascii", response(b"hello", "X-One: gr\xfc\xdfe"),
            good(b"hello", fields=(("x-one", ["gr\xfc\xdfe"]),)), reused=True),
    answers("unknown-status", response(b"hello", status="299 Fine"), good(b"hello", 299), reused=True),
    answers("its-own-503", response(b"busy", "Retry-After: 7", status="503 Busy"),
            good(b"busy", 503, fields=(("retry-after", ["7"]),)), reused=True),
    answers("hop-by-hop-fields",
            response(b"hello", "Connection: X-Private, keep-alive", "X-Private: 1", "Keep-Alive: timeout=99",
                     "Proxy-Connection: keep-alive", "Upgrade: h2c", "X-Public: 2"),
            good(b"hello", fields=(("x-private", []), ("proxy-connection", []), ("upgrade", []), ("x-public", ["2"]))),
            reused=True),
    answers("trailers", CHUNKED + chunk(b"hello") + b"0\r\nSum: 1\r\n\r\n", good(b"hello", trailers=(("sum", "1"),)),
            ask=Ask(fields=("TE: trailers",)), reused=True),
    answers("empty-chunked", CHUNKED + b"0\r\n\r\n", good(b""), reused=True),
    answers("chunk-extensions", CHUNKED + b'5;a=1;b="c d"\r\nhello\r\n0;z\r\n\r\n', good(b"hello"), reused=True),
    answers("chunk-size-with-zeros", CHUNKED + b"000005\r\nhello\r\n000\r\n\r\n", good(b"hello"), reused=True),
    answers("head-with-length-alone", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            good(b"", fields=(("content-length", ["5"]),)), ask=HEAD, reused=True),
    answers("304-with-length-alone", b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n", good(b"", 304),
            reused=True),
    answers("204", b"HTTP/1.1 204 No Content\r\n\r\n", good(b"", 204), reused=True),
    # RFC 9112 section 5.1: a proxy must take the space away; or it refuses, as for requests.
    answers("space-before-the-colon", b"HTTP/1.1 200 OK\r\nX-One : a\r\nContent-Length: 5\r\n\r\nhello",
            Expect((200, 502), PROTOCOL), reused=None),
    answers("empty-value", response(b"hello", "X-One:", "X-Two:  a b \t"),
            good(b"hello", fields=(("x-one", [""]), ("x-two", ["a b"]))), reused=True),
    answers("large-head", response(b"hello", *(f"X-{one}: {'a' * 200}" for one in range(80))), good(b"hello"), reused=True),
    answers("large-content", response(bytes(4 << 20)), good(bytes(4 << 20)), reused=True),
]

CASES = [*map(patient, SLOW), *SURPLUS, *map(patient, IDLE), *CLOSING, *INTERIM, *EARLY, *PASSED_ON]
