"""conf/examples/reverse-proxy.toml, run as it stands before two servers of Python that say what they were asked.

The problem: an example that only parses teaches the wrong thing (test_examples.py has the others).
"""

import contextlib
import http.server
import json
import threading

import pytest
from sluice_server import ROOT

EXAMPLES = ROOT / "conf" / "examples"
NAME = "reverse-proxy"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the request as it came. One below /moved leads elsewhere."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        fields = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"method": self.command, "target": self.path, "fields": fields, "content": content}).encode()
        self.send_response(303 if "moved" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "a=b; Path=/v1")
        if "moved" in self.path:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/v1/users/8")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def echoing():
    """The address of such a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def api():
    with echoing() as address:
        yield address


@pytest.fixture(scope="module")
def served(version, api, tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    (folder / NAME).symlink_to(EXAMPLES / NAME)
    (folder / f"{NAME}.toml").write_text(version.adapted((EXAMPLES / f"{NAME}.toml").read_text()))
    with echoing() as application, version.running(folder / f"{NAME}.toml", env={
            "SLUICE_ADDRESS": "127.0.0.1:0", "APP": f"http://{application}", "API": f"http://{api}/v1"}) as server:
        yield server


def asked(response):
    assert response.status in (200, 303), response
    return json.loads(response.body)


def test_the_application_gets_what_no_route_answers(served):
    seen = asked(served.get("/users/7?a=b", "X-Forwarded-For: 192.0.2.1", "Cookie: c=d", host="app.example"))
    assert (seen["method"], seen["target"]) == ("GET", "/users/7?a=b")
    fields = seen["fields"]
    assert (fields["host"], fields["x-forwarded-host"]) == ("app.example", "app.example")
    assert (fields["x-forwarded-for"], fields["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert fields["x-forwarded-proto"] == ("https" if "tls" in served.version.name else "http")
    assert fields["x-forwarded-port"].isdigit() and fields["x-request-id"] and fields["forwarded"].startswith("for=127.0.0.1;")
    assert (fields["cookie"], fields.get("x-from")) == ("c=d", None)


def test_the_api_is_another_server_with_other_paths(served, api):
    seen = asked(served.get("/api/users/7?a=b", "Cookie: c=d", host="app.example"))
    assert (seen["target"], seen["fields"]["host"]) == ("/v1/users/7?a=b", api)
    assert (seen["fields"]["x-forwarded-host"], seen["fields"]["x-from"]) == ("app.example", "sluice")
    assert "cookie" not in seen["fields"]


def test_what_the_api_says_of_its_paths_comes_back_as_the_clients(served):
    response = served.get("/api/moved", host="app.example")
    scheme = "https" if "tls" in served.version.name else "http"
    assert (response.status, response.get("location")) == (303, f"{scheme}://app.example/api/users/8")
    assert response.get("set-cookie") == "a=b; Path=/api"


def test_assets_are_files(served):
    response = served.get("/assets/site.css")
    assert response.body == (EXAMPLES / NAME / "assets" / "site.css").read_bytes()
    assert response.get("cache-control") == "max-age=3600"


@pytest.mark.parametrize("target", ["/internal/", "/internal/metrics", "/x/../internal/metrics", "/%69nternal/metrics"])
def test_what_is_internal_stays_so(served, target):
    response = served.get(target)
    assert (response.status, response.body) == (404, b"Not here.\n")


@pytest.mark.parametrize("version", ["h1", "h1-tls"], indirect=True)
def test_larger_uploads_are_too_large(served):
    """RFC 9110 section 15.5.14."""
    assert served.get("/upload", f"Content-Length: {(10 << 20) + 1}", method="POST").status == 413
