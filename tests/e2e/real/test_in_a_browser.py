"""Applications that live below a prefix, seen by Chromium through Sluice: Prometheus, and a build of Vite on node.

The problem: a page is more than its first response. Its scripts, styles, queries and redirects all name paths, and one
that leaves the prefix, or has it twice, is a page that stays empty. What the browser fetched says so: nothing failed,
and nothing was asked for elsewhere.
"""

import json
import os
import subprocess
import urllib.request

import pytest
from browser import Tab, tools
from clients import get
from foreign_program import ForeignProgram
from served_log import ServedLog
from sluice_server import SluiceServer, wait_until

pytestmark = pytest.mark.long  # because of what must be installed

PREFIX = "/metrics-app"
# Debian's package loads a module as if it were a script; the page has the same trouble without Sluice.
DEBIANS_OWN = {"SyntaxError: Unexpected token 'export'"}


@pytest.fixture
def work():
    with tools() as folder:
        yield folder


def proxying(folder, prefix, proxy):
    path = folder / "sluice.toml"
    path.write_text(f'workers = 1\n[log]\nformat = "json"\n[[listener]]\naddress = "127.0.0.1:0"\n[[site]]\n'
                    f'[[site.route]]\nprefix = "{prefix}"\nproxy = {proxy}\n'
                    f'[[site.route]]\nprefix = "/"\nrespond = {{ status = 404 }}\n')
    return SluiceServer(config=path)


def check_below(prefix, fetched, lines):
    """All that the page is made of came, from below the prefix, by Sluice's word and the browser's."""
    assert fetched and not [one for one in fetched if one.get("failed") or one.get("status", 200) >= 400]
    outside = [one["path"] for one in fetched if not one["path"].startswith(prefix)]
    assert outside == []
    asked = {one["path"] for one in fetched if not (one.get("disk") or one.get("memory"))}
    assert asked <= {line["target"].partition("?")[0] for line in lines}
    assert {line["status"] for line in lines} <= {200, 204, 301, 302, 304, 307}


# --- Prometheus -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["stripped", "whole"])
def prometheus(request, tmp_path):
    """It says its links by its external URL; where it answers itself is --web.route-prefix."""
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []\n")
    stripped = request.param == "stripped"

    def command(port):
        return ["/usr/bin/prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address=127.0.0.1:{port}", f"--web.external-url=http://localhost{PREFIX}/",
                f"--web.route-prefix={'/' if stripped else PREFIX}", "--log.level=warn"]
    with ForeignProgram(command) as program:
        ready = "/-/ready" if stripped else f"{PREFIX}/-/ready"
        wait_until(lambda: get(program.address, ready).status == 200, 60, "its word that it is ready")
        strip = f', strip = "{PREFIX}"' if stripped else ""
        with proxying(tmp_path, PREFIX, f'{{ to = "{program.url}"{strip} }}') as server:
            yield server


def test_prometheus_shows_its_page_and_answers_a_query(prometheus, work):
    log = ServedLog(prometheus)
    with Tab(work) as tab:
        assert tab.open(f"{prometheus.url}{PREFIX}/") == 200
        assert tab.address().startswith(f"{PREFIX}/") and not tab.address().startswith(PREFIX * 2)
        assert "Prometheus" in tab.text("title")
        check_below(PREFIX, tab.fetched(), log.take())

        tab.open(f"{prometheus.url}{PREFIX}/classic/graph?g0.expr=vector(40%2B2)&g0.tab=1")
        wait_until(lambda: "42" in tab.evaluate("document.querySelector('#graph_container').innerText"), 30, "the result")
        lines = log.take()
        check_below(PREFIX, tab.fetched(), lines)
        assert [line for line in lines if line["target"].startswith(f"{PREFIX}/api/v1/query?")]

        for page in ("status", "flags", "config", "targets"):
            assert tab.open(f"{prometheus.url}{PREFIX}/classic/{page}") == 200
        tab.click("a.navbar-brand")
        wait_until(lambda: tab.address() == f"{PREFIX}/classic/graph", 20, "the way home")
        assert set(tab.trouble()) <= DEBIANS_OWN


def test_prometheus_answers_its_interface(prometheus):
    with urllib.request.urlopen(f"{prometheus.url}{PREFIX}/api/v1/query?query=vector(1)", timeout=20) as response:
        assert json.load(response)["data"]["result"][0]["value"][1] == "1"
    with urllib.request.urlopen(f"{prometheus.url}{PREFIX}/metrics", timeout=20) as response:
        assert b"prometheus_build_info" in response.read()


# --- Vite's build, served by node -------------------------------------------------------------------------------------

NODE = """
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import { extname, join, normalize } from 'node:path';

const [port, root, base] = process.argv.slice(2);
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
http.createServer(async (request, response) => {
  const path = new URL(request.url, 'http://any').pathname;
  if (!path.startsWith(base)) return response.writeHead(404).end();
  const file = join(root, normalize(path.slice(base.length) || 'index.html'));
  const found = await stat(file).catch(() => null);
  const served = found?.isFile() ? file : join(root, 'index.html');
  response.writeHead(200, { 'Content-Type': types[extname(served)] });
  createReadStream(served).pipe(response);
}).listen(Number(port), '127.0.0.1');
"""


@pytest.mark.parametrize("stripped", [True, False], ids=["stripped", "whole"])
def test_a_build_of_vite_below_a_prefix(work, tmp_path, stripped):
    """The build knows its base; node answers below it, or at the root where the prefix is taken away."""
    dist, script = tmp_path / "dist", tmp_path / "server.mjs"
    script.write_text(NODE)
    done = subprocess.run([work / "node_modules" / ".bin" / "vite", "build", "--base", "/orders/", "--outDir", dist,
                           "--emptyOutDir"], cwd=work / "app", env={**os.environ, "BUILD": "A"}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    base = "/" if stripped else "/orders/"
    strip = ', strip = "/orders"' if stripped else ""
    with ForeignProgram(lambda port: ["node", script, port, dist, base]) as node, \
            proxying(tmp_path, "/orders", f'{{ to = "{node.url}"{strip} }}') as server, Tab(work) as tab:
        log = ServedLog(server)
        assert tab.open(f"{server.url}/orders/7") == 200  # the application goes by the first part: /orders
        tab.await_text("#page", "Order 7 of A")
        tab.await_text("#build", "A")
        check_below("/orders/", tab.fetched(), log.take())
        assert tab.trouble() == []
        tab.reload()
        tab.await_text("#page", "Order 7 of A")
