"""Each way in which a handshake fails, by real clients, and the one line that the error log has of it.

The problem: whoever runs a server sees that "some clients cannot connect" and nothing else. So every failed handshake
is one line at the default level that says who, with what offer, and the likely reason. Here openssl s_client, curl and
raw sockets fail in every way that one can bring about from outside; each waits for its one line.
"""

import json
import pathlib
import re
import socket
import ssl
import subprocess
import time

import pytest
from certificates import Authority, self_signed
from clients import request
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error handshake failed: (?P<reason>.*?) "
                  r"peer=127\.0\.0\.1(?P<members>.*) duration=\d+\.\d+ms$")
LINES_OF_ONE_ADDRESS = 3  # server/ops/handshake_budget.h


class Logged:
    """A server over TLS, its error log, and what of it was read."""

    def __init__(self, folder: pathlib.Path, certificates, tls="true", log="", sites=None, limits=""):
        site = folder / "site"
        site.mkdir(parents=True)
        (site / "index.html").write_text("over TLS\n")
        self.path = folder / "error.log"
        self.access = folder / "access.log"
        entries = "".join(f'[[certificate]]\nchain = "{one.chain}"\nkey = "{one.key}"\n' for one in certificates)
        self.configuration = folder / "sluice.toml"
        self.configuration.write_text(
            f'workers = 1\n{limits}\n[log]\naccess = "access.log"\nerrors = "error.log"\n{log}\n[[listener]]\n'
            f'address = "127.0.0.1:0"\ntls = {tls}\n{entries}[[site]]\nroot = "site"\n')
        self.server = SluiceServer(config=self.configuration)
        self.read = 0
        self.seconds = []

    def __enter__(self):
        self.server.start()
        self.address = self.server.address
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    def lines(self, entry=""):
        """The lines that came since the last call, once there is one with `entry` in it."""
        def whole():
            text = self.path.read_text() if self.path.exists() else ""
            new = text[self.read:] if text.endswith("\n") else ""
            return new if entry in new else ""
        wait_until(whole, 20, f"a line {entry!r} in the error log")
        text = whole()
        self.read += len(text)
        return text.splitlines()

    def failure(self):
        """The one line's reason and its other members."""
        lines = self.lines()
        assert len(lines) == 1, lines
        match = LINE.match(lines[0])
        assert match, lines[0]
        self.seconds.append(lines[0][:19])
        # An address has so many lines a second, and the next test must have one.
        if self.seconds.count(self.seconds[-1]) == LINES_OF_ONE_ADDRESS:
            wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) > self.seconds[-1])
        return match["reason"], match["members"]


@pytest.fixture(scope="module")
def certificates(authority):
    """What the servers below show: ECDSA, directly below a root."""
    return [authority.issue("site.example")]


def module_server(**options):
    @pytest.fixture(scope="module")
    def running(tmp_path_factory, certificates):
        with Logged(tmp_path_factory.mktemp("server"), certificates, **options) as server:
            yield server
    return running


intermediate = module_server()
modern = module_server(tls='{ policy = "modern" }')
refusing = module_server(tls='{ unknown_name = "refuse" }')
hurried = module_server(limits='limits = { handshake_timeout = "300ms" }')


@pytest.fixture(scope="module")
def rsa(tmp_path_factory, authority):
    with Logged(tmp_path_factory.mktemp("rsa"), [authority.issue("site.example", kind="rsa")]) as server:
        yield server


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"), "Clients")


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, certificates, clients):
    tls = f'{{ client_certificates = {{ mode = "require", authorities = "{clients.certificate}" }} }}'
    with Logged(tmp_path_factory.mktemp("mutual"), certificates, tls=tls) as server:
        yield server


@pytest.fixture
def server(request):
    return request.getfixturevalue(request.param)


def s_client(address, *options, name="site.example"):
    """openssl s_client, whose stdin ends at once: it leaves when the handshake is over."""
    command = ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}"]
    command += ["-servername", name] if name else ["-noservername"]
    return subprocess.run([*command, *map(str, options)], input=b"", capture_output=True, timeout=30)


def curl(address, *options, name="site.example"):
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--connect-to",
               f"{name}::{address[0]}:{address[1]}", *map(str, options), f"https://{name}/"]
    return subprocess.run(command, capture_output=True, timeout=30)


