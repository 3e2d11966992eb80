"""Each limit of conf/limits.h, met through a real socket: small values on the command line, the answer as documented.

The table is checked too: every limit that `sluice serve --help` names is either met by a test here, which says so with
@meets, or stands in ELSEWHERE with the file that tests it; none is in both, and none is missing. What needs a handler
that reads content itself (body, body_timeout, body_rate, exchange_body) cannot be met here: files read none.
Memory is in test_memory_limits.py, files are in test_file_limits.py, TLS is in test_tls_limits.py, the proxy is in
test_upstream_limits.py.
"""

import contextlib
import functools
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from clients import SANITIZED, get, read_to_end, request, reset, run_sluice, slow_socket
from limited_server import LOG, descriptors, logged, serving, takes_about, traced
from raw_connection import RawConnection
from sluice_server import ROOT, SluiceServer, wait_until
from stopped_thread import stopped, thread_named

UNIT = "tests/unit/server"
FILES = ("held_file", "open_files", "watches", "file_check", "listing_entries", "ranges", "overlapping_ranges", "etag_wait",
         "etag_hash_max")
ELSEWHERE = {
    "body": f"{UNIT}/http/h1_server_connection_test.cc",  # no handler reads content itself yet
    "body_timeout": f"{UNIT}/http/h1_server_connection_deadlines_test.cc",  # likewise
    "body_rate": f"{UNIT}/http/h1_server_connection_deadlines_test.cc",  # likewise
    "exchange_body": f"{UNIT}/http/h1_server_connection_test.cc",  # likewise
    "connection_memory": f"{UNIT}/http/h1_server_connection_memory_test.cc",  # no file makes a connection hold so much
    "send_timeout": "tests/e2e/test_slow_clients.py",
    "shutdown_timeout": "tests/e2e/test_signals.py",
    "memory_high": "tests/e2e/test_memory_limits.py",
    "memory_critical": "tests/e2e/test_memory_limits.py",
    "accept_pause": f"{UNIT}/net/listener_test.cc",
    **dict.fromkeys(FILES, "tests/e2e/test_file_limits.py"),
    "handshake_timeout": "tests/e2e/test_hostile_tls.py",
    "key_updates": "tests/e2e/test_hostile_tls.py",
    "turn_handshakes": "tests/e2e/test_tls_limits.py",
    "certificate_check": "tests/e2e/test_tls_limits.py",
    "held_bytes": f"{UNIT}/handler/files/file_resources_test.cc",
    "file_settle": f"{UNIT}/handler/files/changes_test.cc",
    "file_window": f"{UNIT}/handler/files/file_source_test.cc",
    "etag_queue": f"{UNIT}/handler/files/background_hasher_test.cc",
    "etags": f"{UNIT}/handler/files/background_hasher_test.cc",
    "listings": f"{UNIT}/handler/files/site_options_test.cc",
    "log_ring": "tests/e2e/test_access_log.py",
    "proxy_protocol_timeout": "tests/e2e/test_proxy_protocol.py",
    "upstream_pipes": "tests/e2e/proxy_faults/test_piped_content.py",
    "control_connections": f"{UNIT}/ops/control_server_test.cc",
    "control_line": f"{UNIT}/ops/control_server_test.cc",
    "control_timeout": f"{UNIT}/ops/control_server_test.cc",
}
FLOODS = ("resets", "reset_rate", "resets_suspicious", "reset_of_upstream", "pings", "ping_rate", "ping_regained", "settings",
          "settings_rate", "empty_in_a_row", "empty_frames", "small_data_size", "small_data", "small_data_rate",
          "small_data_stream", "priorities", "window_updates", "unknown_frames")
ELSEWHERE |= {f"http2_{name}": "tests/unit/protocol/h2/flood_guard_test.cc" for name in FLOODS}
ELSEWHERE |= dict.fromkeys(("http2_outstanding", "http2_head_block", "http2_continuations", "http2_fields_fatal",
                            "http2_window_timeout", "http2_window_stalls", "http2_window_close", "http2_unsent",
                            "http2_unsent_frames"), "tests/e2e/test_http2_floods.py")
ELSEWHERE |= dict.fromkeys(("http2_streams", "http2_stream_window", "http2_stream_window_most",
                            "http2_connection_window", "http2_turn_read", "http2_frame_ahead"),
                           "tests/e2e/test_http2_limits.py")
