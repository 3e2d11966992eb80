"""memory_high and memory_critical: what the real binary gives up when memory is short, and that it recovers.

The problem: a test cannot make this machine short of memory, and must not move itself to another cgroup. So the server
starts in a mount namespace of its own, where /sys/fs/cgroup is a folder that the test writes and /proc/meminfo a file
that it writes: it reads them as it reads the kernel's. What it then does is real, and in the last test so is what it
holds. Where no such namespace can be made the tests are skipped.
"""

import contextlib
import json
import re
import socket
import subprocess
import time

import pytest
from clients import SANITIZED, get, read_to_end, request, slow_socket
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

MIB = 1 << 20
_MOUNT = 'mount --bind "$1" /sys/fs/cgroup && mount --bind "$2" /proc/meminfo && shift 2 && exec "$@"'


class Machine:
    """The memory that a server believes to have. `prefix` starts it there."""

    def __init__(self, folder):
        self._cgroup = folder / "cgroup"
        self._cgroup.mkdir()
        self._meminfo = folder / "meminfo"
        self.has(64 << 10)
        self.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNT, "sh",
                       self._cgroup, self._meminfo]

    def works(self) -> bool:
        done = subprocess.run([*map(str, self.prefix), "true"], capture_output=True)
        return done.returncode == 0

    def has(self, mebibytes):
        """Of the machine. In place: the file itself is mounted."""
        self._meminfo.write_text(f"MemTotal:       {mebibytes * 1024} kB\n")

    def uses(self, mebibytes, of):
        """Of a cgroup's limit; and page cache fills the rest, as it does."""
        cache = (of - mebibytes) * MIB
        self._replace("memory.stat", f"anon {mebibytes * MIB}\nfile {cache}\nsock 0\nshmem 0\n")
        self._replace("memory.max", f"{of * MIB}\n")

    def _replace(self, name, text):
        (self._cgroup / "new").write_text(text)
        (self._cgroup / "new").rename(self._cgroup / name)


@pytest.fixture
def machine(tmp_path):
    one = Machine(tmp_path)
    if not one.works():
        pytest.skip("no mount namespace can be made here")
    return one


def logged(server):
    return [json.loads(line) for line in server.stdout().splitlines() if line.endswith("}")]


LOG = ("--access-log", "stdout", "--log-format", "json")


def status(server):
    """What a newcomer is told; nothing when a reset took the answer away."""
    with contextlib.suppress(AssertionError, OSError):
        response = get(server.address, "/page.html")
        return response and response.status
    return None


def test_from_memory_high_on_newcomers_get_503_and_idle_ones_go(site, large_file, machine):
    machine.uses(50, of=100)
    with SluiceServer(site, *LOG, "--workers", "2", prefix=machine.prefix) as server, contextlib.ExitStack() as stack:
        assert status(server) == 200
        idle = [stack.enter_context(RawConnection(server.address, 60)) for _ in range(6)]
        for one in idle:
            one.send(request("/page.html"))
            assert one.response().status == 200
        download = stack.enter_context(slow_socket(server.address, 64 * 1024))
        download.sendall(request("/large.bin", "Connection: close"))
        first = download.recv(1000)

        machine.uses(91, of=100)
        for one in idle:
            assert one.wait_for_end() == "fin"
        wait_until(lambda: status(server) == 503, 20, "turning newcomers away")
        wait_until(lambda: "91 MiB in use of 100 MiB" in server.stderr(), 20, "saying so")
        assert "limit memory_high" in server.stderr()
        wait_until(lambda: (503, "memory_high") in [(line["status"], line.get("limit")) for line in logged(server)], 20,
                   "its line in the log")
        rest, was_reset = read_to_end(download)
        assert not was_reset and (first + rest).endswith(large_file.read_bytes()), "who is served is served on"

        machine.uses(89, of=100)
        wait_until(lambda: status(server) == 200, 20, "serving newcomers again")
        wait_until(lambda: "accepted again" in server.stderr(), 20, "saying so")
        assert len(re.findall("^sluice: memory:", server.stderr(), re.M)) == 2, "said once for each change"


def test_page_cache_is_no_shortage(site, machine):
    machine.uses(10, of=100)  # and 90 of cache
    with SluiceServer(site, prefix=machine.prefix) as server, RawConnection(server.address, 30) as idle:
        idle.send(request("/page.html"))
        assert idle.response().status == 200
        for _ in range(10):
            time.sleep(0.1)
            assert status(server) == 200
        assert not idle.ended
        assert "memory" not in server.stderr()


def test_from_memory_critical_on_the_connection_that_holds_most_goes_first(site, large_file, machine):
    """Both do not read; the one with the large receive buffer has made the kernel buffer more for it here, too."""
    machine.uses(50, of=100)
    with SluiceServer(site, *LOG, "--workers", "2", prefix=machine.prefix) as server, contextlib.ExitStack() as stack:
        small = stack.enter_context(slow_socket(server.address, 4096))
        large = stack.enter_context(socket.create_connection(server.address, 60))
        for one, name in (small, "small"), (large, "large"):
            one.sendall(request("/large.bin?" + name))
            assert one.recv(100)
        time.sleep(0.7)
        assert not logged(server), "nobody goes before it is critical"

        machine.uses(96, of=100)
        wait_until(lambda: len(logged(server)) == 2, 20, "cutting both, one after the other")
        lines = sorted(logged(server), key=lambda line: line["time"])
        assert [line["target"] for line in lines] == ["/large.bin?large", "/large.bin?small"]
        assert {(line["complete"], line["limit"]) for line in lines} == {(False, "memory_critical")}
        assert "limit memory_critical" in server.stderr()
        machine.uses(50, of=100)
        wait_until(lambda: status(server) == 200, 20, "serving newcomers again")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory is counted too")
def test_without_a_cgroup_its_own_memory_is_compared_with_the_machines(site, machine):
    """Heads that do not end take 64 KiB each, and there are more of them than the machine has room for."""
    unfinished = request("/", *["X: " + "y" * 8000] * 7)[:-2]
    machine.has(40)
    limits = [part for limit in ("head=64KiB", "large_heads=1000", "head_timeout=1h") for part in ("--limit", limit)]
    with SluiceServer(site, *LOG, *limits, prefix=machine.prefix) as server:
        assert status(server) == 200
        with contextlib.ExitStack() as stack:
            for _ in range(700):
                one = stack.enter_context(socket.create_connection(server.address, 60))
                with contextlib.suppress(OSError):  # it may have been turned away
                    one.sendall(unfinished)
            wait_until(lambda: status(server) == 503, 20, "turning newcomers away")
            wait_until(lambda: re.search("[3-9][0-9] MiB in use of 40 MiB that the machine has", server.stderr()), 20,
                       "saying so")
            wait_until(lambda: (503, "memory_high") in [(line["status"], line.get("limit")) for line in logged(server)],
                       20, "its line in the log")
        # They are gone, and so is what they held.
        wait_until(lambda: status(server) == 200, 20, "serving newcomers again")
