"""A plain HTTP/1.1 client over one socket or one TLS connection: enough to check bytes and to hold a
connection open. For HTTP/2, curl."""

import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

TIMEOUT = 20.0
TLS_HOST = "localhost"  # a name, as no certificate and no SNI is about an address

Pairs = Sequence[Tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """One response. Field names are in lower case."""

    status: int
    fields: Dict[str, str]
    body: bytes
    size: int  # octets of head and body


def connect(port: int, tls: Optional[ssl.SSLContext] = None) -> socket.socket:
    """A connection to 127.0.0.1, over TLS with TLS_HOST when there is a context. It gives up after
    TIMEOUT seconds without progress."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    if tls is None:
        return peer
    try:
        return tls.wrap_socket(peer, server_hostname=TLS_HOST)
    except BaseException:
        peer.close()
        raise


def tls_context(chain: str, protocol: str = "http/1.1") -> ssl.SSLContext:
    """A client that trusts the certificate in `chain` alone and offers one protocol by ALPN."""
    context = ssl.create_default_context(cafile=chain)
    context.set_alpn_protocols([protocol])
    return context


def negotiated(port: int, tls: ssl.SSLContext) -> Tuple[str, str, str]:
    """Version, suite and ALPN protocol that a server agrees to."""
    with connect(port, tls) as peer:
        cipher = peer.cipher()
        return peer.version() or "", cipher[0] if cipher else "", peer.selected_alpn_protocol() or ""


def request(port: int, document: str, fields: Pairs = (), host: str = "127.0.0.1") -> bytes:
    """The head that wrk sends too. `fields` may replace Host."""
    lines = [f"{name}: {value}" for name, value in
             ({"Host": f"{host}:{port}"} | dict(fields)).items()]
    return "\r\n".join([f"GET /{document} HTTP/1.1"] + lines + ["", ""]).encode("ascii")


def read_response(peer: socket.socket, held: bytes = b"") -> Tuple[Response, bytes]:
    """One response, a 304 or one with a Content-Length, and the bytes that came after it.

    Raises ConnectionError when the server closes first or frames the body otherwise.
    """
    while b"\r\n\r\n" not in held:
        held += _some(peer)
    head, rest = held.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status, fields = int(lines[0].split(" ")[1]), _fields(lines[1:])
    length = 0 if status == 304 else _content_length(fields)
    parts, got = [rest], len(rest)
    while got < length:
        parts.append(_some(peer))
        got += len(parts[-1])
    whole = b"".join(parts)
    return Response(status, fields, whole[:length], len(head) + 4 + length), whole[length:]


def fetch(port: int, document: str, fields: Pairs = (),
          tls: Optional[ssl.SSLContext] = None) -> Response:
    """One GET."""
    with connect(port, tls) as peer:
        peer.sendall(request(port, document, fields, TLS_HOST if tls else "127.0.0.1"))
        return read_response(peer)[0]


def upload(port: int, path: str, octets: int) -> Response:
    """One POST with a body of so many octets."""
    head = f"POST /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {octets}\r\n\r\n"
    with connect(port) as peer:
        try:
            peer.sendall(head.encode("ascii") + b"x" * octets)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a server that wants no more of it may have said why
        return read_response(peer)[0]


def fetch_pipelined(port: int, document: str, count: int, fields: Pairs = ()) -> List[Response]:
    """`count` GETs sent in one write."""
    with connect(port) as peer:
        peer.sendall(request(port, document, fields) * count)
        answers, held = [], b""
        for _ in range(count):
            response, held = read_response(peer, held)
            answers.append(response)
        return answers


def fetch_multiplexed(port: int, document: str, chain: str) -> Tuple[int, str, bytes]:
    """Status, version and body of one GET over HTTP/2, by curl, which trusts `chain` alone."""
    command = ["curl", "--silent", "--show-error", "--http2", "--tlsv1.3", "--cacert", chain,
               "--max-time", str(TIMEOUT), "--write-out", "%{stderr}%{http_code} %{http_version}",
               f"https://{TLS_HOST}:{port}/{document}"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=2 * TIMEOUT)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        raise ConnectionError(f"curl: {said}")
    status, version = said.split(" ")
    return int(status), version, done.stdout


def _some(peer: socket.socket) -> bytes:
    data = peer.recv(1 << 20)
    if not data:
        raise ConnectionError("the server closed in the middle of a response")
    return data


def _fields(lines: List[str]) -> Dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _content_length(fields: Dict[str, str]) -> int:
    if "content-length" not in fields:
        raise ConnectionError("a response without Content-Length")
    return int(fields["content-length"])