def send_raw(address, octets, end=False):
    """Sends the octets and reads until the server is done, or leaves at once with `end`."""
    with socket.create_connection(address, 20) as connection:
        connection.sendall(octets)
        if end:
            return b""
        connection.settimeout(20)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


OLD = ["-cipher", "ALL:@SECLEVEL=0"]
# Which server, options of s_client, the reason's beginning, and what else the line has.
S_CLIENT = {
    "tls10": ("intermediate", ["-tls1", *OLD], "client offers only TLS 1.0; policy \"intermediate\" takes TLS 1.2 or newer",
              " versions=TLS1.0 "),
    "tls11": ("intermediate", ["-tls1_1", *OLD], "client offers only TLS 1.1 or older", " sent=protocol_version"),
    "tls12_on_modern": ("modern", ["-tls1_2"], "client offers only TLS 1.2 or older; policy \"modern\" takes TLS 1.3",
                        " sent=protocol_version"),
    "cbc": ("intermediate", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
            "no cipher suite in common: client offers only CBC (TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA); policy \"legacy\" "
            "would take it", " sent=handshake_failure"),
    "rsa_key_transport": ("rsa", ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
                          "no cipher suite in common: client offers only RSA key transport", " sent=handshake_failure"),
    "dhe": ("rsa", ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
            "no cipher suite in common: client offers only DHE over finite fields", " sent=handshake_failure"),
    "null": ("intermediate", ["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"],
             "no cipher suite in common: client offers only RC4, DES or no encryption", " sent=handshake_failure"),
    "tls13_suite": ("intermediate", ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
                    "no cipher suite in common: client offers TLS_AES_128_CCM_SHA256", " sent=handshake_failure"),
    "group": ("intermediate", ["-groups", "P-521:X448"], "no group in common: client offers secp521r1, X448",
              " groups=secp521r1,X448 "),
    "scheme": ("intermediate", ["-sigalgs", "RSA-PSS+SHA256"],
               "client takes only RSA certificates, and ours is ECDSA: add an RSA certificate beside it",
               " sent=handshake_failure"),
    "ecdsa_only": ("rsa", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                   "client takes only ECDSA certificates, and ours is RSA: add an ECDSA certificate beside it",
                   " sent=handshake_failure"),
    "alpn": ("intermediate", ["-alpn", "h3,spdy/3"],
             "client offers by ALPN only what is not spoken here: \"h3\", \"spdy/3\"", ' alpn="h3,spdy/3" '),
    "fallback": ("intermediate", ["-fallback_scsv", "-tls1_2"], "client comes again with an older version",
                 " sent=inappropriate_fallback"),
    "unknown_authority": ("intermediate", ["-verify_return_error", "-verify", "3"],
                          "client does not know the authority of our certificate: chain sent has 1 certificate; is the "
                          "intermediate missing?", " received=unknown_ca"),
    "no_certificate": ("mutual", ["-tls1_3"], "client shows no certificate, and one is required",
                       " sent=certificate_required"),
    "no_certificate_tls12": ("mutual", ["-tls1_2"], "client shows no certificate, and one is required",
                             " sent=handshake_failure"),
}


@pytest.mark.parametrize(["server", "options", "reason", "member"], S_CLIENT.values(), ids=S_CLIENT.keys(),
                         indirect=["server"])
def test_openssl_s_client(server, options, reason, member):
    s_client(server.address, *options)
    found, members = server.failure()
    assert found.startswith(reason)
    assert member in members + " "
    assert " sni=site.example " in members


def test_a_name_without_a_certificate(refusing):
    s_client(refusing.address, name="sites.example")
    found, members = refusing.failure()
    assert found == 'no certificate for "sites.example"; nearest "site.example"'
    assert " sni=sites.example " in members and " sent=unrecognized_name" in members


CURL = {
    "unknown_authority": (["--tlsv1.3"], 60, "client does not know the authority of our certificate", "unknown_ca"),
    "tls11": (["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"], 35, "client offers only TLS 1.1", ""),
    "curves": (["--insecure", "--curves", "P-521"], 35, "no group in common: client offers secp521r1", "secp521r1"),
}


