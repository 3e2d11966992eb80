"""Listeners of every kind at once, several workers, and what happens when descriptors run out."""

import contextlib
import os
import socket
import time

import pytest
from clients import SANITIZED, get, read_to_end, request, slow_socket
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

pytestmark = pytest.mark.threads


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


@needs_ipv6
@pytest.mark.parametrize("workers", ["1", "3"])
def test_listeners_of_every_kind_at_once(site, tmp_path, workers):
    path = str(tmp_path / "socket")
    listens = ["127.0.0.1:0", "[::1]:0", "unix:" + path, "127.0.0.1:0"]
    with SluiceServer(site, "--workers", workers, listen=listens) as server:
        assert len(server.addresses) == 4
        assert server.addresses[0] != server.addresses[3]
        assert server.addresses[2] == path
        for address in server.addresses:
            for _ in range(8):
                assert get(address).body == (site / "index.html").read_bytes()
    assert not os.path.lexists(path), "the socket's name is left behind"


@needs_ipv6
def test_any_address_serves_both_families(site):
    with SluiceServer(site, listen=":0") as server:
        assert get(("127.0.0.1", server.port)).status == 200
        assert get(("::1", server.port)).status == 200


def test_a_stale_unix_socket_is_replaced(site, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)
    with SluiceServer(site, listen="unix:" + path):
        assert get(path).status == 200


def watched_by_each_epoll(pid) -> dict:
    """How many descriptors each epoll instance of the process watches (proc(5), fdinfo): one instance is one worker."""
    counts = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            if os.readlink(f"/proc/{pid}/fd/{number}") == "anon_inode:[eventpoll]":
                with open(f"/proc/{pid}/fdinfo/{number}") as info:
                    counts[number] = info.read().count("tfd:")
    return counts


def test_64_connections_over_four_workers(site):
    """The kernel's spread is uneven; fresh sockets are handed over until no worker holds more than 20."""
    with SluiceServer(site, "--workers", "4") as server, contextlib.ExitStack() as stack:
        idle = watched_by_each_epoll(server.pid)
        assert len(idle) >= 4
        connections = [stack.enter_context(RawConnection(server.address, 60)) for _ in range(64)]
        for _ in range(3):
            for connection in connections:
                connection.send(request("/1k.bin"))
            assert {connection.response().status for connection in connections} == {200}
        held = [count - idle[number] for number, count in watched_by_each_epoll(server.pid).items()]
        assert sum(held) == 64
        assert max(held) <= 20, held


def few_descriptors(count):
    """The prefix of a command line that is to run with a descriptor limit."""
    return ["prlimit", f"--nofile={count}:{count}"]


# Without a reserve for what must not fail, accept() itself meets EMFILE.
NO_RESERVE = ("--limit", "descriptor_reserve=0", "--limit", "open_files=1")


def is_served(server) -> bool:
    with contextlib.suppress(AssertionError, OSError):
        response = get(server.address, seconds=5)
        return response is not None and response.status == 200
    return False


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.long), NO_RESERVE], ids=["bounded", "EMFILE"])
def test_running_out_of_descriptors(site, large_file, options):
    """What is in progress goes on, idle connections may be given up, more may wait or be refused, and it recovers."""
    whole = large_file.read_bytes()
    with SluiceServer(site, *options, prefix=few_descriptors(120)) as server, contextlib.ExitStack() as stack:
        downloads = [stack.enter_context(slow_socket(server.address, 64 * 1024, 120)) for _ in range(8)]
        firsts = []
        for one in downloads:
            one.sendall(request("/large.bin", "Connection: close"))
            firsts.append(one.recv(1000))
        late = [socket.create_connection(server.address, 30) for _ in range(300)]
        for one in late:
            with contextlib.suppress(OSError):  # it may have been refused already
                one.sendall(b"GET / HT")
        time.sleep(0.5)
        assert server.open_descriptors() <= 120
        for one, first in zip(downloads, firsts):
            rest, was_reset = read_to_end(one)
            assert not was_reset and (first + rest).endswith(whole)
        for one in late:
            one.close()
        wait_until(lambda: is_served(server), 60, "serving a new client")


def cpu_ticks(pid) -> int:
    """Hundredths of a second of CPU time that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_it_does_not_spin_without_descriptors(site):
    """While accepting pauses the process costs little: the backlog must not wake it again and again."""
    with SluiceServer(site, "--workers", "1", *NO_RESERVE, prefix=few_descriptors(90)) as server:
        late = [socket.create_connection(server.address, 30) for _ in range(400)]
        for one in late:
            with contextlib.suppress(OSError):
                one.sendall(b"GET / HT")
        time.sleep(1)
        before = cpu_ticks(server.pid)
        time.sleep(1)
        assert SANITIZED or cpu_ticks(server.pid) - before < 30
        for one in late:
            one.close()
        wait_until(lambda: is_served(server), 60, "serving a new client")


def test_descriptors_are_given_back(site):
    with SluiceServer(site, "--workers", "2") as server:
        get(server.address, "/200k.bin")
        before = server.open_descriptors()
        for _ in range(100):
            assert get(server.address, "/200k.bin").status == 200
        wait_until(lambda: server.open_descriptors() <= before, 20, "as many descriptors as before")
