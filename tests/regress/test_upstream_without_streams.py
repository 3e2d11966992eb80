"""An HTTP/2 upstream that allows no streams got another connection for each request, and none was closed again.

A connection that has no room for a stream is on no list of those that take requests: when it is idle, nobody would ever
use it, or look after it.
"""

from h2_frames import MAX_CONCURRENT_STREAMS
from raw_connection import RawConnection
from scripted_upstream import ScriptedUpstream
from scripted_upstream_h2 import preface
from sluice_server import SluiceServer

REQUESTS = 5

CONFIGURATION = """
workers = 1
[limits]
upstream_response_timeout = "300ms"
[[listener]]
address = "127.0.0.1:0"
[[site]]
[[site.route]]
prefix = "/"
proxy = {{ to = "{upstream}", http2 = "always" }}
"""


def read_on(connection):
    while True:
        connection.read()


def test_connections_without_streams_are_closed(tmp_path):
    script = (preface({MAX_CONCURRENT_STREAMS: 0}), read_on)
    with ScriptedUpstream(h2=True, always=script) as upstream:
        (tmp_path / "sluice.toml").write_text(CONFIGURATION.format(upstream=upstream.url))
        with SluiceServer(config=tmp_path / "sluice.toml") as server:
            for _ in range(REQUESTS):
                with RawConnection(server.address) as client:
                    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    assert client.response().status == 504
            upstream.wait(lambda: all(one.ended for one in upstream.connections), "the end of each connection")
            assert 0 < len(upstream.connections) <= REQUESTS
