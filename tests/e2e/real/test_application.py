"""An application on node behind Sluice: what it says is what the client hears, in every version (RFC 9110 section 7).

The problem: each habit of an application is lost by some proxy: the second Set-Cookie, the ETag of compressed content,
an event that waits for the next one, the trailers, the 103. Each is one test here, asked by curl, as people do, or by
a client that sees frames and chunks as they come.
"""

import hashlib
import json
import random
import threading
import time

import pytest
from clients import SANITIZED, get
from h2_connection import H2Connection
from h2_frames import connect

CONTENT = random.Random(7).randbytes(5 * 1024 * 1024 + 3)


@pytest.fixture
def server(proxying, application):
    with proxying(f'proxy = "{application.url}"') as running:
        yield running


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


def curl(server, target, *options):
    done = server.curl(*options, server.url.replace("127.0.0.1", "localhost") + target)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def heads_and_body(server, target, *options):
    """Every head that came, as (status, fields), and the content."""
    heads, rest = [], curl(server, target, "--include", *options)
    while rest.startswith(b"HTTP/"):
        head, _, rest = rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        heads.append((int(first.split()[1]), [tuple(line.split(": ", 1)) for line in lines]))
    return heads, rest


def values(fields, name):
    return [value for known, value in fields if known.lower() == name]


def test_the_application_knows_whom_it_serves(server, version):
    seen = json.loads(curl(server, "/echo?a=b&c=%20", "--header", "X-Forwarded-For: 203.0.113.9",
                           "--header", "Forwarded: for=203.0.113.9", "--header", "X_Odd: 1"))
    assert (seen["method"], seen["url"], seen["version"]) == ("GET", "/echo?a=b&c=%20", "1.1")
    fields = seen["fields"]
    scheme = "https" if version.secure else "http"
    assert fields["host"] == f"localhost:{server.port}"
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == "127.0.0.1"
    assert (fields["x-forwarded-proto"], fields["x-forwarded-host"]) == (scheme, f"localhost:{server.port}")
    assert fields["x-forwarded-port"] == str(server.port)
    assert fields["forwarded"].startswith("for=127.0.0.1") and "203.0.113.9" not in str(fields)
    assert fields["via"].split()[0] == ("2" if version.is_h2 else "1.1")
    assert "x_odd" not in fields


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "M-SEARCH"])
def test_methods_are_the_applications_affair(server, method):
    assert json.loads(curl(server, "/echo", "--request", method))["method"] == method


def test_cookies_both_ways(server):
    heads, body = heads_and_body(server, "/cookies", "--cookie", "a=1; b=2")
    assert values(heads[0][1], "set-cookie") == ["session=1; Path=/; HttpOnly", "basket=2; Path=/shop; Max-Age=60"]
    assert json.loads(body) == {"cookie": "a=1; b=2"}


def test_cookies_in_several_fields_are_one(server, version):
    """As HTTP/2 clients send them (RFC 9113 section 8.2.3); HTTP/1.1 has one Cookie field."""
    sent = ["cookie: a=1", "cookie: b=2"] if version.is_h2 else ["cookie: a=1; b=2"]
    assert json.loads(server.get("/cookies", *sent).body) == {"cookie": "a=1; b=2"}


@pytest.mark.parametrize("target, expected", [("/redirect", "/echo?redirected"), ("/elsewhere", "https://example.com/echo")])
def test_redirects_as_they_are(server, target, expected):
    response = server.get(target)
    assert (response.status, response.get("location")) == (302, expected)


def test_a_redirect_to_the_host_that_was_asked_leads_back(server, version):
    """The application does not know of TLS before it: Host alone is what it has."""
    host = f"localhost:{server.port}"
    scheme = "https" if version.secure else "http"
    response = server.get("/absolute", host=host)
    assert response.status == 302
    assert response.get("location") in (f"http://{host}/echo?absolute", f"{scheme}://{host}/echo?absolute")


