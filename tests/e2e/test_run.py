"""`sluice run`: a configuration served, reloaded and controlled, from outside.

What a configuration means for a request is shown by unit tests (tests/unit/server/snapshot_router_test.cc) and by the
examples (test_examples.py); here it is the process: what it says, what a reload keeps and changes, who may control it.
What a client sees of it runs over each version.
"""

import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
from clients import IS_ROOT, SANITIZED, get, open_folder, request, run_sluice
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until
from stopped_thread import stopped, thread_named

LISTENER = '[[listener]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    """A folder with two sites' files and a configuration for the first."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    configure(tmp_path, LISTENER + '[[site]]\nroot = "one"\n')
    return tmp_path


def configure(folder, text, version=None):
    """Writes the configuration; its listeners speak what `version` says, HTTP/1.1 in clear text by default."""
    (folder / "sluice.toml").write_text(version.adapted(text) if version else text)


def running(folder, version=None, **options) -> SluiceServer:
    options["env"] = {"SLUICE_CONTROL": str(folder / "control.sock"), **options.get("env", {})}
    if version:
        return version.running(folder / "sluice.toml", **options)
    return SluiceServer(config=folder / "sluice.toml", **options)


def ask(folder, command, *arguments):
    """One of `stop`, `health` and `reload`, said to the server of this folder."""
    return run_sluice(command, "--control", folder / "control.sock", *arguments)


def body(server, target="/", **options) -> bytes:
    return get(server.address, target, **options).body


def reloads(server) -> int:
    """How many reloads by signal the server has spoken of."""
    return len(re.findall("sluice: reloaded|nothing is changed", server.stderr()))


def hang_up(server):
    before = reloads(server)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: reloads(server) > before, 30, "the reload")


# --- Starting ---------------------------------------------------------------------------------------------------------

def test_what_it_says_when_it_starts(folder):
    with running(folder) as server:
        lines = server.stderr().splitlines()
        assert re.fullmatch(r"sluice: listening on http://127\.0\.0\.1:\d+", lines[0])
        assert re.fullmatch(rf"sluice: ready, serving 1 site of {folder}/sluice\.toml with \d+ workers?", lines[1])
        assert body(server) == b"one"


def test_all_mistakes_are_told_at_once_and_nothing_is_started(folder):
    configure(folder, '[[listener]]\nadress = "127.0.0.1:0"\n[[site]]\nroot = "one"\nspa = "yes"\n')
    done = run_sluice("run", "-c", folder / "sluice.toml")
    assert done.returncode == 1 and done.stdout == ""
    assert f"{folder}/sluice.toml:2:1: error: unknown key 'adress'" in done.stderr
    assert "did you mean 'address'?" in done.stderr and "^~~~~~" in done.stderr
    assert f"{folder}/sluice.toml:5:7: error:" in done.stderr
    assert "listening" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("sluice: error: ")


def test_the_file_is_found_in_the_current_folder(folder):
    with SluiceServer(config="sluice.toml", cwd=folder) as server:
        assert body(server) == b"one"
    empty = folder / "empty"
    empty.mkdir()
    if not os.path.exists("/etc/sluice/sluice.toml"):
        done = run_sluice("run", cwd=empty)
        assert done.returncode == 1 and "sluice.toml" in done.stderr and "-c FILE" in done.stderr


def test_a_folder_that_is_missing_is_a_warning_and_503_until_it_comes(version, folder):
    configure(folder, LISTENER + '[[site]]\nroot = "late"\n', version)
    with running(folder, version) as server:
        assert "warning: the folder 'late' does not exist" in server.stderr()
        assert server.get().status == 503
        (folder / "late").mkdir()
        (folder / "late" / "index.html").write_text("late")
        assert server.get().body == b"late"


def test_variables_come_from_the_environment(folder):
    configure(folder, LISTENER + '[[site]]\nroot = "${ROOT_OF_TEST}"\n[[site.route]]\npath = "/v"\n'
                                 'respond = "${NOT_SET_IN_TEST:-fallback}"\n')
    with running(folder, env={"ROOT_OF_TEST": "two"}) as server:
        assert body(server) == b"two" and body(server, "/v") == b"fallback"
    assert "ROOT_OF_TEST" in run_sluice("run", "-c", folder / "sluice.toml").stderr


