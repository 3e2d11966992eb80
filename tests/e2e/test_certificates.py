"""Which certificate a client sees, how renewed ones take the place of old ones, and what tickets are good for.

The problem: certificates are files that other programs replace, each in its own way, while connections are open. Nobody
may notice but those who shake hands afterwards; and what cannot be served must be said in words, with the old going on.
Sessions that are resumed (RFC 8446 section 2.2, RFC 5077) must not get around any of it.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import ssl
import subprocess
import time

import pytest
from certificates import Authority, self_signed
from clients import IS_ROOT, SANITIZED, request, run_sluice
from sluice_server import SluiceServer, wait_until
from tls_clients import (Handshake, TlsConnection, certificate_table, client_context, configure, fetch, listener_table,
                         octets_of, s_client, shown_to, site_table, tls_server)

VERSIONS = ["1.2", "1.3"]
LOOK_OFTEN = '[limits]\ncertificate_check = "50ms"\n'
READ_AGAIN = "certificates were read again"
OLD_GOES_ON = "the certificates of before are served on"
UNRECOGNIZED_NAME = 112  # alerts: RFC 8446 section 6.2


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def intermediate(authority):
    return authority.intermediate()


# --- By name ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def named(authority, intermediate):
    """Certificates by what they are for; the first is the default."""
    return {
        "other": authority.issue("other.example", names=["other.example"]),
        "exact": intermediate.issue("a.site.example", names=["a.site.example", "SITE.example"]),
        "wildcard": authority.issue("*.site.example", names=["*.site.example"]),
    }


@pytest.fixture(scope="module")
def by_name(named, shared_site, tmp_path_factory):
    hosts = site_table(shared_site, hosts=["localhost", "site.example", "*.site.example"])
    second = listener_table('{ unknown_name = "refuse" }', name="strict")
    with tls_server(tmp_path_factory.mktemp("by-name"), list(named.values()), second, hosts) as server:
        yield server


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name, wanted", [
    ("a.site.example", "exact"),
    ("site.example", "exact"),
    ("A.Site.EXAMPLE", "exact"),
    ("b.site.example", "wildcard"),
    ("a.b.site.example", "other"),  # RFC 9525 section 6.3: a wildcard is one label
    ("other.example", "other"),
    ("nowhere.test", "other"),
    (None, "other"),
])
def test_the_name_decides(by_name, named, version, name, wanted):
    assert shown_to(by_name.address, name, version=version) == octets_of(named[wanted])


def test_intermediates_are_sent_and_the_root_is_not(by_name, authority):
    seen = s_client(by_name.address, "-CAfile", authority.certificate, "-verify_return_error", "-showcerts", name="a.site.example")
    assert seen.established and "Verify return code: 0 (ok)" in seen.text
    assert seen.text.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_name_is_refused_where_the_file_says_so(by_name, named, version):
    strict = by_name.addresses[1]
    option = "-tls1_" + version[-1]
    for name in ("nowhere.test", "a.b.site.example"):
        seen = s_client(strict, option, name=name)
        assert (seen.established, seen.alert) == (False, UNRECOGNIZED_NAME), seen.text
    assert s_client(strict, option, name="b.site.example").established
    assert shown_to(strict, None, version=version) == octets_of(named["other"]), "who says no name is not refused"


def test_the_default_is_what_the_file_says(authority, shared_site, tmp_path):
    first, second = (authority.issue(name, names=[name]) for name in ("one.example", "two.example"))
    certificates = [first, certificate_table(second, "default = true")]
    with tls_server(tmp_path, certificates, root=shared_site) as server:
        assert shown_to(server.address, None) == octets_of(second)
        assert shown_to(server.address, "one.example") == octets_of(first)


def test_a_listener_shows_its_own(authority, shared_site, tmp_path):
    first, second = (authority.issue("localhost") for _ in range(2))
    tables = [certificate_table(first, 'listeners = ["secure"]'), certificate_table(second, 'listeners = ["second"]')]
    with tls_server(tmp_path, tables, listener_table(name="second"), root=shared_site) as server:
        shown = [shown_to(address, "localhost", authority.certificate) for address in server.addresses]
    assert shown == [octets_of(first), octets_of(second)]


def test_ecdsa_and_rsa_side_by_side(authority, shared_site, tmp_path):
    rsa, ecdsa = authority.issue("localhost", kind="rsa"), authority.issue("localhost", kind="ecdsa")
    with tls_server(tmp_path, [rsa, ecdsa], root=shared_site) as server:
        for options, wanted in [(["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], rsa),
                                (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], ecdsa),
                                (["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"], rsa),
                                (["-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"], ecdsa),
                                (["-tls1_3"], ecdsa)]:  # the cheaper one for who takes both
            for name in ("localhost", "unknown.example"):
                assert wanted.certificate.read_text() in s_client(server.address, *options, name=name).text, options


# --- Renewal ----------------------------------------------------------------------------------------------------------


class Live:
    """The files that a configuration names, and the ways in which programs replace them."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder / "live"
        self.folder.mkdir()
        self.chain, self.key = self.folder / "chain.pem", self.folder / "key.pem"
        self.number = 0

    def table(self) -> str:
        return f'[[certificate]]\nchain = "{self.chain}"\nkey = "{self.key}"\n'

    def in_place(self, certificate):
        self.chain.write_bytes(certificate.chain.read_bytes())
        self.key.touch(mode=0o600)
        self.key.write_bytes(certificate.key.read_bytes())

    def by_renaming(self, certificate):
        for source, target in ((certificate.chain, self.chain), (certificate.key, self.key)):
            shutil.copy2(source, self.folder / "next")
            (self.folder / "next").replace(target)

    def _archive(self, certificate) -> pathlib.Path:
        self.number += 1
        archive = self.folder / f"..archive-{self.number}"
        archive.mkdir()
        shutil.copy2(certificate.chain, archive / "chain.pem")
        shutil.copy2(certificate.key, archive / "key.pem")
        return archive

    def _link(self, link: pathlib.Path, target):
        (self.folder / "..next").symlink_to(target)
        (self.folder / "..next").replace(link)

    def as_certbot(self, certificate):
        """Each file is a link into an archive that is kept."""
        archive = self._archive(certificate)
        for path in (self.chain, self.key):
            self._link(path, f"{archive.name}/{path.name}")

    def as_kubernetes(self, certificate):
        """The files are links through a link to a folder, which alone is switched; the old folder goes."""
        old = self.folder / f"..archive-{self.number}"
        self._link(self.folder / "..data", self._archive(certificate).name)
        for path in (self.chain, self.key):
            if not path.is_symlink():
                path.symlink_to(f"..data/{path.name}")
        if old.exists():
            shutil.rmtree(old)


