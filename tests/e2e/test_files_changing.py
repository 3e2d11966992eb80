"""Files that change while they are served: a response is whole and of one version, or visibly cut.

Bodies here tell which version they are at every place, so that a mixture is seen.
"""

import os
import shutil
import threading
import time

import pytest
from clients import SANITIZED
from sluice_server import wait_until

SEEN_WITHIN = 60 if SANITIZED else 6  # seconds; the promise is about 2


def write_version(path, version: int, words: int):
    """Replaces the file by rename with one of `words` 8-octet words that all name the version."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(b"%07d\n" % version * words)
    os.replace(beside, path)


def version_of(body: bytes, words: int) -> int:
    """The version that a body is, whole; raises AssertionError when it is not."""
    assert len(body) == 8 * words, f"{len(body)} octets instead of {8 * words}"
    assert body == body[:8] * words, "a mixture of versions"
    return int(body[:8])


# Both ways to read a file, from the loop (sendfile) and for a copy, every day.
each_way = pytest.mark.parametrize("version", ["h1", "h2-tls", *(pytest.param(name, marks=pytest.mark.long)
                                                                for name in ("h1-tls", "h2"))], indirect=True)


@each_way
def test_truncated_while_sent(version, site, large_file):
    whole = large_file.read_bytes()
    with version.serving(site) as server, server.slow_download("/large.bin") as download:
        os.truncate(large_file, 1024 * 1024)
        body, looks_whole = download.finish()
        assert len(body) < len(whole) and not looks_whole, "looks whole and is not"
        differs = next((at for at, (one, other) in enumerate(zip(whole, body)) if one != other), len(body))
        assert differs == len(body), f"octet {differs} of {len(body)} is another: {body[differs:differs + 16]!r}"
        assert server.get("/1k.bin").status == 200


@each_way
def test_replaced_while_sent(version, site, large_file):
    whole = large_file.read_bytes()
    with version.serving(site) as server, server.slow_download("/large.bin") as download:
        write_version(large_file, 2, len(whole) // 8)
        assert download.finish() == (whole, True)
        wait_until(lambda: server.get("/large.bin").body[:8] == b"0000002\n", SEEN_WITHIN, "the new file")


@each_way
def test_removed_while_sent(version, site, large_file):
    whole = large_file.read_bytes()
    with version.serving(site) as server, server.slow_download("/large.bin") as download:
        large_file.unlink()
        assert download.finish() == (whole, True)
        wait_until(lambda: server.get("/large.bin").status == 404, SEEN_WITHIN, "404 for the removed file")


@each_way
def test_written_over_while_sent(version, site, large_file):
    """In place nobody can give the old body. What follows must be the new one, whole."""
    size = large_file.stat().st_size
    with version.serving(site) as server, server.slow_download("/large.bin") as download:
        with open(large_file, "r+b") as file:
            file.write(b"0000003\n" * (size // 8))
        assert len(download.finish()[0]) <= size
        wait_until(lambda: server.get("/large.bin").body == b"0000003\n" * (size // 8), SEEN_WITHIN,
                   "the new content")


@pytest.mark.parametrize("name", ["1k.bin", "200k.bin"])
def test_changes_are_seen(version, site, name):
    """Grown, shrunk, replaced by rename, removed, made again: each within about two seconds, held or not."""
    path = site / name
    with version.serving(site, "--workers", "2") as server:
        def shows(what):
            wait_until(lambda: server.get("/" + name).body == what, SEEN_WITHIN, f"{len(what)} octets")

        shows(path.read_bytes())
        for content in (b"longer " * 40_000, b"short", b"again"):
            path.write_bytes(content)
            shows(content)
        write_version(path, 4, 16)
        shows(b"0000004\n" * 16)
        path.unlink()
        wait_until(lambda: server.get("/" + name).status == 404, SEEN_WITHIN, "404")
        path.write_bytes(b"back")
        shows(b"back")


def test_a_root_that_is_removed_and_built_again(version, site):
    with version.serving(site, "--workers", "2") as server:
        assert server.get().status == 200
        shutil.rmtree(site)
        wait_until(lambda: server.get().status >= 400, SEEN_WITHIN, "an error without a root")
        site.mkdir()
        (site / "index.html").write_text("built again")
        wait_until(lambda: server.get().body == b"built again", SEEN_WITHIN, "the new root")


def test_a_root_that_is_a_link_to_releases(version, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    link, beside = tmp_path / "current", tmp_path / "next"
    link.symlink_to("one")
    with version.serving(link, "--workers", "2") as server:
        assert server.get().body == b"one"
        for name in ("two", "one"):
            beside.symlink_to(name)
            os.replace(beside, link)
            wait_until(lambda: server.get().body == name.encode(), SEEN_WITHIN, f"release {name}")


class Reader(threading.Thread):
    """A client that asks for one target again and again on one connection, and keeps what it saw."""

    def __init__(self, server, target, words, stop):
        super().__init__()
        self.server, self.target, self.words, self.stop = server, target, words, stop
        self.versions, self.error = [], None

    def run(self):
        try:
            with self.server.session(seconds=240) as session:
                while not self.stop.is_set():
                    response = session.fetch(self.target)
                    assert response is not None and response.status == 200, response and response.status
                    self.versions.append(version_of(response.body, self.words))
        except BaseException as error:  # told to the test, which asserts
            self.error = error


@pytest.mark.parametrize("words", [2_000, 30_000], ids=["held", "sendfile"])
def test_rewrites_of_equal_size_under_load(version, site, words, long_run):
    """A thousand in a long run, two hundred every day."""
    rewrites = 1000 if long_run else 200
    path = site / "version.txt"
    write_version(path, 0, words)
    stop = threading.Event()
    with version.serving(site, "--workers", "2") as server:
        readers = [Reader(server, "/version.txt", words, stop) for _ in range(4)]
        for reader in readers:
            reader.start()
        for version in range(1, rewrites + 1):
            write_version(path, version, words)
            time.sleep(0.002)
        wait_until(lambda: version_of(server.get("/version.txt").body, words) == rewrites, SEEN_WITHIN, "the last")
        stop.set()
        for reader in readers:
            reader.join()
    assert [reader.error for reader in readers] == [None] * 4
    seen = set().union(*(reader.versions for reader in readers))
    assert len(seen) > 1 and seen <= set(range(rewrites + 1))
    # What one client sees never goes back: it would read an old version after a new one.
    assert all(reader.versions == sorted(reader.versions) for reader in readers)
