"""Methods (RFC 9110 9): what files can be asked, what they cannot (405), and what nobody ever defined (501).

The whole site is static files, so the answer to every known method but GET, HEAD and OPTIONS is 405 with
`Allow: GET, HEAD, OPTIONS`; the runner checks that field on every 405.
"""

from .case import (CLOSE, DIR_INDEX, EITHER, GET, HEAD_HELLO, HELLO, INDEX, NO_METHOD, OPEN, catalogue, lines,
                   reply,
                   with_field)

CASES, case = catalogue("method")

ALLOW = {"allow": ".+"}  # that it lists what it should is checked wherever it stands
KNOWN = "RFC 9110 15.5.6: 405 with Allow"
UNKNOWN = "RFC 9110 9.1, 15.6.2: 501 for a method that is not recognized"

case("get", GET, HELLO, OPEN, "RFC 9110 9.3.1")
case("get-index", with_field(target="/"), INDEX, OPEN, "RFC 9110 9.3.1")
case("get-index-of-folder", with_field(target="/dir/"), DIR_INDEX, OPEN, "RFC 9110 9.3.1")
case("get-missing", with_field(target="/missing"), 404, OPEN, "RFC 9110 15.5.5")
case("get-type", GET, reply(200, has={"content-type": r"(?i)text/plain; *charset=utf-8",
    "content-length": "6"}), OPEN,
     "RFC 9110 8.3, 8.6")
case("get-large", with_field(target="/big.bin"), reply(200, has={"content-length": "262144"}), OPEN,
     "RFC 9110 8.6")

case("head", with_field(method="HEAD"), HEAD_HELLO, OPEN, "RFC 9110 9.3.2: no content, the fields of GET")
case("head-index", with_field(method="HEAD", target="/"), reply(200, "HEAD", has={"content-length": "13"}),
     OPEN,
     "RFC 9110 9.3.2")
case("head-large", with_field(method="HEAD", target="/big.bin"),
     reply(200, "HEAD", has={"content-length": "262144"}),
     OPEN, "RFC 9110 9.3.2")
case("head-missing", with_field(method="HEAD", target="/missing"), reply(404, "HEAD"), OPEN, "RFC 9110 9.3.2")
case("head-folder", with_field(method="HEAD", target="/dir"), reply(301, "HEAD", has={"location": ".*/dir/"}),
     OPEN,
     "RFC 9110 9.3.2, 15.4.2")
case("head-1.0", lines("HEAD /a.txt HTTP/1.0"), HEAD_HELLO, CLOSE, "RFC 9110 9.3.2")
case("head-close", with_field("Connection: close", method="HEAD"), HEAD_HELLO, CLOSE, "RFC 9110 9.3.2")
case("head-bad-field", with_field("canary", method="HEAD"), reply(400, "HEAD"), CLOSE,
     "RFC 9110 9.3.2: no content in a response to HEAD")
case("head-then-get", with_field(method="HEAD") + GET, [HEAD_HELLO, HELLO], OPEN,
     "RFC 9110 9.3.2, RFC 9112 6.3")
case("head-with-length", with_field("Content-Length: 5", method="HEAD") + b"hello" + GET, [HEAD_HELLO, HELLO],
     OPEN,
     "RFC 9112 6.3: the body of a request is framed whatever the method")

case("options", with_field(method="OPTIONS"), reply(204, has=ALLOW), OPEN, "RFC 9110 9.3.7, 10.2.1")
case("options-root", with_field(method="OPTIONS", target="/"), reply(204, has=ALLOW), OPEN,
     "RFC 9110 9.3.7, 10.2.1")
case("options-close", with_field("Connection: close", method="OPTIONS"), reply(204, has=ALLOW), CLOSE,
     "RFC 9110 9.3.7, RFC 9112 9.6")
case("options-1.0", lines("OPTIONS /a.txt HTTP/1.0"), reply(204, has=ALLOW), CLOSE, "RFC 9110 9.3.7")
case("options-with-body", with_field("Content-Length: 5", method="OPTIONS") + b"hello", reply(204, has=ALLOW),
     OPEN,
     "RFC 9110 9.3.7: content has no use yet")
case("options-then-get", with_field(method="OPTIONS", target="*") + GET, [(200, 204), HELLO], OPEN,
     "RFC 9110 9.3.7")

