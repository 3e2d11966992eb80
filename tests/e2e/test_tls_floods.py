"""Many TLS clients at once: floods do not keep others waiting, and memory stays in proportion to what was sent.

The problem: a handshake costs the server a hundred requests and its client nearly nothing, and what is kept per
connection is kept for each of thousands.
"""

import contextlib
import json
import pathlib
import resource
import time

import handshake_flood
import pytest
from certificates import Authority
from clients import SANITIZED, request, slow_socket
from raw_connection import RawConnection
from raw_tls_connection import RawTlsConnection, TlsClient, in_records_of, padded
from sluice_server import wait_until
from tls_clients import client_context, tls_server

KIB = 1024
without_sanitizers = pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory is counted too")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).issue()


@pytest.fixture(scope="module")
def context(certificate):
    return client_context(certificate.authority)


@contextlib.contextmanager
def many_descriptors(count):
    """The test has as many sockets as the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"no more than {hard} descriptors may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- Time ---


def seconds_for(connection, requests):
    begin = time.monotonic()
    for _ in range(requests):
        connection.send(request("/1k.bin"))
        assert connection.response().status == 200
    return time.monotonic() - begin


@pytest.mark.parametrize("kind, sockets", [("hello", 20), ("hello", 300), ("full", 100)])
def test_an_open_connection_is_served_during_a_flood(tmp_path, shared_site, certificate, context, kind, sockets):
    """One worker, so that it has both. turn_handshakes is 4, and a handshake costs about a hundred requests: each
    request waits for no more than these.
    """
    with tls_server(tmp_path, [certificate], root=shared_site) as server, \
            RawTlsConnection(server.address, context, 200) as connection:
        quiet = seconds_for(connection, 200)
        with handshake_flood.running(server.address, sockets, kind, certificate.authority) as flood:
            flooded = seconds_for(connection, 200)
        assert flood.handshakes > 10
        assert SANITIZED or flooded < 100 * max(quiet, 0.05), (quiet, flooded, flood.handshakes)
        # And so are newcomers, now that it is over.
        with RawTlsConnection(server.address, context, 60) as late:
            assert seconds_for(late, 1) is not None


# --- Memory ---


def shaken_hands(one, context) -> TlsClient:
    """The session of a socket, after its handshake."""
    client = TlsClient(context)
    one.sendall(client.shake_hands())
    while not client.established:
        client.receive(one.recv(65536))
        one.sendall(client.shake_hands())
    return client


def test_clients_that_never_read_are_cut_and_hold_little(tmp_path, site, large_file, certificate, context):
    """What one flush has sealed waits for each of them, and nothing else of 48 MiB."""
    # What is still on its way in the kernels may count as a little progress: that is not what is asked here.
    limits = '[limits]\nsend_timeout = "2s"\nsend_rate = 0\n'
    with tls_server(tmp_path, [certificate], limits, root=site) as server, contextlib.ExitStack() as stack:
        with RawTlsConnection(server.address, context, 60) as first:
            seconds_for(first, 20)
        before = server.rss_bytes()
        for _ in range(50):
            one = stack.enter_context(slow_socket(server.address, seconds=60))
            one.sendall(shaken_hands(one, context).seal(request("/large.bin")))
        most = before
        while "large.bin" not in server.stdout():
            most = max(most, server.rss_bytes())
            with RawTlsConnection(server.address, context, 60) as other:
                seconds_for(other, 1)
        assert SANITIZED or (most - before) / 50 < 200 * KIB, (most - before) / 50 / KIB

        def cut():
            return [line for line in map(json.loads, server.stdout().splitlines())
                    if line.get("target") == "/large.bin"]

        wait_until(lambda: server.stdout().endswith("\n") and len(cut()) == 50, 60, "cutting all")
        assert {(line["status"], line["complete"], line["limit"]) for line in cut()} == {(200, False, "send_timeout")}


@without_sanitizers
@pytest.mark.parametrize("count", [2000])
def test_idle_connections_hold_little(tmp_path, shared_site, certificate, context, count, record_property):
    with many_descriptors(2 * count), contextlib.ExitStack() as stack, \
            tls_server(tmp_path, [certificate], root=shared_site) as server:
        with RawTlsConnection(server.address, context, 60) as first:
            seconds_for(first, 20)
        before = server.rss_bytes()
        for _ in range(count):
            seconds_for(stack.enter_context(RawTlsConnection(server.address, context, 60)), 1)
        each = (server.rss_bytes() - before) / count
        record_property("kib_per_idle_connection", each / KIB)
        print(f"{each / KIB:.1f} KiB for each of {count} idle connections")
        assert each < 20 * KIB, each / KIB


def unread(server) -> int:
    """Octets that the kernel holds for the server (proc(5), net/tcp: the receive queue)."""
    local = f":{server.port:04X}"
    rows = [line.split() for line in pathlib.Path(f"/proc/{server.pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(local) and row[3] == "01")


def hold(server, count, octets):
    """What `count` connections that send this, and then nothing, add to the server's memory."""
    before = server.rss_bytes()
    sockets = server.open_sockets()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(RawConnection(server.address, 60)).send(octets)
        wait_until(lambda: server.open_sockets() >= sockets + count, 30, "accepting all")
        wait_until(lambda: unread(server) == 0, 30, "reading all")
        added = server.rss_bytes() - before
    wait_until(lambda: server.open_sockets() <= sockets, 30, "closing all")
    return added


@without_sanitizers
@pytest.mark.parametrize("size", [2_000, 16_000, 100_000])
def test_what_is_held_for_unfinished_handshakes_is_what_was_sent(tmp_path, shared_site, certificate, context, size):
    hello = padded(TlsClient(context).shake_hands()[5:], size)
    unfinished = in_records_of(hello, 16384)[:-1]
    limits = '[limits]\nhandshake_timeout = "60s"\n'
    with tls_server(tmp_path, [certificate], limits, root=shared_site) as server:
        hold(server, 100, b"\x16")  # what is allocated once
        connections = hold(server, 100, b"\x16")
        octets = hold(server, 100, unfinished)
        print(f"{octets / 100 / len(unfinished):.1f} octets for each that was sent")
        assert octets - connections < 10 * 100 * len(unfinished)
        # It is given back, or used again.
        again = hold(server, 100, unfinished)
        assert again < max(octets, 0) / 2 + 2 * KIB * KIB, (again, octets)


@without_sanitizers
def test_records_that_are_refused_leave_nothing(tmp_path, shared_site, certificate, context):
    garbage = b"\x17\x03\x03\x40\x00" + bytes(16384)

    def attack(server):
        for _ in range(200):
            with RawTlsConnection(server.address, context, 60) as connection:
                connection.send_records(garbage * 8)
                while not connection.ended:
                    connection._wait()

    with tls_server(tmp_path, [certificate], root=shared_site) as server:
        attack(server)
        before = server.rss_bytes()
        attack(server)
        assert server.rss_bytes() - before < 2 * KIB * KIB  # of 26 MiB that were sent
