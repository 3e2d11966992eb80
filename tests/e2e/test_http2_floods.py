"""HTTP/2's floods (SECURITY.md section 2): each by a patient client that reads everything and has 20,000 units to send.

It is stopped within its limit, by GOAWAY with ENHANCE_YOUR_CALM and one line in the log that names the limit; the
process grows by less than 8 MiB meanwhile, and another client is served. Who is honest is in test_http2_honest.py.
"""

import contextlib
import pathlib
import time

import pytest
from clients import SANITIZED
from h2_connection import get
from h2_flood import UNITS, flood, peak, reset_peak
from h2_frames import (CANCEL, CONTINUATION, DATA, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, INITIAL_WINDOW_SIZE, PING,
                       PREFACE, PRIORITY, RST_STREAM, FrameConnection, data, frame, priority_update, pseudo_fields,
                       reset_stream, settings, window_update)
from limited_server import LOG, logged, serving, takes_about
from sluice_server import SluiceServer, wait_until
from tls_clients import configure, site_table

GROWTH = 8 * 1024 * 1024
PEAK = 4 * GROWTH if SANITIZED else GROWTH


@pytest.fixture(scope="module")
def server(shared_site):
    with SluiceServer(shared_site, "--workers", "1", *LOG) as running:
        yield running


def attacked(server, limits, unit, **options):
    """Floods, and checks what holds for each flood that is to be stopped; the outcome."""
    before = len(logged(server))
    outcome = flood(server, unit, **options)
    assert outcome.sent < UNITS and outcome.ended, f"never stopped: {outcome.frames[-3:]}"
    assert outcome.code == ENHANCE_YOUR_CALM, outcome.frames[-3:]
    assert outcome.grown < PEAK, f"grew by {outcome.grown >> 10} KiB"

    def lines():
        return [one for one in logged(server)[before:] if one.get("phase") == "connection"]

    wait_until(lines, 20, "a line in the log")
    assert [one["limit"] in limits and not one["complete"] for one in lines()] == [True], lines()
    return outcome


def stream_of(number) -> int:
    return 2 * number + 1


# --- Streams that are reset -------------------------------------------------------------------------------------------


def opened_and_reset(client, number):
    return client.request(stream_of(number)) + reset_stream(stream_of(number))


def malformed(client, number):
    return client.request(stream_of(number), "/", ("Upper", "case"))


def overflowing(client, number):
    stream = stream_of(number)
    return client.request(stream, method="POST", end=False) + window_update(stream, 2**31 - 1) * 2


RESETS = ("http2_resets", "http2_reset_rate", "http2_resets_suspicious")


@pytest.mark.parametrize("unit", [opened_and_reset, malformed, overflowing])
def test_streams_that_are_reset(server, unit):
    """By the client, by us because they are malformed, by us because a window overflows. Five hundred at once are
    granted, and at most fifty more a second."""
    outcome = attacked(server, RESETS, unit)
    assert 500 < outcome.sent <= 500 + 50 * (outcome.seconds + 1) + 40


def test_streams_that_are_reset_after_their_response_began(server):
    """Not suspicious, but work: each resets the last one when its answer is there."""
    def unit(client, number):
        stream = stream_of(number)
        client.send(client.request(stream, "/200k.bin"))
        client.expect(HEADERS, stream)
        return reset_stream(stream)
    outcome = attacked(server, RESETS, unit, batch=1)
    assert 500 < outcome.sent <= 500 + 50 * (outcome.seconds + 1) + 40


def test_streams_opened_and_reset_reach_no_handler(server):
    before = len(logged(server))
    attacked(server, RESETS, opened_and_reset, batch=100)
    assert len([one for one in logged(server)[before:] if one["target"]]) <= 100


# --- Frames of the connection -----------------------------------------------------------------------------------------


def flipping(client, number):
    return settings({INITIAL_WINDOW_SIZE: (0, 65535)[number % 2]})


def one_hundred_streams(client):
    """Requests whose responses wait for a window, so that each SETTINGS has work to do."""
    return b"".join(client.request(stream_of(number), "/200k.bin") for number in range(100))


