"""Writes configurations of many sites, for requests to find their way through and to be read."""

from pathlib import Path
from typing import List

SITES_FOLDER = "sites"
# One site. Beside its root it has nine routes of every kind, six of which begin as the path /1k.bin
# does, so that they are looked at, and do not match it.
SITE = """
[[site]]
hosts = ["{host}"]
root = "{root}"
"""
ROUTES = """
[[site.route]]
path = "/1k"
redirect = {{ to = "/1k.bin", status = 301 }}
[[site.route]]
path = "/health"
respond = {{ status = 200, body = "{host} is well\\n" }}
[[site.route]]
prefix = "/1"
redirect = {{ to = "https://{host}/one/$1", status = 308 }}
[[site.route]]
prefix = "/1k.b"
respond = {{ status = 404, body = "moved\\n" }}
[[site.route]]
prefix = "/docs/"
redirect = {{ to = "https://docs.example.com/$1$query", status = 307 }}
[[site.route]]
pattern = "/*.html"
rewrite = "/pages/$1.html"
[[site.route]]
pattern = "/1k*.txt"
rewrite = "/texts/$1.txt"
[[site.route]]
pattern = "/**/feed.xml"
redirect = {{ to = "/$1/feed", status = 302 }}
[[site.route]]
pattern = "/*/*.jpeg"
rewrite = "/$1/$2.jpg"
"""
ROUTES_OF_A_SITE = ROUTES.count("[[site.route]]") + 1


def host(number: int) -> str:
    """The name of a site; also of its folder. All are alike long up to a thousand."""
    return f"site-{number:03}.example.com"


def _head() -> str:
    return """workers = 1
control = "off"
log = { access = "off" }
[[listener]]
address = "127.0.0.1:0"
"""


def one_site(root: Path) -> str:
    """One site that answers for every host, and whose only route is its root."""
    return _head() + f"""
[[site]]
name = "one"
root = "{root}"
"""


def site(number: int, folder: Path) -> str:
    """One of many: its files are in a folder of its own."""
    values = {"host": host(number), "root": folder / host(number)}
    return (SITE + ROUTES).format(**values)


def many_sites(count: int, folder: Path) -> str:
    """`count` of them in one file."""
    return _head() + "".join(site(number, folder) for number in range(count))


def write_included(count: int, folder: Path, own: Path) -> Path:
    """The same in as many files, below `own`; returns the file that includes them."""
    (own / "included").mkdir()
    for number in range(count):
        path = own / "included" / f"{host(number)}.toml"
        path.write_text(site(number, folder), encoding="utf-8")
    main = own / "including.toml"
    # Before the first table, or it would be a key of that.
    main.write_text('include = "included/*.toml"\n' + _head(), encoding="utf-8")
    return main
