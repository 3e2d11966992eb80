"""An upstream that keeps every octet it gets, and reads requests as strictly as RFC 9112 lets a server read them.

The problem: whether a proxy sent exactly one request is only seen by somebody who forgives nothing. Each connection is
read to its end; what is not a request by the grammar is kept as a fault, never skipped. Every request is answered with
`STATUS`, which nobody else says.

    with RequestRecorder() as recorder:
        ...                       # through a proxy whose upstream is recorder.address
        recorder.requests()       # in the order in which they were complete
        recorder.faults()
"""

import dataclasses
import re
import socket
import threading

STATUS = 299  # no other server says it: a log line with it is a request that its upstream answered
ANSWER = b"HTTP/1.1 299 Recorded\r\nContent-Length: 0\r\n\r\n"
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (/[\x21-\x7e]*|\*) HTTP/1\.1")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*"
                    rb"[\x21-\x7e\x80-\xff])?)?[ \t]*")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,16}")
_ONCE = {"host", "content-length", "transfer-encoding", "x-request-id", "expect", "content-type"}


class Fault(Exception):
    """What came is not a request."""


class Cut(Exception):
    """The connection ended before one, or within its content: the client may have left."""


@dataclasses.dataclass
class Recorded:
    """One request as an upstream read it."""

    id: str  # X-Request-ID, by which the proxy's log names it
    method: str
    target: str
    length: int | None  # octets of content; None where the upstream cannot tell
    fields: list = dataclasses.field(default_factory=list)
    body: bytes = b""


def require(condition, text):
    if not condition:
        raise Fault(text)


class _Reader:
    """Requests from one connection."""

    def __init__(self, connection):
        self._connection = connection
        self._in_head, self._lines = True, 0
        self.buffer = b""

    def _more(self):
        octets = self._connection.recv(1 << 16)
        if not octets:
            require(not self._in_head or not (self._lines or self.buffer), f"cut within a head: {self.buffer[:200]!r}")
            raise Cut
        self.buffer += octets

    def _line(self) -> bytes:
        while b"\n" not in self.buffer:
            self._more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        self._lines += 1
        require(line.endswith(b"\r") and b"\r" not in line[:-1], f"not a line: {line[:200]!r}")
        return line[:-1]

    def _octets(self, count) -> bytes:
        while len(self.buffer) < count:
            self._more()
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets

    def _field_lines(self) -> list:
        fields = []
        while line := self._line():
            match = _FIELD.fullmatch(line)
            require(match, f"not a field line: {line[:200]!r}")
            fields.append((match[1].decode().lower(), (match[2] or b"").decode("latin-1")))
        return fields

    def request(self) -> Recorded:
        self._in_head, self._lines = True, 0
        line = self._line()
        match = _LINE.fullmatch(line)
        require(match, f"not a request line: {line[:200]!r}")
        fields = self._field_lines()
        self._in_head = False
        names = [name for name, _ in fields]
        for name in _ONCE:
            require(names.count(name) <= 1, f"{name} more than once")
        known = dict(fields)
        require("host" in known, "no Host")
        require("x-request-id" in known, f"nothing that the proxy made: {line[:200]!r}")
        if "100-continue" in known.get("expect", ""):
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(known)
        return Recorded(known["x-request-id"], match[1].decode(), match[2].decode(), len(body), fields, body)

    def _body(self, known) -> bytes:
        length, coding = known.get("content-length"), known.get("transfer-encoding")
        require(length is None or coding is None, "both framings")
        if coding is not None:
            require(coding == "chunked", f"Transfer-Encoding: {coding}")
            return self._chunked()
        require(re.fullmatch("[0-9]{1,19}", length or "0"), f"Content-Length: {length}")
        return self._octets(int(length or 0))

    def _chunked(self) -> bytes:
        body = b""
        while True:
            line = self._line()
            require(_CHUNK.fullmatch(line), f"not a chunk size: {line[:80]!r}")
            if (size := int(line, 16)) == 0:
                break
            body += self._octets(size)
            require(self._octets(2) == b"\r\n", "chunk data without its CRLF")
        self._field_lines()
        return body


class RequestRecorder:
    """A context manager. One thread a connection."""

    def __init__(self):
        self._lock = threading.Lock()
        self._requests, self._faults, self._cut, self._open = [], [], 0, set()
        self._socket = None

    @property
    def address(self):
        return self._socket.getsockname()

    def requests(self) -> list[Recorded]:
        with self._lock:
            return list(self._requests)

    def faults(self) -> list[str]:
        with self._lock:
            return list(self._faults)

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader = _Reader(connection)
        try:
            while True:
                one = reader.request()
                with self._lock:
                    self._requests.append(one)
                connection.sendall(ANSWER)
        except Fault as fault:
            with self._lock:
                self._faults.append(str(fault))
        except (Cut, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