@pytest.fixture
def live(tmp_path):
    return Live(tmp_path)


def await_certificate(server, certificate, name="localhost"):
    wait_until(lambda: shown_to(server.address, name) == octets_of(certificate), 20, "the new certificate")


def said(server, text) -> int:
    return server.stderr().count(text)


@pytest.mark.parametrize("way", ["in_place", "by_renaming", "as_certbot", "as_kubernetes"])
def test_a_renewal_is_noticed_and_drops_nobody(authority, live, site, large_file, tmp_path, way):
    old, new, newest = (authority.issue("localhost") for _ in range(3))
    replace = getattr(live, way)
    replace(old)
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site, workers=2) as server, \
            TlsConnection(server.address, authority.certificate, seconds=120) as kept, \
            TlsConnection(server.address, authority.certificate, receive_buffer=4096, seconds=120) as download:
        kept.send(request("/style.css"))
        assert kept.response().status == 200
        download.send(request("/large.bin"))
        download._take()

        for certificate in (new, newest):
            replace(certificate)
            await_certificate(server, certificate)
            assert fetch(server.address, authority.certificate).status == 200
            kept.send(request("/style.css"))
            assert kept.response().status == 200
        assert said(server, READ_AGAIN) == 2 and "error" not in server.stderr()
        assert download.response().body == large_file.read_bytes()
        assert kept.certificate_octets() == octets_of(old)


