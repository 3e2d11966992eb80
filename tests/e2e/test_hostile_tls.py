"""Clients that are slow, broken or gone in the middle of TLS: each wait has its end, and others are served meanwhile.

Floods and memory are in test_tls_floods.py.
"""

import json
import os
import socket
import time

import pytest
from certificates import Authority
from clients import SANITIZED, request, reset
from limited_server import standing_still
from openssl_client import OpensslClient
from raw_connection import RawConnection
from raw_tls_connection import (APPLICATION_DATA, RawTlsConnection, TlsClient, client_hello, in_records_of, padded,
                                record, records_of)
from sluice_server import wait_until
from tls_clients import client_context, tls_server

HANDSHAKE_TIMEOUT = 0.6  # seconds
LIMITS = f"""[limits]
handshake_timeout = "{int(HANDSHAKE_TIMEOUT * 1000)}ms"
head_timeout = "600ms"
idle_timeout = "30s"
key_updates = 10
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).issue()


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificate, shared_site):
    folder = tmp_path_factory.mktemp("configuration")
    with tls_server(folder, [certificate], LIMITS, root=shared_site, workers=2) as running:
        yield running


@pytest.fixture(scope="module", params=["1.2", "1.3"])
def context(request, certificate):
    return client_context(certificate.authority, request.param)


@pytest.fixture(scope="module")
def any_version(certificate):
    return client_context(certificate.authority)


def others_are_served(server, context):
    """Ten new connections, so that all workers are asked."""
    for _ in range(10):
        begin = time.monotonic()
        with RawTlsConnection(server.address, context, 30) as connection:
            connection.send(request("/1k.bin"))
            assert connection.response().status == 200
        assert SANITIZED or time.monotonic() - begin < 2


def read_to_end(connection: RawConnection) -> bytes:
    """All records until the server ends the connection, whichever way."""
    while not connection.ended:
        connection._wait()
    return bytes(connection.buffer)


def alerts(octets: bytes) -> list[int]:
    """The descriptions of the alerts in clear text (RFC 8446 section 6)."""
    return [one[6] for one in records_of(octets) if one[0] == 21 and len(one) == 7]


# --- A client that stops at each of its flights ---

# How far it goes: the octets of its ClientHello, or the records of its second flight that it sends, and whether
# half of the next follows. In TLS 1.2 these are ClientKeyExchange, ChangeCipherSpec and Finished; in 1.3 a
# ChangeCipherSpec for middleboxes and Finished.
PHASES = {
    "before anything": ("1.3", 0, None, False),
    "after an octet": ("1.3", 1, None, False),
    "in the ClientHello": ("1.3", 100, None, False),
    "before Finished": ("1.3", None, 1, False),
    "in Finished": ("1.3", None, 1, True),
    "before ClientKeyExchange": ("1.2", None, 0, False),
    "in ClientKeyExchange": ("1.2", None, 0, True),
    "before ChangeCipherSpec": ("1.2", None, 1, False),
    "before Finished of 1.2": ("1.2", None, 2, False),
    "in Finished of 1.2": ("1.2", None, 2, True),
}


def go_as_far_as(phase, address, authority) -> RawConnection:
    """The connection of a client that stops there. What came of the server's flight is read."""
    version, of_hello, records, half = PHASES[phase]
    client = TlsClient(client_context(authority, version))
    connection = RawConnection(address, 30)
    connection.send(client.shake_hands()[:of_hello])
    if records is None:
        return connection
    flight = b""
    while not flight:
        connection._wait()
        assert not connection.ended
        client.receive(bytes(connection.buffer))
        connection.buffer.clear()
        flight = client.shake_hands()
    parts = records_of(flight)
    assert len(parts) == (3 if version == "1.2" else 2)
    connection.send(b"".join(parts[:records]) + (parts[records][:20] if half else b""))
    return connection


