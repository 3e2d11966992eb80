"""What owners of sites see: Chromium loads, reloads and outlives a deployment.

Two witnesses must agree: the server's access log, and the browser's own network events. A reload asks about the page
(304 while it is the same) and about nothing that is immutable; a tab that was opened before a deployment asks for a
script that is gone, must get a 404 rather than a page, and starts over with the new build.
"""

import os
import pathlib
import shutil
import time

import pytest
from browser import Tab, build, tools
from served_log import ServedLog
from sluice_server import ROOT, SluiceServer

pytestmark = pytest.mark.long  # because of what must be installed; the tests themselves take ten seconds each


@pytest.fixture
def work():
    with tools() as folder:
        yield folder


def answers(lines) -> list[tuple]:
    return sorted((line["target"], line["status"]) for line in lines)


def on_the_wire(fetched) -> list[tuple]:
    """The requests that left the browser, with the status that came over the network."""
    return sorted((one["path"], one["wire"]) for one in fetched if "wire" in one)


def from_cache(fetched) -> list[str]:
    return sorted(one["path"] for one in fetched if one.get("disk") or one.get("memory"))


# --- A page with assets -----------------------------------------------------------------------------------------------

IMMUTABLE = {
    "/assets/app-3f9a2c71.js": "document.querySelector('h1').textContent = 'drawn';\n"
                               "fetch('/data.json').then((r) => r.json()).then((d) => { document.title = d.title; });\n",
    "/assets/site-9b1c04de.css": "h1 { color: teal }\n",
    "/assets/logo-5d2e8f10.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 4h8"/></svg>\n',
}
ASKED = ["/", "/data.json"]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>?</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/site-9b1c04de.css"><h1></h1><p>First</p><img alt="" src="/assets/logo-5d2e8f10.svg">
<script type="module" src="/assets/app-3f9a2c71.js"></script>
"""


@pytest.fixture
def pages(tmp_path):
    root = tmp_path / "site"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text(PAGE)
    (root / "data.json").write_text('{"title": "loaded"}')
    for name, text in IMMUTABLE.items():
        (root / name.lstrip("/")).write_text(text)
    return root


@pytest.fixture
def server(pages, tmp_path):
    """The rules for caches are the built-in ones, but for the data."""
    configuration = tmp_path / "pages.toml"
    configuration.write_text(f'workers = 1\n[log]\nformat = "json"\n[[listener]]\naddress = "127.0.0.1:0"\n'
                             f'[[site]]\nroot = "{pages}"\ncache = [{{ match = "*.json", store = "no-cache" }}]\n')
    with SluiceServer(config=configuration) as running:
        yield running


def seen(tab, log):
    """Waits until the page is all there; what the server answered, and what the browser fetched."""
    tab.await_text("h1", "drawn")
    tab.await_text("title", "loaded")
    fetched = tab.fetched()
    return log.take(), fetched


def check_revalidated(tab, log):
    lines, fetched = seen(tab, log)
    assert answers(lines) == on_the_wire(fetched) == [(path, 304) for path in ASKED]
    assert all(line["octets"] == 0 for line in lines)
    assert all(one["sent"].get("if-none-match") for one in fetched if one["path"] in ASKED)
    assert from_cache(fetched) == sorted(IMMUTABLE)


def test_a_reload_asks_about_the_page_and_never_about_immutable_assets(work, pages, server):
    log = ServedLog(server)
    with Tab(work) as tab:
        assert tab.open(server.url + "/") == 200
        lines, fetched = seen(tab, log)
        assert answers(lines) == on_the_wire(fetched) == sorted((path, 200) for path in [*ASKED, *IMMUTABLE])
        assert from_cache(fetched) == []

        tab.reload()
        check_revalidated(tab, log)
        tab.open("about:blank")
        tab.open(server.url + "/")
        check_revalidated(tab, log)

        # A rebuild that changes neither size nor time is seen, because the tag is the content's.
        before = (pages / "index.html").stat()
        (pages / "index.html").write_text(PAGE.replace("First", "Again"))
        os.utime(pages / "index.html", ns=(before.st_atime_ns, before.st_mtime_ns))
        tab.reload()
        lines, fetched = seen(tab, log)
        assert answers(lines) == on_the_wire(fetched) == [("/", 200), ("/data.json", 304)]
        assert tab.text("p") == "Again" and tab.trouble() == []


# --- An application, deployed under an open tab -----------------------------------------------------------------------

class Deployment:
    """A folder that always holds the newest build, as conf/examples/single-page-app.toml serves it."""

    def __init__(self, work: pathlib.Path, folder: pathlib.Path):
        self._work = work
        self._folder = folder
        self.live = folder / "single-page-app"
        text = (ROOT / "conf/examples/single-page-app.toml").read_text()
        self.configuration = folder / "app.toml"
        self.configuration.write_text('workers = 1\nlog.format = "json"\n' + text)

    def made(self, name) -> pathlib.Path:
        build(self._work, name, self._folder / name)
        return self._folder / name

    def replace(self, name):
        """As `rm -rf dist && build`: for a moment there is nothing."""
        made = self.made(name)
        shutil.rmtree(self.live, ignore_errors=True)
        time.sleep(0.05)
        shutil.copytree(made, self.live)

    def switch(self, name):
        """As `ln -sfn`, made atomic: the old build goes after the new one is live."""
        old = self.live.resolve() if self.live.is_symlink() else None
        (self._folder / "next").symlink_to(self.made(name))
        (self._folder / "next").rename(self.live)
        if old:
            shutil.rmtree(old)

    def assets(self) -> set[str]:
        return {f"/assets/{path.name}" for path in (self.live / "assets").iterdir()}


@pytest.mark.parametrize("way", ["replace", "switch"])
def test_an_open_tab_outlives_a_deployment(work, tmp_path, way):
    deployment = Deployment(work, tmp_path)
    deploy = getattr(deployment, way)
    deploy("A")
    old = deployment.assets()
    with SluiceServer(config=deployment.configuration, env={"SLUICE_ADDRESS": "127.0.0.1:0"}) as server, Tab(work) as tab:
        log = ServedLog(server)
        assert tab.open(server.url + "/") == 200
        tab.await_text("#page", "Home of A")
        assert {path for path, status in answers(log.take()) if status == 200} <= old | {"/"}
        tab.fetched()

        deploy("B")
        new = deployment.assets()
        assert not {name for name in old & new if name.endswith(".js")}
        tab.click("#orders")
        tab.await_text("#page", "Order 7 of B")
        assert (tab.text("#build"), tab.address()) == ("B", "/orders/7")
        check_started_over(log.take(), tab.fetched(), old, new)
        assert all("dynamically imported module" in one for one in tab.trouble())

        tab.reload()
        tab.await_text("#page", "Order 7 of B")
        assert answers(log.take()) == on_the_wire(tab.fetched()) == [("/orders/7", 304)]
        tab.click("#settings")
        tab.await_text("#page", "Settings of B")
        assert {status for _, status in answers(log.take())} == {200} and tab.trouble() == []


def check_started_over(lines, fetched, old, new):
    """First the script that is gone: a 404 and no page. Then the deep link with the new page, then the new scripts."""
    assert (lines[0]["status"], lines[0]["target"] in old - new) == (404, True)
    gone = next(one for one in fetched if one["path"] == lines[0]["target"])
    assert gone["wire"] == 404 and gone["type"] != "text/html"
    assert (lines[1]["target"], lines[1]["status"]) == ("/orders/7", 200)
    page = next(one for one in fetched if one["path"] == "/orders/7")
    assert (page["wire"], page["type"]) == (200, "text/html")
    rest = lines[2:]
    assert rest and {line["target"] for line in rest} <= new and {line["status"] for line in rest} == {200}
