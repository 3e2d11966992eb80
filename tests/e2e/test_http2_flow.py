"""HTTP/2's streams side by side: flow control in both directions (RFC 9113 section 5.2), priorities (RFC 9218), uploads.

What content says is told by hashes or by octets that look like no others. Files answer an upload with 405 while what
comes is read and dropped up to `drain`; so a server with a large `drain` is one that takes uploads at its own pace.
"""

import hashlib
import random
import time

import pytest
from clients import SANITIZED, get, request
from delaying_relay import DelayingRelay
from h2_connection import H2Connection
from h2_frames import (DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, RST_STREAM, WINDOW_UPDATE, FrameConnection,
                       priority_update, reset_stream, settings, window_update)
from limited_server import serving
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

UPLOAD = 20 * 1024 * 1024
TAKES_UPLOADS = ("drain=64MiB", "drain_timeout=60s", "linger=64MiB")


@pytest.fixture(scope="module")
def server(shared_site):
    with SluiceServer(shared_site, "--workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def many_files(tmp_path_factory):
    """A hundred files of different lengths and octets: their digests by name."""
    root = tmp_path_factory.mktemp("many")
    digests = {}
    for number in range(100):
        octets = random.Random(number).randbytes(1000 + 3_001 * number)
        (root / f"{number}.bin").write_bytes(octets)
        digests[f"/{number}.bin"] = hashlib.sha256(octets).hexdigest()
    return root, digests


# --- Many streams -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [8 << 20, 65535, 1000])
def test_a_hundred_streams_at_once(many_files, window):
    """Each is whole, whatever the windows that they share."""
    root, digests = many_files
    with SluiceServer(root) as server, H2Connection(server.address, window=window, seconds=60) as client:
        streams = {target: client.request(target) for target in digests}
        seen = {target: hashlib.sha256(client.response(stream).body).hexdigest() for target, stream in streams.items()}
        assert seen == digests


def test_one_stream_more_than_is_allowed_is_refused(shared_site):
    """REFUSED_STREAM or, once our setting was acknowledged, a connection error (RFC 9113 section 5.1.2)."""
    with serving(shared_site, "http2_streams=5") as server, \
            FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(*[client.request(one, "/200k.bin") for one in (1, 3, 5, 7, 9)])
        for one in (1, 3, 5, 7, 9):
            client.expect(HEADERS, one)
        client.send(client.request(11, "/200k.bin"))
        while (one := client.frame()) and not (one.type == RST_STREAM and one.stream == 11):
            assert one.type != HEADERS
        assert one is not None or client.goaway


def test_a_large_file(site, large_file):
    with SluiceServer(site) as server, H2Connection(server.address, seconds=60) as client:
        assert client.fetch("/large.bin").body == large_file.read_bytes()


# --- The client's windows ---------------------------------------------------------------------------------------------


def octets_of(client, stream, count) -> bytes:
    """So many octets of a stream's content, exactly; frames of others are not expected."""
    content = b""
    while len(content) < count:
        one = client.frame()
        assert one is not None and one.type in (DATA, HEADERS, WINDOW_UPDATE, 4), client.tail()
        content += one.payload if one.type == DATA and one.stream == stream else b""
    assert len(content) == count, "more than the window"
    return content


def sends_no_more(client) -> bool:
    """No content comes, though the server has had the time to send some."""
    before = len(client.seen)
    client.round_trip()
    client.round_trip()
    return all(one.type != DATA for one in client.seen[before:])


@pytest.mark.parametrize("window", [1, 10, 100])
def test_tiny_windows_are_kept_to(server, shared_site, window):
    whole = (shared_site / "1k.bin").read_bytes()
    with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: window}) as client:
        client.send(client.request(1, "/1k.bin"))
        content = octets_of(client, 1, window)
        while len(content) < len(whole):
            assert sends_no_more(client), "beyond the window"
            client.send(window_update(1, window))
            content += octets_of(client, 1, min(window, len(whole) - len(content)))
            if len(content) >= 5 * window:  # enough was seen
                client.send(window_update(1, 10_000))
                content += octets_of(client, 1, len(whole) - len(content))
        assert content == whole


