"""An honest HTTP/2 client for tests, over python3-h2, in clear text by prior knowledge and over TLS by ALPN.

The problem: python3-h2 moves no octets and waits for nothing, and a test wants a request and its response, events in
between, and an end to every wait. Here each stream's response gathers as it comes; python3-h2 judges all that the server
sends (RFC 9113) and raises h2.exceptions.ProtocolError where that is wrong.

    with H2Connection(server.address) as client:
        one, other = client.request("/a"), client.request("/b")
        assert client.response(one).body == b"a"

    get(server.address, "/page.html", authority=authority)     # a connection of its own
"""

import dataclasses

import h2.config
import h2.connection
import h2.events
import h2.settings
from h1_response import Response
from h2_frames import connect

WINDOW = 8 * 1024 * 1024  # what a stream and the connection may send before we acknowledge, unless told otherwise


@dataclasses.dataclass
class H2Response(Response):
    """`ended` when the stream is over, `reset` the code it was reset with. `interim` are 1xx heads as (status, fields),
    `pushes` the ids of streams that were promised with it. `content` grows; `body` is all of it, when the stream is over."""

    ended: bool = False
    content: bytearray = dataclasses.field(default_factory=bytearray)
    reset: int | None = None
    interim: list = dataclasses.field(default_factory=list)
    trailers: list = dataclasses.field(default_factory=list)
    pushes: list = dataclasses.field(default_factory=list)


def _text(fields) -> list:
    return [(_string(name), _string(value)) for name, value in fields]


def _string(value) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


class _Connection(h2.connection.H2Connection):
    """python3-h2 takes the first GOAWAY for the end of all streams; RFC 9113 section 6.8 does not."""

    def _receive_goaway_frame(self, received):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = received.error_code, received.last_stream_id
        event.additional_data = received.additional_data
        return [], [event]