PROXY = ("connect_timeout", "response_timeout", "read_timeout", "send_timeout", "total_timeout", "continue_timeout",
         "idle_timeout", "fresh", "idle", "head", "fields", "interims", "read_ahead", "kept_body", "retries", "retry_share")
ELSEWHERE |= dict.fromkeys((*(f"upstream_{name}" for name in PROXY), "resolve_least", "resolve_most"),
                           "tests/e2e/test_upstream_limits.py")
HERE = set()


def meets(*names):
    """Says which limits a test meets."""
    HERE.update(names)
    return lambda test: test


def test_every_limit_is_met_somewhere():
    text = run_sluice("serve", "--help").stdout.split("Limits for --limit")[1]
    names = set(re.findall(r"^  ([a-z0-9_]+) ", text, re.M))
    assert len(names) > 50, text
    assert not HERE & ELSEWHERE.keys()
    assert HERE | ELSEWHERE.keys() == names
    for name, file in ELSEWHERE.items():
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text()), f"{file} does not name {name}"


# --- Heads ---

HEADS = {
    "request_line": ("request_line=100", request("/" + "a" * 70), request("/" + "a" * 100), 414),
    "field": ("field=100", request("/", "X: " + "y" * 90), request("/", "X: " + "y" * 110), 431),
    "head": ("head=300", request("/", *["X: " + "y" * 90] * 2), request("/", *["X: " + "y" * 90] * 3), 431),
    "fields": ("fields=4", request("/", *["X: y"] * 3), request("/", *["X: y"] * 4), 431),
}


@meets(*HEADS)
@pytest.mark.parametrize("name", HEADS)
def test_heads(site, name):
    limit, below, above, status = HEADS[name]
    with serving(site, limit) as server, RawConnection(server.address, 30) as connection:
        connection.send(below)
        assert connection.response().status in (200, 404)
        connection.send(above)
        response = connection.response()
        assert (response.status, response.closes) == (status, True)
        assert connection.wait_for_end() == "fin"


@meets("large_heads")
def test_large_heads_are_few(site):
    """A head beyond 16 KiB takes one of them; while it is taken the next such head is refused, others are not."""
    unfinished = request("/", *["X: " + "y" * 8000] * 3)[:-2]
    with SluiceServer(site, "--workers", "1", "--limit", "large_heads=1") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawConnection(server.address, 30)) for _ in range(4)]
        for one in clients:
            one.send(unfinished)
        wait_until(lambda: sum(map(is_answered, clients)) == 3, 20, "refusing all but one")
        assert [one.response().status for one in clients if is_answered(one)] == [431] * 3
        assert get(server.address).status == 200


CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = {
    "chunk_line": ("chunk_line=20", b"1;a=b\r\nx\r\n0\r\n\r\n", b"1;" + b"a" * 30 + b"\r\nx\r\n0\r\n\r\n"),
    "chunk_extensions": ("chunk_extensions=20", b"1;a=b\r\nx\r\n0\r\n\r\n", b"1;abcdefgh\r\nx\r\n" * 4 + b"0\r\n\r\n"),
    "trailers": ("trailers=40", b"0\r\nA: b\r\n\r\n", b"0\r\nA: " + b"b" * 60 + b"\r\n\r\n"),
    "trailer_fields": ("trailer_fields=2", b"0\r\nA: b\r\nB: c\r\n\r\n", b"0\r\n" + b"A: b\r\n" * 3 + b"\r\n"),
}


@meets(*CHUNKS)
@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_and_trailers(site, name):
    """Files answer 405 before the content has come, so that status stays; the connection's end tells."""
    limit, below, above = CHUNKS[name]
    with serving(site, limit) as server, RawConnection(server.address, 30) as connection:
        connection.send(request("/", CHUNKED, method="POST", body=below))
        assert connection.response().status == 405
        connection.send(request("/", CHUNKED, method="POST", body=above))
        assert connection.response().status in (400, 405)
        assert connection.wait_for_end() == "fin"


# --- Content that nobody wants, and the end of a connection ---


@meets("drain")
def test_unwanted_content_is_read_up_to_a_limit(site):
    with serving(site, "drain=1KiB") as server, RawConnection(server.address, 30) as connection:
        connection.send(request("/", "Content-Length: 1000", method="POST", body=b"x" * 1000))
        response = connection.response()
        assert (response.status, response.closes) == (405, False)
        connection.send(request("/", "Content-Length: 1100", method="POST"))
        response = connection.response()
        assert (response.status, response.closes) == (405, True)
        assert connection.wait_for_end() == "fin"


