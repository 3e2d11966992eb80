"""Servers that speak TLS for tests, and clients that see what passes: a connection with its records, openssl s_client.

The problem: Python's ssl hides records and does not say how a connection was ended, but both are what a server's TLS is
about. So a connection here runs ssl over memory: the headers of records are read on their way (RFC 8446 section 5.1),
and close_notify, a bare FIN and a reset are told apart.

    with tls_server(folder, [certificate], root=site) as server:
        with TlsConnection(server.address, certificate.authority) as connection:
            connection.send(request("/"))
            assert connection.response().status == 200

Nothing here asserts but that a certificate is valid, where it is to be.
"""

import pathlib
import re
import select
import socket
import ssl
import subprocess
import time

from h1_response import BadResponse, parse
from raw_connection import Silence
from sluice_server import SluiceServer

HANDSHAKE, ALERT, APPLICATION_DATA = 22, 21, 23


def certificate_table(certificate, *lines) -> str:
    """[[certificate]] for one of certificates.py, with further lines."""
    return "\n".join(["[[certificate]]", f'chain = "{certificate.chain}"', f'key = "{certificate.key}"', *lines, ""])


def table_of(chain, key) -> str:
    """[[certificate]] of two files that need not fit together."""
    return f'[[certificate]]\nchain = "{chain}"\nkey = "{key}"\n'


def listener_table(tls="true", *lines, name="secure", address="127.0.0.1:0") -> str:
    return "\n".join(["[[listener]]", f'name = "{name}"', f'address = "{address}"', f"tls = {tls}", *lines, ""])


def site_table(root, *lines, hosts=("localhost",)) -> str:
    names = ", ".join(f'"{host}"' for host in hosts)
    return "\n".join(["[[site]]", f"hosts = [{names}]", f'root = "{root}"', *lines, ""])


def configure(folder: pathlib.Path, *tables, workers=1, top="", log=""):
    """Writes folder/sluice.toml and returns its path."""
    path = folder / "sluice.toml"
    path.write_text("\n".join([f"workers = {workers}", top, f'[log]\nformat = "json"\n{log}', *tables]))
    return path


def warnings_of(server) -> list[str]:
    """Lines of what the server said at its start."""
    return [line for line in server.stderr().splitlines() if "warning" in line]


def tls_server(folder, certificates, *tables, root=None, tls="true", workers=1, top="", log="", **options) -> SluiceServer:
    """A server of `root` for "localhost" (or of what `tables` say) that shows `certificates`, the first by default."""
    sites = [site_table(root)] if root is not None else []
    shown = [one if isinstance(one, str) else certificate_table(one) for one in certificates]
    path = configure(folder, listener_table(tls), *shown, *sites, *tables, workers=workers, top=top, log=log)
    return SluiceServer(config=path, **options)


