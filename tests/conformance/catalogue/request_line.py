"""The request line: method SP request-target SP HTTP-version CRLF, and nothing else (RFC 9112 3).

Section 3 lets a recipient split on any whitespace; SECURITY.md section 1 does not, since two parsers then disagree.
"""

from .case import CLOSE, EITHER, GET, HELLO, OPEN, catalogue, lines, with_field

CASES, case = catalogue("request-line")

HOST = b"\r\nHost: localhost\r\n\r\n"
SPACES = "RFC 9112 3; rule: more than two spaces in the request line"
LINE_ENDS = "RFC 9112 2.2; rule: every LF follows a CR, every CR precedes an LF"

case("plain", GET, HELLO, OPEN, "RFC 9112 3")
case("two-spaces-before-target", b"GET  /a.txt HTTP/1.1" + HOST, 400, CLOSE, SPACES)
case("two-spaces-before-version", b"GET /a.txt  HTTP/1.1" + HOST, 400, CLOSE, SPACES)
case("space-in-target", b"GET /sp ace.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3.2; " + SPACES)
case("space-in-query", b"GET /a.txt?q=can ary HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3.2; " + SPACES)
case("trailing-space", b"GET /a.txt HTTP/1.1 " + HOST, 400, CLOSE, SPACES)
case("trailing-tab", b"GET /a.txt HTTP/1.1\t" + HOST, 400, CLOSE, SPACES)
case("trailing-word", b"GET /a.txt HTTP/1.1 canary" + HOST, 400, CLOSE, SPACES)
case("leading-space", b" GET /a.txt HTTP/1.1" + HOST, 400, CLOSE, SPACES)
case("leading-tab", b"\tGET /a.txt HTTP/1.1" + HOST, 400, CLOSE, SPACES)
case("tab-before-target", b"GET\t/a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3: single SP")
case("tab-before-version", b"GET /a.txt\tHTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3: single SP")
case("vertical-tab-before-target", b"GET\x0b/a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3: single SP")
case("form-feed-before-version", b"GET /a.txt\x0cHTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3: single SP")
case("no-break-space-before-target", b"GET\xa0/a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3: single SP")
case("no-target", b"GET HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("empty-target", b"GET  HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("no-method", b"/a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("empty-method", b" /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("only-a-word", b"canary" + HOST, 400, CLOSE, "RFC 9112 3")
case("only-a-version", b"HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("a-status-line", lines("HTTP/1.1 200 OK", "Host: localhost"), 400, CLOSE,
     "RFC 9112 2.1: start-line of a request")
case("method-ends-in-colon", b"GET: /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-with-parenthesis", b"GE(T /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-with-slash", b"GET/ /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-quoted", b"\"GET\" /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-with-nul", b"GE\x00T /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-8-bit", b"G\xc9T /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("method-with-delete", b"GET\x7f /a.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9110 9.1: method is a token")

case("one-empty-line-before", b"\r\n" + GET, HELLO, OPEN,
     "RFC 9112 2.2: ignore one; rule: one leading CRLF at most")
case("two-empty-lines-before", b"\r\n\r\n" + GET, 400, CLOSE, "rule: one leading CRLF at most")
case("many-empty-lines-before", b"\r\n" * 40 + GET, 400, CLOSE, "rule: one leading CRLF at most")
case("lf-before", b"\n" + GET, 400, CLOSE, LINE_ENDS)
case("cr-before", b"\r" + GET, 400, CLOSE, LINE_ENDS)
case("cr-cr-lf-before", b"\r\r\n" + GET, 400, CLOSE, LINE_ENDS)
case("space-line-before", b" \r\n" + GET, 400, CLOSE, "RFC 9112 2.2: only an empty line is ignored")
case("byte-order-mark-before", b"\xef\xbb\xbf" + GET, 400, CLOSE, "RFC 9110 9.1: method is a token")
case("lf-ends-the-line", b"GET /a.txt HTTP/1.1\nHost: localhost\r\n\r\n", 400, CLOSE, LINE_ENDS)
case("lf-ends-all-lines", b"GET /a.txt HTTP/1.1\nHost: localhost\n\n", 400, CLOSE, LINE_ENDS)
case("cr-ends-the-line", b"GET /a.txt HTTP/1.1\rHost: localhost\r\n\r\n", 400, CLOSE, LINE_ENDS)
case("cr-cr-lf-ends-the-line", b"GET /a.txt HTTP/1.1\r\r\nHost: localhost\r\n\r\n", 400, CLOSE, LINE_ENDS)
case("lf-cr-ends-the-line", b"GET /a.txt HTTP/1.1\n\rHost: localhost\r\n\r\n", 400, CLOSE, LINE_ENDS)
case("cr-in-target", b"GET /a\r.txt HTTP/1.1" + HOST, 400, CLOSE, LINE_ENDS)
case("cr-for-space", b"GET\r/a.txt HTTP/1.1" + HOST, 400, CLOSE, LINE_ENDS)
case("lf-in-target", b"GET /a\n.txt HTTP/1.1" + HOST, 400, CLOSE, LINE_ENDS)
case("crlf-in-target", b"GET /a\r\n.txt HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3")
case("folded", b"GET /a.txt\r\n HTTP/1.1" + HOST, 400, CLOSE, "RFC 9112 3; rule: obs-fold")
case("no-fields-in-1.0", lines("GET /a.txt HTTP/1.0"), HELLO, CLOSE,
     "RFC 9112 3.2, 9.3: Host is not needed in 1.0")
case("empty-line-after", GET + b"\r\n", HELLO, OPEN,
     "RFC 9112 2.2: an empty line before the next request is ignored")
case("two-empty-lines-after", GET + b"\r\n\r\n", [HELLO, 400], CLOSE, "rule: one leading CRLF at most")
case("simple-request", b"GET /\r\n", 400, CLOSE, "rule: HTTP/0.9")
case("simple-request-and-empty-line", b"GET /\r\n\r\n", 400, CLOSE, "rule: HTTP/0.9")
case("simple-request-lf", b"GET /\n", 400, CLOSE, "rule: HTTP/0.9; " + LINE_ENDS)
case("escaped-crlf-is-no-crlf", with_field(target="/a.txt%0d%0aHost:%20x"), (400, 404), EITHER,
     "RFC 3986 2.4: decoded once, after parsing", by_handler=True)
