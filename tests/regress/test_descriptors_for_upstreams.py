"""Three HTTP/2 clients with 95 requests each to a slow upstream took all descriptors: nobody was accepted any more.

Connections to upstreams have their share of the descriptors, and no more; who finds none left is told so (503), and
what needs no upstream goes on.
"""

import contextlib

from h2_frames import FrameConnection
from raw_connection import RawConnection
from scripted_upstream import ScriptedUpstream, head, until_client_saw
from sluice_server import SluiceServer, wait_until

DESCRIPTORS = 256
REQUESTS = 95

CONFIGURATION = """
workers = 2
[log]
access = "{folder}/access.log"
[limits]
open_files = "10"
[[listener]]
address = "127.0.0.1:0"
[[site]]
[[site.route]]
prefix = "/own"
respond = "own"
[[site.route]]
prefix = "/"
proxy = "{upstream}"
"""


def test_slow_upstreams_leave_descriptors_for_clients(tmp_path):
    with contextlib.ExitStack() as open_ones:
        upstream = open_ones.enter_context(ScriptedUpstream(always=(head, until_client_saw)))
        (tmp_path / "sluice.toml").write_text(CONFIGURATION.format(folder=tmp_path, upstream=upstream.url))
        server = open_ones.enter_context(SluiceServer(
            config=tmp_path / "sluice.toml", prefix=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]))
        for _ in range(3):
            client = open_ones.enter_context(FrameConnection(server.address))
            client.send(*(client.request(2 * i + 1, "/slow") for i in range(REQUESTS)))
        log = tmp_path / "access.log"
        wait_until(lambda: log.read_text().count("too many connections to upstreams") +
                   len(upstream.requests) >= 3 * REQUESTS)
        assert 30 < len(upstream.connections) <= DESCRIPTORS / 2
        for _ in range(10):
            with RawConnection(server.address) as other:
                other.send(b"GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert other.response().status == 200
        with RawConnection(server.address) as other:
            other.send(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            response = other.response()
            assert response.status == 503
            assert "error=connection_limit_reached" in response.get("proxy-status")
        upstream.client_saw.set()
