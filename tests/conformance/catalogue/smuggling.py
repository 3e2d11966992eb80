"""The classics of request smuggling: what a front and a back server could cut at different places.

Each holds a second request where a wrong reading would find it. Only one answer may come, the refusal, and the end of
the connection; or, where the message is right, exactly the answers of the right reading.
"""

from .case import CLOSE, EITHER, GET, HELLO, NO_METHOD, OPEN, catalogue, for_target, lines, with_field

CASES, case = catalogue("smuggling")

INNER = with_field(target="/canary")
BOTH = "RFC 9112 6.3, 11.2; rule: Transfer-Encoding with Content-Length 400"
ONE_FORM = "RFC 9112 11.2; rule: must equal `chunked`, once, in 1.1"
LINES = "RFC 9112 2.2, 11.1; rule: every LF follows a CR, every CR precedes an LF"


def post(*fields):
    return with_field(*fields, method="POST")


case("cl-te", post("Content-Length: 6", "Transfer-Encoding: chunked") + b"0\r\n\r\nG" + INNER, 400, CLOSE, BOTH)
case("te-cl",
     post("Transfer-Encoding: chunked",
          "Content-Length: 4") + b"%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n", 400,
     CLOSE, BOTH)
case("cl-te-1.0", lines("POST /a.txt HTTP/1.0", "Content-Length: 6",
                        "Transfer-Encoding: chunked") + b"0\r\n\r\nG" + INNER, 400,
     CLOSE, BOTH)
case("te-te-second-unknown",
     post("Transfer-Encoding: chunked", "Transfer-Encoding: cow") + b"0\r\n\r\n" + INNER, 400, CLOSE, ONE_FORM)