@pytest.mark.parametrize("phase", PHASES)
def test_a_client_that_stalls_is_cut(server, certificate, any_version, phase):
    begin = time.monotonic()
    with go_as_far_as(phase, server.address, certificate.authority) as stalled:
        others_are_served(server, any_version)
        read_to_end(stalled)
        elapsed = time.monotonic() - begin
    assert elapsed > HANDSHAKE_TIMEOUT * 0.8
    assert SANITIZED or elapsed < HANDSHAKE_TIMEOUT + 5


@pytest.mark.parametrize("way", ["fin", "reset"])
def test_a_client_that_goes_in_the_handshake_leaves_nothing(server, certificate, any_version, way):
    others_are_served(server, any_version)
    before = server.open_descriptors()
    for phase in PHASES:
        for _ in range(3):
            connection = go_as_far_as(phase, server.address, certificate.authority)
            (reset if way == "reset" else socket.socket.close)(connection._socket)
    # Before any handshake_timeout: what is given back was not waited for.
    wait_until(lambda: server.open_descriptors() <= before + 1, 60, "giving back their descriptors")
    others_are_served(server, any_version)


def test_a_hello_in_drops_does_not_move_the_deadline(server, any_version):
    hello = TlsClient(any_version).shake_hands()
    begin = time.monotonic()
    with RawConnection(server.address, 30) as connection:
        for octet in hello[:-1]:
            if not connection.send(bytes([octet])) or connection.ended:
                break
            time.sleep(HANDSHAKE_TIMEOUT / 40)
            connection._read()
        assert connection.ended and not connection.buffer
    elapsed = time.monotonic() - begin
    assert elapsed > HANDSHAKE_TIMEOUT * 0.8
    assert SANITIZED or elapsed < HANDSHAKE_TIMEOUT + 3


# --- Octets that come in ways nobody sends them ---


def test_all_records_octet_by_octet(server, context):
    """Also those of ClientHello whose first octet in a segment would be a letter of a method."""
    with RawTlsConnection(server.address, context, 60, step=1) as connection:
        for _ in range(3):
            connection.send(request("/1k.bin"))
            assert connection.response().status == 200
        connection.send_fin()
        assert connection.wait_for_end() == "fin"


def test_a_hello_that_is_cut_before_a_letter(server, any_version):
    """RFC 8446 section 5.1: only the first octet of all can be a method's."""
    client = TlsClient(any_version)
    hello = client.shake_hands()
    letter = next(at for at in range(6, len(hello)) if ord("A") <= hello[at] <= ord("Z"))
    with RawConnection(server.address, 30) as connection:
        connection.send(hello[:letter])
        time.sleep(0.1)
        connection.send(hello[letter:])
        connection._wait()
        assert connection.buffer.startswith(b"\x16\x03\x03")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_hello_in_many_records(server, any_version, size):
    """RFC 8446 section 5.1: handshake messages may be fragmented over records."""
    with RawConnection(server.address, 30) as connection:
        connection.send(in_records_of(client_hello(any_version), size))
        connection._wait()
        assert connection.buffer.startswith(b"\x16\x03\x03"), bytes(connection.buffer[:20])


def test_a_hello_longer_than_a_record_is_answered(server, any_version):
    """RFC 8446 section 4.2: extensions that nobody knows are ignored, however long."""
    message = padded(client_hello(any_version), 20_000)
    with RawConnection(server.address, 30) as connection:
        connection.send(in_records_of(message, 16384))
        connection._wait()
        assert connection.buffer.startswith(b"\x16\x03\x03"), bytes(connection.buffer[:20])


