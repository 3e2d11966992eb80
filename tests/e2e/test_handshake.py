"""`sluice handshake` against OpenSSL's server: the handshakes it shows, what it says of bad certificates and of ports
that speak no TLS, its exit codes, and that no secret is ever printed."""

import contextlib
import json
import os
import pty
import re
import socket
import stat
import subprocess
import threading

import pytest
from certificates import Authority, self_signed
from changing_relay import CHANGES, ChangingRelay
from clients import run_sluice
from openssl_server import OpensslServer
from ports import closed_port
from sluice_server import sluice_binary

RSA_SUITE = "TLS_RSA_WITH_AES_128_CBC_SHA"


@pytest.fixture(scope="module")
def site(authority):
    return authority.issue()


@pytest.fixture(scope="module")
def rsa_site(authority):
    return authority.issue(kind="rsa")


def handshake(port, *options, host="localhost", env=None):
    """The exit code, and what was printed to standard output."""
    done = run_sluice("handshake", f"{host}:{port}", *options, **({"env": env} if env else {}))
    return done.returncode, done.stdout


def report(port, *options, **more):
    """The exit code, and the JSON object."""
    code, text = handshake(port, "--json", *options, **more)
    return code, json.loads(text)


def kinds(run) -> list[str]:
    return [problem["kind"] for problem in run["problems"]]


def in_order(text: str, *parts: str) -> None:
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"no {part!r} (any more) in\n{text}"
        at = found + len(part)


# --- Handshakes that succeed --------------------------------------------------------------------------------------------


def test_rsa_key_transport_is_four_steps(rsa_site):
    with OpensslServer(rsa_site) as server:
        code, text = handshake(server.port, "--ca", rsa_site.authority, "--tls1.2", "--cipher", RSA_SUITE)
    assert code == 0, text
    in_order(text, "Step 1: hello", "ClientHello", "Step 2: hello, certificate, random", "ServerHello", "random:",
             "Certificate", "Step 3: pre-master secret, change cipher spec, finished with its digest",
             "ClientKeyExchange", "ChangeCipherSpec", "Finished",
             "Step 4: change cipher spec, finished with its digest", "ChangeCipherSpec", "Finished", RSA_SUITE,
             "How TLS 1.3 differs", "Result: the handshake succeeded")


@pytest.mark.parametrize("name", [RSA_SUITE, "AES128-SHA"])
def test_a_cipher_has_two_names(rsa_site, name):
    with OpensslServer(rsa_site) as server:
        code, found = report(server.port, "--ca", rsa_site.authority, "--cipher", name)
    summary = found["runs"][0]["summary"]
    assert (code, summary["suite"], summary["version"], summary["key_exchange"]) == (0, RSA_SUITE, "TLS 1.2", "rsa")


def test_ecdhe(site):
    with OpensslServer(site, "-tls1_2", "-serverpref", "-groups", "P-384:P-256") as server:
        code, found = report(server.port, "--ca", site.authority)
    summary = found["runs"][0]["summary"]
    assert code == 0
    assert (summary["key_exchange"], summary["group"], summary["round_trips"]) == ("ecdhe", "secp384r1", 2)


def test_tls13(site):
    with OpensslServer(site, "-alpn", "http/1.1") as server:
        code, found = report(server.port, "--ca", site.authority)
    run = found["runs"][0]
    assert code == 0 and found["ok"] is True
    assert run["summary"]["version"] == "TLS 1.3"
    assert run["summary"]["alpn"] == "http/1.1"
    assert run["summary"]["round_trips"] == 1
    names = [message["name"] for message in run["messages"] if message["name"] != "ChangeCipherSpec"]
    assert names[:7] == ["ClientHello", "ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify",
                         "Finished", "Finished"]
    hello = run["messages"][0]
    assert hello["server_name"] == "localhost" and hello["alpn"] == ["h2", "http/1.1"]


def test_a_suite_of_tls13_is_the_only_one_offered(site):
    with OpensslServer(site) as server:
        code, found = report(server.port, "--ca", site.authority, "--cipher", "TLS_CHACHA20_POLY1305_SHA256")
    assert (code, found["runs"][0]["summary"]["suite"]) == (0, "TLS_CHACHA20_POLY1305_SHA256")


def test_hello_retry_request(site):
    with OpensslServer(site, "-groups", "P-256") as server:
        code, found = report(server.port, "--ca", site.authority, "--tls1.3")
    summary = found["runs"][0]["summary"]
    assert (code, summary["retried"], summary["group"], summary["round_trips"]) == (0, True, "secp256r1", 2)


@pytest.mark.parametrize("version", ["--tls1.2", "--tls1.3"])
def test_resumption(site, version):
    with OpensslServer(site) as server:
        code, found = report(server.port, "--ca", site.authority, version, "--resume")
    first, second = found["runs"]
    assert code == 0
    assert (first["summary"]["resumed"], second["summary"]["resumed"]) == (False, True)
    assert "Certificate" not in [message["name"] for message in second["messages"]]


