"""The access log from outside: its two forms and three destinations, and destinations that take nothing.

Whatever happens to the log, clients are served.
"""

import json
import os
import pty
import re
import select
import signal
import threading
import time

import pytest
from clients import IS_ROOT, get, open_folder, request, run_sluice
from raw_connection import RawConnection
from sluice_server import SluiceServer, sluice_binary, wait_until

KEYS = ["time", "remote", "method", "host", "target", "protocol", "status", "octets", "duration_ms", "user_agent",
        "referer"]


def lines_of(text):
    """The lines, each parsed; raises when one is torn or no JSON."""
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def requests_of(text):
    return [line for line in lines_of(text) if "target" in line]


def server_with_stdout(site, descriptor, *options, env=None):
    """A server whose stdout is `descriptor`."""
    return SluiceServer(site, "--access-log", "stdout", *options, env=env, stdout=descriptor)


def test_json_on_stdout(site):
    with SluiceServer(site, "--access-log", "stdout", "--workers", "1") as server:
        get(server.address, "/1k.bin?x=%22", "User-Agent: test", "Referer: http://here/")
        get(server.address, "/nowhere")
        wait_until(lambda: len(requests_of(server.stdout())) == 2, 20, "two lines")
        found, missing = requests_of(server.stdout())
    assert list(found)[:len(KEYS)] == KEYS
    assert found["remote"] == "127.0.0.1" and found["method"] == "GET" and found["host"] == "localhost"
    assert found["target"] == "/1k.bin?x=%22" and found["protocol"] == "HTTP/1.1"
    assert (found["status"], found["octets"]) == (200, 1024)
    assert (found["user_agent"], found["referer"]) == ("test", "http://here/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    assert 0 <= found["duration_ms"] < 60_000
    assert missing["status"] == 404


def test_every_request_has_its_line(site):
    with SluiceServer(site, "--access-log", "stdout", "--workers", "2") as server:
        for client in range(10):
            with RawConnection(server.address, 60) as connection:
                connection.send(b"".join(request(f"/1k.bin?{client}-{number}") for number in range(50)))
                for _ in range(50):
                    assert connection.response().status == 200
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
        targets = [line["target"] for line in requests_of(server.stdout())]
    assert sorted(targets) == sorted(f"/1k.bin?{client}-{number}" for client in range(10) for number in range(50))


def test_hostile_fields_stay_json(site):
    with SluiceServer(site, "--access-log", "stdout") as server:
        octets = bytes(range(0x80, 0x100)).decode("latin-1")
        get(server.address, "/1k.bin", 'User-Agent: "\\\t' + octets, "Referer: \u00c2\u009b[31m")
        wait_until(lambda: "1k.bin" in server.stdout(), 20, "the line")
        (line,) = requests_of(server.stdout())
        assert line["user_agent"].startswith('"\\\t')
        assert "\x9b" not in server.stdout() and "\x1b" not in server.stdout()


def test_a_refused_request_names_its_cause(site):
    with SluiceServer(site, "--access-log", "stdout", "--limit", "request_line=100") as server:
        assert get(server.address, "/" + "x" * 200).status == 414
        wait_until(lambda: server.stdout().endswith("\n"), 20, "the line")
        (line,) = lines_of(server.stdout())
    assert line["status"] == 414 and line["limit"] == "request_line" and line["cause"] and line["phase"]


def test_a_cut_response_is_not_complete(site, large_file):
    with SluiceServer(site, "--access-log", "stdout") as server:
        with RawConnection(server.address, 30) as connection:
            connection.send(request("/large.bin"))
            wait_until(lambda: connection._wait() or connection.buffer, 20, "the beginning")
        wait_until(lambda: "large.bin" in server.stdout(), 30, "the line")
        (line,) = requests_of(server.stdout())
    assert line["complete"] is False
    assert line["octets"] < large_file.stat().st_size


def test_a_file_is_appended_to(site, tmp_path):
    log = tmp_path / "access.log"
    for _ in range(2):
        with SluiceServer(site, "--access-log", log) as server:
            get(server.address)
    assert len(requests_of(log.read_text())) == 2


def test_off(site):
    with SluiceServer(site, "--access-log", "off") as server:
        get(server.address)
        time.sleep(0.3)
        assert server.stdout() == ""


def test_text_when_asked(site, tmp_path):
    log = tmp_path / "access.log"
    with SluiceServer(site, "--access-log", log, "--log-format", "text") as server:
        get(server.address, "/1k.bin")
    assert re.fullmatch(r"\d\d:\d\d:\d\d 200 GET +/1k\.bin +1\.0 kB +\d+\.\d ms 127\.0\.0\.1\n", log.read_text())


def test_a_wrong_format_is_a_usage_error(site):
    assert run_sluice("serve", site, "--log-format", "yaml").returncode > 0


# --- A terminal ---


def terminal_output(site, **environment) -> str:
    """What a person sees on a terminal after two requests."""
    master, slave = pty.openpty()
    try:
        with server_with_stdout(site, slave, env=environment) as server:
            get(server.address, "/1k.bin")
            get(server.address, "/nowhere", "User-Agent: \u00c2\u009b31m")
            seen, end = "", time.monotonic() + 20
            while seen.count("\n") < 2 and time.monotonic() < end:
                if select.select([master], [], [], 0.2)[0]:
                    seen += os.read(master, 65536).decode("utf-8", "replace")
            return seen
    finally:
        os.close(master)
        os.close(slave)


def test_text_with_colour_on_a_terminal(site):
    seen = terminal_output(site, NO_COLOR="")
    assert "\x1b[32m200\x1b[0m" in seen and "\x1b[33m404\x1b[0m" in seen
    assert "GET" in seen and "{" not in seen


def test_no_color(site):
    seen = terminal_output(site, NO_COLOR="1")
    assert "200 GET" in seen and "\x1b" not in seen


# --- Destinations that take nothing ---


def hammer(server, seconds):
    """Requests for `seconds`; returns how many were answered."""
    answered, end = 0, time.monotonic() + seconds
    with RawConnection(server.address, seconds + 60) as connection:
        while time.monotonic() < end:
            connection.send(request("/1k.bin", "User-Agent: " + "u" * 200) * 50)
            for _ in range(50):
                assert connection.response().status == 200
            answered += 50
    return answered


SMALL_RING = ("--limit", "log_ring=16KiB", "--workers", "1")


def test_a_pipe_that_nobody_reads_and_then_somebody_does(site):
    reading, writing = os.pipe()
    try:
        with server_with_stdout(site, writing, *SMALL_RING) as server:
            answered = hammer(server, 3)
            assert answered > 2000, "otherwise nothing was dropped"
            collected = []

            def read_all():
                with open(reading, "rb", closefd=False) as pipe:
                    while part := pipe.read1(65536):
                        collected.append(part)

            reader = threading.Thread(target=read_all, daemon=True)
            reader.start()
            wait_until(lambda: b'"dropped":' in b"".join(collected), 30, "the line that counts dropped lines")
            assert get(server.address, "/?after").status == 200
            wait_until(lambda: b"/?after" in b"".join(collected), 30, "lines after it recovered")
        os.close(writing)
        writing = -1
        reader.join(20)
        lines = lines_of(b"".join(collected).decode())
        dropped = sum(line.get("dropped", 0) for line in lines)
        assert sum("target" in line for line in lines) + dropped == answered + 1
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def others_may_run_it() -> bool:
    return all(part.stat().st_mode & 0o001 for part in [sluice_binary(), *sluice_binary().parents])


@pytest.mark.skipif(not IS_ROOT or not others_may_run_it(), reason="needs root, and a binary that others may run")
def test_a_pipe_of_another_user():
    """It cannot be opened once more through /proc (sudo -u www sluice | tee), so it is written with care."""
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    reading, writing = os.pipe()
    with open_folder() as folder, open(reading, "rb") as pipe:
        (folder / "1k.bin").write_bytes(b"x" * 1024)
        with SluiceServer(folder, "--access-log", "stdout", *SMALL_RING, stdout=writing, prefix=as_nobody) as server:
            answered = hammer(server, 1)
            assert answered > 500
            assert os.get_blocking(writing), "the pipe is shared, and was made non-blocking for all"
            collected = bytearray()
            reader = threading.Thread(target=lambda: collected.extend(pipe.read()), daemon=True)
            reader.start()
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(30)
            os.close(writing)
            reader.join(20)
    lines = lines_of(collected.decode())
    assert sum("target" in line for line in lines) + sum(line.get("dropped", 0) for line in lines) == answered


def test_a_stuck_pipe_does_not_hold_up_the_end(site):
    reading, writing = os.pipe()
    try:
        with server_with_stdout(site, writing, *SMALL_RING) as server:
            assert hammer(server, 2) > 1000
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_pipe(site):
    reading, writing = os.pipe()
    with server_with_stdout(site, writing, *SMALL_RING) as server:
        os.close(writing)
        assert get(server.address).status == 200
        os.close(reading)
        assert hammer(server, 1) > 0


def test_a_full_disk(site):
    with SluiceServer(site, "--access-log", "/dev/full", *SMALL_RING) as server:
        assert hammer(server, 2) > 0
        assert get(server.address).status == 200


@pytest.mark.long
def test_an_idle_server_does_not_wake(site):
    """With nothing to do the whole process, its log included, may wake a few times a second at most."""
    with SluiceServer(site, "--access-log", "stdout", "--workers", "1") as server:
        get(server.address)
        time.sleep(2)

        def switches():
            total = 0
            for task in os.listdir(f"/proc/{server.pid}/task"):
                with open(f"/proc/{server.pid}/task/{task}/status") as status:
                    total += sum(map(int, re.findall(r"voluntary_ctxt_switches:\s+(\d+)", status.read())))
            return total

        before = switches()
        time.sleep(5)
        assert switches() - before < 50