def test_another_kind_of_key_takes_over(authority, live, site, tmp_path):
    live.by_renaming(authority.issue("localhost", kind="ecdsa"))
    new = authority.issue("localhost", kind="rsa")
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site) as server:
        live.by_renaming(new)
        await_certificate(server, new)
        assert fetch(server.address, authority.certificate).status == 200


def test_a_chain_whose_key_comes_later(authority, live, site, tmp_path):
    """In between nothing fits, which is said; then it is right again."""
    old, new = (authority.issue("localhost") for _ in range(2))
    live.in_place(old)
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site) as server:
        live.chain.write_bytes(new.chain.read_bytes())
        wait_until(lambda: said(server, OLD_GOES_ON), 20, "the error")
        assert shown_to(server.address, "localhost") == octets_of(old)
        live.key.write_bytes(new.key.read_bytes())
        await_certificate(server, new)
        assert said(server, OLD_GOES_ON) == 1, "once for one mistake"
        assert said(server, READ_AGAIN) == 1


def truncate(live, certificate):
    live.chain.write_bytes(certificate.chain.read_bytes()[:300])


def remove(live, certificate):
    live.chain.unlink()


def remove_key(live, certificate):
    live.key.unlink()


def empty(live, certificate):
    live.key.write_bytes(b"")


def expire(live, certificate):
    live.in_place(certificate)


@pytest.mark.parametrize("spoil", [truncate, remove, remove_key, empty, expire])
def test_a_broken_renewal_is_told_and_the_old_goes_on(authority, live, site, tmp_path, spoil):
    old, new = (authority.issue("localhost") for _ in range(2))
    live.in_place(old)
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site) as server:
        spoil(live, authority.issue("localhost", days=(-9, -1)))
        wait_until(lambda: said(server, OLD_GOES_ON), 20, "the error")
        line, = [line for line in server.stderr().splitlines() if OLD_GOES_ON in line]
        assert line.startswith("sluice: error: ") and str(live.folder) in line
        assert shown_to(server.address, "localhost", authority.certificate) == octets_of(old)
        live.in_place(new)
        await_certificate(server, new)


def test_what_changed_is_not_read_twice_and_nothing_is_said_of_what_did_not(authority, live, site, tmp_path):
    live.in_place(authority.issue("localhost"))
    other = authority.issue("other.example", names=["other.example"])
    with tls_server(tmp_path, [live.table(), other], LOOK_OFTEN, root=site) as server:
        new = authority.issue("localhost")
        live.by_renaming(new)
        await_certificate(server, new)
        assert shown_to(server.address, "other.example") == octets_of(other)
        begin = time.monotonic()
        while time.monotonic() - begin < 0.5:  # ten looks
            assert said(server, READ_AGAIN) == 1
            time.sleep(0.05)


# --- Reload -----------------------------------------------------------------------------------------------------------


def reload_by_signal(server) -> str:
    """Returns what was said."""
    before = len(server.stderr())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: re.search("sluice: reloaded|nothing is changed", server.stderr()[before:]), 20, "the reload")
    return server.stderr()[before:]


