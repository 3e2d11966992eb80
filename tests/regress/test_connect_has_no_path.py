"""CONNECT was answered 404 by a server with routes: it names an authority and no path, so that no route matched.

What is wrong is the method, on every path there is: 405 with Allow (RFC 9110 sections 9.3.6 and 15.5.6), and close, as
what follows is not HTTP.
"""

import pytest
from raw_connection import RawConnection
from sluice_server import SluiceServer

SITES = """
unknown_host = 421
[[listener]]
address = "127.0.0.1:0"
[[site]]
hosts = ["example.com"]
[[site.route]]
prefix = "/"
respond = "routed"
"""


@pytest.mark.parametrize("authority", ["example.com:443", "elsewhere.example:443", "[::1]:443"])
def test_connect_is_a_method_that_is_not_allowed(tmp_path, authority):
    (tmp_path / "sluice.toml").write_text(SITES)
    with SluiceServer(config=tmp_path / "sluice.toml") as server, RawConnection(server.address) as connection:
        connection.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\nnot HTTP".encode())
        response = connection.response()
        assert (response.status, response.get("allow")) == (405, "GET, HEAD, OPTIONS")
        assert response.closes
