"""A site over TLS with real clients: curl, wget, openssl s_client, Node.js, Python's ssl.

The problem: over TLS everything that HTTP promises must hold as in clear text, whatever the records in which it comes,
and the connection's end must be told apart from a cut (RFC 8446 section 6.1, RFC 9112 section 9.8). What a client says
of the handshake, and which certificates it sees, is in test_certificates.py; here it is what passes after it.
"""

import hashlib
import json
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from certificates import Authority
from clients import SANITIZED, curl, request, reset
from raw_connection import RawConnection
from sluice_server import wait_until
from tls_clients import APPLICATION_DATA, TlsConnection, client_context, fetch, listener_table, s_client, tls_server

LARGE = 16 * 1024 * 1024
VERSIONS = ["1.2", "1.3"]
SMALL_RECORD = 1400  # the most that a record of a young connection may take, so that it fits into one segment
LARGE_RECORD = 16 * 1024
# What a record's header does not say: nonce and tag, and in TLS 1.3 the type in place of the nonce.
OVERHEAD = {"1.2": 24, "1.3": 17}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority")).issue("localhost")


@pytest.fixture(scope="module")
def large(shared_site):
    path = shared_site / "large.bin"
    path.write_bytes(random.Random(3).randbytes(LARGE))
    return path


@pytest.fixture(scope="module")
def server(shared_site, certificate, tmp_path_factory):
    with tls_server(tmp_path_factory.mktemp("configuration"), [certificate], root=shared_site) as running:
        yield running


@pytest.fixture
def connection(server, certificate):
    with TlsConnection(server.address, certificate.authority) as one:
        yield one


def url(server, target="/"):
    return f"https://localhost:{server.port}{target}"


def https(server, certificate, *options, target="/", **more):
    """curl, which verifies the certificate; over HTTP/1.1, for what is said of HTTP/2 is in test_http2_clients.py."""
    resolve = ["--resolve", f"localhost:{server.port}:127.0.0.1"]
    return curl("--http1.1", "--cacert", certificate.authority, *resolve, *options, url(server, target), **more)


def of_version(version):
    return ["--tlsv1." + version[-1], "--tls-max", version]


# --- curl -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_curl_gets_a_page(server, certificate, shared_site, version):
    done = https(server, certificate, *of_version(version), "--verbose")
    assert (done.returncode, done.stdout) == (0, (shared_site / "index.html").read_bytes()), done.stderr
    assert f"SSL connection using TLSv{version}".encode() in done.stderr
    assert b"ALPN: server accepted http/1.1" in done.stderr
    assert b"SSL certificate verify ok" in done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_curl_head_ranges_and_conditions(server, certificate, shared_site, version):
    options = of_version(version)
    head = https(server, certificate, *options, "--head", target="/1k.bin")
    assert re.search(rb"(?i)\r\ncontent-length: 1024\r\n", head.stdout)
    whole = (shared_site / "200k.bin").read_bytes()
    part = https(server, certificate, *options, "--range", "100000-150000", target="/200k.bin")
    assert part.stdout == whole[100000:150001]
    last = https(server, certificate, *options, "--range", "-7", target="/200k.bin")
    assert last.stdout == whole[-7:]
    several = https(server, certificate, *options, "--range", "0-9,199990-", target="/200k.bin")
    assert whole[:10] in several.stdout and whole[199990:] in several.stdout
    etag = re.search(rb"(?i)\r\netag: (\S+)\r\n", head.stdout)[1].decode()
    again = https(server, certificate, *options, "--header", f"If-None-Match: {etag}", "--write-out", "%{http_code}",
                  target="/1k.bin")
    assert again.stdout == b"304"


