"""Who may keep the connection (RFC 9112 9.3, 9.6) and what Connection and Upgrade are read as (RFC 9110 7.6.1, 7.8).

Connection is a list of tokens in any case; llhttp misses `close` before a tab, so Sluice reads it itself.
"""

from .case import CLOSE, EITHER, GET, HELLO, OPEN, SITE, catalogue, lines, reply, with_field

CASES, case = catalogue("connection")

LIST = "RFC 9110 7.6.1, 5.6.1; rule: Connection is parsed by us, as a list"
PERSIST = "RFC 9112 9.3"
KEPT = reply(200, body=SITE["a.txt"], has={"connection": r"(?i)keep-alive"})

for name, value in {
    "close": "close", "capitals": "CLOSE", "mixed": "cLoSe", "tab-after": "close\t", "tab-before": "\tclose",
    "first": "close, foo", "last": "foo, close", "middle": "foo,close,bar", "no-spaces": "foo,close",
    "space-before-comma": "foo , close", "tabs-around": "foo\t,\tclose\t,\tbar",
    "after-keep-alive": "keep-alive, close",
    "before-keep-alive": "close, keep-alive", "empty-first": ",close", "empty-elements": ", ,close,,",
    "twice": "close, close",
}.items():
    case(f"close-{name}", with_field(f"Connection: {value}"), HELLO, CLOSE, "RFC 9112 9.6; " + LIST)
for name, value in {
    "empty": "", "only-commas": ", ,", "keep-alive": "keep-alive", "closed": "closed", "enclose": "enclose",
    "close-with-suffix": "close-notify", "unknown": "foo, bar", "te": "TE", "proxy": "proxy-close",
}.items():
    case(f"open-{name}", with_field(f"Connection: {value}"), HELLO, OPEN, PERSIST + "; " + LIST)
case("two-fields-close-last", with_field("Connection: keep-alive", "Connection: close"), HELLO, CLOSE, LIST)
case("two-fields-close-first", with_field("Connection: close", "Connection: keep-alive"), HELLO, CLOSE, LIST)
case("close-quoted", with_field('Connection: "close"'), (200, 400), EITHER, "RFC 9110 7.6.1: not a token")
case("close-in-two-words", with_field("Connection: cl ose"), (200, 400), EITHER, "RFC 9110 7.6.1: not a token")
case("close-with-parameter", with_field("Connection: close;q=1"), (200, 400), EITHER,
     "RFC 9110 7.6.1: not a token")
case("close-semicolon", with_field("Connection: foo; close"), (200, 400), EITHER, "RFC 9110 7.6.1: not a token")
case("close-before-vertical-tab", with_field("Connection: close\x0b"), 400, CLOSE, "RFC 9110 5.5")
case("close-and-more", with_field("Connection: close") + GET, HELLO, CLOSE,
     "RFC 9112 9.6: nothing after it is served")
case("close-and-garbage", with_field("Connection: close") + b"\x00canary\r\n\r\n", HELLO, CLOSE, "RFC 9112 9.6")
case("close-with-body", with_field("Connection: close", "Content-Length: 5", method="POST") + b"hello", 405,
     CLOSE,
     "RFC 9112 9.6")
case("close-in-another-field", with_field("X-Connection: close", "Proxy-Connection: close"), HELLO, OPEN,
     "RFC 9112 C.2.2: Proxy-Connection is nobody's")