def test_each_listener_has_limits_and_sites_of_its_own(version, folder):
    configure(folder, '[[listener]]\nname = "a"\naddress = "127.0.0.1:0"\nlimits = { request_line = 100 }\n'
                      '[[listener]]\nname = "b"\naddress = "127.0.0.1:0"\n'
                      '[[site]]\nlisteners = ["a"]\nroot = "one"\n'
                      '[[site]]\nlisteners = ["b"]\nhosts = ["localhost"]\nroot = "two"\n', version)
    with running(folder, version) as server:
        first, second = server.addresses
        long = "/?" + "x" * 200
        assert server.get(address=first).body == b"one" and server.get(address=second).body == b"two"
        assert server.get(long, address=first).status == 414 and server.get(long, address=second).status == 200


def test_limits_of_a_site_hold_from_routing_on_and_the_error_log_names_the_line(version, folder):
    configure(folder, 'workers = 1\n[log]\naccess = "access.log"\nformat = "json"\nerrors = "error.log"\n' + LISTENER +
              '[[site]]\nroot = "one"\nlimits = { rewrites = 2 }\n'
              '[[site.route]]\npath = "/a"\nrewrite = "/b"\n[[site.route]]\npath = "/b"\nrewrite = "/a"\n', version)
    with running(folder, version) as server:
        assert server.get("/a").status == 500
        assert server.get("/nowhere").status == 404
    errors = (folder / "error.log").read_text().splitlines()
    line = 10 + version.secure  # the configuration is then longer by `tls = true`
    assert len(errors) == 1, "a 404 is nothing that an operator must hear of"
    assert " error 500 GET localhost/a: rewrite rules lead to each other " in errors[0]
    assert "limit rewrites" in errors[0] and f"{folder}/sluice.toml:{line}" in errors[0]
    entries = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
    assert [entry["status"] for entry in entries] == [500, 404]
    assert entries[0]["limit"] == "rewrites" and entries[0]["rule"] == f"{folder}/sluice.toml:{line}"
    assert entries[1]["cause"] == "no such file"
    assert entries[0]["id"] in errors[0], "the same exchange in both logs"


def test_the_combined_format_and_a_request_id_of_a_trusted_proxy(version, folder):
    configure(folder, 'trusted_proxies = ["127.0.0.1"]\n[log]\naccess = "a.log"\nformat = "combined"\n' + LISTENER +
              '[[site]]\nroot = "one"\n', version)
    with running(folder, version) as server:
        assert server.get("/?q", "Referer: http://x/", "User-Agent: probe \"1\"").status == 200
    line = (folder / "a.log").read_text()
    protocol = re.escape(version.protocol)
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /\?q ' + protocol + r'" 200 3 '
                        r'"http://x/" "probe \\x221\\x22"\n|.*"probe \\"1\\""\n', line), line
    configure(folder, 'workers = 1\ntrusted_proxies = ["127.0.0.1"]\n[log]\naccess = "b.log"\nformat = "json"\n' + LISTENER +
              '[[site]]\nroot = "one"\n', version)
    with running(folder, version) as server:
        server.get("/", "X-Request-ID: from-the-proxy.1")
        server.get("/", "X-Request-ID: no good id")
    ids = [json.loads(line)["id"] for line in (folder / "b.log").read_text().splitlines()]
    assert ids[0] == "from-the-proxy.1" and re.fullmatch("[0-9a-f]{32}", ids[1])


# --- Reloading --------------------------------------------------------------------------------------------------------

def test_sighup_replaces_the_configuration_and_connections_stay(version, folder):
    configure(folder, LISTENER + '[[site]]\nroot = "one"\n', version)
    with running(folder, version) as server, server.session(seconds=60) as kept:
        assert kept.fetch().body == b"one"
        configure(folder, LISTENER + '[[site]]\nroot = "two"\n', version)
        hang_up(server)
        assert "sluice: reloaded: 1 site, 1 listener" in server.stderr()
        if version.is_h2:  # it is told to go, in two steps: RFC 9113 section 6.8
            assert kept.until(lambda: kept.ended) and kept.goaways == [(2**31 - 1, 0), (1, 0)]
        else:
            assert kept.fetch().body == b"two", "the same connection, by the new rules"
        assert server.get().body == b"two"


def test_a_bad_file_changes_nothing_and_says_why(folder):
    with running(folder) as server:
        configure(folder, LISTENER + '[[site]]\nroot = "two"\nlistin = true\n')
        hang_up(server)
        assert "unknown key 'listin'" in server.stderr() and "did you mean 'listing'?" in server.stderr()
        assert re.search("sluice: error: nothing is changed: .*sluice.toml:5:1: unknown key", server.stderr())
        assert body(server) == b"one"
        (folder / "sluice.toml").unlink()
        hang_up(server)
        assert body(server) == b"one"


