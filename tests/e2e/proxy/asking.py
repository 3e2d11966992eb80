"""A client that sees how a response ended, in any version: whole, or visibly cut.

The problem: of a response that a proxy gives up in the middle, an everyday client says only that something went wrong,
and an everyday test only looks at whole ones. Here each request has an Outcome: the status, as much of the content as
came, and whether it is whole by the rules of its version (RFC 9112 section 8, RFC 9113 section 8.1). Interim responses
and trailers are kept. Content is sent as a careful client does it: a final response that comes meanwhile ends the sending.

What is not HTTP raises: h1_response.BadResponse, h2.exceptions.ProtocolError.
"""

import contextlib
import dataclasses
import re
import select
import socket
import ssl
import threading
import time

import h2.events
from clients import reset as reset_and_close
from h1_response import BadResponse, Response, parse, parse_head
from h2_connection import H2Connection
from raw_connection import Silence
from tls_clients import client_context

SLICE = 16 * 1024
DRAINED = 64 * 1024  # octets of content that a server reads on after an early response (limit `drain`)


@dataclasses.dataclass(frozen=True)
class Ask:
    """A request, `after` seconds. With `waits` its content is sent after 100 (Continue) alone, with `trailers` after it
    chunked. Between the content and its end `lingers` seconds pass: over HTTP/2 the end is a frame, else the last octet."""

    method: str = "GET"
    target: str = "first"  # below the case's prefix
    fields: tuple = ()
    content: bytes = b""
    waits: bool = False
    trailers: tuple = ()
    after: float = 0.0
    lingers: float = 0.0

    def field_lines(self):
        return (*self.fields, *(("Expect: 100-continue",) if self.waits else ()))


@dataclasses.dataclass
class Outcome:
    """`status` is None when nothing came. `sent` are the octets of content that the client sent."""

    status: int | None = None
    fields: list = dataclasses.field(default_factory=list)
    content: bytes = b""
    whole: bool = False
    interims: list = dataclasses.field(default_factory=list)  # Responses
    trailers: list = dataclasses.field(default_factory=list)
    sent: int = 0

    def all(self, name) -> list:
        return [value for known, value in self.fields if known.lower() == name.lower()]

    def get(self, name):
        return ", ".join(self.all(name)) if self.all(name) else None

    @property
    def error(self):
        """The error type that Proxy-Status names (RFC 9209 section 2.3), or None."""
        found = re.search(r";\s*error=([a-z_]+)", self.get("proxy-status") or "")
        return found[1] if found else None

    def __str__(self):
        end = "whole" if self.whole else "CUT"
        begin = bytes(self.content[:120])
        return f"{self.status} error={self.error} {len(self.content)} octets, {end}: {begin!r} {self.fields}"


class _Octets:
    """A socket that never blocks, in clear text or over TLS. `ended`: None, "fin" (close_notify over TLS) or "reset", which
    over TLS a bare FIN is, too."""

    def __init__(self, address, authority, seconds, receive_buffer):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if authority:
            context = client_context(authority)
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        self.socket.setblocking(False)
        self.buffer = bytearray()
        self.ended = None
        self.send_failed = False
        self.deadline = time.monotonic() + seconds

    def poll(self) -> bool:
        """Takes what is there; whether there was anything new."""
        before = (len(self.buffer), self.ended)
        while not self.ended:
            try:
                octets = self.socket.recv(262144)
                self.buffer += octets
                self.ended = None if octets else "fin"
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except OSError:
                self.ended = "reset"
        return (len(self.buffer), self.ended) != before

    def wait(self, writing=False):
        left = self.deadline - time.monotonic()
        wanted = [self.socket]
        if left <= 0 or not any(select.select(wanted, wanted if writing else [], [], left)):
            raise Silence(f"nothing for too long; so far {bytes(self.buffer[:160])!r}")

    def read(self):
        while not self.ended and not self.poll():
            self.wait()

    def send(self, octets) -> bool:
        """All of it; False when the peer takes no more, or a final response comes meanwhile."""
        view = memoryview(octets)
        while view and not self.send_failed and not _final_begins(self.buffer):
            try:
                view = view[self.socket.send(view):]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self.wait(writing=True)
                self.poll()
            except OSError:
                self.send_failed = True
        return not view

    def close(self):
        self.socket.close()


def _final_begins(buffer) -> bool:
    """A final response's status line is there."""
    begin = bytes(buffer[:65536])
    return any(not line.startswith(b"HTTP/1.1 1") for line in re.findall(rb"(?m)^HTTP/1\.1 \d\d\d", begin))


