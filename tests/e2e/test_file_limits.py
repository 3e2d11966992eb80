"""The limits of conf/limits.h that are about files, met through a real socket; test_limits.py has the others, and a list."""

import contextlib
import pathlib
import re
import time

import pytest
from clients import get
from limited_server import descriptors, serving, traced
from sluice_server import wait_until


@pytest.mark.parametrize("limit, by_sendfile", [("held_file=1KiB", False), ("held_file=1023", True)])
def test_files_up_to_a_size_are_held(site, tmp_path, limit, by_sendfile):
    with traced(site, tmp_path, "sendfile,sendto,sendmsg", limit, "file_settle=0ms") as (server, calls):
        for _ in range(2):
            assert get(server.address, "/1k.bin").body == (site / "1k.bin").read_bytes()
        assert by_sendfile == any("sendfile" in line for line in calls())


def test_so_many_files_are_kept_open(site):
    for number in range(30):
        (site / f"{number}.bin").write_bytes(b"x" * 100_000)
    with serving(site, "open_files=4", "file_settle=0ms") as server:
        before = descriptors(server)
        for number in range(30):
            assert get(server.address, f"/{number}.bin").status == 200
        wait_until(lambda: server.open_descriptors() <= before + 6, 20, "closing files")


@pytest.mark.parametrize("most", [0, 3])
def test_so_many_folders_are_watched(site, most):
    for number in range(8):
        (site / f"d{number}").mkdir()
        (site / f"d{number}" / "a.txt").write_text("a")
    with serving(site, f"watches={most}", "file_settle=0ms") as server:
        for number in range(8):
            assert get(server.address, f"/d{number}/a.txt").status == 200
        watched = 0
        for one in pathlib.Path(f"/proc/{server.pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a connection that has ended meanwhile
                watched += one.read_text().count("inotify wd:")
        assert watched <= most and (most == 0 or watched > 0)


@pytest.mark.parametrize("limit, expected", [("file_check=1h", b"old"), ("file_check=0ms", b"new")])
def test_a_held_file_is_looked_at_again_after_so_long(site, limit, expected):
    (site / "a.txt").write_text("old")
    with serving(site, limit, "watches=0", "file_settle=0ms") as server:
        assert get(server.address, "/a.txt").body == b"old"
        (site / "b.txt").write_text("new")
        (site / "b.txt").rename(site / "a.txt")
        bodies = {get(server.address, "/a.txt").body for _ in range(3)}
        # Each worker holds what it has seen.
        assert expected in bodies if expected == b"old" else bodies == {b"new"}


def test_a_listing_names_so_many_entries(site):
    for number in range(9):
        (site / "folder" / "deeper" / f"{number}.txt").write_text("x")
    with serving(site, "listing_entries=4") as server:
        body = get(server.address, "/folder/deeper/").body.decode()
        assert len(set(re.findall(r"\d\.txt", body))) == 4
        assert "Only those that were read first are shown" in body


@pytest.mark.parametrize("limit, ranges, status", [
    ("ranges=2", "0-1,10-11", 206), ("ranges=2", "0-1,10-11,20-21", 200),
    ("overlapping_ranges=2", "0-9,5-14", 206), ("overlapping_ranges=0", "0-9,5-14", 200)])
def test_so_many_ranges(site, limit, ranges, status):
    with serving(site, limit, "file_settle=0ms") as server:
        assert get(server.address, "/1k.bin", "Range: bytes=" + ranges).status == status


def test_up_to_a_size_the_first_answer_has_a_tag(site):
    limits = ("etag_wait=1KiB", "etag_hash_max=100KiB", "file_settle=0ms", "held_file=0")  # held ones are read anyway
    with serving(site, *limits) as server:
        (site / "10k.bin").write_bytes(b"x" * 10_000)
        assert get(server.address, "/1k.bin").get("etag")
        assert not get(server.address, "/10k.bin").get("etag"), "a helper hashes it"
        wait_until(lambda: get(server.address, "/10k.bin").get("etag"), 20, "its hash")
        for _ in range(10):
            assert not get(server.address, "/200k.bin").get("etag")
            time.sleep(0.02)