MALFORMED = {
    "hello of 100 KiB": lambda hello: in_records_of(padded(hello, 100 * 1024), 16384),
    "hello that says 16 MiB": lambda hello: record(b"\x01\xff\xff\xff" + bytes(16000)),
    "hello in empty records": lambda hello: record(b"") * 1000 + record(hello),
    "record over 16 KiB": lambda hello: b"\x16\x03\x01\xff\xff" + hello + bytes(66000),
    "application data first": lambda hello: record(bytes(100), APPLICATION_DATA),
    "alerts first": lambda hello: record(b"\x01\x5a", 21) * 1000,
    "16 KiB of nothing": lambda hello: record(bytes(16384)) * 4,
    "octets of 0xff": lambda hello: b"\xff" * 65536,
    "SSLv2": lambda hello: b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(21) + bytes(16),
    "SSLv2 hello for TLS": lambda hello: (b"\x80\x2c\x01\x03\x03\x00\x03\x00\x00\x00\x20" + b"\x00\xc0\x2b"
                                          + bytes(range(32)) + bytes(7)),
    "version 4.0": lambda hello: record(hello, version=0x0400),
    "hello twice": lambda hello: in_records_of(hello, 16384) * 2,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_handshake_is_refused_at_once(server, any_version, name):
    with RawConnection(server.address, 30) as connection:
        begin = time.monotonic()
        connection.send(MALFORMED[name](client_hello(any_version)))
        answer = read_to_end(connection)
        assert SANITIZED or time.monotonic() - begin < 8
    assert not alerts(answer) or alerts(answer)[-1] in (10, 22, 47, 50, 70, 20), answer[-20:]
    others_are_served(server, any_version)


def test_garbage_in_each_flight_is_refused(server, certificate, any_version):
    for phase in PHASES:
        with go_as_far_as(phase, server.address, certificate.authority) as connection:
            for _ in range(5):
                connection.send(b"\xff" * 16384)
            read_to_end(connection)
    others_are_served(server, any_version)


# --- Records after the handshake ---

BAD_RECORDS = {
    "16 KiB of garbage": record(os.urandom(16384), APPLICATION_DATA),
    "more than a record may hold": b"\x17\x03\x03\xff\xff" + bytes(66000),
    "an octet": record(b"x", APPLICATION_DATA),
    "a handshake record in clear text": record(b"\x01" + bytes(200)),
    "another type": record(bytes(100), 99),
}


@pytest.mark.parametrize("name", BAD_RECORDS)
@pytest.mark.parametrize("more", [0, 1, 200])
def test_a_record_that_cannot_be_opened_ends_the_connection(server, context, any_version, name, more):
    """What came before it is answered; of what comes after it nothing is."""
    with RawTlsConnection(server.address, context, 30) as connection:
        connection.send(request("/1k.bin"))
        assert connection.response().status == 200
        follow_up = connection.client.seal(request("/1k.bin"))
        connection.send_records(BAD_RECORDS[name] + follow_up + bytes(1000) * more)
        while not connection.ended:
            connection._wait()
        assert not connection.buffer
        assert connection.ended == "alert" or (more and connection.ended == "reset"), connection.ended
    others_are_served(server, any_version)


def test_the_log_tells_of_a_record_that_cannot_be_opened(server, context):
    target = f"/1k.bin?garbage-{context.minimum_version.name}"
    with RawTlsConnection(server.address, context, 30) as connection:
        # The server has its part of the handshake behind it then, and waits.
        connection.send(request("/1k.bin"))
        assert connection.response().status == 200
        with standing_still(server):
            connection.send(request(target, "Content-Length: 10000", body=b"x" * 1000))
            connection.send_records(BAD_RECORDS["an octet"])
        wait_until(lambda: lines_of(server, target), 20, "a line in the log")
    (line,) = lines_of(server, target)
    assert (line["complete"], line["cause"]) == (False, "client sent a record that cannot be opened"), line


@pytest.mark.parametrize("sent", [0, 10, 8000])
def test_a_record_that_does_not_come_whole(server, context, any_version, sent):
    """In the middle of a head, so that head_timeout ends the wait; the answer is readable."""
    with RawTlsConnection(server.address, context, 30) as connection:
        begin = time.monotonic()
        connection.send(b"GET / HTTP/1.1\r\n")
        connection.send_records(b"\x17\x03\x03\x40\x00" + os.urandom(sent))
        others_are_served(server, any_version)
        response = connection.response()
        assert (response.status, response.closes) == (408, True)
        assert connection.wait_for_end() == "fin"
        assert time.monotonic() - begin > 0.4


# --- After the handshake: new keys, a new handshake ---


def test_so_many_key_updates_are_taken(server, any_version):
    with OpensslClient(server.address, "1.3") as client:
        for _ in range(10):
            assert client.update_keys()
            assert client.write(request("/1k.bin"))
            assert client.read().startswith(b"HTTP/1.1 200")


def test_a_flood_of_key_updates_is_cut(server, any_version):
    """Not one response octet comes after it."""
    with OpensslClient(server.address, "1.3") as client:
        sent = 0
        while sent < 1_000_000 and client.update_keys():
            sent += 1
        assert sent < 1_000_000
        assert not client.read()
    others_are_served(server, any_version)
    wait_until(lambda: '"limit":"key_updates"' in server.stdout(), 20, "a line in the log")


def test_renegotiation_is_refused(server, any_version):
    with OpensslClient(server.address, "1.2") as client:
        assert client.write(request("/1k.bin")) and client.read().startswith(b"HTTP/1.1 200")
        assert not client.renegotiate()
        assert client.reason == "no renegotiation", client.reason
    others_are_served(server, any_version)


# --- How a connection ends ---


def lines_of(server, target):
    return [line for line in map(json.loads, server.stdout().splitlines()) if line.get("target") == target]


@pytest.mark.parametrize("way, cause", [
    ("close_notify", "client closed in the middle of its content"),
    ("fin", "client closed without close_notify in the middle of its content"),
])
def test_the_log_tells_truncation_from_an_end(server, context, way, cause):
    """RFC 8446 section 6.1: without close_notify anybody on the way may have cut the content."""
    target = f"/1k.bin?{way}-{context.minimum_version.name}"
    with RawTlsConnection(server.address, context, 30) as connection:
        # The server has its part of the handshake behind it then, and waits.
        connection.send(request("/1k.bin"))
        assert connection.response().status == 200
        with standing_still(server):
            connection.send(request(target, "Content-Length: 10000", body=b"x" * 1000))
            if way == "close_notify":
                connection.send_fin()
            connection._socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: lines_of(server, target), 20, "a line in the log")
        (line,) = lines_of(server, target)
        # Nobody wanted the content: the answer went out whole.
        assert (line.get("complete", True), line["cause"]) == (True, cause), line
        assert connection.response().status == 200


