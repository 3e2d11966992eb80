"""The catalogue of HTTP/2 upstreams that misbehave, and of some that are only unlike others.

The problem: what goes wrong on an HTTP/2 connection goes wrong with one stream, or with all. A stream's error must cost its
own exchange alone and leave the connection in use; a connection's error must not be used any further; and what the upstream
says that it has not read (GOAWAY, REFUSED_STREAM: RFC 9113 sections 6.8 and 8.7) is sent again, whatever the method. The
expectations are of RFC 9113; the words for Proxy-Status are of RFC 9209 section 2.3, which knows no stream: where a stream
is reset before its response, "http_protocol_error" fits as well as "connection_terminated".
"""

from asking import Ask
from h2_frames import (CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, INTERNAL_ERROR,
                       INITIAL_WINDOW_SIZE, NO_ERROR, PADDED, PING, PUSH_PROMISE, REFUSED_STREAM, SETTINGS, frame,
                       pseudo_fields, reset_stream, settings, window_update)
from misbehaviour import ANYTHING, GET, POST, Expect, case, cut, failed, good, patient
from scripted_upstream import close, drain, pause, reset, send, until_client_saw
from scripted_upstream_h2 import (body, body_part, frames, go_away, open_windows, preface, request, respond, until_reset,
                                  whole_request)

PROTOCOL = ("http_protocol_error",)
INCOMPLETE = ("http_response_incomplete", "connection_terminated", "http_protocol_error")
TOO_LARGE = ("http_response_header_section_size", "http_response_header_size", "http_protocol_error")
SILENT = ("http_response_timeout", "connection_read_timeout")
HEAD = Ask("HEAD")
LARGE = Ask("POST", content=bytes(8 << 20))
BEGUN = (frames(lambda h2: h2.head() + h2.data(b"first")), until_client_saw)


def upstream(name, *steps, ask=GET, expect=None, begin=(preface(), whole_request), **more):
    """A case whose first connection has taken the request."""
    return case(name, [*begin, *steps], ask=ask, expect=expect, h2=True, **more)


def malformed(name, make, *errors, expect=None):
    """RFC 9113 section 8.1.1: an error of the stream; or of the connection, as an intermediary chooses."""
    return upstream(name, frames(make), expect=expect or failed(*(errors or PROTOCOL)), reused=None)


def connection_error(name, make, *errors):
    return upstream(name, frames(make), expect=failed(*PROTOCOL, *INCOMPLETE, *errors), reused=False)


def again(name, *steps, ask=GET, **more):
    """The request is sent a second time and answered."""
    return upstream(name, *steps, ask=ask, expect=good(f"honest {ask.method} /{name}/{ask.target}".encode()),
                    seen=(f"{ask.method} first",) * 2, **more)


def reset_with(code):
    return frames(lambda h2: reset_stream(h2.stream, code))


# --- Ends of streams and connections ---

ENDS = [
    upstream("h2-closes-at-accept", close, begin=(), expect=failed("connection_terminated", *PROTOCOL), seen=()),
    upstream("h2-closes-after-the-preface", close, begin=(preface(),), expect=failed(*INCOMPLETE), seen=ANYTHING),
    upstream("h2-closes-after-the-request", close, expect=failed(*INCOMPLETE)),
    upstream("h2-resets-after-the-request", reset, expect=failed(*INCOMPLETE)),
    upstream("h2-closes-in-content", *BEGUN, close, expect=cut(b"first")),
    upstream("h2-resets-in-content", *BEGUN, reset, expect=cut(b"first")),
    upstream("h2-closes-in-a-frame", *BEGUN, send(frame(DATA, 1, payload=b"half", length=100)), close,
             expect=cut(b"firsthalf")),
    upstream("h2-stream-reset-before-the-head", reset_with(INTERNAL_ERROR), expect=failed(*INCOMPLETE), reused=True),
    upstream("h2-stream-reset-post", reset_with(INTERNAL_ERROR), ask=POST, expect=failed(*INCOMPLETE), reused=True),
    upstream("h2-stream-reset-in-content", *BEGUN, reset_with(INTERNAL_ERROR), expect=cut(b"first"), reused=True),
    # Without END_STREAM no response is whole, however friendly the code.
    upstream("h2-stream-reset-in-content-without-error", *BEGUN, reset_with(NO_ERROR), expect=cut(b"first"), reused=True),
    upstream("h2-go-away-with-error-in-content", *BEGUN, go_away(code=ENHANCE_YOUR_CALM), close, expect=cut(b"first")),
]

