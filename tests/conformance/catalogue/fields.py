"""Field lines: field-name ":" OWS field-value OWS, each on one line (RFC 9112 5, RFC 9110 5).

Names are tokens; values hold visible octets, obs-text, SP and HTAB. What differs is refused: a field that one
parser drops and the next one honours is how requests are smuggled.
"""

from .case import CLOSE, GET, HELLO, OPEN, catalogue, lines, with_field

CASES, case = catalogue("field")

NAME = "RFC 9110 5.1: field-name is a token; RFC 9112 5"
VALUE = "RFC 9110 5.5; rule: NUL, control characters but HTAB"
FOLD = "RFC 9112 5.2; rule: a field line that starts with SP or HTAB"
LINE_ENDS = "RFC 9112 2.2; rule: every LF follows a CR, every CR precedes an LF"


def raw(middle):
    return b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n" + middle + b"\r\n\r\n"


case("empty-value", with_field("X:"), HELLO, OPEN, "RFC 9110 5.5")
case("only-spaces", with_field("X:   \t "), HELLO, OPEN, "RFC 9112 5.1: OWS")
case("no-space", with_field("X:y"), HELLO, OPEN, "RFC 9112 5.1: OWS")
case("tab-after-colon", with_field("X:\ty"), HELLO, OPEN, "RFC 9112 5.1: OWS")
case("much-space", with_field("X:" + " " * 400 + "y" + " \t" * 200), HELLO, OPEN, "RFC 9112 5.1: OWS")
case("tab-inside", with_field("X: a\tb"), HELLO, OPEN, "RFC 9110 5.5")
case("colons-inside", with_field("X: a:b::c"), HELLO, OPEN, "RFC 9112 5")
case("obs-text", with_field(b"X: caf\xc3\xa9 \xff\x80"), HELLO, OPEN, "RFC 9110 5.5: obs-text is opaque")
case("every-visible-octet", with_field(b"X: " + bytes(range(0x21, 0x7f))), HELLO, OPEN, "RFC 9110 5.5")
case("every-token-octet", with_field("!#$%&'*+-.^_`|~09azAZ: y"), HELLO, OPEN, NAME)
case("name-of-digits", with_field("123: y"), HELLO, OPEN, NAME)
case("name-of-one-octet", with_field("x: y"), HELLO, OPEN, NAME)
case("name-of-1000-octets", with_field("x" * 1000 + ": y"), HELLO, OPEN, NAME)
case("value-of-7000-octets", with_field("X: " + "y" * 7000), HELLO, OPEN, "rule: one field 8 KiB")
case("same-name-twice", with_field("X: y", "X: z"), HELLO, OPEN, "RFC 9110 5.3")
case("cookie-twice", with_field("Cookie: a=b", "Cookie: c=d"), HELLO, OPEN, "RFC 9110 5.3")
case("unknown-fields", with_field("Canary: y", "Sec-Fetch-Mode: navigate", "DNT: 1"), HELLO, OPEN,
     "RFC 9110 5.1")

case("folded-by-space", with_field("X: y", " canary"), 400, CLOSE, FOLD)
case("folded-by-tab", with_field("X: y", "\tcanary"), 400, CLOSE, FOLD)
case("folded-empty", with_field("X: y", " "), 400, CLOSE, FOLD)
case("folded-field", with_field("X: y", " Content-Length: 5"), 400, CLOSE, FOLD)
case("space-before-first", b"GET /a.txt HTTP/1.1\r\n Host: localhost\r\n\r\n", 400, CLOSE,
     "RFC 9112 2.2; " + FOLD)
case("space-line-first", b"GET /a.txt HTTP/1.1\r\n \r\nHost: localhost\r\n\r\n", 400, CLOSE,
     "RFC 9112 2.2; " + FOLD)
