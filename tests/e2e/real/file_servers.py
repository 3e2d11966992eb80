"""Servers of files, each as its makers meant it to be started: what a site in front of which Sluice is put may run on.

The problem: they differ in what a proxy must take as it comes: http.server speaks HTTP/1.0 and closes, nginx and h2o
write whole URLs into Location, nghttpd speaks nothing but HTTP/2. `proxy` of each is the table that a configuration
needs for it; `certificate` names localhost.
"""

import dataclasses
import pathlib
import sys

from certificates import Certificate
from foreign_program import ForeignProgram
from nginx import Nginx

NGINX = """
    access_log off;
    types {{ text/html html; text/css css; text/plain txt; }}
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
"""

H2O = """
num-threads: 1
num-name-resolution-threads: 1
compress: OFF
listen:
  host: 127.0.0.1
  port: {port}
  ssl:
    certificate-file: {chain}
    key-file: {key}
hosts:
  default:
    paths:
      /:
        file.dir: {root}
"""


@dataclasses.dataclass(frozen=True)
class FileServer:
    """Who serves `root`; `temp` is a folder for what it writes."""

    name: str
    program: ForeignProgram
    scheme: str = "http"
    more: str = ""

    @property
    def authority(self) -> str:
        return f"{'localhost' if self.scheme == 'https' else '127.0.0.1'}:{self.program.port}"

    def proxy(self, *keys) -> str:
        parts = [f'to = "{self.scheme}://{self.authority}"', *keys, *([self.more] if self.more else [])]
        return f"proxy = {{ {', '.join(parts)} }}"


def _nginx(root, temp, _):
    return FileServer("nginx", Nginx(temp, lambda port: NGINX.format(root=root, port=port)))


def _python(root, temp, _):
    return FileServer("python", ForeignProgram(lambda port: [sys.executable, "-m", "http.server", "--bind", "127.0.0.1",
                                                             "--directory", root, port]))


def _h2o(root, temp, certificate):
    """HTTP/2, which ALPN agrees on."""
    def command(port):
        path = temp / "h2o.conf"
        path.write_text(H2O.format(root=root, port=port, chain=certificate.chain, key=certificate.key))
        return ["/usr/bin/h2o", "-c", path]
    return FileServer("h2o", ForeignProgram(command), "https", f'tls = {{ authorities = "{certificate.authority}" }}')


def _nghttpd(root, temp, _):
    return FileServer("nghttpd", ForeignProgram(lambda port: ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", root, port]),
                      more='http2 = "always"')


def _nghttpd_tls(root, temp, certificate):
    return FileServer("nghttpd-tls", ForeignProgram(lambda port: ["nghttpd", "-a", "127.0.0.1", "-d", root, port,
                                                                  certificate.key, certificate.chain]),
                      "https", f'tls = {{ authorities = "{certificate.authority}" }}')


MAKERS = {"nginx": _nginx, "python": _python, "h2o": _h2o, "nghttpd": _nghttpd, "nghttpd-tls": _nghttpd_tls}


def make(name, root: pathlib.Path, temp: pathlib.Path, certificate: Certificate) -> FileServer:
    """Not started: its program is a context manager."""
    return MAKERS[name](root, temp, certificate)