def test_a_reload_takes_and_leaves_certificates(authority, shared_site, tmp_path):
    one, two = (authority.issue(f"{name}.example", names=[f"{name}.example", "localhost"][:1 + (name == "one")])
                for name in ("one", "two"))
    control = {"SLUICE_CONTROL": str(tmp_path / "control.sock")}
    with tls_server(tmp_path, [one], root=shared_site, env=control) as server, \
            TlsConnection(server.address, authority.certificate) as kept:
        assert shown_to(server.address, "two.example") == octets_of(one)
        configure(tmp_path, listener_table(), certificate_table(one), certificate_table(two), site_table(shared_site))
        done = run_sluice("reload", "--control", tmp_path / "control.sock")
        assert done.returncode == 0, done.stderr
        assert shown_to(server.address, "two.example") == octets_of(two)
        assert shown_to(server.address, "one.example") == octets_of(one)
        configure(tmp_path, listener_table(), certificate_table(two), site_table(shared_site))
        assert "reloaded" in reload_by_signal(server)
        assert shown_to(server.address, "one.example") == octets_of(two)
        kept.send(request("/style.css"))
        assert kept.response().status == 421, "what it was shown is not configured any more"


def test_files_of_a_reloaded_configuration_are_followed(authority, live, site, tmp_path):
    """And those of a configuration that was refused are not, nor are those of before forgotten."""
    first, renewed = (authority.issue("localhost") for _ in range(2))
    live.in_place(first)
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site) as server:
        broken = '[[certificate]]\nchain = "missing.pem"\nkey = "missing.key"\n'
        configure(tmp_path, listener_table(), broken, LOOK_OFTEN, site_table(site))
        assert "nothing is changed" in reload_by_signal(server)
        live.by_renaming(renewed)
        await_certificate(server, renewed)

        second = Live(tmp_path / "live")
        second.in_place(first)
        configure(tmp_path, listener_table(), second.table(), LOOK_OFTEN, site_table(site))
        assert "reloaded" in reload_by_signal(server)
        assert shown_to(server.address, "localhost") == octets_of(first)
        second.by_renaming(renewed)
        await_certificate(server, renewed)


def test_a_listener_begins_to_speak_tls_and_stops(authority, shared_site, tmp_path):
    certificate = authority.issue("localhost")
    configure(tmp_path, listener_table("false"), site_table(shared_site))
    with SluiceServer(config=tmp_path / "sluice.toml") as server:
        configure(tmp_path, listener_table(), certificate_table(certificate), site_table(shared_site))
        assert "reloaded" in reload_by_signal(server)
        assert fetch(server.address, authority.certificate).status == 200
        with TlsConnection(server.address, authority.certificate) as kept:
            configure(tmp_path, listener_table("false"), site_table(shared_site))
            assert "reloaded" in reload_by_signal(server)
            kept.send(request("/"))
            assert kept.response().status == 421
        with pytest.raises(ssl.SSLError):
            fetch(server.address, authority.certificate)


@pytest.mark.parametrize("spoil", [truncate, remove_key, expire])
def test_a_reload_with_a_broken_certificate_changes_nothing(authority, live, site, tmp_path, spoil):
    old = authority.issue("localhost")
    live.in_place(old)
    with tls_server(tmp_path, [live.table()], root=site) as server:
        spoil(live, authority.issue("localhost", days=(-9, -1)))
        answer = reload_by_signal(server)
        assert "error: nothing is changed" in answer and str(live.folder) in answer
        assert shown_to(server.address, "localhost", authority.certificate) == octets_of(old)


# --- Errors and warnings at the start -------------------------------------------------------------------------------


def start(folder, *tables) -> subprocess.CompletedProcess:
    """A start that is to fail."""
    (folder / "public").mkdir()
    path = configure(folder, listener_table(), *tables, site_table("public"))
    return run_sluice("run", "-c", path, env={**os.environ, "SLUICE_CONTROL": "off"})


def table_of(chain, key) -> str:
    return f'[[certificate]]\nchain = "{chain}"\nkey = "{key}"\n'


def out_of_order(folder, authority, intermediate):
    one = intermediate.issue("localhost")
    path = folder / "chain.pem"
    path.write_text(intermediate.certificate.read_text() + one.certificate.read_text())
    return table_of(path, one.key), r"order"


