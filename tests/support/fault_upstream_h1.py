"""The HTTP/1.1 side of fault_upstream.py: one connection, requests one after the other, as fast as Python goes."""

import asyncio
import re

import fault_content

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_CONTINUE = re.compile(rb"(?i)\r\nexpect: *100-continue")


class Body:
    """A request's content, of which the length and the hash are kept."""

    def __init__(self, length, chunked):
        self.left = length
        self.chunked = chunked
        self.octets = 0
        self.hash = fault_content.new_hash()
        self.ended = not chunked and length == 0

    def feed(self, buffer: bytearray):
        """Takes its part from the front of the buffer."""
        while not self.ended and buffer:
            if self.left:
                self._take(buffer)
            elif not self._chunk_line(buffer):
                return

    def _take(self, buffer):
        part = bytes(buffer[:self.left])
        del buffer[:len(part)]
        self.hash.update(part)
        self.octets += len(part)
        self.left -= len(part)
        self.ended = not self.chunked and self.left == 0

    def _chunk_line(self, buffer) -> bool:
        """The line before a chunk, the empty one after it, or the last chunk with its empty line."""
        end = buffer.find(b"\r\n")
        if end < 0 or (buffer[:end] == b"0" and len(buffer) < end + 4):
            return False
        line = bytes(buffer[:end])
        del buffer[:end + (4 if line == b"0" else 2)]
        self.left = int(line, 16) if line else 0
        self.ended = line == b"0"
        return True


class H1Protocol(asyncio.Protocol):
    """`upstream` is fault_upstream.Serving."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.buffer = bytearray()
        self.request = None  # (method, target, body) that is read or answered
        self.sending = None  # the task of an answer in parts
        self.room = asyncio.Event()
        self.room.set()
        self.idle_timer = None
        self.idle_since = None

    # --- asyncio.Protocol ---

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(0)  # "written" is when the kernel has it
        self.upstream.record("connection", "-")

    def connection_lost(self, error):
        self._stop_idling()
        if self.request:
            self.upstream.record("left", self.request[1])
        if self.sending:
            self.sending.cancel()

    def pause_writing(self):
        self.room.clear()

    def resume_writing(self):
        self.room.set()

    def data_received(self, octets):
        self.buffer += octets
        if self.idle_since is not None:
            self.upstream.note_reuse(self.idle_since)
        self._stop_idling()
        self._go_on()

    # --- Requests ---

    def _go_on(self):
        while not self.sending and (self.request or self._read_head()):
            body = self.request[2]
            body.feed(self.buffer)
            if not body.ended:
                return
            self._answer()

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.buffer[:end])
        del self.buffer[:end + 4]
        method, target, _ = head[:head.find(b"\r\n")].decode("latin-1").split(" ")
        length = _LENGTH.search(head)
        self.request = method, target, Body(int(length[1]) if length else 0, bool(_CHUNKED.search(head)))
        self.upstream.record(method, target)
        if _CONTINUE.search(head):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    # --- Answers ---

    def _answer(self):
        method, target, body = self.request
        found = fault_content.answer(method, target, body.octets, body.hash.hexdigest())
        if found is None:
            self.sending = asyncio.ensure_future(asyncio.sleep(1e6))
            return
        length, parts = found
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        head = f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode()
        if length is None or length > fault_content.PIECE or target.startswith("/slow"):
            self.transport.write(head)
            self.sending = asyncio.ensure_future(self._send(parts, length is None))
        else:
            self.transport.write(head + b"".join(parts))
            self._done()

    async def _send(self, parts, chunked):
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
                continue
            self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            await self.room.wait()
        if chunked:
            self.transport.write(b"0\r\n\r\n")
        self.sending = None
        self._done()
        self._go_on()

    def _done(self):
        self.upstream.record("written", self.request[1])
        self.request = None
        self._begin_to_idle()

    # --- Idling ---

    def _begin_to_idle(self):
        if self.buffer:
            return
        self.idle_since = self.upstream.now()
        age = self.upstream.idle_age()
        if age is None:
            return
        if age == 0:
            self.transport.close()
        else:
            self.idle_timer = asyncio.get_running_loop().call_later(age, self.transport.close)

    def _stop_idling(self):
        self.idle_since = None
        if self.idle_timer:
            self.idle_timer.cancel()
            self.idle_timer = None
