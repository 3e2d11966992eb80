"""Content-Length (RFC 9110 8.6, RFC 9112 6.2, 6.3): one field, digits only, no larger than we take.

RFC 9112 6.3 would let equal repeated values pass; SECURITY.md section 1 does not. Every wrong form carries a body and a
request after it, so that a server that read the length its own way shows itself by a second answer.
"""

from .case import CLOSE, EITHER, GET, HELLO, NO_METHOD, OPEN, catalogue, lines, with_field

CASES, case = catalogue("content-length")

FORM = "RFC 9110 8.6: 1*DIGIT; RFC 9112 6.3: invalid is 400"
TWICE = "RFC 9112 6.3; rule: twice (equal ones too), list"
TOO_MUCH = "RFC 9110 15.5.14; rule: beyond the cap"


def post(*lengths, body=b"hello", then=GET):
    fields = [b"Content-Length:" + (one if isinstance(one,
        bytes) else one.encode("latin-1")) for one in lengths]
    return with_field(*fields, method="POST") + body + then


case("exact", post(" 5"), [NO_METHOD, HELLO], OPEN, FORM)
case("no-space", post("5"), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("spaces-around", post("  5  "), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("tab-before", post("\t5"), [NO_METHOD, HELLO], OPEN, "RFC 9112 5.1: OWS")
case("tab-after", post(" 5\t", then=b""), (400, 405), EITHER,
     "RFC 9112 5.1: OWS; RFC 9110 15.5.1: may be refused as deceptive, since parsers differ on the tab")
case("leading-zeros", post(" 00005"), [NO_METHOD, HELLO], OPEN, FORM)
case("zero", post(" 0", body=b""), [NO_METHOD, HELLO], OPEN, FORM)
case("many-zeros", post(" 0000", body=b""), [NO_METHOD, HELLO], OPEN, FORM)
case("of-get", with_field("Content-Length: 0") + GET, [HELLO, HELLO], OPEN, "RFC 9112 6.3")
case("octets-of-all-kinds", post(" 256", body=bytes(range(256))), [NO_METHOD, HELLO], OPEN, "RFC 9112 6.2")
case("body-looks-like-a-request", post(f" {len(GET)}", body=GET), [NO_METHOD, HELLO], OPEN, "RFC 9112 6.2")
case("body-of-empty-lines", post(" 6", body=b"\r\n\r\n\r\n"), [NO_METHOD, HELLO], OPEN, "RFC 9112 6.2")
case("crlf-after-body", post(" 5", body=b"hello\r\n"), [NO_METHOD, HELLO], OPEN,
     "RFC 9112 2.2: old clients add one")
case("one-octet-more", post(" 5", body=b"helloX"), [NO_METHOD, 501], EITHER,
     "RFC 9112 6.2: the next method is XGET")
case("64-kib", post(" 65536", body=b"x" * 65536), [NO_METHOD, HELLO], OPEN, "rule: at most 64 KiB is drained")
case("1.0", lines("POST /a.txt HTTP/1.0", "Connection: keep-alive", "Content-Length: 5") + b"hello" + GET,
     [NO_METHOD, HELLO], OPEN, "RFC 9112 6.3")
case("forty-zeros", post(" " + "0" * 40 + "5", then=b""), (400, 405), EITHER,
     FORM + "; a cap on digits may apply")

for name, value in {
    "empty": "", "only-spaces": "  ", "plus": " +5", "minus": " -5", "minus-zero": " -0", "word": " five",
    "hex": " 0x5",
    "hex-digits": " 5a", "point": " 5.0", "exponent": " 5e0", "comma-after": " 5,", "comma-before": " ,5",
    "list-equal": " 5, 5",
    "list-tight": " 5,5", "list-different": " 5, 6", "list-zero": " 0, 5", "space-inside": " 5 5",
    "tab-inside": " 5\t5",
    "semicolon": " 5;", "parameter": " 5;x=y", "quoted": ' "5"', "underscore": " 5_0", "slash": " 5/5",
    "bytes-unit": " 5 bytes",
    "percent": " %35", "equals": " =5", "colon": " :5", "octal-prefix": " 0o5", "infinity": " inf",
    "not-a-number": " NaN",
    "vertical-tab": " 5\x0b", "form-feed-before": " \x0c5", "nul-after": " 5\x00", "nul-inside": " 5\x005",
    "delete": " 5\x7f",
    "no-break-space": " \xa05", "superscript": " \xb2", "full-width": " \xef\xbc\x95",
    "arabic-digit": " \xd9\xa5",
}.items():
    case(f"bad-{name}", post(value), 400, CLOSE, FORM)
case("bad-for-get", with_field("Content-Length: x") + GET, 400, CLOSE, FORM)
case("bad-for-options", with_field("Content-Length: -1", method="OPTIONS") + GET, 400, CLOSE, FORM)
case("bad-in-1.0", lines("POST /a.txt HTTP/1.0", "Content-Length: +5") + b"hello", 400, CLOSE, FORM)
case("twice-equal", post(" 5", " 5"), 400, CLOSE, TWICE)
case("twice-zero", post(" 0", " 0", body=b""), 400, CLOSE, TWICE)
case("twice-different", post(" 5", " 6"), 400, CLOSE, TWICE)
case("twice-one-empty", post(" 5", ""), 400, CLOSE, TWICE)
case("twice-one-wrong", post(" 5", " x"), 400, CLOSE, TWICE)
case("twice-equal-as-numbers", post(" 5", " 05"), 400, CLOSE, TWICE)
case("twice-for-get", with_field("Content-Length: 0", "content-length: 0") + GET, 400, CLOSE, TWICE)
case("three-times", post(" 5", " 5", " 5"), 400, CLOSE, TWICE)
case("space-before-colon", with_field("Content-Length : 5", method="POST") + b"hello" + GET, 400, CLOSE,
     "RFC 9112 5.1")
case("tab-before-colon", with_field("Content-Length\t: 5", method="POST") + b"hello" + GET, 400, CLOSE,
     "RFC 9112 5.1")
case("folded", with_field("Content-Length:", " 5", method="POST") + b"hello" + GET, 400, CLOSE, "RFC 9112 5.2")
case("folded-digits", with_field("Content-Length: 1", " 5", method="POST") + b"hello" + GET, 400, CLOSE,
     "RFC 9112 5.2")
case("underscore-name", with_field("Content_Length: 5") + GET, [HELLO, HELLO], OPEN,
     "RFC 9110 5.1: another name")
case("name-in-capitals", with_field("CONTENT-LENGTH: 5", method="POST") + b"hello" + GET, [NO_METHOD, HELLO],
     OPEN,
     "RFC 9110 5.1: names in any case")

case("64-kib-and-1", post(" 65537", body=b"x" * 65537, then=b""), (405, 413), CLOSE,
     "rule: at most 64 KiB is drained",
     reset_allowed=True)
case("200-kb", post(" 200000", body=b"x" * 200000), (405, 413), CLOSE, "rule: at most 64 KiB is drained",
     reset_allowed=True)
for name, value in {
    "1-mib-and-1": 2**20 + 1, "2-gib": 2**31, "4-gib": 2**32, "4-gib-and-5": 2**32 + 5, "int64-max": 2**63 - 1,
    "int64-overflow": 2**63, "uint64-max": 2**64 - 1,
}.items():
    case(f"huge-{name}", post(f" {value}"), (405, 413), CLOSE, TOO_MUCH)
for name, value in {"uint64-overflow": 2**64, "wraps-to-5": 2**64 + 5, "30-digits": 10**30}.items():
    case(f"huge-{name}", post(f" {value}"), (400, 413), CLOSE,
         "RFC 9110 8.6: no conversion errors; " + TOO_MUCH)
case("huge-1000-digits", post(" " + "9" * 1000), (400, 413), CLOSE,
     "RFC 9110 8.6: no conversion errors; " + TOO_MUCH)
case("huge-for-get", with_field("Content-Length: 1073741824") + GET, (200, 400, 413), CLOSE, TOO_MUCH)
