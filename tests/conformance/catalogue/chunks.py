"""The chunked coding (RFC 9112 7.1): sizes, extensions, data, the last chunk and the trailer section.

The head of these requests is right, and no handler reads the body: the 405 of the head may already have left when the
fault is met. So a fault may show as 400 or as 405, but it always ends the connection, and what follows it, here a GET,
is never answered. A right body leaves the connection open and the GET is answered.
"""

from .case import CLOSE, EITHER, GET, HELLO, NO_METHOD, OPEN, catalogue, with_field

CASES, case = catalogue("chunk")

HEAD = with_field("Transfer-Encoding: chunked", method="POST")
END = b"0\r\n\r\n"
SIZE = "RFC 9112 7.1: chunk-size is 1*HEXDIG; rule: 16 digits"
LINE = "RFC 9112 7.1, 2.2; rule: LF-only chunk lines"
DATA = "RFC 9112 7.1; rule: data without its CRLF"
EXTENSION = "RFC 9112 7.1.1"
EXTENSION_CAP = "RFC 9112 7.1.1: limit them; rule: 256 B a line and 16 KiB a message of extensions"
TRAILER = "RFC 9112 7.1.2, 5"
TRAILER_CAP = "rule: trailers 32 fields, 8 KiB, 400"


def good(name, body, source):
    case(f"good-{name}", HEAD + body + GET, [NO_METHOD, HELLO], OPEN, source)


def bad(name, body, source):
    case(f"bad-{name}", HEAD + body + GET, (400, 405), CLOSE, source, after_head=True)


def odd(name, body, source):
    case(f"odd-{name}", HEAD + body, (400, 405), EITHER, source, after_head=True)


def one(size, extension=b""):
    return size + extension + b"\r\nhello\r\n" + END


good("one", one(b"5"), SIZE)
good("none", END, SIZE)
good("many", b"1\r\nx\r\n" * 200 + END, SIZE)
good("capital-digits", b"A\r\n0123456789\r\n" + END, SIZE)
good("small-digits", b"a\r\n0123456789\r\n" + END, SIZE)
good("two-digits", b"1f\r\n" + b"x" * 31 + b"\r\n" + END, SIZE)
good("leading-zeros", one(b"0005"), SIZE)
good("sixteen-digits", one(b"0000000000000005"), SIZE)
good("zeros-at-the-end", b"5\r\nhello\r\n0000\r\n\r\n", SIZE)
good("data-of-crlf", b"4\r\n\r\n\r\n\r\n" + END, DATA)
good("data-of-last-chunk", b"5\r\n0\r\n\r\n\r\n" + END, DATA)
good("data-of-a-request", b"%x\r\n" % len(GET) + GET + b"\r\n" + END, DATA)
good("data-of-nul", b"3\r\n\x00\x00\x00\r\n" + END, DATA)
good("60-kb", b"ea60\r\n" + b"x" * 60000 + b"\r\n" + END, "rule: at most 64 KiB is drained")

for name, size in {
    "empty": b"", "seventeen-digits": b"00000000000000005", "seventeen-digits-big": b"10000000000000005",
    "thirty-digits": b"1" + b"0" * 29, "thousand-zeros": b"0" * 1000 + b"5", "all-f-seventeen": b"f" * 17,
    "not-hex": b"g", "hex-prefix": b"0x5", "plus": b"+5", "minus": b"-5",
    "minus-zero": b"-0", "space-before": b" 5", "tab-before": b"\t5", "space-after": b"5 ", "tab-after": b"5\t",
    "spaces-after": b"5   ",
    "space-inside": b"5 5", "comma": b"5,5", "point": b"5.0", "colon": b"5:", "quoted": b'"5"', "word": b"five",
    "nul-before": b"\x005",
    "nul-after": b"5\x00", "cr-after": b"5\r", "cr-before": b"\r5", "vertical-tab-before": b"\x0b5",
    "underscore": b"0_5", "h": b"5h",
    "8-bit-digit": b"\xb5", "lf-before": b"\n5", "crlf-before": b"\r\n5",
}.items():
    bad(f"size-{name}", one(size), SIZE)
