"""The command line: what it prints when asked, and that each thing that can be wrong at start is one clear line.

"Clear" is checked as far as a machine can: one line on stderr that begins `sluice: error:`, names what was read, says
what to do, and an exit code that is not 0.
"""

import errno
import os
import re
import socket

import pytest
from clients import IS_ROOT, get, open_folder, run_sluice
from ports import closed_port
from seccomp import OPENAT2, refuse_system_call
from sluice_server import SluiceServer, sluice_binary

# Root may read everything and bind everywhere: what others may not is tested as one of them.
AS_NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []} if IS_ROOT else {}


def others_may_run_it() -> bool:
    path = sluice_binary()
    return not IS_ROOT or all(part.stat().st_mode & 0o001 for part in [path, *path.parents])


needs_other_user = pytest.mark.skipif(not others_may_run_it(), reason="the binary lies where only root may go")


def error_of(*arguments, **options) -> str:
    """The one line that a start with this command line ends with."""
    done = run_sluice(*arguments, **options)
    assert done.returncode not in (0, None) and done.returncode > 0, (done.returncode, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("sluice: error: "), lines[0]
    assert done.stdout == ""
    return lines[0]


def serve_error(folder, *options, listen="127.0.0.1:0", **run_options) -> str:
    return error_of("serve", folder, "--listen", listen, "--access-log", "off", *options, **run_options)


def test_help_lists_every_option_and_limit():
    top, serve = run_sluice("--help"), run_sluice("serve", "--help")
    assert top.returncode == serve.returncode == 0
    assert "serve" in top.stdout
    for word in ("DIR", "--listen", "--workers", "--access-log", "--log-format", "--follow-symlinks", "--limit",
                 "head_timeout", "request_line", "shutdown_timeout"):
        assert word in serve.stdout, word


def test_help_of_proxy_lists_every_option_and_limit():
    proxy = run_sluice("proxy", "--help")
    assert proxy.returncode == 0 and "proxy" in run_sluice("--help").stdout
    for word in ("--to", "--host", "--ca", "--insecure", "--listen", "--tls", "--workers", "--access-log", "--log-format",
                 "--control", "--limit", "upstream_connect_timeout"):
        assert word in proxy.stdout, word
    assert "DIR" not in proxy.stdout and "--follow-symlinks" not in proxy.stdout


def test_version():
    done = run_sluice("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"sluice \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("arguments", [(), ("serv",), ("serve", "--no-such-option"), ("serve", "a", "b"),
                                       ("serve", "--workers", "0"), ("serve", "--workers", "many"),
                                       ("serve", "--log-format", "xml"), ("proxy",), ("proxy", "http://app"),
                                       ("proxy", "--to", "http://app", "--workers", "0")])
def test_usage_errors_say_how_to_get_help(arguments):
    done = run_sluice(*arguments)
    assert done.returncode > 0
    assert "--help" in done.stderr


@pytest.mark.parametrize("value", ["head_timeot=1s", "head_timeout", "head_timeout=soon", "request_line=-1",
                                   "request_line=1XB", "request_line="])
def test_wrong_limits(site, value):
    done = run_sluice("serve", site, "--limit", value)
    assert done.returncode > 0
    assert value.split("=")[0] in done.stderr


def test_an_unknown_limit_suggests_the_nearest(site):
    assert "head_timeout" in run_sluice("serve", site, "--limit", "head_timeot=1s").stderr


def test_a_folder_that_is_missing(tmp_path):
    line = serve_error(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in line


def test_a_file_instead_of_a_folder(site):
    line = serve_error(site / "index.html")
    assert "index.html" in line and re.search("folder|directory", line)


def test_an_empty_folder(tmp_path):
    assert str(tmp_path) in serve_error(tmp_path)


def test_an_empty_name():
    serve_error("")


@needs_other_user
def test_a_folder_that_is_unreadable():
    with open_folder() as parent:
        (parent / "closed").mkdir()
        (parent / "closed" / "index.html").write_text("x")
        (parent / "closed").chmod(0o000)
        line = serve_error(parent / "closed", **AS_NOBODY)
        (parent / "closed").chmod(0o755)
    assert str(parent / "closed") in line and re.search("may not|ermission", line)


@pytest.mark.parametrize("listen", ["", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                    "127.0.0.1:http", "1.2.3:80", "[::1:80", "::1", "example.invalid:80", "unix:",
                                    "127.0.0.1:80x", "http://127.0.0.1:80"])
def test_a_listen_address_that_is_malformed(site, listen):
    assert listen in serve_error(site, listen=listen)


def test_an_address_of_another_machine(site):
    assert "192.0.2.1" in serve_error(site, listen="192.0.2.1:18080")


def test_a_port_that_another_program_uses(site):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = serve_error(site, listen=f"127.0.0.1:{port}")
    assert str(port) in line and "use" in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_another_sluice_uses(site, workers):
    with SluiceServer(site, "--workers", workers) as server:
        line = serve_error(site, "--workers", workers, listen=f"127.0.0.1:{server.port}")
        assert str(server.port) in line and "use" in line
        assert get(server.address).status == 200


def test_a_unix_socket_that_another_sluice_uses(site, tmp_path):
    path = str(tmp_path / "socket")
    with SluiceServer(site, listen=["unix:" + path]) as server:
        assert path in serve_error(site, listen="unix:" + path)
        assert get(path).status == 200, "the other's socket was taken away"
        assert server.process.poll() is None


def test_a_unix_socket_path_that_cannot_be(site, tmp_path):
    serve_error(site, listen=f"unix:{tmp_path}/no/such/folder/socket")
    serve_error(site, listen="unix:/" + "x" * 200)
    serve_error(site, listen=f"unix:{site}/index.html")
    assert (site / "index.html").is_file(), "a file that is no socket was removed"


@needs_other_user
def test_a_privileged_port():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as first:
        if int(first.read()) <= 79:
            pytest.skip("here every port is free to all")
    with open_folder() as folder:
        (folder / "index.html").write_text("x")
        line = serve_error(folder, listen="127.0.0.1:79", **AS_NOBODY)
    assert "79" in line and re.search("(?i)privilege|root|CAP_NET_BIND_SERVICE|102[34]", line)


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_openat2_refused_by_a_sandbox(site, error):
    line = serve_error(site, preexec_fn=lambda: refuse_system_call(OPENAT2, error))
    assert "openat2" in line


def test_an_access_log_that_cannot_be_opened(site, tmp_path):
    line = error_of("serve", site, "--listen", "127.0.0.1:0", "--access-log", tmp_path / "no" / "log")
    assert str(tmp_path / "no" / "log") in line


def test_what_it_says_when_it_starts(site):
    with SluiceServer(site) as server:
        lines = server.stderr().splitlines()
    assert re.fullmatch(r"sluice: listening on http://127\.0\.0\.1:\d+", lines[0])
    assert "sluice: ready" in lines[1]


def test_the_current_folder_is_the_default(site):
    with SluiceServer(cwd=site) as server:
        assert get(server.address).body == (site / "index.html").read_bytes()


def test_an_error_leaves_no_socket_behind(site, tmp_path):
    path = tmp_path / "socket"
    with socket.create_server(("127.0.0.1", 0)) as other:
        error_of("serve", site, "--access-log", "off", "--listen", f"unix:{path}",
                 "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert not os.path.lexists(path)


# --- A proxy without a file -------------------------------------------------------------------------------------------

def proxy_error(to, *options, listen="127.0.0.1:0", **run_options) -> str:
    return error_of("proxy", "--to", to, "--listen", listen, "--access-log", "off", *options, **run_options)


@pytest.mark.parametrize("to, said", [
    ("app:3000", "did you mean http://app:3000?"),
    ("3000", "did you mean http://127.0.0.1:3000?"),
    ("ftp://app", "only HTTP is"),
    ("h2c://app", "write http://app"),
    ("http://app:0", "expected 1 to 65535"),
    ("http://app:70000", "expected 1 to 65535"),
    ("http://", "the host is missing"),
    ("http://u:p@app", "names and passwords"),
    ("http://app/?a", "it has a query"),
    ("http://app/#a", "it has a fragment"),
    ("unix:", "the path is missing"),
    ("", "it is empty"),
])
def test_no_upstream(to, said):
    line = proxy_error(to)
    assert said in line and "--to" in line


@pytest.mark.parametrize("to, options, said", [
    ("http://app", ["--insecure"], "--insecure does nothing here"),
    ("http://app", ["--ca", "/etc/hosts"], "--ca does nothing here"),
    ("https://app", ["--ca", "/etc/hosts", "--insecure"], "--ca does nothing beside --insecure"),
    ("https://app", ["--ca", "/no/such/file"], "/no/such/file"),
    ("https://app", ["--ca", "/etc"], "/etc"),
    ("http://app", ["--host", "http://x"], "--host"),
    ("unix:/run/app.sock", ["--host", "upstream"], "--host"),
])
def test_what_a_proxy_cannot_do(to, options, said):
    assert said in proxy_error(to, *options)


def test_a_proxy_to_itself():
    assert "127.0.0.1:18081" in proxy_error("http://localhost:18081", listen="127.0.0.1:18081")
    assert "127.0.0.1:8080" in error_of("proxy", "--to", "http://[::ffff:127.0.0.1]:8080")


def test_a_proxy_to_its_own_socket_however_it_is_spelt(tmp_path):
    assert "sluice.sock" in proxy_error("unix:./sluice.sock", listen=f"unix:{tmp_path}/sluice.sock", cwd=tmp_path)
    assert not (tmp_path / "sluice.sock").exists()


def test_a_proxy_says_what_it_is_for_and_answers():
    # Nobody is there, so that whatever comes back is an error, and of Sluice.
    with closed_port() as port, SluiceServer(to=f"http://127.0.0.1:{port}/base", listen="127.0.0.1:0") as server:
        assert f"ready, serving http://127.0.0.1:{port}/base" in server.stderr()
        assert get(server.address).status in (502, 503)


def test_a_proxy_without_verification_says_so():
    with SluiceServer(None, "--insecure", to="https://127.0.0.1:9") as server:
        assert server.stderr().count("sluice: warning: ") == 1
        assert "its certificate is not verified" in server.stderr()
    with SluiceServer(to="https://127.0.0.1:9") as server:
        assert "warning" not in server.stderr()
