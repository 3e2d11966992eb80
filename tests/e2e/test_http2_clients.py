"""Programs that people use, over HTTP/2: curl, nghttp, h2load, Node.js, python-h2. Chromium is in test_browser_http2.py.

Each says itself which version it spoke, and what it received is what lies in the files.
"""

import hashlib
import json
import re
import shutil
import subprocess

import pytest
from clients import SANITIZED, curl
from h2_connection import H2Connection
from sluice_server import SluiceServer
from tls_clients import certificate_table, configure, listener_table, site_table

NGHTTP, H2LOAD, NODE = (shutil.which(name) for name in ("nghttp", "h2load", "node"))
needs_nghttp2 = pytest.mark.skipif(not (NGHTTP and H2LOAD), reason="needs Debian's nghttp2-client")
needs_node = pytest.mark.skipif(not NODE, reason="needs Node.js")
REQUESTS = 2_000 if SANITIZED else 20_000

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>
<link rel="stylesheet" href="/a.css"><link rel="stylesheet" href="/b.css"><script src="/a.js"></script>
<img alt="" src="/a.png"><img alt="" src="/b.png"><p>Text
"""
ASSETS = {"a.css": b"p { }\n", "b.css": b"q { }\n" * 5000, "a.js": b"1;\n" * 30_000, "a.png": bytes(70_000), "b.png": bytes(100)}


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue()


@pytest.fixture(scope="module")
def server(shared_site, certificate, tmp_path_factory):
    """In clear text and over TLS."""
    (shared_site / "page2.html").write_text(PAGE)
    for name, octets in ASSETS.items():
        (shared_site / name).write_bytes(octets)
    path = configure(tmp_path_factory.mktemp("clients"), listener_table("false", name="clear"), listener_table(),
                     certificate_table(certificate), site_table(shared_site, hosts=("localhost", "127.0.0.1")))
    with SluiceServer(config=path) as running:
        yield running


def url(server, secure, target="/") -> str:
    return f"{('http', 'https')[secure]}://localhost:{server.addresses[secure][1]}{target}"


def run(*command, seconds=60) -> str:
    """What it said, its errors too; it must have succeeded."""
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, text[-3000:]
    return text


# --- curl -------------------------------------------------------------------------------------------------------------


def test_curl_agrees_on_it_in_the_handshake(server, shared_site, certificate):
    done = curl("--http2", "--cacert", certificate.authority, "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}",
                url(server, True, "/200k.bin"))
    assert done.stdout == b"2 200 204800", done.stderr


def test_curl_knows_it_before(server):
    done = curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}",
                url(server, False, "/200k.bin"))
    assert done.stdout == b"2 200 204800", done.stderr


def test_curl_that_would_upgrade_is_served_by_http_1(server):
    """h2c by Upgrade is obsolete (RFC 9113 section 3.1); the request is answered as if it were not there."""
    done = curl("--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url(server, False))
    assert done.stdout == b"1.1 200", done.stderr


def test_curl_with_many_transfers_on_one_connection(server, certificate, shared_site):
    done = curl("--http2", "--cacert", certificate.authority, "--parallel", "--parallel-max", "20", "--fail", "-w",
                "%{http_version} %{num_connects} %{size_download}\n", "-o", "/dev/null", url(server, True, "/200k.bin?[1-100]"))
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0 and len(lines) == 100 and {(one[0], one[2]) for one in lines} == {("2", "204800")}
    assert sum(int(one[1]) for one in lines) < 30, "most share a connection"


# --- nghttp and h2load ------------------------------------------------------------------------------------------------


@needs_nghttp2
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("options", [(), ("--no-dep",), ("--window-bits=10",), ("-m", "30"), ("--max-concurrent-streams=1",),
                                     ("--header-table-size=0",), ("--padding=100",), ("--continuation",)])
def test_nghttp(server, secure, options):
    text = run(NGHTTP, "--verbose", "--null-out", "--no-verify-peer", *options, url(server, secure, "/200k.bin"))
    count = 30 if "-m" in options else 1
    assert len(re.findall(r":status: 200", text)) == count
    assert "recv GOAWAY" not in text or "NO_ERROR" in text
    assert not re.search(r"error_code=(?!NO_ERROR)\w+", text), text[-2000:]


@needs_nghttp2
@pytest.mark.parametrize("secure", [False, True])
def test_nghttp_fetches_a_page_with_what_it_links(server, secure):
    text = run(NGHTTP, "--null-out", "--stat", "--get-assets", "--no-verify-peer", url(server, secure, "/page2.html"))
    seen = re.findall(r" 200 +\S+ (/\S*)", text)
    assert sorted(seen) == sorted(["/page2.html", *("/" + name for name in ASSETS)]), text


@needs_nghttp2
def test_nghttp_receives_the_octets(server, shared_site):
    done = subprocess.run([NGHTTP, url(server, False, "/200k.bin")], capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout == (shared_site / "200k.bin").read_bytes()


@needs_nghttp2
def test_nghttp_uploads(server, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(30_000))
    text = run(NGHTTP, "--verbose", "--null-out", f"--data={upload}", "--trailer=x-checksum: 1", url(server, False, "/1k.bin"))
    assert ":status: 405" in text


@needs_nghttp2
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("connections, streams, target, requests", [(1, 100, "/1k.bin", REQUESTS), (16, 32, "/1k.bin", REQUESTS),
                                                                    (8, 8, "/200k.bin", REQUESTS // 50), (10, 1, "/", REQUESTS // 10)])
def test_h2load(server, secure, connections, streams, target, requests):
    """All that is asked for is answered with 200, and no octet is missing."""
    text = run(H2LOAD, "-n", requests, "-c", connections, "-m", streams, url(server, secure, target))
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (succeeded|failed|errored|timeout|2xx|4xx|5xx)", text)}
    assert counts["2xx"] == counts["succeeded"] == requests, text
    assert counts["failed"] == counts["errored"] == counts["timeout"] == 0, text
    size = {"/1k.bin": 1024, "/200k.bin": 204_800}.get(target)
    if size:
        assert f"({size * requests}) data" in text, text
    assert "Application protocol: h2" in text


# --- Node.js ----------------------------------------------------------------------------------------------------------

NODE_CLIENT = """
const http2 = require('node:http2');
const crypto = require('node:crypto');
const fs = require('node:fs');
const [url, authority, ...targets] = process.argv.slice(2);
const session = http2.connect(url, authority ? { ca: fs.readFileSync(authority) } : {});
session.on('error', (error) => { console.error(error); process.exit(1); });
const fetch = (target) => new Promise((resolve, reject) => {
  const stream = session.request({ ':path': target });
  const hash = crypto.createHash('sha256');
  let status;
  stream.on('response', (head) => { status = head[':status']; });
  stream.on('data', (octets) => hash.update(octets));
  stream.on('end', () => resolve([target, status, hash.digest('hex')]));
  stream.on('error', reject);
});
Promise.all(targets.map(fetch)).then((answers) => {
  console.log(JSON.stringify({ alpn: session.alpnProtocol, settings: session.remoteSettings, answers }));
  session.close();
}, (error) => { console.error(error); process.exit(1); });
"""


@needs_node
@pytest.mark.parametrize("secure", [False, True])
def test_node(server, shared_site, certificate, tmp_path, secure):
    (tmp_path / "client.cjs").write_text(NODE_CLIENT)
    targets = ["/1k.bin", "/200k.bin", "/page.html"] * 20
    trusted = str(certificate.authority) if secure else ""
    said = json.loads(run(NODE, tmp_path / "client.cjs", url(server, secure).rstrip("/"), trusted, *targets))
    assert said["alpn"] == ("h2" if secure else "h2c")
    assert said["settings"]["maxConcurrentStreams"] == 100
    digests = {target: hashlib.sha256((shared_site / target[1:]).read_bytes()).hexdigest() for target in set(targets)}
    assert said["answers"] == [[target, 200, digests[target]] for target in targets]


# --- python-h2 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_python_h2(server, shared_site, certificate, secure):
    with H2Connection(server.addresses[secure], certificate.authority if secure else None) as client:
        streams = {client.request(f"/{name}"): octets for name, octets in ASSETS.items()}
        assert {stream: client.response(stream).body for stream in streams} == streams