# RFC 9113 sections 6.8 and 8.7.
UNREAD = [
    again("h2-refused-stream", reset_with(REFUSED_STREAM), reused=None),
    again("h2-refused-stream-post", reset_with(REFUSED_STREAM), ask=POST, reused=None),
    again("h2-go-away-that-leaves-out", go_away(last=0), drain, reused=True, connections=2),
    again("h2-go-away-that-leaves-out-post", go_away(last=0), drain, ask=POST, reused=True, connections=2),
    again("h2-go-away-that-leaves-out-and-closes", go_away(last=0), close, reused=None),
    # The content is more than is kept: what was passed on cannot be sent again.
    upstream("h2-refused-stream-large-post", body_part(300_000), reset_with(REFUSED_STREAM), begin=(preface(), request),
             ask=LARGE, expect=failed(*INCOMPLETE), reused=None),
    upstream("h2-go-away-that-leaves-in", go_away(), respond(b"hello"), expect=good(b"hello")),
    upstream("h2-go-away-in-content", *BEGUN, go_away(), frames(lambda h2: h2.data(b" and last", end=True)),
             expect=good(b"first and last")),
    upstream("h2-go-away-in-two-steps", *BEGUN, go_away(last=(1 << 31) - 1), pause(0.1), go_away(),
             frames(lambda h2: h2.data(b" and last", end=True)), expect=good(b"first and last")),
    upstream("h2-go-away-when-idle", respond(b"hello"), pause(0.1), go_away(), expect=good(b"hello"), gap=0.3),
    upstream("h2-closes-when-idle", respond(b"hello"), pause(0.1), close, expect=good(b"hello"), gap=0.3),
    upstream("h2-resets-when-idle", respond(b"hello"), pause(0.1), reset, expect=good(b"hello"), gap=0.3),
]

TIME = [
    upstream("h2-stalls-before-the-head", until_reset, expect=failed(*SILENT, status=504), reused=None),
    upstream("h2-stalls-in-content", *BEGUN, until_reset, expect=cut(b"first"), reused=None),
    upstream("h2-never-says-settings", drain, begin=(), expect=Expect((502, 504), (*SILENT, *PROTOCOL, "connection_timeout")),
             seen=ANYTHING),
    upstream("h2-windows-stay-shut", until_reset, begin=(preface({INITIAL_WINDOW_SIZE: 0}, window=0), request), ask=POST,
             expect=failed(*SILENT, "connection_write_timeout", status=504), reused=None),
    upstream("h2-windows-stay-shut-and-the-end-comes-late", until_reset,
             begin=(preface({INITIAL_WINDOW_SIZE: 0}, window=0), request), ask=Ask("POST", content=b"content", lingers=0.1),
             expect=failed(*SILENT, "connection_write_timeout", status=504), reused=None),
    # All content is out, and its end may wait for a window (RFC 9113 section 6.9.1), but not for ever.
    upstream("h2-windows-shut-before-the-end", body_part(7), frames(lambda h2: settings({INITIAL_WINDOW_SIZE: 0})), until_reset,
             begin=(preface({INITIAL_WINDOW_SIZE: 65535}, window=0), request),
             ask=Ask("POST", content=b"content", trailers=("Sum: 1",), lingers=0.3),
             expect=failed(*SILENT, "connection_write_timeout", status=504), reused=None),
    upstream("h2-windows-open-late-and-the-end-comes-later", pause(0.3), open_windows(), body, respond(b"taken"),
             begin=(preface({INITIAL_WINDOW_SIZE: 0}, window=0), request), ask=Ask("POST", content=b"content", lingers=0.1),
             expect=good(b"taken"), reused=True, upstream_check=lambda one: _all_came(one, 7)),
    upstream("h2-slow-content", frames(lambda h2: h2.head()), *[frames(lambda h2: h2.data(b"t")), pause(0.2)] * 11,
             frames(lambda h2: h2.data(b"", end=True)), expect=good(b"t" * 11), reused=True),
    upstream("h2-slow-windows", *[open_windows(10_000), pause(0.2)] * 11,
             body, respond(b"taken"), begin=(preface({INITIAL_WINDOW_SIZE: 0}, window=0), request),
             ask=Ask("POST", content=bytes(110_000)), expect=good(b"taken"), reused=True,
             upstream_check=lambda one: _all_came(one, 110_000)),
]


