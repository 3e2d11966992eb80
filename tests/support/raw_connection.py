"""A TCP connection that sends any octets and reads strictly framed responses, and notices how the server ended it.

The problem: a server may refuse a request while it is still being sent, and may end the connection. Whether the client
can read the refusal depends on FIN or RST, so both are told apart, and reading goes on while sending is stuck.
"""

import pathlib
import select
import socket
import time

from h1_response import BadResponse, parse


class Silence(AssertionError):
    """Nothing came within the time allowed."""


class RawConnection:
    """One connection; a context manager. `address` is (host, port) or the path of a Unix socket. `receive_buffer` (octets)
    makes a reader at whom the server has to wait.

    `ended` is None, "fin" or "reset". `send_failed` is True once the peer no longer took what was sent: it closed
    without lingering, and over a real network the client might have lost the response.
    """

    def __init__(self, address, seconds=10.0, *, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else (
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(seconds)
        self._socket.connect(address)
        if family != socket.AF_UNIX:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._deadline = time.monotonic() + seconds
        self.buffer = bytearray()
        self.ended = None
        self.send_failed = False
        self._reset = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Sends all of `data`, reading meanwhile what comes. False when the peer does not take it."""
        view = memoryview(data)
        while view and not self.send_failed:
            try:
                view = view[self._socket.send(view):]
            except BlockingIOError:
                self._wait(writing=True)
            except BrokenPipeError:
                self.send_failed = True
            except ConnectionResetError:  # reported once: a later recv would look like FIN
                self.send_failed = self._reset = True
        return not self.send_failed

    def unread(self) -> int:
        """Octets of ours that wait for a peer on 127.0.0.1 to read them (proc(5), /proc/net/tcp)."""
        ends = [f"0100007F:{port:04X}" for _, port in (self._socket.getpeername(), self._socket.getsockname())]
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1:3] == ends:
                return int(words[4].split(":")[1], 16)
        raise AssertionError("no such connection")

    def send_fin(self):
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.send_failed = True

    def response(self, method="GET"):
        """The next response, or None when the connection ended before its first octet. Raises BadResponse, Silence."""
        while True:
            found = parse(self.buffer, method, self.ended is not None)
            if found:
                del self.buffer[:found[1]]
                return found[0]
            if self.ended:
                return None
            self._wait()

    def wait_for_end(self) -> str:
        """Waits until the server ends the connection; "fin" or "reset". Raises BadResponse when octets come first."""
        while not self.buffer and not self.ended:
            self._wait()
        if self.buffer:
            raise BadResponse(f"more than was due: {bytes(self.buffer[:160])!r}")
        return self.ended

    def _wait(self, writing=False):
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Silence(f"nothing for too long; so far {bytes(self.buffer[:160])!r}")
        poller = select.poll()
        poller.register(self._socket, select.POLLIN | (select.POLLOUT if writing else 0))
        if poller.poll(left * 1000) and not self.ended:
            self._read()

    def _read(self):
        try:
            octets = self._socket.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            self.ended = "reset"
            return
        self._received(octets)

    def _received(self, octets):
        """Nothing: the peer sent FIN."""
        self.buffer += octets
        if not octets:
            self.ended = "reset" if self._reset else "fin"