for name, size in {"int64-overflow": b"8000000000000000", "all-f": b"f" * 16, "2-gib": b"80000000"}.items():
    case(f"huge-{name}", HEAD + one(size) + GET, (400, 405, 413), CLOSE,
         "RFC 9112 7.1: anticipate large numerals; " + SIZE,
         after_head=True, slow_end=True)
bad("size-too-small", b"4\r\nhello\r\n" + END, DATA)
bad("size-one-too-large", b"6\r\nhello\r\n" + END, DATA)

bad("lf-after-size", b"5\nhello\r\n" + END, LINE)
bad("cr-after-size", b"5\rhello\r\n" + END, LINE)
bad("lf-after-data", b"5\r\nhello\n" + END, LINE)
bad("cr-after-data", b"5\r\nhello\r" + END, LINE)
bad("lf-lf-after-data", b"5\r\nhello\n\n" + END, LINE)
bad("nothing-after-data", b"5\r\nhello" + END, DATA)
bad("octet-after-data", b"5\r\nhelloX\r\n" + END, DATA)
bad("two-octets-after-data", b"5\r\nhelloXY" + END, DATA)
bad("space-after-data", b"5\r\nhello \r\n" + END, DATA)
bad("two-crlf-after-data", b"5\r\nhello\r\n\r\n" + END, DATA)
bad("cr-cr-lf-after-data", b"5\r\nhello\r\r\n" + END, LINE)
bad("lf-after-last-size", b"5\r\nhello\r\n0\n\r\n", LINE)
bad("lf-at-the-end", b"5\r\nhello\r\n0\r\n\n", LINE)
bad("lf-lf-at-the-end", b"5\r\nhello\r\n0\n\n", LINE)
bad("cr-at-the-end", b"5\r\nhello\r\n0\r\n\rX", LINE)
bad("lf-everywhere", b"5\nhello\n0\n\n", LINE)
bad("no-size-at-all", b"hello\r\n\r\n", SIZE)
bad("last-chunk-negative", b"5\r\nhello\r\n-0\r\n\r\n", SIZE)

good("extension", one(b"5", b";a=b"), EXTENSION)
good("extension-name", one(b"5", b";a"), EXTENSION)
good("extension-quoted", one(b"5", b';a="b;c, d"'), EXTENSION)
good("extension-quoted-pair", one(b"5", b';a="b\\"c"'), EXTENSION)
good("extension-several", one(b"5", b";a=b;c;d=e"), EXTENSION)
good("extension-on-last", b"5\r\nhello\r\n0;a=b\r\n\r\n", EXTENSION)
good("extension-unknown-tokens", one(b"5", b";!#$%&'*+-.^_`|~=1"), EXTENSION)
good("extension-200-octets", one(b"5", b";a=" + b"x" * 197), EXTENSION_CAP)
good("extension-10-kb-in-all", (b"1;a=" + b"x" * 196 + b"\r\ny\r\n") * 50 + END, EXTENSION_CAP)
odd("extension-spaces", one(b"5", b" ; a = b"), EXTENSION + ": BWS is parsed and dropped")
odd("extension-empty", one(b"5", b";"), EXTENSION + ": a name is needed")
odd("extension-two-semicolons", one(b"5", b";;a=b"), EXTENSION)
odd("extension-empty-value", one(b"5", b";a="), EXTENSION)
odd("extension-no-name", one(b"5", b";=b"), EXTENSION)
odd("extension-open-quote", one(b"5", b';a="b'), EXTENSION)
odd("extension-trailing-space", one(b"5", b";a=b "), EXTENSION)
odd("extension-obs-text", one(b"5", b';a="\xff"'), EXTENSION + ": qdtext may hold obs-text")
bad("extension-300-octets", one(b"5", b";a=" + b"x" * 297), EXTENSION_CAP)
bad("extension-8-kb", one(b"5", b";a=" + b"x" * 8192), EXTENSION_CAP)
bad("extension-300-octets-on-last", b"5\r\nhello\r\n0;a=" + b"x" * 297 + b"\r\n\r\n", EXTENSION_CAP)
bad("extension-20-kb-in-all", (b"1;a=" + b"x" * 196 + b"\r\ny\r\n") * 100 + END, EXTENSION_CAP)
bad("extension-50-kb-of-short-ones", b"1;ab=cd\r\ny\r\n" * 5000 + END, EXTENSION_CAP)
bad("extension-without-semicolon", one(b"5", b" a=b"), EXTENSION)
bad("extension-nul", one(b"5", b";a=\x00"), EXTENSION + "; rule: NUL, control characters")
bad("extension-control", one(b"5", b";a=b\x01"), EXTENSION + "; rule: NUL, control characters")
bad("extension-delete", one(b"5", b";a=b\x7f"), EXTENSION + "; rule: NUL, control characters")
bad("extension-lf", one(b"5", b";a=b\n"), LINE)
bad("extension-ends-by-lf", b"5;a=b\nhello\r\n" + END, LINE)
bad("extension-empty-ends-by-lf", b"5;\nhello\r\n" + END, LINE)
bad("extension-cr-inside", one(b"5", b";a\rb"), LINE)
bad("extension-lf-in-quotes", one(b"5", b';a="b\nc"'), LINE)
bad("extension-cr-in-quotes", one(b"5", b';a="b\rc"'), LINE)
bad("extension-without-size", one(b"", b";a=b"), SIZE)

