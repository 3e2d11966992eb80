"""Requests that never become whole: the server can only wait, and not for ever (RFC 9110 15.5.9).

"Head complete after its first byte: 10 s, absolute, 408" (SECURITY.md section 6). These run with head_timeout=400ms:
nothing is answered before it, 408 and the end of the connection after it.
"""

from .case import GET, HELLO, NO_METHOD, WAITS, catalogue, reply, with_field

CASES, case = catalogue("incomplete")

DEADLINE = "RFC 9110 15.5.9; rule: head complete after its first byte, 408"

for name, data in {
    "one-octet": b"G", "method": b"GET", "method-and-space": b"GET ", "target": b"GET /canary",
    "target-and-space": b"GET /a.txt ",
    "version-begun": b"GET /a.txt HTT", "version": b"GET /a.txt HTTP/1.1",
    "line-and-cr": b"GET /a.txt HTTP/1.1\r",
    "line": b"GET /a.txt HTTP/1.1\r\n", "name": b"GET /a.txt HTTP/1.1\r\nHos",
    "name-and-colon": b"GET /a.txt HTTP/1.1\r\nHost:",
    "value": b"GET /a.txt HTTP/1.1\r\nHost: localhost",
    "value-and-cr": b"GET /a.txt HTTP/1.1\r\nHost: localhost\r", "field": GET[:-2],
    "all-but-lf": GET[:-1], "several-fields": with_field("X: y", "Z: z")[:-2],
    "empty-line-and-method": b"\r\nGET",
    "post-head": with_field("Content-Length: 5", method="POST")[:-2], "unknown-method-begun": b"CANARY",
    "half-host": GET[:30],
}.items():
    case(name, data, 408, WAITS, DEADLINE)
case("head", b"HEAD /a.txt HTTP/1.1\r\nHost: localhost\r\n", reply(408, "HEAD"), WAITS,
     DEADLINE + "; RFC 9110 9.3.2: no content")
case("after-a-good-one", GET + GET[:-2], [HELLO, 408], WAITS, DEADLINE)
case("after-three-good-ones", GET * 3 + b"G", [HELLO] * 3 + [408], WAITS, DEADLINE)
case("after-a-body", with_field("Content-Length: 5", method="POST") + b"helloGET /", [NO_METHOD, 408], WAITS,
     DEADLINE)
