"""Many clients at once that judge each response: HTTP/1.1 with a kept connection each, HTTP/2 with a stream each on one.

The problem: under faults most responses are good, some are visibly errors, and not one may be wrong; so a client must be
fast enough to make load, and tell the three apart to the octet. ask() says

    "whole"   the status is 200 and the content is what fault_content.py expects of this request, in full
    "502"     and other error statuses (5xx)
    "cut"     the response, or the connection before it, visibly did not end
    else      what is wrong: a failure of the test, whatever it is about

    async with clients_for(version, address, 8) as clients:
        await clients[0].ask("GET", "/size/1000/1")
"""

import asyncio
import contextlib
import struct

import fault_content
import hpack
from h2_frames import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM,
                       SETTINGS, data, frame, pseudo_fields, settings, window_update)

SECONDS = 60.0  # for one response


class Cut(Exception):
    """The response did not end."""


def judged(method, target, body, status, content) -> str:
    """`content` ended as the protocol says."""
    if status >= 500:
        return str(status)
    if status == 200 and content == fault_content.expected(method, target, body):
        return "whole"
    return f"wrong: {method} {target} -> {status} with {len(content)} octets {bytes(content[:200])!r}"


class H1Load:
    """One connection, opened when needed. An asynchronous context manager."""

    def __init__(self, address):
        self._address = address
        self._reader = self._writer = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self._close()

    async def ask(self, method, target, body=b"") -> str:
        try:
            return judged(method, target, body, *await asyncio.wait_for(self._exchange(method, target, body), SECONDS))
        except (Cut, OSError, asyncio.IncompleteReadError):
            self._close()
            return "cut"
        except asyncio.TimeoutError:
            self._close()
            return f"wrong: {method} {target} -> silence"

    def _close(self):
        if self._writer:
            self._writer.close()
            self._writer = None

    async def _exchange(self, method, target, body):
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        content = await self._content(head)
        if b"\r\nconnection: close\r\n" in head:
            self._close()
        return int(head[9:12]), content

    async def _content(self, head) -> bytes:
        if b"\r\ntransfer-encoding: chunked\r\n" in head:
            return await self._chunks()
        length = int(head.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
        return await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        content = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            content += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return content


class _Answer:
    """A stream's response as it comes."""

    def __init__(self):
        self.status = 0
        self.content = bytearray()
        self.ended = asyncio.get_running_loop().create_future()


class H2Load:
    """One connection for all requests, opened again when it ends. An asynchronous context manager."""

    WINDOW = 1 << 24

    def __init__(self, address):
        self._address = address
        self._writer = None
        self._opening = asyncio.Lock()
        self._reading = None
        self._streams = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        if self._reading:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self._close()

    async def ask(self, method, target, body=b"") -> str:
        try:
            return judged(method, target, body, *await asyncio.wait_for(self._exchange(method, target, body), SECONDS))
        except (Cut, OSError):
            return "cut"
        except asyncio.TimeoutError:
            return f"wrong: {method} {target} -> silence"

    async def _exchange(self, method, target, body):
        async with self._opening:
            if self._writer is None:
                await self._open()
        number, self._next = self._next, self._next + 2
        answer = self._streams[number] = _Answer()
        block = self._encoder.encode(pseudo_fields(target, method))
        head = frame(HEADERS, number, END_HEADERS | (0 if body else END_STREAM), block)
        self._writer.write(head + (data(number, body, end=True) if body else b""))
        await answer.ended
        return answer.status, answer.content

    async def _open(self):
        reader, self._writer = await asyncio.open_connection(*self._address)
        self._encoder, self._decoder, self._next = hpack.Encoder(), hpack.Decoder(), 1
        self._writer.write(PREFACE + settings({INITIAL_WINDOW_SIZE: self.WINDOW}) + window_update(0, self.WINDOW))
        self._reading = asyncio.ensure_future(self._read(reader))

    def _close(self):
        if self._writer:
            self._writer.close()
        self._writer = None
        streams, self._streams = self._streams, {}
        for answer in streams.values():
            if not answer.ended.done():
                answer.ended.set_exception(Cut())

    async def _read(self, reader):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(9)
                kind, flags, number = struct.unpack(">BBI", head[3:])
                self._take(kind, flags, number, await reader.readexactly(int.from_bytes(head[:3], "big")))
        self._close()

    def _take(self, kind, flags, number, payload):
        answer = self._streams.get(number)
        if kind == HEADERS:
            status = int(dict(self._decoder.decode(payload)).get(":status", 0))
            if answer:
                answer.status = status
        elif kind == DATA:
            if payload:
                self._writer.write(window_update(0, len(payload)))
            if answer:
                answer.content += payload
        elif kind == SETTINGS and not flags & ACK:
            self._writer.write(frame(SETTINGS, flags=ACK))
        elif kind == PING and not flags & ACK:
            self._writer.write(frame(PING, flags=ACK, payload=payload))
        elif kind == GOAWAY:
            raise OSError("no test here asks for it")
        if answer and (kind == RST_STREAM or (kind in (HEADERS, DATA) and flags & END_STREAM)):
            self._end(number, answer, kind == RST_STREAM)

    def _end(self, number, answer, is_reset):
        del self._streams[number]
        if answer.ended.done():
            return  # nobody waits any more
        if is_reset:
            answer.ended.set_exception(Cut())
        else:
            answer.ended.set_result(None)


@contextlib.asynccontextmanager
async def clients_for(version, address, count):
    """So many clients: over HTTP/1.1 a connection each, over HTTP/2 eight on one."""
    kind, share = (H2Load, 8) if version.is_h2 else (H1Load, 1)
    connections = [kind(address) for _ in range(-(-count // share))]
    async with contextlib.AsyncExitStack() as stack:
        for one in connections:
            await stack.enter_async_context(one)
        yield [connections[number % len(connections)] for number in range(count)]
