"""Validators, conditions and ranges with the clients that people use: curl and wget against the real binary.

The statuses are RFC 9110's (sections 13 to 15). Files are older than file_settle when they are asked for: before, a
file may change without its times telling, and one that is sent from its descriptor has no tag.
"""

import email
import email.policy
import email.utils
import json
import os
import pathlib
import random
import re
import subprocess
import time

import pytest
from sluice_server import wait_until

MIDDLE = 300 * 1024  # sent by sendfile; hashed before its first answer
LARGE = 9 * 1024 * 1024  # over etag_wait: hashed behind the answers' backs
HUGE = 1024 * 1024 * 1024  # a hole with a few words in it
MODIFIED = 1_000_000_000  # Sun, 09 Sep 2001 01:46:40 GMT
SETTLED = 2.3  # seconds
PYTHON_DOC = pathlib.Path("/usr/share/doc/python3-doc/html")

SIZES = {"index.html": 300, "small.bin": 1024, "middle.bin": MIDDLE, "assets/app-3f9a2c71.js": 2000, "large.bin": LARGE}
over_h1 = pytest.mark.parametrize("version", ["h1", "h1-tls"], indirect=True)  # wget speaks no HTTP/2


def make_files(root):
    (root / "assets").mkdir()
    for name, size in SIZES.items():
        (root / name).write_bytes(random.Random(name).randbytes(size))
    with open(root / "huge.bin", "wb") as file:
        for word in (0, HUGE // 2, HUGE - 8):
            file.seek(word)
            file.write(b"%08d" % (word % 10 ** 8))
    for path in root.rglob("*.*"):
        os.utime(path, (MODIFIED, MODIFIED))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validators")
    make_files(folder)
    time.sleep(SETTLED)
    return folder


@pytest.fixture(scope="module")
def server(version, root):
    with version.serving(root) as running:
        yield running


class Got:
    """What curl received: the last head and the body."""

    def __init__(self, server, target, *arguments):
        done = server.curl("--include", *arguments, server.url + target)
        assert done.returncode == 0, done.stderr
        head, _, self.body = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}


def tag_of(server, target):
    return Got(server, target).fields["etag"]


# --- Entity tags ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["index.html", "small.bin", "middle.bin"])
def test_the_first_answer_has_a_strong_tag(version, root, server, name):
    with version.serving(root) as fresh:
        first = Got(fresh, "/" + name)
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.fields["etag"])
    assert first.body == (root / name).read_bytes()
    assert first.fields["etag"] == tag_of(server, "/" + name), "the same on every server"


def test_replicas_agree_whatever_their_times_are(version, root, server, tmp_path):
    make_files(tmp_path)
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (MODIFIED + 5, MODIFIED + 5))
    time.sleep(SETTLED)
    with version.serving(tmp_path) as replica:
        for name in ("index.html", "small.bin", "middle.bin"):
            assert tag_of(replica, "/" + name) == tag_of(server, "/" + name)


def test_a_large_file_gets_its_tag_later(version, root):
    with version.serving(root) as fresh:
        assert "etag" not in Got(fresh, "/large.bin", "--head").fields
        first = Got(fresh, "/large.bin")
        assert "etag" not in first.fields and first.body == (root / "large.bin").read_bytes()
        wait_until(lambda: "etag" in Got(fresh, "/large.bin", "--range", "0-0").fields, 30, "a tag")
        tag = tag_of(fresh, "/large.bin")
        assert Got(fresh, "/large.bin", "-H", f"If-None-Match: {tag}").status == 304


def test_head_reads_nothing(version, root):
    with version.serving(root) as fresh:
        for _ in range(3):
            assert "etag" not in Got(fresh, "/middle.bin", "--head").fields
        assert "etag" in Got(fresh, "/middle.bin").fields
        assert "etag" in Got(fresh, "/middle.bin", "--head").fields
        assert "etag" in Got(fresh, "/small.bin", "--head").fields, "it is held, so it was read"


def test_a_rebuild_of_equal_size_and_time_is_seen(version, site):
    path = site / "page.bin"
    for size in (1000, MIDDLE):
        path.write_bytes(b"a" * size)
        os.utime(path, (MODIFIED, MODIFIED))
        with version.serving(site, "--limit", "file_settle=0ms") as server:
            before = tag_of(server, "/page.bin")
            time.sleep(0.05)  # past the resolution of ctime
            path.write_bytes(b"b" * size)
            os.utime(path, (MODIFIED, MODIFIED))
            wait_until(lambda: tag_of(server, "/page.bin") != before, 10, "another tag")
            again = Got(server, "/page.bin", "-H", f"If-None-Match: {before}")
            assert again.status == 200 and again.body == b"b" * size


def test_etag_save_and_compare(root, server, tmp_path):
    for name in ("small.bin", "middle.bin"):
        saved, body = tmp_path / "tag", tmp_path / "body"
        arguments = ["--etag-save", saved, "--etag-compare", saved, "--output", body, "--write-out", "%{http_code}"]
        saved.unlink(missing_ok=True)
        saved.touch()
        assert server.curl(*arguments, f"{server.url}/{name}").stdout == b"200"
        assert body.read_bytes() == (root / name).read_bytes()
        assert server.curl(*arguments, f"{server.url}/{name}").stdout == b"304"
        assert body.read_bytes() == (root / name).read_bytes(), "a 304 has no content that could take its place"
        saved.write_text('"another"\n')
        assert server.curl(*arguments, f"{server.url}/{name}").stdout == b"200"


