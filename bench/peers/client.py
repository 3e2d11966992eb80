"""A plain HTTP/1.1 client over one socket: enough to check bytes and to hold a connection open."""

import socket
from typing import List, Tuple

TIMEOUT = 20.0


def connect(port: int) -> socket.socket:
    """A connection to 127.0.0.1 that gives up after TIMEOUT seconds without progress."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def request(port: int, document: str) -> bytes:
    """The head that wrk sends too."""
    return f"GET /{document} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode("ascii")


def read_response(peer: socket.socket, held: bytes = b"") -> Tuple[int, bytes, bytes]:
    """(status, body, bytes that came after it) of one response with a Content-Length.

    Raises ConnectionError when the server closes first or frames the body otherwise.
    """
    while b"\r\n\r\n" not in held:
        held += _some(peer)
    head, rest = held.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    length = _content_length(lines[1:])
    parts, got = [rest], len(rest)
    while got < length:
        parts.append(_some(peer))
        got += len(parts[-1])
    whole = b"".join(parts)
    return int(lines[0].split(b" ")[1]), whole[:length], whole[length:]


def fetch(port: int, document: str) -> Tuple[int, bytes]:
    """Status and body of one GET."""
    with connect(port) as peer:
        peer.sendall(request(port, document))
        return read_response(peer)[:2]


def fetch_pipelined(port: int, document: str, count: int) -> List[Tuple[int, bytes]]:
    """Status and body of each of `count` requests sent in one write."""
    with connect(port) as peer:
        peer.sendall(request(port, document) * count)
        answers, held = [], b""
        for _ in range(count):
            status, body, held = read_response(peer, held)
            answers.append((status, body))
        return answers


def _some(peer: socket.socket) -> bytes:
    data = peer.recv(1 << 20)
    if not data:
        raise ConnectionError("the server closed in the middle of a response")
    return data


def _content_length(lines: List[bytes]) -> int:
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ConnectionError("a response without Content-Length")
