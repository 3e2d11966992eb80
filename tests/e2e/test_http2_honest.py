"""Honest clients never meet HTTP/2's flood limits: each here does what its kind does at its worst, on one connection.

The limits that they come near to are those of test_http2_floods.py, at their defaults. What is asked for is served, and
no GOAWAY comes.
"""

import pytest
from h2_connection import H2Connection
from h2_frames import (ACK, DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, RST_STREAM, FrameConnection, data,
                       frame, priority_update, reset_stream, settings, window_update)
from limited_server import LOG, logged
from sluice_server import SluiceServer
from tls_clients import configure, site_table

CLEAR = '[[listener]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def server(shared_site):
    with SluiceServer(shared_site, *LOG) as running:
        yield running


@pytest.fixture
def client(server):
    with H2Connection(server.address, seconds=60) as connection:
        yield connection
        assert connection.fetch("/1k.bin").status == 200
        assert connection.goaways == [] and connection.ended is None
    assert [one for one in logged(server) if one.get("phase") == "connection"] == []


@pytest.fixture
def frames(server):
    """A client that, unlike python3-h2, resets a stream once and no more."""
    with FrameConnection(server.address, seconds=60) as connection:
        connection.send(window_update(0, 1 << 30))
        yield connection
        connection.round_trip()
        assert connection.goaway is None and connection.ended is None
    assert [one for one in logged(server) if one.get("phase") == "connection"] == []


def test_a_map_whose_tiles_are_cancelled(frames):
    """Eight times the map is dragged and sixty tiles asked for; fifty of them are out of sight before they came."""
    for drag in range(8):
        tiles = [2 * (60 * drag + one) + 1 for one in range(60)]
        frames.send(*[frames.request(tile, "/1k.bin") for tile in tiles])
        frames.send(*[reset_stream(tile) for tile in tiles[:50]])
        ended = set()
        while not ended >= set(tiles[50:]):
            one = frames.frame()
            assert one is not None and one.type != RST_STREAM, frames.tail()
            ended |= {one.stream} if one.type == DATA and one.flags & END_STREAM else set()


def test_a_page_that_is_left_while_it_loads(frames):
    """All of a hundred requests, four times."""
    for page in range(4):
        streams = [2 * (100 * page + one) + 1 for one in range(100)]
        frames.send(*[frames.request(stream, "/200k.bin") for stream in streams])
        frames.expect(HEADERS, streams[0])
        frames.send(*[reset_stream(stream) for stream in streams])


def test_many_small_pages(client):
    """A crawler: thousands of requests, each of which opens the windows again."""
    for _ in range(30):
        streams = [client.request("/1k.bin") for _ in range(100)]
        assert {client.response(stream).status for stream in streams} == {200}


def test_small_posts(client):
    """An application that reports 20 octets at a time, each in a request of its own, in a frame that does not end it."""
    for _ in range(300):
        stream = client.request("/1k.bin", method="POST", end=False)
        client.send_body(stream, b"twenty octets of it.", end=False)
        client.send_body(stream, b"the end")
        client.response(stream)


def test_a_chat_of_20_octet_messages(shared_site, tmp_path):
    """On one stream that was answered 200, at once: two thousand."""
    path = configure(tmp_path, CLEAR, site_table(shared_site, "[[site.route]]", 'path = "/chat"', 'respond = "hello"'))
    with SluiceServer(config=path) as server, FrameConnection(server.address, seconds=60) as client:
        client.send(client.request(1, "/chat", method="POST", end=False))
        client.expect(HEADERS, 1)
        for _ in range(40):
            client.send(data(1, b"twenty octets of it.") * 50)
        client.send(data(1, b"end", True))
        client.round_trip()
        assert client.still_good(3) and client.goaway is None


def test_a_client_that_measures_the_path_as_grpc_does(site):
    """A PING for each delivery, WINDOW_UPDATEs as it reads, its own windows growing by SETTINGS now and then."""
    (site / "download.bin").write_bytes(bytes(50 << 20))
    with SluiceServer(site) as server, FrameConnection(server.address, seconds=60) as client:
        client.send(client.request(1, "/download.bin"))
        received, windows, pings = 0, 65535, 0
        while received < 50 << 20:
            one = client.frame()
            if one.type != DATA:
                continue
            received += len(one.payload)
            if pings * 32 * 1024 < received:
                client.send(frame(PING, payload=received.to_bytes(8, "big")))
                pings += 1
            if received % (10 << 20) < len(one.payload):
                windows *= 2
                client.send(settings({INITIAL_WINDOW_SIZE: windows}))
            client.send(window_update(0, len(one.payload)), window_update(1, len(one.payload)))
        assert client.goaway is None and pings > 1000
        assert one.flags & END_STREAM or client.frame().flags & END_STREAM
        client.round_trip()


def test_a_client_that_keeps_its_connection_alive(client):
    """A PING now and then: thirty in one go are fewer than anybody sends."""
    for number in range(30):
        client.h2.ping(number.to_bytes(8, "big"))
    client._flush()
    client.until(lambda: sum(type(one).__name__ == "PingAckReceived" for one in client.events) == 30)


def test_a_browser_that_reprioritizes(server):
    """Images that come into view: one PRIORITY_UPDATE for each of many requests, twice."""
    with FrameConnection(server.address, seconds=60, values={INITIAL_WINDOW_SIZE: 1 << 20}) as client:
        client.send(window_update(0, 1 << 30))
        for batch in range(5):
            streams = [2 * (50 * batch + one) + 1 for one in range(50)]
            client.send(*[client.request(one, "/1k.bin", ("priority", "u=5, i")) for one in streams],
                        *[priority_update(one, "u=2, i") for one in streams])
            for stream in streams:
                client.expect(HEADERS, stream)
        client.round_trip()
        assert client.goaway is None


def test_a_client_with_grease(server):
    """RFC 9113 sections 5.5 and 6.5.2: a frame, settings and flags that nobody knows are ignored."""
    with FrameConnection(server.address, values={0x0A0A: 1, 0xFAFA: 2**32 - 1}) as client:
        for kind in (0x0B, 0x2A, 0xFA):
            client.send(frame(kind, 0, 0xFF, b"grease"), frame(kind, 1, 0xFF, b""))
        client.send(settings({0x1A1A: 5}))
        assert client.still_good(1)
        client.send(frame(PING, 0, 0xFE, bytes(8)))
        assert client.expect(PING, flags=ACK).payload == bytes(8)


def test_a_stream_that_is_reset_in_every_state(server):
    """By the client, after each step of a request; the connection is good after all of them."""
    steps = [
        lambda client, one: client.request(one, "/1k.bin", method="POST", end=False),
        lambda client, one: data(one, b"x" * 100),
        lambda client, one: data(one, b"x" * 100, True),
    ]
    with FrameConnection(server.address) as client:
        client.send(window_update(0, 1 << 30))
        stream = 1
        for reads in (False, True):
            for count in range(1, 4):
                client.send(*[step(client, stream) for step in steps[:count]])
                if reads:
                    client.expect(HEADERS, stream)
                client.send(reset_stream(stream), reset_stream(stream))
                stream += 2
        for target in ("/200k.bin", "/1k.bin", "/nowhere", "/folder"):
            client.send(client.request(stream, target), reset_stream(stream))
            client.send(client.request(stream + 2, target))
            client.expect(HEADERS, stream + 2)
            client.send(reset_stream(stream + 2))
            stream += 4
        assert client.still_good(stream) and client.goaway is None
