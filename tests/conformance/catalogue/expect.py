"""Expect (RFC 9110 10.1.1): 100-continue is known, in any case, in 1.1; another expectation is 417.

The files handler reads no body, so no 100 (Continue) is due: the final status comes instead of it.
"""

from .case import CLOSE, EITHER, HELLO, NO_METHOD, OPEN, catalogue, lines, with_field

CASES, case = catalogue("expect")

KNOWN = "RFC 9110 10.1.1"
UNKNOWN = "RFC 9110 10.1.1, 15.5.18; rule: unknown expectation 417"

case("continue-without-body", with_field("Expect: 100-continue"), HELLO, OPEN, KNOWN)
case("continue-in-capitals", with_field("Expect: 100-Continue"), HELLO, OPEN, KNOWN + ": case-insensitive")
case("continue-spaces-around", with_field("Expect: \t100-continue \t"), HELLO, OPEN, KNOWN)
case("continue-post", with_field("Expect: 100-continue", "Content-Length: 5", method="POST") + b"hello",
     NO_METHOD, EITHER,
     KNOWN + ": final status instead of 100")
case("continue-chunked", with_field("Expect: 100-continue", "Transfer-Encoding: chunked", method="POST")
     + b"5\r\nhello\r\n0\r\n\r\n", NO_METHOD, EITHER, KNOWN)
case("continue-empty-body", with_field("Expect: 100-continue", "Content-Length: 0", method="POST"), NO_METHOD,
     OPEN, KNOWN)
case("continue-1.0", lines("GET /a.txt HTTP/1.0", "Expect: 100-continue"), HELLO, CLOSE,
     KNOWN + ": ignored in 1.0")
case("continue-1.0-post", lines("POST /a.txt HTTP/1.0", "Expect: 100-continue", "Content-Length: 5") + b"hello",
     NO_METHOD,
     CLOSE, KNOWN + ": ignored in 1.0")
case("unknown", with_field("Expect: canary"), 417, EITHER, UNKNOWN)
case("unknown-post", with_field("Expect: canary", "Content-Length: 5", method="POST") + b"hello", 417, EITHER,
     UNKNOWN)
case("other-status", with_field("Expect: 200-ok"), 417, EITHER, UNKNOWN)
case("with-value", with_field("Expect: canary=42"), 417, EITHER, UNKNOWN)
case("known-and-unknown", with_field("Expect: 100-continue, canary"), 417, EITHER, UNKNOWN)
case("unknown-and-known", with_field("Expect: canary, 100-continue"), 417, EITHER, UNKNOWN)
case("known-and-unknown-fields", with_field("Expect: 100-continue", "Expect: canary"), 417, EITHER, UNKNOWN)
case("longer-word", with_field("Expect: 100-continued"), 417, EITHER, UNKNOWN)
case("shorter-word", with_field("Expect: 100"), 417, EITHER, UNKNOWN)
case("parameter", with_field("Expect: 100-continue;canary=1"), (200, 417), EITHER,
     UNKNOWN + "; parameters are undefined")
case("twice", with_field("Expect: 100-continue", "Expect: 100-continue"), (200, 417), EITHER, KNOWN)
case("empty", with_field("Expect:"), (200, 417), EITHER, KNOWN)
case("unknown-1.0", lines("GET /a.txt HTTP/1.0", "Expect: canary"), (200, 417), CLOSE,
     UNKNOWN + "; of 1.1 and later")