@pytest.mark.parametrize("version", VERSIONS)
def test_curl_keeps_its_connection(server, certificate, version):
    urls = [url(server, f"/folder/one.txt?{i}") for i in range(20)]
    done = https(server, certificate, *of_version(version), "--write-out", "%{num_connects} %{http_code}\n", *urls)
    connects = re.findall(r"^(\d) 200$", done.stdout.decode(), re.MULTILINE)
    assert (connects.count("1"), len(connects)) == (1, 21), done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_curl_posts_and_is_told_what_is_allowed(server, certificate, version, size, tmp_path):
    (tmp_path / "body").write_bytes(random.Random(size).randbytes(size))
    done = https(server, certificate, *of_version(version), "--include", "--data-binary", f"@{tmp_path}/body", target="/1k.bin")
    assert done.stdout.count(b"HTTP/1.1 405 ") == 1, (done.stdout[:400], done.stderr)
    assert re.search(rb"(?i)\r\nallow: [^\r]*GET", done.stdout)


def test_curl_resumes_a_download(server, certificate, shared_site, tmp_path):
    whole = (shared_site / "200k.bin").read_bytes()
    (tmp_path / "part").write_bytes(whole[:77_777])
    done = https(server, certificate, "--continue-at", "-", "--output", tmp_path / "part", target="/200k.bin")
    assert done.returncode == 0 and (tmp_path / "part").read_bytes() == whole


@pytest.mark.parametrize("version", VERSIONS)
def test_a_large_file_arrives_byte_by_byte_the_same(server, certificate, large, version, tmp_path):
    done = https(server, certificate, *of_version(version), "--output", tmp_path / "copy", target="/large.bin")
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256((tmp_path / "copy").read_bytes()).digest() == hashlib.sha256(large.read_bytes()).digest()


def test_a_slow_reader_gets_the_same(server, certificate, large):
    want = hashlib.sha256(large.read_bytes()[:6_000_000]).digest()
    with TlsConnection(server.address, certificate.authority, receive_buffer=4096, seconds=120) as connection:
        connection.send(request("/large.bin", "Range: bytes=0-5999999"))
        for most in [1, 17, 1000, 4096]:  # any place may be where the socket takes no more
            connection.most = most
            for _ in range(60):
                connection._take()
        connection.most = 262144
        response = connection.response()
        assert response.status == 206 and hashlib.sha256(response.body).digest() == want


# --- Python's ssl -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_thousand_requests_on_one_connection(server, certificate, shared_site, version):
    want = (shared_site / "folder" / "one.txt").read_bytes()
    with TlsConnection(server.address, context=client_context(certificate.authority, version), seconds=60) as connection:
        for i in range(1000):
            connection.send(request(f"/folder/one.txt?{i}"))
            response = connection.response()
            assert (response.status, response.body) == (200, want)
        assert connection.ended is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pipeline_in_one_record_and_in_many(server, certificate, shared_site, version):
    targets = ["/1k.bin", "/nowhere", "/200k.bin", "/style.css", "/?page"] * 4
    octets = b"".join(request(target) for target in targets)
    bodies = [(shared_site / "1k.bin").read_bytes(), (shared_site / "200k.bin").read_bytes()]
    with TlsConnection(server.address, context=client_context(certificate.authority, version), seconds=60) as connection:
        for step in (len(octets), 1, 7):
            for at in range(0, len(octets), step):
                connection.send(octets[at:at + step])
            got = [connection.response() for _ in targets]
            assert [one.status for one in got] == [200, 404, 200, 200, 200] * 4
            assert [got[0].body, got[2].body] == bodies


def test_small_pieces_of_responses_share_a_record(connection):
    for _ in range(40):  # beyond the first records
        connection.send(request("/1k.bin"))
        connection.response()
    before = len(connection.records)
    connection.send(request("/style.css") * 20)
    for _ in range(20):
        assert connection.response().status == 200
    assert len(connection.records) - before <= 8, "heads and bodies have a record each"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_records_are_small_and_later_ones_large(server, certificate, version):
    with TlsConnection(server.address, context=client_context(certificate.authority, version), seconds=60) as connection:
        connection.records.clear()
        connection.send(request("/200k.bin"))
        assert len(connection.response().body) == 200 * 1024
        sizes = [octets - OVERHEAD[version] for kind, octets in connection.records if kind == APPLICATION_DATA]
    sizes = [size for size in sizes if size not in range(0, 400)]  # tickets of TLS 1.3 look like data
    small = next(i for i, size in enumerate(sizes) if size > SMALL_RECORD)
    assert 8 * 1024 <= sum(sizes[:small]) <= 32 * 1024
    later = sizes[small:]
    assert max(later) == LARGE_RECORD
    assert later.count(LARGE_RECORD) >= len(later) - 3, later