class H2Connection:
    """One connection; a context manager.

    `window` is what each stream may send at first, and the connection; with `automatic` False nothing is acknowledged,
    and the test does it with grant(). `values` are further settings. `goaways` are (last stream, code), `promises` the
    fields of a pushed stream by its id, `events` all that came."""

    def __init__(self, address, authority=None, seconds=20.0, window=WINDOW, automatic=True, values=None, push=False,
                 **options):
        self.octets = connect(address, authority, seconds, **options)
        self.scheme = "http" if authority is None else "https"
        config = h2.config.H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = _Connection(config)
        self.h2.max_inbound_frame_size = self.h2.local_settings.max_frame_size
        self.automatic = automatic
        self.responses, self.promises, self.goaways, self.events = {}, {}, [], []
        wanted = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window,
                  h2.settings.SettingCodes.ENABLE_PUSH: int(push), **(values or {})}
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values={
            **dict(self.h2.local_settings.items()), **wanted})
        self.h2.initiate_connection()
        if window > 65535:
            self.h2.increment_flow_control_window(window - 65535)
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.octets.__exit__(*error)

    @property
    def ended(self):
        return self.octets.ended

    def _flush(self):
        if octets := self.h2.data_to_send():
            self.octets.send(octets)

    # --- Sending ---

    def raw(self, *parts: bytes):
        """Frames that python3-h2 does not hear of."""
        self._flush()
        self.octets.send(b"".join(parts))

    def request(self, target="/", *fields, method="GET", body=b"", host="localhost", end=True, trailers=()) -> int:
        """Begins a request and returns its stream. `fields` are (name, value) or field lines. The body is sent as the
        server's windows let it."""
        stream = self.h2.get_next_available_stream_id()
        pairs = [tuple(part.strip() for part in one.split(":", 1)) if isinstance(one, str) else one for one in fields]
        head = [(":method", method), (":scheme", self.scheme), (":authority", host), (":path", target),
                *((name.lower(), value) for name, value in pairs)]
        self.responses[stream] = H2Response(0, "", [])
        self.h2.send_headers(stream, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head],
                             end_stream=end and not body and not trailers)
        self._flush()
        if body:
            self.send_body(stream, body, end and not trailers)
        if trailers:
            self.h2.send_headers(stream, [(name.encode(), value.encode()) for name, value in trailers], end_stream=True)
            self._flush()
        return stream

    def send_body(self, stream, body, end=True) -> int:
        """Sends all of it, reading what comes meanwhile, a response too; fewer when the stream is reset. Returns the octets
        sent."""
        view = memoryview(body)
        sent = 0
        while sent < len(view) and self.responses[stream].reset is None and not self.ended:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(view) - sent)
            if room <= 0:
                self.step()
                continue
            self.h2.send_data(stream, bytes(view[sent:sent + room]), end_stream=end and sent + room == len(view))
            sent += room
            self._flush()
        return sent

    def grant(self, octets, stream=None):
        """Opens the peer's window: the connection's, or a stream's."""
        self.h2.increment_flow_control_window(octets, stream)
        self._flush()

    def reset(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self._flush()

    # --- Receiving ---

    def step(self) -> list:
        """Waits for octets; the events that they brought, none at the end of the connection. Raises Silence."""
        if not self.octets.read():
            return []
        octets = bytes(self.octets.buffer)
        self.octets.buffer.clear()
        events = self.h2.receive_data(octets)
        for event in events:
            self._take(event)
        self.events += events
        self._flush()
        return events

    def _take(self, event):
        kind = type(event).__name__
        handler = getattr(self, f"_on_{kind}", None)
        if handler:
            handler(event)

    def _on_ResponseReceived(self, event):
        response = self.responses[event.stream_id]
        fields = _text(event.headers)
        (response.status,) = [int(value) for name, value in fields if name == ":status"]
        response.fields += [field for field in fields if field[0] != ":status"]

    def _on_InformationalResponseReceived(self, event):
        fields = _text(event.headers)
        (status,) = [int(value) for name, value in fields if name == ":status"]
        self.responses[event.stream_id].interim.append((status, [field for field in fields if field[0] != ":status"]))

    def _on_TrailersReceived(self, event):
        self.responses[event.stream_id].trailers += _text(event.headers)

    def _on_DataReceived(self, event):
        self.responses[event.stream_id].content += event.data
        if self.automatic and event.flow_controlled_length:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _on_StreamEnded(self, event):
        self._over(event.stream_id)

    def _on_StreamReset(self, event):
        self._over(event.stream_id).reset = int(event.error_code)

    def _over(self, stream):
        response = self.responses[stream]
        response.ended, response.body = True, bytes(response.content)
        return response

    def _on_PushedStreamReceived(self, event):
        self.promises[event.pushed_stream_id] = _text(event.headers)
        self.responses[event.pushed_stream_id] = H2Response(0, "", [])
        self.responses[event.parent_stream_id].pushes.append(event.pushed_stream_id)

    def _on_ConnectionTerminated(self, event):
        self.goaways.append((event.last_stream_id, int(event.error_code)))

    def until(self, condition):
        """Reads until the condition holds; False when the connection ends before. Raises Silence."""
        while not condition():
            if not self.step() and self.ended:
                return condition()
        return True

    def response(self, stream) -> H2Response:
        """Waits until the stream is over. Raises AssertionError when the connection ends before."""
        response = self.responses[stream]
        ended = self.until(lambda: response.ended)
        assert ended, f"the connection ended ({self.ended}, GOAWAY {self.goaways}) before stream {stream}: {response.status}"
        return response

    def fetch(self, target="/", *fields, **options) -> H2Response:
        return self.response(self.request(target, *fields, **options))

    def server_settings(self) -> dict:
        """What the server announced; waits for it."""
        self.until(lambda: any(isinstance(one, h2.events.RemoteSettingsChanged) for one in self.events))
        return {int(key): value for key, value in self.h2.remote_settings.items()}


def get(address, target="/", *fields, method="GET", seconds=20.0, authority=None, **options):
    """One request on a connection of its own; the response, or None when the server only closed."""
    with H2Connection(address, authority, seconds) as client:
        stream = client.request(target, *fields, method=method, **options)
        response = client.responses[stream]
        client.until(lambda: response.ended)
        return response if response.status else None