CONNECTION = {
    "http2_pings": (lambda *_: frame(PING, payload=b"12345678"), None, 50, 10),
    "http2_settings": (lambda *_: settings(), None, 20, 10),
    "http2_settings while streams wait": (flipping, one_hundred_streams, 20, 10),
    "http2_priorities": (lambda *_: frame(PRIORITY, 1, payload=bytes(4) + b"\x10"), None, 100, 0),
    "http2_priorities by PRIORITY_UPDATE": (lambda *_: priority_update(1, "u=1"), None, 100, 0),
    "http2_window_updates": (lambda *_: window_update(0, 1), None, 5, 0),
    "http2_unknown_frames": (lambda *_: frame(0xFA, payload=b"grease"), None, 100, 10),
}


@pytest.mark.parametrize("name", CONNECTION)
def test_frames_of_the_connection(server, name):
    unit, begin, most, a_second = CONNECTION[name]
    streams = 100 if begin else 0
    outcome = attacked(server, [name.split()[0]], unit, batch=5, begin=begin)
    assert most - streams <= outcome.sent <= most + a_second * (outcome.seconds + 1) + 15


def test_window_updates_of_a_stream(server):
    """Five, two for each stream, and twenty for each DATA frame that was sent: here there is none."""
    outcome = attacked(server, ["http2_window_updates"], lambda *_: window_update(1, 1), batch=1,
                       begin=lambda client: client.request(1, method="POST", end=False))
    assert outcome.sent <= 5 + 2 + 20 + 3


# --- Content ----------------------------------------------------------------------------------------------------------


def upload(client):
    """A request that files answer with 405, while what it brings is read and dropped."""
    return client.request(1, "/1k.bin", method="POST", end=False)


def test_empty_content_in_a_row(server):
    outcome = attacked(server, ["http2_empty_in_a_row"], lambda *_: data(1, b""), begin=upload, batch=4)
    assert 16 < outcome.sent <= 16 + 8


def test_empty_content_now_and_then(server):
    outcome = attacked(server, ["http2_empty_frames"], lambda *_: data(1, b"") * 15 + data(1, bytes(64)), begin=upload,
                       batch=1)
    assert 100 < outcome.sent * 15 <= 100 + 45


def test_padding_is_no_content(server):
    """DATA of padding alone (RFC 9113 section 6.1) brings nothing."""
    padded = frame(DATA, 1, 0x8, b"\xff" + bytes(255))
    attacked(server, ["http2_empty_in_a_row"], lambda *_: padded, begin=upload, batch=4)


def test_small_content(server):
    outcome = attacked(server, ["http2_small_data", "http2_small_data_rate"], lambda *_: data(1, b"x"), begin=upload,
                       batch=100)
    assert 1000 < outcome.sent <= 1000 + 200 * (outcome.seconds + 1) + 200


def test_small_content_on_many_streams(server):
    """Each request is answered, but the allowance is the connection's."""
    def unit(client, number):
        stream = stream_of(number)
        client.send(client.request(stream, "/1k.bin", method="POST", end=False), data(stream, b"x"), data(stream, b"", True))
        client.answer(stream)
        return b""
    outcome = attacked(server, ["http2_small_data", "http2_small_data_rate"], unit, batch=1)
    assert 1000 < outcome.sent <= 1000 + 200 * (outcome.seconds + 1) + 60


def test_small_content_on_a_stream_that_was_answered(shared_site, tmp_path):
    """A chat may send two thousand at once, and as many a second; not more."""
    path = configure(tmp_path, '[[listener]]\naddress = "127.0.0.1:0"\n',
                     site_table(shared_site, "[[site.route]]", 'path = "/chat"', 'respond = "hello"'))
    with SluiceServer(config=path) as chatting:
        def begin(client):
            client.send(client.request(1, "/chat", method="POST", end=False))
            client.expect(DATA, 1)
            return b""
        outcome = attacked(chatting, ["http2_small_data_stream"], lambda *_: data(1, b"x"), begin=begin, batch=200)
        assert 2000 < outcome.sent <= 2000 + 2000 * (outcome.seconds + 1) + 400


# --- Heads ------------------------------------------------------------------------------------------------------------


