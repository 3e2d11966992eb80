"""Clients that show certificates, and hosts for which a connection is not meant.

The problem: who may come in is decided in the handshake, by the name that the client says there; the host of its requests
is another thing. So what a site asks of its clients must hold whichever way a request for it arrives (SECURITY.md
section 5, RFC 9110 section 15.5.20), and what the log says of a client must be what was verified.
"""

import json
import os

import pytest
from certificates import Authority, self_signed
from clients import curl, request, run_sluice
from sluice_server import wait_until
from tls_clients import (TlsConnection, certificate_table, client_context, configure, listener_table, s_client, site_table,
                         tls_server)

VERSIONS = ["1.2", "1.3"]
# Alerts (RFC 8446 section 6.2). TLS 1.2 has no certificate_required.
HANDSHAKE_FAILURE, BAD_CERTIFICATE, CERTIFICATE_EXPIRED, CERTIFICATE_UNKNOWN = 40, 42, 45, 46
UNKNOWN_CA, CERTIFICATE_REQUIRED = 48, 116
REFUSED_WITHOUT = {"1.2": HANDSHAKE_FAILURE, "1.3": CERTIFICATE_REQUIRED}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder / "servers")


@pytest.fixture(scope="module")
def clients(folder):
    """Who may come in; their certificates are issued by an intermediate, which they send."""
    return Authority(folder / "clients", "Clients")


@pytest.fixture(scope="module")
def people(folder, clients):
    strangers = Authority(folder / "strangers", "Strangers")
    return {
        "jane": clients.issue("Jane Doe", names=["jane"], client=True),
        "joe": clients.intermediate("Department").issue("Joe, der Größte", names=["joe"], client=True, kind="rsa"),
        "expired": clients.issue("Late", names=["late"], client=True, days=(-9, -1)),
        "early": clients.issue("Early", names=["early"], client=True, days=(2, 9)),
        "stranger": strangers.issue("Jane Doe", names=["jane"], client=True),
        "himself": self_signed(folder / "himself", "Jane Doe", names=["jane"]),
        "server": clients.issue("server", names=["server"]),
    }


def asking(mode, clients) -> str:
    return f'client_certificates = {{ mode = "{mode}", authorities = "{clients.certificate}" }}'


@pytest.fixture(scope="module")
def server(folder, authority, clients, shared_site):
    """Listeners that require, that request, and one of which sites decide for themselves."""
    common = authority.issue("localhost", names=["localhost", "open.example", "members.example", "guests.example"])
    other = authority.issue("other.example", names=["other.example", "*.other.example"])
    place = folder / "configuration"
    place.mkdir()
    tables = [
        listener_table(f"{{ {asking('request', clients)} }}", name="requests"),
        listener_table(name="by-site"),
        listener_table("false", name="clear"),
        site_table(shared_site, 'listeners = ["secure", "requests"]', hosts=["localhost"]),
        site_table(shared_site, 'listeners = ["by-site"]', 'default = true', hosts=["open.example"]),
        site_table(shared_site, 'listeners = ["by-site"]', asking("require", clients), hosts=["members.example"]),
        site_table(shared_site, 'listeners = ["by-site"]', asking("request", clients), hosts=["guests.example"]),
        site_table(shared_site, 'listeners = ["by-site"]', hosts=["other.example", "*.other.example"]),
        site_table(shared_site, 'listeners = ["clear"]', hosts=["clear.example"]),
    ]
    with tls_server(place, [common, other], *tables, tls=f"{{ {asking('require', clients)} }}") as running:
        yield running


@pytest.fixture(scope="module")
def requires(server):
    return server.addresses[0]


@pytest.fixture(scope="module")
def requests(server):
    return server.addresses[1]


@pytest.fixture(scope="module")
def by_site(server):
    return server.addresses[2]


def visit(address, authority, version=None, person=None, name="localhost", target="/1k.bin", host=None):
    """The response's status; raises ssl.SSLError where the handshake is refused."""
    context = client_context(authority.certificate, version, person)
    with TlsConnection(address, name=name, context=context) as connection:
        connection.send(request(target, host=host or name))
        response = connection.response()
        assert response is not None, f"the connection ended: {connection.ended}"
        return response.status


def refusal(address, version, person=None, name="localhost"):
    """The alert that a client gets, which nothing but an alert follows."""
    shown = ["-cert", person.certificate, "-cert_chain", person.chain, "-key", person.key] if person else []
    shown += [] if name else ["-noservername"]
    seen = s_client(address, "-tls1_" + version[-1], *shown, "-ign_eof", send=request("/", "Connection: close"), name=name)
    assert "HTTP/1.1" not in seen.text, seen.text
    return seen.alert


def line_of(server, target) -> dict:
    wait_until(lambda: f'"{target}"' in server.stdout(), 20, f"the line of {target}")
    line, = [line for line in map(json.loads, server.stdout().splitlines()) if line.get("target") == target]
    return line