@pytest.mark.parametrize(["options", "code", "reason", "member"], CURL.values(), ids=CURL.keys())
def test_curl(intermediate, options, code, reason, member):
    assert curl(intermediate.address, *options).returncode == code
    found, members = intermediate.failure()
    assert found.startswith(reason) and member in members


@pytest.mark.parametrize(["days", "of_stranger", "reason"], [
    ((-9, -1), False, "client's certificate is not taken: certificate has expired"),
    ((-1, 9), True, "client's certificate is not taken: unable to get local issuer certificate"),
], ids=["expired", "unknown_authority"])
def test_client_certificates_that_do_not_verify(mutual, clients, tmp_path, days, of_stranger, reason):
    issuer = Authority(tmp_path, "Strangers") if of_stranger else clients
    shown = issuer.issue("somebody", days=days, client=True)
    curl(mutual.address, "--insecure", "--cert", shown.certificate, "--key", shown.key)
    assert mutual.failure()[0] == reason


def test_a_certificate_that_has_expired_for_the_client(tmp_path, authority, intermediate):
    """The client's clock says so; faketime is not needed: s_client verifies for another time."""
    s_client(intermediate.address, "-CAfile", authority.certificate, "-verify_return_error", "-attime", "4102444800")
    found, members = intermediate.failure()
    assert found.startswith("client holds our certificate to be expired: it is valid until 20")
    assert " received=certificate_expired" in members


def test_a_certificate_signed_by_itself(tmp_path):
    with Logged(tmp_path / "server", [self_signed(tmp_path / "own", "site.example")]) as server:
        assert curl(server.address).returncode == 60
        found, _ = server.failure()
        assert "the certificate is signed by itself: the client must be told to trust it" in found