case("post", with_field("Content-Length: 0", method="POST"), NO_METHOD, OPEN, KNOWN)
case("post-no-length", with_field(method="POST"), NO_METHOD, OPEN,
     KNOWN + "; RFC 9112 6.3: no length is no body")
case("post-body", with_field("Content-Length: 5", method="POST") + b"hello", NO_METHOD, OPEN, KNOWN)
case("post-missing", with_field("Content-Length: 0", method="POST", target="/missing"), (404, 405), OPEN, KNOWN)
case("post-form", with_field("Content-Type: application/x-www-form-urlencoded", "Content-Length: 13",
                             method="POST",
                             target="/") + b"q=canary&r=%0", NO_METHOD, OPEN, KNOWN)
case("put", with_field("Content-Length: 5", method="PUT") + b"hello", NO_METHOD, OPEN, KNOWN)
case("patch", with_field("Content-Length: 5", method="PATCH") + b"hello", NO_METHOD, OPEN, KNOWN)
case("delete", with_field(method="DELETE"), NO_METHOD, OPEN, KNOWN)
case("post-then-get", with_field("Content-Length: 5", method="POST") + b"hello" + GET, [NO_METHOD, HELLO], OPEN,
     KNOWN)
case("post-1.0", lines("POST /a.txt HTTP/1.0", "Content-Length: 5") + b"hello", NO_METHOD, CLOSE, KNOWN)
case("trace", with_field("X: canary", method="TRACE"), reply(405, absent=b"canary"), OPEN,
     "RFC 9110 9.3.8; 405 since it shows cookies to scripts")
case("trace-root", with_field("Max-Forwards: 0", "X: canary", method="TRACE", target="/"),
     reply(405, absent=b"canary"), OPEN, "RFC 9110 9.3.8, 7.6.2")

case("unknown", with_field(method="CANARY"), 501, EITHER, UNKNOWN)
case("unknown-short", with_field(method="X"), 501, EITHER, UNKNOWN)
case("unknown-of-every-token-octet", with_field(method="!#$%&'*+-.^_`|~09azAZ"), 501, EITHER, UNKNOWN)
case("unknown-digits", with_field(method="123"), 501, EITHER, UNKNOWN)
case("unknown-long", with_field(method="CANARY" * 20), 501, EITHER, UNKNOWN)
case("unknown-starts-like-get", with_field(method="GETS"), 501, EITHER, UNKNOWN)
case("unknown-ends-like-get", with_field(method="XGET"), 501, EITHER, UNKNOWN)
case("unknown-with-body", with_field("Content-Length: 5", method="CANARY") + b"hello", 501, EITHER, UNKNOWN)
case("unknown-1.0", lines("CANARY /a.txt HTTP/1.0"), 501, CLOSE, UNKNOWN)
case("small-letters", with_field(method="get"), 501, EITHER, "RFC 9110 9.1: the method is case-sensitive")
case("one-small-letter", with_field(method="GeT"), 501, EITHER, "RFC 9110 9.1: the method is case-sensitive")
case("small-post", with_field("Content-Length: 5", method="post") + b"hello", 501, EITHER, "RFC 9110 9.1")
for method in ("PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "LINK", "PURGE",
               "QUERY"):
    case(f"registered-{method.lower()}", with_field(method=method), (405, 501), EITHER,
         "RFC 9110 15.5.6, 15.6.2: recognised or not, it is not allowed here")
case("pri", with_field(method="PRI"), (400, 405, 501), EITHER,
     "RFC 9113 11.1: reserved, never used in HTTP/1.1")
case("rtsp-method", with_field(method="DESCRIBE"), (405, 501), EITHER, UNKNOWN)
case("icecast-method", with_field(method="SOURCE"), (405, 501), EITHER, UNKNOWN)
case("m-search", with_field("MAN: \"ssdp:discover\"", method="M-SEARCH"), (405, 501), EITHER, UNKNOWN)
case("get-with-body", with_field("Content-Length: 5") + b"hello", HELLO, OPEN, "RFC 9110 9.3.1, RFC 9112 6.3")
case("get-with-body-then-get", with_field("Content-Length: 5") + b"hello" + GET, [HELLO, HELLO], OPEN,
     "RFC 9112 6.3")
case("override", with_field("X-HTTP-Method-Override: DELETE"), HELLO, OPEN,
     "RFC 9110 9.1: the method is in the line")