# --- A listener -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name, subject", [("jane", "CN=Jane Doe"), ("joe", r"CN=Joe\, der Gr\C3\B6\C3\9Fte")])
def test_who_shows_a_certificate_comes_in_and_is_named(server, requires, requests, authority, people, version, name, subject):
    for address, mode in ((requires, "require"), (requests, "request")):
        target = f"/1k.bin?{mode}-{version}-{name}"
        assert visit(address, authority, version, people[name], target=target) == 200
        assert line_of(server, target)["client"] == subject


@pytest.mark.parametrize("version", VERSIONS)
def test_who_shows_none_is_refused_where_one_is_required(requires, version):
    assert refusal(requires, version) == REFUSED_WITHOUT[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_who_shows_none_comes_in_where_one_is_requested(server, requests, authority, version):
    target = f"/1k.bin?nobody-{version}"
    assert visit(requests, authority, version, target=target) == 200
    assert "client" not in line_of(server, target)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name, alerts", [
    ("expired", [CERTIFICATE_EXPIRED]),
    ("early", [BAD_CERTIFICATE]),
    ("stranger", [UNKNOWN_CA]),
    ("himself", [UNKNOWN_CA]),
    ("server", [BAD_CERTIFICATE, HANDSHAKE_FAILURE, 43]),  # its extendedKeyUsage is for servers: unsupported_certificate
])
def test_a_certificate_that_does_not_verify_is_refused_even_where_none_is_required(requires, requests, people, version, name,
                                                                                   alerts):
    for address in (requires, requests):
        assert refusal(address, version, people[name]) in alerts


def test_clients_are_told_whose_certificates_are_taken(requires, requests, by_site):
    for address, name, asked in ((requires, "localhost", True), (requests, "localhost", True), (by_site, "open.example", False),
                                 (by_site, "members.example", True)):
        seen = s_client(address, "-tls1_2", name=name)
        assert ("Acceptable client certificate CA names" in seen.text) == asked, (name, seen.text)
        assert ("CN = Clients\n" in seen.text) == asked


def test_curl_shows_its_certificate(requires, authority, people):
    resolve = ["--resolve", f"localhost:{requires[1]}:127.0.0.1", "--cacert", authority.certificate]
    url = f"https://localhost:{requires[1]}/1k.bin"
    jane = people["jane"]
    assert len(curl(*resolve, "--cert", jane.certificate, "--key", jane.key, url).stdout) == 1024
    without = curl(*resolve, url)
    assert (without.returncode, without.stdout) == (56, b"") and b"certificate required" in without.stderr, without.stderr


# --- Sites ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_site_asks_for_itself(server, by_site, authority, people, version):
    assert visit(by_site, authority, version, name="open.example") == 200
    assert refusal(by_site, version, name="members.example") == REFUSED_WITHOUT[version]
    assert visit(by_site, authority, version, people["jane"], name="members.example") == 200
    assert refusal(by_site, version, people["stranger"], name="members.example") == UNKNOWN_CA
    assert visit(by_site, authority, version, name="guests.example") == 200
    target = f"/1k.bin?guest-{version}"
    assert visit(by_site, authority, version, people["joe"], name="guests.example", target=target) == 200
    assert line_of(server, target)["client"].startswith("CN=Joe")


def test_a_certificate_that_nobody_asked_for_is_not_sent(server, by_site, authority, people):
    assert visit(by_site, authority, None, people["jane"], name="open.example", target="/1k.bin?unasked") == 200
    assert "client" not in line_of(server, "/1k.bin?unasked")


# --- The host of a request and the name of a handshake ----------------------------------------------------------------

MISDIRECTED = 421


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name, host, status", [
    ("open.example", "open.example", 200),
    ("open.example", "open.example:443", 200),
    ("open.example", "OPEN.example", 200),
    ("open.example", "members.example", MISDIRECTED),  # it would have been asked for a certificate
    ("open.example", "MEMBERS.example:8443", MISDIRECTED),
    ("open.example", "guests.example", MISDIRECTED),
    ("open.example", "other.example", MISDIRECTED),  # another certificate
    ("open.example", "x.other.example", MISDIRECTED),
    ("other.example", "x.other.example", 200),  # the same certificate
    ("other.example", "open.example", MISDIRECTED),
    ("guests.example", "members.example", MISDIRECTED),
    ("guests.example", "open.example", MISDIRECTED),
    ("open.example", "127.0.0.1", 200),  # of nobody: the default site, for probes
    ("open.example", "nobody.test", 200),
    (None, "127.0.0.1", 200),
    (None, "open.example", 200),  # the default certificate is its
    (None, "members.example", MISDIRECTED),
    ("nobody.test", "open.example", 200),
    ("nobody.test", "members.example", MISDIRECTED),
])
def test_a_host_of_another_connection_is_misdirected(by_site, authority, version, name, host, status):
    context = client_context(authority.certificate, version)
    context.check_hostname = False
    with TlsConnection(by_site, name=name, context=context) as connection:
        connection.send(request("/1k.bin", host=host))
        assert connection.response().status == status
        # The connection goes on for what it is meant for.
        connection.send(request("/1k.bin", host="other.example" if name == "other.example" else name or "open.example"))
        last = connection.response().status
        assert last == 200 if name != "nobody.test" else last in (200, MISDIRECTED)