def test_a_response_that_runs_is_not_cut_by_a_reload(version, folder):
    large = os.urandom(32 << 20)
    (folder / "one" / "large.bin").write_bytes(large)
    configure(folder, LISTENER + '[[site]]\nroot = "one"\n', version)
    with running(folder, version) as server, server.slow_download("/large.bin") as download:
        configure(folder, LISTENER + '[[site]]\nroot = "two"\n', version)
        hang_up(server)
        hang_up(server)
        assert download.finish() == (large, True)
        after = server.get() if version.is_h2 else download.then("/")
        assert after.body == b"two"


# In clear text Debian 12's curl cannot use an HTTP/2 connection twice.
@pytest.mark.parametrize("version", ["h1", "h1-tls", "h2-tls"], indirect=True)
def test_reloading_under_load_loses_no_request(version, folder):
    rounds = 5 if SANITIZED else 20
    configure(folder, LISTENER + '[[site]]\nroot = "one"\n', version)
    with running(folder, version) as server:
        load = subprocess.Popen(
            ["curl", *server.curl_options, "-s", "--fail", "--parallel", "--parallel-max", "8", "--write-out",
             "%{http_code}\n", "--output", "/dev/null", f"{server.url}/?[1-4000]"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for i in range(rounds):
            configure(folder, LISTENER + f'[[site]]\nroot = "{("one", "two")[i % 2]}"\n', version)
            hang_up(server)
        out, _ = load.communicate(timeout=120)
        codes = out.split()
        assert load.returncode == 0 and len(codes) == 4000 and set(codes) == {"200"}


def test_listeners_come_and_go(folder):
    with running(folder) as server:
        first = server.address
        with RawConnection(first, 60) as old:
            old.send(request("/"))
            assert old.response().status == 200
            configure(folder, '[[listener]]\naddress = "[::1]:0"\n[[site]]\nroot = "two"\n')
            assert ask(folder, "reload").returncode == 0
            health = json.loads(ask(folder, "health", "--json").stdout)
            (url,) = health["listeners"]
            port = int(url.rpartition(":")[2])
            assert get(("::1", port)).body == b"two"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(first, 5)
            old.send(request("/"))
            assert old.response().status == 421, "its listener is gone: no site is its business any more"


def test_an_address_that_is_taken_changes_nothing(folder):
    with socket.create_server(("127.0.0.1", 0)) as other, running(folder) as server:
        port = other.getsockname()[1]
        configure(folder, LISTENER + f'[[listener]]\nname = "b"\naddress = "127.0.0.1:{port}"\n[[site]]\nroot = "two"\n')
        done = ask(folder, "reload")
        assert done.returncode == 1 and str(port) in done.stderr and "nothing is changed" in done.stderr
        assert body(server) == b"one"


def test_what_takes_a_restart_is_named(folder):
    with running(folder) as server:
        configure(folder, 'workers = 7\n[limits]\nopen_files = 5\n[log]\naccess = "x.log"\n' + LISTENER +
                  '[[site]]\nroot = "one"\n')
        done = ask(folder, "reload")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "reloaded: 1 site, 1 listener; takes a restart: workers, [log], limit open_files\n"
        assert body(server) == b"one" and not (folder / "x.log").exists()


# --- The control socket -----------------------------------------------------------------------------------------------

def lines_of(path, *lines) -> list:
    """Sends lines to the control socket, and reads as many answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall("".join(line + "\n" for line in lines).encode())
        with client.makefile() as answers:
            return [json.loads(answers.readline()) for _ in lines]


def test_the_socket_is_its_owners_alone_and_speaks_json_lines(folder):
    with running(folder) as server:
        path = folder / "control.sock"
        assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
        version, health, unknown, broken = lines_of(path, '{"command":"version"}', '{"command":"health"}',
                                                    '{"command":"helth"}', "{")
        assert version["ok"] and version["pid"] == server.pid
        assert f"sluice {version['version']}\n" == run_sluice("--version").stdout
        assert health["status"] == "serving" and health["sites"] == 1 and health["listeners"] == [server.url]
        assert not unknown["ok"] and "helth" in unknown["error"] and "health" in unknown["error"]
        assert not broken["ok"]
    assert not path.exists()


CONNECT_AND_STOP = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
try:
    client.sendall(b'{"command":"stop"}\\n')
except BrokenPipeError:
    pass  # refused already: the reason waits to be read
print(client.makefile().readline())
"""


@pytest.mark.skipif(not IS_ROOT, reason="only root can be somebody else")
def test_another_user_may_not_control_it(site):
    with open_folder() as open_to_all, SluiceServer(site, "--control", open_to_all / "control.sock"):
        path = open_to_all / "control.sock"
        command = ["/usr/bin/python3", "-c", CONNECT_AND_STOP, str(path)]
        nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, **nobody)
        assert "PermissionError" in done.stderr, "the mode keeps others out"
        path.chmod(0o666)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, **nobody)
        assert "only the user of this server and root may control it" in done.stdout, done.stdout + done.stderr
        assert run_sluice("health", "--control", path).returncode == 0


