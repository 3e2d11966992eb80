"""Upstreams of a few lines, and a proxy before one: for tests of what becomes of a request, not of odd octets.

The problem: most tests of a proxy want an upstream that answers, is silent, or fails in one way, and want to know how
many connections and requests it saw. Here that is a function of the connection:

    with Upstream(answering(OK)) as upstream, proxying(upstream, "upstream_idle=1") as server:
        assert get(server.address).status == 200 and upstream.requests == ["GET / HTTP/1.1"]
"""

import contextlib
import socket
import threading
import time

from h2_frames import HEADERS, PREFACE, REFUSED_STREAM, RST_STREAM, SETTINGS, frame
from limited_server import LOG
from sluice_server import SluiceServer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """A listening socket; each connection is one call of `script(upstream, connection, number)` on a thread of its own,
    and is closed after it. `connections` counts them, `requests` has the lines of all requests that scripts read."""

    def __init__(self, script, address=("127.0.0.1", 0)):
        self._script = script
        self._listening = socket.create_server(address)
        self._accepted = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.over = threading.Event()  # the test is
        self.requests = []
        self.ended = 0  # connections whose script is over
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def connections(self):
        return len(self._accepted)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._accepted.append(connection)
                self._threads.append(threading.Thread(target=self._run, args=(connection, self.connections), daemon=True))
                self._threads[-1].start()

    def _run(self, connection, number):
        connection.settimeout(30)
        with connection, contextlib.suppress(OSError):
            self._script(self, connection, number)
        self.ended += 1

    def read_head(self, connection) -> bytes:
        """The next head; OSError at the connection's end. Its content stays in the socket."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            octet = connection.recv(1)
            if not octet:
                raise OSError("ended")
            head += octet
        self.requests.append(head.partition(b"\r\n")[0].decode())
        return head

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.over.set()
        # A shutdown wakes whoever waits; a close would not.
        for one in [self._listening, *self._accepted]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for one in self._threads:
            one.join()
        self._listening.close()


def answering(*parts, pause=0.0):
    """Each request gets these octets, the later ones after a pause each."""
    def script(upstream, connection, _):
        while True:
            upstream.read_head(connection)
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
    return script


def silent(upstream, connection, _):
    upstream.read_head(connection)
    connection.recv(1)


def proxying(upstream, *limits, more=(), **options):
    to = upstream if isinstance(upstream, str) else upstream.url
    return SluiceServer(None, *LOG, *(part for limit in limits for part in ("--limit", limit)), *more, to=to, **options)


@contextlib.contextmanager
def deaf_address():
    """One where nobody answers a SYN: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as stack:
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        time.sleep(0.1)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def refusing_streams(upstream, connection, _):
    """HTTP/2: each request is refused unread."""
    stream = connection.makefile("rb")
    stream.read(len(PREFACE))
    connection.sendall(frame(SETTINGS))
    while head := stream.read(9):
        length, kind, number = int.from_bytes(head[:3], "big"), head[3], int.from_bytes(head[5:], "big")
        stream.read(length)
        if kind == HEADERS:
            upstream.requests.append(number)
            connection.sendall(frame(RST_STREAM, number, payload=REFUSED_STREAM.to_bytes(4, "big")))


@contextlib.contextmanager
def proxying_http2(upstream, folder, workers=1, **limits):
    config = folder / "sluice.toml"
    config.write_text(f"""workers = {workers}
[limits]
{chr(10).join(f"{name} = {value}" for name, value in limits.items())}
[[listener]]
address = "127.0.0.1:0"
[[site]]
proxy = {{ to = "{upstream.url}", http2 = "always" }}
""")
    with SluiceServer(config=config) as server:
        yield server