def mismatch(folder, authority, intermediate):
    one, other = (authority.issue("localhost") for _ in range(2))
    return table_of(one.chain, other.key), r"key"


def encrypted(folder, authority, intermediate):
    one = authority.issue("localhost")
    subprocess.run(["openssl", "pkey", "-in", one.key, "-aes256", "-passout", "pass:x", "-out", folder / "key.pem"], check=True)
    return table_of(one.chain, folder / "key.pem"), r"encrypted|password|passphrase"


def pkcs12(folder, authority, intermediate):
    one = authority.issue("localhost")
    subprocess.run(["openssl", "pkcs12", "-export", "-in", one.chain, "-inkey", one.key, "-passout", "pass:x", "-out",
                    folder / "site.pfx"], check=True)
    return table_of(folder / "site.pfx", folder / "site.pfx"), r"PKCS#?12"


def expired(folder, authority, intermediate):
    one = authority.issue("localhost", days=(-9, -1))
    return table_of(one.chain, one.key), r"expired on \d{4}-\d\d-\d\d"


def not_yet(folder, authority, intermediate):
    one = authority.issue("localhost", days=(2, 9))
    return table_of(one.chain, one.key), r"valid from \d{4}-\d\d-\d\d"


def twice(folder, authority, intermediate):
    one, other = (authority.issue("localhost") for _ in range(2))
    return certificate_table(one) + certificate_table(other), r"two certificates with the same kind of key are for localhost"


def missing(folder, authority, intermediate):
    return table_of(folder / "no.pem", folder / "no.key"), r"no such file"


def swapped(folder, authority, intermediate):
    one = authority.issue("localhost")
    return table_of(one.key, one.chain), r"key"


def for_clients(folder, authority, intermediate):
    one = authority.issue("localhost", client=True)
    return table_of(one.chain, one.key), r"serverAuth"


def two_defaults(folder, authority, intermediate):
    one, other = (authority.issue(f"{name}.example", names=[f"{name}.example"]) for name in "ab")
    return certificate_table(one, "default = true") + certificate_table(other, "default = true"), r"default"


@pytest.mark.parametrize("mistake", [out_of_order, mismatch, encrypted, pkcs12, expired, not_yet, twice, missing, swapped,
                                     for_clients, two_defaults])
def test_a_mistake_is_an_error_at_the_start(authority, intermediate, tmp_path, mistake):
    tables, words = mistake(tmp_path, authority, intermediate)
    done = start(tmp_path, tables)
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert done.returncode == 1 and errors, done.stderr
    assert any(re.search(words, line) and "sluice.toml" in line + done.stderr for line in errors), done.stderr
    assert "listening" not in done.stderr and "PRIVATE" not in done.stderr


def test_tls_without_any_certificate_is_an_error(tmp_path):
    done = start(tmp_path)
    assert done.returncode == 1 and re.search("error: .*certificate", done.stderr), done.stderr


@pytest.mark.parametrize("octets", [0, 47, 79, 81])
def test_ticket_keys_of_another_size_are_an_error(authority, tmp_path, octets):
    (tmp_path / "ticket.key").write_bytes(bytes(octets))
    one = authority.issue("localhost")
    (tmp_path / "public").mkdir()
    path = configure(tmp_path, listener_table('{ ticket_keys = "ticket.key" }'), certificate_table(one), site_table("public"))
    done = run_sluice("run", "-c", path, env={**os.environ, "SLUICE_CONTROL": "off"})
    assert done.returncode == 1 and "80 octets" in done.stderr and "openssl rand" in done.stderr, done.stderr


def warnings_of(server) -> list[str]:
    return [line for line in server.stderr().splitlines() if "warning" in line]


def test_a_good_certificate_is_not_warned_of(authority, intermediate, site, tmp_path):
    with tls_server(tmp_path, [authority.issue("localhost"), intermediate.issue("localhost", kind="rsa")], root=site) as server:
        assert warnings_of(server) == []


