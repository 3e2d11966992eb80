"""A real site that nobody here wrote: Debian's python3-doc, every file octet for octet, with its type and length.

Some of its scripts are symbolic links into other packages, out of the tree: so it is served with --follow-symlinks,
and without that option exactly these are not found.
"""

import pathlib
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

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
def server(version):
    with version.serving(ROOT, "--follow-symlinks") as running:
        yield running


def compare(server, paths):
    """Fetches all of `paths` over one kept connection; returns what was wrong."""
    wrong = []
    with server.session(seconds=60) as session:
        for path in paths:
            response, expected = session.fetch(target_of(path)), path.read_bytes()
            types = TYPES.get(path.suffix, "?")
            if (response.status != 200 or response.body != expected or response.get("content-length") != str(len(expected))
                    or response.get("content-type") not in ([types] if isinstance(types, str) else types)):
                wrong.append((target_of(path), response.status, len(response.body), response.get("content-type")))
            if session.ended:
                wrong.append((target_of(path), "the connection was not kept"))
                break
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
        bare = server.get(target_of(folder))
        assert (bare.status, bare.get("location")) == (301, target_of(folder) + "/")
        page = server.get(target_of(folder) + "/")
        assert page.status == 200
        index = folder / "index.html"
        assert page.body == index.read_bytes() if index.is_file() else b"</html>" in page.body or b"<" in page.body


def test_links_out_of_the_tree_are_not_found_by_default(version):
    out = [path for path in files() if leads_out(path)]
    assert out, "python3-doc has links into libjs packages"
    with version.serving(ROOT) as server:
        assert {server.get(target_of(path)).status for path in out} == {404}
        inside = [path for path in files() if not leads_out(path)][:20]
        assert {server.get(target_of(path)).status for path in inside} == {200}


def test_dot_files_are_not_found(server):
    assert (ROOT / ".buildinfo").is_file()
    assert server.get("/.buildinfo").status == 404