class H1Client:
    """One connection for requests in turn. A context manager."""

    def __init__(self, address, authority=None, seconds=20.0, receive_buffer=None):
        self.octets = _Octets(address, authority, seconds, receive_buffer)
        self.kept = True

    def ask(self, ask: Ask, target, saw: threading.Event, slow=0.0) -> Outcome:
        """`saw` is set with the first octet of the final response's content; before that nothing is read for `slow`
        seconds."""
        outcome = Outcome()
        self.octets.send(self._head(ask, target))
        if not ask.waits or self._told_to_continue(outcome):
            outcome.sent = self._send_content(ask)
        time.sleep(slow)
        self._finish(ask, outcome, saw)
        # What is still to be sent would be taken for the next request, and a server may close rather than read much of it.
        content_is_out = len(ask.content) == outcome.sent <= DRAINED
        self.kept = (outcome.whole and content_is_out and not self.octets.ended
                     and "close" not in (outcome.get("connection") or ""))
        return outcome

    def begin(self, ask: Ask, target):
        """Asks, with half of the content, and does not wait."""
        self.octets.send(self._head(ask, target) + ask.content[:len(ask.content) // 2])

    def reset(self):
        """Leaves, so that nobody can take it for the end of sending alone."""
        reset_and_close(self.octets.socket)

    @staticmethod
    def _head(ask, target) -> bytes:
        framing = ()
        if ask.trailers:
            framing = ("Transfer-Encoding: chunked",)
        elif ask.content or ask.method in ("POST", "PUT", "PATCH"):
            framing = (f"Content-Length: {len(ask.content)}",)
        lines = [f"{ask.method} {target} HTTP/1.1", "Host: localhost", *ask.field_lines(), *framing, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _told_to_continue(self, outcome) -> bool:
        """False: a final response comes instead."""
        while not self.octets.ended and not _final_begins(self.octets.buffer):
            found = parse(self.octets.buffer)
            if found and found[0].status == 100:
                self._take_interim(found, outcome)
                return True
            self.octets.read()
        return False

    def _take_interim(self, found, outcome):
        outcome.interims.append(found[0])
        del self.octets.buffer[:found[1]]

    def _send_content(self, ask) -> int:
        content = b"%x\r\n%s\r\n" % (len(ask.content), ask.content) if ask.trailers else ask.content
        late = content[-1:] if ask.lingers else b""
        for at in range(0, len(content) - len(late), SLICE):
            self.octets.poll()
            if not self.octets.send(content[at:min(at + SLICE, len(content) - len(late))]):
                return at
        time.sleep(ask.lingers)
        if not self.octets.send(late):
            return len(content) - len(late)
        if ask.trailers:
            self.octets.send(b"0\r\n" + b"".join(f"{one}\r\n".encode() for one in ask.trailers) + b"\r\n")
        return len(ask.content)

    def _finish(self, ask, outcome, saw):
        while True:
            self._note_beginning(saw)
            try:
                found = parse(self.octets.buffer, ask.method, self.octets.ended is not None)
            except BadResponse as bad:
                if not self.octets.ended or not str(bad).startswith("cut after"):
                    raise
                return self._take_cut(outcome)
            if found and found[0].status < 200:
                self._take_interim(found, outcome)
            elif found:
                return self._take_whole(found, outcome)
            elif self.octets.ended:
                return None
            else:
                self.octets.read()

    def _note_beginning(self, saw):
        head, end, content = bytes(self.octets.buffer[:131072]).partition(b"\r\n\r\n")
        chunked = re.search(rb"(?i)\r\ntransfer-encoding: chunked", head)
        if end and not head.startswith(b"HTTP/1.1 1") and (b"\r\n" in content if chunked else content):
            saw.set()

    def _take_whole(self, found, outcome):
        response, used = found
        del self.octets.buffer[:used]
        outcome.status, outcome.fields, outcome.content = response.status, response.fields, response.body
        closes = response.get("content-length") is None and response.get("transfer-encoding") is None and response.body
        outcome.whole = not (closes and self.octets.ended == "reset")
        if "chunked" in (response.get("transfer-encoding") or ""):
            outcome.trailers = _h1_trailers(response.raw)

    def _take_cut(self, outcome):
        head, _, content = bytes(self.octets.buffer).partition(b"\r\n\r\n")
        response: Response = parse_head(head + b"\r\n")
        outcome.status, outcome.fields, outcome.content = response.status, response.fields, content
        if "chunked" in (response.get("transfer-encoding") or ""):
            outcome.content = _chunks(content)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.octets.close()


def _h1_trailers(raw) -> list:
    tail = raw.rpartition(b"\r\n0\r\n")[2].decode("latin-1").split("\r\n")
    return [(name, value.strip()) for name, colon, value in (line.partition(":") for line in tail) if colon]


def _chunks(content) -> bytes:
    """As far as they came."""
    out = b""
    while (line := re.match(rb"([0-9a-fA-F]+)\r\n", content)) and int(line[1], 16):
        size = int(line[1], 16)
        out += content[line.end():line.end() + size]
        content = content[line.end() + size + 2:]
    return out


class H2Client:
    """The same over HTTP/2."""

    def __init__(self, address, authority=None, seconds=20.0, receive_buffer=None):
        options = {"receive_buffer": receive_buffer} if receive_buffer else {}
        self.client = H2Connection(address, authority, seconds, **options)

    @property
    def kept(self):
        return not self.client.ended and not self.client.goaways

    def ask(self, ask: Ask, target, saw: threading.Event, slow=0.0) -> Outcome:
        client = self.client
        has_content = bool(ask.content or ask.trailers) or ask.method in ("POST", "PUT", "PATCH")
        length = (f"Content-Length: {len(ask.content)}",) if has_content and not ask.trailers else ()
        stream = client.request(target, *ask.field_lines(), *length, method=ask.method, end=not has_content)
        response = client.responses[stream]
        sent = self._send_content(ask, stream, response) if has_content else 0
        time.sleep(slow)
        client.until(lambda: response.content or response.ended)
        saw.set()
        client.until(lambda: response.ended)
        return self._outcome(stream, response, sent)

    def begin(self, ask: Ask, target):
        stream = self.client.request(target, *ask.field_lines(), method=ask.method, end=not ask.content)
        self.client.send_body(stream, ask.content[:len(ask.content) // 2], end=False)

    def reset(self):
        reset_and_close(self.client.octets._socket)

    def _send_content(self, ask, stream, response) -> int:
        if ask.waits:
            self.client.until(lambda: response.interim or response.ended or response.status)
            if not any(status == 100 for status, _ in response.interim):
                if not response.ended:
                    self.client.until(lambda: response.ended)
                with contextlib.suppress(h2.exceptions.ProtocolError):  # over already
                    self.client.reset(stream)
                return 0
        end_is_apart = bool(ask.trailers or ask.lingers or not ask.content)
        sent = self._send_while_wanted(ask.content, stream, response, not end_is_apart)
        if sent == len(ask.content) and end_is_apart:
            time.sleep(ask.lingers)
            self._end(stream, ask.trailers)
        elif sent < len(ask.content) and response.reset is None and not self.client.ended:
            self.client.reset(stream)  # the response is whole, and what is left is not wanted
        return sent

    def _send_while_wanted(self, content, stream, response, end) -> int:
        """Until the response is over; what comes is read when the windows are used up."""
        sent, core = 0, self.client.h2
        while sent < len(content) and not response.ended and not self.client.ended:
            room = min(core.local_flow_control_window(stream), core.max_outbound_frame_size, len(content) - sent)
            if room <= 0:
                self.client.step()
                continue
            sent += room
            core.send_data(stream, content[sent - room:sent], end_stream=end and sent == len(content))
            self.client._flush()
        return sent

    def _end(self, stream, trailers):
        pairs = [tuple(one.split(": ", 1)) for one in trailers]
        if pairs:
            self.client.h2.send_headers(stream, [(name.lower(), value) for name, value in pairs], end_stream=True)
        else:
            self.client.h2.end_stream(stream)
        self.client._flush()

    def _outcome(self, stream, response, sent) -> Outcome:
        whole = any(isinstance(one, h2.events.StreamEnded) and one.stream_id == stream for one in self.client.events)
        interims = [Response(status, "", fields) for status, fields in response.interim]
        return Outcome(response.status or None, response.fields, bytes(response.content), whole, interims,
                       response.trailers, sent)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.client.__exit__(*error)


class Asker:
    """Asks on one connection as long as that is kept, else on a new one. A context manager; `connect` makes a client,
    `made` is how many it made."""

    def __init__(self, connect, saw: threading.Event):
        self._connect = connect
        self._saw = saw
        self._client = None
        self.made = 0

    def ask(self, ask: Ask, target, slow=0.0) -> Outcome:
        time.sleep(ask.after)
        if self._client is None or not self._client.kept:
            self.leave()
            self._client = self._connect()
            self.made += 1
        return self._client.ask(ask, target, self._saw, slow)

    def leave(self):
        if self._client is not None:
            self._client.__exit__(None, None, None)
        self._client = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()
