"""A real site that nobody here wrote: Debian's python3-doc, every file octet for octet, with its type and length.

Some of its scripts are symbolic links into other packages, out of the tree: so it is served with --follow-symlinks,
and without that option exactly these are not found.
"""

import http.client
import pathlib
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from clients import get
from sluice_server import SluiceServer

ROOT = pathlib.Path("/usr/share/doc/python3-doc/html")
TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8", ".png": "image/png", ".svg": ("image/svg+xml", "image/svg+xml; charset=utf-8"), ".gz": "application/gzip",
    ".json": "application/json", ".xml": ("application/xml", "text/xml; charset=utf-8", "application/xml; charset=utf-8"),
    ".py": ("text/x-python; charset=utf-8", "text/plain; charset=utf-8"), ".inv": "application/octet-stream",
}

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="needs Debian's python3-doc")


def files():
    return sorted(path for path in ROOT.resolve().rglob("*") if path.is_file() and not path.name.startswith("."))


def leads_out(path) -> bool:
    return not path.resolve().is_relative_to(ROOT.resolve())


def target_of(path) -> str:
    return "/" + urllib.parse.quote(str(path.relative_to(ROOT.resolve())))


@pytest.fixture(scope="module")
def server():
    with SluiceServer(ROOT, "--follow-symlinks") as running:
        yield running


def compare(server, paths):
    """Fetches all of `paths` over one kept connection; returns what was wrong."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.connect()
    first_socket, wrong = connection.sock, []
    for path in paths:
        connection.request("GET", target_of(path))
        response = connection.getresponse()
        body, expected = response.read(), path.read_bytes()
        types = TYPES.get(path.suffix, "?")
        if (response.status != 200 or body != expected or response.headers["Content-Length"] != str(len(expected))
                or response.headers["Content-Type"] not in ([types] if isinstance(types, str) else types)):
            wrong.append((target_of(path), response.status, len(body), response.headers["Content-Type"]))
        if connection.sock is not first_socket:
            wrong.append((target_of(path), "the connection was not kept"))
            break
    connection.close()
    return wrong


def test_every_file_over_kept_connections(server):
    paths = files()
    assert len(paths) > 1000
    shares = [paths[number::4] for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        wrong = [one for share in pool.map(lambda share: compare(server, share), shares) for one in share]
    assert wrong == []


def test_every_file_again_now_held_in_memory(server):
    small = [path for path in files() if path.stat().st_size <= 32 * 1024]
    assert compare(server, small) == []
    assert compare(server, small) == []


def test_every_folder_has_its_page_or_listing(server):
    folders = [path for path in ROOT.resolve().rglob("*") if path.is_dir()]
    assert folders
    for folder in folders:
        bare = get(server.address, target_of(folder))
        assert (bare.status, bare.get("location")) == (301, target_of(folder) + "/")
        page = get(server.address, target_of(folder) + "/")
        assert page.status == 200
        index = folder / "index.html"
        assert page.body == index.read_bytes() if index.is_file() else b"</html>" in page.body or b"<" in page.body


def test_links_out_of_the_tree_are_not_found_by_default():
    out = [path for path in files() if leads_out(path)]
    assert out, "python3-doc has links into libjs packages"
    with SluiceServer(ROOT) as server:
        assert {get(server.address, target_of(path)).status for path in out} == {404}
        inside = [path for path in files() if not leads_out(path)][:20]
        assert {get(server.address, target_of(path)).status for path in inside} == {200}


def test_dot_files_are_not_found(server):
    assert (ROOT / ".buildinfo").is_file()
    assert get(server.address, "/.buildinfo").status == 404