# What is no TLS, or none that is whole; and whether the client leaves at once.
RAW = {
    "http": (request("/"), False, "plain HTTP on a TLS port; answered with 400"),
    "http2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", False, "plain HTTP/2 on a TLS port"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", False, "an SSH client on a TLS port"),
    "garbage": (b"\x00\x01\x02\"\\\x1b[31m\r\n" + bytes(300), False,
                r'no TLS: what came begins with "\x00\x01\x02\x22\x5c\x1b[31m\x0d\x0a\x00\x00\x00"'),
    "remote_desktop": (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", False,
                       "a Remote Desktop client on a TLS port"),
    "ssl2": (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(range(37)), False,
             "client sends a hello of SSL 2 that offers at most SSL 2"),
    "malformed": (b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", False, "malformed ClientHello (OpenSSL: "),
    "no_hello": (b"\x16\x03\x01\x00\x06\x02\x00\x00\x02\x03\x03", False, "client's first record holds no ClientHello"),
    "large_record": (b"\x16\x03\x01\xff\xff" + bytes(1000), False, "client sends a record of more than 16 KiB"),
    "left": (b"\x16\x03\x01\x02\x00\x01", True, "client closed the connection after 6 octets of its ClientHello"),
}


@pytest.mark.parametrize(["octets", "leaves", "reason"], RAW.values(), ids=RAW.keys())
def test_raw_sockets(intermediate, octets, leaves, reason):
    send_raw(intermediate.address, octets, leaves)
    found, members = intermediate.failure()
    assert found.startswith(reason)
    assert " sni=" not in members and members.isprintable()


def client_hello(name="site.example"):
    """What Python's client sends first."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_client_that_leaves_after_our_certificate(intermediate):
    with socket.create_connection(intermediate.address, 20) as connection:
        connection.sendall(client_hello())
        assert connection.recv(1)
    found, _ = intermediate.failure()
    assert found.startswith("client closed the connection after our certificate, without an alert")


@pytest.mark.parametrize(["octets", "reason"], [
    (b"", "timed out: client sent nothing"),
    (b"\x16\x03\x01", "timed out: client stopped after 3 octets of its ClientHello"),
    (None, "timed out: client stopped after our certificate, to which no answer came"),
], ids=["silent", "hello", "certificate"])
def test_clients_that_stall(hurried, octets, reason):
    send_raw(hurried.address, client_hello() if octets is None else octets)
    assert hurried.failure()[0].startswith(reason)


def test_a_changed_record(intermediate):
    with socket.create_connection(intermediate.address, 20) as connection:
        connection.sendall(client_hello())
        connection.recv(65536)
        # A record that no key of this handshake has sealed.
        connection.sendall(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x20" + bytes(32))
        while connection.recv(65536):
            pass
    found, members = intermediate.failure()
    assert found.startswith("client's record or Finished does not verify")
    assert " sent=bad_record_mac" in members


def test_a_port_that_is_only_looked_for_is_worth_no_line(intermediate):
    for _ in range(5):
        socket.create_connection(intermediate.address, 20).close()
    send_raw(intermediate.address, b"SSH-2.0-x\r\n")
    assert intermediate.failure()[0].startswith("an SSH client"), "and nothing before it"


def test_a_noisy_address_is_counted(tmp_path, certificates):
    with Logged(tmp_path / "server", certificates) as server:
        def noise(count):
            for _ in range(count):
                send_raw(server.address, RAW["malformed"][0])
        noise(60)

        def told():
            noise(1)  # a second's first line tells what the last one left out
            return "more failed handshakes of one second were left out" in server.path.read_text()
        wait_until(told, 20, "the count of what was left out")
        lines = server.path.read_text().splitlines()
        seconds = [line[:19] for line in lines if " error handshake failed: " in line]
        assert max(seconds.count(second) for second in seconds) <= LINES_OF_ONE_ADDRESS
        assert curl(server.address, "--insecure").stdout == b"over TLS\n"
        wait_until(server.access.read_text, 20, "the line of the request")
        assert len(server.access.read_text().splitlines()) == 1, "failed handshakes are no requests"


def test_json(tmp_path, certificates):
    with Logged(tmp_path / "server", certificates, log='error_format = "json"') as server:
        s_client(server.address, "-alpn", "h3")
        line = json.loads(server.lines()[0])
    assert (line["event"], line["kind"], line["level"]) == ("handshake failed", "no_shared_protocol", "error")
    assert line["cause"] == 'client offers by ALPN only what is not spoken here: "h3"'
    assert (line["remote"], line["sni"], line["alpn"]) == ("127.0.0.1", "site.example", ["h3"])
    assert (line["alert_sent"], line["alert_received"]) == ("no_application_protocol", None)
    assert "TLS 1.3" in line["versions"] and "X25519" in line["groups"] and line["duration_ms"] >= 0


# --- Traces ----------------------------------------------------------------------------------------------------------

def test_a_listener_that_traces_has_every_handshake_in_lanes(tmp_path, certificates):
    with Logged(tmp_path / "server", certificates, tls="{ trace_handshakes = true }") as server:
        assert curl(server.address, "--insecure", "--tlsv1.3").stdout == b"over TLS\n"
        lines = server.lines()
        assert " info handshake trace: established, TLS 1.3, " in lines[0] and " sni=site.example " in lines[0]
        assert all(line.startswith(" ") for line in lines[1:])
        for message in ("ClientHello", "ServerHello", "EncryptedExtensions", "Certificate", "Finished"):
            assert any(message in line for line in lines[1:]), message
        s_client(server.address, "-alpn", "h3")
        failed = server.lines(" handshake trace: ")
        assert " error handshake failed: client offers by ALPN " in failed[0]
        assert " info handshake trace: failed " in failed[1]
        assert any("no_application_protocol" in line for line in failed[2:])


def test_traces_for_machines(tmp_path, certificates):
    with Logged(tmp_path / "server", certificates, tls="{ trace_handshakes = true }",
                log='error_format = "json"') as server:
        assert curl(server.address, "--insecure", "--tlsv1.2", "--tls-max", "1.2").stdout == b"over TLS\n"
        lines = server.lines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["event"], line["end"], line["sni"]) == ("handshake trace", "established", "site.example")
    assert line["trace"]["summary"]["version"] == "TLS 1.2"
    assert [message["name"] for message in line["trace"]["messages"]][:3] == ["ClientHello", "ServerHello", "Certificate"]


def test_nothing_is_traced_by_default(intermediate):
    assert curl(intermediate.address, "--insecure").stdout == b"over TLS\n"
    with RawConnection(intermediate.address, 20) as connection:
        connection.send(request("/"))
        assert connection.response().status == 400
    assert intermediate.failure()[0].startswith("plain HTTP on a TLS port"), "and nothing before it"