def test_a_member_does_not_bring_its_certificate_to_others(by_site, authority, people):
    """Nor does the site that it is one of take requests for another."""
    assert visit(by_site, authority, None, people["jane"], name="members.example", host="open.example") == MISDIRECTED
    assert visit(by_site, authority, None, people["jane"], name="members.example", host="guests.example") == MISDIRECTED


def test_the_absolute_form_counts(by_site, authority):  # RFC 9112 section 3.2.2
    with TlsConnection(by_site, authority.certificate, name="open.example") as connection:
        connection.send(request("https://open.example/1k.bin", host="open.example"))
        assert connection.response().status == 200
        connection.send(request("https://members.example/1k.bin", host="members.example"))
        assert connection.response().status == MISDIRECTED
        connection.send(request("https://members.example/1k.bin", host="open.example"))
        assert connection.response().status == 400  # one reading of every message


def test_a_host_that_the_listener_does_not_have_is_the_default(requires, authority, people):
    assert visit(requires, authority, None, people["jane"], host="127.0.0.1") == 200
    assert visit(requires, authority, None, people["jane"], host="members.example") == 200  # not of this listener


def served(tmp_path, authority, *tables):
    """A server of one listener "by-site" that asks for nothing itself; "secure" leads to a site of its own."""
    common = authority.issue("common", names=["open.example", "members.example", "*.deep.example"])
    own = site_table(tmp_path / "public", 'listeners = ["secure"]', "default = true", hosts=["own.example"])
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "1k.bin").write_bytes(bytes(1024))
    return tls_server(tmp_path, [common], listener_table(name="by-site"), own, *tables)


def status_of(address, authority, name, host):
    context = client_context(authority.certificate)
    context.check_hostname = False
    with TlsConnection(address, name=name, context=context) as connection:
        connection.send(request("/1k.bin", host=host) if host else b"GET /1k.bin HTTP/1.0\r\n\r\n")
        return connection.response().status


@pytest.mark.parametrize("host", ["members.example", "members.example.", "MEMBERS.example.:443", "nobody.test", "127.0.0.1", None])
def test_no_host_leads_to_a_default_site_that_requires_a_certificate(tmp_path, authority, clients, shared_site, host):
    """Hosts of nobody are welcome where no more is asked of clients than was."""
    by_site = 'listeners = ["by-site"]'
    members = site_table("public", by_site, asking("require", clients), hosts=["members.example"])
    free = site_table("public", by_site, hosts=["open.example"])
    with served(tmp_path, authority, members, free) as server:  # the listener's first site is its default one
        address = server.addresses[1]
        assert status_of(address, authority, "open.example", "open.example") == 200
        assert status_of(address, authority, "open.example", host) == MISDIRECTED
        for name in ("members.example", "nobody.test", None):
            assert refusal(address, "1.3", name=name) == CERTIFICATE_REQUIRED


@pytest.mark.parametrize("name, host, status", [
    ("a.deep.example", "a.deep.example", 200),
    ("a.deep.example", "b.deep.example", 200),
    ("a.deep.example", "x.strict.deep.example", MISDIRECTED),
    ("a.deep.example", "strict.deep.example", 200),
    ("a.deep.example", "y.x.strict.deep.example.", MISDIRECTED),
])
def test_wildcards_of_sites_lead_handshake_and_request_to_the_same(tmp_path, authority, clients, name, host, status):
    by_site = 'listeners = ["by-site"]'
    free = site_table("public", by_site, hosts=["*.DEEP.example"])
    strict = site_table("public", by_site, asking("require", clients), hosts=["*.strict.deep.example"])
    with served(tmp_path, authority, free, strict) as server:
        assert status_of(server.addresses[1], authority, name, host) == status


# --- Mistakes in the configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content, words", [
    (b"", "no certificate"),
    (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", ""),
    (None, ""),
    ("leaf", "no authority"),
], ids=["empty", "damaged", "missing", "a client's own"])
def test_authorities_that_cannot_be_used_are_an_error(tmp_path, authority, people, shared_site, content, words):
    path = tmp_path / "clients.pem"
    if content is not None:
        path.write_bytes(people["jane"].certificate.read_bytes() if content == "leaf" else content)
    tls = f'{{ client_certificates = {{ mode = "require", authorities = "{path}" }} }}'
    file = configure(tmp_path, listener_table(tls), certificate_table(authority.issue("localhost")), site_table(shared_site))
    done = run_sluice("run", "-c", file, env={**os.environ, "SLUICE_CONTROL": "off"})
    assert done.returncode == 1 and str(path) in done.stderr and words in done.stderr, done.stderr
