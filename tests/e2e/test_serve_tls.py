"""`sluice serve --tls`: a local authority and its certificate are made once, and clients that trust it are content."""

import os
import re
import stat
import subprocess

import pytest

from sluice_server import ServerFailed, SluiceServer, sluice_binary


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("over TLS")
    return folder


def serving(site, home, *options, **more):
    return SluiceServer(site, "--tls", *options, env={"XDG_DATA_HOME": str(home)}, **more)


def curl(server, authority, host="localhost"):
    return subprocess.run(["curl", "-sS", "--cacert", str(authority), "--resolve", f"{host}:{server.port}:127.0.0.1",
                           f"https://{host}:{server.port}/"], capture_output=True, text=True, timeout=30)


def test_makes_what_is_needed_and_says_how_to_trust_it(site, tmp_path):
    with serving(site, tmp_path / "data") as server:
        authority = tmp_path / "data/sluice/tls/ca.pem"
        assert f"sluice: listening on https://127.0.0.1:{server.port}" in server.stderr()
        assert f"curl --cacert {authority}" in server.stderr() and "update-ca-certificates" in server.stderr()
        answer = curl(server, authority)
        assert (answer.returncode, answer.stdout) == (0, "over TLS"), answer.stderr
        untrusting = subprocess.run(["curl", "-sS", f"https://localhost:{server.port}/"], capture_output=True, timeout=30)
        assert untrusting.returncode == 60
        folder = authority.parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_uses_it_again(site, tmp_path):
    with serving(site, tmp_path / "data"):
        files = {file.name: file.read_bytes() for file in (tmp_path / "data/sluice/tls").iterdir()}
    with serving(site, tmp_path / "data") as server:
        assert {file.name: file.read_bytes() for file in (tmp_path / "data/sluice/tls").iterdir()} == files
        assert "update-ca-certificates" not in server.stderr() and "ca.pem" in server.stderr()
        assert curl(server, tmp_path / "data/sluice/tls/ca.pem").stdout == "over TLS"


def test_the_handshake_command_is_content_with_it(site, tmp_path):
    with serving(site, tmp_path / "data") as server:
        shown = subprocess.run([sluice_binary(), "handshake", f"localhost:{server.port}", "--ca",
                                tmp_path / "data/sluice/tls/ca.pem"], capture_output=True, text=True, timeout=30)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert "Result: the handshake succeeded" in shown.stdout


def test_takes_no_rsa_key_transport(site, tmp_path):
    with serving(site, tmp_path / "data") as server:
        shown = subprocess.run([sluice_binary(), "handshake", f"localhost:{server.port}", "--tls1.2", "--cipher",
                                "TLS_RSA_WITH_AES_128_GCM_SHA256"], capture_output=True, text=True, timeout=30)
        assert shown.returncode == 1 and "handshake_failure" in shown.stdout, shown.stdout


def failed_start(site, **environment):
    server = SluiceServer(site, "--tls", env=environment)
    with pytest.raises(ServerFailed):
        server.start()
    assert server.process.returncode == 1
    return server.stderr()


def test_a_data_directory_that_cannot_be_written_is_a_clear_error(site, tmp_path):
    (tmp_path / "file").write_text("no folder")
    said = failed_start(site, XDG_DATA_HOME=str(tmp_path / "file"))
    assert re.search(r"^sluice: error: .*" + re.escape(str(tmp_path / "file")), said, re.M), said


@pytest.mark.skipif(not os.path.isdir("/proc/sys"), reason="needs a file system that is read-only")
def test_a_read_only_data_directory_is_a_clear_error(site):
    said = failed_start(site, XDG_DATA_HOME="/proc/sys")
    assert re.search(r"^sluice: error: .*/proc/sys", said, re.M), said


def test_without_a_home_it_says_what_to_set(site):
    said = failed_start(site, XDG_DATA_HOME="", HOME="")
    assert "XDG_DATA_HOME" in said and "sluice run" in said


def test_clear_text_is_told_to_use_https(site, tmp_path):
    with serving(site, tmp_path / "data") as server:
        answer = subprocess.run(["curl", "-sSi", f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True,
                                timeout=30)
        assert answer.stdout.startswith("HTTP/1.1 400 ") and "https://" in answer.stdout
