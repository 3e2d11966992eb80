"""A strict parser of HTTP/1.1 responses (RFC 9112), for tests that must not forgive what browsers forgive.

It reads one response from the front of a buffer and says where it ends. Refused: any line end but CRLF, anything after
the fields that the framing does not explain, both framings, a framing where none may be (204, 304, 1xx), content for
HEAD is not expected whatever the fields say, a repeated field that may be there once, names and values out of grammar.
"""

import re
from dataclasses import dataclass

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t \x21-\x7e]*)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*"
                    rb"[\x21-\x7e\x80-\xff])?)?[ \t]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})")
ONCE = {"allow", "connection", "content-length", "content-type", "date", "etag", "last-modified", "location", "server",
        "transfer-encoding", "keep-alive", "retry-after"}
HEAD_LIMIT = 65536


class BadResponse(AssertionError):
    """What arrived is not a response, or not one that two parsers would read alike."""


@dataclass
class Response:
    status: int
    reason: str
    fields: list  # of (name as received, value)
    body: bytes = b""
    raw: bytes = b""  # head and framed body, as received

    def get(self, name):
        """The field's value, its lines joined by commas, or None."""
        values = [value for known, value in self.fields if known.lower() == name.lower()]
        return ", ".join(values) if values else None

    def elements(self, name):
        """The field read as a list, in small letters, empty elements dropped (RFC 9110 5.6.1)."""
        return [one.strip().lower() for one in (self.get(name) or "").split(",") if one.strip()]

    @property
    def closes(self) -> bool:
        return "close" in self.elements("connection")


def parse_head(head: bytes) -> Response:
    """Reads status line and fields; `head` ends after the last field's CRLF, without the empty line."""
    first, *rest = head.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    if not status_line:
        raise BadResponse(f"not a status line: {first[:120]!r}")
    response = Response(int(status_line[1]), status_line[2].decode(), [])
    for line in rest[:-1]:
        field = _FIELD.fullmatch(line)
        if not field:
            raise BadResponse(f"not a field line: {line[:120]!r}")
        response.fields.append((field[1].decode(), (field[2] or b"").decode("latin-1")))
    names = [name.lower() for name, _ in response.fields]
    if repeated := {name for name in names if name in ONCE and names.count(name) > 1}:
        raise BadResponse(f"more than once: {repeated}")
    return response


def _framing(response, method):
    """Returns the content's length, "chunked", or "close" (until the end of the connection)."""
    length, coding = response.get("content-length"), response.get("transfer-encoding")
    if length is not None and coding is not None:
        raise BadResponse("Content-Length and Transfer-Encoding")
    if length is not None and not re.fullmatch("[0-9]{1,19}", length):
        raise BadResponse(f"Content-Length: {length}")
    if coding is not None and coding != "chunked":
        raise BadResponse(f"Transfer-Encoding: {coding}")
    if response.status < 200 or response.status == 204:
        if length is not None or coding is not None:  # RFC 9110 8.6, RFC 9112 6.1
            raise BadResponse(f"a framing field in a {response.status}")
        return 0
    if method == "HEAD" or response.status == 304:
        return 0
    if coding:
        return "chunked"
    if length is not None:
        return int(length)
    if not response.closes:
        raise BadResponse("neither Content-Length nor chunked nor close")
    return "close"


def _chunked(buffer, at):
    """Reads a chunked body from `at`. Returns (body, where it ends), or None while it is incomplete."""
    body = b""
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        size = _CHUNK_LINE.fullmatch(buffer[at:end])
        if not size:
            raise BadResponse(f"not a chunk size: {bytes(buffer[at:end][:40])!r}")
        at, octets = end + 2, int(size[1], 16)
        if octets == 0:
            break
        if len(buffer) < at + octets + 2:
            return None
        if buffer[at + octets:at + octets + 2] != b"\r\n":
            raise BadResponse("chunk data without its CRLF")
        body += buffer[at:at + octets]
        at += octets + 2
    while (end := buffer.find(b"\r\n", at)) != at:
        if end < 0:
            return None
        if not _FIELD.fullmatch(buffer[at:end]):
            raise BadResponse(f"not a trailer: {bytes(buffer[at:end][:120])!r}")
        at = end + 2
    return body, at + 2


def parse(buffer, method="GET", ended=False):
    """Reads one response from the front of `buffer`, an interim one (1xx) too.

    Returns (Response, octets used), or None while it is incomplete. `ended`: nothing more will come.
    Raises BadResponse as soon as the octets cannot become a right response, or end too early.
    """
    prefix = bytes(buffer[:9])
    if not b"HTTP/1.1 ".startswith(prefix) and prefix != b"HTTP/1.1 ":
        raise BadResponse(f"not a response: {bytes(buffer[:120])!r}")
    end = buffer.find(b"\r\n\r\n")
    found = None
    if end >= 0:
        head = bytes(buffer[:end + 2])
        if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
            raise BadResponse("a bare CR or LF in the head")
        response = parse_head(head)
        found = _content(buffer, end + 4, _framing(response, method), ended)
    elif len(buffer) > HEAD_LIMIT:
        raise BadResponse("a head without end")
    if found is None:
        if ended and buffer:
            raise BadResponse(f"cut after {len(buffer)} octets: {bytes(buffer[-120:])!r}")
        return None
    response.body, used = found
    response.raw = bytes(buffer[:used])
    return response, used


def _content(buffer, at, framing, ended):
    if framing == "chunked":
        return _chunked(bytes(buffer), at)
    if framing == "close":
        return (bytes(buffer[at:]), len(buffer)) if ended else None
    return (bytes(buffer[at:at + framing]), at + framing) if len(buffer) >= at + framing else None
