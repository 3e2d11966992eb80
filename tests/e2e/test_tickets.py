"""Sessions that are resumed (RFC 8446 section 2.2, RFC 5077): by which ticket, where, and where not.

The problem: a ticket saves a handshake, and must never save what a handshake is for. It is taken by every worker, after
reloads and renewals, and by servers that share keys; and by no site that asks more of clients than the one it is from.
"""

import os
import re
import ssl
import subprocess

import pytest
from certificates import Authority
from clients import request
from renewal import LOOK_OFTEN, READ_AGAIN, Live, await_certificate, reload_by_signal, said
from sluice_server import SluiceServer, wait_until
from tls_clients import Handshake, TlsConnection, client_context, s_client, site_table, tls_server

VERSIONS = ["1.2", "1.3"]
GOODBYE = request("/style.css", "Connection: close")


@pytest.fixture
def live(tmp_path):
    return Live(tmp_path)


def save_session(address, path, version, *options, name="localhost") -> Handshake:
    """Shakes hands in full, asks for a page, and keeps the session with its ticket."""
    path.unlink(missing_ok=True)
    seen = s_client(address, "-tls1_" + version[-1], "-sess_out", path, "-ign_eof", "-msg", *options, send=GOODBYE, name=name)
    assert seen.established and not seen.resumed, seen.text
    assert "HTTP/1.1 " in seen.text and path.stat().st_size > 0
    return seen


def resume(address, path, version, *options, name="localhost") -> Handshake:
    return s_client(address, "-tls1_" + version[-1], "-sess_in", path, "-ign_eof", "-msg", *options, send=GOODBYE, name=name)


def tickets_in(seen: Handshake) -> int:
    return len(re.findall(r"<<< .*NewSessionTicket", seen.text))


@pytest.fixture(scope="module")
def shared_certificate(authority):
    return authority.issue("localhost")


@pytest.fixture(scope="module")
def two_workers(shared_certificate, shared_site, tmp_path_factory):
    with tls_server(tmp_path_factory.mktemp("tickets"), [shared_certificate], root=shared_site, workers=2) as server:
        yield server


@pytest.mark.parametrize("version", VERSIONS)
def test_tickets_resume_on_every_worker(two_workers, tmp_path, version):
    save_session(two_workers.address, tmp_path / "session", version)
    for _ in range(10):  # the kernel chooses the worker
        seen = resume(two_workers.address, tmp_path / "session", version)
        assert seen.resumed and "HTTP/1.1 200" in seen.text, seen.text


@pytest.mark.parametrize("version, resumed", [("1.2", 0), ("1.3", 1)])
def test_a_handshake_gives_one_ticket(two_workers, tmp_path, version, resumed):
    """A resumed one in TLS 1.3, too: its client needs another (RFC 8446 appendix C.4)."""
    assert tickets_in(save_session(two_workers.address, tmp_path / "session", version)) == 1
    assert tickets_in(resume(two_workers.address, tmp_path / "session", version)) == resumed


def test_a_resumed_session_of_tls_1_3_has_fresh_keys(two_workers, tmp_path):
    """psk_dhe_ke alone (RFC 8446 section 4.2.9): a stolen ticket key opens nothing of the past."""
    save_session(two_workers.address, tmp_path / "session", "1.3")
    for options in [], ["-allow_no_dhe_kex"]:
        seen = resume(two_workers.address, tmp_path / "session", "1.3", *options)
        assert seen.resumed and "Server Temp Key: X25519" in seen.text, seen.text


def test_python_resumes_from_connection_to_connection(two_workers, shared_certificate):
    context = client_context(shared_certificate.authority)
    session = None
    for i in range(4):
        with TlsConnection(two_workers.address, context=context, session=session) as connection:
            assert connection.resumed == (i > 0)
            connection.send(request("/style.css"))
            assert connection.response().status == 200
            session = connection.session


@pytest.mark.parametrize("version", VERSIONS)
def test_tickets_outlive_reloads_and_renewals(authority, live, site, tmp_path, version):
    live.in_place(authority.issue("localhost"))
    new = authority.issue("localhost")
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site, workers=2) as server:
        save_session(server.address, tmp_path / "session", version)
        assert "reloaded" in reload_by_signal(server)
        assert resume(server.address, tmp_path / "session", version).resumed
        live.by_renaming(new)
        await_certificate(server, new)
        assert resume(server.address, tmp_path / "session", version).resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_another_server_is_not_taken(two_workers, shared_certificate, shared_site, tmp_path, version):
    save_session(two_workers.address, tmp_path / "session", version)
    with tls_server(tmp_path, [shared_certificate], root=shared_site) as other:
        seen = resume(other.address, tmp_path / "session", version)
        assert seen.established and not seen.resumed and "HTTP/1.1 200" in seen.text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_damaged_ticket_leads_to_a_full_handshake(two_workers, tmp_path, version):
    save_session(two_workers.address, tmp_path / "session", version)
    pem = (tmp_path / "session").read_text()
    der = bytearray(ssl.PEM_cert_to_DER_cert(pem.replace("SSL SESSION PARAMETERS", "CERTIFICATE")))
    text = subprocess.run(["openssl", "sess_id", "-in", tmp_path / "session", "-noout", "-text"], capture_output=True,
                          check=True, text=True).stdout
    start_of_ticket = bytes.fromhex(re.search(r"0000 - ((?:[0-9a-f]{2}[ -]){16})", text)[1].replace("-", " "))
    at = der.index(start_of_ticket)
    for offset in (0, 20, 60, 100):  # name, vector, what is encrypted
        changed = bytearray(der)
        changed[at + offset] ^= 1
        octets = ssl.DER_cert_to_PEM_cert(bytes(changed)).replace("CERTIFICATE", "SSL SESSION PARAMETERS")
        (tmp_path / "changed").write_text(octets)
        seen = resume(two_workers.address, tmp_path / "changed", version)
        assert seen.established and not seen.resumed and "HTTP/1.1 200" in seen.text, (offset, seen.text)