def test_continuations(server):
    """Eight of one field block; the flood is stopped before the block is complete."""
    block = b"\x00\x01x\x01y"  # x: y, as a literal that is not indexed
    outcome = attacked(server, ["http2_continuations"], lambda *_: frame(CONTINUATION, 1, 0, block), batch=1,
                       begin=lambda client: frame(HEADERS, 1, 0, client.block(pseudo_fields())))
    assert 8 < outcome.sent <= 8 + 3


def test_empty_continuations(server):
    outcome = attacked(server, ["http2_continuations", "http2_empty_in_a_row"], lambda *_: frame(CONTINUATION, 1, 0, b""),
                       batch=1, begin=lambda client: frame(HEADERS, 1, 0, client.block(pseudo_fields())))
    assert outcome.sent <= 16 + 3


def test_a_large_field_block(server):
    """64 KiB as it comes, however small the fields are that it may become."""
    block = b"\x00\x01x\x7f\x81\x7d" + bytes(b"y" * 16000)  # one long field
    outcome = attacked(server, ["http2_head_block"], lambda *_: frame(CONTINUATION, 1, 0, block), batch=1,
                       begin=lambda client: frame(HEADERS, 1, 0, client.block(pseudo_fields())))
    assert outcome.sent <= 4 + 3


def indexed_fields(client, count, name=b"a", value=b"b" * 4000) -> bytes:
    """A field block of a few octets that becomes `count` fields: one enters the table, and is named again and again."""
    first = b"\x40" + bytes([len(name)]) + name + b"\x7f" + _integer(len(value) - 127) + value
    return client.block(pseudo_fields()) + first + b"\xbe" * (count - 1)


def _integer(number) -> bytes:
    """RFC 7541 section 5.1: what follows a full prefix."""
    octets = bytearray()
    while number >= 128:
        octets.append(number % 128 + 128)
        number //= 128
    return bytes([*octets, number])


def test_a_compression_bomb_ends_the_connection(server):
    """Over a thousand fields (http2_fields_fatal); each head here would be 48 MB."""
    def unit(client, number):
        return frame(HEADERS, stream_of(number), END_HEADERS | 1, indexed_fields(client, 12_000))
    outcome = attacked(server, ["http2_fields_fatal"], unit, batch=1)
    assert outcome.sent <= 3


def test_fields_one_short_of_fatal_are_431_again_and_again(server):
    """A head over `fields` costs its stream; the connection is good, and nothing grows."""
    def unit(client, number):
        client.send(frame(HEADERS, stream_of(number), END_HEADERS | 1, indexed_fields(client, 900)))
        head, _, _ = client.answer(stream_of(number))
        assert head[":status"] == "431"
        return b""
    outcome = flood(server, unit, units=400, batch=1)
    assert (outcome.sent, outcome.code, outcome.ended) == (400, None, None)
    assert outcome.grown < PEAK


def test_many_tiny_fields(server):
    """The octets would do, 32 more for each field do not."""
    for count, status in ((90, "200"), (101, "431")):
        with FrameConnection(server.address) as client:
            client.send(client.request(1, "/", *[(f"x{number}", "") for number in range(count - 4)]))
            assert client.answer(1)[0][":status"] == status
            assert client.still_good(3)


def test_cookie_crumbs_are_counted_one_by_one(server):
    for count, status in ((90, "200"), (101, "431")):
        with FrameConnection(server.address) as client:
            client.send(client.request(1, "/", *[("cookie", f"a{number}=b") for number in range(count - 4)]))
            assert client.answer(1)[0][":status"] == status
            assert client.still_good(3)


# --- Windows that stay shut -------------------------------------------------------------------------------------------

SHUT = {INITIAL_WINDOW_SIZE: 0}


def limits_logged(server, count) -> list:
    """Target and limit of what the log has, once it has so many lines that name one."""
    def lines():
        return [(one["target"], one["limit"]) for one in logged(server) if one.get("limit")]
    wait_until(lambda: len(lines()) >= count, 20, f"{count} lines in the log, not {lines()}")
    return lines()


def test_a_stream_whose_window_stays_shut_is_reset(site):
    with serving(site, "http2_window_timeout=300ms", more=LOG) as server, \
            FrameConnection(server.address, values=SHUT) as client:
        with takes_about(0.3):
            client.send(client.request(1, "/200k.bin"))
            assert client.answer(1)[1:] == (b"", CANCEL)
        assert limits_logged(server, 1) == [("/200k.bin", "http2_window_timeout")]
        client.send(client.request(3, "/nowhere", method="HEAD"))
        assert client.answer(3)[0][":status"] == "404", "the connection is good"


