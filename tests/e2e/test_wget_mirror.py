"""wget mirrors a site that nobody here wrote, again and again: what did not change is not transferred again.

wget asks in two ways, both are tried. With If-Modified-Since it takes a 304 for the end of that branch: it does not
look into the page it has, so a second `wget --mirror` is one request. Therefore all that the first run brought is asked
for once more from a list. With --no-if-modified-since it sends HEAD first, compares Last-Modified and length, and walks
the whole site from the pages it has.

Every day this is the tutorial of Debian's python3-doc; all of the documentation is a long test.
"""

import os
import pathlib
import shutil
import subprocess
import time
import urllib.parse
from collections import Counter

import pytest
from served_log import ServedLog
from sluice_server import SluiceServer

DOCUMENTATION = pathlib.Path("/usr/share/doc/python3-doc/html")
TUTORIAL = ["tutorial", "_static", "_images"]
NETWORK_OR_MISSING_PAGE = 8  # wget's exit code when a server answered with an error, as for a dead link

pytestmark = [
    pytest.mark.skipif(not DOCUMENTATION.is_dir(), reason="needs Debian's python3-doc (./dev test installs it)"),
    pytest.mark.skipif(not shutil.which("wget"), reason="needs wget (./dev test installs it)"),
]


def configuration(folder: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    # Some scripts of the documentation are links into other packages.
    path = folder / "mirror.toml"
    path.write_text(f'workers = 1\n[log]\nformat = "json"\n[[listener]]\naddress = "127.0.0.1:0"\n'
                    f'[[site]]\nroot = "{root}"\nfollow_symlinks = true\n')
    return path


class Mirror:
    """A folder that wget fills from a server; each run returns what the server's log says of it."""

    def __init__(self, server, folder: pathlib.Path):
        self._server = server
        self._log = ServedLog(server)
        self._folder = folder
        self.folder = folder / "mirror"

    def run(self, *arguments, seconds=240) -> list[dict]:
        command = ["wget", "--no-verbose", "--no-host-directories", f"--directory-prefix={self.folder}", "--tries=1",
                   "--timeout=60", "--no-hsts", "--execute=robots=off", *arguments]
        done = subprocess.run(command, cwd=self._folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds)
        assert done.returncode in (0, NETWORK_OR_MISSING_PAGE), done.stderr
        return self._log.take()

    def url(self, target) -> str:
        return self._server.url + target

    def file_of(self, target) -> pathlib.Path:
        """Where wget keeps what it got for this target: the query, if any, is part of the name."""
        path = self.folder / urllib.parse.unquote(target).lstrip("/")
        return path / "index.html" if target.endswith("/") else path

    def files(self) -> list[pathlib.Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def state(self):
        return {path: (path.read_bytes(), path.stat().st_mtime) for path in self.files()}

    def from_list(self, targets) -> list[dict]:
        """Asks for each of `targets` with the time of the copy that is there."""
        listing = self._folder / "targets"
        listing.write_text("".join(self.url(target) + "\n" for target in targets))
        return self.run("--timestamping", "--force-directories", f"--input-file={listing}")


def fetched(lines) -> list[str]:
    return [line["target"] for line in lines if line["status"] == 200 and line["method"] == "GET"]


def statuses(lines) -> Counter:
    return Counter((line["method"], line["status"]) for line in lines)


def octets(lines) -> int:
    """Octets of content that were sent, without those that say that there is no such page."""
    return sum(line["octets"] for line in lines if line["status"] != 404)


def check_copies(mirror: Mirror, targets, root: pathlib.Path):
    """Every file of the mirror is one of the site's, byte for byte, and as old."""
    assert sorted({mirror.file_of(target) for target in targets}) == mirror.files()
    for target in targets:
        original = root / mirror.file_of(target).relative_to(mirror.folder).as_posix().partition("?")[0]
        copy = mirror.file_of(target)
        assert copy.read_bytes() == original.read_bytes(), target
        assert int(copy.stat().st_mtime) == int(original.stat().st_mtime), target


def check_mirror(mirror: Mirror, root: pathlib.Path, start: str, *limits) -> list[str]:
    """Mirrors, and mirrors again in each of wget's ways; returns the targets that were fetched."""
    first = mirror.run("--mirror", *limits, mirror.url(start))
    targets = fetched(first)
    assert octets(first) == sum(path.stat().st_size for path in mirror.files())
    check_copies(mirror, targets, root)
    before = mirror.state()

    again = mirror.run("--mirror", *limits, mirror.url(start))
    assert statuses(again) == {("GET", 304): 1} and octets(again) == 0

    listed = mirror.from_list(targets)
    assert [line["target"] for line in listed] == targets
    assert statuses(listed) == {("GET", 304): len(targets)} and octets(listed) == 0

    walked = mirror.run("--mirror", "--no-if-modified-since", *limits, mirror.url(start))
    assert fetched(walked) == [] and octets(walked) == 0
    assert set(targets) <= {line["target"] for line in walked if (line["method"], line["status"]) == ("HEAD", 200)}
    # What is left are dead links of the documentation, which were dead before.
    dead = {line["target"] for line in first if line["status"] == 404}
    assert {line["target"] for line in walked if line["status"] != 200} <= dead

    assert mirror.state() == before
    return targets


@pytest.fixture
def tutorial(tmp_path) -> pathlib.Path:
    """A copy that a test may change."""
    root = tmp_path / "html"
    for name in TUTORIAL:
        shutil.copytree(DOCUMENTATION / name, root / name)
    return root


def test_a_second_mirror_of_the_tutorial_transfers_nothing_but_what_changed(tutorial, tmp_path):
    with SluiceServer(config=configuration(tmp_path, tutorial)) as server:
        mirror = Mirror(server, tmp_path)
        targets = check_mirror(mirror, tutorial, "/tutorial/")
        assert len(targets) > 20

        page = tutorial / "tutorial" / "classes.html"
        page.write_bytes(page.read_bytes().replace(b"<title>", b"<title>New: "))
        os.utime(page, (time.time(), time.time()))
        changed = mirror.from_list(targets)
        assert fetched(changed) == ["/tutorial/classes.html"] and octets(changed) == page.stat().st_size
        assert statuses(changed) == {("GET", 304): len(targets) - 1, ("GET", 200): 1}
        check_copies(mirror, targets, tutorial)


@pytest.mark.long
def test_a_second_mirror_of_the_documentation_transfers_nothing(tmp_path):
    with SluiceServer(config=configuration(tmp_path, DOCUMENTATION)) as server:
        targets = check_mirror(Mirror(server, tmp_path), DOCUMENTATION, "/")
        assert len(targets) > 500
