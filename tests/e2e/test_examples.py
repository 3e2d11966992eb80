"""The configurations of conf/examples, served: what their comments promise is asked for over real connections.

The problem: an example that only parses teaches the wrong thing. Each is started as it stands, with the variables that
it offers for its addresses; where a promise needs a file that the example does not bring, a copy of the example gets it.
Each is asked in every version; over TLS its listeners speak that, otherwise it is as it stands.
"""

import functools
import shutil

import pytest
from clients import request
from raw_connection import RawConnection
from sluice_server import ROOT, wait_until

EXAMPLES = ROOT / "conf" / "examples"
FREE_PORTS = {"SLUICE_ADDRESS": "127.0.0.1:0", "SLUICE_INSIDE_ADDRESS": "127.0.0.1:0"}
PAGE = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # what browsers send with a navigation
SCRIPT = "Accept: */*"
YEAR = 365 * 24 * 60 * 60


over_h1 = pytest.mark.parametrize("version", ["h1"], indirect=True)


@pytest.fixture(scope="module")
def serve(version, tmp_path_factory):
    """Starts an example."""
    def start(name, folder=EXAMPLES, **variables):
        text = (folder / f"{name}.toml").read_text()
        changed = tmp_path_factory.mktemp("example")
        (changed / name).symlink_to(folder / name)
        (changed / f"{name}.toml").write_text(version.adapted(text))
        return version.running(changed / f"{name}.toml", env={**FREE_PORTS, **variables})
    return start


def copy_of(name, folder):
    """A copy of an example and its folder that a test may change; returns the folder with the site's files."""
    shutil.copy(EXAMPLES / f"{name}.toml", folder)
    return shutil.copytree(EXAMPLES / name, folder / name)


def ask(server, address, host, target, *fields):
    return server.get(target, *fields, address=address, host=host)


def status_and_location(response):
    return response.status, response.get("location")


# --- static-site.toml -------------------------------------------------------------------------------------------------

STATIC = EXAMPLES / "static-site"


@pytest.fixture(scope="module")
def static(serve):
    with serve("static-site") as running:
        yield running


@pytest.mark.parametrize("target, file", [
    ("/", "index.html"), ("/about", "about.html"), ("/about.html", "about.html"), ("/assets/site.css", "assets/site.css"),
    ("/images/wave.svg", "images/wave.svg"),
])
def test_static_site_pages_have_clean_urls(static, target, file):
    response = static.get(target)
    assert (response.status, response.body) == (200, (STATIC / file).read_bytes())


@pytest.mark.parametrize("target", ["/nowhere", "/about/", "/images/", "/2024/a/b", "/2024", "/contact/", "/static-site.toml"])
def test_static_site_errors_show_its_page(static, target):
    response = static.get(target)
    assert (response.status, response.body) == (404, (STATIC / "404.html").read_bytes())
    assert response.get("content-type") == "text/html; charset=utf-8"


@pytest.mark.parametrize("target, expected", [
    ("/contact", (308, "/about")),
    ("/2024/hello", (301, "/posts/2024-hello")),
    ("/2024/hello?a=1&b=%20", (301, "/posts/2024-hello?a=1&b=%20")),
])
def test_static_site_redirects(static, target, expected):
    assert status_and_location(static.get(target)) == expected


@pytest.mark.parametrize("target, expected", [
    ("/images/wave.svg", f"max-age={7 * 24 * 60 * 60}"), ("/assets/site.css", "max-age=3600"), ("/", "no-cache"),
    ("/about", "no-cache"),
])
def test_static_site_cache_rules(static, target, expected):
    assert static.get(target).get("cache-control") == expected


@pytest.mark.parametrize("target", ["/", "/about", "/contact", "/images/wave.svg", "/nowhere"])
def test_static_site_fields_are_on_everything(static, target):
    response = static.get(target)
    assert response.get("x-content-type-options") == "nosniff"
    assert response.get("referrer-policy") == "strict-origin-when-cross-origin"


def test_static_site_keeps_hashed_names_for_a_year_by_default(serve, tmp_path):
    files = copy_of("static-site", tmp_path)
    (files / "assets" / "site-3f9a2c71.js").write_text("1\n")
    (files / "assets" / "site-3f9a2c71.css").write_text("p { }\n")
    with serve("static-site", tmp_path) as server:
        assert server.get("/assets/site-3f9a2c71.js").get("cache-control") == f"max-age={YEAR}, immutable"
        # The first rule that matches decides: "*.css" comes before the built-in ones.
        assert server.get("/assets/site-3f9a2c71.css").get("cache-control") == "max-age=3600"


def test_static_site_logs_json_where_there_is_no_terminal(static):
    static.get("/about?logged")
    wait_until(lambda: '"target":"/about?logged"' in static.stdout(), 20, "a line of JSON")


# --- single-page-app.toml ---------------------------------------------------------------------------------------------