@meets("drain_timeout")
def test_unwanted_content_is_waited_for_so_long(site):
    with serving(site, "drain_timeout=300ms") as server, RawConnection(server.address, 30) as connection:
        with takes_about(0.3):
            connection.send(request("/", "Content-Length: 1000", method="POST", body=b"x" * 10))
            assert connection.response().status == 405
            assert connection.wait_for_end() == "fin"


def refused_for_good(server):
    """A connection that met an error, and the server's FIN after it: it lingers."""
    connection = RawConnection(server.address, 30)
    connection.send(b"nonsense\r\n\r\n")
    assert connection.response().status == 400
    assert connection.wait_for_end() == "fin"
    return connection


@meets("linger")
def test_after_an_error_so_much_is_read(site):
    with serving(site, "linger=100KiB", "linger_timeout=60s") as server:
        idle = descriptors(server)
        with refused_for_good(server) as connection:
            assert connection.send(b"x" * 50_000)
            time.sleep(0.1)
            assert descriptors(server) == idle + 1, "it is still read"
            connection.send(b"x" * 400_000)
            wait_until(lambda: server.open_descriptors() == idle, 20, "closing")


@meets("linger_timeout")
def test_after_an_error_the_connection_stays_so_long(site):
    with serving(site, "linger_timeout=300ms") as server:
        idle = descriptors(server)
        with takes_about(0.3), refused_for_good(server):
            wait_until(lambda: server.open_descriptors() == idle, 20, "closing")


# --- Time ---


@meets("head_timeout")
def test_a_head_takes_so_long(site):
    with serving(site, "head_timeout=300ms") as server, RawConnection(server.address, 30) as connection:
        with takes_about(0.3):
            connection.send(b"GET / HTTP/1.1\r\nHost: ")
            response = connection.response()
        assert (response.status, response.closes) == (408, True)


@meets("idle_timeout")
def test_a_connection_idles_so_long(site):
    with serving(site, "idle_timeout=300ms") as server, RawConnection(server.address, 30) as connection:
        with takes_about(0.3):
            connection.send(request("/"))
            assert connection.response().status == 200
            assert connection.wait_for_end() == "fin"


@meets("connection_life")
def test_a_connection_lives_so_long(site):
    with serving(site, "connection_life=400ms") as server, RawConnection(server.address, 30) as connection:
        connection.send(request("/"))
        assert not connection.response().closes or SANITIZED
        time.sleep(0.45)
        connection.send(request("/"))
        response = connection.response()
        assert (response.status, response.closes) == (200, True), "the exchange is never cut"
        assert connection.wait_for_end() == "fin"


@meets("send_rate")
def test_who_takes_octets_too_slowly_is_cut(site, large_file):
    """It takes some all the time, so it is not stuck; only too little."""
    with SluiceServer(site, "--limit", "send_timeout=800ms", "--limit", "send_rate=40MiB", *LOG) as server:
        one = slow_socket(server.address, receive_buffer=64 * 1024, seconds=30)
        one.sendall(request("/large.bin"))
        begin = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while not logged(server) and one.recv(32 * 1024):
                time.sleep(0.02)
        wait_until(lambda: logged(server), 20, "a line in the log")
        one.close()
        assert time.monotonic() - begin > 0.6
        line = logged(server)[0]
        assert (line["complete"], line["limit"]) == (False, "send_rate")


