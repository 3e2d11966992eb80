"""Transfer-Encoding (RFC 9112 6.1, 6.3, 7): exactly `chunked`, once, in HTTP/1.1, without Content-Length.

RFC 9112 6.1 asks 501 for a coding that is not understood, 6.3 asks 400 when chunked is not the last: where both
sections speak, both statuses are allowed. Each wrong form is followed by a request that must not be answered.
"""

from .case import CLOSE, EITHER, GET, HELLO, NO_METHOD, OPEN, catalogue, lines, with_field

CASES, case = catalogue("transfer-encoding")

FORM = "RFC 9112 6.1, 6.3; rule: must equal `chunked`, once, in 1.1; else 400"
OTHER = "RFC 9112 6.1: 501 SHOULD, 6.3: 400 MUST; rule: a known other coding 501"
BOTH = "RFC 9112 6.1, 6.3; rule: with Content-Length 400"
BODY = b"5\r\nhello\r\n0\r\n\r\n"


def post(*codings, fields=(), body=BODY, then=GET):
    coded = [b"Transfer-Encoding:" + (one if isinstance(one,
        bytes) else one.encode("latin-1")) for one in codings]
    return with_field(*coded, *fields, method="POST") + body + then


case("chunked", post(" chunked"), [NO_METHOD, HELLO], OPEN, "RFC 9112 7.1")
case("no-space", post("chunked"), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("spaces-around", post("  chunked  "), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("tab-before", post("\tchunked"), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("tab-after", post(" chunked\t", then=b""), (400, 405), EITHER,
     "RFC 9112 5.1: OWS; RFC 9110 15.5.1: may be refused as deceptive, since parsers differ on the tab")
case("capitals", post(" CHUNKED"), [NO_METHOD, HELLO], OPEN, "RFC 9112 7: coding names are case-insensitive")
case("mixed-case", post(" cHuNkEd"), [NO_METHOD, HELLO], OPEN, "RFC 9112 7: coding names are case-insensitive")
case("name-in-small-letters", with_field("transfer-encoding: chunked", method="POST") + BODY + GET,
     [NO_METHOD, HELLO], OPEN,
     "RFC 9110 5.1")
case("for-get", with_field("Transfer-Encoding: chunked") + BODY + GET, [HELLO, HELLO], OPEN, "RFC 9112 6.3")
case("for-get-empty", with_field("Transfer-Encoding: chunked") + b"0\r\n\r\n" + GET, [HELLO, HELLO], OPEN,
     "RFC 9112 6.3")
case("for-options", with_field("Transfer-Encoding: chunked", method="OPTIONS", target="*") + BODY + GET,
     [(200, 204), HELLO], OPEN, "RFC 9112 6.3")
case("te-field", with_field("TE: trailers, chunked", "Connection: TE") + GET, [HELLO, HELLO], OPEN,
     "RFC 9110 10.1.4: TE frames nothing")
case("content-encoding-chunked", with_field("Content-Encoding: chunked", "Content-Length: 5",
    method="POST") + b"hello" + GET,
     [NO_METHOD, HELLO], OPEN, "RFC 9110 8.4: frames nothing")
case("underscore-name", with_field("Transfer_Encoding: chunked") + GET, [HELLO, HELLO], OPEN,
     "RFC 9110 5.1: another name")

for name in ("gzip", "x-gzip", "deflate", "compress", "x-compress", "gzip, chunked", "deflate, gzip, chunked"):
    case("other-" + name.replace(", ", "-"), post(f" {name}"), (400, 501), CLOSE, OTHER)
case("other-gzip-for-get", with_field("Transfer-Encoding: gzip") + GET, (400, 501), CLOSE, OTHER)
case("other-then-chunked-field", post(" gzip", " chunked"), (400, 501), CLOSE, OTHER)
case("chunked-then-gzip", post(" chunked, gzip"), (400, 501), CLOSE,
     "RFC 9112 6.3: chunked is not the last: 400")
case("identity", post(" identity"), (400, 501), CLOSE, "RFC 9112 6.1; identity is no coding since RFC 7230")
case("chunked-identity", post(" chunked, identity"), (400, 501), CLOSE, "RFC 9112 6.3")
case("identity-chunked", post(" identity, chunked"), (400, 501), CLOSE, "RFC 9112 6.1")

for name, value in {
    "empty": "", "only-spaces": "  ", "only-a-comma": " ,", "empty-first": " , chunked",
    "empty-last": " chunked,",
    "empty-last-space": " chunked, ", "twice-in-list": " chunked, chunked", "twice-tight": " chunked,chunked",
    "parameter": " chunked;q=1", "empty-parameter": " chunked;", "quality": " chunked; q=0",
    "quoted": ' "chunked"',
    "single-quoted": " 'chunked'", "prefix-x": " xchunked", "suffix-x": " chunkedx", "shorter": " chunke",
    "space-inside": " chun ked",
    "tab-inside": " chun\tked", "two-words": " chunked foo", "word-before": " foo chunked",
    "unknown": " canary",
    "unknown-then-chunked": " canary, chunked", "vertical-tab-before": " \x0bchunked",
    "vertical-tab-after": " chunked\x0b",
    "form-feed-before": " \x0cchunked", "nul-before": " \x00chunked", "nul-after": " chunked\x00",
    "nul-inside": " chun\x00ked",
    "delete-after": " chunked\x7f", "no-break-space-before": " \xa0chunked", "next-line-before": " \x85chunked",
    "kelvin-sign": " chun\xe2\x84\xaaed", "long-s": " chunked\xc5\xbf",
    "byte-order-mark": " \xef\xbb\xbfchunked",
    "colon": " : chunked", "equals": " =chunked", "slash": " chunked/1.1", "brackets": " [chunked]",
    "semicolon-list": " gzip; chunked",
    "backslash": " chunk\\ed", "escape": " chunk%65d", "newline-in-quotes": ' "\\nchunked"',
}.items():
    case(f"bad-{name}", post(value), (400, 501) if name == "semicolon-list" else 400, CLOSE, FORM)
case("twice", post(" chunked", " chunked"), 400, CLOSE, FORM)
case("twice-other-case", with_field("Transfer-Encoding: chunked", "TRANSFER-ENCODING: Chunked",
    method="POST") + BODY + GET, 400,
     CLOSE, FORM)
case("twice-one-empty", post(" chunked", ""), 400, CLOSE, FORM)
case("twice-one-unknown", post(" chunked", " canary"), 400, CLOSE, FORM)
case("unknown-then-chunked-field", post(" canary", " chunked"), 400, CLOSE, FORM)
case("identity-then-chunked-field", post(" identity", " chunked"), (400, 501), CLOSE, FORM)
case("space-before-colon", with_field("Transfer-Encoding : chunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.1")
case("tab-before-colon", with_field("Transfer-Encoding\t: chunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.1")
case("vertical-tab-before-colon", with_field("Transfer-Encoding\x0b: chunked", method="POST") + BODY + GET, 400,
     CLOSE,
     "RFC 9110 5.1")
case("nul-before-colon", with_field("Transfer-Encoding\x00: chunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9110 5.1")
case("no-colon", with_field("Transfer-Encoding chunked", method="POST") + BODY + GET, 400, CLOSE, "RFC 9112 5")
case("folded-before", with_field("X: y", " Transfer-Encoding: chunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.2")
case("folded-value", with_field("Transfer-Encoding:", " chunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.2")
case("folded-tab", with_field("Transfer-Encoding:", "\tchunked", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.2")
case("folded-list", with_field("Transfer-Encoding: chunked,", " gzip", method="POST") + BODY + GET, 400, CLOSE,
     "RFC 9112 5.2")
case("1.0", lines("POST /a.txt HTTP/1.0", "Transfer-Encoding: chunked") + BODY, 400, CLOSE,
     "RFC 9112 6.1; " + FORM)
case("1.0-keep-alive", lines("POST /a.txt HTTP/1.0", "Connection: keep-alive",
                             "Transfer-Encoding: chunked") + BODY + GET, 400,
     CLOSE, "RFC 9112 6.1: MUST treat as faulty; " + FORM)
case("1.0-get", lines("GET /a.txt HTTP/1.0", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, CLOSE,
     "RFC 9112 6.1; " + FORM)
case("1.0-other", lines("POST /a.txt HTTP/1.0", "Transfer-Encoding: gzip"), (400, 501), CLOSE,
     "RFC 9112 6.1; " + FORM)

case("with-length", post(" chunked", fields=["Content-Length: 5"]), 400, CLOSE, BOTH)
case("with-length-first", with_field("Content-Length: 15", "Transfer-Encoding: chunked",
    method="POST") + BODY + GET, 400, CLOSE,
     BOTH)
case("with-right-length", post(" chunked", fields=[f"Content-Length: {len(BODY)}"]), 400, CLOSE, BOTH)
case("with-length-0", post(" chunked", fields=["Content-Length: 0"]), 400, CLOSE, BOTH)
case("with-empty-length", post(" chunked", fields=["Content-Length:"]), 400, CLOSE, BOTH)
case("with-wrong-length", post(" chunked", fields=["Content-Length: x"]), 400, CLOSE, BOTH)
case("with-huge-length", post(" chunked", fields=["Content-Length: 99999999999"]), (400, 413), CLOSE, BOTH)
case("with-length-for-get", with_field("Transfer-Encoding: chunked", "Content-Length: 5") + BODY + GET, 400,
     CLOSE, BOTH)
case("with-length-apart", with_field("Content-Length: 5", *[f"X{n}: y" for n in range(20)],
    "Transfer-Encoding: chunked",
                                     method="POST") + BODY + GET, 400, CLOSE, BOTH)
case("empty-with-length", post("", fields=["Content-Length: 5"], body=b"hello"), 400, CLOSE, BOTH)
case("unknown-with-length", post(" canary", fields=["Content-Length: 5"], body=b"hello"), 400, CLOSE, BOTH)
case("gzip-with-length", post(" gzip", fields=["Content-Length: 5"], body=b"hello"), (400, 501), CLOSE, BOTH)