def test_three_streams_whose_windows_stay_shut_end_the_connection(site):
    with serving(site, "http2_window_timeout=300ms", "http2_window_stalls=3", more=LOG) as server, \
            FrameConnection(server.address, values=SHUT) as client:
        for stream in (1, 3, 5):
            client.send(client.request(stream, "/200k.bin"))
            if stream < 5:
                assert client.answer(stream)[2] == CANCEL
        assert client.end_of_connection().error() == ENHANCE_YOUR_CALM
        assert ("", "http2_window_stalls") in limits_logged(server, 4)


def test_a_connection_whose_windows_all_stay_shut_is_ended(site):
    with serving(site, "http2_window_close=300ms", more=LOG) as server, FrameConnection(server.address) as client:
        with takes_about(0.3):
            # The streams' windows would do, the connection's does not.
            client.send(settings({INITIAL_WINDOW_SIZE: 1 << 20}), *[client.request(one, "/200k.bin") for one in (1, 3, 5)])
            assert client.end_of_connection().error() == ENHANCE_YOUR_CALM
        assert sum(len(one.payload) for one in client.seen if one.type == DATA) == 65535
        assert ("", "http2_window_close") in limits_logged(server, 1)


def test_a_window_that_opens_an_octet_at_a_time(site):
    """Each octet is progress, and buys twenty more WINDOW_UPDATEs: it is send_rate that ends it."""
    with serving(site, "http2_window_timeout=400ms", more=LOG) as server, \
            FrameConnection(server.address, values=SHUT) as client:
        client.send(client.request(1, "/200k.bin"))
        client.expect(HEADERS, 1)
        while True:
            client.send(window_update(1, 1))
            one = client.frame()
            if one.type == RST_STREAM:
                break
            assert (one.type, len(one.payload)) == (DATA, 1)
            time.sleep(0.01)  # the pace of the attack
        assert one.error() == CANCEL
        assert limits_logged(server, 1) == [("/200k.bin", "send_rate")]


def test_shut_windows_hold_little(site, large_file):
    """A hundred streams of a large file whose windows stay shut; ten such connections."""
    with serving(site) as server, contextlib.ExitStack() as stack:
        assert get(server.address, "/large.bin", method="HEAD").status == 200
        reset_peak(server.pid)
        before = peak(server.pid)
        clients = [stack.enter_context(FrameConnection(server.address, values=SHUT)) for _ in range(10)]
        for client in clients:
            client.send(*[client.request(stream_of(number), "/large.bin") for number in range(100)])
        for client in clients:
            for number in range(100):
                client.expect(HEADERS, stream_of(number))
        assert SANITIZED or peak(server.pid) - before < 2 * GROWTH, f"{peak(server.pid) - before >> 10} KiB"
        assert get(server.address).status == 200


# --- Clients that do not read -----------------------------------------------------------------------------------------


def unreading(server, **options):
    """A client that never reads, and has little room for what is sent to it."""
    return FrameConnection(server.address, polite=False, receive_buffer=4096, **options)


def send_without_reading(client, octets):
    """As much as the kernels take."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while octets:
            octets = octets[client.octets._socket.send(octets):]


def test_acknowledgements_that_nobody_reads(site):
    """PINGs are allowed here; their answers wait, and more than 128 that do are too many (http2_outstanding)."""
    with serving(site, "http2_pings=1000000", more=LOG) as server, unreading(server) as client:
        reset_peak(server.pid)
        before = peak(server.pid)
        for _ in range(100):
            send_without_reading(client, frame(PING, payload=bytes(8)) * 500)
            assert get(server.address).status == 200
        assert limits_logged(server, 1) == [("", "http2_outstanding")]
        assert peak(server.pid) - before < PEAK


@pytest.mark.parametrize("limit, is_read", [("http2_unsent=16KiB", False), ("http2_unsent=100MiB", True)])
def test_who_does_not_read_is_not_read_from(site, large_file, limit, is_read):
    with serving(site, limit, "http2_pings=1000000", "http2_outstanding=100000", "http2_unsent_frames=100000") as server, \
            \
            unreading(server, values={INITIAL_WINDOW_SIZE: 1 << 30}) as client:
        client.send(window_update(0, 1 << 30), client.request(1, "/large.bin"))
        wait_until(lambda: client.octets.unread() == 0, 20, "the request's being read")
        # Enough that the socket's buffers are full of the response, and some is framed beyond them.
        wait_until(lambda: is_stuck(server), 20, "a response that waits")
        send_without_reading(client, frame(PING, payload=bytes(8)) * 1000)
        if is_read:
            wait_until(lambda: client.octets.unread() == 0, 20, "reading on")
        else:
            assert get(server.address).status == 200
            assert client.octets.unread() == 17_000


def is_stuck(server) -> bool:
    """The server's one worker waits, though it has a response to send: its processor time stands still."""
    def spent():
        return pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    before = spent()
    time.sleep(0.1)
    return spent() == before