@meets("first_process_shutdown_timeout")
def test_as_first_process_a_drain_is_shorter(site, large_file):
    """In a process namespace of its own it is process 1, as in a container, and SIGTERM comes from outside."""
    prefix = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespace can be made here")
    with serving(site, "first_process_shutdown_timeout=400ms", prefix=prefix) as server:
        one = slow_socket(server.address)
        one.sendall(request("/large.bin"))
        assert one.recv(100)
        child = int(pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
        with takes_about(0.4):
            os.kill(child, signal.SIGTERM)
            assert server.process.wait(60) == 0
        one.close()


# --- What a turn may do: seen in the system calls ---


@meets("turn_read")
def test_a_turn_reads_so_much(site, tmp_path):
    with traced(site, tmp_path, "recvfrom,recvmsg,read", "turn_read=1000") as (server, calls):
        with RawConnection(server.address, 30) as connection:
            connection.send(request("/", "Content-Length: 20000", method="POST", body=b"x" * 20_000) + request("/"))
            assert [connection.response().status for _ in range(2)] == [405, 200]

        def sizes():
            return [int(size) for size in re.findall(r"recvfrom(?:\(| resumed).*, (\d+), 0, NULL", "\n".join(calls()))]

        wait_until(lambda: len(sizes()) > 20, 20, "the trace of more than 20 KB in steps of 1 KB")
        assert max(sizes()) <= 1000


@meets("turn_write")
def test_a_turn_writes_so_much(site, tmp_path):
    with traced(site, tmp_path, "sendfile", "turn_write=50000") as (server, calls):
        response = get(server.address, "/200k.bin")
        assert response.body == (site / "200k.bin").read_bytes()

        def sizes():
            return [int(size) for size in re.findall(r"sendfile(?:\(| resumed).*, (\d+)\) +=", "\n".join(calls()))]

        wait_until(lambda: len(sizes()) >= 4, 20, "the trace of 200 KiB in steps of 50 KB")
        assert max(sizes()) <= 50_000


@meets("turn_accept")
def test_a_turn_accepts_so_many(site, tmp_path):
    with traced(site, tmp_path, "accept4,epoll_wait", "turn_accept=2") as (server, calls):
        before = len(calls())
        # Tracing makes each call slow, so that many wait together.
        clients = [socket.create_connection(server.address, 30) for _ in range(40)]
        accepted = functools.partial(re.findall, r"accept4(?:\(| resumed).*\) += \d+")
        wait_until(lambda: len(accepted("\n".join(calls()[before:]))) == 40, 20, "accepting all")
        for turn in "\n".join(calls()[before:]).split("epoll_wait"):
            assert len(accepted(turn)) <= 2, turn
        for one in clients:
            one.close()


@meets("turn_requests", "turn_batch")
@pytest.mark.parametrize("limit, sends", [("turn_requests=4", 5), ("turn_batch=1", 20), ("turn_batch=1MiB", 1)])
def test_a_turn_answers_so_many_requests(site, tmp_path, limit, sends):
    """Twenty requests that arrive together; how many leave in one send."""
    with traced(site, tmp_path, "sendto,sendmsg,sendfile", limit) as (server, calls):
        with RawConnection(server.address, 30) as connection:
            connection.send(request("/1k.bin"))  # from here on the file is held
            connection.response()
            before = len(calls())
            connection.send(request("/folder/one.txt", method="HEAD") * 20)
            assert [connection.response("HEAD").status for _ in range(20)] == [200] * 20
        answers = [line for line in calls()[before:] if "HTTP/1.1 200" in line]
        assert sends <= len(answers) <= sends + 2


# --- Connections ---


def greeted_by(address, server, octets=request("/")):
    """A connection from that loopback address which has sent something."""
    one = socket.socket()
    one.settimeout(30)
    one.bind((address, 0))
    one.connect(server.address)
    one.sendall(octets)
    return one


def answer(one) -> bytes:
    """The status line, or nothing when the server only closed."""
    try:
        return one.recv(4096).partition(b"\r\n")[0]
    except ConnectionResetError:
        return b""


OK, UNAVAILABLE = b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"
IN_A_HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX"  # busy: not one of the idle


@meets("connections")
def test_so_many_connections(site):
    with SluiceServer(site, "--limit", "connections=6", "--workers", "2", *LOG) as server, \
            contextlib.ExitStack() as stack:
        busy = [stack.enter_context(greeted_by("127.0.0.1", server, IN_A_HEAD)) for _ in range(6)]
        time.sleep(0.2)
        for _ in range(3):
            with greeted_by("127.0.0.1", server) as late:
                assert answer(late) in (UNAVAILABLE, b"")
        with socket.create_connection(server.address, 30) as late:  # sends nothing: no reset takes the answer away
            octets, was_reset = read_to_end(late)
            assert octets.startswith(UNAVAILABLE) and b"Connection: close" in octets and not was_reset
        wait_until(lambda: len(logged(server)) >= 4, 20, "four lines in the log")
        assert {(line["status"], line["limit"]) for line in logged(server)} == {(503, "connections")}
        for one in busy:
            one.sendall(b": y\r\n\r\n")
            assert answer(one) == OK


@meets("idle_grace")
@pytest.mark.parametrize("grace, expected", [("idle_grace=0ms", OK), ("idle_grace=1h", UNAVAILABLE)])
def test_idle_connections_make_room_after_their_grace(site, grace, expected):
    with serving(site, "connections=4", grace) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(greeted_by("127.0.0.1", server)) for _ in range(4)]
        assert {answer(one) for one in idle} == {OK}
        time.sleep(0.05)
        with socket.create_connection(server.address, 30) as late:
            if expected == OK:
                late.sendall(request("/"))
            assert answer(late) == expected