def _all_came(one, octets):
    assert len(one.requests[0].body) == octets


# --- Flow control and early responses ---

FLOW = [
    upstream("h2-windows-open-late", pause(0.3), open_windows(), body, respond(b"taken"),
             begin=(preface({INITIAL_WINDOW_SIZE: 0}, window=0), request), ask=Ask("POST", content=bytes(200_000)),
             expect=good(b"taken"), reused=True, upstream_check=lambda one: _all_came(one, 200_000)),
    upstream("h2-early-response", respond(b"no", status="403"), reset_with(NO_ERROR), begin=(preface(), request), ask=LARGE,
             expect=good(b"no", 403), reused=True),
    upstream("h2-early-response-without-reset", respond(b"no", status="403"), begin=(preface(window=0), request), ask=LARGE,
             expect=good(b"no", 403), reused=None, next=False),
    upstream("h2-window-of-nothing", frames(lambda h2: window_update(h2.stream, 0)), expect=failed(*INCOMPLETE), reused=None),
    connection_error("h2-window-of-nothing-connection", lambda h2: window_update(0, 0)),
    connection_error("h2-window-overflows", lambda h2: window_update(0, 0x7FFFFFFF)),
    # RFC 9113 section 6.9.1: more than the windows let through; the client does not read meanwhile.
    upstream("h2-more-than-the-windows", frames(lambda h2: h2.head()), *[frames(lambda h2: h2.data(bytes(1 << 20)))] * 6,
             frames(lambda h2: h2.data(b"", end=True)), expect=cut(None), slow=1.0, receive_buffer=4096, next=False,
             reused=None),
]

# --- Messages, RFC 9113 section 8 ---

MESSAGES = [
    malformed("h2-data-before-the-head", lambda h2: h2.data(b"hello", end=True), *INCOMPLETE),
    malformed("h2-no-status", lambda h2: h2.fields([("x-one", "a")], end=True)),
    malformed("h2-two-statuses", lambda h2: h2.fields([(":status", "200"), (":status", "200")], end=True)),
    malformed("h2-status-in-letters", lambda h2: h2.fields([(":status", "2oo")], end=True)),
    malformed("h2-status-of-four-digits", lambda h2: h2.fields([(":status", "2000")], end=True)),
    malformed("h2-status-after-a-field", lambda h2: h2.fields([("x-one", "a"), (":status", "200")], end=True)),
    malformed("h2-unknown-pseudo-field", lambda h2: h2.fields([(":status", "200"), (":fun", "1")], end=True)),
    malformed("h2-pseudo-field-of-requests", lambda h2: h2.fields([(":status", "200"), (":path", "/")], end=True)),
    malformed("h2-name-in-capitals", lambda h2: h2.head(("X-One", "a"), end=True)),
    malformed("h2-empty-name", lambda h2: h2.head(("", "a"), end=True)),
    malformed("h2-space-in-a-name", lambda h2: h2.head(("x one", "a"), end=True)),
    malformed("h2-nul-in-a-value", lambda h2: h2.head(("x-one", "a\0b"), end=True)),
    malformed("h2-crlf-in-a-value", lambda h2: h2.head(("x-one", "a\r\nx-two: b"), end=True)),
    malformed("h2-connection-field", lambda h2: h2.head(("connection", "close"), end=True)),
    malformed("h2-transfer-encoding", lambda h2: h2.head(("transfer-encoding", "chunked"), end=True)),
    malformed("h2-101", lambda h2: h2.head(status="101") + h2.response(b"hello"), "http_upgrade_failed", *PROTOCOL),
    malformed("h2-interim-that-ends", lambda h2: h2.head(status="103", end=True), *INCOMPLETE),
    malformed("h2-interims-without-end", lambda h2: h2.head(status="103") * 100,
              expect=failed(*PROTOCOL, interims=None)),
    malformed("h2-length-in-letters", lambda h2: h2.head(("content-length", "five")) + h2.data(b"hello", end=True)),
    malformed("h2-two-lengths", lambda h2: h2.head(("content-length", "5"), ("content-length", "6")) +
              h2.data(b"hello", end=True)),
    upstream("h2-too-much-content", frames(lambda h2: h2.head(("content-length", "10")) + h2.data(b"first")), until_client_saw,
             frames(lambda h2: h2.data(b" and too much", end=True)), expect=cut(b"first and "), reused=None),
    upstream("h2-too-little-content", frames(lambda h2: h2.head(("content-length", "10")) + h2.data(b"first")),
             until_client_saw, frames(lambda h2: h2.data(b"", end=True)), expect=cut(b"first"), reused=None),
    upstream("h2-pseudo-field-in-trailers", *BEGUN, frames(lambda h2: h2.fields([(":status", "200")], end=True)),
             expect=cut(b"first"), reused=None),
    upstream("h2-trailers-that-do-not-end", *BEGUN, frames(lambda h2: h2.fields([("sum", "1")]) + h2.data(b"x", end=True)),
             expect=cut(b"firstx"), reused=None),
    upstream("h2-trailers-too-many", *BEGUN, frames(lambda h2: h2.fields([("x-one", "a")] * 500, end=True)),
             expect=cut(b"first"), reused=None),
    upstream("h2-too-many-fields", frames(lambda h2: h2.head(*[("x-one", "a")] * 150, end=True)), expect=failed(*TOO_LARGE),
             reused=None),
    upstream("h2-header-too-large",
             frames(lambda h2: _in_pieces(h2, [(f"x-{one}", "a" * 1000) for one in range(45)])), expect=failed(*TOO_LARGE),
             reused=None),
]


