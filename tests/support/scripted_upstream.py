"""An upstream that does what a script says: any octets, pauses, half closes and resets at any point of a connection.

The problem: a proxy is tried by upstreams that no server program will play: half a head, two responses for one request, a
reset after the last octet but one. And a test must know what reached the upstream: how many connections, which requests,
in which order, how often. So here each connection runs a script, a sequence of steps, and all that comes is kept.

    with ScriptedUpstream([head, send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), close]) as upstream:
        ...a proxy in front of upstream.port...
        assert upstream.seen() == ["GET /"]

The first connection runs the first script, and so on; further ones run `always`. A script that ends without closing,
and a connection without one, goes on *honestly*: every further request gets a good response. So a proxy that uses a
spoilt connection again is found out: its next request is seen on a connection where none should be. `h2` are scripts of
scripted_upstream_h2.py.

A step is a function of the connection. What a script waits for and does not get goes to `complaints`, which close()
raises; a proxy that ends the connection only ends the script.
"""

import contextlib
import dataclasses
import os
import re
import socket
import ssl
import struct
import threading
import time

SECONDS = 20.0  # for whatever a script waits for
_LINGER_NONE = struct.pack("ii", 1, 0)


class Over(Exception):
    """The connection has ended, from either side: so does its script."""


class Complaint(AssertionError):
    """Something that a script waited for did not come, or a script itself is wrong."""


