"""What is too long is refused as soon as it is too long (RFC 9110 15.5.15, RFC 6585 5, SECURITY.md section 6).

Request line 8 KiB (414), one field 8 KiB, whole head 32 KiB, 100 fields (431). The cases keep two octets away from
each limit, since a limit may be counted with or without the CRLF. Some never end: the answer must not wait for an end.
"""

from .case import CLOSE, EITHER, GET, HEAD_HELLO, HELLO, OPEN, catalogue, lines, with_field

CASES, case = catalogue("limit")

LINE = "RFC 9112 3: 414; rule: request line 8 KiB"
FIELD = "RFC 6585 5; rule: one field 8 KiB, 431"
HEAD = "RFC 6585 5; rule: whole head 32 KiB, 431"
COUNT = "RFC 6585 5; rule: 100 fields, 431"
KIB8 = 8192
AROUND = len("GET /a.txt? HTTP/1.1")


def line_of(octets):
    """A request whose request line has that many octets without its CRLF."""
    return with_field(target="/a.txt?" + "q" * (octets - AROUND))


def field_of(octets):
    """A field line of that many octets without its CRLF."""
    return "X: " + "y" * (octets - 3)


def head_of(octets):
    """A request whose head has that many octets, empty line and all, in fields of about 4 KB."""
    fields = ["X: " + "y" * 4000] * ((octets - 2000) // 4005)
    rest = octets - len(with_field(*fields))
    return with_field(*fields, field_of(rest - 2))


case("line-2-kib", line_of(2048), HELLO, OPEN, LINE)
case("line-8000", line_of(8000), HELLO, OPEN, "RFC 9112 3: at least 8000 octets are recommended")
case("line-8-kib", line_of(KIB8 - 2), HELLO, OPEN, LINE)
case("line-8-kib-and-1", line_of(KIB8 + 1), 414, CLOSE, LINE)
case("line-10-kib", line_of(10240), 414, CLOSE, LINE)
case("line-30-kib", line_of(30000), 414, CLOSE, LINE)
case("line-20-kib-absolute", with_field(target="http://localhost/a.txt?" + "q" * 20000), 414, CLOSE, LINE)
case("line-without-end", b"GET /a.txt?" + b"canary" * 3000, 414, CLOSE, LINE)
case("line-after-good", GET + b"GET /a.txt?" + b"canary" * 3000, [HELLO, 414], CLOSE, LINE)
case("line-of-method-without-end", b"C" * 20000, (400, 414, 501), CLOSE,
     "RFC 9112 3: 501 or 414; rule: request line 8 KiB")
case("line-of-slashes", with_field(target="/" * 9000), 414, CLOSE, LINE)
case("line-of-version-without-end", b"GET /a.txt HTTP/" + b"1" * 20000, (400, 414), CLOSE, LINE)
case("line-of-spaces", b"GET" + b" " * 20000, (400, 414), CLOSE, LINE)
case("path-5-kib", with_field(target="/" + "x" * 5000), 404, OPEN,
     "RFC 9110 15.5.5: no such file, however long")
case("path-deep", with_field(target="/x" * 2000), 404, OPEN, "RFC 9110 15.5.5: no such file, however deep")
case("path-of-dot-segments", with_field(target="/" + "../" * 2500 + "a.txt"), (200, 400), EITHER,
     "RFC 3986 5.2.4", by_handler=True)

case("field-8-kib", with_field(field_of(KIB8 - 2)), HELLO, OPEN, FIELD)
case("field-8-kib-and-1", with_field("X: " + "y" * (KIB8 + 1)), 431, CLOSE, FIELD)
case("field-20-kib", with_field("X: " + "y" * 20000), 431, CLOSE, FIELD)
case("field-without-end", GET[:-2] + b"X: " + b"canary" * 3000, 431, CLOSE, FIELD)
case("field-name-without-end", GET[:-2] + b"canary" * 3000, 431, CLOSE, FIELD)
case("field-of-spaces", with_field("X:" + " " * 20000 + "y"), 431, CLOSE, FIELD)
case("field-host", lines("GET /a.txt HTTP/1.1", "Host: " + "h" * 9000), (400, 431), CLOSE, FIELD)
case("field-cookie-16-kib", with_field("Cookie: canary=" + "y" * 16384), 431, CLOSE, FIELD)
case("field-after-good", GET + with_field("X: " + "y" * 20000), [HELLO, 431], CLOSE, FIELD)
case("field-two-of-7-kib", with_field(field_of(7168), field_of(7168)), HELLO, OPEN, FIELD)

case("head-20-kib", head_of(20480), HELLO, OPEN, HEAD)
case("head-32-kib", head_of(32768), HELLO, OPEN, HEAD)
case("head-32-kib-and-100", with_field(*["X: " + "y" * 4000] * 8, "Y: " + "z" * 840), 431, CLOSE, HEAD)
case("head-40-kib", head_of(40960), 431, CLOSE, HEAD)
case("head-60-kib", head_of(61440), 431, CLOSE, HEAD)
case("head-without-end", GET[:-2] + (b"X: " + b"y" * 4000 + b"\r\n") * 12, 431, CLOSE, HEAD)
case("head-after-good", GET + head_of(40960), [HELLO, 431], CLOSE, HEAD)
case("head-twice-20-kib", head_of(20480) * 2, [HELLO, HELLO], OPEN, HEAD + ": of each message")

case("fields-50", with_field(*[f"X{n}: y" for n in range(49)]), HELLO, OPEN, COUNT)
case("fields-100", with_field(*[f"X{n}: y" for n in range(99)]), HELLO, OPEN, COUNT)
case("fields-101", with_field(*[f"X{n}: y" for n in range(100)]), 431, CLOSE, COUNT)
case("fields-101-of-one-name", with_field(*["X: y"] * 100), 431, CLOSE, COUNT)
case("fields-1000", with_field(*["X: y"] * 1000), 431, CLOSE, COUNT)
case("fields-3000-shortest", with_field(*["x:"] * 3000), 431, CLOSE, COUNT)
case("fields-200-without-end", GET[:-2] + b"X: y\r\n" * 200, 431, CLOSE, COUNT)
case("fields-100-twice", with_field(*["X: y"] * 99) * 2, [HELLO, HELLO], OPEN, COUNT + ": of each message")
case("fields-100-head", with_field(*["X: y"] * 99, method="HEAD"), HEAD_HELLO, OPEN, COUNT)
case("fields-101-in-1.0", lines("GET /a.txt HTTP/1.0", *["X: y"] * 101), 431, CLOSE, COUNT)
