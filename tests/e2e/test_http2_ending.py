"""How an HTTP/2 connection ends (RFC 9113 section 6.8): in two steps, so that no stream is lost.

First GOAWAY with the highest stream there can be says that the end comes; when the client has heard it (it answers a
PING), a second says which stream was the last. Requests up to there are answered, later ones were not processed and may
be sent again elsewhere.
"""

import signal
import time

import pytest
from clients import SANITIZED
from h2_connection import H2Connection
from h2_frames import ACK, DATA, GOAWAY, INITIAL_WINDOW_SIZE, NO_ERROR, PING, FrameConnection, data, frame, window_update
from limited_server import LOG, logged, serving, takes_about
from sluice_server import SluiceServer, wait_until
from tls_clients import configure, site_table

pytestmark = pytest.mark.threads

HIGHEST = 2**31 - 1
CLEAR = '[[listener]]\naddress = "127.0.0.1:0"\n'


def stop(server):
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "draining" in server.stderr(), 20, "the drain")


def configured(folder, site, *lines):
    return SluiceServer(config=configure(folder, CLEAR, site_table(site, *lines)))


def test_the_end_is_said_in_two_steps(site):
    with SluiceServer(site) as server, FrameConnection(server.address, polite=False) as client:
        client.send(client.request(1, "/1k.bin"))
        client.answer(1)
        stop(server)
        notice = client.expect(GOAWAY)
        assert (notice.last_stream(), notice.error()) == (HIGHEST, NO_ERROR)
        ping = client.expect(PING)
        # What was on its way before the notice arrived is still answered.
        client.send(client.request(3, "/1k.bin"), frame(PING, 0, ACK, ping.payload))
        assert client.answer(3)[0][":status"] == "200"
        last = client.goaway if client.goaway.last_stream() != HIGHEST else client.expect(GOAWAY)
        assert (last.last_stream(), last.error()) == (3, NO_ERROR)
        assert client.end_of_connection() is last and client.ended == "fin"


def test_streams_that_run_go_on_and_later_ones_are_not_processed(site, large_file):
    whole = large_file.read_bytes()
    with SluiceServer(site, *LOG) as server, \
            H2Connection(server.address, window=65535, automatic=False, seconds=60) as client:
        running = client.request("/large.bin")
        client.until(lambda: client.responses[running].content)
        stop(server)
        client.until(lambda: len(client.goaways) == 2)
        assert client.goaways == [(HIGHEST, NO_ERROR), (running, NO_ERROR)]
        late = client.request("/page.html")
        client.grant(1 << 30, running)
        client.grant(1 << 30)
        assert client.response(running).body == whole
        client.until(lambda: client.ended)
        assert client.responses[late].status == 0
        assert client.ended == "fin"
        wait_until(lambda: logged(server), 20, "a line in the log")
        assert [(one["target"], one["status"]) for one in logged(server)] == [("/large.bin", 200)]


def test_a_client_that_does_not_answer_the_ping_is_ended_all_the_same(site):
    with SluiceServer(site) as server, FrameConnection(server.address, polite=False) as client:
        client.send(client.request(1, "/1k.bin"))
        client.answer(1)
        begin = time.monotonic()
        stop(server)
        goaway = client.end_of_connection()
        assert (goaway.last_stream(), goaway.error()) == (1, NO_ERROR)
        assert SANITIZED or time.monotonic() - begin < 6


