"""The ways in which a server is spoken to: HTTP/1.1 and HTTP/2, in clear text and over TLS.

The problem: what a server says of files and sites must not depend on how it is asked, so a test that is about them runs
once for each version. It takes the fixture `version`, starts its server by it and asks the server:

    def test_a_page(site, version):
        with version.serving(site) as server:
            assert server.get("/page.html").status == 200

Responses are alike whatever the version (h1_response.Response); the names of fields are compared without case.
"""

import dataclasses
import pathlib
import re

import clients
import h2_connection
from certificates import Certificate
from h2_connection import H2Connection
from h2_frames import ClearConnection
from raw_connection import RawConnection
from sluice_server import SluiceServer
from tls_clients import TlsConnection, certificate_table, client_context

NAMES = ("h1", "h1-tls", "h2-tls", "h2")


class H1Session:
    """A kept HTTP/1.1 connection that asks one thing after the other. A context manager."""

    def __init__(self, octets):
        self.octets = octets

    def fetch(self, target="/", *fields, method="GET", host="localhost"):
        """The final response, or None when the server only closed."""
        self.octets.send(clients.request(target, *fields, method=method, host=host))
        return self.octets.response(method)

    @property
    def ended(self):
        return self.octets.ended

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.octets.__exit__(*error)


class H1Download:
    """A download of which the beginning has come and the rest waits at the server."""

    def __init__(self, octets, target):
        self._octets = octets
        octets.send(clients.request(target))
        while b"\r\n\r\n" not in octets.buffer:
            octets.read()
        head = bytes(octets.buffer.partition(b"\r\n\r\n")[0])
        assert head.startswith(b"HTTP/1.1 200 ")
        (self._length,) = re.findall(rb"(?i)\r\ncontent-length: (\d+)", head)
        self._begin = len(head) + 4
        self._end = self._begin + int(self._length)

    def finish(self) -> tuple[bytes, bool]:
        """The content as far as it came, and whether it is whole by what the server says."""
        while len(self._octets.buffer) < self._end and self._octets.read():
            continue
        body = bytes(self._octets.buffer[self._begin:])
        self._octets.buffer.clear()
        return body, len(body) == self._end - self._begin

    def then(self, target="/"):
        """After it, on the same connection, another request: its response."""
        self._octets.send(clients.request(target))
        return self._octets.response()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._octets.__exit__(*error)


class H2Download:
    """The same over HTTP/2: the stream's window is small until the end."""

    def __init__(self, address, authority, target, seconds):
        self._client = H2Connection(address, authority, seconds, window=65535, automatic=False)
        self._stream = self._client.request(target)
        self._response = self._client.responses[self._stream]
        self._client.until(lambda: self._response.content)
        assert self._response.status == 200

    def finish(self) -> tuple[bytes, bool]:
        self._client.grant(1 << 30, self._stream)
        self._client.grant(1 << 30)
        self._client.until(lambda: self._response.ended)
        return bytes(self._response.content), self._response.ended and self._response.reset is None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._client.__exit__(*error)


@dataclasses.dataclass(frozen=True)
class Version:
    """`name` is one of NAMES. `home` is where `sluice serve --tls` keeps its authority, `certificate` is what a
    configuration shows."""

    name: str
    home: pathlib.Path
    certificate: Certificate

    @property
    def secure(self) -> bool:
        return self.name.endswith("-tls")

    @property
    def is_h2(self) -> bool:
        return self.name.startswith("h2")

    @property
    def protocol(self) -> str:
        """As a log calls it."""
        return "HTTP/2.0" if self.is_h2 else "HTTP/1.1"

    # --- Servers ---

    def serving(self, directory, *options, **more) -> "VersionedServer":
        """`sluice serve`."""
        options = ("--tls", *options) if self.secure else options
        more["env"] = {"XDG_DATA_HOME": str(self.home), **more.get("env", {})}
        return VersionedServer(self, self.home / "sluice/tls/ca.pem", directory, *options, **more)

    def running(self, config, *options, **more) -> "VersionedServer":
        """`sluice run`; the configuration has listener() in it."""
        return VersionedServer(self, self.certificate.authority, *options, config=config, **more)

    def listener(self, *lines, address="127.0.0.1:0") -> str:
        """[[listener]] and what it needs; keys of the top level and other tables go before it."""
        table = "\n".join(["[[listener]]", f'address = "{address}"', *(["tls = true"] if self.secure else []), *lines, ""])
        return (certificate_table(self.certificate) if self.secure else "") + table

    def adapted(self, text) -> str:
        """A configuration that was written for clear text."""
        if not self.secure:
            return text
        return re.sub(r"(?m)^address = .*$", r"\g<0>\ntls = true", text) + "\n" + certificate_table(self.certificate)


class VersionedServer(SluiceServer):
    """A server that is asked in one version. `authority` is the certificate to trust, None in clear text."""

    def __init__(self, version, authority, *arguments, **options):
        super().__init__(*arguments, **options)
        self.version = version
        self.authority = authority if version.secure else None

    @property
    def url(self):
        return super().url.replace("http:", "https:") if self.version.secure else super().url

    def get(self, target="/", *fields, address=None, method="GET", seconds=20.0, host="localhost"):
        """One request on a connection of its own; the response, or None when the server only closed."""
        if self.version.is_h2:
            return h2_connection.get(address or self.address, target, *fields, method=method, seconds=seconds,
                                     authority=self.authority, host=host)
        with self.session(address, seconds) as session:
            return session.fetch(target, *fields, method=method, host=host)

    def session(self, address=None, seconds=20.0):
        """A kept connection with fetch()."""
        address = address or self.address
        if self.version.is_h2:
            return H2Connection(address, self.authority, seconds)
        if self.version.secure:
            return H1Session(TlsConnection(address, self.authority, seconds=seconds))
        return H1Session(RawConnection(address, seconds))

    def slow_download(self, target, seconds=30.0):
        if self.version.is_h2:
            return H2Download(self.address, self.authority, target, seconds)
        if self.version.secure:
            context = client_context(self.authority)
            return H1Download(TlsConnection(self.address, context=context, seconds=seconds, receive_buffer=4096), target)
        return H1Download(ClearConnection(self.address, seconds, receive_buffer=4096), target)

    @property
    def curl_options(self) -> list:
        spoken = {"h1": "--http1.1", "h1-tls": "--http1.1", "h2": "--http2-prior-knowledge", "h2-tls": "--http2"}
        return [spoken[self.version.name], *(["--cacert", str(self.authority)] if self.authority else [])]

    def curl(self, *arguments, **options):
        return clients.curl(*self.curl_options, *arguments, **options)

    @property
    def wget_options(self) -> list:
        """wget speaks HTTP/1.1 alone."""
        return ["--ca-certificate", str(self.authority)] if self.authority else []
