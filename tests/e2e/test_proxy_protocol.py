"""The PROXY protocol towards clients: whose word is taken, and what becomes of the client's address.

Senders are HAProxy (both versions, with a checksum), curl (version 1), and headers made here.
"""

import contextlib
import socket
import ssl
import struct
import time

import pytest
from clients import curl, get, request
from h2_connection import H2Connection
from haproxy import HAProxy
from limited_server import logged, takes_about
from raw_connection import RawConnection
from sluice_server import SluiceServer, wait_until
from tls_clients import certificate_table, configure, listener_table, site_table

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n"


def v2(command, family, block=b""):
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(block)) + block


def v2_of(source, destination="198.51.100.9", tail=b""):
    """A header of version 2 from these addresses."""
    ipv6 = ":" in source
    kind = socket.AF_INET6 if ipv6 else socket.AF_INET
    addresses = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination)
    return v2(0x21, 0x21 if ipv6 else 0x11, addresses + struct.pack(">HH", 54321, 443) + tail)


HEADERS = {
    "v1": (V1, "192.0.2.7"),
    "v1-ipv6": (b"PROXY TCP6 2001:db8::7 2001:db8::9 54321 443\r\n", "2001:db8::7"),
    "v1-mapped": (b"PROXY TCP6 ::ffff:192.0.2.8 2001:db8::9 54321 443\r\n", "192.0.2.8"),
    "v1-unknown": (b"PROXY UNKNOWN whatever this is\r\n", "127.0.0.1"),
    "v2": (v2_of("192.0.2.9"), "192.0.2.9"),
    "v2-ipv6": (v2_of("2001:db8::9", "::1"), "2001:db8::9"),
    "v2-tlvs": (v2_of("192.0.2.9", tail=b"\x01\0\x02h2\x04\0\0"), "192.0.2.9"),
    "v2-unix": (v2(0x21, 0x31, b"/run/a".ljust(108, b"\0") * 2), "unix:"),
    "v2-unspecified": (v2(0x21, 0x00), "127.0.0.1"),
    "v2-local": (v2(0x20, 0x00), "127.0.0.1"),
}


def configured(folder, root, *tables, trusted='["127.0.0.1", "203.0.113.0/24"]', tls="false", top="", address="127.0.0.1:0",
               **options):
    listener = listener_table(tls, "proxy_protocol = true", address=address)
    path = configure(folder, listener, site_table(root), *tables, top=f"trusted_proxies = {trusted}\n{top}", **options)
    return SluiceServer(config=path)