@pytest.mark.parametrize("limit, is_read", [("http2_unsent_frames=100", False), ("http2_unsent_frames=100000", True)])
def test_who_leaves_frames_unread_is_not_read_from(site, limit, is_read):
    with serving(site, limit, "http2_pings=1000000", "http2_outstanding=100000", "http2_unsent=100MiB") as server, \
            unreading(server) as client:
        for _ in range(100):
            send_without_reading(client, frame(PING, payload=bytes(8)) * 500)
            assert get(server.address).status == 200
            if client.octets.unread() > 100_000:
                break
        assert (client.octets.unread() > 100_000) != is_read


def test_who_does_not_read_is_cut_in_the_end(site, large_file):
    with serving(site, "send_timeout=400ms", more=LOG) as server, \
            unreading(server, values={INITIAL_WINDOW_SIZE: 1 << 30}) as client:
        client.send(window_update(0, 1 << 30), client.request(1, "/large.bin"))
        assert limits_logged(server, 1) == [("/large.bin", "send_timeout")]


# --- Heads that take their time ---------------------------------------------------------------------------------------

BEGINNINGS = {
    "nothing": b"",
    "a part of the preface": PREFACE[:-3],
    "a preface without SETTINGS": PREFACE,
    "a part of SETTINGS": PREFACE + settings({1: 1})[:-2],
}


@pytest.mark.parametrize("name", [name for name in BEGINNINGS if name != "nothing"])
def test_a_preface_has_to_come_in_time(site, name):
    with serving(site, "head_timeout=300ms", more=LOG) as server, \
            FrameConnection(server.address, begin=False, polite=False) as client:
        with takes_about(0.3):
            client.send(BEGINNINGS[name])
            client.all_frames()
        assert limits_logged(server, 1) == [("", "head_timeout")]


@pytest.mark.parametrize("trickles", [False, True])
def test_a_field_block_has_to_come_in_time(site, trickles):
    """Its beginning counts: an octet now and then moves no deadline. Another stream's response does not either."""
    with serving(site, "head_timeout=400ms", more=LOG) as server, FrameConnection(server.address) as client:
        client.round_trip()
        head = frame(HEADERS, 1, 0, client.block(pseudo_fields()) + b"\x00\x01x\x01y" * 2000)
        with takes_about(0.4):
            client.send(head[:200])
            sent = 200
            while trickles and not client.ended and not client.take():
                client.send(head[sent:sent + 1])
                sent += 1
                time.sleep(0.02)  # the pace of the attack
            goaway = client.end_of_connection()
        assert goaway and goaway.error() == ENHANCE_YOUR_CALM
        assert limits_logged(server, 1) == [("", "head_timeout")]


# --- Many at once -----------------------------------------------------------------------------------------------------


def test_requests_that_arrive_together_keep_nobody_waiting(server):
    """Twenty times a hundred in one send; each is answered, and so is another client between any two."""
    def unit(client, number):
        first = 100 * number
        client.send(b"".join(client.request(stream_of(first + one), "/1k.bin") for one in range(100)))
        for one in range(100):
            client.expect(HEADERS, stream_of(first + one))
        client.send(window_update(0, 102_400))
        return b""
    outcome = flood(server, unit, units=20, batch=1)
    assert (outcome.sent, outcome.code, outcome.ended) == (20, None, None)
    assert outcome.grown < PEAK
