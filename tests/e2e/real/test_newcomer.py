"""`sluice proxy --to`, as somebody types it who has an application on a port and nothing else: no file, three protocols.

The problem: the first minute decides. Each way that the README shows must answer with the application's own page.
"""

import json
import os
import re
import subprocess

import pytest
from clients import curl, run_sluice
from sluice_server import SluiceServer, sluice_binary


class ProxyCommand(SluiceServer):
    """`sluice proxy --to URL`; its data folder is the test's."""

    def __init__(self, home, to, *options):
        super().__init__(None, env={"XDG_DATA_HOME": str(home)})
        self.command = [str(sluice_binary()), "proxy", "--to", to, "--listen", "127.0.0.1:0", *options]


def fetched(*arguments):
    done = curl(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


@pytest.mark.parametrize("option", ["--http1.1", "--http2-prior-knowledge", "--http2"])
def test_in_clear_text(tmp_path, application, option):
    with ProxyCommand(tmp_path, application.url) as server:
        seen = fetched(option, f"{server.url}/echo?hello")
        assert (seen["url"], seen["fields"]["host"]) == ("/echo?hello", f"127.0.0.1:{server.port}")
        assert fetched(option, "--data", "a=b", f"{server.url}/upload")["octets"] == 3
        assert f"serving {application.url}" in server.stderr()


@pytest.mark.parametrize("option, version", [("--http2", "2"), ("--http1.1", "1.1")])
def test_over_tls(tmp_path, application, option, version):
    with ProxyCommand(tmp_path, application.url, "--tls") as server:
        url = f"https://127.0.0.1:{server.port}/echo"
        assert fetched("--insecure", option, url)["fields"]["x-forwarded-proto"] == "https"
        spoken = curl("--insecure", option, "--output", "/dev/null", "--write-out", "%{http_version}", url)
        assert spoken.stdout.decode() == version
        # What the start says of trust is true.
        authority = re.search(r"authority in (\S+)", server.stderr())[1]
        assert fetched("--cacert", authority, "--resolve", f"localhost:{server.port}:127.0.0.1",
                       f"https://localhost:{server.port}/echo")["method"] == "GET"


def test_a_base_and_another_host(tmp_path, application):
    with ProxyCommand(tmp_path, f"{application.url}/base", "--host", "app.example") as server:
        seen = fetched(f"{server.url}/echo?a")
        assert (seen["url"], seen["fields"]["host"]) == ("/base/echo?a", "app.example")


def test_an_application_that_is_not_there_yet(tmp_path):
    """Nothing listens on port 1; the answer says what to look at, and the server goes on."""
    with ProxyCommand(tmp_path, "http://127.0.0.1:1") as server:
        for _ in range(2):
            done = curl("--include", f"{server.url}/")
            assert done.stdout.startswith(b"HTTP/1.1 502 ")
            assert re.search(rb"(?im)^proxy-status: \S+;.*error=connection_refused", done.stdout)


@pytest.mark.parametrize("to", ["127.0.0.1:3000", "ftp://127.0.0.1:3000", "http://127.0.0.1:0", "http://", ""])
def test_what_is_no_target_is_refused(tmp_path, to):
    done = run_sluice("proxy", "--to", to, "--listen", "127.0.0.1:0", env={**os.environ, "XDG_DATA_HOME": str(tmp_path)})
    assert done.returncode != 0 and done.stdout == ""
    assert "--to" in done.stderr or "http://" in done.stderr


def test_help_is_short_of_nothing():
    done = subprocess.run([sluice_binary(), "proxy", "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("--to", "--tls", "--listen", "--insecure", "--ca", "--host"))
