"""What the end-to-end tests share: a small site, and a server for it where a test needs no other."""

import pathlib
import random

import pytest
from certificates import Authority
from sluice_server import SluiceServer
from versions import NAMES, Version

LARGE = 16 * 1024 * 1024  # more than the socket buffers of a connection hold whose client set its own to be small


def make_site(root: pathlib.Path) -> pathlib.Path:
    (root / "index.html").write_text("<!doctype html><title>Site</title><p>Hello.\n")
    (root / "page.html").write_text("<!doctype html><p>gr\u00fc\u00df dich\n")
    (root / "style.css").write_text("p { color: green }\n")
    (root / "folder").mkdir()
    (root / "folder" / "one.txt").write_text("one\n")
    (root / "folder" / "two <&>.txt").write_text("two\n")
    (root / "folder" / "deeper").mkdir()
    (root / "1k.bin").write_bytes(random.Random(1).randbytes(1024))
    (root / "200k.bin").write_bytes(random.Random(2).randbytes(200 * 1024))
    return root


@pytest.fixture
def site(tmp_path) -> pathlib.Path:
    """A site of the test's own, which it may change."""
    root = tmp_path / "site"
    root.mkdir()
    return make_site(root)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory) -> pathlib.Path:
    """A site that no test of the module changes."""
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    """Whose certificates the clients of the module trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def all_versions(tmp_path_factory) -> dict:
    """One authority for all of them: making certificates takes time."""
    certificate = Authority(tmp_path_factory.mktemp("versions")).issue()
    home = tmp_path_factory.mktemp("home")
    return {name: Version(name, home, certificate) for name in NAMES}


@pytest.fixture(scope="module", params=NAMES)
def version(request, all_versions) -> Version:
    """The test runs once for each."""
    return all_versions[request.param]


@pytest.fixture(scope="module")
def shared_server(shared_site):
    """A server of `shared_site` with default settings, for tests that leave it as it was."""
    with SluiceServer(shared_site) as running:
        yield running


@pytest.fixture
def large_file(site) -> pathlib.Path:
    """A file of LARGE octets that look like no other part of it."""
    path = site / "large.bin"
    path.write_bytes(random.Random(3).randbytes(LARGE))
    return path