for name in ("Host", "Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "X-Forwarded-For"):
    case(f"names-{name.lower()}", with_field(f"Connection: {name}"), (200, 400), EITHER,
         "RFC 9110 7.6.1; rule: cannot be named there")
case("names-length-of-a-body", with_field("Connection: Content-Length", "Content-Length: 5",
    method="POST") + b"hello",
     (400, 405), EITHER, "RFC 9110 7.6.1; rule: cannot be named there")

case("1.0", lines("GET /a.txt HTTP/1.0", "Host: localhost"), HELLO, CLOSE, PERSIST)
case("1.0-keep-alive", lines("GET /a.txt HTTP/1.0", "Connection: keep-alive"), KEPT, OPEN, PERSIST + ", C.2.2")
case("1.0-keep-alive-capitals", lines("GET /a.txt HTTP/1.0", "Connection: Keep-Alive"), KEPT, OPEN,
     PERSIST + ", C.2.2")
case("1.0-keep-alive-in-list", lines("GET /a.txt HTTP/1.0", "Connection: foo,\tkeep-alive"), KEPT, OPEN,
     PERSIST)
case("1.0-keep-alive-twice", lines("GET /a.txt HTTP/1.0", "Connection: keep-alive") * 2, [KEPT, KEPT], OPEN,
     PERSIST)
case("1.0-keep-alive-then-1.1", lines("GET /a.txt HTTP/1.0", "Connection: keep-alive") + GET, [KEPT, HELLO],
     OPEN, PERSIST)
case("1.0-keep-alive-and-close", lines("GET /a.txt HTTP/1.0", "Connection: keep-alive, close"), HELLO, CLOSE,
     PERSIST)
case("1.0-close", lines("GET /a.txt HTTP/1.0", "Connection: close"), HELLO, CLOSE, PERSIST)
case("1.0-empty", lines("GET /a.txt HTTP/1.0", "Connection:"), HELLO, CLOSE, PERSIST)
case("1.0-keep-alive-field-alone", lines("GET /a.txt HTTP/1.0", "Keep-Alive: timeout=5"), HELLO, CLOSE, PERSIST)
case("1.0-proxy-connection", lines("GET /a.txt HTTP/1.0", "Proxy-Connection: keep-alive"), HELLO, CLOSE,
     "RFC 9112 C.2.2")
case("1.0-then-more", lines("GET /a.txt HTTP/1.0") + GET, HELLO, CLOSE, PERSIST)
case("1.0-keep-alive-missing", lines("GET /missing HTTP/1.0", "Connection: keep-alive"),
     reply(404, has={"connection": r"(?i)keep-alive"}), OPEN, PERSIST)
case("1.1-after-404", with_field(target="/missing") + GET, [404, HELLO], OPEN, PERSIST)
case("keep-alive-parameters", with_field("Connection: keep-alive", "Keep-Alive: timeout=0, max=0"), HELLO, OPEN,
     "RFC 9112 9.3; Keep-Alive of a client binds nobody")

UPGRADE = "RFC 9110 7.8: MAY ignore; rule: Upgrade ignored unless the route proxies it"
case("upgrade-websocket", with_field("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), HELLO, OPEN, UPGRADE)
case("upgrade-then-get", with_field("Connection: Upgrade", "Upgrade: websocket") + GET, [HELLO, HELLO], OPEN,
     UPGRADE)
case("upgrade-h2c", with_field("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__"),
     HELLO, OPEN, UPGRADE + "; RFC 9113 3.1: h2c by Upgrade is gone")
case("upgrade-h2c-then-preface",
     with_field("Connection: Upgrade", "Upgrade: h2c") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     [HELLO, (400, 505)], CLOSE, UPGRADE)
case("upgrade-without-connection", with_field("Upgrade: websocket"), HELLO, OPEN, UPGRADE)
case("upgrade-named-but-absent", with_field("Connection: upgrade"), HELLO, OPEN, UPGRADE)
case("upgrade-and-close", with_field("Connection: upgrade, close", "Upgrade: foo/1"), HELLO, CLOSE, UPGRADE)
case("upgrade-1.0", lines("GET /a.txt HTTP/1.0", "Connection: upgrade", "Upgrade: websocket"), HELLO, CLOSE,
     "RFC 9110 7.8: MUST ignore in 1.0")
case("upgrade-post", with_field("Connection: upgrade", "Upgrade: foo", "Content-Length: 5",
    method="POST") + b"hello" + GET,
     [405, HELLO], OPEN, UPGRADE)
case("upgrade-tls", with_field("Connection: upgrade", "Upgrade: TLS/1.0", method="OPTIONS", target="*"),
     (200, 204), OPEN,
     UPGRADE)

case("fin-after-request", GET, HELLO, CLOSE, "RFC 9112 9.6: a half-closed client is answered", half_close=True)
case("fin-after-two-requests", GET + GET, [HELLO, HELLO], CLOSE, "RFC 9112 9.6", half_close=True)
case("fin-after-large", with_field(target="/big.bin"), reply(200, has={"content-length": "262144"}), CLOSE,
     "RFC 9112 9.6",
     half_close=True)
case("fin-in-head", GET[:-2], reply((400, 408), optional=True), CLOSE, "RFC 9112 8: an incomplete request",
     half_close=True)
case("fin-in-request-line", b"GET /a.t", reply((400, 408), optional=True), CLOSE, "RFC 9112 8", half_close=True)
case("fin-in-body", with_field("Content-Length: 10", method="POST") + b"hello",
     reply((400, 405, 408), optional=True), CLOSE,
     "RFC 9112 8; a FIN in the middle of a body ends the exchange", after_head=True, half_close=True)
case("fin-at-once", b"", reply((400, 408), optional=True), CLOSE, "RFC 9112 9.6", half_close=True)
