"""A plain HTTP/1.1 client over one socket: enough to check bytes and to hold a connection open."""

import socket
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

TIMEOUT = 20.0

Pairs = Sequence[Tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """One response. Field names are in lower case."""

    status: int
    fields: Dict[str, str]
    body: bytes
    size: int  # octets of head and body


def connect(port: int) -> socket.socket:
    """A connection to 127.0.0.1 that gives up after TIMEOUT seconds without progress."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def request(port: int, document: str, fields: Pairs = ()) -> bytes:
    """The head that wrk sends too. `fields` may replace Host."""
    lines = [f"{name}: {value}" for name, value in
             ({"Host": f"127.0.0.1:{port}"} | dict(fields)).items()]
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


def fetch(port: int, document: str, fields: Pairs = ()) -> Response:
    """One GET."""
    with connect(port) as peer:
        peer.sendall(request(port, document, fields))
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