def test_a_window_that_is_opened_late(server, shared_site):
    whole = (shared_site / "200k.bin").read_bytes()
    with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(client.request(1, "/200k.bin"), window_update(0, 1 << 20))
        assert not client.expect(HEADERS, 1).flags & END_STREAM
        client.round_trip()
        client.send(window_update(1, 5))
        assert octets_of(client, 1, 5) == whole[:5]
        client.send(window_update(1, 1 << 20))
        assert octets_of(client, 1, len(whole) - 5) == whole[5:]


def test_the_initial_window_changes_in_the_middle(server, shared_site):
    """RFC 9113 section 6.9.2: it changes every stream's window by the difference, below zero too."""
    whole = (shared_site / "200k.bin").read_bytes()
    with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 5000}) as client:
        client.send(client.request(1, "/200k.bin"), window_update(0, 1 << 20))
        content = octets_of(client, 1, 5000)
        client.send(settings({INITIAL_WINDOW_SIZE: 7000}))
        content += octets_of(client, 1, 2000)
        client.send(settings({INITIAL_WINDOW_SIZE: 1000}))  # the window is now -6000
        client.send(window_update(1, 6000))  # and now 0
        assert sends_no_more(client)
        client.send(window_update(1, 10))
        content += octets_of(client, 1, 10)
        client.send(settings({INITIAL_WINDOW_SIZE: 1 << 20}))
        content += octets_of(client, 1, len(whole) - len(content))
        assert content == whole


def test_the_connections_window_is_shared(server):
    with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 1 << 20}) as client:
        client.send(client.request(1, "/200k.bin"), client.request(3, "/200k.bin"))
        client.round_trip()
        while sum(len(one.payload) for one in client.seen if one.type == DATA) < 65535:
            client.frame()
        client.round_trip()
        assert sum(len(one.payload) for one in client.seen if one.type == DATA) == 65535
        client.send(window_update(0, 1 << 20))
        ended = set()
        while ended != {1, 3}:
            one = client.frame()
            ended |= {one.stream} if one.type == DATA and one.flags & END_STREAM else set()


def test_a_blocked_stream_keeps_no_other(server, shared_site):
    """Ten whose windows are shut, and one that is not."""
    with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(*[client.request(2 * number + 1, "/200k.bin") for number in range(10)])
        client.send(client.request(21, "/1k.bin"), window_update(21, 2000))
        assert client.answer(21)[1] == (shared_site / "1k.bin").read_bytes()


# --- The server's windows ---------------------------------------------------------------------------------------------


def test_streams_that_wait_behind_an_urgent_one_are_not_shut(site, large_file):
    """An urgent download takes all that the connection's window lets out, longer than a stream may keep its own window
    shut: the others wait, and nobody is at fault."""
    with serving(site, "http2_window_timeout=400ms") as server:
        with FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: (1 << 31) - 1}) as client:
            client.send(client.request(1, f"/{large_file.name}", ("priority", "u=0")))
            client.expect(DATA, 1)
            client.send(*[client.request(stream, "/", ("priority", "u=6")) for stream in (3, 5, 7)])
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                time.sleep(0.01)  # the client's pace
                client.send(window_update(0, len(client.expect(DATA, 1).payload)))
            assert not [one for one in client.seen if one.type == RST_STREAM] and client.goaway is None
            client.send(reset_stream(1), window_update(0, 1 << 20))
            _, content, code = client.answer(3)  # its head came before
            assert content == (site / "index.html").read_bytes() and code is None


def test_the_server_keeps_its_windows_shut_for_what_nobody_reads(shared_site):
    """A stream's window is given back as its content is consumed, so that what is granted is bounded."""
    with serving(shared_site, *TAKES_UPLOADS) as server, FrameConnection(server.address) as client:
        client.send(client.request(1, "/1k.bin", method="POST", end=False))
        client.expect(HEADERS, 1)
        client.round_trip()
        granted = {0: 65535, 1: 65536}
        for one in client.seen:
            if one.type == WINDOW_UPDATE:
                granted[one.stream] += one.increment()
        assert granted[1] <= 1 << 20 and granted[0] <= 2 << 20


