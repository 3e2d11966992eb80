"""A relay that makes a path long: each octet arrives 25 ms after it was sent, in either direction.

The problem: flow control that asks for each window too late is invisible on loopback, where a round trip takes nothing,
and ruins uploads over a real path. What a path holds is bounded: rate times delay. Here the rate is 100 Mbit/s, a
household's fibre, so that 25 ms hold 305 KiB (a round trip of 50 ms: 610 KiB); a sender that is faster is held back, as
by a router's queue, for which there is as much again. Without that bound the relay would swallow a whole upload at once,
and its sender would never wait for the receiver at all.

    with DelayingRelay(server.address) as relay:
        socket.create_connection(relay.address)
"""

import collections
import contextlib
import selectors
import socket
import threading
import time

DELAY = 0.025  # seconds, each way
RATE = 100_000_000 // 8  # octets a second
PIECE = 16 * 1024  # what is read at a time
UNDER_WAY = 2 * int(RATE * DELAY)  # octets of one direction: the path's and the queue's


class _Direction:
    """From one socket to another. Pieces leave in order, each at its time."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.pieces = collections.deque()  # (when to deliver, octets; none: the end)
        self.size = 0
        self.free_at = 0.0  # when the line has taken what it was given
        self.ended = False

    def wants_input(self) -> bool:
        return not self.ended and self.size < UNDER_WAY

    def take(self, now):
        try:
            octets = self.source.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self.ended = not octets
        self.free_at = max(self.free_at, now) + len(octets) / RATE
        self.size += len(octets)
        self.pieces.append((self.free_at + DELAY, octets))

    def deliver(self, now) -> bool:
        """Sends what is due. True when the target takes no more for now."""
        while self.pieces and self.pieces[0][0] <= now:
            due, octets = self.pieces.popleft()
            if not octets:
                with contextlib.suppress(OSError):
                    self.target.shutdown(socket.SHUT_WR)
                continue
            try:
                sent = self.target.send(octets)
            except BlockingIOError:
                sent = 0
            except OSError:  # the receiver is gone: so is what was for it
                sent = len(octets)
                self.ended = True
            self.size -= sent
            if sent < len(octets):
                self.pieces.appendleft((due, octets[sent:]))
                return True
        return False

    def due(self):
        return self.pieces[0][0] if self.pieces else None


class DelayingRelay:
    """Relays every connection to `address`, each with a path of its own. A context manager; one thread."""

    def __init__(self, target):
        self._target = target

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.address = self._listener.getsockname()
        self._wake, self._woken = socket.socketpair()
        self._sockets, self._directions = [], []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._wake.close()
        self._thread.join()
        for one in [self._listener, self._woken, *self._sockets]:
            one.close()

    def _accept(self):
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target, 20)
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets += [client, server]
        self._directions += [_Direction(client, server), _Direction(server, client)]

    def _run(self):
        blocked = set()
        while True:
            with selectors.DefaultSelector() as selector:
                self._register(selector, blocked)
                events = selector.select(self._patience(blocked))
            ready = {key.fileobj for key, _ in events}
            if self._woken in ready:
                return
            if self._listener in ready:
                self._accept()
            now = time.monotonic()
            for one in self._directions:
                if one.source in ready and one.wants_input():
                    one.take(now)
            blocked = {one for one in self._directions if one.deliver(now)}

    def _register(self, selector, blocked):
        wanted = collections.defaultdict(int)
        for one in self._directions:
            if one.wants_input():
                wanted[one.source] |= selectors.EVENT_READ
            if one in blocked:
                wanted[one.target] |= selectors.EVENT_WRITE
        for which in (self._listener, self._woken):
            wanted[which] = selectors.EVENT_READ
        for which, events in wanted.items():
            selector.register(which, events)

    def _patience(self, blocked):
        """Until the next piece is due; None while there is none."""
        times = [one.due() for one in self._directions if one.pieces and one not in blocked]
        return max(0.0, min(times) - time.monotonic()) if times else None
