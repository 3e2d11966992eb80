"""The catalogue of upstreams whose TLS is wrong, or ends wrongly.

The problem: a certificate that does not verify, a handshake that fails and a connection that is cut below TLS must each be
told from the others, and from an upstream that is well; and a cut is no end of content (RFC 8446 section 6.1). The words
for Proxy-Status are of RFC 9209 section 2.3.
"""

import ssl

from certificates import self_signed
from h1_cases import SILENT, TERMINATED
from misbehaviour import GET, POST, Expect, case, cut, failed, good, patient
from scripted_upstream import close, close_notify, drain, head, reset, response, send, until_client_saw, whole_request

CERTIFICATE = ("tls_certificate_error",)
HANDSHAKE = ("tls_protocol_error",)
UNTIL_THE_END = send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")


def context(certificate, alpn=()) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate.chain, certificate.key)
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


def trusted(authority):
    return context(authority.issue())


def in_clear(_):
    """What comes is TLS, and the script's own octets are the answer."""
    return None


def wants_a_certificate(authority):
    made = trusted(authority)
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(str(authority.certificate))
    return made


def unverified(name, make):
    return case(name, tls=make, expect=failed(*CERTIFICATE), seen=(), next=False, reused=None)


def handshake(name, *steps, errors=HANDSHAKE, **more):
    """The first connection's never ends well; the second one's cannot, for it is in clear text."""
    return case(name, list(steps), tls=in_clear, expect=failed(*errors), seen=(), next=False, reused=None, **more)


def hello(connection):
    """Waits for the beginning of a ClientHello."""
    connection.take(5)


CASES = [
    unverified("tls-unknown-authority", lambda authority: context(self_signed(authority.folder))),
    unverified("tls-another-name", lambda authority: context(authority.issue("other.example", ["other.example"]))),
    unverified("tls-expired", lambda authority: context(authority.issue(days=(-9, -1)))),
    unverified("tls-not-yet-valid", lambda authority: context(authority.issue(days=(2, 9)))),
    handshake("tls-answered-in-clear", hello, send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), drain),
    handshake("tls-answered-with-anything", hello, send(bytes(range(256))), drain),
    handshake("tls-alert-in-the-handshake", hello, send(b"\x15\x03\x03\0\x02\x02\x28"), drain,
              errors=("tls_alert_received", "tls_protocol_error")),
    handshake("tls-closes-in-the-handshake", hello, close, errors=(*HANDSHAKE, *TERMINATED)),
    handshake("tls-resets-in-the-handshake", hello, reset, errors=(*HANDSHAKE, *TERMINATED)),
    patient(case("tls-stalls-in-the-handshake", [hello, drain], tls=in_clear, seen=(), next=False, reused=None,
                 expect=Expect((502, 504), (*SILENT, *HANDSHAKE, "connection_timeout")))),
    # RFC 8446 section 4.4.2.4: said after our Finished, when the request may be on its way.
    case("tls-wants-a-certificate", tls=wants_a_certificate, seen=(), next=False, reused=None,
         expect=failed("tls_alert_received", "tls_certificate_error", *HANDSHAKE, *TERMINATED)),
    # RFC 8446 section 6.1: what ends without close_notify was cut.
    case("tls-until-close-notify", [head, UNTIL_THE_END, close_notify], tls=trusted, expect=good(b"all of it")),
    case("tls-until-fin", [head, UNTIL_THE_END, until_client_saw, close], tls=trusted, expect=cut(b"all of it")),
    case("tls-until-reset", [head, UNTIL_THE_END, until_client_saw, reset], tls=trusted, expect=cut(b"all of it")),
    case("tls-closes-without-notify-after-the-response", [head, send(response(b"hello")), close], tls=trusted,
         expect=good(b"hello")),
    case("tls-closes-after-the-request", [whole_request, close], ask=POST, tls=trusted, expect=failed(*TERMINATED)),
    case("tls-good", [whole_request, send(response(b"hello"))], ask=GET, tls=trusted, expect=good(b"hello"), reused=True),
    case("tls-chooses-http-1", [whole_request, send(response(b"hello"))], expect=good(b"hello"), reused=True,
         tls=lambda authority: context(authority.issue(), ["http/1.1"])),
    case("tls-chooses-http-2", expect=good(b"honest GET /tls-chooses-http-2/first"), reused=True, h2=True,
         tls=lambda authority: context(authority.issue(), ["h2"])),
]