def test_a_client_that_ends_gets_close_notify(server, context):
    """RFC 8446 section 6.1: each party says it. Idle, in a head, and after a response that announced its end."""
    for octets, answered in (b"", False), (b"GET / HT", False), (request("/1k.bin", "Connection: close"), True):
        with RawTlsConnection(server.address, context, 30) as connection:
            connection.send(octets)
            if answered:
                assert connection.response().closes
            connection.send_fin()
            if octets and not answered:
                response = connection.response()
                assert response is None or response.status == 400
            assert connection.wait_for_end() == "fin"


@pytest.mark.parametrize("way", ["fin", "reset", "close_notify"])
def test_clients_that_go_after_the_handshake(server, context, way):
    others_are_served(server, context)
    before = server.open_descriptors()
    for octets in (b"", b"GET / HT", request("/200k.bin"), request("/200k.bin") * 50,
                   request("/1k.bin", "Content-Length: 5000", method="POST", body=b"x")):
        for _ in range(3):
            connection = RawTlsConnection(server.address, context, 30)
            connection.send(octets)
            if way == "close_notify":
                connection.send_fin()
            (reset if way == "reset" else socket.socket.close)(connection._socket)
    wait_until(lambda: server.open_descriptors() <= before + 3, 60, "giving back their descriptors")
    others_are_served(server, context)