good("trailer", b"0\r\nX: y\r\n\r\n", TRAILER)
good("trailer-several", b"5\r\nhello\r\n0\r\nX: y\r\nX: z\r\nZ:\r\n\r\n", TRAILER)
good("trailer-30-fields", b"0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(30)) + b"\r\n", TRAILER_CAP)
good("trailer-32-fields", b"0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(32)) + b"\r\n", TRAILER_CAP)
good("trailer-7-kb", b"0\r\n" + b"X: " + b"y" * 3500 + b"\r\nZ: " + b"y" * 3500 + b"\r\n\r\n", TRAILER_CAP)
for name in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: localhost", b"Connection: close",
             b"Trailer: X"):
    odd("trailer-" + name.decode().split(":")[0].lower(), b"0\r\n" + name + b"\r\n\r\n",
        "RFC 9110 6.5.1: MUST NOT be sent, frames nothing")
bad("trailer-33-fields", b"0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(33)) + b"\r\n", TRAILER_CAP)
bad("trailer-200-fields", b"0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(200)) + b"\r\n", TRAILER_CAP)
bad("trailer-9-kb-field", b"0\r\nX: " + b"y" * 9216 + b"\r\n\r\n", TRAILER_CAP)
bad("trailer-9-kb-in-all", b"0\r\n" + (b"X: " + b"y" * 995 + b"\r\n") * 9 + b"\r\n", TRAILER_CAP)
bad("trailer-20-kb-without-end", b"0\r\nX: " + b"y" * 20480, TRAILER_CAP)
for name, line in {
    "folded": b"X: y\r\n z", "folded-first": b" X: y", "folded-by-tab": b"X: y\r\n\tz", "empty-name": b": y",
    "no-colon": b"X",
    "space-before-colon": b"X : y", "space-in-name": b"X Y: z", "nul": b"X: \x00", "control": b"X: \x01",
    "name-with-nul": b"X\x00: y",
    "8-bit-name": b"X\xff: y", "lf": b"X: y\nZ: z", "cr": b"X: y\rZ: z", "cr-cr": b"X: y\r",
    "request-line": b"GET /canary HTTP/1.1",
}.items():
    bad(f"trailer-{name}", b"0\r\n" + line + b"\r\n\r\n",
        TRAILER + "; rule: obs-fold, field syntax, line ends, also in trailers")
bad("trailer-lf-ends-it", b"0\r\nX: y\r\n\n", LINE)
