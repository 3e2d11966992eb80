"""Pipelines (RFC 9112 9.3.2): answered in order, each whole, the good ones before a bad one too.

"A malformed request reaches no handler and does not spoil the answers before it" (issue 2).
"""

from .case import (CLOSE, DIR_INDEX, GET, HEAD_HELLO, HELLO, INDEX, NO_METHOD, OPEN, SITE, catalogue, lines,
                   reply,
                   with_field)

CASES, case = catalogue("pipeline")

ORDER = "RFC 9112 9.3.2"
SPOILS = "RFC 9112 9.3.2; issue 2: a malformed request does not spoil the answers before it"
BIG = reply(200, body=SITE["big.bin"])
POST = with_field("Content-Length: 5", method="POST") + b"hello"
CHUNKED = with_field("Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n0\r\n\r\n"


def to(target):
    return with_field(target=target)


case("two", GET * 2, [HELLO] * 2, OPEN, ORDER)
case("three-different", to("/") + GET + to("/dir/"), [INDEX, HELLO, DIR_INDEX], OPEN, ORDER)
case("sixteen", GET * 16, [HELLO] * 16, OPEN, ORDER)
case("thirty-three", GET * 33, [HELLO] * 33, OPEN,
     ORDER + "; DESIGN 3: 32 requests a turn, the rest in the next")
case("two-hundred", GET * 200, [HELLO] * 200, OPEN, ORDER)
case("alternating", (GET + to("/")) * 20, [HELLO, INDEX] * 20, OPEN, ORDER)
case("large-and-small", to("/big.bin") + GET + to("/big.bin") + GET, [BIG, HELLO, BIG, HELLO], OPEN, ORDER)
case("errors-between", to("/missing") + GET + POST + GET, [404, HELLO, NO_METHOD, HELLO], OPEN, ORDER)
case("heads-between", with_field(method="HEAD") + GET + with_field(method="HEAD"),
     [HEAD_HELLO, HELLO, HEAD_HELLO], OPEN,
     "RFC 9110 9.3.2")
case("bodies-between", POST + CHUNKED + POST + GET, [NO_METHOD, NO_METHOD, NO_METHOD, HELLO], OPEN,
     "RFC 9112 6.3")
case("redirect-between", GET + to("/dir") + GET, [HELLO, 301, HELLO], OPEN, ORDER)
case("options-between", with_field(method="OPTIONS", target="*") + GET, [(200, 204), HELLO], OPEN, ORDER)
case("empty-line-between", GET + b"\r\n" + GET, [HELLO, HELLO], OPEN, "RFC 9112 2.2")
case("empty-lines-each", (GET + b"\r\n") * 5, [HELLO] * 5, OPEN, "RFC 9112 2.2")
case("two-empty-lines-between", GET + b"\r\n\r\n" + GET, [HELLO, 400], CLOSE, "rule: one leading CRLF at most")
case("lf-between", GET + b"\n" + GET, [HELLO, 400], CLOSE, "RFC 9112 2.2; rule: every LF follows a CR")
case("space-between", GET + b" " + GET, [HELLO, 400], CLOSE, "RFC 9112 3")
case("different-hosts", with_field(host="one") + with_field(host="two"), [HELLO, HELLO], OPEN, "RFC 9112 9.3")
case("absolute-between", GET + to("http://localhost/a.txt") + GET, [HELLO] * 3, OPEN, "RFC 9112 3.2.2")
case("closed-by-the-second", GET + with_field("Connection: close") + GET, [HELLO, HELLO], CLOSE, "RFC 9112 9.6")
case("closed-by-1.0", GET + lines("GET /a.txt HTTP/1.0") + GET, [HELLO, HELLO], CLOSE, "RFC 9112 9.3")
case("connect-second", GET + lines("CONNECT a.example:443 HTTP/1.1", "Host: a.example:443") + GET,
     [HELLO, NO_METHOD], CLOSE,
     "rule: CONNECT 405 and close")

for name, second, status in (
    ("garbage", b"\x00\x01canary\r\n\r\n", 400), ("no-host", lines("GET /canary HTTP/1.1"), 400),
    ("bad-field", with_field("canary"), 400), ("folded", with_field("X: y", " canary"), 400),
    ("lf", b"GET /canary HTTP/1.1\nHost: localhost\n\n", 400),
    ("version", lines("GET /canary HTTP/1.3", "Host: a"), 505),
    ("bad-version", lines("GET /canary HTTP/x", "Host: a"), 400), ("0.9", b"GET /canary\r\n\r\n", 400),
    ("long-line", to("/?" + "canary" * 2000), 414), ("long-field", with_field("X: " + "y" * 9000), 431),
    ("bad-length", with_field("Content-Length: +5", method="POST") + b"hello", 400),
    ("both-lengths", with_field("Content-Length: 5", "Transfer-Encoding: chunked",
        method="POST") + b"0\r\n\r\n", 400),
    ("other-coding", with_field("Transfer-Encoding: gzip", method="POST") + b"hello", (400, 501)),
    ("two-hosts", with_field("Host: canary"), 400), ("nul", with_field(b"X: \x00"), 400),
    ("fragment", to("/a.txt#canary"), 400), ("asterisk", to("*"), 400),
    ("preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
):
    case(f"good-then-{name}", GET + second, [HELLO, status], CLOSE, SPOILS)
    case(f"good-{name}-good", GET + GET + second + GET, [HELLO, HELLO, status], CLOSE,
         SPOILS + "; nothing after it is read")
case("post-then-bad", POST + with_field("canary"), [NO_METHOD, 400], CLOSE, SPOILS)
case("chunked-then-bad", CHUNKED + with_field("canary"), [NO_METHOD, 400], CLOSE, SPOILS)
case("head-then-bad", with_field(method="HEAD") + with_field("canary"), [HEAD_HELLO, 400], CLOSE, SPOILS)
case("large-then-bad", to("/big.bin") + with_field("canary"), [BIG, 400], CLOSE, SPOILS)
case("thirty-three-then-bad", GET * 33 + with_field("canary"), [HELLO] * 33 + [400], CLOSE, SPOILS)
case("good-then-bad-chunk", GET + with_field("Transfer-Encoding: chunked", method="POST") + b"x\r\n" + GET,
     [HELLO, (400, 405)],
     CLOSE, SPOILS, after_head=True)
case("expectation-then-good", GET + with_field("Expect: canary", "Connection: close") + GET, [HELLO, 417],
     CLOSE, SPOILS)