def test_an_upload_that_runs_is_taken_to_its_end(site):
    with serving(site, "drain=64MiB", "drain_timeout=60s") as server, \
            H2Connection(server.address, seconds=60) as client:
        octets = 2 << 20
        stream = client.request("/1k.bin", f"content-length: {octets}", method="POST", end=False)
        client.send_body(stream, bytes(octets // 2), end=False)
        stop(server)
        client.until(lambda: client.goaways)
        assert client.send_body(stream, bytes(octets // 2)) == octets // 2
        assert client.response(stream).status == 405 and client.responses[stream].reset in (None, NO_ERROR)


def test_a_drain_has_an_end(site, large_file):
    with serving(site, "shutdown_timeout=500ms", more=LOG) as server, \
            H2Connection(server.address, window=65535, automatic=False) as client:
        stream = client.request("/large.bin")
        client.until(lambda: client.responses[stream].content)
        with takes_about(0.5):
            stop(server)
            assert server.process.wait(30) == 0


def test_a_reload_ends_connections_in_two_steps(site, tmp_path):
    """By the new rules only new connections are served; what runs goes on."""
    with configured(tmp_path, site) as server, H2Connection(server.address) as client:
        assert client.fetch("/1k.bin").status == 200
        configure(tmp_path, CLEAR, site_table(site, "listing = true"))
        server.process.send_signal(signal.SIGHUP)
        client.until(lambda: client.ended)
        assert client.goaways == [(HIGHEST, NO_ERROR), (1, NO_ERROR)] and client.ended == "fin"


@pytest.mark.skipif(SANITIZED, reason="too slow for a load with a sanitizer")
def test_reloads_under_load_lose_no_stream(site, tmp_path):
    """Fifty streams at a time, and a reload while they are on their way: what the last GOAWAY names is answered whole."""
    with configured(tmp_path, site) as server:
        for reloads in range(8):
            with H2Connection(server.address) as client:
                streams = [client.request("/200k.bin") for _ in range(50)]
                configure(tmp_path, CLEAR, site_table(site, f"listing = {('true', 'false')[reloads % 2]}"))
                server.process.send_signal(signal.SIGHUP)
                client.until(lambda: client.ended)
                (_, _), (last, code) = client.goaways
                assert code == NO_ERROR
                for stream in streams:
                    response = client.responses[stream]
                    if stream <= last:
                        assert response.status == 200 and len(response.content) == 200 * 1024, (stream, last, response.reset)
                    else:
                        assert response.status == 0


def test_an_idle_connection_is_ended(site):
    with serving(site, "idle_timeout=300ms") as server, H2Connection(server.address) as client:
        assert client.fetch("/1k.bin").status == 200
        with takes_about(0.3):
            client.until(lambda: client.ended)
        assert client.goaways[-1] == (1, NO_ERROR) and client.ended == "fin"


def test_a_connection_with_a_stream_is_not_idle(site):
    with serving(site, "idle_timeout=200ms") as server, \
            H2Connection(server.address, window=0, automatic=False) as client:
        stream = client.request("/200k.bin")
        client.until(lambda: client.responses[stream].status)
        time.sleep(0.6)  # three times the limit
        client.grant(1 << 20, stream)
        client.grant(1 << 20)
        assert len(client.response(stream).body) == 200 * 1024


def test_a_connection_has_its_life(site):
    """After connection_life no new stream: it is said in two steps, and what was asked before is answered."""
    with serving(site, "connection_life=300ms") as server, H2Connection(server.address) as client:
        assert client.fetch("/1k.bin").status == 200
        time.sleep(0.35)
        assert client.fetch("/1k.bin").status == 200
        client.until(lambda: client.ended)
        assert client.goaways[0] == (HIGHEST, NO_ERROR) and client.goaways[-1][1] == NO_ERROR


def test_a_client_that_leaves_is_no_trouble(site, large_file):
    """GOAWAY of the client, its FIN after a request, its reset in the middle."""
    with SluiceServer(site) as server:
        with FrameConnection(server.address) as client:
            client.send(client.request(1, "/1k.bin"), frame(GOAWAY, payload=bytes(8)))
            assert client.answer(1)[0][":status"] == "200", "RFC 9113 section 6.8: it is about the server's streams"
        with FrameConnection(server.address) as client:
            client.send(client.request(1, "/1k.bin"))
            client.octets.send_fin()
            assert client.answer(1)[0][":status"] == "200"
        for _ in range(20):
            with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 1 << 30}) as client:
                client.send(window_update(0, 1 << 30), *[client.request(2 * one + 1, "/large.bin") for one in range(10)])
                client.expect(DATA)
        with FrameConnection(server.address) as client:
            assert client.still_good(1)


def test_a_fin_in_the_middle_of_content(site):
    with SluiceServer(site, *LOG) as server, FrameConnection(server.address) as client:
        client.send(client.request(1, "/1k.bin", ("content-length", "1000"), method="POST", end=False), data(1, b"part"))
        client.octets.send_fin()
        client.all_frames()
        assert client.ended
        with FrameConnection(server.address) as other:
            assert other.still_good(1)