def test_an_upload_that_asks_first_is_answered_at_once(server, certificate):
    """RFC 9110 section 10.1.1: nothing takes content here, so the final status comes in place of 100."""
    with TlsConnection(server.address, certificate.authority) as connection:
        connection.send(request("/1k.bin", "Content-Length: 5000000", "Expect: 100-continue", method="PUT"))
        assert connection.response().status == 405


def test_curl_that_asks_first(server, certificate, tmp_path):
    (tmp_path / "body").write_bytes(bytes(5_000_000))
    done = https(server, certificate, "--verbose", "--header", "Expect: 100-continue", "--upload-file", tmp_path / "body",
                 target="/1k.bin")
    assert b"< HTTP/1.1 405 " in done.stderr, done.stderr
    assert b"We are completely uploaded" not in done.stderr


# --- The end of a connection ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_connection_close_ends_with_close_notify(server, certificate, version):
    with TlsConnection(server.address, context=client_context(certificate.authority, version)) as connection:
        connection.send(request("/200k.bin", "Connection: close"))
        response = connection.response()
        assert response.closes and len(response.body) == 200 * 1024
        assert connection.wait_for_end() == "close_notify"


def test_a_client_of_http_1_0_sees_close_notify(server, certificate, shared_site):
    """RFC 9112 section 9.8: without it the content might have been cut."""
    with TlsConnection(server.address, certificate.authority) as connection:
        connection.send(b"GET /style.css HTTP/1.0\r\nHost: localhost\r\n\r\n")
        while connection.read():
            continue
        assert connection.ended == "close_notify"
        assert bytes(connection.buffer).endswith((shared_site / "style.css").read_bytes())


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_sees_close_notify(server, certificate, version):
    seen = s_client(server.address, "-tls1_" + version[-1], "-CAfile", certificate.authority, "-verify_return_error", "-msg",
                    "-ign_eof", send=request("/", "Connection: close"))
    assert seen.established and seen.closed_by_notify, seen.text
    assert "HTTP/1.1 200" in seen.text and "Verify return code: 0 (ok)" in seen.text


def test_a_refused_request_ends_with_close_notify(connection):
    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert connection.response().status == 400
    assert connection.wait_for_end() == "close_notify"


def test_an_idle_connection_is_closed_with_close_notify(certificate, shared_site, tmp_path):
    with tls_server(tmp_path, [certificate], "[limits]\nidle_timeout = \"300ms\"\n", root=shared_site) as server:
        with TlsConnection(server.address, certificate.authority) as connection:
            connection.send(request("/"))
            assert connection.response().status == 200
            assert connection.wait_for_end() == "close_notify"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_will_send_no_more_gets_its_answers(server, certificate, version):
    """RFC 8446 section 6.1: close_notify of one side closes one direction. TLS 1.2 would have us end at once, but what
    was asked is answered there, too."""
    with TlsConnection(server.address, context=client_context(certificate.authority, version), seconds=30) as connection:
        connection.send(request("/200k.bin") + request("/1k.bin"))
        connection.say_close_notify()
        octets = bytearray()
        try:
            while part := connection.socket.recv(1 << 20):
                octets += part
        except ConnectionResetError:
            pytest.fail("reset")
        assert len(octets) > 200 * 1024 + 1024


def test_a_client_that_vanishes_after_its_request_is_not_answered_for_ever(server, certificate, large):
    before = server.open_descriptors()
    gone = [TlsConnection(server.address, certificate.authority, receive_buffer=4096) for _ in range(5)]
    for one in gone:
        one.send(request("/large.bin"))
        one._take()
        reset(one.socket)
    wait_until(lambda: server.open_descriptors() <= before + 1, 20, "the descriptors' release")
    assert fetch(server.address, certificate.authority, "/1k.bin").status == 200


