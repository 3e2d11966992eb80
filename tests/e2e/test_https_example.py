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
    assert response.status == 308
    assert response.get("location") == f"https://{host}:{secure[1]}{target}"
    assert INDEX not in response.body


def test_clear_text_is_sent_on_whatever_port_the_client_named(clear, secure):
    response = ask_in_clear_text(clear, f"example.com:{clear[1]}", "/")
    assert response.get("location") == f"https://example.com:{secure[1]}/"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_every_method_is_sent_on_and_stays_itself(clear, secure, method):  # RFC 9110 section 15.4.9
    response = ask_in_clear_text(clear, "example.com", "/form?x=1", method)
    assert (response.status, response.get("location")) == (308, f"https://example.com:{secure[1]}/form?x=1")


def test_what_is_sent_in_clear_text_is_not_read(clear, secure):
    """A form's content is sent again over TLS; what was sent here does not become the next request."""
    with RawConnection(clear, 20) as connection:
        content = request("/inner")
        connection.send(request("/form", f"Content-Length: {len(content)}", method="POST", host="example.com", body=content))
        connection.send(request("/next", host="example.com"))
        locations = [connection.response().get("location") for _ in range(2)]
    assert locations == [f"https://example.com:{secure[1]}/{target}" for target in ("form", "next")]


@pytest.mark.parametrize("target", ["http://example.com/a?b=c", "http://example.com"])
def test_the_absolute_form_is_sent_to_its_place(clear, secure, target):  # RFC 9112 section 3.2.2
    location = ask_in_clear_text(clear, "example.com", target).get("location")
    assert location == f"https://example.com:{secure[1]}" + (target.removeprefix("http://example.com") or "/")


def test_a_client_of_http_1_0_is_sent_on(clear, secure):
    with RawConnection(clear, 20) as connection:
        connection.send(b"GET /old HTTP/1.0\r\nHost: example.com\r\n\r\n")
        response = connection.response()
        assert (response.status, response.get("location")) == (308, f"https://example.com:{secure[1]}/old")
        assert connection.wait_for_end() == "fin"


def test_without_a_host_nobody_knows_where_to(clear):
    """The site has two; HTTP/1.0 may name none. A guess could lead anywhere."""
    with RawConnection(clear, 20) as connection:
        connection.send(b"GET /old HTTP/1.0\r\n\r\n")
        response = connection.response()
        assert response.status == 400 and response.get("location") is None


def test_options_of_the_whole_server_is_about_no_place(clear):
    with RawConnection(clear, 20) as connection:
        connection.send(request("*", method="OPTIONS", host="example.com"))
        assert connection.response().get("location") is None


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x", "/a\"b"])
def test_no_target_leads_to_another_host(clear, secure, target):
    response = ask_in_clear_text(clear, "example.com", target)
    assert response.status == 400 or response.get("location") == f"https://example.com:{secure[1]}{target}"
    assert response.get("set-cookie") is None


def test_curl_goes_there(clear, secure, certificates):
    done = subprocess.run(["curl", "--silent", "--show-error", "--location", "--max-time", "20", "--cacert",
                           str(certificates / "site.pem"), "--write-out", "%{num_redirects} %{url_effective}",
                           "--connect-to", f"example.com:80:{clear[0]}:{clear[1]}",
                           "--connect-to", f"example.com:{secure[1]}:{secure[0]}:{secure[1]}", "http://example.com/?q=1"],
                          capture_output=True, timeout=30)
    assert done.stdout == INDEX + f"1 https://example.com:{secure[1]}/?q=1".encode(), done.stderr


def test_errors_and_not_modified_say_hsts_too(secure, certificates):  # RFC 6797 section 7.1
    for target, status in (("/nowhere", b" 404 "), ("/", b" 304 ")):
        options = [] if status == b" 404 " else ["--header", "If-None-Match: *"]
        head = curl(secure, certificates, *options, target=target).stdout
        assert status in head and head.lower().count(b"\r\nstrict-transport-security: ") == 1


def test_hsts_is_not_said_in_clear_text(clear):  # RFC 6797 section 7.2
    assert ask_in_clear_text(clear, "example.com", "/").get("strict-transport-security") is None


def test_a_name_that_the_certificate_is_not_for_gets_it_all_the_same(secure, certificates):
    refused = curl(secure, certificates, host="other.example")
    assert refused.returncode == 60  # the client's verification, not an alert
    assert curl(secure, certificates, "--insecure", host="other.example").returncode == 0
