"""HTTP/2 frame by frame (RFC 9113 section 4), for what a client library refuses to send or hides.

The problem: python3-h2 is an honest client, and a server must be tried by others: frames in the wrong state, fields out
of grammar, floods. So here are frames as octets, each written and read without a second thought, and a connection that
sends them: the only state it has is HPACK's.

    with FrameConnection(server.address) as client:
        client.send(client.request(1, "/"), frame(PING, payload=bytes(8)))
        answer = client.expect(HEADERS, 1)
        assert client.fields(answer)[":status"] == "200"

Nothing here asserts but that a frame that is waited for comes in time.
"""

import struct
from typing import NamedTuple

import hpack
from raw_connection import RawConnection
from tls_clients import TlsConnection, client_context

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Types, RFC 9113 section 6 and RFC 9218 section 7.1.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10

# Flags.
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITY_FLAG = 0x4, 0x8, 0x20

# Settings, RFC 9113 section 6.5.2, RFC 8441, RFC 9218.
(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE,
 MAX_HEADER_LIST_SIZE) = range(1, 7)
ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 8, 9

# Errors, RFC 9113 section 7.
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)

MOST = 16384  # octets of a frame's payload that every peer takes


class Ended(AssertionError):
    """The connection ended before what was waited for."""


class Frame(NamedTuple):
    type: int
    flags: int
    stream: int
    payload: bytes

    def error(self) -> int:
        """The code of RST_STREAM or GOAWAY."""
        return int.from_bytes(self.payload[:4] if self.type == RST_STREAM else self.payload[4:8], "big")

    def last_stream(self) -> int:
        """Of GOAWAY."""
        return int.from_bytes(self.payload[:4], "big") & 0x7FFFFFFF

    def settings(self) -> dict:
        return {key: value for key, value in struct.iter_unpack(">HI", self.payload)}

    def increment(self) -> int:
        """Of WINDOW_UPDATE."""
        return int.from_bytes(self.payload, "big")


