"""Steps of a scripted upstream (scripted_upstream.py) that speaks HTTP/2, frame by frame (RFC 9113).

The problem: the misbehaviour of an HTTP/2 server is a frame in the wrong state, a field out of grammar, a flood, and no
server library sends these. So a step here sends frames as octets; the only state is HPACK's, and which stream the last
request came on.

    ScriptedUpstream([preface(), request, frames(lambda h2: h2.head() + reset_stream(h2.stream, INTERNAL_ERROR))], h2=True)

While a script waits for a request or its content, SETTINGS are acknowledged and PINGs answered; all frames of the proxy
are kept in `h2.seen`.
"""

import struct

import hpack
from h2_frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PADDED, PING,
                       PREFACE, PRIORITY_FLAG, RST_STREAM, SETTINGS, Frame, data, frame, settings, window_update)
from scripted_upstream import Complaint, Request

WIDE = (1 << 30) - 65535


class Frames:
    """One connection's HTTP/2. `stream` is that of the last request, `seen` are all frames that came."""

    def __init__(self, connection):
        self.connection = connection
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.seen = []
        self.by_stream = {}
        self.stream = 0
        self._block, self._ends = b"", False

    # --- What comes ---

    def frame(self):
        """Waits for the next one, and does what an honest server does at once."""
        head = self.connection.take(9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        one = Frame(kind, flags, stream & 0x7FFFFFFF, self.connection.take(int.from_bytes(head[:3], "big")))
        self.seen.append(one)
        if one.type == SETTINGS and not one.flags & ACK:
            self.connection.send(frame(SETTINGS, flags=ACK))
        elif one.type == PING and not one.flags & ACK:
            self.connection.send(frame(PING, flags=ACK, payload=one.payload))
        elif one.type in (HEADERS, CONTINUATION):
            self._take_head(one)
        elif one.type == DATA:
            self._take_data(one)
        return one

    @staticmethod
    def _fragment(one) -> bytes:
        """Of HEADERS, without padding and priority."""
        payload = one.payload
        if one.type == HEADERS and one.flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        return payload[5:] if one.type == HEADERS and one.flags & PRIORITY_FLAG else payload

    def _take_head(self, one):
        self._block += self._fragment(one)
        if one.type == HEADERS:
            self._ends = bool(one.flags & END_STREAM)
        if not one.flags & END_HEADERS:
            return
        fields = [(str(name), str(value)) for name, value in self.decoder.decode(self._block)]
        self._block = b""
        if one.stream in self.by_stream:
            self.by_stream[one.stream].trailers += fields
        else:
            self._count(one.stream, fields)
        self.by_stream[one.stream].whole |= self._ends

    def _count(self, stream, fields):
        pseudo = dict(one for one in fields if one[0].startswith(":"))
        request = Request(self.connection.number, 0, pseudo.get(":method", ""), pseudo.get(":path", ""), fields,
                          stream=stream)
        self.by_stream[stream] = self.connection.note(request)
        self.stream = stream

    def _take_data(self, one):
        payload = one.payload[1:len(one.payload) - one.payload[0]] if one.flags & PADDED else one.payload
        request = self.by_stream[one.stream]
        request.body += payload
        request.whole |= bool(one.flags & END_STREAM)

    def until(self, condition):
        while not condition():
            self.frame()

    # --- What goes ---

    def block(self, fields) -> bytes:
        """A field block that leaves HPACK's table as it is."""
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(*one) for one in fields])

    def head(self, *fields, status="200", end=False, stream=None, flags=END_HEADERS) -> bytes:
        """HEADERS of a response."""
        return self.fields([(":status", status), *fields], end, stream, flags)

    def fields(self, fields, end=False, stream=None, flags=END_HEADERS) -> bytes:
        """HEADERS with these fields and no others, unchecked."""
        return frame(HEADERS, stream or self.stream, flags | (END_STREAM if end else 0), self.block(fields))

    def data(self, octets, end=False, stream=None) -> bytes:
        return data(stream or self.stream, octets, end)

    def response(self, body=b"", *fields, status="200", stream=None) -> bytes:
        """A good response."""
        length = ("content-length", str(len(body)))
        return self.head(length, *fields, status=status, end=not body, stream=stream) + (
            self.data(body, True, stream) if body else b"")


def preface(values=None, window=WIDE):
    """Takes the client's preface and sends ours; the connection's window is opened by `window`, the streams' are `values`'
    or wide open."""
    def step(connection):
        connection.frames = Frames(connection)
        if connection.take(len(PREFACE)) != PREFACE:
            raise Complaint("no HTTP/2 preface")
        connection.send(settings({INITIAL_WINDOW_SIZE: WIDE, **(values or {})}) +
                        (window_update(0, window) if window else b""))
    return step


def request(connection):
    """Waits for the head of a new request; `stream` is its."""
    count = len(connection.requests)
    connection.frames.until(lambda: len(connection.requests) > count)


def requests(count):
    """Waits until so many requests came on this connection."""
    return lambda connection: connection.frames.until(lambda: len(connection.requests) >= count)


def whole_request(connection):
    """Waits for a new request and its content."""
    request(connection)
    connection.frames.until(lambda: connection.requests[-1].whole)


def body_part(octets):
    """Waits for so much of the content."""
    return lambda connection: connection.frames.until(lambda: len(connection.requests[-1].body) >= octets)


def body(connection):
    connection.frames.until(lambda: connection.requests[-1].whole)


def frames(make):
    """Sends what `make` gives for the connection's Frames."""
    return lambda connection: connection.send(make(connection.frames))


def respond(content=b"", *fields, **options):
    """A good response to the last request."""
    return frames(lambda h2: h2.response(content, *fields, **options))


def until_reset(connection):
    """Waits until the proxy resets the last request's stream."""
    h2 = connection.frames
    h2.until(lambda: any(one.type == RST_STREAM and one.stream == h2.stream for one in h2.seen))


def go_away_octets(last, code=0) -> bytes:
    return frame(GOAWAY, payload=last.to_bytes(4, "big") + code.to_bytes(4, "big"))


def go_away(last=None, code=0):
    """GOAWAY; `last` is the last stream that is answered, by default the last request's."""
    return frames(lambda h2: go_away_octets(h2.stream if last is None else last, code))


def open_windows(octets=1 << 24):
    """For content of the last request."""
    return frames(lambda h2: window_update(0, octets) + window_update(h2.stream, octets))


def go_on_honestly(connection):
    """Answers each request that comes from now on, when it is whole."""
    if connection.frames is None:
        preface()(connection)
    h2 = connection.frames
    answered = set(h2.by_stream)
    while True:
        h2.frame()
        for stream, one in list(h2.by_stream.items()):
            if one.whole and stream not in answered:
                answered.add(stream)
                connection.send(honest_response(h2, one))


def honest_response(h2, one) -> bytes:
    content = f"honest {one}".encode()
    if one.method == "HEAD":
        return h2.head(("content-length", str(len(content))), end=True, stream=one.stream)
    return h2.response(content, ("content-type", "text/plain"), stream=one.stream)
