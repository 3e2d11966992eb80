"""A browser opens a site over https:// and finds nothing to complain of: no message in its console, no error.

The problem: what a browser asks of TLS is more than a handshake that succeeds: it opens several connections at once,
resumes sessions, sends away who came by http://, and says in its console what it does not like. The certificate is one
of a test's own authority, so its key is made known by hash; everything else is checked as for any other.
"""

import pytest
from browser import Tab, tools
from certificates import Authority
from served_log import ServedLog
from tls_clients import certificate_table, configure, listener_table, site_table
from sluice_server import SluiceServer

pytestmark = pytest.mark.long  # because of what must be installed

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>?</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css"><h1></h1><p>First</p><img alt="" src="/logo.svg">
<script type="module" src="/app.js"></script>
"""
FILES = {
    "/app.js": "const d = await (await fetch('/data.json')).json();\ndocument.title = d.title;\n"
               "document.querySelector('h1').textContent = isSecureContext ? 'secure' : 'not secure';\n",
    "/site.css": "h1 { color: teal }\n",
    "/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 4h8"/></svg>\n',
    "/data.json": '{"title": "loaded"}',
    "/large.css": "/* " + "x" * 400_000 + " */\n",
}
LINKED = ["/app.js", "/data.json", "/logo.svg", "/site.css"]


@pytest.fixture
def work():
    with tools() as folder:
        yield folder


@pytest.fixture
def certificate(tmp_path):
    return Authority(tmp_path / "authority").issue("localhost")


@pytest.fixture
def server(certificate, tmp_path):
    root = tmp_path / "site"
    root.mkdir()
    (root / "index.html").write_text(PAGE)
    for name, text in FILES.items():
        (root / name.lstrip("/")).write_text(text)
    path = configure(tmp_path, listener_table("false", name="clear"), listener_table(), certificate_table(certificate),
                     site_table("site", "redirect_to_https = true", 'cache = [{ match = "/*", store = "no-cache" }]'))
    with SluiceServer(config=path) as running:
        yield running


def tab_of(work, certificate, *flags) -> Tab:
    return Tab(work, f"--ignore-certificate-errors-spki-list={certificate.spki_hash()}", *flags)


def loaded(tab, log):
    """Waits until the page is all there; the log's lines over TLS, and what the browser fetched."""
    tab.await_text("h1", "secure")
    tab.await_text("title", "loaded")
    fetched = tab.fetched()
    return [line for line in log.take() if "tls" in line], fetched


def answers(lines) -> list[tuple]:
    return sorted((line["target"], line["status"]) for line in lines)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_browser_opens_the_site_without_a_word(work, server, certificate, version):
    log = ServedLog(server)
    url = f"https://localhost:{server.addresses[1][1]}/"
    with tab_of(work, certificate, f"--ssl-version-max=tls{version}") as tab:
        assert tab.open(url) == 200
        lines, fetched = loaded(tab, log)
        assert answers(lines) == sorted((path, 200) for path in ["/", *LINKED])
        assert {line["tls"] for line in lines} == {"TLSv" + version}
        assert {(one["security"], one["protocol"]) for one in fetched} == {("secure", f"TLS {version}")}

        tab.reload()
        lines, fetched = loaded(tab, log)
        assert answers(lines) == sorted((path, 304) for path in ["/", *LINKED])
        assert all(one["sent"].get("if-none-match") for one in fetched)
        assert (tab.trouble(), tab.said()) == ([], [])


def test_a_browser_is_sent_from_clear_text_to_tls(work, server, certificate):
    log = ServedLog(server)
    clear, secure = (address[1] for address in server.addresses)
    with tab_of(work, certificate) as tab:
        assert tab.open(f"http://localhost:{clear}/") == 200
        assert tab.evaluate("location.href") == f"https://localhost:{secure}/"
        lines, _ = loaded(tab, log)
        assert answers(lines) == sorted((path, 200) for path in ["/", *LINKED])
        assert (tab.trouble(), tab.said()) == ([], [])


def test_a_browser_does_not_open_what_it_cannot_verify(work, server):
    with Tab(work) as tab:
        with pytest.raises(AssertionError, match="ERR_CERT_AUTHORITY_INVALID"):
            tab.open(f"https://localhost:{server.addresses[1][1]}/")


def test_a_browser_loads_large_files_side_by_side(work, server, certificate):
    with tab_of(work, certificate) as tab:
        tab.open(f"https://localhost:{server.addresses[1][1]}/")
        tab.await_text("h1", "secure")
        sizes = tab.evaluate("Promise.all([...Array(24).keys()].map(async (i) => "
                             "(await (await fetch('/large.css?' + i, { cache: 'no-store' })).text()).length))")
        assert sizes == [len(FILES["/large.css"])] * 24
        connections = {one["connection"] for one in tab.fetched() if one["path"] == "/large.css"}
        assert 1 <= len(connections) <= 6
        assert (tab.trouble(), tab.said()) == ([], [])