@pytest.mark.parametrize("target", ["/download", "/chunked"])
def test_a_download_is_whole(server, tmp_path, target):
    heads, body = heads_and_body(server, target)
    assert [status for status, _ in heads] == [200]
    assert sha256(body) == values(heads[0][1], "x-hash")[0]
    assert values(heads[0][1], "content-length") == ([str(len(body))] if target == "/download" else [])


@pytest.mark.parametrize("coding", [[], ["--header", "Transfer-Encoding: chunked"]])
def test_an_upload_is_whole(server, version, tmp_path, coding):
    if coding and version.is_h2:
        coding = ["--header", "Content-Length:"]
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    seen = json.loads(curl(server, "/upload", "--upload-file", file, "--header", "Expect:", *coding))
    assert (seen["octets"], seen["hash"]) == (len(CONTENT), sha256(CONTENT))
    if not coding:
        assert (seen["length"], seen["coding"]) == (str(len(CONTENT)), None)


def test_a_form_is_posted(server):
    seen = json.loads(curl(server, "/upload", "--data", "a=1&b=2"))
    assert (seen["octets"], seen["hash"], seen["length"]) == (7, sha256(b"a=1&b=2"), "7")


def test_compressed_content_is_not_touched(server):
    heads, body = heads_and_body(server, "/gzip", "--header", "Accept-Encoding: gzip")
    fields = heads[0][1]
    assert sha256(body) == values(fields, "x-hash")[0]
    assert values(fields, "content-encoding") == ["gzip"] and values(fields, "etag") == ['"zipped"']
    assert values(fields, "vary") == ["Accept-Encoding"]
    assert curl(server, "/gzip", "--compressed") == b"The quick brown fox. " * 1000


def test_conditional_requests_are_the_applications(server):
    whole = server.get("/tagged")
    assert (whole.status, whole.body, whole.get("etag")) == (200, b"tagged", '"version-1"')
    same = server.get("/tagged", 'If-None-Match: "version-1"')
    assert (same.status, same.body, same.get("etag"), same.get("cache-control")) == (304, b"", '"version-1"', "no-cache")
    assert server.get("/tagged", 'If-None-Match: "version-0"').status == 200


def test_head_says_what_get_would(server):
    with server.session() as session:
        response = session.fetch("/download", method="HEAD")
        assert (response.status, response.body, response.get("content-length")) == (200, b"", str(8 * 1024 * 1024))
        assert session.fetch("/chunked", method="HEAD").body == b""
        assert session.fetch("/tagged").body == b"tagged", "the connection goes on"


def test_no_content(server):
    response = server.get("/nothing")
    assert (response.status, response.body, response.get("content-length")) == (204, b"", None)


def test_not_found_is_the_applications(server):
    response = server.get("/missing")
    assert (response.status, response.body) == (404, b"not here")


def test_early_hints_come_first(server):
    heads, body = heads_and_body(server, "/hints")
    assert [status for status, _ in heads] == [103, 200] and body == b"hinted"
    assert values(heads[0][1], "link") == ["</style.css>; rel=preload; as=style"]


def test_trailers_of_the_response(server, version):
    checksum = sha256(b"content")
    if version.is_h2:
        with H2Connection(server.address, server.authority) as client:
            response = client.response(client.request("/trailers", "te: trailers"))
            assert (response.body, response.trailers) == (b"content", [("x-checksum", checksum)])
        return
    response = server.get("/trailers", "TE: trailers", "Connection: TE")
    assert response.body == b"content"
    assert f"X-Checksum: {checksum}\r\n\r\n".lower().encode() in response.raw.lower()


def test_trailers_of_the_request(server, version):
    if version.is_h2:
        with H2Connection(server.address, server.authority) as client:
            seen = client.response(client.request("/upload", method="POST", body=b"content", trailers=[("x-sum", "1")])).body
    else:
        with server.session() as session:
            session.octets.send(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
                                b"\r\n7\r\ncontent\r\n0\r\nX-Sum: 1\r\n\r\n")
            seen = session.octets.response().body
    seen = json.loads(seen)
    assert (seen["octets"], seen["hash"], seen["trailers"]) == (7, sha256(b"content"), {"x-sum": "1"})


