"""Which certificate a client sees, and how renewed ones take the place of old ones.

The problem: certificates are files that other programs replace, each in its own way, while connections are open. Nobody
may notice but those who shake hands afterwards; and what cannot be served must be said in words, with the old going on.
"""

import pathlib
import socket
import ssl
import subprocess
import threading
import time

import pytest
from clients import SANITIZED, read_to_end, request, run_sluice
from renewal import LOOK_OFTEN, OLD_GOES_ON, READ_AGAIN, Live, await_certificate, await_said, reload_by_signal, said
from sluice_server import SluiceServer, wait_until
from tls_clients import (TlsConnection, certificate_table, client_context, configure, fetch, listener_table, octets_of,
                         s_client, shown_to, site_table, table_of, tls_server, warnings_of)

VERSIONS = ["1.2", "1.3"]
UNRECOGNIZED_NAME = 112  # alerts: RFC 8446 section 6.2


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


@pytest.fixture
def live(tmp_path):
    return Live(tmp_path)


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
        await_said(server, READ_AGAIN, 2)
        assert "error" not in server.stderr()
        assert download.response().body == large_file.read_bytes()
        assert kept.certificate_octets() == octets_of(old)


def test_nobody_is_refused_while_certificates_change(authority, live, site, tmp_path):
    """Whoever comes sees one certificate or the other, whole, and its key."""
    live.by_renaming(authority.issue("localhost"))
    others = [authority.issue("localhost", kind=kind) for kind in ("rsa", "ecdsa", "rsa", "ecdsa")]
    wrong, ending = [], threading.Event()

    def come():
        while not ending.is_set():
            try:
                assert fetch(server.address, authority.certificate, "/1k.bin").status == 200
            except Exception as error:  # noqa: whatever it is, the test fails with it
                wrong.append(error)

    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site, workers=2) as server:
        threads = [threading.Thread(target=come) for _ in range(3)]
        for thread in threads:
            thread.start()
        for other in others:
            live.by_renaming(other)
            await_certificate(server, other)
            reload_by_signal(server)
        ending.set()
        for thread in threads:
            thread.join(60)
        assert wrong == []


@pytest.mark.parametrize("sent", [100, None], ids=["half a hello", "a hello"])
def test_a_handshake_goes_on_across_renewals(authority, live, site, tmp_path, sent):
    """With the certificate that it has been shown, or with the one of its beginning."""
    live.by_renaming(authority.issue("localhost"))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(authority.certificate).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with tls_server(tmp_path, [live.table()], LOOK_OFTEN, root=site) as server, \
            socket.create_connection(server.address, 60) as connection:
        connection.sendall(hello[:sent])
        for other in [authority.issue("localhost") for _ in range(2)]:
            live.by_renaming(other)
            await_certificate(server, other)
        connection.sendall(hello[sent:] if sent else b"")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(65536))
        tls.write(request("/1k.bin", "Connection: close"))
        connection.sendall(outgoing.read())
        octets, was_reset = read_to_end(connection)
        assert len(octets) > 1024 and not was_reset


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
        await_said(server, READ_AGAIN, 1)
        assert said(server, OLD_GOES_ON) == 1, "once for one mistake"


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
        await_said(server, READ_AGAIN, 1)
        begin = time.monotonic()
        while time.monotonic() - begin < 0.5:  # five looks
            assert said(server, READ_AGAIN) == 1
            time.sleep(0.05)


# --- Reload -----------------------------------------------------------------------------------------------------------


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
        assert kept.response().status == 200, "it was shown a certificate for this host"


def test_what_a_connection_is_good_for_after_a_reload(authority, shared_site, tmp_path):
    """The certificates that it was shown decide, and what clients are asked for now."""
    names = ["localhost", "a.example", "*.wild.example"]
    old, new = (authority.issue("localhost", names=more) for more in (names, [*names, "b.example"]))
    hosts = ["localhost", "a.example", "b.example", "c.wild.example"]
    with tls_server(tmp_path, [old], site_table(shared_site, hosts=hosts)) as server, \
            TlsConnection(server.address, context=client_context(authority.certificate, "1.2")) as kept:

        def statuses():
            for host in hosts:
                kept.send(request("/style.css", host=host))
            return [kept.response().status for _ in hosts]

        assert statuses() == [200, 200, 200, 200], "all lead to the one certificate"
        configure(tmp_path, listener_table('{ policy = "modern" }'), certificate_table(new), site_table(shared_site, hosts=hosts))
        assert "reloaded" in reload_by_signal(server)
        assert statuses() == [200, 200, 421, 200]
        asking = f'client_certificates = {{ mode = "request", authorities = "{authority.certificate}" }}'
        configure(tmp_path, listener_table(f"{{ {asking} }}"), certificate_table(new), site_table(shared_site, hosts=hosts))
        assert "reloaded" in reload_by_signal(server)
        assert statuses() == [421, 421, 421, 421]


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