def test_a_thousand_uploads_reset_midway_and_then_one(shared_site):
    """What a stream leaves unconsumed when it ends is given back: else the connection's window were used up soon. More
    slowly than floods are allowed (http2_resets), so the limit is out of the way here; python3-h2 says RST_STREAM again
    for each frame that was on its way."""
    with serving(shared_site, "http2_resets=10000", *TAKES_UPLOADS) as server, \
            H2Connection(server.address, seconds=60) as client:
        for _ in range(1000):
            stream = client.request("/1k.bin", "content-length: 100000", method="POST", end=False)
            client.send_body(stream, bytes(5000), end=False)
            client.reset(stream)
        octets = 4 << 20
        stream = client.request("/1k.bin", f"content-length: {octets}", method="POST", end=False)
        sent = client.send_body(stream, bytes(octets))
        assert sent == octets, (sent, client.responses[stream].reset, client.ended, client.goaways)
        assert client.response(stream).status == 405


# --- Priorities -------------------------------------------------------------------------------------------------------

DOWNLOAD = 50 * 1024 * 1024


def download_begun(server, **options):
    """A download of 50 MiB on stream 1, well under way, with windows that never shut."""
    client = FrameConnection(server.address, values={INITIAL_WINDOW_SIZE: 2**31 - 1}, seconds=60, receive_buffer=64 * 1024)
    client.send(window_update(0, 2**31 - 1 - 65535), client.request(1, "/download.bin", *options.get("fields", [])))
    received = 0
    while received < 4 << 20:
        one = client.frame()
        received += len(one.payload) if one.type == DATA else 0
    return client


def octets_before(client, stream, other) -> int:
    """Octets of `other` that arrive before the first octet of `stream`."""
    octets = 0
    while (one := client.frame()) and not (one.type == DATA and one.stream == stream):
        assert one.type in (DATA, HEADERS, WINDOW_UPDATE), client.tail()
        octets += len(one.payload) if one.stream == other and one.type == DATA else 0
    return octets


def octets_before_urgent(client, *frames) -> int:
    """Octets of stream 1 that arrive after `frames` were sent and before the first octet of stream 3, which they ask for.

    Nothing is read until the server has read the request: what the two would do side by side meanwhile is a matter of
    who gets the processor."""
    got = len(client.octets.buffer)
    client.send(*frames)
    time.sleep(0.1)  # until it has filled what room there is: then it reads
    wait_until(lambda: client.octets.unread() == 0, 20, "the request's being read")
    return octets_before(client, 3, 1) - got


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    root = tmp_path_factory.mktemp("downloads")
    (root / "download.bin").write_bytes(random.Random(5).randbytes(DOWNLOAD))
    (root / "1k.bin").write_bytes(random.Random(1).randbytes(1024))
    (root / "other.bin").write_bytes(random.Random(6).randbytes(DOWNLOAD))
    # Who waits for the disk leaves its turn to the others: so the files are old enough to be held open (file_settle), and
    # in memory.
    wait_until(lambda: time.time() - (root / "other.bin").stat().st_ctime > 2.1, 20, "files that have settled")
    with SluiceServer(root, "--workers", "1") as running:
        for name, size in (("download.bin", DOWNLOAD), ("other.bin", DOWNLOAD), ("1k.bin", 1024)):
            assert len(get(running.address, f"/{name}").body) == size
        yield running


def test_an_urgent_request_overtakes_a_download(downloads):
    """Its first octet comes before 512 KiB more of it."""
    with download_begun(downloads) as client:
        assert octets_before_urgent(client, client.request(3, "/1k.bin", ("priority", "u=0"))) < 512 * 1024


