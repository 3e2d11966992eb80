"""The catalogue of HTTP/1.1 upstreams that misbehave: what fails.

The problem: each way in which an upstream's response cannot be trusted must end in an error of its own kind, or in a
response that is visibly cut, and its connection must not serve another request. The expectations are of RFC 9112, RFC 9110
and, for the words of Proxy-Status, RFC 9209 section 2.3; where these leave a choice, the project's: refuse what two
parsers could read two ways. Where a row names two words, both fit. What succeeds is in h1_good_cases.py.
"""

from asking import Ask
from misbehaviour import ANYTHING, GET, POST, Expect, case, cut, failed, good, patient
from scripted_upstream import (body_part, chunk, close, drain, half_close, head, pause, reset, response, send,
                               until_client_saw, whole_request)

PROTOCOL = ("http_protocol_error",)
CODING = ("http_protocol_error", "http_response_transfer_coding")
TERMINATED = ("connection_terminated",)
INCOMPLETE = ("http_response_incomplete",)
TOO_LARGE = ("http_response_header_section_size", "http_response_header_size")
SILENT = ("http_response_timeout", "connection_read_timeout")
STALL = drain  # nothing more, until the proxy has had enough

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
BEGUN = (head, send(CHUNKED + chunk(b"first")), until_client_saw)
SIZED = (head, send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"), until_client_saw)
UNTIL_CLOSE = (head, send(b"HTTP/1.0 200 OK\r\n\r\nfirst"), until_client_saw)


def refused(name, octets, *errors, **more):
    """Nothing of the response is passed on."""
    return case(name, [head, send(octets)], expect=failed(*(errors or PROTOCOL)), **more)


def bad_field(name, line, *errors):
    return refused(name, b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 5\r\n\r\nhello", *errors)


def bad_length(name, *fields):
    return refused(name, b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(fields) + b"\r\n\r\nhello")


def bad_coding(name, fields, version=b"1.1"):
    return refused(name, b"HTTP/" + version + b" 200 OK\r\n" + fields + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n", *CODING)


def bad_chunk(name, octets, most=b""):
    """The head and a first chunk are out already, so the response is cut (RFC 9112 sections 7.1 and 8). `most` is what may
    be passed on after that chunk."""
    return case(name, [*BEGUN, send(octets)], expect=cut(b"first" + most))


# RFC 9209 section 2.3.8: "connection_terminated" is before any part of the response. A new connection is no reused one:
# nothing is sent twice.
CONNECTION = [
    case("refuses", expect=failed("connection_refused"), listening=False, seen=(), connections=0, next=False),
    case("closes-at-accept", [close], expect=failed(*TERMINATED), seen=()),
    case("resets-at-accept", [reset], expect=failed(*TERMINATED, "connection_refused"), seen=()),
    case("closes-after-the-request", [head, close], expect=failed(*TERMINATED)),
    case("resets-after-the-request", [head, reset], expect=failed(*TERMINATED)),
    case("half-closes-after-the-request", [head, half_close, drain], expect=failed(*TERMINATED)),
    case("closes-after-the-request-post", [whole_request, close], ask=POST, expect=failed(*TERMINATED)),
    case("resets-in-the-middle-of-an-upload", [head, body_part(20_000), reset], ask=Ask("POST", content=bytes(4 << 20)),
         expect=failed(*TERMINATED)),
    case("closes-in-the-middle-of-a-head", [head, send(b"HTTP/1.1 200 OK\r\nContent-Le"), close],
         expect=failed(*INCOMPLETE)),
    case("resets-in-the-middle-of-a-head", [head, send(b"HTTP/1.1 200 OK\r\nContent-Le"), pause(0.3), reset],
         expect=failed(*INCOMPLETE)),
    case("closes-after-one-octet", [head, send(b"H"), close], expect=failed(*INCOMPLETE)),
    case("closes-after-103", [head, send(HINTS), close], expect=failed(*TERMINATED, *INCOMPLETE, interims=(103,))),
]

def once_on_a_kept_connection(name, ask, *ending):
    """The second request shows that the connection is kept for a while. The third, which cannot be sent twice, may use it
    after less, and then it fails; or it goes where nothing can happen to it. It arrives once."""
    return case(name, [whole_request, send(response(b"one")), whole_request, send(response(b"two")), *ending],
                asks=((GET, good(b"one")), (Ask(target="second", after=0.4), good(b"two")),
                      (ask, Expect((200, 502), TERMINATED))),
                seen=("GET first", "GET second", f"{ask.method} third"), reused=None)


# RFC 9110 section 9.2.2: only what is idempotent may be sent again.
REUSE = [
    case("get-on-a-kept-connection-that-closes", [whole_request, send(response(b"one")), head, close],
         asks=((GET, good(b"one")), (Ask(target="second"), good(b"honest GET /get-on-a-kept-connection-that-closes/second"))),
         seen=("GET first", "GET second", "GET second"), reused=None),
    case("get-on-a-kept-connection-that-resets", [whole_request, send(response(b"one")), head, reset],
         asks=((GET, good(b"one")), (Ask(target="second"), good(b"honest GET /get-on-a-kept-connection-that-resets/second"))),
         seen=("GET first", "GET second", "GET second"), reused=None),
    case("put-on-a-kept-connection-that-closes", [whole_request, send(response(b"one")), whole_request, close],
         asks=((GET, good(b"one")), (Ask("PUT", "second", content=b"put content"),
                                     good(b"honest PUT /put-on-a-kept-connection-that-closes/second"))),
         seen=("GET first", "PUT second", "PUT second"), reused=None,
         upstream_check=lambda upstream: _same_content(upstream, b"put content")),
    once_on_a_kept_connection("post-on-a-kept-connection-that-closes", Ask("POST", "third", content=b"x"), whole_request,
                              close),
    once_on_a_kept_connection("post-on-a-kept-connection-that-resets", Ask("POST", "third", content=b"x"), whole_request,
                              reset),
    # The content is no longer there to be sent again.
    once_on_a_kept_connection("large-put-on-a-kept-connection-that-closes", Ask("PUT", "third", content=bytes(400_000)), head,
                              body_part(200_000), close),
    # A part of the response came: RFC 9112 section 9.3.1 has nothing to retry.
    case("get-on-a-kept-connection-that-begins-to-answer",
         [whole_request, send(response(b"one")), head, send(b"HTTP/1.1 2"), close],
         asks=((GET, good(b"one")), (Ask(target="second"), failed(*INCOMPLETE)))),
]


def _same_content(upstream, content):
    assert [bytes(one.body) for one in upstream.requests if one.method == "PUT"] == [content, content]


TIME = [
    case("stalls-before-the-head", [head, STALL], expect=failed(*SILENT, status=504)),
    case("stalls-after-an-interim", [head, send(HINTS), STALL], expect=failed(*SILENT, status=504, interims=(103,))),
    case("stalls-in-the-middle-of-a-head", [head, send(b"HTTP/1.1 200 OK\r\nContent-"), STALL],
         expect=failed(*SILENT, status=504)),
    case("stalls-in-the-middle-of-content", [*SIZED, STALL], expect=cut(b"first")),
    case("stalls-in-the-middle-of-a-chunk", [*BEGUN, send(b"10\r\nhalf"), STALL], expect=cut(b"firsthalf")),
    case("stalls-before-the-last-chunk", [*BEGUN, STALL], expect=cut(b"first")),
    case("never-reads-an-upload", [head, pause(4)], ask=Ask("POST", content=bytes(24 << 20)),
         expect=failed(*SILENT, "connection_write_timeout", status=504)),
]

# RFC 9112 section 8; the end of the connection is no end of these.
INCOMPLETE_CONTENT = [
    case("too-little-and-closes", [*SIZED, close], expect=cut(b"first")),
    case("too-little-and-resets", [*SIZED, reset], expect=cut(b"first")),
    case("no-content-at-all", [head, send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), pause(0.3), close],
         expect=cut(b"")),
    case("no-last-chunk", [*BEGUN, close], expect=cut(b"first")),
    case("no-last-chunk-and-resets", [*BEGUN, reset], expect=cut(b"first")),
    case("half-a-chunk", [*BEGUN, send(b"10\r\nhalf"), close], expect=cut(b"firsthalf")),
    case("half-a-last-chunk", [*BEGUN, send(b"0\r\n"), close], expect=cut(b"first")),
    case("half-a-trailer", [*BEGUN, send(b"0\r\nSum: 1"), close], expect=cut(b"first")),
    # Content until the connection's end ends with FIN alone (RFC 9112 section 8).
    case("reset-in-content-until-the-end", [*UNTIL_CLOSE, reset], expect=cut(b"first")),
    case("stall-in-content-until-the-end", [*UNTIL_CLOSE, STALL], expect=cut(b"first")),
]

# RFC 9112 section 4.
STATUS_LINE = [
    refused("no-http", b"220 mail.example ESMTP\r\n\r\n"),
    refused("http-0-9", b"<p>Hello, this is 1991.</p>\r\n\r\n"),
    refused("http-2-as-text", b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("another-protocol", b"ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("http-in-small-letters", b"http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("status-of-four-digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("status-of-two-digits", b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("status-0", b"HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("status-in-letters", b"HTTP/1.1 2oo OK\r\nContent-Length: 5\r\n\r\nhello"),
    refused("nul-in-the-reason", b"HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello"),
    refused("frames-of-http-2", b"\0\0\0\x04\0\0\0\0\0"),
    refused("a-tls-alert", b"\x15\x03\x03\0\x02\x02\x46"),
    # Where they come before the request is written it is not sent at all, where later it was.
    case("octets-before-the-request", [send(b"* OK ready\r\n\r\n"), head], expect=failed(*PROTOCOL), seen=ANYTHING),
]

# RFC 9112 sections 2.2 and 5, RFC 9110 section 5.5.
FIELDS = [
    bad_field("obs-fold", b"X-One: a\r\n b"),
    bad_field("obs-fold-first", b" X-One: a"),
    bad_field("nul", b"X-One: a\0b"),
    bad_field("control-character", b"X-One: a\x01b"),
    bad_field("bare-cr", b"X-One: a\rX-Two: b"),
    bad_field("bare-lf-in-a-line", b"X-One: a\nX-Two: b"),
    refused("bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    bad_field("no-colon", b"X-One"),
    bad_field("empty-name", b": a"),
    bad_field("space-in-a-name", b"X One: a"),
    bad_field("octet-in-a-name", b"X-\xe9: a"),
    bad_field("space-before-the-colon-of-framing", b"Transfer-Encoding : chunked"),
    refused("header-too-large", b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (one, b"a" * 1000) for one in range(45))
            + b"Content-Length: 0\r\n\r\n", *TOO_LARGE),
    refused("header-without-end", b"HTTP/1.1 200 OK\r\nX-One: " + b"a" * 100_000, *TOO_LARGE),
    refused("too-many-fields", b"HTTP/1.1 200 OK\r\n" + b"X-One: a\r\n" * 150 + b"Content-Length: 0\r\n\r\n", *TOO_LARGE),
]

# RFC 9112 sections 6.1 to 6.3.
FRAMING = [
    bad_length("two-lengths", b"Content-Length: 5", b"Content-Length: 6"),
    bad_length("two-equal-lengths", b"Content-Length: 5", b"Content-Length: 5"),
    bad_length("list-of-lengths", b"Content-Length: 5, 6"),
    bad_length("length-with-a-sign", b"Content-Length: +5"),
    bad_length("negative-length", b"Content-Length: -5"),
    bad_length("length-in-hexadecimal", b"Content-Length: 0x5"),
    bad_length("length-beyond-64-bits", b"Content-Length: 18446744073709551621"),
    bad_length("empty-length", b"Content-Length:"),
    bad_coding("length-and-chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    bad_coding("chunked-and-length-0", b"Transfer-Encoding: chunked\r\nContent-Length: 0"),
    bad_coding("coding-gzip", b"Transfer-Encoding: gzip"),
    bad_coding("coding-gzip-chunked", b"Transfer-Encoding: gzip, chunked"),
    bad_coding("coding-chunked-twice", b"Transfer-Encoding: chunked, chunked"),
    bad_coding("coding-like-chunked", b"Transfer-Encoding: xchunked"),
    bad_coding("coding-in-http-1-0", b"Transfer-Encoding: chunked", version=b"1.0"),
]

CHUNKS = [
    bad_chunk("chunk-size-in-letters", b"zz\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-size-negative", b"-5\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-size-0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-size-beyond-64-bits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-size-missing", b"\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-line-lf", b"5\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-extension-too-long", b"5;" + b"a" * 70_000 + b"\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("chunk-extensions-too-many", (b"1;" + b"a" * 200 + b"\r\nt\r\n") * 200 + b"0\r\n\r\n", b"t" * 199),
    bad_chunk("chunk-without-its-end", b"5\r\nhelloX\r\n0\r\n\r\n", b"hello"),
    bad_chunk("chunk-longer-than-its-size", b"5\r\nhello world\r\n0\r\n\r\n", b"hello"),
    bad_chunk("trailers-too-many", b"0\r\n" + b"X-One: a\r\n" * 300 + b"\r\n"),
    bad_chunk("trailers-too-large", b"0\r\n" + b"X-One: " + b"a" * 70_000 + b"\r\n\r\n"),
    bad_chunk("trailer-folded", b"0\r\nX-One: a\r\n b\r\n\r\n"),
    bad_chunk("trailer-without-colon", b"0\r\nX-One\r\n\r\n"),
]

INTERIM = [
    # RFC 9110 section 15.2.2 and 7.8: nobody asked for another protocol.
    refused("101-unasked", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01a",
            "http_upgrade_failed", "http_protocol_error"),
    case("interims-without-end", [head, send(HINTS * 100)], expect=failed(*PROTOCOL, interims=None)),
    refused("interim-out-of-grammar", b"HTTP/1.1 103 Early Hints\r\nX-One: a\0\r\n\r\n" + response(b"final")),
]

CASES = [*CONNECTION, *REUSE, *map(patient, TIME), *INCOMPLETE_CONTENT, *STATUS_LINE, *FIELDS, *FRAMING, *CHUNKS, *INTERIM]