def test_stop_drains_and_returns_when_the_server_has_ended(folder):
    with running(folder) as server:
        done = ask(folder, "stop")
        assert done.returncode == 0 and done.stdout == "stopped\n"
        assert server.process.wait(5) == 0
        assert "draining" in server.stderr()
    again = ask(folder, "stop")
    assert again.returncode == 1 and "no Sluice answers" in again.stderr


def test_health_says_that_it_drains(folder):
    (folder / "one" / "large.bin").write_bytes(bytes(64 << 20))
    with running(folder) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.address)
        client.sendall(request("/large.bin"))
        client.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in server.stderr(), 20, "the drain")
        done = ask(folder, "health")
        assert done.returncode == 0 and done.stdout.startswith("draining: ")
        server.process.send_signal(signal.SIGTERM)


def test_a_second_server_finds_the_socket_taken(folder):
    with running(folder) as server:
        done = run_sluice("run", "-c", folder / "sluice.toml", "--control", folder / "control.sock")
        assert done.returncode == 1
        assert f"another Sluice (pid {server.pid}) answers at {folder}/control.sock" in done.stderr
        assert ask(folder, "health").returncode == 0 and body(server) == b"one"


def test_a_dead_processs_leftover_is_taken_over(folder):
    server = running(folder, exit_code=-signal.SIGKILL)
    with server:
        server.process.kill()
        server.process.wait(10)
    assert (folder / "control.sock").exists()
    assert "ended" in ask(folder, "health").stderr
    with running(folder):
        assert ask(folder, "health").returncode == 0
    assert not (folder / "control.sock").exists()


def test_health_is_wrong_when_a_worker_does_not_answer(folder):
    configure(folder, 'workers = 2\n[limits]\nhealth_timeout = "200ms"\n' + LISTENER + '[[site]]\nroot = "one"\n')
    with running(folder) as server:
        with stopped(thread_named(server.pid, "worker-1")):
            done = ask(folder, "health")
            assert done.returncode == 1 and done.stdout.startswith("failing: ")
        wait_until(lambda: ask(folder, "health").returncode == 0, 20, "the worker's answer")


def test_serve_has_a_control_socket_where_one_is_asked_for(site, tmp_path):
    path = tmp_path / "serve.sock"
    with SluiceServer(site, "--control", path) as server:
        assert run_sluice("health", "--control", path).returncode == 0
        refused = run_sluice("reload", "--control", path)
        assert refused.returncode == 1 and "without a file" in refused.stderr
        assert run_sluice("stop", "--control", path).returncode == 0
        assert server.process.wait(5) == 0


def test_hanging_up_ends_a_server_without_a_file(site):
    with SluiceServer(site) as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(10) == 0


def test_stop_finds_the_socket_by_the_configuration(folder):
    configure(folder, f'control = "by-file.sock"\n{LISTENER}[[site]]\nroot = "one"\n')
    with SluiceServer(config=folder / "sluice.toml") as server:
        assert (folder / "by-file.sock").exists()
        assert run_sluice("stop", "-c", folder / "sluice.toml").returncode == 0
        assert server.process.wait(5) == 0


# --- Files that change ------------------------------------------------------------------------------------------------

def test_a_rebuild_is_seen_though_sizes_and_times_do_not_change(version, folder):
    page = folder / "one" / "index.html"
    page.write_text("AAAA")
    configure(folder, LISTENER + '[[site]]\nroot = "one"\n', version)
    os.utime(page, (1_000_000_000, 1_000_000_000))
    with running(folder, version) as server:
        first = server.get()
        assert first.body == b"AAAA"
        time.sleep(2.1)  # its change lies far enough back for its times to tell the next
        first = server.get()
        replacement = folder / "new"
        replacement.write_text("BBBB")
        os.utime(replacement, (1_000_000_000, 1_000_000_000))
        os.replace(replacement, page)
        tag = first.get("ETag")
        wait_until(lambda: server.get("/", f"If-None-Match: {tag}").status == 200, 10, "the new page")
        second = server.get()
        assert second.body == b"BBBB" and second.get("ETag") != tag
        assert second.get("Last-Modified") == first.get("Last-Modified")
        done = server.curl("-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {second.get('ETag')}",
                    server.url)
        assert done.stdout == b"304"