# --- Times ------------------------------------------------------------------------------------------------------------

def test_time_conditions(root, server, tmp_path):
    known = tmp_path / "known"
    known.touch()
    os.utime(known, (MODIFIED, MODIFIED))
    for name in ("small.bin", "middle.bin"):
        url = f"{server.url}/{name}"
        code = ("--output", tmp_path / "body", "--write-out", "%{http_code}")
        assert server.curl("-z", known, *code, url).stdout == b"304"
        assert server.curl("-z", "Sun, 09 Sep 2001 01:46:40 GMT", *code, url).stdout == b"304"
        assert server.curl("-z", "Sun, 09 Sep 2001 01:46:39 GMT", *code, url).stdout == b"200"
        assert server.curl("-z", "-Sun, 09 Sep 2001 01:46:39 GMT", *code, url).stdout == b"412"
        # curl makes a 304 of its own of this one.
        assert server.get("/" + name, "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT").status == 200


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_time_that_says_nothing_is_left_out(version, site, seconds):
    os.utime(site / "1k.bin", (seconds, seconds))
    with version.serving(site) as server:
        got = Got(server, "/1k.bin")
        assert "last-modified" not in got.fields and "etag" in got.fields
        assert Got(server, "/1k.bin", "-z", "Sun, 09 Sep 2001 01:46:40 GMT").status == 200


@over_h1
def test_wget_transfers_only_what_is_new(root, server, tmp_path):
    command = ["wget", *server.wget_options, "--timestamping", "--no-if-modified-since", "--no-verbose", "--tries=1",
               f"{server.url}/middle.bin"]
    for options in ([], ["--if-modified-since"]):
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        mirrored = tmp_path / "middle.bin"
        assert mirrored.read_bytes() == (root / "middle.bin").read_bytes()
        assert mirrored.stat().st_mtime == MODIFIED
        before = mirrored.stat().st_ino, mirrored.stat().st_ctime_ns
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and (mirrored.stat().st_ino, mirrored.stat().st_ctime_ns) == before, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("version", ["h1"], indirect=True)  # it is about wget
@pytest.mark.skipif(not PYTHON_DOC.is_dir(), reason="needs Debian's python3-doc")
def test_a_mirror_made_twice_transfers_nothing_the_second_time(version, tmp_path):
    """A real site. wget asks with HEAD, because from a page that it is answered 304 for it follows no links."""
    runs = []
    with version.serving(PYTHON_DOC, "--follow-symlinks", "--access-log", "stdout") as server:
        command = ["wget", *server.wget_options, "--mirror", "--no-if-modified-since", "--no-verbose", "--no-parent",
                   "--tries=1"]
        for _ in range(2):
            seen = len(server.stdout().splitlines())
            # 8: some of the site's own links lead nowhere.
            done = subprocess.run([*command, f"{server.url}/index.html"], cwd=tmp_path, capture_output=True, timeout=240)
            assert done.returncode in (0, 8), done.stderr[-2000:]
            time.sleep(0.5)  # the log's writer
            lines = [json.loads(line) for line in server.stdout().splitlines()[seen:]]
            runs.append([line for line in lines if line["status"] == 200])
    first, second = runs
    assert len(first) > 400 and sum(line["octets"] for line in first) > 10_000_000
    assert {line["method"] for line in second} == {"HEAD"} and sum(line["octets"] for line in second) == 0
    assert len(second) == len({line["target"] for line in first}), "it has looked at every file"


# --- Ranges -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["small.bin", "middle.bin"])
@pytest.mark.parametrize("range_, begin, end", [
    ("0-0", 0, 1), ("10-19", 10, 20), ("1000-", 1000, None), ("-1", -1, None), ("-1000", -1000, None), ("0-", 0, None),
    ("-99999999", 0, None), ("500-99999999", 500, None)])