case("folded-last", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\tcanary\r\n\r\n", 400, CLOSE, FOLD)
case("folded-bare-lf", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: y\n z\r\n\r\n", 400, CLOSE, FOLD)

case("no-colon", with_field("canary"), 400, CLOSE, NAME)
case("no-colon-but-space", with_field("X canary"), 400, CLOSE, NAME)
case("no-colon-last", with_field("X: y", "canary"), 400, CLOSE, NAME)
case("empty-name", with_field(": canary"), 400, CLOSE, "RFC 9110 5.1; rule: empty field name")
case("only-a-colon", with_field(":"), 400, CLOSE, "RFC 9110 5.1; rule: empty field name")
case("pseudo-field", with_field(":method: GET"), 400, CLOSE, "RFC 9110 5.1; rule: empty field name")
case("space-before-colon", with_field("X : canary"), 400, CLOSE, "RFC 9112 5.1: MUST reject with 400")
case("tab-before-colon", with_field("X\t: canary"), 400, CLOSE, "RFC 9112 5.1: MUST reject with 400")
case("spaces-before-colon", with_field("X   : canary"), 400, CLOSE, "RFC 9112 5.1: MUST reject with 400")
case("space-in-name", with_field("X Y: canary"), 400, CLOSE, NAME)
case("a-second-request-line", with_field("GET /canary HTTP/1.1"), 400, CLOSE, NAME)

for octet in b'"(),/;<=>?@[\\]{}':
    case(f"name-with-{octet:02x}", with_field(b"X" + bytes([octet]) + b"Y: canary"), 400, CLOSE, NAME)
for octet in (0x00, 0x01, 0x08, 0x0b, 0x0c, 0x1f, 0x7f, 0x80, 0xa0, 0xff):
    case(f"name-with-{octet:02x}", with_field(b"X" + bytes([octet]) + b"Y: canary"), 400, CLOSE, NAME)
for octet in (*range(0x00, 0x09), 0x0b, 0x0c, *range(0x0e, 0x20), 0x7f):
    case(f"value-with-{octet:02x}", with_field(b"X: can" + bytes([octet]) + b"ary"), 400, CLOSE, VALUE)
case("value-starts-with-nul", with_field(b"X: \x00canary"), 400, CLOSE, VALUE)
case("value-ends-with-nul", with_field(b"X: canary\x00"), 400, CLOSE, VALUE)
case("value-ends-with-vertical-tab", with_field(b"X: canary\x0b"), 400, CLOSE, VALUE)
case("value-is-form-feed", with_field(b"X:\x0c"), 400, CLOSE, VALUE)

case("lf-ends-it", raw(b"X: y\nZ: canary"), 400, CLOSE, LINE_ENDS)
case("lf-ends-the-last", b"GET /a.txt HTTP/1.1\r\nHost: localhost\n\r\n", 400, CLOSE, LINE_ENDS)
case("lf-ends-the-head", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\n", 400, CLOSE, LINE_ENDS)
case("lf-lf-inside-then-more", raw(b"X: y\n\nGET /canary HTTP/1.1"), 400, CLOSE, LINE_ENDS)
case("cr-in-value", raw(b"X: can\rary"), 400, CLOSE, LINE_ENDS)
case("cr-ends-it", raw(b"X: y\rZ: canary"), 400, CLOSE, LINE_ENDS)
case("cr-before-crlf", raw(b"X: canary\r"), 400, CLOSE, LINE_ENDS)
case("cr-first-in-value", raw(b"X:\rcanary"), 400, CLOSE, LINE_ENDS)
case("cr-in-name", raw(b"X\rY: canary"), 400, CLOSE, LINE_ENDS)
case("cr-before-name", raw(b"\rX: canary"), 400, CLOSE, LINE_ENDS)
case("lf-in-name", raw(b"X\nY: canary"), 400, CLOSE, LINE_ENDS)
case("lf-after-colon", raw(b"X:\ncanary"), 400, CLOSE, LINE_ENDS)
case("cr-cr-ends-the-head", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\r\n", 400, CLOSE, LINE_ENDS)
case("lf-cr-ends-the-head", b"GET /a.txt HTTP/1.1\r\nHost: localhost\n\r\n\r", 400, CLOSE, LINE_ENDS)
case("last-line-without-crlf-then-get", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: y\n\n" + GET, 400, CLOSE,
     LINE_ENDS)
case("browser", lines(
    "GET /a.txt HTTP/1.1", "Host: localhost:8080", "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"', "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9", "Cookie: theme=dark; session=0123456789abcdef"), HELLO, OPEN,
    "RFC 9110 5")
