"""The four forms of a request target (RFC 9112 3.2) and the authority in it.

A target that two parsers could take for two different resources or hosts is refused: userinfo, fragments, an empty
or impossible authority, a Host that names another host than the absolute form does.
"""

from .case import CLOSE, EITHER, HELLO, INDEX, OPEN, catalogue, for_target, lines, reply, with_field

CASES, case = catalogue("target")

ORIGIN = "RFC 9112 3.2.1: absolute-path"
OWN = "rule: own check of the request line"
AUTHORITY = "RFC 9110 4.2.1, RFC 3986 3.2; rule: userinfo, empty authority, wild ports"
SAME_HOST = "rule: Host other than the absolute form's"


def absolute(uri, host="localhost"):
    return for_target(uri, host=host)


# origin-form
case("root", for_target("/"), INDEX, OPEN, "RFC 9112 3.2.1")
case("query", for_target("/a.txt?x=y"), HELLO, OPEN, "RFC 9112 3.2.1")
case("empty-query", for_target("/a.txt?"), HELLO, OPEN, "RFC 3986 3.4")
case("query-of-slashes-and-question-marks", for_target("/a.txt?a/b?c/../.."), HELLO, OPEN, "RFC 3986 3.4")
case("query-on-root", for_target("/?x"), INDEX, OPEN, "RFC 9112 3.2.1")
case("query-with-escaped-nul", for_target("/a.txt?%00%2f"), HELLO, OPEN,
     "RFC 3986 3.4: a file has no use for the query")
case("query-of-browsers", for_target("/a.txt?a={b}|c^d`"), (200, 400), EITHER,
     "RFC 3986 3.4: not in the grammar, seen")
case("relative", for_target("a.txt"), 400, CLOSE, ORIGIN)
case("dot-relative", for_target("./a.txt"), 400, CLOSE, ORIGIN)
case("only-a-query", for_target("?x"), 400, CLOSE, ORIGIN)
case("backslash-first", for_target("\\a.txt"), 400, CLOSE, ORIGIN)
case("fragment", for_target("/a.txt#canary"), 400, CLOSE, "RFC 9112 3.2.1: no fragment; rule: `#`")
case("fragment-in-query", for_target("/a.txt?x#canary"), 400, CLOSE, "RFC 9112 3.2.1: no fragment; rule: `#`")
case("only-a-fragment", for_target("#canary"), 400, CLOSE, ORIGIN)
case("8-bit-path", for_target(b"/\xc3\xa9.txt"), 400, CLOSE, "RFC 3986 2: a URI is US-ASCII")
case("8-bit-query", for_target(b"/a.txt?\xc3\xa9"), 400, CLOSE, "RFC 3986 2: a URI is US-ASCII")
case("nul", for_target(b"/a.txt\x00.html"), 400, CLOSE, "RFC 3986 2; rule: NUL, control characters")
case("control-character", for_target(b"/a.txt\x01"), 400, CLOSE, "RFC 3986 2; rule: NUL, control characters")
case("escape-character", for_target(b"/\x1b[31mcanary"), 400, CLOSE,
     "RFC 3986 2; rule: NUL, control characters")
case("delete-character", for_target(b"/a.txt\x7f"), 400, CLOSE, "RFC 3986 2; rule: NUL, control characters")
case("tab", for_target(b"/a\t.txt"), 400, CLOSE, "RFC 9112 3.2: no whitespace in the target")
case("vertical-tab", for_target(b"/a.txt?\x0bx"), 400, CLOSE, "RFC 9112 3.2: no whitespace in the target")
case("angle-brackets", for_target("/<canary>"), (400, 404), EITHER, "RFC 3986 2: not in the grammar")
case("quotes", for_target('/"canary"'), (400, 404), EITHER, "RFC 3986 2: not in the grammar")

# asterisk-form
case("options-asterisk", for_target("*", "OPTIONS"), (200, 204), OPEN, "RFC 9112 3.2.4, RFC 9110 9.3.7")
case("options-asterisk-1.0", lines("OPTIONS * HTTP/1.0"), (200, 204), CLOSE, "RFC 9112 3.2.4")
case("get-asterisk", for_target("*"), 400, CLOSE, "RFC 9112 3.2.4: only for OPTIONS; rule: `GET *`")
case("head-asterisk", for_target("*", "HEAD"), reply(400, "HEAD"), CLOSE, "RFC 9112 3.2.4: only for OPTIONS")
case("post-asterisk", for_target("*", "POST"), 400, CLOSE, "RFC 9112 3.2.4: only for OPTIONS")
case("two-asterisks", for_target("**", "OPTIONS"), 400, CLOSE, "RFC 9112 3.2.4")
case("asterisk-path", for_target("*/a.txt", "OPTIONS"), 400, CLOSE, "RFC 9112 3.2.4")
case("asterisk-query", for_target("*?x", "OPTIONS"), 400, CLOSE, "RFC 9112 3.2.4")
case("slash-asterisk", for_target("/*"), 404, OPEN, "RFC 9112 3.2.1: a path like any other")