def test_the_address_that_holds_most_makes_room_first(site):
    """Its idle ones, whichever worker has them; others' stay although they have been idle for longer."""
    with serving(site, "connections=20", "idle_grace=0ms") as server, contextlib.ExitStack() as stack:
        def crowd(address, count):
            clients = [stack.enter_context(greeted_by(address, server)) for _ in range(count)]
            assert {answer(one) for one in clients} == {OK}
            return clients

        def alive(clients):
            return sum(not ended(one) for one in clients)

        few, many = crowd("127.0.0.2", 3), crowd("127.0.0.3", 14)
        late = crowd("127.0.0.4", 5)  # the second of these is the one that finds 18, 90 % of 20
        wait_until(lambda: alive(many) == 10, 20, "making room")
        assert (alive(few), alive(many), alive(late)) == (3, 10, 5)


def ended(one) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            one.setblocking(False)
            while part := one.recv(65536):
                del part
            return True
        except ConnectionResetError:
            return True
        finally:
            one.setblocking(True)
    return False


def is_answered(connection: RawConnection) -> bool:
    if not connection.ended:
        connection._read()
    return bool(connection.buffer)


@meets("connections_per_address")
def test_so_many_connections_of_one_address(site, tmp_path):
    path = str(tmp_path / "socket")
    with SluiceServer(site, "--limit", "connections_per_address=3", "--workers", "2", *LOG,
                      listen=["127.0.0.1:0", "unix:" + path]) as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(greeted_by("127.0.0.2", server)) for _ in range(3)]
        assert {answer(one) for one in held} == {OK}
        for _ in range(4):
            with greeted_by("127.0.0.2", server, b"") as fourth:
                assert answer(fourth) == UNAVAILABLE
        wait_until(lambda: len(logged(server)) >= 7, 20, "seven lines in the log")
        assert [line["limit"] for line in logged(server) if line["status"] == 503] == ["connections_per_address"] * 4
        others = [stack.enter_context(greeted_by("127.0.0.3", server)) for _ in range(3)]
        assert {answer(one) for one in others} == {OK}
        for _ in range(5):  # peers without an address are not counted
            one = stack.enter_context(RawConnection(path, 30))
            one.send(request("/"))
            assert one.response().status == 200
        reset(held.pop())
        wait_until(lambda: answers(server, "127.0.0.2") == OK, 20, "having a place again")


def answers(server, address) -> bytes:
    with greeted_by(address, server) as one:
        return answer(one)


@meets("descriptor_reserve")
def test_so_many_descriptors_are_kept_from_connections(site):
    prefix = ["prlimit", "--nofile=100:100"]
    with serving(site, "descriptor_reserve=70", "open_files=1", prefix=prefix) as server, \
            contextlib.ExitStack() as stack:
        most = 100 - 70 - 1
        for _ in range(most):
            stack.enter_context(greeted_by("127.0.0.1", server, IN_A_HEAD))
        time.sleep(0.2)
        with socket.create_connection(server.address, 30) as late:
            assert answer(late) == UNAVAILABLE


# --- Configuration and control ---


@meets("rewrites")
def test_so_many_rewrites(site, tmp_path):
    config = tmp_path / "sluice.toml"
    config.write_text(f"""[log]
access = "off"
[limits]
rewrites = 3
[[listener]]
address = "127.0.0.1:0"
[[site]]
[[site.route]]
path = "/round"
rewrite = "/round"
[[site.route]]
path = "/"
files = "{site}"
""")
    with SluiceServer(config=config) as server:
        assert get(server.address, "/round").status == 500
        assert get(server.address, "/").status == 200


@meets("health_timeout")
def test_a_worker_that_does_nothing_for_so_long_is_unwell(site, tmp_path):
    control = str(tmp_path / "control")
    with SluiceServer(site, "--workers", "2", "--control", control, "--limit", "health_timeout=400ms") as server:
        assert run_sluice("health", "--control", control).returncode == 0
        with stopped(thread_named(server.pid, "worker-1")), takes_about(0.4):
            done = run_sluice("health", "--control", control)
            assert done.returncode != 0 and "failing" in done.stdout + done.stderr
        assert run_sluice("health", "--control", control).returncode == 0
