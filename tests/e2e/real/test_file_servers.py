"""Servers of files behind Sluice, below a prefix: pages, redirects, ranges, validators, each as the server meant it.

The problem: an application below a prefix does not know of it, and what it says of its own paths leads nowhere unless
the proxy says it in the client's words. The same files lie at the root and below app/ of what is served, so "/app/..."
must be the same whether the prefix is taken away or not.
"""

import hashlib
import random
import urllib.parse

import pytest
from clients import open_folder
from file_servers import MAKERS, make

KEEPS_ETAGS = ("nginx", "h2o")
RANGES = ("nginx", "h2o")
LARGE = random.Random(9).randbytes(3 * 1024 * 1024 + 17)
FILES = {"index.html": b"<!doctype html><p>Start\n", "folder/index.html": b"<!doctype html><p>Folder\n",
         "folder/page.html": b"<!doctype html><p>Page\n", "style.css": b"p { color: green }\n", "large.bin": LARGE,
         "empty.txt": b"", "sp ace.txt": b"space\n"}


@pytest.fixture(scope="module")
def files():
    """For the users that nginx and h2o change into."""
    with open_folder() as folder:
        for below in (folder, folder / "app"):
            for name, content in FILES.items():
                path = below / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        yield folder


@pytest.fixture(scope="module", params=MAKERS)
def file_server(request, files, all_versions):
    with open_folder() as temp:
        server = make(request.param, files, temp, all_versions["h1-tls"].certificate)
        with server.program:
            yield server


@pytest.fixture(params=["stripped", "whole"])
def server(request, proxying, file_server):
    """Below /app; the rest is another's."""
    keys = ['strip = "/app"'] if request.param == "stripped" else []
    route = 'prefix = "/app"\n' + file_server.proxy('host = "upstream"', *keys)
    with proxying(routes=[route, 'prefix = "/"\nrespond = { status = 418 }']) as running:
        yield running


@pytest.mark.parametrize("name", FILES)
def test_files_are_whole(server, name):
    response = server.get("/app/" + name.replace(" ", "%20"))
    assert response.status == 200 and response.body == FILES[name]
    assert response.get("content-length") in (str(len(FILES[name])), None)


def test_what_is_not_there(server):
    assert server.get("/app/missing").status == 404
    assert server.get("/other").status == 418 and server.get("/application").status == 418


def test_a_folder_without_its_slash(server):
    """Whatever way the server writes its Location, it leads the client to the folder, through Sluice."""
    here = server.url.replace("127.0.0.1", "localhost")
    response = server.get("/app/folder", host=here.partition("//")[2])
    assert response.status in (301, 302, 307, 308)
    assert urllib.parse.urljoin(f"{here}/app/folder", response.get("location")) == f"{here}/app/folder/"
    assert server.get("/app/folder/").body == FILES["folder/index.html"]


@pytest.mark.parametrize("name", ["large.bin", "index.html", "empty.txt"])
def test_head(server, name):
    with server.session() as session:
        response = session.fetch(f"/app/{name}", method="HEAD")
        assert (response.status, response.body) == (200, b"")
        assert response.get("content-length") in (str(len(FILES[name])), None)
        assert session.fetch("/app/style.css").body == FILES["style.css"]


def test_ranges(server, file_server):
    response = server.get("/app/large.bin", "Range: bytes=1000-1999")
    if file_server.name not in RANGES:  # a server may ignore the field (RFC 9110 section 14.2)
        assert (response.status, response.body) == (200, LARGE)
        return
    assert (response.status, response.body) == (206, LARGE[1000:2000])
    assert response.get("content-range") == f"bytes 1000-1999/{len(LARGE)}"
    response = server.get("/app/large.bin", "Range: bytes=-10")
    assert (response.status, response.body) == (206, LARGE[-10:])
    response = server.get("/app/large.bin", f"Range: bytes={len(LARGE)}-")
    assert response.status == 416 and response.get("content-range") == f"bytes */{len(LARGE)}"
    response = server.get("/app/large.bin", "Range: bytes=0-1,100-103")
    assert response.status == 206 and response.get("content-type").startswith("multipart/byteranges")
    assert LARGE[:2] in response.body and LARGE[100:104] in response.body


def test_validators(server, file_server):
    response = server.get("/app/style.css")
    modified, etag = response.get("last-modified"), response.get("etag")
    assert modified
    assert server.get("/app/style.css", f"If-Modified-Since: {modified}").status == 304
    if file_server.name in KEEPS_ETAGS:
        same = server.get("/app/style.css", f"If-None-Match: {etag}")
        assert (same.status, same.body, same.get("etag")) == (304, b"", etag)


def test_a_download_by_curl(server, tmp_path):
    target = tmp_path / "got"
    done = server.curl("--output", target, "--write-out", "%{http_code}", "--resolve", f"localhost:{server.port}:127.0.0.1",
                       server.url.replace("127.0.0.1", "localhost") + "/app/large.bin")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"200", b"")
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(LARGE).digest()


def test_one_after_the_other(server):
    """On one connection of the client's, whatever the server does with its own."""
    with server.session() as session:
        for _ in range(10):
            for name in ("style.css", "empty.txt", "folder/page.html"):
                assert session.fetch(f"/app/{name}").body == FILES[name]
