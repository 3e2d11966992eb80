"""HTTP/2's limits that are no floods (conf/limits.h): small values, and what answers them. Floods are in
test_http2_floods.py, and how each count works is in tests/unit/protocol/h2/flood_guard_test.cc."""

import re

import pytest
from h2_connection import H2Connection
from h2_frames import (INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, SETTINGS, WINDOW_UPDATE,
                       FrameConnection, data, frame)
from limited_server import serving, traced
from sluice_server import wait_until


def announced(client) -> dict:
    return client.expect(SETTINGS).settings()


def test_streams(site):
    """http2_streams is announced; that one more is refused is shown in test_http2_flow.py."""
    with serving(site, "http2_streams=7") as server, FrameConnection(server.address) as client:
        assert announced(client)[MAX_CONCURRENT_STREAMS] == 7


@pytest.mark.parametrize("octets", [1024, 100_000])
def test_stream_window(site, octets):
    """http2_stream_window: what a stream may send at first. One octet more is a FLOW_CONTROL_ERROR."""
    with serving(site, f"http2_stream_window={octets}", "drain=1MiB") as server, \
            FrameConnection(server.address) as client:
        assert announced(client)[INITIAL_WINDOW_SIZE] == octets
        client.round_trip()  # our acknowledgement is on its way
        client.send(client.request(1, "/1k.bin", ("expect", "100-continue"), method="POST", end=False))
        client.send(data(1, bytes(octets)))
        assert client.still_good(3)


def test_connection_window(site):
    """http2_connection_window: granted at once, beyond the 65,535 that RFC 9113 section 6.9.2 begins with."""
    for octets in (65_535, 300_000):
        with serving(site, f"http2_connection_window={octets}") as server, FrameConnection(server.address) as client:
            granted = client.expect(WINDOW_UPDATE, 0).increment() if octets > 65_535 else 0
            assert 65_535 + granted == octets
            client.round_trip()
            client.round_trip()
            assert sum(one.increment() for one in client.seen if one.type == WINDOW_UPDATE) == granted


def granted_at_most(server, octets) -> int:
    """How large a stream's window is seen while it uploads so much, as fast as it may."""
    most = 0
    with H2Connection(server.address, seconds=60) as client:
        stream = client.request("/1k.bin", f"content-length: {octets}", method="POST", end=False)
        sent = 0
        while sent < octets:
            room = client.h2.streams[stream].outbound_flow_control_window
            most = max(most, room)
            sent += client.send_body(stream, bytes(min(16_384, octets - sent)), end=False)  # reads when it may send no more
    return most


def test_stream_window_most(site):
    """http2_stream_window_most: the window grows by use, up to here."""
    for most in (128 * 1024, 512 * 1024):
        limits = ("http2_stream_window=64KiB", f"http2_stream_window_most={most}", "drain=64MiB", "drain_timeout=60s")
        with serving(site, *limits) as server:
            seen = granted_at_most(server, 8 << 20)
            assert 64 * 1024 <= seen <= most


def test_turn_read(site, tmp_path):
    """http2_turn_read: so many octets are read in a turn, however many there are."""
    with traced(site, tmp_path, "recvfrom,recvmsg,read", "http2_turn_read=1000", "http2_pings=1000000") as (server, calls):
        with FrameConnection(server.address) as client:
            client.round_trip()
            client.send(frame(0x6, payload=bytes(8)) * 1500)
            for _ in range(1500):
                client.expect(0x6, flags=1)

        def sizes():
            return [int(size) for size in re.findall(r"recvfrom(?:\(| resumed).*, (\d+), 0, NULL", "\n".join(calls()))]

        wait_until(lambda: len(sizes()) > 20, 20, "the trace of 25 KB in steps of 1 KB")
        assert max(sizes()[3:]) <= 1000


@pytest.mark.parametrize("limit", ["http2_frame_ahead=16KiB", "http2_frame_ahead=256KiB"])
def test_frame_ahead(site, tmp_path, limit):
    """http2_frame_ahead: so much content is framed beyond what the socket took: what one send is given, at most."""
    octets = int(re.search(r"\d+", limit)[0]) * 1024
    (site / "index.html").write_bytes(bytes(2 << 20))
    with traced(site, tmp_path, "sendto,sendmsg,writev", limit) as (server, calls):
        with H2Connection(server.address) as client:
            assert len(client.fetch("/200k.bin").body) == 200 * 1024

        def sizes():
            return [int(size) for size in re.findall(r"(?:sendto|sendmsg|writev)(?:\(| resumed).* = (\d+)$", "\n".join(calls()), re.M)]

        wait_until(lambda: sizes(), 20, "a trace")
        assert max(sizes()) <= octets + 32 * 1024
