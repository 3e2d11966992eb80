"""Ending: SIGTERM lets what runs run out and exits 0, a second one does not wait, SIGINT stops; nothing waits for ever."""

import signal
import socket
import time

import pytest
from clients import SANITIZED, get, read_to_end, request, slow_socket
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

pytestmark = pytest.mark.threads

SOON = 60 if SANITIZED else 5  # seconds; far below the drain's default of 30


def refuses(server) -> bool:
    try:
        socket.create_connection(server.address, 5).close()
    except OSError:
        return True
    return False


def begin_download(server, target="/large.bin"):
    """A download of which the first octets have come and the rest waits at the server."""
    one = slow_socket(server.address)
    one.sendall(request(target))
    first = one.recv(1024)
    assert first.startswith(b"HTTP/1.1 200 ")
    return one, first


def ends_within(server, seconds) -> int:
    begin = time.monotonic()
    code = server.process.wait(seconds + 60)
    assert SANITIZED or time.monotonic() - begin < seconds
    return code


def test_sigterm_lets_a_download_complete(site, large_file):
    with SluiceServer(site) as server:
        one, first = begin_download(server)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server), 20, "refusing new connections")
        assert server.process.poll() is None
        rest, was_reset = read_to_end(one)
        one.close()
        assert not was_reset
        assert (first + rest).partition(b"\r\n\r\n")[2] == large_file.read_bytes()
        assert ends_within(server, SOON) == 0


def test_sigterm_ends_idle_connections_at_once(site):
    with SluiceServer(site) as server, RawConnection(server.address, 60) as kept, RawConnection(server.address, 60) as new:
        kept.send(request("/"))
        assert kept.response().status == 200
        assert new.ended is None
        server.process.send_signal(signal.SIGTERM)
        assert kept.wait_for_end() in ("fin", "reset")
        assert ends_within(server, SOON) == 0


def test_sigterm_answers_a_request_that_is_on_its_way(site):
    with SluiceServer(site) as server, RawConnection(server.address, 60) as connection:
        octets = request("/")
        connection.send(octets[:10])
        time.sleep(0.3)  # the server has read the first octets
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server), 20, "refusing new connections")
        connection.send(octets[10:])
        response = connection.response()
        assert response.status == 200 and response.closes
        assert connection.wait_for_end() == "fin"
        assert ends_within(server, SOON) == 0


def test_a_second_sigterm_exits_at_once(site, large_file):
    with SluiceServer(site) as server:
        one, _ = begin_download(server)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server), 20, "refusing new connections")
        time.sleep(0.2)
        assert server.process.poll() is None, "the first one waits for the download"
        server.process.send_signal(signal.SIGTERM)
        assert ends_within(server, SOON) == 0
        one.close()


def test_sigint_stops(site, large_file):
    with SluiceServer(site) as server:
        one, _ = begin_download(server)
        server.process.send_signal(signal.SIGINT)
        assert ends_within(server, SOON) == 0
        one.close()


def test_the_drain_is_bounded(site, large_file):
    with SluiceServer(site, "--limit", "shutdown_timeout=1s") as server:
        one, _ = begin_download(server)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert ends_within(server, SOON) == 0
        assert time.monotonic() - begin > 0.8, "it waited for the download"
        octets, _ = read_to_end(one)
        one.close()
        assert len(octets) < large_file.stat().st_size, "the download was cut, and visibly"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(site, number):
    with SluiceServer(site, "--workers", "2") as server:
        assert get(server.address).status == 200
        server.process.send_signal(number)
        assert ends_within(server, SOON) == 0


def test_stopping_and_continuing_does_not_end_it(site):
    """Ctrl-Z and fg, or a debugger that attaches, interrupt a thread that waits for signals."""
    with SluiceServer(site) as server:
        for _ in range(3):
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            server.process.send_signal(signal.SIGCONT)
            time.sleep(0.1)
            assert get(server.address).status == 200


def test_sigpipe_does_not_end_it(site):
    with SluiceServer(site) as server:
        server.process.send_signal(signal.SIGPIPE)
        assert get(server.address).status == 200