def _in_pieces(h2, fields) -> bytes:
    """HEADERS and CONTINUATION."""
    block = h2.block([(":status", "200"), *fields])
    pieces = [block[at:at + 8000] for at in range(0, len(block), 8000)]
    assert len(pieces) > 1
    octets = frame(HEADERS, h2.stream, END_STREAM, pieces[0])
    octets += b"".join(frame(CONTINUATION, h2.stream, 0, one) for one in pieces[1:-1])
    return octets + frame(CONTINUATION, h2.stream, END_HEADERS, pieces[-1])


# --- Connections, RFC 9113 sections 3, 4 and 6 ---

CONNECTIONS = [
    upstream("h2-answers-in-http-1", send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), drain,
             begin=(), expect=failed(*INCOMPLETE), seen=ANYTHING),
    upstream("h2-begins-without-settings", send(frame(PING, payload=bytes(8))), drain, begin=(), expect=failed(*INCOMPLETE),
             seen=ANYTHING),
    connection_error("h2-field-block-out-of-grammar", lambda h2: frame(HEADERS, h2.stream, END_HEADERS | END_STREAM,
                                                                      b"\xff\xff\xff\xff\xff\xff\xff\xff")),
    connection_error("h2-push-promise", lambda h2: frame(
        PUSH_PROMISE, h2.stream, END_HEADERS, (2).to_bytes(4, "big") + h2.block(pseudo_fields("/pushed"))) +
                     h2.response(b"hello")),
    connection_error("h2-head-on-an-idle-stream", lambda h2: h2.head(stream=h2.stream + 2, end=True)),
    connection_error("h2-head-on-an-even-stream", lambda h2: h2.head(stream=2, end=True)),
    connection_error("h2-data-on-stream-0", lambda h2: frame(DATA, 0, payload=b"hello")),
    connection_error("h2-frame-too-large", lambda h2: frame(DATA, h2.stream, payload=bytes(1 << 20))),
    connection_error("h2-padding-beyond-the-frame", lambda h2: frame(DATA, h2.stream, PADDED, b"\xffhello")),
    connection_error("h2-ping-of-seven", lambda h2: frame(PING, payload=bytes(7))),
    connection_error("h2-settings-of-five", lambda h2: frame(SETTINGS, payload=bytes(5))),
    connection_error("h2-reset-of-an-idle-stream", lambda h2: reset_stream(h2.stream + 2)),
    connection_error("h2-continuation-alone", lambda h2: frame(CONTINUATION, h2.stream, END_HEADERS, b"")),
    connection_error("h2-frame-between-continuations", lambda h2: frame(HEADERS, h2.stream, 0, b"\x88") + frame(
        PING, payload=bytes(8))),
    connection_error("h2-continuations-without-end", lambda h2: frame(HEADERS, h2.stream, 0, b"\x88") + frame(
        CONTINUATION, h2.stream, 0, b"") * 2000, *TOO_LARGE),
]