@dataclasses.dataclass
class Request:
    """One request as it came. `connection` and `order` count from 0. `raw` is all octets of it (HTTP/1.1), `body` its
    content without framing, as far as the script read it; `stream` is HTTP/2's."""

    connection: int
    order: int
    method: str
    target: str
    fields: list
    raw: bytearray = dataclasses.field(default_factory=bytearray)
    body: bytearray = dataclasses.field(default_factory=bytearray)
    trailers: list = dataclasses.field(default_factory=list)
    stream: int = 0
    whole: bool = False

    def get(self, name):
        """The field's value, its lines joined by commas, or None."""
        values = [value for known, value in self.fields if known.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __str__(self):
        return f"{self.method} {self.target}"


class UpstreamConnection:
    """One connection's script at work. `ended` is None, or how the proxy ended it: "fin" or "reset"; `closed`, that the
    script did."""

    def __init__(self, upstream, number, accepted):
        self.upstream = upstream
        self.number = number
        self.socket = accepted
        self.buffer = bytearray()
        self.requests = []
        self.ended = None
        self.closed = False
        self.handshake = None  # what TLS said when it failed
        self.frames = None     # HTTP/2's state (scripted_upstream_h2.py)

    # --- What comes ---

    def read(self):
        """Takes more octets. Raises Over when the proxy has ended the connection, Complaint when nothing comes."""
        try:
            octets = self.socket.recv(262144)
        except TimeoutError as silence:
            raise Complaint(f"connection {self.number}: nothing for {SECONDS} s, {bytes(self.buffer[-80:])!r}") from silence
        except ssl.SSLEOFError:
            octets = b""
        except OSError as error:
            self.ended = self.ended or "reset"
            raise Over from error
        if not octets:
            self.ended = self.ended or "fin"
            raise Over
        self.buffer += octets

    def take(self, octets) -> bytes:
        """Exactly so many octets."""
        while len(self.buffer) < octets:
            self.read()
        taken = bytes(self.buffer[:octets])
        del self.buffer[:octets]
        return taken

    def take_line(self) -> bytes:
        """With its CRLF."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            self.read()
        return self.take(end + 2)

    def note(self, request):
        """Counts a request."""
        with self.upstream.lock:
            request.order = len(self.upstream.requests)
            self.upstream.requests.append(request)
            self.requests.append(request)
        return request

    # --- What goes ---

    def send(self, octets: bytes):
        """Raises Over when the proxy takes no more."""
        try:
            self.socket.sendall(octets)
        except TimeoutError as stuck:
            raise Complaint(f"connection {self.number}: the proxy takes nothing") from stuck
        except OSError as error:
            self.ended = self.ended or "reset"
            raise Over from error

    def close(self):
        """FIN; the kernel makes a reset of it when something was not read."""
        self.closed = True
        self.socket.close()

    def reset(self):
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self.close()

    @property
    def over(self) -> bool:
        return self.closed or self.ended is not None


class ScriptedUpstream:
    """A server on a free port, or on the Unix socket `path`; a context manager. `scripts` are one for each connection.

    `tls` is a server's ssl.SSLContext. With `listening` False the port is ours and refuses connections. `receive_buffer`
    (octets) makes it take little. `connections` and
    `requests` are all that came, in order. `client_saw` is an event that a test sets when its client has the beginning of
    the response, for the step until_client_saw."""

    def __init__(self, *scripts, path=None, tls=None, h2=False, listening=True, receive_buffer=None,
                 always=()):
        self.scripts = scripts
        self.always = always
        self.path = path
        self.tls = tls
        self.h2 = h2
        self.lock = threading.Lock()
        self.connections, self.requests, self.complaints = [], [], []
        self.client_saw = threading.Event()
        self._threads = []
        self._stopping = False
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.port = None if path else self.socket.getsockname()[1]
        if listening:
            self.socket.listen(128)
            self._start(self._accept)

    @property
    def url(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def seen(self) -> list:
        """The requests so far: ["GET /a", ...]."""
        with self.lock:
            return [str(one) for one in self.requests]

    def wait(self, condition, what, seconds=5.0):
        """Until the condition is true: what a proxy does may come a moment after what its client sees."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Complaint(f"{what} did not come true within {seconds} s; seen: {self.seen()}")
            time.sleep(0.01)

    def close(self):
        """Ends everything. Raises Complaint when a script had reason to."""
        self._stopping = True
        self.client_saw.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.socket.close()
        for one in list(self.connections):
            with contextlib.suppress(OSError):
                one.socket.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(SECONDS)
        for one in self.connections:
            one.socket.close()
        if self.path:
            os.unlink(self.path)
        if self.complaints:
            raise Complaint("; ".join(map(str, self.complaints)))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.close()
        except Complaint:
            if error is None:
                raise

    # --- Threads ---

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._stopping:
            try:
                accepted, _ = self.socket.accept()
            except OSError:
                return
            accepted.settimeout(SECONDS)
            if not self.path:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = UpstreamConnection(self, len(self.connections), accepted)
            self.connections.append(connection)
            self._start(self._run, connection)

    def _run(self, connection):
        try:
            self._begin_tls(connection)
            self._play(connection)
        except Over:
            pass
        except Exception as error:  # a script's own mistake must not pass for the proxy's
            if not self._stopping:
                self.complaints.append(error)
        finally:
            if connection.over and not connection.closed:
                connection.socket.close()

    def _begin_tls(self, connection):
        if not self.tls:
            return
        try:
            connection.socket = self.tls.wrap_socket(connection.socket, server_side=True)
        except OSError as error:
            connection.handshake = str(error)
            connection.ended = "fin"
            raise Over from error

    def _play(self, connection):
        for step in self.scripts[connection.number] if connection.number < len(self.scripts) else self.always:
            step(connection)
            if connection.closed:
                return
        connection.socket.settimeout(None)  # an idle connection may be kept for long
        if self.h2:
            import scripted_upstream_h2
            scripted_upstream_h2.go_on_honestly(connection)
        else:
            go_on_honestly(connection)


# --- HTTP/1.1 ---


def go_on_honestly(connection):
    while True:
        whole_request(connection)
        connection.send(honest_response(connection.requests[-1]))


def honest_response(request) -> bytes:
    return response(f"honest {request}".encode(), "Content-Type: text/plain", method=request.method)


def response(body=b"", *fields, status="200 OK", method="GET") -> bytes:
    """A good response: `fields` are lines without CRLF."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body)


def chunk(octets: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(octets), octets)


def head(connection):
    """Waits for the head of a request, and counts it."""
    while (end := connection.buffer.find(b"\r\n\r\n")) < 0:
        connection.read()
    raw = connection.take(end + 4)
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    line = re.fullmatch(r"(\S+) (\S+) HTTP/1\.[01]", first)
    if not line:
        raise Complaint(f"not a request line: {first!r}")
    fields = [tuple(part.strip() for part in one.split(":", 1)) for one in lines]
    connection.note(Request(connection.number, 0, line[1], line[2], fields, bytearray(raw)))


def _is_chunked(request) -> bool:
    return (request.get("transfer-encoding") or "").lower() == "chunked"


def _body_some(connection, request, octets):
    content = connection.take(octets)
    request.raw += content
    request.body += content


def _take_chunk(connection, request) -> bool:
    """False for the last one."""
    line = connection.take_line()
    request.raw += line
    size = int(line.split(b";")[0], 16)
    if size:
        _body_some(connection, request, size)
        request.raw += connection.take(2)
    return size > 0


def _take_trailers(connection, request):
    while (line := connection.take_line()) != b"\r\n":
        request.raw += line
        request.trailers.append(tuple(part.strip() for part in line.decode("latin-1").split(":", 1)))
    request.raw += line


def body(connection):
    """Waits for the whole content of the last request, and its trailers."""
    request = connection.requests[-1]
    if _is_chunked(request):
        while _take_chunk(connection, request):
            continue
        _take_trailers(connection, request)
    else:
        _body_some(connection, request, int(request.get("content-length") or 0) - len(request.body))
    request.whole = True


def body_part(octets):
    """Waits for so many more octets of the content; if it is chunked for whole chunks of at least so many."""
    def step(connection):
        request = connection.requests[-1]
        wanted = len(request.body) + octets
        while _is_chunked(request) and len(request.body) < wanted:
            if not _take_chunk(connection, request):
                raise Complaint(f"only {len(request.body)} octets of content came")
        if len(request.body) < wanted:
            _body_some(connection, request, octets)
    return step


def whole_request(connection):
    head(connection)
    body(connection)


# --- Whatever the version ---


def send(octets: bytes):
    return lambda connection: connection.send(octets)


def drip(octets: bytes, interval, size=1):
    """Octets few at a time, so many seconds apart."""
    def step(connection):
        for at in range(0, len(octets), size):
            if at:
                pause(interval)(connection)
            connection.send(octets[at:at + size])
    return step


def pause(seconds):
    """Waits; ends early with the upstream."""
    def step(connection):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not connection.upstream._stopping:
            time.sleep(min(0.05, max(0, end - time.monotonic())))
    return step


def until_client_saw(connection):
    """Waits until the test says that its client has the beginning of the response: it must come at once."""
    if not connection.upstream.client_saw.wait(SECONDS):
        raise Complaint("the client never had the beginning of the response")


def half_close(connection):
    """FIN, and what comes is still read."""
    connection.socket.shutdown(socket.SHUT_WR)


def drain(connection):
    """Reads all that comes until the proxy ends the connection: the end of a script."""
    while True:
        connection.read()
        connection.buffer.clear()


def close(connection):
    connection.close()


def close_notify(connection):
    """TLS's own end (RFC 8446 section 6.1), then FIN. Without it a close is a truncation."""
    connection.socket.settimeout(1.0)
    with contextlib.suppress(OSError):
        connection.socket.unwrap()
    connection.close()


def reset(connection):
    connection.reset()


def honest_until_idle(seconds):
    """Answers honestly until nothing has come for so long: then closes, as servers do."""
    def step(connection):
        while True:
            connection.socket.settimeout(seconds)
            try:
                if not connection.buffer:
                    connection.read()
            except Complaint:
                return connection.close()
            connection.socket.settimeout(SECONDS)
            whole_request(connection)
            connection.send(honest_response(connection.requests[-1]))
    return step
