"""103 (Early Hints) with a real client: curl shows every head that came, in order (RFC 8297).

The problem: an interim response that comes too late, twice, or to a client that takes it for the response is worse than
none. Browsers send Sec-Fetch-Mode; who opens a page sends `navigate`.
"""

import re
import socket

import pytest
from clients import curl
from sluice_server import SluiceServer

LINKS = ["</style.css>; rel=preload; as=style", '</font.woff2>; rel=preload; as=font; type="font/woff2"; crossorigin']
NAVIGATE = ["--header", "Sec-Fetch-Mode: navigate"]


def configuration(tmp_path, site, to=""):
    links = ", ".join(f"'{link}'" for link in LINKS)
    path = tmp_path / "sluice.toml"
    path.write_text(f"""[log]
access = "off"
[[listener]]
address = "127.0.0.1:0"
[[site]]
root = "{site}"
early_hints = [{links}]
{to}
[[site.route]]
path = "/moved"
redirect = "/"
""")
    return path


@pytest.fixture
def server(site, tmp_path):
    with SluiceServer(config=configuration(tmp_path, site)) as running:
        yield running


def heads(server, target, *options):
    """The heads that curl received, each as its status and its Link fields; and the content."""
    done = curl("--include", *options, f"http://{server.address[0]}:{server.address[1]}{target}")
    assert done.returncode == 0, done.stderr
    found, rest = [], done.stdout
    while rest.startswith(b"HTTP/"):
        head, _, rest = rest.partition(b"\r\n\r\n")
        text = head.decode()
        found.append((int(text.split()[1]), re.findall(r"(?im)^link: (.*?)\r?$", text)))
    return found, rest


def test_who_opens_a_page_is_hinted_first(server, site):
    found, content = heads(server, "/", "--http1.1", *NAVIGATE)
    assert found == [(103, LINKS), (200, LINKS)]
    assert content == (site / "index.html").read_bytes()


@pytest.mark.parametrize("options", [[], ["--header", "Sec-Fetch-Mode: no-cors"]])
def test_others_are_not(server, options):
    assert heads(server, "/", "--http1.1", *options)[0] == [(200, [])]


def test_errors_are_hinted_and_redirects_are_not(server):
    assert heads(server, "/missing", *NAVIGATE)[0] == [(103, LINKS), (404, LINKS)]
    assert heads(server, "/moved", *NAVIGATE)[0] == [(302, [])]
    assert heads(server, "/moved", "--location", *NAVIGATE)[0] == [(302, []), (103, LINKS), (200, LINKS)]


def test_head_has_the_fields_alone(server):  # RFC 9110 section 9.3.2
    assert heads(server, "/", "--head", *NAVIGATE)[0] == [(200, LINKS)]


def test_http_1_0_has_no_interim_responses(server):  # RFC 9110 section 15.2
    assert heads(server, "/", "--http1.0", *NAVIGATE)[0] == [(200, LINKS)]


def test_all_are_hinted_where_the_site_says_so(site, tmp_path):
    config = configuration(tmp_path, site, 'early_hints_to = "all"')
    with SluiceServer(config=config) as server:
        assert heads(server, "/", "--http1.1")[0] == [(103, LINKS), (200, LINKS)]
        assert heads(server, "/", "--http1.1", "--request", "DELETE")[0] == [(405, [])]


def test_each_request_of_a_connection_is_answered_in_order(server):
    request = b"GET /%s HTTP/1.1\r\nHost: a\r\n%s\r\n"
    with socket.create_connection(server.address, 20) as client:
        client.sendall(request % (b"", b"Sec-Fetch-Mode: navigate\r\n") + request % (b"style.css", b"")
                       + request % (b"", b"Sec-Fetch-Mode: navigate\r\nConnection: close\r\n"))
        octets = b"".join(iter(lambda: client.recv(65536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", octets)[:2] == [b"103", b"200"]
    assert octets.count(b"HTTP/1.1 103 ") == 2 and octets.count(b"HTTP/1.1 ") == 5
