"""What the upstream of fault tests answers, as a function of the request alone, so that either end can verify each octet.

The problem: a proxy under faults must never give the octets of one response to another, and never half of one as the
whole. So content is made of its target's hash and each piece's number: whoever knows the target knows the content, and
an octet of another response, or of another place, is wrong.

    /size/1000/any/thing     so many octets, with Content-Length
    /chunked/1000/any        so many, of unknown length
    /slow/1000/any           with Content-Length, in ten parts with 20 ms between them
    /drip/any                a piece each 20 ms, without end
    /never/any               no response at all
    anything else            the request's method, target, length and hash of its content, as text
"""

import hashlib

PIECE = 64 * 1024
PAUSE = 0.02


def new_hash():
    return hashlib.blake2b(digest_size=16)


def _block(target: str, octets: int) -> bytes:
    seed = hashlib.blake2b(target.encode()).digest()
    return seed * (octets // len(seed) + 1)


def pieces(target: str, size: int):
    """The content in parts of at most PIECE octets."""
    block = _block(target, min(size, PIECE))
    for number, at in enumerate(range(0, size, PIECE)):
        yield (number.to_bytes(8, "big") + block[8:])[:min(PIECE, size - at)]


def content(target: str, size: int) -> bytes:
    return b"".join(pieces(target, size))


def digest(target: str, size: int) -> str:
    found = new_hash()
    for piece in pieces(target, size):
        found.update(piece)
    return found.hexdigest()


def summary(method: str, target: str, octets: int, hexadecimal: str) -> bytes:
    return f"{method} {target} {octets} {hexadecimal}\n".encode()


def expected(method: str, target: str, body: bytes = b"") -> bytes:
    """The whole content of a response to this request, where it has an end."""
    kind, size = (target.split("/") + ["", ""])[1:3]
    if kind in ("size", "chunked", "slow"):
        return content(target, int(size))
    found = new_hash()
    found.update(body)
    return summary(method, target, len(body), found.hexdigest())


def answer(method: str, target: str, octets: int, hexadecimal: str):
    """(its length or None, an iterator of octets and of pauses in seconds); None: there is no response."""
    kind, size = (target.split("/") + ["", ""])[1:3]
    if kind == "never":
        return None
    if kind == "drip":
        return None, _drip()
    if kind == "slow":
        return int(size), _slowly(content(target, int(size)))
    if kind in ("size", "chunked"):
        return (int(size) if kind == "size" else None), pieces(target, int(size))
    text = summary(method, target, octets, hexadecimal)
    return len(text), iter([text])


def _drip():
    while True:
        yield b"x" * 100
        yield PAUSE


def _slowly(octets):
    step = max(1, len(octets) // 10)
    for at in range(0, len(octets), step):
        yield octets[at:at + step]
        yield PAUSE