# absolute-form
case("absolute", absolute("http://localhost/a.txt"), HELLO, OPEN, "RFC 9112 3.2.2: a server MUST accept it")
case("absolute-in-1.0", lines("GET http://localhost/a.txt HTTP/1.0"), HELLO, CLOSE, "RFC 9112 3.2.2")
case("absolute-without-host", lines("GET http://localhost/a.txt HTTP/1.1"), 400, CLOSE,
     "RFC 9112 3.2: Host is needed")
case("absolute-port", absolute("http://localhost:8080/a.txt", "localhost:8080"), HELLO, OPEN, "RFC 9112 3.2.2")
case("absolute-capitals", absolute("HTTP://LOCALHOST/a.txt"), HELLO, OPEN,
     "RFC 9110 4.2.3: scheme and host in any case")
case("absolute-capital-host", absolute("http://localhost/a.txt", "LocalHost"), HELLO, OPEN, "RFC 9110 4.2.3")
case("absolute-empty-path", absolute("http://localhost"), INDEX, OPEN, "RFC 9110 4.2.3: the same as /")
case("absolute-empty-path-query", absolute("http://localhost?x=y"), INDEX, OPEN, "RFC 9110 4.2.3, RFC 3986 3.3")
case("absolute-query", absolute("http://localhost/a.txt?http://other/"), HELLO, OPEN, "RFC 9112 3.2.2")
case("absolute-ipv4", absolute("http://127.0.0.1:80/a.txt", "127.0.0.1:80"), HELLO, OPEN, "RFC 9112 3.2.2")
case("absolute-ipv6", absolute("http://[::1]/a.txt", "[::1]"), HELLO, OPEN, "RFC 9112 3.2.2, RFC 3986 3.2.2")
case("absolute-dot-segments", absolute("http://localhost/dir/../a.txt"), HELLO, OPEN, "RFC 3986 6.2.2.3")
case("absolute-options", for_target("http://localhost", "OPTIONS"), (200, 204), OPEN,
     "RFC 9112 3.2.4: the same as *")
case("absolute-other-host", absolute("http://canary/a.txt"), 400, CLOSE, SAME_HOST)
case("absolute-other-port", absolute("http://localhost:81/a.txt", "localhost:82"), 400, CLOSE, SAME_HOST)
case("absolute-port-host-without", absolute("http://localhost:8080/a.txt"), 400, CLOSE, SAME_HOST)
case("absolute-longer-host", absolute("http://localhost.canary/a.txt"), 400, CLOSE, SAME_HOST)
case("absolute-default-port-one-side", absolute("http://localhost:80/a.txt"), (200, 400), EITHER,
     "RFC 9110 4.2.3: equal after normalisation; rule: other than the absolute form's")
case("absolute-empty-port", absolute("http://localhost:/a.txt", "localhost:"), (200, 400), EITHER,
     "RFC 3986 3.2.3")
case("absolute-empty-authority", absolute("http:///a.txt", ""), 400, CLOSE, AUTHORITY)
case("absolute-empty-host", absolute("http://:80/a.txt", ":80"), 400, CLOSE, AUTHORITY)
case("absolute-nothing", absolute("http://"), 400, CLOSE, AUTHORITY)
case("absolute-one-slash", absolute("http:/a.txt"), 400, CLOSE, "RFC 9110 4.2.1: // authority")
case("absolute-no-slash", absolute("http:a.txt"), 400, CLOSE, "RFC 9110 4.2.1: // authority")
case("absolute-no-colon", absolute("http//localhost/a.txt"), 400, CLOSE, ORIGIN)
case("absolute-no-scheme", absolute("://localhost/a.txt"), 400, CLOSE, "RFC 3986 3.1")
case("absolute-backslashes", absolute("http:\\\\localhost\\a.txt"), 400, CLOSE, OWN)
case("absolute-user", absolute("http://canary@localhost/a.txt"), 400, CLOSE, AUTHORITY)
case("absolute-user-in-both", absolute("http://canary@localhost/a.txt", "canary@localhost"), 400, CLOSE,
     AUTHORITY)