# --- Expect: 100-continue ---------------------------------------------------------------------------------------------


def expecting(server, tmp_path, target):
    """curl would go on by itself after a minute. Returns (statuses, body, seconds)."""
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    begin = time.monotonic()
    heads, body = heads_and_body(server, target, "--upload-file", file, "--header", "Expect: 100-continue",
                                 "--expect100-timeout", "60")
    return [status for status, _ in heads], body, time.monotonic() - begin


def test_the_applications_100_is_passed_on(server, version, tmp_path):
    statuses, body, _ = expecting(server, tmp_path, "/upload")
    assert statuses[-1] == 200 and statuses.count(100) <= 1
    assert version.is_h2 or statuses == [100, 200]  # curl expects nothing over HTTP/2
    assert json.loads(body)["hash"] == sha256(CONTENT)


def test_our_100_when_the_application_says_nothing(server, version, tmp_path):
    statuses, body, seconds = expecting(server, tmp_path, "/upload?silent")
    assert statuses[-1] == 200
    if not version.is_h2:
        assert statuses == [100, 200]
        assert seconds >= 0.45 and (SANITIZED or seconds < 20)
    assert json.loads(body)["hash"] == sha256(CONTENT)


def test_a_refusal_comes_before_the_content(server, version, tmp_path):
    if not version.is_h2:
        statuses, body, _ = expecting(server, tmp_path, "/upload?refuse")
        assert (statuses, body) == ([413], b"too much")
        return
    # curl 7.88 loses a response that ends its stream while it uploads (from nginx, too), so here it is ours.
    with H2Connection(server.address, server.authority) as client:
        stream = client.request("/upload?refuse", "expect: 100-continue", method="PUT", body=CONTENT)
        response = client.response(stream)
        assert (response.status, response.body) == (413, b"too much")
        assert response.reset in (None, 0)  # NO_ERROR: the content is not wanted (RFC 9113 section 8.1)


# --- Event streams ----------------------------------------------------------------------------------------------------


class H1Events:
    """Reads a chunked response as it comes."""

    def __init__(self, server, target):
        self._octets = connect(server.address, server.authority, alpn=("http/1.1",))
        self._octets.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())

    def until(self, text):
        while text not in self._octets.buffer:
            if not self._octets.read():
                return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._octets.__exit__(*error)


class H2Events:
    def __init__(self, server, target):
        self._client = H2Connection(server.address, server.authority)
        self._response = self._client.responses[self._client.request(target, "accept: text/event-stream")]

    def until(self, text):
        self._client.until(lambda: text in self._response.content or self._response.ended)
        return text in self._response.content

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._client.__exit__(*error)


def test_each_event_comes_before_the_next_is_sent(server, version, application):
    """The application sends one only when it is told to, and it is told when the one before has come."""
    name = version.name
    with (H2Events if version.is_h2 else H1Events)(server, f"/events?{name}") as events:
        for number in range(20):
            assert events.until(f"data: event {number}\n\n".encode())
            assert get(application.address, f"/next?{name}").status == 200
        assert get(application.address, f"/end?{name}").status == 200


def test_an_application_learns_that_the_reader_has_left(server, version, application):
    name = f"leaving-{version.name}"
    with (H2Events if version.is_h2 else H1Events)(server, f"/events?{name}") as events:
        assert events.until(b"data: event 0\n\n")
    begin = time.monotonic()
    while get(application.address, f"/left?{name}").body != b"true":
        assert time.monotonic() - begin < (20 if SANITIZED else 5), "it still writes to nobody"
        time.sleep(0.02)


def test_many_at_once(server):
    """Downloads, uploads and echoes side by side on several connections."""
    wrong = []

    def one(number):
        for _ in range(3):
            response = server.get(f"/echo?{number}")
            if json.loads(response.body)["url"] != f"/echo?{number}":
                wrong.append(response)
            whole = server.get("/download")
            if sha256(whole.body) != whole.get("x-hash"):
                wrong.append(whole.status)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