def test_a_key_that_others_may_read_is_warned_of(authority, site, tmp_path):
    one = authority.issue("localhost")
    one.key.chmod(0o644)
    with tls_server(tmp_path, [one], root=site) as server:
        line, = warnings_of(server)
        assert str(one.key) in line and "chmod 600" in line
        one.key.chmod(0o600)


@pytest.mark.parametrize("days, words", [(0.5, "in no days"), (1.5, "in 1 day:"), (12.5, "in 12 days"), (29.5, "in 29 days")])
def test_a_certificate_that_soon_expires_is_warned_of(authority, site, tmp_path, days, words):
    one = authority.issue("localhost", days=(-60, days))
    with tls_server(tmp_path, [one], root=site) as server:
        line, = warnings_of(server)
        assert str(one.chain) in line and words in line


def test_a_host_without_a_certificate_is_warned_of(authority, site, tmp_path):
    one = authority.issue("localhost", names=["localhost", "www.example.com", "*.sub.example"])
    hosts = site_table(site, hosts=["localhost", "example.com", "WWW.example.com", "x.sub.example", "*.sub.example",
                                    "127.0.0.1", "y.x.sub.example"])
    with tls_server(tmp_path, [one], hosts) as server:
        lines = warnings_of(server)
        assert len(lines) == 2, lines
        assert " for example.com (nearest: www.example.com)" in lines[0]
        assert " for y.x.sub.example" in lines[1]


# --- Tickets ----------------------------------------------------------------------------------------------------------

GOODBYE = request("/style.css", "Connection: close")


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


# --- Many -------------------------------------------------------------------------------------------------------------


def make_many(folder: pathlib.Path, count: int) -> str:
    """Certificates that vouch for themselves, each with a key of its own; returns their tables."""
    folder.mkdir()
    (folder / "config").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
    tables = []
    for i in range(count):
        name = f"site-{i}.example"
        subprocess.run(["openssl", "req", "-x509", "-config", folder / "config", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout",
                        folder / f"{i}.key", "-out", folder / f"{i}.pem"], check=True, capture_output=True)
        tables.append(table_of(folder / f"{i}.pem", folder / f"{i}.key"))
    return "\n".join(tables)


def check_many(folder, root, count):
    """Starts fast, takes memory for contexts only when they are asked for, and little of it."""
    tables = make_many(folder / "many", count)
    sites = "\n".join(site_table(root, hosts=[f"site-{i}.example"]) for i in range(count))
    path = configure(folder, listener_table(), tables, sites, workers=2)
    begin = time.monotonic()
    with SluiceServer(config=path) as server:
        seconds = time.monotonic() - begin
        at_start = server.rss_bytes()
        for i in range(count):
            pem = (folder / "many" / f"{i}.pem").read_text()
            assert shown_to(server.address, f"site-{i}.example") == ssl.PEM_cert_to_DER_cert(pem)
        all_used = server.rss_bytes()
        begin = time.monotonic()
        assert "reloaded" in reload_by_signal(server)
        reloading = time.monotonic() - begin
        for _ in range(3):
            reload_by_signal(server)
        assert warnings_of(server) == []
        print(f"{count} certificates: started in {seconds:.2f} s, {at_start >> 20} MiB; all used: {all_used >> 20} MiB; "
              f"reload {reloading:.2f} s, after four {server.rss_bytes() >> 20} MiB")
        if not SANITIZED:
            assert seconds < 2 + count * 0.01 and reloading < 2 + count * 0.01
            assert all_used - at_start < (8 << 20) + count * (200 << 10)
            assert server.rss_bytes() < all_used + (16 << 20) + count * (40 << 10)


def test_a_hundred_sites_have_a_certificate_each(shared_site, tmp_path):
    check_many(tmp_path, shared_site, 100)


@pytest.mark.long
def test_a_thousand_sites_have_a_certificate_each(shared_site, tmp_path):
    check_many(tmp_path, shared_site, 1000)
