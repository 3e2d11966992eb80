"""The HTTP/2 side of fault_upstream.py (RFC 9113): one connection in clear text, frames without a library, for speed.

With `goaway` it ends after about so many streams: GOAWAY leaves the newest ones out (section 6.8), which it then has not
acted on, in the record "refused"; the others are answered, and then it closes. `delay` (seconds) comes before each answer,
so that there are streams on both sides of that line.
"""

import asyncio
import random
import struct

import fault_content
import hpack
from fault_upstream_h1 import Body
from h2_frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
                       MAX_CONCURRENT_STREAMS, MOST, PADDED, PING, PREFACE, PRIORITY_FLAG, RST_STREAM, SETTINGS,
                       WINDOW_UPDATE, frame, settings, window_update)

WINDOW = 1 << 20  # of each stream for requests' content; the connection's is 16 times this


class Stream:
    """A request that is read or answered."""

    def __init__(self, method, target, window):
        self.method, self.target, self.window = method, target, window
        self.body = Body(0, False)
        self.unacknowledged = 0
        self.sending = None


class H2Protocol(asyncio.Protocol):
    """`upstream` is fault_upstream.Serving."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.buffer = bytearray()
        self.preface_left = len(PREFACE)
        self.decoder, self.encoder = hpack.Decoder(), hpack.Encoder()
        self.streams = {}
        self.block = None  # (stream, flags, octets) of a head without its end
        self.window, self.first_window = 65535, 65535
        self.unacknowledged = 0
        self.moved = asyncio.Event()  # a window, or the socket
        self.may_write = True
        self.count = 0
        self.last = None  # GOAWAY's, once it is sent
        goaway = upstream.goaway
        self.most = random.randint(goaway // 2, goaway * 3 // 2) if goaway else None

    # --- asyncio.Protocol ---

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(0)  # "written" is when the kernel has it
        self.upstream.record("connection", "-")
        values = {MAX_CONCURRENT_STREAMS: 100, INITIAL_WINDOW_SIZE: WINDOW}
        transport.write(settings(values) + window_update(0, 15 * WINDOW))

    def connection_lost(self, error):
        for number in list(self.streams):
            self._drop(number, "left")

    def pause_writing(self):
        self.may_write = False

    def resume_writing(self):
        self.may_write = True
        self.moved.set()

    def data_received(self, octets):
        self.buffer += octets
        if self.preface_left:
            part = min(self.preface_left, len(self.buffer))
            del self.buffer[:part]
            self.preface_left -= part
        at = 0
        while len(self.buffer) - at >= 9:
            length = int.from_bytes(self.buffer[at:at + 3], "big")
            if len(self.buffer) - at < 9 + length:
                break
            kind, flags, number = struct.unpack_from(">BBI", self.buffer, at + 3)
            self._take(kind, flags, number, bytes(self.buffer[at + 9:at + 9 + length]))
            at += 9 + length
        del self.buffer[:at]

    # --- Frames ---

    def _take(self, kind, flags, number, payload):
        if kind == DATA:
            self._on_data(flags, number, payload)
        elif kind == HEADERS:
            self._on_headers(flags, number, payload)
        elif kind == CONTINUATION:
            self._on_block(number, self.block[1] | flags, self.block[2] + payload)
        elif kind == WINDOW_UPDATE:
            self._on_window(number, int.from_bytes(payload, "big"))
        elif kind == SETTINGS and not flags & ACK:
            self._on_settings(payload)
        elif kind == PING and not flags & ACK:
            self.transport.write(frame(PING, flags=ACK, payload=payload))
        elif kind == RST_STREAM:
            self._drop(number, "left")

    def _on_settings(self, payload):
        for key, value in struct.iter_unpack(">HI", payload):
            if key == INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.first_window
                self.first_window = value
        self.transport.write(frame(SETTINGS, flags=ACK))
        self.moved.set()

    def _on_window(self, number, increment):
        if number == 0:
            self.window += increment
        elif number in self.streams:
            self.streams[number].window += increment
        self.moved.set()

    def _on_headers(self, flags, number, payload):
        if flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        self._on_block(number, flags, payload[5:] if flags & PRIORITY_FLAG else payload)

    def _on_block(self, number, flags, octets):
        self.block = number, flags, octets
        if not flags & END_HEADERS:
            return
        fields = dict(self.decoder.decode(octets, raw=True))
        if number in self.streams:  # trailers
            return self._end_of_request(number)
        method, target = fields[b":method"].decode(), fields[b":path"].decode()
        self.upstream.record(method, target)
        if self.last is not None:
            return self.upstream.record("refused", target)
        self.streams[number] = Stream(method, target, self.first_window)
        if fields.get(b"expect") == b"100-continue":
            self.transport.write(frame(HEADERS, number, END_HEADERS, self.encoder.encode([(":status", "100")])))
        if flags & END_STREAM:
            self._end_of_request(number)
        self._count_stream()

    def _on_data(self, flags, number, payload):
        self.unacknowledged += len(payload)
        if self.unacknowledged >= WINDOW:
            self.transport.write(window_update(0, self.unacknowledged))
            self.unacknowledged = 0
        stream = self.streams.get(number)
        if stream is None:
            return
        stream.body.hash.update(payload)
        stream.body.octets += len(payload)
        stream.unacknowledged += len(payload)
        if stream.unacknowledged >= WINDOW // 2:
            self.transport.write(window_update(number, stream.unacknowledged))
            stream.unacknowledged = 0
        if flags & END_STREAM:
            self._end_of_request(number)

    def _drop(self, number, why):
        stream = self.streams.pop(number, None)
        if stream is None:
            return
        self.upstream.record(why, stream.target)
        if stream.sending:
            stream.sending.cancel()
        self._close_at_end()

    # --- Its end ---

    def _count_stream(self):
        self.count += 1
        if self.most is None or self.count < self.most:
            return
        numbers = sorted(self.streams)
        self.last = random.choice(numbers[-4:]) if numbers else 0
        self.transport.write(frame(GOAWAY, payload=struct.pack(">II", self.last, 0)))
        for number in [one for one in numbers if one > self.last]:
            self._drop(number, "refused")
        self._close_at_end()

    def _close_at_end(self):
        if self.last is not None and not self.streams:
            self.transport.close()

    # --- Answers ---

    def _end_of_request(self, number):
        stream = self.streams[number]
        delay = self.upstream.options.get("delay")
        found = fault_content.answer(stream.method, stream.target, stream.body.octets, stream.body.hash.hexdigest())
        if found is None:
            return
        stream.sending = asyncio.ensure_future(self._send(number, stream, *found, delay))

    async def _send(self, number, stream, length, parts, delay):
        if delay:
            await asyncio.sleep(random.uniform(0, 2 * delay))
        fields = [(":status", "200")] + ([] if length is None else [("content-length", str(length))])
        self.transport.write(frame(HEADERS, number, END_HEADERS, self.encoder.encode(fields)))
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                await self._send_data(number, stream, part)
        self.transport.write(frame(DATA, number, END_STREAM))
        await self._room()
        self.upstream.record("written", stream.target)
        self.streams.pop(number, None)
        self._close_at_end()

    async def _send_data(self, number, stream, octets):
        at = 0
        while at < len(octets):
            await self._room()
            part = min(MOST, len(octets) - at, stream.window, self.window)
            if part <= 0:
                await self._move()
                continue
            self.transport.write(frame(DATA, number, payload=octets[at:at + part]))
            at += part
            stream.window -= part
            self.window -= part

    async def _room(self):
        while not self.may_write:
            await self._move()

    async def _move(self):
        self.moved.clear()
        await self.moved.wait()