def test_a_priority_that_changes(downloads):
    """PRIORITY_UPDATE (RFC 9218 section 7.1): the download that became urgent has all there is, the other one waits. Both
    files were sent lately, so that no disk keeps the urgent one waiting: then the other has its turn."""
    for name in ("/download.bin", "/other.bin"):
        assert len(get(downloads.address, name).body) == DOWNLOAD
    with download_begun(downloads, fields=[("priority", "u=5")]) as client:
        client.send(client.request(5, "/other.bin", ("priority", "u=7")))
        client.expect(HEADERS, 5)
        client.send(priority_update(5, "u=1"))
        assert octets_before(client, 5, 1) < 2 << 20
        # What was framed before is over; from here on the urgent one is alone.
        octets = {1: 0, 5: 0}
        while octets[5] < 8 << 20:
            one = client.frame()
            octets[one.stream] = octets.get(one.stream, 0) + len(one.payload) * (one.type == DATA)
        assert octets[1] < 1 << 20, octets


def test_a_priority_update_before_its_request(downloads):
    """RFC 9218 section 7: it may come first, and counts."""
    with download_begun(downloads) as client:
        assert octets_before_urgent(client, priority_update(3, "u=0"), client.request(3, "/1k.bin")) < 512 * 1024
        assert client.goaway is None


def test_streams_of_equal_urgency_share_when_they_are_incremental(downloads):
    """RFC 9218 section 10: bandwidth goes to all of them."""
    with download_begun(downloads, fields=[("priority", "u=3, i")]) as client:
        client.send(client.request(3, "/other.bin", ("priority", "u=3, i")))
        octets_before(client, 3, 1)
        octets = {1: 0, 3: 0}
        while sum(octets.values()) < 8 << 20:
            one = client.frame()
            octets[one.stream] = octets.get(one.stream, 0) + len(one.payload) * (one.type == DATA)
        assert min(octets[1], octets[3]) > 2 << 20, octets


@pytest.mark.parametrize("value", ["u=9", "nonsense", "u=-1, i=2", "", "u=1;i", "\x7f"])
def test_a_priority_that_means_nothing_is_the_default(downloads, value):
    """RFC 9218 section 4: what cannot be read is ignored, in the field and in the frame."""
    with FrameConnection(downloads.address) as client:
        fields = [("priority", value)] if value.isprintable() else []
        client.send(client.request(1, "/1k.bin", *fields), priority_update(1, value))
        assert client.answer(1)[0][":status"] == "200"


# --- Uploads over a long path -----------------------------------------------------------------------------------------


def upload_over_http_1(address) -> float:
    with RawConnection(address, 120) as connection:
        begin = time.monotonic()
        connection.send(request("/1k.bin", f"Content-Length: {UPLOAD}", method="POST") + bytes(UPLOAD))
        assert connection.response().status == 405
        connection.send(request("/1k.bin"))
        assert connection.response().status == 200, "the upload's last octet was taken"
        return time.monotonic() - begin


def upload_over_http_2(address) -> float:
    with H2Connection(address, seconds=120) as client:
        begin = time.monotonic()
        stream = client.request("/1k.bin", f"content-length: {UPLOAD}", method="POST", end=False)
        assert client.send_body(stream, bytes(UPLOAD)) == UPLOAD
        assert client.response(stream).status == 405
        client.h2.ping(b"the end?")
        client._flush()
        client.until(lambda: any(type(one).__name__ == "PingAckReceived" for one in client.events))
        return time.monotonic() - begin


@pytest.mark.skipif(SANITIZED, reason="no statement about time with a sanitizer")
def test_an_upload_over_a_long_path_keeps_going(shared_site):
    """At 60 % or more of HTTP/1.1's rate through the same relay: windows open before they are used up."""
    with serving(shared_site, *TAKES_UPLOADS) as server, DelayingRelay(server.address) as relay:
        first, second = upload_over_http_1(relay.address), upload_over_http_2(relay.address)
        assert first > UPLOAD * 8 / 100e6, "the relay is as slow as it says"
        assert first / second >= 0.6, f"HTTP/1.1 took {first:.2f} s, HTTP/2 {second:.2f} s"


def test_a_download_over_a_long_path(shared_site):
    with SluiceServer(shared_site) as server, \
            DelayingRelay(server.address) as relay, H2Connection(relay.address) as client:
        assert client.fetch("/200k.bin").body == (shared_site / "200k.bin").read_bytes()