INDEX = (EXAMPLES / "single-page-app" / "index.html").read_bytes()


@pytest.fixture(scope="module")
def app(serve):
    with serve("single-page-app") as running:
        yield running


@pytest.mark.parametrize("target", ["/", "/index.html", "/settings", "/orders/7", "/orders/7?tab=items"])
def test_app_draws_whatever_is_navigated_to(app, target):
    response = app.get(target, PAGE)
    assert (response.status, response.body) == (200, INDEX)
    assert response.get("cache-control") == "no-cache" and response.get("etag")


@pytest.mark.parametrize("target, fields", [
    ("/orders/7", [SCRIPT]), ("/assets/app-00000000.js", [SCRIPT]), ("/assets/gone.js", ["Sec-Fetch-Mode: no-cors", SCRIPT]),
    ("/images/gone.png", ["Accept: image/avif,image/webp,*/*;q=0.8"]), ("/api/orders", ["Accept: application/json"]),
    ("/orders/7", []),
])
def test_app_has_no_page_for_what_is_not_navigated_to(app, target, fields):
    response = app.get(target, *fields)
    assert response.status == 404 and b"<main" not in response.body
    assert "text/html" not in response.get("content-type")


def test_app_says_what_the_answer_depends_on(app):
    for fields in ([PAGE], [SCRIPT]):  # RFC 9110 12.5.5: a cache must not take one for the other
        assert {"accept", "sec-fetch-mode"} <= set(app.get("/orders/7", *fields).elements("vary"))


def test_app_navigation_is_revalidated_by_the_page_that_answered(app):
    tag = app.get("/orders/7", PAGE).get("etag")
    assert app.get("/orders/8", PAGE, f"If-None-Match: {tag}").status == 304


def test_app_rule_for_the_page_is_what_decides(serve, tmp_path):
    copy_of("single-page-app", tmp_path)
    text = (tmp_path / "single-page-app.toml").read_text()
    assert 'store = "no-cache"' in text  # also what pages get without any rule, so only another one shows it
    (tmp_path / "single-page-app.toml").write_text(text.replace('store = "no-cache"', 'max_age = "7m"'))
    with serve("single-page-app", tmp_path) as server:
        for target in ("/", "/orders/7"):
            assert server.get(target, PAGE).get("cache-control") == "max-age=420"


def test_app_assets_are_kept_for_a_year(app):
    response = app.get("/assets/app-3f9a2c71.js", SCRIPT)
    assert response.status == 200 and response.get("content-type") == "text/javascript; charset=utf-8"
    assert response.get("cache-control") == f"max-age={YEAR}, immutable"


@pytest.mark.parametrize("target", ["/", "/orders/7", "/assets/app-3f9a2c71.js", "/health", "/config.json", "/a.png"])
def test_app_fields_are_on_everything(app, target):
    response = app.get(target, PAGE)
    assert (response.get("x-content-type-options"), response.get("x-frame-options")) == ("nosniff", "DENY")


def test_app_health(app):
    response = app.get("/health", PAGE)
    assert (response.status, response.get("content-type"), response.body) == (200, "text/plain", b"ok\n")
    assert app.get("/health/", SCRIPT).status == 404


@pytest.mark.parametrize("variables, expected", [
    ({}, b'{"api":"https://api.example.com"}'),
    ({"APP_API": ""}, b'{"api":"https://api.example.com"}'),
    ({"APP_API": "http://localhost:3000"}, b'{"api":"http://localhost:3000"}'),
])
def test_app_learns_where_it_runs(serve, variables, expected):
    with serve("single-page-app", **variables) as server:
        response = server.get("/config.json")
        assert (response.status, response.body) == (200, expected)
        assert (response.get("content-type"), response.get("cache-control")) == ("application/json", "no-store")


# --- several-sites.toml -----------------------------------------------------------------------------------------------

MAIN, DOCS = EXAMPLES / "several-sites" / "main", EXAMPLES / "several-sites" / "docs"


@pytest.fixture(scope="module")
def several(serve):
    with serve("several-sites") as running:
        yield running


@pytest.fixture(scope="module")
def public(several):
    return functools.partial(ask, several, several.addresses[0])


@pytest.fixture(scope="module")
def inside(several):
    return functools.partial(ask, several, several.addresses[1])


@pytest.mark.parametrize("host, file", [
    ("example.com", MAIN / "index.html"), ("www.example.com", MAIN / "index.html"), ("EXAMPLE.com:8080", MAIN / "index.html"),
    ("docs.example.com", DOCS / "index.html"),
])
def test_several_sites_are_told_apart_by_host(public, host, file):
    response = public(host, "/")
    assert (response.status, response.body) == (200, file.read_bytes())


@pytest.mark.parametrize("host", ["other.example", "example.org", "sub.www.example.com", "127.0.0.1", "internal"])
def test_several_sites_refuse_hosts_that_no_site_names(public, inside, host):
    assert public(host, "/").status == 421  # RFC 9110 15.5.20
    assert inside(host, "/").status == 421