@pytest.mark.parametrize("options", [("-tls1_2", "-no_ticket", "-no_cache"), ("-tls1_3", "-num_tickets", "0")])
def test_a_server_without_sessions(site, options):
    with OpensslServer(site, *options) as server:
        code, text = handshake(server.port, "--ca", site.authority, "--resume")
    assert code == 1
    assert "the server gave no session to resume" in text or "did not resume the session" in text


def test_an_intermediate_is_shown_and_trusted_through(authority):
    certificate = authority.intermediate("Middle Authority").issue()
    with OpensslServer(certificate) as server:
        code, found = report(server.port, "--ca", certificate.authority)
    chain = next(message for message in found["runs"][0]["messages"] if message["name"] == "Certificate")
    assert code == 0
    assert [one["issuer"] for one in chain["certificates"]] == ["CN=Middle Authority", "CN=Test Authority"]
    assert chain["certificates"][0]["key"] == "ECDSA" and chain["certificates"][0]["key_bits"] == 256


def test_an_address_needs_no_server_name(site):
    with OpensslServer(site) as server:
        code, found = report(server.port, "--ca", site.authority, host="127.0.0.1")
    assert (code, found["server_name"]) == (0, None)
    assert found["runs"][0]["messages"][0]["server_name"] is None


# --- Certificates that are not in order ---------------------------------------------------------------------------------


def shown_although(problem_kinds, certificate, *options):
    """The handshake is shown in full, the exit code says no; with --insecure it says yes, and the text tells the same."""
    with OpensslServer(certificate) as server:
        code, found = report(server.port, *options)
        assert (code, kinds(found["runs"][0])) == (1, problem_kinds)
        assert found["runs"][0]["succeeded"] is True and found["runs"][0]["summary"]["complete"] is True
        code, found = report(server.port, "--insecure", *options)
        assert (code, kinds(found["runs"][0])) == (0, problem_kinds)
        code, text = handshake(server.port, *options)
    assert code == 1
    in_order(text, "Finished", "The server's certificate", "Result:", "the certificate is not acceptable")
    return text


def test_untrusted(site, tmp_path):
    other = Authority(tmp_path, "Another Authority")
    text = shown_although(["untrusted"], site, "--ca", other.certificate)
    assert 'untrusted: the issuer "CN=Test Authority"' in text
    shown_although(["untrusted"], site)  # by the system's authorities


def test_self_signed(tmp_path):
    certificate = self_signed(tmp_path)
    assert "self-signed: " in shown_although(["self_signed"], certificate)
    with OpensslServer(certificate) as server:
        assert handshake(server.port, "--ca", certificate.certificate)[0] == 0


def test_expired(authority):
    text = shown_although(["expired"], authority.issue(days=(-9, -1)), "--ca", authority.certificate)
    assert re.search(r"expired: the certificate was valid until \d{4}-\d\d-\d\d", text)


def test_not_yet_valid(authority):
    text = shown_although(["not_yet_valid"], authority.issue(days=(2, 9)), "--ca", authority.certificate)
    assert "not yet valid: " in text


def test_wrong_name(authority):
    certificate = authority.issue("site.example", names=["site.example", "www.site.example"])
    text = shown_although(["wrong_name"], certificate, "--ca", authority.certificate)
    assert "not for localhost, but for site.example, www.site.example" in " ".join(text.split())
    with OpensslServer(certificate) as server:
        assert handshake(server.port, "--ca", authority.certificate, "--sni", "www.site.example")[0] == 0


# --- Servers that refuse ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server_options, options, alert, advice", [
    (("-tls1_3",), ("--tls1.2",), "protocol_version", "--tls1.3"),
    (("-cipher", "ECDHE-ECDSA-AES256-SHA", "-tls1_2"), ("--cipher", "ECDHE-ECDSA-AES128-SHA"), "handshake_failure",
     "--cipher"),
    (("-Verify", "1", "-tls1_3"), (), "certificate_required", "client certificate"),
    (("-Verify", "1", "-tls1_2"), (), "handshake_failure", "client certificate"),
    (("-servername", "other.example", "-servername_fatal"), (), "unrecognized_name", "--sni"),
])
def test_an_alert_is_named_with_its_likely_reason(site, server_options, options, alert, advice):
    if "-servername" in server_options:
        server_options += ("-cert2", site.certificate, "-key2", site.key)
    with OpensslServer(site, *server_options) as server:
        code, found = report(server.port, "--ca", site.authority, *options)
        text = handshake(server.port, "--ca", site.authority, *options)[1]
    run = found["runs"][0]
    assert code == 1
    assert run["summary"]["fatal_alert"] == {"sender": "server", "description": alert}
    assert alert in run["error"] and advice in run["advice"]
    in_order(text, f"fatal: {alert}", "Failed", "the server broke off with the alert", "Result: the handshake failed")


