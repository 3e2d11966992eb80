"""Host: exactly one in 1.1, at most one in 1.0, and its value is uri-host [":" port] (RFC 9110 7.2, RFC 9112 3.2).

RFC 9112 3.2 makes all three a MUST answered by 400. A reg-name of RFC 3986 may hold sub-delims, so some odd values
are syntactically right; those are left to the server.
"""

from .case import CLOSE, EITHER, HELLO, OPEN, catalogue, lines, reply, with_field

CASES, case = catalogue("host")

VALUE = "RFC 9112 3.2: an invalid value is 400; rule: not `host[:port]` of RFC 3986"
COUNT = "RFC 9112 3.2; rule: none in 1.1, two"


def hosted(value):
    octets = value if isinstance(value, bytes) else value.encode("latin-1")
    return lines("GET /a.txt HTTP/1.1", b"Host: " + octets)


case("none", lines("GET /a.txt HTTP/1.1"), 400, CLOSE, COUNT)
case("none-but-other-fields", lines("GET /a.txt HTTP/1.1", "Accept: */*", "X-Host: localhost"), 400, CLOSE,
     COUNT)
case("none-to-head", lines("HEAD /a.txt HTTP/1.1"), reply(400, "HEAD"), CLOSE,
     COUNT + "; RFC 9110 9.3.2: no content")
case("none-to-options", lines("OPTIONS * HTTP/1.1"), 400, CLOSE, COUNT)
case("none-to-post", lines("POST /a.txt HTTP/1.1", "Content-Length: 5") + b"hello", 400, CLOSE, COUNT)
case("none-in-1.0", lines("GET /a.txt HTTP/1.0", "Accept: */*"), HELLO, CLOSE,
     "RFC 9112 3.2: asked of 1.1 only")
case("two-equal", with_field("Host: localhost"), 400, CLOSE, COUNT)
case("two-different", with_field("Host: canary"), 400, CLOSE, COUNT)
case("two-far-apart", with_field("Accept: */*", "A: b", "hOST: localhost"), 400, CLOSE, COUNT)
case("two-one-empty", with_field("Host:"), 400, CLOSE, COUNT)
case("two-in-1.0", lines("GET /a.txt HTTP/1.0", "Host: localhost", "Host: localhost"), 400, CLOSE,
     "RFC 9112 3.2: any request message with more than one")
case("three", with_field("Host: localhost", "Host: localhost"), 400, CLOSE, COUNT)
case("empty", lines("GET /a.txt HTTP/1.1", "Host:"), (200, 400), EITHER, "RFC 9112 3.2, RFC 9110 4.2.1")
case("only-spaces", lines("GET /a.txt HTTP/1.1", "Host:   "), (200, 400), EITHER,
     "RFC 9112 3.2, RFC 9110 4.2.1")

for name, value in {
    "name": "localhost", "name-and-port": "localhost:8080", "dots": "www.example.com",
    "final-dot": "localhost.",
    "capitals": "LOCALHOST", "digits": "1234", "hyphen": "a-b.example", "underscore": "a_b.example",
    "tilde": "a~b",
    "ipv4": "127.0.0.1", "ipv4-port": "127.0.0.1:80", "ipv6": "[::1]", "ipv6-port": "[::1]:8080",
    "ipv6-full": "[2001:db8:0:1:1:1:1:1]", "ipv6-with-ipv4": "[::ffff:127.0.0.1]",
    "highest-port": "localhost:65535",
    "looks-like-ipv4": "999.1.1.1", "punycode": "xn--bcher-kva.example", "spaces-around": "  localhost  ",
    "tab-around": "\tlocalhost\t", "port-with-zeros": "localhost:00080",
}.items():
    case(f"good-{name}", hosted(value), HELLO, OPEN, "RFC 9110 7.2, RFC 3986 3.2.2")

for name, value in {
    "escape": "a%41b", "empty-port": "localhost:", "sub-delims": "a!$&'()*+;=b", "comma": "a,b",
    "ip-future": "[v1.fe80::a]", "port-0": "localhost:0", "300-letters": "a" * 300,
}.items():
    case(f"odd-{name}", hosted(value), (200, 400), EITHER, "RFC 3986 3.2.2: in the grammar; RFC 9112 3.2")

for name, value in {
    "space": "local host", "tab": "local\thost", "slash": "localhost/", "path": "localhost/canary",
    "query": "a?canary",
    "fragment": "a#canary", "user": "canary@localhost", "url": "http://localhost",
    "port-too-high": "localhost:65536",
    "port-overflows": "localhost:18446744073709551696", "port-word": "localhost:http",
    "port-negative": "localhost:-1",
    "port-signed": "localhost:+80", "port-hex": "localhost:0x50", "port-space": "localhost: 80",
    "two-ports": "a:80:80",
    "only-a-port": ":80", "ipv6-without-brackets": "::1", "ipv6-open": "[::1", "ipv6-closed": "::1]",
    "ipv6-and-more": "[::1]x", "ipv6-wrong-digit": "[::g]", "ipv6-too-long": "[1:2:3:4:5:6:7:8:9]",
    "ipv6-two-gaps": "[1::2::3]", "ipv6-empty": "[]", "ipv6-zone": "[fe80::1%eth0]",
    "bracket-inside": "local[host]",
    "bad-escape": "a%zz", "half-escape": "a%4", "backslash": "local\\host", "quotes": '"localhost"',
    "angle-brackets": "<canary>", "bar": "a|b", "caret": "a^b", "backtick": "a`b", "braces": "{canary}",
    "8-bit": b"caf\xc3\xa9", "nul": b"local\x00host", "control": b"local\x01host", "delete": b"localhost\x7f",
    "list-with-space": "a, b", "vertical-tab": b"localhost\x0b",
}.items():
    case(f"bad-{name}", hosted(value), 400, CLOSE, VALUE)

case("bad-in-1.0", lines("GET /a.txt HTTP/1.0", "Host: local host"), 400, CLOSE, VALUE)
case("space-before-colon", lines("GET /a.txt HTTP/1.1", "Host : localhost"), 400, CLOSE, "RFC 9112 5.1")
case("name-in-any-case", lines("GET /a.txt HTTP/1.1", "hOsT: localhost"), HELLO, OPEN, "RFC 9110 5.1")
case("no-space-after-colon", lines("GET /a.txt HTTP/1.1", "Host:localhost"), HELLO, OPEN, "RFC 9112 5: OWS")
case("last-field", lines("GET /a.txt HTTP/1.1", "Accept: */*", "Host: localhost"), HELLO, OPEN, "RFC 9110 7.2")
case("folded", b"GET /a.txt HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", 400, CLOSE,
     "RFC 9112 5.2; rule: obs-fold")