def client_context(authority, version=None, client=None, alpn=("http/1.1",), verify=True) -> ssl.SSLContext:
    """`version` is "1.2" or "1.3", by default both; `client` a certificate to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_verify_locations(str(authority))
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2,
                                                             "1.3": ssl.TLSVersion.TLSv1_3}[version]
    if client:
        context.load_cert_chain(str(client.chain), str(client.key))
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsConnection:
    """One connection; a context manager. What fails in the handshake is raised as ssl.SSLError, at once where it is
    ours, and where the server refuses in TLS 1.3 by the first reading.

    `records` are (type, octets after the header) of what came; `ended` is None, "close_notify", "fin" or "reset".
    `receive_buffer` and `most` (octets to take at a time) make a slow reader."""

    def __init__(self, address, authority=None, name="localhost", context=None, seconds=20.0, receive_buffer=None,
                 session=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self._deadline = time.monotonic() + seconds
        self.records = []
        self.ended = None
        self.most = 262144
        self._headers = bytearray()
        self._skip = 0
        self.buffer = bytearray()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = (context or client_context(authority)).wrap_bio(self._in, self._out, server_hostname=name,
                                                                   session=session)
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._shake_hands()
        except BaseException:
            self.socket.close()
            raise

    def _shake_hands(self):
        while True:
            try:
                self._tls.do_handshake()
                return self._flush()
            except ssl.SSLWantReadError:
                self._flush()
                self._take()
            except ssl.SSLError:
                self._flush()  # the alert
                raise

    def _flush(self):
        if octets := self._out.read():
            self.socket.sendall(octets)

    def _note_records(self, octets):
        """Looks at the headers only: type, version, length."""
        position = 0
        while position < len(octets):
            if self._skip:
                step = min(self._skip, len(octets) - position)
                self._skip -= step
                position += step
                continue
            step = min(5 - len(self._headers), len(octets) - position)
            self._headers += octets[position:position + step]
            position += step
            if len(self._headers) == 5:
                self._skip = int.from_bytes(self._headers[3:5], "big")
                self.records.append((self._headers[0], self._skip))
                self._headers.clear()

    def _take(self):
        left = self._deadline - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            raise Silence(f"nothing for too long; so far {bytes(self.buffer[:160])!r}")
        try:
            octets = self.socket.recv(self.most)
        except ConnectionResetError:
            self.ended = self.ended or "reset"
            octets = b""
        if octets:
            self._note_records(octets)
            self._in.write(octets)
        else:
            self.ended = self.ended or "fin"
            self._in.write_eof()

    def send(self, data: bytes):
        self._tls.write(data)
        self._flush()

    def read(self) -> bool:
        """Takes more plain octets into `buffer`. False when the connection has ended."""
        while self.ended is None:
            try:
                octets = self._tls.read(1 << 20)
                self.buffer += octets
                if octets:
                    return True
                self.ended = "close_notify"
            except ssl.SSLWantReadError:
                self._take()
            except ssl.SSLZeroReturnError:
                self.ended = "close_notify"
            except ssl.SSLEOFError:
                self.ended = self.ended or "fin"
        return False

    def response(self, method="GET"):
        """The next response, or None when the connection ended before its first octet."""
        while True:
            if found := parse(self.buffer, method, self.ended is not None):
                del self.buffer[:found[1]]
                return found[0]
            if not self.read() and not self.buffer:
                return None

    def wait_for_end(self) -> str:
        while self.read():
            continue
        if self.buffer:
            raise BadResponse(f"more than was due: {bytes(self.buffer[:160])!r}")
        return self.ended

    def say_close_notify(self):
        """We will send no more (RFC 8446 section 6.1); the other direction stays open."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # the server's close_notify is not there yet, or there is data before it
            pass
        self._flush()

    def certificate(self) -> dict:
        return self._tls.getpeercert()

    def certificate_octets(self) -> bytes:
        return self._tls.getpeercert(binary_form=True)

    @property
    def version(self) -> str:
        return self._tls.version()

    @property
    def suite(self) -> str:
        return self._tls.cipher()[0]

    @property
    def session(self):
        return self._tls.session

    @property
    def resumed(self) -> bool:
        return self._tls.session_reused

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def octets_of(certificate) -> bytes:
    """The certificate as it is sent (DER)."""
    return ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())


def fetch(address, authority, target="/", name="localhost", method="GET", fields=(), **options):
    """One request on a connection of its own: the response, or None."""
    context = client_context(authority, **options)
    with TlsConnection(address, name=name, context=context) as connection:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {name}", *fields, "", ""]
        connection.send("\r\n".join(lines).encode())
        return connection.response(method)


def shown_to(address, name, authority=None, **options) -> bytes:
    """The server's certificate (DER) for a client that asks for `name`; verified against `authority` where given."""
    context = client_context(authority, verify=authority is not None, **options)
    with TlsConnection(address, name=name, context=context) as connection:
        return connection.certificate_octets()


class Handshake:
    """What openssl s_client says of one."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.exit_code = done.returncode
        self.text = (done.stdout + done.stderr).decode("utf-8", "replace")

    @property
    def established(self) -> bool:
        return self.exit_code == 0 and "Cipher is (NONE)" not in self.text

    @property
    def resumed(self) -> bool:
        return "\nReused, " in self.text

    @property
    def alert(self):
        found = re.search(r"SSL alert number (\d+)", self.text)
        return int(found[1]) if found else None

    @property
    def suite(self) -> str:
        return re.search(r"Cipher is (\S+)", self.text)[1]

    @property
    def closed_by_notify(self) -> bool:
        """s_client's own words for what ended the connection, with -msg."""
        return bool(re.search(r"<<< .*Alert \[length 0002\], warning close_notify", self.text))


def s_client(address, *options, send=b"", seconds=20, name="localhost") -> Handshake:
    """Runs openssl s_client until the server ends the connection, or at once without anything to send. With -ign_eof
    among the options it stays after `send`."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    named = [] if "-noservername" in options else ["-servername", name]
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{address[1]}", *named, *map(str, options)],
                          input=send, capture_output=True, timeout=seconds)
    return Handshake(done)