def frame(kind, stream=0, flags=0, payload=b"", length=None) -> bytes:
    """One frame's octets; `length` is what its head says, where that is to be a lie."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values=None) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *one) for one in (values or {}).items()))


def window_update(stream, increment) -> bytes:
    return frame(WINDOW_UPDATE, stream, payload=increment.to_bytes(4, "big"))


def reset_stream(stream, code=CANCEL) -> bytes:
    return frame(RST_STREAM, stream, payload=code.to_bytes(4, "big"))


def priority_update(stream, value) -> bytes:
    return frame(PRIORITY_UPDATE, payload=stream.to_bytes(4, "big") + value.encode())


def data(stream, octets, end=False) -> bytes:
    """Content in frames of at most MOST octets; an empty one too."""
    parts = [octets[at:at + MOST] for at in range(0, len(octets), MOST)] or [b""]
    ends = [END_STREAM if end and number == len(parts) - 1 else 0 for number in range(len(parts))]
    return b"".join(frame(DATA, stream, flags, part) for part, flags in zip(parts, ends))


def pseudo_fields(target="/", method="GET", host="localhost", scheme="http") -> list:
    return [(":method", method), (":scheme", scheme), (":authority", host), (":path", target)]


class ClearConnection(RawConnection):
    """Octets over TCP with the methods that TlsConnection has."""

    def read(self) -> bool:
        """Takes more octets into `buffer`. False when the connection has ended."""
        before = len(self.buffer)
        while not self.ended and len(self.buffer) == before:
            self._wait()
        return len(self.buffer) > before


def connect(address, authority=None, seconds=20.0, alpn=("h2",), name="localhost", **options):
    """A connection for octets: over TLS with ALPN where there is an authority to trust, else over TCP."""
    if authority is None:
        return ClearConnection(address, seconds, **options)
    return TlsConnection(address, name=name, context=client_context(authority, alpn=alpn), seconds=seconds, **options)


class FrameConnection:
    """A client that sends what it is told to. A context manager.

    Its preface has `values` as settings; with `begin` False nothing is sent. SETTINGS that come are acknowledged and
    PINGs answered unless `polite` is False; `seen` are all frames that came. `ended` and `send_failed` are the octets'
    connection's."""

    def __init__(self, address, authority=None, values=None, seconds=20.0, begin=True, polite=True, **options):
        self.octets = connect(address, authority, seconds, **options)
        self.scheme = "http" if authority is None else "https"
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.polite = polite
        self.seen = []
        self.goaway = None  # the last that came
        self._heads = []  # (frame, its fields)
        if begin:
            self.send(PREFACE, settings(values))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.octets.__exit__(*error)

    @property
    def ended(self):
        return self.octets.ended

    def send(self, *parts: bytes):
        return self.octets.send(b"".join(parts))

    def head(self, stream, fields, end=True, flags=END_HEADERS) -> bytes:
        """HEADERS with these fields, in order and unchecked."""
        return frame(HEADERS, stream, flags | (END_STREAM if end else 0), self.block(fields))

    def block(self, fields) -> bytes:
        """A field block. Neither names nor values enter the dynamic table, so that what is not sent changes nothing."""
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(*one) for one in fields])

    def request(self, stream, target="/", *fields, method="GET", end=True, host="localhost") -> bytes:
        """HEADERS of a good request, with more fields as (name, value)."""
        return self.head(stream, [*pseudo_fields(target, method, host, self.scheme), *fields], end)

    def frame(self):
        """The next frame, or None when the connection has ended. Raises Silence."""
        while (one := self._parsed()) is None:
            if not self.octets.read():
                return None
        self._note(one)
        return one

    def _parsed(self):
        buffer = self.octets.buffer
        if len(buffer) < 9:
            return None
        length = int.from_bytes(buffer[:3], "big")
        if len(buffer) < 9 + length:
            return None
        kind, flags, stream = struct.unpack(">BBI", buffer[3:9])
        payload = bytes(buffer[9:9 + length])
        del buffer[:9 + length]
        return Frame(kind, flags, stream & 0x7FFFFFFF, payload)

    def _note(self, one):
        self.seen.append(one)
        if one.type == GOAWAY:
            self.goaway = one
        if one.type in (HEADERS, PUSH_PROMISE) and one.flags & END_HEADERS:  # in order, or HPACK's table is another
            block = one.payload[4:] if one.type == PUSH_PROMISE else one.payload
            self._heads.append((one, dict(self.decoder.decode(block))))
        self._answer(one)

    def _answer(self, one):
        if not self.polite or one.flags & ACK or getattr(self.octets, "send_failed", False):
            return
        if one.type == SETTINGS:
            self.send(frame(SETTINGS, flags=ACK))
        elif one.type == PING:
            self.send(frame(PING, flags=ACK, payload=one.payload))

    def expect(self, kind, stream=None, flags=0):
        """The next frame of this type (on this stream, with these flags); others on the way are only noted. Raises
        Ended."""
        while one := self.frame():
            if one.type == kind and (stream is None or one.stream == stream) and one.flags & flags == flags:
                return one
        raise Ended(f"the connection ended ({self.ended}) before {(kind, stream)}: {self.tail()}")

    def all_frames(self) -> list:
        """Reads until the connection ends; the frames since the beginning."""
        while self.frame():
            continue
        return self.seen

    def tail(self) -> str:
        """The last frames, for messages."""
        return ", ".join(f"type {one.type} flags {one.flags:#x} stream {one.stream} {one.payload[:40]!r}"
                         for one in self.seen[-8:])

    def fields(self, one) -> dict:
        """The fields of HEADERS or PUSH_PROMISE. A block in several frames is not for this."""
        return next(fields for known, fields in reversed(self._heads) if known is one)

    def answer(self, stream):
        """Reads until this stream is over: (fields or None, content, code of its reset or None). Raises Ended."""
        head, content = None, bytearray()
        while one := self.frame():
            if one.stream != stream:
                continue
            if one.type == HEADERS and (head is None or int(head[":status"]) < 200):
                head = self.fields(one)
            if one.type == RST_STREAM:
                return head, bytes(content), one.error()
            if one.type == DATA:
                content += one.payload
            if one.type in (DATA, HEADERS) and one.flags & END_STREAM:
                return head, bytes(content), None
        raise Ended(f"the connection ended ({self.ended}) before stream {stream} did: {self.tail()}")

    def still_good(self, stream, target="/"):
        """A request on a stream that was not used yet is served: the connection is."""
        self.send(self.request(stream, target))
        head, _, code = self.answer(stream)
        return code is None and head[":status"] == "200"

    def round_trip(self):
        """Everything sent so far was read by the server: it answers a PING of ours."""
        mark = len(self.seen).to_bytes(8, "big")
        self.send(frame(PING, payload=mark))
        while (one := self.expect(PING, flags=ACK)).payload != mark:
            continue

    def end_of_connection(self):
        """Reads until the connection ends: the last GOAWAY, or None."""
        self.all_frames()
        return self.goaway



    def take(self) -> list:
        """The frames that are there now, without waiting; clear text only."""
        self.octets._read()
        before = len(self.seen)
        while (one := self._parsed()) is not None:
            self._note(one)
        return self.seen[before:]
