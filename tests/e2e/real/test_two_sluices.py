"""One Sluice behind another: what the second believes of the first, and what becomes of a request that goes round.

The problem: who the client was, and over what, is known to the first alone; the second believes it only from those it
was told to trust. And two proxies that name each other would send one request for ever (RFC 9110 section 7.6.3).
"""

import json
import pathlib

import pytest
from clients import curl, get, open_folder
from h2_connection import get as get_h2
from json_lines import JsonLines, of_file
from sluice_server import SluiceServer, wait_until
from tls_clients import certificate_table


class Proxy(SluiceServer):
    """Its log goes to a file."""

    def __init__(self, folder: pathlib.Path, name, to, *listeners, top="", tables=""):
        self._log = JsonLines(of_file(folder / f"{name}.log"))
        path = folder / f"{name}.toml"
        tables = "\n".join([tables, *(f"[[listener]]\n{one}" for one in listeners)])
        path.write_text(f'workers = 2\n{top}\n[log]\nformat = "json"\naccess = "{folder}/{name}.log"\n'
                        f'{tables}\n[[site]]\nproxy = {to}\n')
        super().__init__(config=path)

    def lines(self) -> list[dict]:
        return [line for line in self._log.look() if "id" in line]

    def await_lines(self, count) -> list[dict]:
        wait_until(lambda: len(self.lines()) >= count, 20, f"{count} lines")
        return self.lines()


ANY_PORT = 'address = "127.0.0.1:0"'


@pytest.fixture
def folder():
    """Its name is short: a socket's path goes in there."""
    with open_folder() as one:
        yield one


# --- A loop -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("http2", ["never", "always"])
@pytest.mark.parametrize("ask", [get, get_h2], ids=["h1", "h2"])
def test_a_loop_ends_when_our_name_is_in_via_twice(folder, http2, ask):
    """Once is allowed: a site of ours may lead to another one of ours."""
    def to(name):
        return f'{{ to = "unix:{folder}/{name}", http2 = "{http2}" }}'
    with Proxy(folder, "one", to("two"), ANY_PORT, f'address = "unix:{folder}/one"') as one, \
            Proxy(folder, "two", to("one"), f'address = "unix:{folder}/two"') as two:
        response = ask(one.address, "/round?and=round")
        assert response.status == 508
        assert response.get("proxy-status").endswith("error=proxy_loop_detected")
        seen_by_one, seen_by_two = one.await_lines(3), two.await_lines(2)
        assert [line["status"] for line in seen_by_one] == [508] * 3
        assert [line["status"] for line in seen_by_two] == [508] * 2
        assert get(one.address, "/again").status == 508, "and it goes on"
        assert len(one.await_lines(6)) == 6 and len(two.await_lines(4)) == 4


# --- Who is believed --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["never", "always"])
def chain(request, folder, application, authority):
    """Makes two of them before the application, the first with TLS; the second trusts whom the test says."""
    certificate = certificate_table(authority.issue())
    running = []

    def make(top):
        second = Proxy(folder, "second", f'"{application.url}"', ANY_PORT, top=top)
        running.append(second.start())
        first = Proxy(folder, "first", f'{{ to = "{second.url}", http2 = "{request.param}" }}', f"{ANY_PORT}\ntls = true",
                      tables=certificate)
        running.append(first.start())
        return first, second
    yield make
    for server in reversed(running):
        server.stop()


def echoed(first, authority):
    """What the application sees of a client with another address, which says that it has a third."""
    done = curl("--interface", "127.0.0.5", "--cacert", authority.certificate, "--resolve",
                f"localhost:{first.port}:127.0.0.1", "--header", "X-Forwarded-For: 203.0.113.66",
                "--header", "X-Real-IP: 203.0.113.66", "--header", "X-Request-ID: forged",
                "--header", "Forwarded: for=203.0.113.66", f"https://localhost:{first.port}/echo")
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)["fields"]


def test_a_trusted_proxy_is_believed(chain, authority):
    first, second = chain('trusted_proxies = ["127.0.0.1"]')
    fields = echoed(first, authority)
    assert fields["x-forwarded-for"] == "127.0.0.5, 127.0.0.1"
    assert (fields["x-real-ip"], fields["x-forwarded-proto"]) == ("127.0.0.5", "https")
    assert (fields["x-forwarded-host"], fields["x-forwarded-port"]) == (f"localhost:{first.port}", str(first.port))
    assert [one.strip().split(";")[0] for one in fields["forwarded"].split(",")] == ["for=127.0.0.5", "for=127.0.0.1"]
    assert len(fields["via"].split(",")) == 2
    (outer,), (inner,) = first.await_lines(1), second.await_lines(1)
    assert fields["x-request-id"] == outer["id"] == inner["id"] != "forged"
    assert "203.0.113.66" not in json.dumps(fields)


@pytest.mark.parametrize("top", ["", 'trusted_proxies = ["127.0.0.9"]'], ids=["nobody", "another"])
def test_others_are_not(chain, authority, top):
    first, second = chain(top)
    fields = echoed(first, authority)
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == "127.0.0.1"
    assert (fields["x-forwarded-proto"], fields["x-forwarded-port"]) == ("http", str(second.port))
    assert fields["forwarded"].startswith("for=127.0.0.1;") and "," not in fields["forwarded"]
    (outer,), (inner,) = first.await_lines(1), second.await_lines(1)
    assert fields["x-request-id"] == inner["id"] != outer["id"]
    assert "203.0.113.66" not in json.dumps(fields)
