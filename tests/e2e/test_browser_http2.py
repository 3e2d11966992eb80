"""A browser speaks HTTP/2 to Sluice: many requests share one connection, and its console has nothing to say of it.

The problem: that a browser loads a page says nothing of the version it chose. Its own timing entries do
(nextHopProtocol, Resource Timing section 4.3), and the ids of the connections that its requests went over.
"""

import pytest
from browser import Tab, tools
from certificates import Authority
from served_log import ServedLog
from sluice_server import SluiceServer
from tls_clients import certificate_table, configure, listener_table, site_table

pytestmark = pytest.mark.long  # because of what must be installed

IMAGES = 60
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>?</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css"><h1></h1>
""" + "".join(f'<img alt="" src="/{number}.svg">\n' for number in range(IMAGES)) + """
<script type="module" src="/app.js"></script>
"""
SCRIPT = """await Promise.all([...document.images].map((image) => image.decode()));
document.querySelector('h1').textContent = 'loaded';
"""
PROTOCOLS = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]" \
            ".map((entry) => [new URL(entry.name).pathname, entry.nextHopProtocol])"


@pytest.fixture
def work():
    with tools() as folder:
        yield folder


def make_site(root):
    root.mkdir()
    (root / "index.html").write_text(PAGE)
    (root / "app.js").write_text(SCRIPT)
    (root / "site.css").write_text("h1 { color: teal }\n")
    (root / "large.bin").write_bytes(bytes(20 << 20))
    for number in range(IMAGES):
        (root / f"{number}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 4h{number}"/><!--{"x" * 4000}--></svg>\n')


@pytest.fixture
def certificate(tmp_path):
    return Authority(tmp_path / "authority").issue("localhost")


def serving(certificate, tmp_path, *lines, http2="true"):
    make_site(tmp_path / "site")
    path = configure(tmp_path, listener_table("false", name="clear"), listener_table("true", f"http2 = {http2}"),
                     certificate_table(certificate), site_table("site", *lines))
    return SluiceServer(config=path)


def tab_of(work, certificate) -> Tab:
    return Tab(work, f"--ignore-certificate-errors-spki-list={certificate.spki_hash()}")


def test_a_browser_speaks_http2_over_one_connection(work, certificate, tmp_path):
    with serving(certificate, tmp_path) as server, tab_of(work, certificate) as tab:
        log = ServedLog(server)
        assert tab.open(f"https://localhost:{server.addresses[1][1]}/") == 200
        tab.await_text("h1", "loaded")
        protocols = dict(tab.evaluate(PROTOCOLS))
        assert len(protocols) == IMAGES + 3 and set(protocols.values()) == {"h2"}, protocols
        fetched = tab.fetched()
        assert len(fetched) == IMAGES + 3 and {one["status"] for one in fetched} == {200}
        assert len({one["connection"] for one in fetched}) == 1
        lines = [line for line in log.take() if "tls" in line]
        assert len(lines) == IMAGES + 3 and {line["protocol"] for line in lines} == {"HTTP/2.0"}
        assert (tab.trouble(), tab.said()) == ([], [])


def test_a_browser_without_http2_uses_http_1(work, certificate, tmp_path):
    with serving(certificate, tmp_path, http2="false") as server, tab_of(work, certificate) as tab:
        tab.open(f"https://localhost:{server.addresses[1][1]}/")
        tab.await_text("h1", "loaded")
        assert set(dict(tab.evaluate(PROTOCOLS)).values()) == {"http/1.1"}


def test_a_download_does_not_keep_a_browsers_page_waiting(work, certificate, tmp_path):
    """Twenty MiB that are read beside it, and a cancelled request: the same connection, and nothing is lost."""
    with serving(certificate, tmp_path) as server, tab_of(work, certificate) as tab:
        tab.open(f"https://localhost:{server.addresses[1][1]}/")
        tab.await_text("h1", "loaded")
        sizes = tab.evaluate("""(async () => {
          const large = fetch('/large.bin', { cache: 'no-store' }).then((r) => r.arrayBuffer());
          const cancelled = new AbortController();
          const gone = fetch('/large.bin?2', { cache: 'no-store', signal: cancelled.signal }).then((r) => r.arrayBuffer(), () => null);
          const small = await Promise.all([...Array(30).keys()].map(async (i) =>
            (await (await fetch(`/${i}.svg`, { cache: 'no-store' })).text()).length));
          cancelled.abort();
          await gone.catch(() => null);
          return [(await large).byteLength, small.every((n) => n > 4000)];
        })()""")
        assert sizes == [20 << 20, True]
        assert len({one["connection"] for one in tab.fetched()}) == 1
        assert tab.trouble() == []


def test_a_browser_takes_early_hints(work, certificate, tmp_path):
    """103 tells of the style sheet before the page is there; the page then has it, and the browser is content."""
    with serving(certificate, tmp_path, 'early_hints = ["</site.css>; rel=preload; as=style"]') as server, \
            tab_of(work, certificate) as tab:
        assert tab.open(f"https://localhost:{server.addresses[1][1]}/") == 200
        tab.await_text("h1", "loaded")
        assert [one["status"] for one in tab.fetched() if one["path"] == "/site.css"] == [200]
        assert (tab.trouble(), tab.said()) == ([], [])