def test_a_half_sent_request_that_ends_is_no_request(server, certificate):
    with TlsConnection(server.address, certificate.authority) as connection:
        connection.send(request("/")[:-2])
        connection.say_close_notify()
        assert connection.socket.recv(1 << 16) is not None
    assert fetch(server.address, certificate.authority, "/1k.bin").status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_sigterm_lets_downloads_complete_and_closes_what_idles(certificate, site, large_file, tmp_path, version):
    context = client_context(certificate.authority, version)
    with tls_server(tmp_path, [certificate], root=site) as server, \
            TlsConnection(server.address, context=context, seconds=60) as idle, \
            TlsConnection(server.address, context=context, seconds=60, receive_buffer=4096) as download:
        idle.send(request("/1k.bin"))
        assert idle.response().status == 200
        download.send(request("/large.bin"))
        download._take()
        server.process.send_signal(signal.SIGTERM)
        assert idle.wait_for_end() == "close_notify"
        response = download.response()
        assert response.body == large_file.read_bytes()
        assert download.wait_for_end() == "close_notify"
        assert server.process.wait(60) == 0


def test_a_handshake_in_the_middle_does_not_hold_up_the_end(certificate, site, tmp_path):
    limit = '[limits]\nhandshake_timeout = "1s"\n'
    with tls_server(tmp_path, [certificate], limit, root=site) as server, RawConnection(server.address, 60) as connection:
        connection.send(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        with TlsConnection(server.address, certificate.authority):
            pass
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert SANITIZED or time.monotonic() - begin < 10


# --- Keys and memory --------------------------------------------------------------------------------------------------


def test_keys_are_changed_in_the_middle_when_the_client_asks(server, certificate):
    """RFC 8446 section 4.6.3: ours change as well when it says so."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", certificate.authority, "-tls1_3", "-msg"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0) as client:
        text = b""

        def read_until(pattern):
            nonlocal text
            while not re.search(pattern, text):
                part = client.stdout.read(65536)
                assert part, text
                text += part

        read_until(rb"<<< [^\n]*NewSessionTicket")
        for command in (b"k\n", b"K\n"):  # ours alone; both
            count = len(re.findall(rb">>> [^\n]*KeyUpdate", text))
            client.stdin.write(command)
            read_until(rb"(?s)(>>> [^\n]*KeyUpdate.*){%d}" % (count + 1))
        client.stdin.write(request("/style.css", "Connection: close"))
        read_until(rb"close_notify")
        assert b"HTTP/1.1 200 " in text and re.search(rb"<<< [^\n]*KeyUpdate", text), text
        client.stdin.close()
        assert client.wait(20) == 0


def test_an_idle_connection_gives_its_buffers_back(certificate, shared_site, tmp_path):
    """A download takes memory, the connection that waits afterwards hardly any."""
    with tls_server(tmp_path, [certificate], root=shared_site) as server:
        context = client_context(certificate.authority)

        def visit():
            connection = TlsConnection(server.address, context=context, seconds=60)
            connection.send(request("/200k.bin"))
            assert connection.response().status == 200
            return connection

        first = [visit() for _ in range(20)]  # what is there once
        before = server.rss_bytes()
        idle = [visit() for _ in range(300)]
        grown = server.rss_bytes() - before
        for connection in first + idle:
            connection.close()
        assert SANITIZED or grown / 300 < 24 * 1024, f"{grown // 300} octets a connection"


# --- Other addresses --------------------------------------------------------------------------------------------------


def test_a_unix_socket_speaks_tls(certificate, shared_site, tmp_path):
    socket_path = tmp_path / "s"
    unix = listener_table("true", name="unix", address=f"unix:{socket_path}")
    with tls_server(tmp_path, [certificate], unix, root=shared_site):
        done = curl("--cacert", certificate.authority, "--unix-socket", socket_path, "https://localhost/style.css")
    assert done.stdout == (shared_site / "style.css").read_bytes(), done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_ipv6_speaks_tls(certificate, shared_site, tmp_path):
    six = listener_table("true", name="six", address="[::1]:0")
    with tls_server(tmp_path, [certificate], six, root=shared_site) as server:
        address = server.addresses[1]
        done = curl("--cacert", certificate.authority, f"https://[::1]:{address[1]}/style.css")
        assert done.stdout == (shared_site / "style.css").read_bytes(), done.stderr
        line, = lines_of(server, "/style.css")
        assert (line["remote"], line["tls"]) == ("::1", "TLSv1.3")


# --- The log ----------------------------------------------------------------------------------------------------------


def lines_of(server, target) -> list[dict]:
    wait_until(lambda: f'"{target}"' in server.stdout(), 20, f"the line of {target}")
    return [line for line in map(json.loads, server.stdout().splitlines()) if line.get("target") == target]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_log_names_the_version(server, certificate, version):
    assert fetch(server.address, certificate.authority, f"/?log-{version}", version=version).status == 200
    line, = lines_of(server, f"/?log-{version}")
    assert line["tls"] == "TLSv" + version and "client" not in line


def test_the_log_names_no_version_in_clear_text(certificate, shared_site, tmp_path):
    both = listener_table("false", name="clear")
    with tls_server(tmp_path, [certificate], both, root=shared_site) as server:
        clear = server.addresses[1]
        with RawConnection(clear) as connection:
            connection.send(request("/?clear"))
            assert connection.response().status == 200
        line, = lines_of(server, "/?clear")
        assert "tls" not in line and "client" not in line


# --- Other clients ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("wget"), reason="needs wget (./dev test installs it)")
def test_wget_mirrors_a_site_without_a_word(certificate, tmp_path):
    root = tmp_path / "site"
    (root / "deep").mkdir(parents=True)
    pages = [f"deep/{i}.html" for i in range(30)]
    (root / "index.html").write_text("<!doctype html><title>M</title>" + "".join(f'<a href="{page}">p</a>' for page in pages))
    for i, page in enumerate(pages):
        (root / page).write_text(f"<!doctype html><title>{i}</title><a href=/>up</a>" + "x" * (i * 3000))
    (root / "robots.txt").write_text("")
    with tls_server(tmp_path, [certificate], root=root) as server:
        done = subprocess.run(["wget", "--no-verbose", "--mirror", "--no-host-directories", "--no-hsts", "--tries=1",
                               f"--ca-certificate={certificate.authority}", f"--directory-prefix={tmp_path}/copy",
                               url(server)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not re.search("(?i)error|warn|retrying", done.stderr), done.stderr
    for path in [root / "index.html", *(root / page for page in pages)]:
        assert (tmp_path / "copy" / path.relative_to(root)).read_bytes() == path.read_bytes()


NODE = """
const https = require('https');
const [port, authority, count] = process.argv.slice(1);
const agent = new https.Agent({ keepAlive: true, maxSockets: 2, ca: require('fs').readFileSync(authority) });
const sockets = new Set();
function get(path) {
  return new Promise((done, failed) => https.get({ host: 'localhost', family: 4, port, path, agent }, (response) => {
    sockets.add(response.socket);
    const version = response.socket.getProtocol();
    let octets = 0;
    response.on('data', (part) => { octets += part.length; });
    response.on('end', () => done([response.statusCode, octets, version]));
    response.on('error', failed);
  }).on('error', failed));
}
(async () => {
  const all = await Promise.all([...Array(+count).keys()].map((i) => get(i % 2 ? '/200k.bin' : '/1k.bin')));
  agent.destroy();
  console.log(JSON.stringify({ all, sockets: sockets.size }));
})();
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js (./dev test --long installs it)")
def test_node_keeps_its_connections(server, certificate):
    done = subprocess.run(["node", "-e", NODE, str(server.port), str(certificate.authority), "100"], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["sockets"] == 2
    assert said["all"] == [[200, 200 * 1024 if i % 2 else 1024, "TLSv1.3"] for i in range(100)]


def test_many_connections_at_once(server, certificate, shared_site):
    want = (shared_site / "200k.bin").read_bytes()
    wrong = []

    def download():
        for _ in range(3):
            if fetch(server.address, certificate.authority, "/200k.bin").body != want:
                wrong.append("body")

    threads = [threading.Thread(target=download) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def test_clear_text_on_a_port_for_tls_is_told(server):
    with RawConnection(server.address) as connection:
        connection.send(request("/"))
        response = connection.response()
        assert response.status == 400 and b"https://" in response.body
        assert connection.wait_for_end() == "fin"