def test_several_sites_are_reached_through_their_listeners(public, inside):
    assert (inside("a.internal", "/health").status, inside("a.internal", "/health").body) == (200, b"ok\n")
    assert inside("a.b.internal", "/health").status == 200
    assert public("a.internal", "/health").status == 421
    assert inside("example.com", "/").status == 421
    assert inside("docs.example.com", "/").status == 200  # names no listener, so it has all


def test_several_sites_status_has_only_health(inside):
    response = inside("a.internal", "/healthy")
    assert (response.status, response.body) == (404, b"Only /health is here.\n")
    assert response.get("content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("target, expected", [
    ("/shop/a/b", (307, "https://shop.example.com/a/b")),
    ("/shop/a/b?size=3", (307, "https://shop.example.com/a/b?size=3")),
    ("/shop/", (307, "https://shop.example.com/")),
])
def test_several_sites_shop_moved_for_now(public, target, expected):
    assert status_and_location(public("example.com", target)) == expected


def test_several_sites_rewrite_is_not_seen_by_the_client(public):
    response = public("example.com", "/pages/index.htm")
    assert status_and_location(response) == (200, None)
    assert response.body == (MAIN / "index.html").read_bytes()
    assert public("example.com", "/pages/nowhere.htm").status == 404
    assert public("example.com", "/pages/a/index.htm").status == 404  # `*` ends at '/'


def test_several_sites_manual_comes_from_elsewhere(public):
    response = public("example.com", "/manual/install.html")
    assert (response.status, response.body) == (200, (DOCS / "install.html").read_bytes())
    assert (response.get("x-robots-tag"), response.get("x-content-type-options")) == ("noindex", "nosniff")
    assert public("example.com", "/").get("x-robots-tag") is None


def test_several_sites_what_the_manual_lacks_comes_from_the_root(serve, tmp_path):
    files = copy_of("several-sites", tmp_path)
    (files / "main" / "manual").mkdir()
    (files / "main" / "manual" / "old.html").write_text("old\n")
    (files / "docs" / "drafts").mkdir()
    (files / "docs" / "drafts" / "one.txt").write_text("1\n")
    (files / "main" / "app.webmanifest").write_text("{}\n")
    (files / "main" / "empty").mkdir()
    with serve("several-sites", tmp_path) as server:
        old = ask(server, server.address, "example.com", "/manual/old.html")
        assert (old.status, old.body, old.get("x-robots-tag")) == (200, b"old\n", None)
        listing = ask(server, server.address, "example.com", "/manual/drafts/")
        assert listing.status == 200 and b"one.txt" in listing.body and listing.get("x-robots-tag") == "noindex"
        assert ask(server, server.address, "docs.example.com", "/drafts/").status == 200
        assert ask(server, server.address, "example.com", "/empty/").status == 404  # the main site shows no listings
        manifest = ask(server, server.address, "example.com", "/app.webmanifest")
        assert (manifest.status, manifest.get("content-type")) == (200, "application/manifest+json")


def test_several_sites_errors_show_each_sites_page(public):
    for target in ("/nowhere", "/manual/nowhere.html"):
        missing = public("example.com", target)
        assert (missing.status, missing.body) == (404, (MAIN / "missing.html").read_bytes())
    assert b"<html" not in public("docs.example.com", "/nowhere").body


def test_several_sites_fields_hold_everywhere(public, inside):
    for response in (public("example.com", "/nowhere"), public("docs.example.com", "/"),
                     inside("a.internal", "/health")):
        assert response.get("x-content-type-options") == "nosniff"


@over_h1
def test_several_sites_inside_idles_longer(public, inside):
    # Announced five seconds shorter than idle_timeout, so that no request meets the close.
    assert public("example.com", "/").get("keep-alive") == "timeout=70"
    assert inside("docs.example.com", "/").get("keep-alive") == "timeout=295"


def test_several_sites_logs_what_analysers_read_and_believes_the_trusted_proxys_id(several, public):
    public("example.com", "/nowhere?logged", "X-Request-ID: from-the-proxy", "User-Agent: one")
    expected = f'"GET /nowhere?logged {several.version.protocol}" 404 104 "-" "one"'
    wait_until(lambda: expected in several.stdout(), 20, "a combined line")
    wait_until(lambda: "id=from-the-proxy" in several.stderr(), 20, "the id in the error log, which names 404s too")


@over_h1
def test_several_sites_limits_connections_of_one_address(serve):
    with serve("several-sites") as server:
        held = [RawConnection(server.address) for _ in range(200)]
        try:
            held[-1].send(request(host="example.com"))
            assert held[-1].response().status == 200
            with RawConnection(server.address) as one_more:
                refusal = one_more.response()
                assert refusal.status == 503 and refusal.closes
        finally:
            for connection in held:
                connection.__exit__()
