"""What is wrong with a certificate, its key or its files, as a start says it.

The problem: most mistakes with certificates show only in clients, in words that help nobody. So each is told where the
server starts, with the file and what to do: what cannot be served is an error, what clients will mind later a warning.
"""

import os
import re
import subprocess

import pytest
from clients import run_sluice
from tls_clients import certificate_table, configure, listener_table, site_table, table_of, tls_server, warnings_of

@pytest.fixture(scope="module")
def intermediate(authority):
    return authority.intermediate()


def start(folder, *tables) -> subprocess.CompletedProcess:
    """A start that is to fail."""
    (folder / "public").mkdir()
    path = configure(folder, listener_table(), *tables, site_table("public"))
    return run_sluice("run", "-c", path, env={**os.environ, "SLUICE_CONTROL": "off"})


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


# --- Warnings ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("days, words", [(0.5, "within a day"), (1.5, "in 1 day:"), (12.5, "in 12 days"), (29.5, "in 29 days")])
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
