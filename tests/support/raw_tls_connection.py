"""A TLS client over octets that the test moves itself: records can be cut, kept back, repeated and garbled.

The problem: a socket of Python's ssl module does the handshake in one go, sends records as it likes, and takes an end
without close_notify for a good one. A test must be able to stop anywhere, and to see how a server ended (RFC 8446
section 6.1).

    client = TlsClient(context)                 # no socket: octets in, octets out
    with RawTlsConnection(address, context) as connection:     # a RawConnection over TLS, after its handshake
        connection.send(b"GET / HTTP/1.1\\r\\n...")
"""

import ssl

from raw_connection import RawConnection

MAXIMUM = 16384  # plain octets of a record, RFC 8446 section 5.1
HANDSHAKE, APPLICATION_DATA = 22, 23
CLIENT_HELLO = 1


class TlsClient:
    """One session without a socket. What `take_output` gives is to be sent, what came is given to `receive`."""

    def __init__(self, context: ssl.SSLContext, name="localhost", session=None):
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Python sets it: an end without close_notify would pass for one
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name, session=session)
        self.established = False
        self.closed = False  # the peer said close_notify

    def receive(self, octets: bytes):
        """Nothing: the peer sent FIN."""
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def shake_hands(self) -> bytes:
        """Goes on with the handshake; what is to be sent now. Raises ssl.SSLError, for an alert too."""
        try:
            self.tls.do_handshake()
            self.established = True
        except ssl.SSLWantReadError:
            pass
        return self.take_output()

    def take_output(self) -> bytes:
        return self._outgoing.read()

    def seal(self, plain: bytes) -> bytes:
        """Records with these octets: as few as can be."""
        for at in range(0, len(plain), MAXIMUM):
            self.tls.write(plain[at:at + MAXIMUM])
        return self.take_output()

    def open(self) -> bytes:
        """The octets of all records that came whole. Raises ssl.SSLError, for an alert too."""
        plain = bytearray()
        while not self.closed:
            try:
                part = self.tls.read(262144)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            self.closed = not part
            plain += part
        return bytes(plain)

    def close_notify(self) -> bytes:
        try:
            self.tls.unwrap()
        except ssl.SSLError:  # it would wait for the peer's
            pass
        return self.take_output()


class RawTlsConnection(RawConnection):
    """RawConnection over TLS. `ended` is "fin" only after close_notify and FIN, "truncated" after FIN alone, and "alert"
    when an alert came or records could not be opened; `alert` then says which.

    `send` makes one record, or as few as can be; they go out in pieces of `step` octets. Its end is close_notify, as
    RFC 8446 section 6.1 has it.
    """

    def __init__(self, address, context, seconds=10.0, name="localhost", session=None, step=None):
        super().__init__(address, seconds)
        self._step = step
        self.client = TlsClient(context, name, session)
        self.alert = None
        self._shake_hands()

    def _shake_hands(self):
        self.send_records(self.client.shake_hands())
        while not self.client.established:
            if self.ended or self.alert:
                raise ConnectionError(f"{self.alert or self.ended} in the handshake")
            self._wait()
            try:
                self.send_records(self.client.shake_hands())
            except ssl.SSLError as error:
                self.alert = error.reason
        self._open()

    def send(self, data: bytes) -> bool:
        return self.send_records(self.client.seal(data)) if data else not self.send_failed

    def send_records(self, octets: bytes) -> bool:
        """Octets as they are."""
        step = self._step or max(1, len(octets))
        return all([super(RawTlsConnection, self).send(octets[at:at + step]) for at in range(0, len(octets), step)])

    def send_fin(self):
        self.send_records(self.client.close_notify())

    def _received(self, octets):
        self.client.receive(octets)
        if self.client.established:
            self._open()
        if not octets and not self.ended:
            self.ended = "reset" if self._reset else "fin" if self.client.closed else "truncated"

    def _open(self):
        try:
            self.buffer += self.client.open()
        except ssl.SSLError as error:
            if error.reason != "UNEXPECTED_EOF_WHILE_READING":  # FIN alone: the caller knows
                self.ended, self.alert = "alert", error.reason


# --- Records by hand ---


def records_of(octets: bytes) -> list[bytes]:
    """The whole records at the front of `octets`, each with its header."""
    records, at = [], 0
    while at + 5 <= len(octets):
        end = at + 5 + int.from_bytes(octets[at + 3:at + 5], "big")
        if end > len(octets):
            break
        records.append(octets[at:end])
        at = end
    return records


def record(content: bytes, content_type=HANDSHAKE, version=0x0303) -> bytes:
    return bytes([content_type]) + version.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def in_records_of(message: bytes, size: int, version=0x0301) -> bytes:
    """A handshake message in records of `size` octets each."""
    return b"".join(record(message[at:at + size], version=version) for at in range(0, len(message), size))


def client_hello(context: ssl.SSLContext, name="localhost") -> bytes:
    """The message, without its record."""
    return TlsClient(context, name).shake_hands()[5:]


def padded(hello: bytes, size: int) -> bytes:
    """A ClientHello made about `size` octets longer by extensions of a type for experiments (RFC 8447 section 7)."""
    # Its length field, version, random, then three vectors before the extensions.
    at = 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 1 + hello[at]
    extensions = hello[at + 2:]
    extensions += b"\xff\x2a" + min(size, 65000).to_bytes(2, "big") + bytes(min(size, 65000))
    body = hello[4:at] + min(len(extensions), 65535).to_bytes(2, "big") + extensions[:65535]
    body += bytes(max(0, size - 65000))
    return bytes([CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body
