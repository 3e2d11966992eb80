"""The recorder finds fault with what a proxy must never send: else its silence says nothing."""

import pytest
from raw_connection import RawConnection
from request_recorder import STATUS, RequestRecorder

HEAD = "Host: a\r\nX-Request-ID: 1\r\n"
GOOD = {
    "GET": (f"GET /a?b HTTP/1.1\r\n{HEAD}\r\n", ("GET", "/a?b", 0)),
    "a length": (f"POST / HTTP/1.1\r\n{HEAD}Content-Length: 3\r\n\r\nabc", ("POST", "/", 3)),
    "chunks": (f"POST / HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", ("POST", "/", 3)),
    "OPTIONS *": (f"OPTIONS * HTTP/1.1\r\n{HEAD}\r\n", ("OPTIONS", "*", 0)),
}
BAD = {
    "both framings": f"POST / HTTP/1.1\r\n{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": f"POST / HTTP/1.1\r\n{HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a length in words": f"POST / HTTP/1.1\r\n{HEAD}Content-Length: +3\r\n\r\nabc",
    "another coding": f"POST / HTTP/1.1\r\n{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a bare LF": f"GET / HTTP/1.1\n{HEAD}\r\n",
    "a bare CR": f"GET / HTTP/1.1\r\nX: a\rb\r\n{HEAD}\r\n",
    "a fold": f"GET / HTTP/1.1\r\nX: a\r\n b\r\n{HEAD}\r\n",
    "a space before the colon": f"GET / HTTP/1.1\r\nX : a\r\n{HEAD}\r\n",
    "no Host": "GET / HTTP/1.1\r\nX-Request-ID: 1\r\n\r\n",
    "two Hosts": f"GET / HTTP/1.1\r\nHost: b\r\n{HEAD}\r\n",
    "a request of somebody else": "GET /canary HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": f"GET /a b HTTP/1.1\r\n{HEAD}\r\n",
    "an absolute form": f"GET http://a/ HTTP/1.1\r\n{HEAD}\r\n",
    "a chunk size in words": f"POST / HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk too long": f"POST / HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
}


def recorded(*octets):
    with RequestRecorder() as recorder, RawConnection(recorder.address) as connection:
        connection.send("".join(octets).encode("latin-1"))
        connection.send_fin()
        statuses = []
        while response := connection.response():
            statuses.append(response.status)
        return recorder.requests(), recorder.faults(), statuses


@pytest.mark.parametrize("name", GOOD)
def test_requests(name):
    octets, expected = GOOD[name]
    requests, faults, statuses = recorded(octets, octets)
    assert [(one.method, one.target, one.length) for one in requests] == [expected] * 2
    assert (faults, statuses) == ([], [STATUS] * 2)


@pytest.mark.parametrize("name", BAD)
def test_faults(name):
    requests, faults, statuses = recorded(BAD[name])
    assert requests == [] and statuses == [] and len(faults) == 1


def test_what_follows_a_request_is_looked_at():
    for more in ("X", "GET / HTTP/1.1\r\n", BAD["a request of somebody else"]):
        requests, faults, _ = recorded(GOOD["a length"][0], more)
        assert len(requests) == 1 and len(faults) == 1


def test_content_may_be_cut():
    """The client left: no request, and no fault of the proxy's."""
    requests, faults, _ = recorded(f"POST / HTTP/1.1\r\n{HEAD}Content-Length: 3\r\n\r\nab")
    assert (requests, faults) == ([], [])