case("absolute-password", absolute("http://can:ary@localhost/a.txt"), 400, CLOSE, AUTHORITY)
case("absolute-empty-user", absolute("http://@localhost/a.txt"), 400, CLOSE, AUTHORITY)
case("absolute-port-too-high", absolute("http://localhost:65536/a.txt", "localhost:65536"), 400, CLOSE,
     AUTHORITY)
case("absolute-port-long", absolute("http://localhost:4294967376/a.txt", "localhost:4294967376"), 400, CLOSE,
     AUTHORITY)
case("absolute-port-word", absolute("http://localhost:http/a.txt", "localhost:http"), 400, CLOSE, AUTHORITY)
case("absolute-port-signed", absolute("http://localhost:+80/a.txt", "localhost:+80"), 400, CLOSE, AUTHORITY)
case("absolute-two-ports", absolute("http://localhost:80:80/a.txt", "localhost:80:80"), 400, CLOSE, AUTHORITY)
case("absolute-ipv6-open", absolute("http://[::1/a.txt", "[::1"), 400, CLOSE, AUTHORITY)
case("absolute-ipv6-wrong", absolute("http://[zz::1]/a.txt", "[zz::1]"), 400, CLOSE, AUTHORITY)
case("absolute-ipv6-and-more", absolute("http://[::1]x/a.txt", "[::1]x"), 400, CLOSE, AUTHORITY)
case("absolute-space-in-host", absolute("http://local%20host/a.txt", "localhost"), 400, CLOSE, SAME_HOST)
case("absolute-fragment", absolute("http://localhost/a.txt#canary"), 400, CLOSE, "RFC 9112 3.2.2: no fragment")
case("absolute-asterisk-path", for_target("http://localhost*", "OPTIONS"), 400, CLOSE, SAME_HOST)
case("absolute-https-on-plain-port", absolute("https://localhost/a.txt"), (200, 400, 421), EITHER,
     "RFC 9110 7.4: not this server's origin")
case("absolute-ftp", absolute("ftp://localhost/a.txt"), (400, 421), EITHER,
     "RFC 9110 7.4: not this server's scheme")
case("absolute-file", absolute("file:///etc/passwd", ""), (400, 421), EITHER,
     "RFC 9110 7.4: not this server's scheme")
case("absolute-javascript", absolute("javascript:canary"), (400, 421), EITHER, "RFC 9110 7.4")

# authority-form
CONNECT = "RFC 9112 3.2.3; rule: CONNECT 405 and close"
case("connect", for_target("example.com:443", "CONNECT", "example.com:443"), 405, CLOSE, CONNECT)
case("connect-ipv6", for_target("[::1]:443", "CONNECT", "[::1]:443"), 405, CLOSE, CONNECT)
case("connect-without-port", for_target("example.com", "CONNECT", "example.com"), (400, 405), CLOSE, CONNECT)
case("connect-empty-port", for_target("example.com:", "CONNECT", "example.com"), (400, 405), CLOSE, CONNECT)
case("connect-empty-host", for_target(":443", "CONNECT", "example.com"), (400, 405), CLOSE, CONNECT)
case("connect-path", for_target("/a.txt", "CONNECT"), (400, 405), CLOSE, CONNECT)
case("connect-absolute", for_target("http://localhost/", "CONNECT"), (400, 405), CLOSE, CONNECT)
case("connect-asterisk", for_target("*", "CONNECT"), (400, 405), CLOSE, CONNECT)
case("connect-user", for_target("canary@example.com:443", "CONNECT", "example.com:443"), (400, 405), CLOSE,
     CONNECT)
case("connect-port-too-high", for_target("example.com:99999", "CONNECT", "example.com:99999"), (400, 405),
     CLOSE, CONNECT)
case("connect-then-bytes", for_target("example.com:443", "CONNECT", "example.com:443") + with_field(), 405,
     CLOSE,
     "rule: nothing after it is read")
case("connect-with-length", with_field("Content-Length: 5", method="CONNECT", target="example.com:443",
                                       host="example.com:443") + b"hello", (400, 405), CLOSE, CONNECT)
case("authority-for-get", for_target("localhost:80"), 400, CLOSE, "RFC 9112 3.2.3: only for CONNECT")
case("host-for-get", for_target("localhost"), 400, CLOSE, ORIGIN)
case("authority-for-options", for_target("localhost:80", "OPTIONS"), 400, CLOSE,
     "RFC 9112 3.2.3: only for CONNECT")
