"""conf/examples/https-site.toml, served: what its comments promise is asked for over TLS and in clear text.

The problem: the example names a certificate that it cannot bring, since it would expire. It is made here by the command
that the example's comment shows, in a folder that $SLUICE_CERTIFICATES names.
"""

import pathlib
import re
import subprocess

import pytest
from clients import request
from raw_connection import RawConnection
from sluice_server import ROOT, SluiceServer

EXAMPLE = ROOT / "conf" / "examples" / "https-site.toml"
INDEX = (ROOT / "conf" / "examples" / "https-site" / "index.html").read_bytes()
YEAR = 365 * 24 * 60 * 60


def example_command(folder: pathlib.Path) -> str:
    """The command of the example's comment, for another folder."""
    comment = "\n".join(line.removeprefix("#") for line in EXAMPLE.read_text().splitlines() if line.startswith("#"))
    command = re.search(r"openssl req .*\n.*\n.*site\.pem", comment).group().replace("\\\n", " ")
    return command.replace("conf/examples/certs", str(folder))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(example_command(folder), shell=True, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def https(certificates):
    variables = {"SLUICE_ADDRESS": "127.0.0.1:0", "SLUICE_TLS_ADDRESS": "127.0.0.1:0", "SLUICE_CERTIFICATES": str(certificates)}
    with SluiceServer(config=EXAMPLE, env=variables) as running:
        yield running


@pytest.fixture(scope="module")
def clear(https):
    return https.addresses[0]


@pytest.fixture(scope="module")
def secure(https):
    return https.addresses[1]


def curl(address, certificates, *options, host="example.com", target="/"):
    """What curl does with the site's name at the address; verified against the example's certificate."""
    command = ["curl", "--silent", "--show-error", "--include", "--max-time", "20", "--cacert",
               str(certificates / "site.pem"), "--connect-to", f"{host}::{address[0]}:{address[1]}", *options,
               f"https://{host}{target}"]
    return subprocess.run(command, capture_output=True, timeout=30)


def ask_in_clear_text(address, host, target, method="GET"):
    with RawConnection(address, 20) as connection:
        connection.send(request(target, method=method, host=host))
        return connection.response(method)


@pytest.mark.parametrize("host", ["example.com", "www.example.com"])
def test_pages_come_over_tls_with_hsts(secure, certificates, host):
    done = curl(secure, certificates, "--http1.1", host=host)
    assert done.returncode == 0, done.stderr
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200") and body == INDEX
    assert re.search(rb"(?im)^strict-transport-security: max-age=%d\r?$" % YEAR, head)


@pytest.mark.parametrize("options", [["--tlsv1.3"], ["--tlsv1.2", "--tls-max", "1.2"]], ids=["1.3", "1.2"])
def test_versions_of_the_guideline_are_spoken(secure, certificates, options):
    assert curl(secure, certificates, *options).returncode == 0


def test_older_versions_are_refused_with_an_alert(secure, certificates):  # RFC 8446 section 4.2.1
    done = curl(secure, certificates, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0")
    assert (done.returncode, b"alert protocol version" in done.stderr) == (35, True), done.stderr


@pytest.mark.parametrize("host", ["example.com", "www.example.com"])
@pytest.mark.parametrize("target", ["/", "/index.html?a=1&b=%20", "/nowhere"])
def test_clear_text_is_sent_to_the_same_place_over_tls(clear, secure, host, target):
    response = ask_in_clear_text(clear, host, target)
    assert response.status in (301, 302, 307, 308)
    assert response.get("location") == f"https://{host}:{secure[1]}{target}"
    assert INDEX not in response.body


def test_clear_text_is_sent_on_whatever_port_the_client_named(clear, secure):
    response = ask_in_clear_text(clear, f"example.com:{clear[1]}", "/")
    assert response.get("location") == f"https://example.com:{secure[1]}/"


def test_hsts_is_not_said_in_clear_text(clear):  # RFC 6797 section 7.2
    assert ask_in_clear_text(clear, "example.com", "/").get("strict-transport-security") is None


def test_a_name_that_the_certificate_is_not_for_gets_it_all_the_same(secure, certificates):
    refused = curl(secure, certificates, host="other.example")
    assert refused.returncode == 60  # the client's verification, not an alert
    assert curl(secure, certificates, "--insecure", host="other.example").returncode == 0
