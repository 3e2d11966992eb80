"""What reaches port 80 and is not HTTP/1: TLS, HTTP/2, other services, noise.

A parser must say no without waiting for more than it needs. Where no line has ended yet, a server may also wait for
the head's deadline; the cases marked so are run against a short deadline and must never be served.
"""

import random

from .case import CLOSE, PROMPT_OR_WAITS, catalogue, lines

CASES, case = catalogue("other-protocol")

LINE = "RFC 9112 3: no request line"
VERSION = "RFC 9112 2.3; rule: a known form of another version 505, else 400"
WAITING = "RFC 9112 3: no request line; rule: head complete within head_timeout"
noise = random.Random(20)

TLS_RANDOM = bytes(noise.randrange(256) for _ in range(32))
SERVER_NAME = b"\x00\x00\x00\x0f\x00\x0d\x00\x00\x0acanary.com"
CLIENT_HELLO_BODY = (b"\x03\x03" + TLS_RANDOM + b"\x00" + b"\x00\x04\x13\x01\x13\x02" + b"\x01\x00"
                     + len(SERVER_NAME).to_bytes(2, "big") + SERVER_NAME)
CLIENT_HELLO = (b"\x16\x03\x01" + (len(CLIENT_HELLO_BODY) + 4).to_bytes(2, "big")
                + b"\x01" + len(CLIENT_HELLO_BODY).to_bytes(3, "big") + CLIENT_HELLO_BODY)

case("http2-preface-lf", b"PRI * HTTP/2.0\n\nSM\n\n", 400, CLOSE, "RFC 9112 2.2")
case("http3-line", lines("GET /a.txt HTTP/3.0", "Host: localhost"), 505, CLOSE, VERSION)
case("tls-client-hello", CLIENT_HELLO, (400, 408), PROMPT_OR_WAITS, WAITING)
case("tls-client-hello-first-octets", CLIENT_HELLO[:5], (400, 408), PROMPT_OR_WAITS, WAITING)
case("tls-alert-and-empty-line", b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n", 400, CLOSE, LINE)
case("tls-client-hello-and-empty-line", CLIENT_HELLO + b"\r\n\r\n", 400, CLOSE, LINE)
case("ssl2-hello", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + TLS_RANDOM, (400, 408), PROMPT_OR_WAITS,
     WAITING)
case("proxy-v1", b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n" + lines("GET /a.txt HTTP/1.1",
    "Host: localhost"), 400, CLOSE,
     "SECURITY 3: PROXY protocol only from listed peers; " + LINE)
case("proxy-v2", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + lines("GET /a.txt HTTP/1.1",
    "Host: localhost"), 400,
     CLOSE, "SECURITY 3: PROXY protocol only from listed peers; " + LINE)
case("ssh", b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", 400, CLOSE, LINE)
case("smtp", b"EHLO canary.example\r\n\r\n", 400, CLOSE, LINE)
case("ftp", b"USER canary\r\nPASS canary\r\n\r\n", 400, CLOSE, LINE)
case("irc", b"NICK canary\r\nUSER canary 0 * :canary\r\n\r\n", 400, CLOSE, LINE)
case("redis", b"*1\r\n$4\r\nPING\r\n\r\n", 400, CLOSE, LINE)
case("memcached", b"set canary 0 0 5\r\nhello\r\n\r\n", 400, CLOSE, LINE)
case("json", b'{"canary": 1}\r\n\r\n', 400, CLOSE, LINE)
case("xml", b"<policy-file-request/>\x00\r\n\r\n", 400, CLOSE, LINE)
case("ldap", b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00\r\n\r\n", 400, CLOSE, LINE)
case("socks-5", b"\x05\x01\x00", (400, 408), PROMPT_OR_WAITS, WAITING)
case("rdp", b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", (400, 408),
     PROMPT_OR_WAITS, WAITING)
case("rtsp", b"OPTIONS rtsp://localhost/a.txt RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400, CLOSE,
     "rule: other protocol names")
case("gemini", b"gemini://localhost/\r\n\r\n", 400, CLOSE, LINE)
case("gopher", b"/a.txt\r\n\r\n", 400, CLOSE, LINE)
case("fastcgi", b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\r\n\r\n", 400, CLOSE, LINE)
case("websocket-frame", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\n", 400, CLOSE, LINE)
case("a-response", lines("HTTP/1.1 200 OK", "Content-Length: 0"), 400, CLOSE, LINE)
case("nul-1", b"\x00", (400, 408), PROMPT_OR_WAITS, WAITING)
case("nul-100", bytes(100), (400, 408), PROMPT_OR_WAITS, WAITING)
case("nul-line", bytes(100) + b"\r\n\r\n", 400, CLOSE, LINE)
case("all-octets", bytes(range(256)) + b"\r\n\r\n", 400, CLOSE, LINE)
case("lf-only", b"\n" * 50, 400, CLOSE, "RFC 9112 2.2; rule: every LF follows a CR")
case("cr-only", b"\r" * 50, 400, CLOSE, "RFC 9112 2.2; rule: every CR precedes an LF")
case("crlf-only", b"\r\n" * 50, 400, CLOSE, "rule: one leading CRLF at most")
case("utf-16", "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("utf-16-le"), 400, CLOSE, LINE)
for index in range(8):
    octets = bytes(noise.randrange(1, 256) for _ in range(40 + 30 * index))
    case(f"noise-{index}", b"\x01" + octets + b"\r\n\r\n", 400, CLOSE, LINE)
case("noise-20-kb", b"\x01" + bytes(noise.randrange(256) for _ in range(20000)), (400, 414), CLOSE,
     LINE + "; rule: request line 8 KiB")