# Frames of no use, without end: answered or ended, but no response is spoilt by them.
FLOODS = [
    upstream("h2-ping-flood", frames(lambda h2: frame(PING, payload=bytes(8)) * 20_000 + h2.response(b"hello")),
             expect=Expect((200, 502), INCOMPLETE), reused=None),
    upstream("h2-settings-flood", frames(lambda h2: frame(SETTINGS) * 20_000 + h2.response(b"hello")),
             expect=Expect((200, 502), INCOMPLETE), reused=None),
    upstream("h2-empty-data-flood", *BEGUN, frames(lambda h2: h2.data(b"") * 50_000), expect=cut(b"first"), reused=None),
    upstream("h2-resets-of-a-stream-that-is-over", frames(lambda h2: h2.response(b"hello") + reset_stream(h2.stream) * 3),
             expect=good(b"hello"), reused=None),
]

# What is unlike others and right.
GOOD = [
    upstream("h2-padding", frames(lambda h2: frame(HEADERS, h2.stream, END_HEADERS | PADDED, b"\x05" + h2.block(
        [(":status", "200")]) + bytes(5)) + frame(DATA, h2.stream, PADDED | END_STREAM, b"\xc8hello" + bytes(200))),
             expect=good(b"hello"), reused=True),
    upstream("h2-continuations", frames(lambda h2: _in_pieces(h2, [(f"x-{one}", "a" * 700) for one in range(30)])),
             expect=good(b""), reused=True),
    upstream("h2-trailers", frames(lambda h2: h2.head() + h2.data(b"hello") + h2.fields([("sum", "1")], end=True)),
             ask=Ask(fields=("TE: trailers",)), expect=good(b"hello", trailers=(("sum", "1"),)), reused=True),
    upstream("h2-103", frames(lambda h2: h2.head(("link", "</a>"), status="103") + h2.response(b"hello")),
             expect=good(b"hello", interims=(103,)), reused=True),
    upstream("h2-100-when-asked", frames(lambda h2: h2.head(status="100")), body, respond(b"taken"),
             begin=(preface(), request), ask=Ask("POST", content=b"later", waits=True),
             expect=good(b"taken", interims=(100,)), reused=True, upstream_check=lambda one: _all_came(one, 5)),
    upstream("h2-417-when-asked-for-100", respond(b"no", status="417"), begin=(preface(), request),
             ask=Ask("POST", content=b"later", waits=True), expect=good(b"no", 417), reused=None,
             upstream_check=lambda one: _all_came(one, 0)),
    upstream("h2-head", frames(lambda h2: h2.head(("content-length", "5"), end=True)), ask=HEAD,
             expect=good(b"", fields=(("content-length", ["5"]),)), reused=True),
    upstream("h2-204", frames(lambda h2: h2.head(status="204", end=True)),
             expect=good(b"", 204), reused=True),
    upstream("h2-304-with-length", frames(lambda h2: h2.head(("content-length", "5"), status="304", end=True)),
             expect=good(b"", 304), reused=True),
    upstream("h2-two-cookies", respond(b"hello", ("set-cookie", "a=1"), ("set-cookie", "b=2")),
             expect=good(b"hello", fields=(("set-cookie", ["a=1", "b=2"]),)), reused=True),
    upstream("h2-421", respond(b"no", status="421"), expect=good(b"no", 421), reused=True),
    upstream("h2-unknown-frames", frames(lambda h2: frame(0xFA, h2.stream, payload=b"?") + frame(0xFB) + h2.response(b"hello")),
             expect=good(b"hello"), reused=True),
    upstream("h2-content-in-octets", frames(lambda h2: h2.head()), frames(lambda h2: b"".join(
        h2.data(b"t") for _ in range(2000)) + h2.data(b"", end=True)), expect=good(b"t" * 2000), reused=True),
    upstream("h2-large-content", frames(lambda h2: h2.head(("content-length", str(60_000)))), frames(
        lambda h2: h2.data(bytes(60_000), end=True)), expect=good(bytes(60_000)), reused=True),
    upstream("h2-window-of-new-streams-changes", frames(lambda h2: settings({INITIAL_WINDOW_SIZE: 1000})), open_windows(),
             body, respond(b"taken"), begin=(preface({INITIAL_WINDOW_SIZE: 500}), request),
             ask=Ask("POST", content=bytes(50_000)), expect=good(b"taken"), reused=True,
             upstream_check=lambda one: _all_came(one, 50_000)),
]

CASES = [*ENDS, *UNREAD, *map(patient, TIME), *FLOW, *MESSAGES, *CONNECTIONS, *FLOODS, *GOOD]