@pytest.fixture(scope="module")
def server(tmp_path_factory, shared_site):
    with configured(tmp_path_factory.mktemp("clear"), shared_site, workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def secure(tmp_path_factory, shared_site, authority):
    certificate = certificate_table(authority.issue())
    with configured(tmp_path_factory.mktemp("secure"), shared_site, certificate, tls="true") as running:
        yield running


def entry_of(server, target):
    """The access log's line for a target that nobody else asked for."""
    found = []

    def look():
        found[:] = [one for one in logged(server) if one["target"] == target]
        return found
    wait_until(look, 20, f"a line for {target}")
    assert len(found) == 1
    return found[0]


def failure_after(server, count):
    """The first line of the access log without a request, after `count` lines."""
    found = []

    def look():
        found[:] = [one for one in logged(server)[count:] if "cause" in one and one["method"] == ""]
        return found
    wait_until(look, 20, "a line about the connection")
    return found[0]


@pytest.mark.parametrize("name", HEADERS)
def test_the_client_is_whom_the_header_names(server, name):
    header, address = HEADERS[name]
    with RawConnection(server.address, 30) as connection:
        connection.send(header + request(f"/?clear-{name}") + request(f"/?again-{name}"))
        assert connection.response().status == 200
        assert connection.response().status == 200
    assert entry_of(server, f"/?clear-{name}")["remote"] == address
    assert entry_of(server, f"/?again-{name}")["remote"] == address, "once for a connection"


@pytest.mark.parametrize("name", HEADERS)
def test_over_tls_the_header_comes_before_the_handshake(secure, authority, name):
    header, address = HEADERS[name]
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with socket.create_connection(secure.address, 30) as one:
        one.sendall(header)
        with context.wrap_socket(one, server_hostname="localhost") as connection:
            connection.sendall(request(f"/?tls-{name}", "Connection: close"))
            assert connection.recv(12) == b"HTTP/1.1 200"
    assert entry_of(secure, f"/?tls-{name}")["remote"] == address


@pytest.mark.parametrize("header", [V1, v2_of("2001:db8::9", "::1")])
def test_octet_by_octet(server, header):
    target = f"/?slowly-{len(header)}"
    with RawConnection(server.address, 30) as connection:
        for octet in header + request(target):
            connection.send(bytes([octet]))
            time.sleep(0.001)
        assert connection.response().status == 200
    assert entry_of(server, target)["remote"] in ("192.0.2.7", "2001:db8::9")


def test_http2_in_clear_text_follows_the_header(server):
    class Announced(H2Connection):
        header = V1

        def _flush(self):
            if octets := self.h2.data_to_send():
                self.octets.send(self.header + octets)
                self.header = b""

    with Announced(server.address) as connection:
        assert connection.fetch("/?h2c").status == 200
    assert entry_of(server, "/?h2c")["remote"] == "192.0.2.7"


@pytest.mark.parametrize("options", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
@pytest.mark.parametrize("protocol", ["http", "https"])
def test_behind_haproxy(server, secure, authority, tmp_path, options, protocol):
    """The client connects from another address of the loopback network."""
    behind = secure if protocol == "https" else server
    target = f"/?{len(options)}-{protocol}"
    with HAProxy(tmp_path, behind.address, options) as balancer:
        done = curl("--interface", "127.0.0.5", "--cacert", authority.certificate, "--resolve",
                    f"localhost:{balancer.address[1]}:127.0.0.1", f"{protocol}://localhost:{balancer.address[1]}{target}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Hello" in done.stdout
    assert entry_of(behind, target)["remote"] == "127.0.0.5"


def test_haproxys_health_checks_leave_no_trace(tmp_path, shared_site):
    """They say LOCAL, and leave: nothing that would have to be told."""
    with configured(tmp_path, shared_site) as server:
        with HAProxy(tmp_path, server.address, "check check-send-proxy send-proxy-v2 inter 50ms fall 1 rise 1") as balancer:
            time.sleep(0.5)
            assert get(balancer.address, "/?checked").status == 200
        assert entry_of(server, "/?checked")["remote"] == "127.0.0.1"
        assert [one["target"] for one in logged(server)] == ["/?checked"]
        assert "PROXY" not in server.stderr()


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_curl_says_where_it_comes_from(server, secure, authority, protocol):
    behind = secure if protocol == "https" else server
    done = curl("--haproxy-protocol", "--cacert", authority.certificate, "--resolve",
                f"localhost:{behind.port}:127.0.0.1", f"{protocol}://localhost:{behind.port}/?curl")
    assert (done.returncode, done.stderr) == (0, b"")
    assert entry_of(behind, "/?curl")["remote"] == "127.0.0.1"


def test_whom_the_header_names_is_trusted_or_not_itself(server):
    """Not the proxy: X-Request-ID is a client's word until the client is in trusted_proxies."""
    for address, is_kept in (("192.0.2.1", False), ("203.0.113.5", True)):
        with RawConnection(server.address, 30) as connection:
            connection.send(v2_of(address) + request(f"/?id-{address}", "X-Request-ID: from.outside"))
            assert connection.response().status == 200
        assert (entry_of(server, f"/?id-{address}")["id"] == "from.outside") == is_kept


@pytest.mark.parametrize("name, trusted", [("v1-unknown", False), ("v2-unspecified", False), ("v2-unix", False),
                                           ("v2-local", True)])
def test_a_client_that_the_proxy_does_not_name_is_not_trusted_in_its_place(server, name, trusted):
    """LOCAL is the proxy's own connection; with UNKNOWN it speaks for somebody, who is not the proxy."""
    with RawConnection(server.address, 30) as connection:
        connection.send(HEADERS[name][0] + request(f"/?unnamed-{name}", "X-Request-ID: from.outside"))
        assert connection.response().status == 200
    assert (entry_of(server, f"/?unnamed-{name}")["id"] == "from.outside") == trusted


@pytest.mark.parametrize("tls", ["false", "true"])
def test_other_peers_are_closed_at_once(tmp_path, shared_site, authority, tls):
    tables = [certificate_table(authority.issue())] if tls == "true" else []
    with configured(tmp_path, shared_site, *tables, trusted='["192.0.2.0/24"]', tls=tls) as server:
        with RawConnection(server.address, 30) as connection:
            assert connection.wait_for_end() in ("fin", "reset")
        with RawConnection(server.address, 30) as connection:
            connection.send(V1 + request("/"))
            assert connection.wait_for_end() in ("fin", "reset")
        line = failure_after(server, 0)
        assert (line["remote"], line["status"], line["cause"]) == ("127.0.0.1", 0, "peer is not in trusted_proxies")
        wait_until(lambda: server.stderr().count("peer is not in trusted_proxies") == 2, 20, "the error log")


BAD = {
    "none": request("/"),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00",
    "v1": b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 65536\r\n",
    "v1-zero": b"PROXY TCP4 192.0.2.07 198.51.100.9 54321 443\r\n",
    "v1-bare-lf": b"PROXY UNKNOWN\n",
    "v1-long": b"PROXY UNKNOWN " + b"x" * 93,
    "v2-command": SIGNATURE + b"\x22",
    "v2-datagrams": SIGNATURE + b"\x21\x12",
    "v2-short": v2(0x21, 0x11, b"x" * 11),
    "v2-long": SIGNATURE + b"\x21\x11\x02\x09",
    "v2-checksum": v2_of("192.0.2.9", tail=b"\x03\0\4abcd"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_header_ends_the_connection(server, secure, name):
    """At its first wrong octet: nothing more is waited for, and nothing is answered."""
    for one in (server, secure):
        before = len(logged(one))
        with RawConnection(one.address, 30) as connection, contextlib.suppress(OSError):
            connection.send(BAD[name])
            assert connection.wait_for_end() in ("fin", "reset")
        line = failure_after(one, before)
        assert "PROXY protocol header" in line["cause"], line
        assert (line["remote"], line["status"]) == ("127.0.0.1", 0)


def test_a_second_header_is_no_request(server):
    with RawConnection(server.address, 30) as connection:
        connection.send(V1 + V1)
        assert connection.response().status == 400


def test_elsewhere_a_header_is_no_request(shared_server):
    with RawConnection(shared_server.address, 30) as connection:
        connection.send(V1 + request("/"))
        assert connection.response().status == 400


@pytest.mark.parametrize("sent", [b"", V1[:20], SIGNATURE])
def test_a_late_header_ends_the_connection(tmp_path, shared_site, sent):
    top = '[limits]\nproxy_protocol_timeout = "300ms"\n'
    with configured(tmp_path, shared_site, top=top) as server, RawConnection(server.address, 30) as connection, \
            takes_about(0.3):
        connection.send(sent)
        assert connection.wait_for_end() in ("fin", "reset")
        line = failure_after(server, 0)
        assert (line["limit"], line["cause"]) == ("proxy_protocol_timeout", "PROXY protocol header not in time")
        assert line["rule"].endswith("sluice.toml:4"), line


def test_those_who_wait_do_not_hold_up_the_end(tmp_path, shared_site):
    with configured(tmp_path, shared_site) as server, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(RawConnection(server.address, 30)) for _ in range(5)]
        waiting[0].send(V1[:10])
        wait_until(lambda: server.open_sockets() >= 6, 20, "accepting")
        with takes_about(0):
            server.stop()
        for one in waiting:
            assert one.wait_for_end() in ("fin", "reset")


def test_a_unix_sockets_peer_is_trusted(tmp_path, shared_site):
    path = tmp_path / "s"
    with configured(tmp_path, shared_site, address=f"unix:{path}") as server:
        with RawConnection(str(path), 30) as connection:
            connection.send(V1 + request("/?unix"))
            assert connection.response().status == 200
        assert entry_of(server, "/?unix")["remote"] == "192.0.2.7"


def test_clients_are_counted_not_the_proxy(tmp_path, shared_site):
    """connections_per_address: three clients with two connections each come through one proxy."""
    with configured(tmp_path, shared_site, top="[limits]\nconnections_per_address = 2\n", workers=2) as server, \
            contextlib.ExitStack() as stack:
        def connect(client):
            one = stack.enter_context(RawConnection(server.address, 30))
            one.send(v2_of(client) + request(f"/?{client}"))
            return one.response()

        for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            assert [connect(client).status for _ in range(2)] == [200, 200]
        assert connect("192.0.2.2").status == 503
        assert connect("192.0.2.4").status == 200


def test_who_is_turned_away_hears_nothing_in_clear_text_where_tls_is_spoken(tmp_path, shared_site, authority):
    """The listener is not the first one: the client's address is not all that its connection came with."""
    path = configure(tmp_path, listener_table("false", name="clear"), listener_table("true", "proxy_protocol = true"),
                     certificate_table(authority.issue()), site_table(shared_site),
                     top='trusted_proxies = ["127.0.0.1"]\n[limits]\nconnections_per_address = 1\n')
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with SluiceServer(config=path) as server, socket.create_connection(server.addresses[1], 30) as one:
        one.sendall(V1)
        with context.wrap_socket(one, server_hostname="localhost"), RawConnection(server.addresses[1], 30) as another:
            another.send(V1)
            assert another.wait_for_end() in ("fin", "reset")
        wait_until(lambda: "connections_per_address" in server.stderr(), 20, "the error log")