case("te-te-first-unknown", post("Transfer-Encoding: cow", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + INNER,
     400, CLOSE, ONE_FORM)
for name, line in {
    "x-prefix": b"Transfer-Encoding: xchunked", "space-colon": b"Transfer-Encoding : chunked",
    "tab-colon": b"Transfer-Encoding\t:chunked",
    "vertical-tab": b"Transfer-Encoding:\x0bchunked", "form-feed": b"Transfer-Encoding:\x0cchunked",
    "nul": b"Transfer-Encoding: chunked\x00",
    "cr": b"Transfer-Encoding: chunked\r", "lf-before": b"X: y\nTransfer-Encoding: chunked",
    "cr-before": b"X: y\rTransfer-Encoding: chunked",
    "lf-fold": b"Transfer-Encoding\n : chunked", "crlf-fold": b"Transfer-Encoding\r\n : chunked",
    "fold": b"Transfer-Encoding:\r\n chunked",
    "leading-space": b" Transfer-Encoding: chunked", "leading-cr": b"\rTransfer-Encoding: chunked",
    "quotes": b'Transfer-Encoding: "chunked"',
    "brackets": b"Transfer-Encoding: [chunked]", "semicolon": b"Transfer-Encoding: chunked;",
    "comma": b"Transfer-Encoding: ,chunked",
    "8-bit": b"Transfer-Encoding: \xffchunked", "name-8-bit": b"Transfer\x82Encoding: chunked",
    "name-space": b"Transfer Encoding: chunked",
    "name-nul": b"Transfer-\x00Encoding: chunked", "no-value": b"Transfer-Encoding:",
    "capitals": b"TRANSFER-ENCODING: CHUNKED", "name-quote": b'"Transfer-Encoding": chunked',
    "no-colon": b"Transfer-Encoding chunked",
    "colon-first": b":Transfer-Encoding: chunked", "equals": b"Transfer-Encoding=chunked",
    "backspace": b"Transfer-Encoding\x08: chunked",
}.items():
    case(f"te-obfuscated-{name}", post("Content-Length: 6", line) + b"0\r\n\r\nG" + INNER, 400, CLOSE,
         BOTH + "; RFC 9112 5.1")
for name, line in {
    "space-colon": b"Content-Length : 50", "tab-colon": b"Content-Length\t: 50", "plus": b"Content-Length: +50",
    "nul": b"Content-Length: 50\x00",
    "vertical-tab": b"Content-Length:\x0b50", "list": b"Content-Length: 50, 50",
    "zero-list": b"Content-Length: 0, 50", "cr": b"Content-Length: 50\r",
    "lf-before": b"X: y\nContent-Length: 50", "fold": b"Content-Length:\r\n 50", "hex": b"Content-Length: 0x32",
    "leading-space": b" Content-Length: 50",
    "name-nul": b"Content-Length\x00: 50", "quotes": b'Content-Length: "50"',
    "second": b"Content-Length: 0\r\nContent-Length: 50",
    "no-colon": b"Content-Length 50", "minus": b"Content-Length: -50", "two-words": b"Content-Length: 50 0",
}.items():
    case(f"cl-obfuscated-{name}", with_field(line) + INNER, 400, CLOSE,
         "RFC 9112 6.3, 5.1; rule: Content-Length")

case("cl-0-body-is-a-request", with_field(f"Content-Length: {len(INNER)}") + INNER, HELLO, OPEN,
     "RFC 9112 6.3: a body of GET is a body")
case("cl-0-options", with_field(f"Content-Length: {len(INNER)}", method="OPTIONS", target="*") + INNER + GET,
     [(200, 204), HELLO],
     OPEN, "RFC 9112 6.3")
case("cl-0-missing", with_field(f"Content-Length: {len(INNER)}", target="/missing") + INNER + GET, [404, HELLO],
     OPEN,
     "RFC 9112 6.3: an error answer frames the body all the same")
case("cl-0-redirect", with_field(f"Content-Length: {len(INNER)}", target="/dir") + INNER + GET, [301, HELLO],
     OPEN, "RFC 9112 6.3")
case("te-0-redirect",
     with_field("Transfer-Encoding: chunked", target="/dir") + b"%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n"
     + GET, [301, HELLO], OPEN, "RFC 9112 6.3")
case("te-body-is-a-request",
     post("Transfer-Encoding: chunked") + b"%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n" + GET,
     [NO_METHOD, HELLO], OPEN, "RFC 9112 7.1")
case("length-in-trailer", post("Transfer-Encoding: chunked") + b"0\r\nContent-Length: %d\r\n\r\n" % len(GET),
     (400, 405),
     EITHER, "RFC 9110 6.5.1: MUST NOT be sent; it is refused or frames nothing", after_head=True)
case("chunk-size-wraps-32", post("Transfer-Encoding: chunked") + b"100000005\r\nhello\r\n0\r\n\r\n" + INNER,
     (400, 405, 413), CLOSE,
     "RFC 9112 7.1: anticipate large numerals", after_head=True, slow_end=True)
case("chunk-size-wraps-64",
     post("Transfer-Encoding: chunked") + b"10000000000000005\r\nhello\r\n0\r\n\r\n" + INNER, (400, 405),
     CLOSE, "RFC 9112 7.1; rule: 16 digits", after_head=True)
case("chunk-extension-lf",
     post("Transfer-Encoding: chunked") + b"2;\nxx\r\n%x\r\n" % 0x50 + INNER + b"0\r\n\r\n", (400, 405), CLOSE,
     LINES, after_head=True)
case("chunk-any-two-octets", post("Transfer-Encoding: chunked") + b"5\r\nhelloXX0\r\n\r\n" + INNER, (400, 405),
     CLOSE,
     "RFC 9112 7.1; rule: data without its CRLF", after_head=True)
case("chunk-lf-only-then-request", post("Transfer-Encoding: chunked") + b"0\n\n" + INNER, (400, 405), CLOSE,
     LINES, after_head=True)
case("lf-lf-hides-a-request", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: y\n\n" + INNER, 400, CLOSE, LINES)
case("cr-hides-a-field", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: y\rContent-Length: 30\r\n\r\n" + INNER,
     400, CLOSE, LINES)
case("llhttp-r-n-r-x", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\rX: canary\r\n\r\n", 400, CLOSE,
     LINES + "; DESIGN 6")
case("llhttp-empty-name-by-cr", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r: canary\r\n\r\n", 400, CLOSE,
     LINES)
case("llhttp-close-tab", with_field("Connection: close\t") + INNER, HELLO, CLOSE,
     "rule: `Connection: close<TAB>`")
case("two-hosts", with_field("Host: canary") + INNER, 400, CLOSE, "RFC 9112 3.2")
case("host-by-fold", with_field("X: y", " Host: canary") + INNER, 400, CLOSE, "RFC 9112 5.2")
case("host-with-space-colon", lines("GET /a.txt HTTP/1.1", "Host: localhost", "Host : canary") + INNER, 400,
     CLOSE, "RFC 9112 5.1")
case("host-by-absolute-form", for_target("http://canary/a.txt") + INNER, 400, CLOSE,
     "rule: Host other than the absolute form's")
case("host-by-double-slash", for_target("//canary/a.txt"), (301, 308, 400, 404), EITHER,
     "RFC 9112 3.2.1: a path, no authority")
case("host-by-at", for_target("@canary/a.txt") + INNER, 400, CLOSE, "RFC 9112 3.2.1")
case("pseudo-fields", with_field(":method: POST", ":path: /canary") + INNER, 400, CLOSE,
     "RFC 9110 5.1; rule: empty field name")
case("space-splits-the-target", b"GET /a.txt HTTP/1.1 /canary HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSE,
     "RFC 9112 3")
case("crlf-splits-the-target", b"GET /a.txt\r\nX: HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSE,
     "RFC 9112 3")
case("method-hides-in-body",
     post("Content-Length: 3") + b"GET" + b" /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", [NO_METHOD, 400],
     CLOSE, "RFC 9112 3: what is left has no method")
case("connect-hides-a-request", lines("CONNECT localhost:80 HTTP/1.1", "Host: localhost:80") + INNER, 405,
     CLOSE,
     "rule: CONNECT 405 and close")
case("upgrade-hides-nothing", with_field("Connection: Upgrade", "Upgrade: websocket",
    "Content-Length: 5") + b"hello" + GET,
     [HELLO, HELLO], OPEN, "RFC 9110 7.8; rule: Upgrade ignored")
case("websocket-fake-version", with_field("Connection: Upgrade", "Upgrade: websocket",
    "Sec-WebSocket-Version: 777") + GET,
     [HELLO, HELLO], OPEN, "RFC 9110 7.8; rule: nothing after it is read as another protocol before a 101")
case("expect-obfuscated", post("Expect: y 100-continue", "Content-Length: 5") + b"hello", 417, EITHER,
     "RFC 9110 10.1.1")