@pytest.mark.parametrize("version, from_client, record, breaker", CHANGES)
def test_a_changed_octet_ends_in_an_alert(site, version, from_client, record, breaker):
    with OpensslServer(site) as server, ChangingRelay(server.port, from_client, record) as relay:
        code, found = report(relay.port, "--ca", site.authority, version)
    run = found["runs"][0]
    assert code == 1
    assert run["succeeded"] is False
    assert run["summary"]["fatal_alert"]["sender"] == breaker, run["error"]
    assert run["error"] and run["advice"]


# --- Ports that speak no TLS --------------------------------------------------------------------------------------------


class PlainServer:
    """Accepts connections; to each it does `answer(socket)` in a thread."""

    def __init__(self, answer):
        self._answer = answer

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._answer(connection)


def answer_http(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def read_all(connection):
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def test_a_closed_port():
    with closed_port() as port:
        code, found = report(port, host="127.0.0.1")
    run = found["runs"][0]
    assert (code, run["connected"], run["messages"]) == (1, False, [])
    assert "refused" in run["error"] and "is the server running" in run["advice"]


@pytest.mark.parametrize("answer, error", [
    (answer_http, "speaks plain HTTP"),
    (lambda connection: connection.recv(1), "without a word"),
    (lambda connection: (connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), read_all(connection)), 'with "SSH-2.0-Open'),
])
def test_what_is_no_tls(answer, error):
    with PlainServer(answer) as server:
        code, found = report(server.port)
    run = found["runs"][0]
    assert code == 1
    assert error in run["error"]
    assert f":{server.port}/" in run["advice"] or "right port" in run["advice"]


def test_sluice_itself_without_tls(shared_server):
    code, found = report(shared_server.addresses[0][1])
    assert code == 1
    assert "plain HTTP" in found["runs"][0]["error"]


def test_a_silent_port():
    with PlainServer(read_all) as server:
        code, text = handshake(server.port)
    assert code == 1
    in_order(text, "ClientHello", "Failed", "said nothing within 10 s", f"http://localhost:{server.port}/")


def test_an_unknown_host():
    code, found = report(443, host="no-such-host.invalid")
    assert code == 1
    assert "cannot resolve no-such-host.invalid" in found["runs"][0]["error"]


@pytest.mark.parametrize("arguments, error", [
    (("https://example.com/",), "is no HOST or HOST:PORT"),
    (("localhost:http",), "is no HOST or HOST:PORT"),
    (("localhost:1", "--cipher", "NO_SUCH_SUITE"), "knows no cipher suite NO_SUCH_SUITE"),
    (("localhost:1", "--tls1.3", "--cipher", RSA_SUITE), "TLS 1.2"),
    (("localhost:1", "--ca", "/nonexistent.pem"), "/nonexistent.pem"),
])
def test_options_that_cannot_be(arguments, error):
    done = run_sluice("handshake", *arguments)
    assert done.returncode == 2
    assert error in done.stderr


# --- Secrets, and colours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [("--tls1.2", "--cipher", RSA_SUITE), ("--tls1.2",), ("--tls1.3", "--resume")])
def test_secrets_go_to_the_key_log_alone(rsa_site, tmp_path, options):
    log = tmp_path / "keys"
    env = {**os.environ, "SSLKEYLOGFILE": str(log)}
    with OpensslServer(rsa_site) as server:
        code, text = handshake(server.port, "--ca", rsa_site.authority, *options, env=env)
        _, machine = handshake(server.port, "--ca", rsa_site.authority, "--json", *options, env=env)
    assert code == 0
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    secrets = [line.split()[2] for line in log.read_text().splitlines()]
    assert len(secrets) >= 2
    squeezed = re.sub(r"[\s|]", "", text)  # long values are broken into lines
    for secret in secrets:
        assert secret.lower() not in squeezed.lower()
        assert secret.lower() not in machine.lower()


def test_without_the_variable_no_file_appears(site, tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "SSLKEYLOGFILE"}
    with OpensslServer(site) as server:
        assert handshake(server.port, "--ca", site.authority, env=env)[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_key_log_that_cannot_be_written_is_a_warning(site, tmp_path):
    env = {**os.environ, "SSLKEYLOGFILE": str(tmp_path / "missing" / "keys")}
    with OpensslServer(site) as server:
        done = run_sluice("handshake", f"localhost:{server.port}", "--ca", site.authority, env=env)
    assert done.returncode == 0
    assert "warning: keys are not logged" in done.stderr


def on_terminal(*arguments, env) -> str:
    """What the command prints when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sluice_binary(), *map(str, arguments)], stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(ours, 65536):
            text += part
    os.close(ours)
    process.wait(timeout=30)
    return text.decode()


def test_colours_only_on_a_terminal_that_wants_them(site):
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with OpensslServer(site) as server:
        target = ("handshake", f"localhost:{server.port}", "--ca", site.authority)
        assert "\x1b" not in handshake(server.port, "--ca", site.authority)[1]
        assert "\x1b[1m" in on_terminal(*target, env=env)
        assert "\x1b" not in on_terminal(*target, env={**env, "NO_COLOR": "1"})
