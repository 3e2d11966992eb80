"""The site, and the servers that the catalogue is run against: as it comes and with short deadlines, each in clear text
and over TLS.
"""

import contextlib
import dataclasses
import functools

import pytest
from catalogue.case import SITE
from certificates import Authority
from judge import HEAD_TIMEOUT, judge
from raw_connection import RawConnection
from raw_tls_connection import RawTlsConnection
from sluice_server import SluiceServer
from tls_clients import client_context, site_table, tls_server

SHORT = [f"{name}={int(HEAD_TIMEOUT * 1000)}ms" for name in ("head_timeout", "drain_timeout")]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    for name, content in SITE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).issue()


@dataclasses.dataclass(frozen=True)
class Door:
    """A way in: the servers behind it, and how to speak to them."""

    server: SluiceServer
    impatient: SluiceServer
    connect: object

    def judge(self, case, every_offset=False):
        judge(case, self.server.address, every_offset, self.connect)

    def judge_impatient(self, case):
        judge(case, self.impatient.address, connect=self.connect)


@pytest.fixture(scope="session")
def clear(site):
    options = [part for limit in SHORT for part in ("--limit", limit)]
    with SluiceServer(site) as server, SluiceServer(site, *options) as impatient:
        yield Door(server, impatient, RawConnection)


@pytest.fixture(scope="session")
def secure_servers(site, certificate, tmp_path_factory):
    """As `clear` has them, over TLS."""
    short = "\n".join("{} = \"{}\"".format(*limit.split("=")) for limit in SHORT)
    servers = []
    with contextlib.ExitStack() as stack:
        for limits in ("", "[limits]\n" + short):
            folder = tmp_path_factory.mktemp("configuration")
            server = tls_server(folder, [certificate], site_table(site, "listing = true"), limits, workers=2)
            servers.append(stack.enter_context(server))
        yield tuple(servers)


@pytest.fixture(scope="session", params=["clear", "tls", pytest.param("tls-1.2", marks=pytest.mark.long)])
def door(request):
    """Clear text, TLS 1.3, and on long days 1.2."""
    if request.param == "clear":
        return request.getfixturevalue("clear")
    servers = request.getfixturevalue("secure_servers")
    version = "1.2" if request.param == "tls-1.2" else "1.3"
    context = client_context(request.getfixturevalue("certificate").authority, version)
    return Door(*servers, functools.partial(RawTlsConnection, context=context))