def test_one_range(root, server, name, range_, begin, end):
    whole = (root / name).read_bytes()
    got = Got(server, "/" + name, "--range", range_)
    part = whole[begin:end]
    first = len(whole) + begin if begin < 0 else begin
    assert got.status == 206 and got.body == part
    assert got.fields["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"
    assert int(got.fields["content-length"]) == len(part)
    assert got.fields["etag"] == tag_of(server, "/" + name)


@pytest.mark.parametrize("name", ["small.bin", "middle.bin"])
def test_several_ranges(root, server, name):
    whole = (root / name).read_bytes()
    got = Got(server, "/" + name, "--range", "0-9,200-299,-5")
    assert got.status == 206 and "content-range" not in got.fields
    assert int(got.fields["content-length"]) == len(got.body)
    # Octets are kept as they are only in an email that says "binary".
    message = email.message_from_bytes(b"Content-Type: " + got.fields["content-type"].encode() + b"\r\n\r\n" + got.body,
                                       policy=email.policy.HTTP)
    parts = list(message.iter_parts())
    assert message.get_content_type() == "multipart/byteranges" and len(parts) == 3
    size = len(whole)
    for part, (first, last) in zip(parts, [(0, 9), (200, 299), (size - 5, size - 1)]):
        assert part["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert part["Content-Type"] == "application/octet-stream"
    boundary = b"--" + message.get_boundary().encode()
    contents = [one.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for one in got.body.split(boundary)[1:-1]]
    assert contents == [whole[0:10], whole[200:300], whole[-5:]]


def test_ranges_that_touch_are_one(root, server):
    got = Got(server, "/small.bin", "--range", "0-9,10-19")
    assert got.fields["content-range"] == "bytes 0-19/1024" and got.body == (root / "small.bin").read_bytes()[:20]


@pytest.mark.parametrize("range_", ["bytes=0-,0-,0-", "bytes=" + ",".join(f"{3 * i}-{3 * i}" for i in range(9)),
                                    "lines=0-1", "bytes=5-2", "bytes=x"])
def test_ranges_that_are_ignored(root, server, range_):
    got = Got(server, "/small.bin", "-H", f"Range: {range_}")
    assert got.status == 200 and got.body == (root / "small.bin").read_bytes()


@pytest.mark.parametrize("name", ["small.bin", "middle.bin"])
def test_a_range_that_is_not_there(root, server, name):
    size = (root / name).stat().st_size
    got = Got(server, "/" + name, "--range", f"{size}-")
    assert got.status == 416 and got.fields["content-range"] == f"bytes */{size}"


def test_if_range(root, server):
    whole = (root / "middle.bin").read_bytes()
    tag = tag_of(server, "/middle.bin")
    for condition, status in [(tag, 206), ("W/" + tag, 200), ('"another"', 200), ("Sun, 09 Sep 2001 01:46:40 GMT", 206),
                              ("Sun, 09 Sep 2001 01:46:41 GMT", 200)]:
        got = Got(server, "/middle.bin", "--range", "5-9", "-H", f"If-Range: {condition}")
        assert got.status == status and got.body == (whole[5:10] if status == 206 else whole)


@pytest.mark.parametrize("name", ["small.bin", "middle.bin", "large.bin"])
def test_a_download_is_resumed(root, server, tmp_path, name):
    whole, partial = (root / name).read_bytes(), tmp_path / name
    partial.write_bytes(whole[:len(whole) // 3])
    done = server.curl("--continue-at", "-", "--output", partial, "--write-out", "%{http_code} %{size_download}", f"{server.url}/{name}")
    assert done.stdout == b"206 %d" % (len(whole) - len(whole) // 3), done.stderr
    assert partial.read_bytes() == whole


@over_h1
@pytest.mark.parametrize("name", ["small.bin", "middle.bin", "large.bin"])
def test_wget_resumes_a_download(root, server, tmp_path, name):
    whole, partial = (root / name).read_bytes(), tmp_path / name
    partial.write_bytes(whole[:10])
    command = ["wget", *server.wget_options, "--continue", "--quiet", f"{server.url}/{name}"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert partial.read_bytes() == whole


def test_a_range_of_a_huge_file_reads_no_more_than_that(version, root):
    with version.serving(root) as server:
        for word in (0, HUGE // 2, HUGE - 8):
            begin = time.monotonic()
            got = Got(server, "/huge.bin", "--range", f"{word}-{word + 7}")
            assert got.status == 206 and got.body == b"%08d" % (word % 10 ** 8)
            assert got.fields["content-range"] == f"bytes {word}-{word + 7}/{HUGE}"
            assert time.monotonic() - begin < 5
        got = Got(server, "/huge.bin", "--range", f"0-7,{HUGE // 2}-{HUGE // 2 + 7}")
        assert got.status == 206 and len(got.body) < 1000
        assert server.rss_bytes() < 300 * 1024 * 1024
    # The end did not wait for the hash that began.


# --- Freshness --------------------------------------------------------------------------------------------------------

def test_freshness(server):
    page = Got(server, "/").fields
    assert (page["cache-control"], page["expires"]) == ("no-cache", "Thu, 01 Jan 1970 00:00:00 GMT")
    asset = Got(server, "/assets/app-3f9a2c71.js").fields
    assert asset["cache-control"] == "max-age=31536000, immutable"
    parsed = [email.utils.parsedate_to_datetime(asset[name]) for name in ("date", "expires")]
    assert (parsed[1] - parsed[0]).total_seconds() == 31536000
    other = Got(server, "/small.bin").fields
    assert "cache-control" not in other and "expires" not in other


def test_a_304_is_as_fresh_as_its_200(server):
    tag = tag_of(server, "/assets/app-3f9a2c71.js")
    got = server.get("/assets/app-3f9a2c71.js", f"If-None-Match: {tag}")
    assert got.status == 304 and got.body == b""
    assert got.get("Cache-Control") == "max-age=31536000, immutable" and got.get("ETag") == tag
    assert got.get("Expires") and got.get("Content-Length") is None and got.get("Last-Modified") is None
