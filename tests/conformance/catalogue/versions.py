"""HTTP-version is `HTTP/` DIGIT `.` DIGIT, in capitals (RFC 9112 2.3).

Sluice answers 1.0 and 1.1. RFC 9110 2.5 lets a recipient process a higher minor version as the highest it knows;
SECURITY.md section 1 does not: any other version in the known form is 505, anything else 400.
"""

from .case import CLOSE, HELLO, OPEN, catalogue, lines, reply, with_field

CASES, case = catalogue("version")

OTHER = "RFC 9110 15.6.6; rule: a known form of another version 505"
FORM = "RFC 9112 2.3; rule: exactly HTTP/1.0 or HTTP/1.1, else 400"


def line(version):
    return lines(f"GET /a.txt {version}", "Host: localhost")


case("1.1", line("HTTP/1.1"), HELLO, OPEN, "RFC 9112 2.3")
case("1.0", line("HTTP/1.0"), HELLO, CLOSE, "RFC 9112 2.3, 9.3")
for other in ("0.0", "0.9", "1.2", "1.9", "2.0", "2.1", "3.0", "9.9"):
    case(other, line(f"HTTP/{other}"), 505, CLOSE, OTHER)
case("2.0-without-host", lines("GET /a.txt HTTP/2.0"), 505, CLOSE, OTHER)
case("no-minor", line("HTTP/1"), 400, CLOSE, FORM)
case("2-without-minor", line("HTTP/2"), 400, CLOSE, FORM)
case("empty-minor", line("HTTP/1."), 400, CLOSE, FORM)
case("empty-major", line("HTTP/.1"), 400, CLOSE, FORM)
case("two-digit-minor", line("HTTP/1.10"), 400, CLOSE, FORM)
case("two-digit-major", line("HTTP/11.1"), 400, CLOSE, FORM)
case("leading-zero", line("HTTP/01.1"), 400, CLOSE, FORM)
case("three-parts", line("HTTP/1.1.1"), 400, CLOSE, FORM)
case("comma", line("HTTP/1,1"), 400, CLOSE, FORM)
case("minus", line("HTTP/-1.1"), 400, CLOSE, FORM)
case("letters", line("HTTP/a.b"), 400, CLOSE, FORM)
case("hex", line("HTTP/1.a"), 400, CLOSE, FORM)
case("trailing-letter", line("HTTP/1.1x"), 400, CLOSE, FORM)
case("leading-letter", line("XHTTP/1.1"), 400, CLOSE, FORM)
case("small-letters", line("http/1.1"), 400, CLOSE, "RFC 9112 2.3: HTTP-version is case-sensitive")
case("one-small-letter", line("HTTp/1.1"), 400, CLOSE, "RFC 9112 2.3: HTTP-version is case-sensitive")
case("space-in-it", line("HTTP/ 1.1"), 400, CLOSE, FORM)
case("space-before-slash", line("HTTP /1.1"), 400, CLOSE, FORM)
case("backslash", line("HTTP\\1.1"), 400, CLOSE, FORM)
case("no-slash", line("HTTP1.1"), 400, CLOSE, FORM)
case("nul", lines(b"GET /a.txt HTTP/1.1\x00", "Host: localhost"), 400, CLOSE, FORM)
case("superscript-digit", lines(b"GET /a.txt HTTP/1.\xb9", "Host: localhost"), 400, CLOSE, FORM)
case("https", line("HTTPS/1.1"), 400, CLOSE, "rule: other protocol names")
case("icecast", line("ICE/1.0"), 400, CLOSE, "rule: other protocol names")
case("rtsp", line("RTSP/1.0"), 400, CLOSE, "rule: other protocol names")
case("sip", line("SIP/2.0"), 400, CLOSE, "rule: other protocol names")
case("1.0-answer-is-not-chunked", with_field(target="/list/", version="HTTP/1.0"),
     reply(200, lacks=("transfer-encoding",)), CLOSE,
     "RFC 9112 6.1: no Transfer-Encoding to a client of 1.0")
