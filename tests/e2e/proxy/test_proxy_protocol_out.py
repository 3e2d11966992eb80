"""The PROXY protocol towards upstreams: who is connected to whom, as nginx and HAProxy read it, and by the octet.

curl is the client: it says itself between which addresses and ports its connection is.
"""

import contextlib
import ssl

import pytest
from clients import curl, get, request
from foreign_program import ForeignProgram
from nginx import Nginx
from raw_connection import RawConnection
from sluice_server import SluiceServer
from small_upstream import OK, Upstream
from tls_clients import certificate_table, configure, listener_table

CONNECTION = "%{local_ip} %{local_port} %{remote_ip} %{remote_port}"
FROM_192_0_2_7 = b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n"

NGINX = """
    access_log off;
    server {{
        listen 127.0.0.1:{port} proxy_protocol;
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 100
defaults
    mode http
    timeout client 60s
frontend front
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
"""


def proxied(port, version, prefix="/", scheme="http", tls="") -> str:
    """A route to 127.0.0.1:`port`."""
    return (f'[[site.route]]\nprefix = "{prefix}"\n'
            f'proxy = {{ to = "{scheme}://127.0.0.1:{port}", proxy_protocol = "{version}"{tls} }}\n')


@pytest.fixture(scope="module")
def receivers(tmp_path_factory):
    """The ports of those who are told, by their names."""
    temp = tmp_path_factory.mktemp("receivers")

    def haproxy(port):
        (temp / "haproxy.conf").write_text(HAPROXY.format(port=port))
        return ["/usr/sbin/haproxy", "-db", "-q", "-f", temp / "haproxy.conf"]

    with Nginx(temp, lambda port: NGINX.format(port=port)) as one, ForeignProgram(haproxy) as other:
        yield {"nginx": one.port, "haproxy": other.port}


@pytest.fixture(scope="module", params=(1, 4))
def server(request, receivers, authority, tmp_path_factory):
    """Listens on 127.0.0.1, ::1, all addresses, and 127.0.0.1 over TLS; /nginx/v1 leads there with version 1, and so on."""
    listeners = [listener_table("false", name=name, address=address)
                 for name, address in (("ipv4", "127.0.0.1:0"), ("ipv6", "[::1]:0"), ("all", ":0"))]
    routes = [proxied(port, version, f"/{name}/{version}") for name, port in receivers.items() for version in ("v1", "v2")]
    path = configure(tmp_path_factory.mktemp("sender"), *listeners, listener_table(), certificate_table(authority.issue()),
                     "[[site]]", *routes, workers=request.param)
    with SluiceServer(config=path) as running:
        yield running


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("receiver", ["nginx", "haproxy"])
@pytest.mark.parametrize("way", ["ipv4", "ipv6", "all", "tls", "http2"])
def test_it_is_told_between_whom_the_clients_connection_is(server, authority, way, receiver, version):
    port = server.addresses[{"ipv4": 0, "ipv6": 1, "all": 2}.get(way, 3)][1]
    scheme = "https" if way in ("tls", "http2") else "http"
    host = {"ipv6": "[::1]", "ipv4": "127.0.0.1", "all": "127.0.0.1"}.get(way, "localhost")
    done = curl("--http2" if way == "http2" else "--http1.1", "--ipv6" if way == "ipv6" else "--ipv4",
                "--cacert", authority.certificate, "--write-out", f"\n{CONNECTION} %{{http_version}}",
                f"{scheme}://{host}:{port}/{receiver}/{version}")
    told, said = done.stdout.decode().split("\n")
    assert f"{told} {'2' if way == 'http2' else '1.1'}" == said


def telling(upstream, connection, _):
    """Each request gets a good answer, and the line before the first one is kept."""
    line = b""
    while not line.endswith(b"\r\n"):
        octet = connection.recv(1)
        if not octet:
            return
        line += octet
    upstream.requests.append(line.decode())
    if upstream.tls is not None:
        connection = upstream.tls.wrap_socket(connection, server_side=True)
    with contextlib.suppress(OSError):
        while True:
            upstream.read_head(connection)
            connection.sendall(OK)


@contextlib.contextmanager
def before_one_that_tells(folder, *listeners, top="", tls=None, authority=None):
    """An upstream, and a server that sends version 1 to it."""
    with Upstream(telling) as upstream:
        upstream.tls = tls
        more = f', tls = {{ name = "localhost", authorities = "{authority.certificate}" }}' if tls else ""
        route = proxied(upstream.port, "v1", scheme="https" if tls else "http", tls=more)
        with SluiceServer(config=configure(folder, *listeners, "[[site]]", route, top=top)) as server:
            yield upstream, server


CLEAR = listener_table("false")


def test_each_request_has_a_connection_of_its_own(tmp_path):
    with before_one_that_tells(tmp_path, CLEAR) as (upstream, server):
        lines = []
        for _ in range(2):
            with RawConnection(server.address) as client:
                host, port = client._socket.getsockname()
                for _ in range(2):
                    client.send(request("/"))
                    assert client.response().status == 200
                    lines += [f"PROXY TCP4 {host} 127.0.0.1 {port} {server.port}\r\n", "GET / HTTP/1.1"]
        assert upstream.requests == lines
        assert upstream.connections == 4


def test_it_comes_before_the_handshake(tmp_path, authority):
    certificate = authority.issue()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    with before_one_that_tells(tmp_path, CLEAR, tls=context, authority=authority) as (upstream, server):
        assert get(server.address).status == 200
        line, head = upstream.requests
        assert line.startswith("PROXY TCP4 127.0.0.1 127.0.0.1 ") and line.endswith(f" {server.port}\r\n")
        assert head == "GET / HTTP/1.1"


def answer(address, octets):
    with RawConnection(address) as client:
        client.send(octets + request("/"))
        return client.response().status


def test_behind_another_proxy_the_client_is_whom_that_one_names(tmp_path):
    listener = listener_table("false", "proxy_protocol = true")
    with before_one_that_tells(tmp_path, listener, top='trusted_proxies = "127.0.0.1"') as (upstream, server):
        assert answer(server.address, FROM_192_0_2_7) == 200
        assert answer(server.address, b"PROXY UNKNOWN\r\n") == 200
        named, _, unnamed, _ = upstream.requests
        assert named == f"PROXY TCP4 192.0.2.7 127.0.0.1 54321 {server.port}\r\n"
        assert unnamed.startswith("PROXY TCP4 127.0.0.1 127.0.0.1 ")


def test_a_unix_sockets_peer_has_no_address_and_whom_it_names_has_one(tmp_path):
    path = str(tmp_path / "s")
    for more, octets, line in (((), b"", "PROXY UNKNOWN\r\n"),
                               (("proxy_protocol = true",), FROM_192_0_2_7, "PROXY TCP4 192.0.2.7 0.0.0.0 54321 0\r\n")):
        listener = listener_table("false", *more, address=f"unix:{path}")
        with before_one_that_tells(tmp_path, listener, top='trusted_proxies = "127.0.0.1"') as (upstream, _):
            assert answer(path, octets) == 200
            assert upstream.requests[0] == line