# --- Files of ticket keys ---------------------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path):
    paths = []
    for i, octets in enumerate((80, 48, 80)):
        paths.append(tmp_path / f"ticket-{i}.key")
        paths[-1].write_bytes(os.urandom(octets))
        paths[-1].chmod(0o600)
    return paths


def keyed(folder, certificate, root, *keys) -> SluiceServer:
    folder.mkdir(exist_ok=True)
    names = ", ".join(f'"{key}"' for key in keys)
    return tls_server(folder, [certificate], LOOK_OFTEN, root=root, tls=f"{{ ticket_keys = [{names}] }}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", [0, 1], ids=["80 octets", "48 octets"])
def test_servers_with_the_same_keys_share_sessions(shared_certificate, shared_site, tmp_path, keys, version, number):
    with keyed(tmp_path / "a", shared_certificate, shared_site, keys[number]) as first, \
            keyed(tmp_path / "b", shared_certificate, shared_site, keys[number]) as second, \
            keyed(tmp_path / "c", shared_certificate, shared_site, keys[2]) as other:
        save_session(first.address, tmp_path / "session", version)
        assert resume(second.address, tmp_path / "session", version).resumed
        assert not resume(other.address, tmp_path / "session", version).resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_key_encrypts_and_all_decrypt(shared_certificate, shared_site, tmp_path, keys, version):
    with keyed(tmp_path / "old", shared_certificate, shared_site, keys[0]) as old, \
            keyed(tmp_path / "both", shared_certificate, shared_site, keys[1], keys[0]) as both, \
            keyed(tmp_path / "new", shared_certificate, shared_site, keys[1]) as new:
        context = client_context(shared_certificate.authority, version)

        def visit(server, session):
            """Whether it was resumed, and the session to go on with."""
            with TlsConnection(server.address, context=context, session=session) as connection:
                connection.send(request("/style.css"))
                assert connection.response().status == 200
                return connection.resumed, connection.session

        first = visit(old, None)[1]
        assert not visit(new, first)[0]
        resumed, second = visit(both, first)
        assert resumed
        assert visit(new, second)[0], "an old key's ticket is replaced by one of the first key's"
        assert not visit(old, second)[0]


def test_changed_files_of_keys_are_read(shared_certificate, shared_site, tmp_path, keys):
    with keyed(tmp_path / "a", shared_certificate, shared_site, keys[0]) as server:
        save_session(server.address, tmp_path / "session", "1.3")
        assert resume(server.address, tmp_path / "session", "1.3").resumed
        keys[2].replace(keys[0])
        wait_until(lambda: not resume(server.address, tmp_path / "session", "1.3").resumed, 20, "the new key")
        save_session(server.address, tmp_path / "session", "1.3")
        assert resume(server.address, tmp_path / "session", "1.3").resumed


# --- Tickets and policies ---------------------------------------------------------------------------------------------

CERTIFICATE_REQUIRED, HANDSHAKE_FAILURE = 116, 40


@pytest.mark.parametrize("version, alert", [("1.2", HANDSHAKE_FAILURE), ("1.3", CERTIFICATE_REQUIRED)])
def test_no_session_is_resumed_on_a_stricter_site(authority, shared_site, tmp_path, version, alert):
    one = authority.issue("both.example", names=["open.example", "strict.example"])
    clients = Authority(tmp_path / "clients", "Clients")
    person = clients.issue("person", client=True)
    strict = site_table(shared_site, f'client_certificates = {{ mode = "require", authorities = "{clients.certificate}" }}',
                        hosts=["strict.example"])
    with tls_server(tmp_path, [one], site_table(shared_site, hosts=["open.example"]), strict) as server:
        save_session(server.address, tmp_path / "session", version, name="open.example")
        assert resume(server.address, tmp_path / "session", version, name="open.example").resumed
        seen = resume(server.address, tmp_path / "session", version, name="strict.example")
        assert not seen.resumed and seen.alert == alert and "HTTP/1.1" not in seen.text, seen.text
        shown = ["-cert", person.chain, "-key", person.key]
        seen = resume(server.address, tmp_path / "session", version, *shown, name="strict.example")
        assert not seen.resumed and seen.established, seen.text

        save_session(server.address, tmp_path / "strict", version, *shown, name="strict.example")
        assert resume(server.address, tmp_path / "strict", version, name="strict.example").resumed
        assert not resume(server.address, tmp_path / "strict", version, name="open.example").resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_outlives_the_authorities_it_was_verified_by(authority, shared_site, tmp_path, version):
    one = authority.issue("localhost")
    first, second = (Authority(tmp_path / "clients", name) for name in ("First", "Second"))
    file = tmp_path / "clients.pem"
    file.write_bytes(first.certificate.read_bytes())
    person = first.issue("person", client=True)
    tls = f'{{ client_certificates = {{ mode = "require", authorities = "{file}" }} }}'
    with tls_server(tmp_path, [one], LOOK_OFTEN, root=shared_site, tls=tls) as server:
        save_session(server.address, tmp_path / "session", version, "-cert", person.chain, "-key", person.key)
        assert resume(server.address, tmp_path / "session", version).resumed
        file.write_bytes(second.certificate.read_bytes())
        wait_until(lambda: said(server, READ_AGAIN), 20, "the new authority")
        seen = resume(server.address, tmp_path / "session", version)
        assert not seen.resumed and "HTTP/1.1" not in seen.text, seen.text
