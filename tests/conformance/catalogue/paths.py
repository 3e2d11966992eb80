"""From the path of the target to a file: decoded once, dot segments removed, nothing outside the root.

The request is well formed in all of these, so the answer is the files handler's, and by RFC 9112 9.3 the connection may
go on. %2F, %5C, NUL and overlong UTF-8 are refused by 400 (issue 2, "Files"); dot files are 404, .well-known excepted.
"""

from .case import (CLOSE, DIR_INDEX, EITHER, GET, HELLO, INDEX, OPEN, SITE, catalogue, for_target, reply,
                   with_field)

CASES, case = catalogue("path")

SPACE = reply(200, body=SITE["sp ace.txt"])
WELL_KNOWN = reply(200, body=SITE[".well-known/x"])
TO_FOLDER = reply(301, has={"location": r"(http://localhost)?/dir/"})
ONCE = "RFC 3986 2.4, 6.2.2.2: unreserved octets decoded, once"
DOTS = "RFC 3986 5.2.4, 6.2.2.3; DESIGN 2: dot segments removed"
ROOT = "SECURITY 4: nothing outside the root"
REFUSED = "issue 2: NUL, %2F, %5C, overlong UTF-8 refused"
HIDDEN = "issue 2: dot files 404, .well-known excepted"
FOLDER = "RFC 9110 15.4.2; issue 2: 301 to the slash"


def path(name, target, expects, source, then=OPEN):
    case(name, for_target(target), expects, then, source, by_handler=True)


path("escaped-letter", "/%61.txt", HELLO, ONCE)
path("escaped-dot", "/a%2Etxt", HELLO, ONCE)
path("escaped-whole-name", "/%61%2e%74%78%74", HELLO, ONCE)
path("escaped-space", "/sp%20ace.txt", SPACE, ONCE)
path("plus-is-no-space", "/sp+ace.txt", 404, "RFC 3986 2.2: a plus is a plus")
path("escaped-twice", "/%2561.txt", 404, ONCE)
path("escaped-space-twice", "/sp%2520ace.txt", 404, ONCE)
path("escaped-question-mark", "/a.txt%3Fx", 404, "RFC 3986 2.2: data, not a delimiter")
path("escaped-hash", "/a.txt%23x", 404, "RFC 3986 2.2: data, not a delimiter")
path("capital-name", "/A.TXT", 404, "RFC 9110 4.2.3: paths are case-sensitive")
path("missing", "/missing", 404, "RFC 9110 15.5.5")
path("missing-in-missing", "/missing/a.txt", 404, "RFC 9110 15.5.5")
path("file-with-slash", "/a.txt/", 404, "RFC 9110 15.5.5: a file is no folder")
path("file-as-folder", "/a.txt/x", 404, "RFC 9110 15.5.5: a file is no folder")
path("parameter", "/a.txt;v=1", 404, "RFC 3986 3.3: part of the name")
path("comma-and-equals", "/a,b=c", 404, "RFC 3986 3.3: part of the name")
path("missing-utf-8", "/caf%C3%A9", 404, "RFC 3986 2.5")

path("dot-segment", "/./a.txt", HELLO, DOTS)
path("dot-segments", "/././dir/../a.txt", HELLO, DOTS)
path("dot-dot-segment", "/dir/../a.txt", HELLO, DOTS)
path("dot-dot-of-missing", "/missing/../a.txt", HELLO, DOTS)
path("dot-at-the-end", "/dir/.", (200, 301), DOTS)
path("dot-dot-at-the-end", "/dir/..", INDEX, DOTS)
path("escaped-dot-segment", "/%2e/a.txt", HELLO, DOTS)
path("escaped-dot-dot", "/dir/%2e%2e/a.txt", HELLO, DOTS)
path("half-escaped-dot-dot", "/dir/.%2E/a.txt", HELLO, DOTS)
path("escaped-dot-segment-twice", "/%252e/a.txt", 404, ONCE)
path("three-dots", "/.../a.txt", 404, "RFC 3986 5.2.4: a name; " + HIDDEN)
path("dots-in-name", "/a..txt", 404, "RFC 3986 5.2.4: a name")
for name, target in {
    "plain": "/../etc/passwd", "deep": "/../../../../../../etc/passwd", "from-folder": "/dir/../../etc/passwd",
    "escaped": "/%2e%2e/etc/passwd",
    "escaped-deep": "/dir/%2E%2E/%2e%2e/etc/passwd", "half-escaped": "/.%2e/%2e./etc/passwd",
    "through-well-known": "/.well-known/../../etc/passwd",
    "with-double-slashes": "//..//..//etc/passwd", "after-missing": "/x/y/../../../../etc/passwd",
    "with-query": "/../etc/passwd?/a.txt",
}.items():
    path(f"outside-{name}", target, (400, 404), ROOT + "; " + DOTS, EITHER)
path("outside-escaped-twice", "/%252e%252e/etc/passwd", 404, ROOT + "; " + ONCE)
path("outside-then-inside", "/../a.txt", (200, 400), DOTS + ": above the root is the root", EITHER)
path("outside-by-parameter", "/..;/a.txt", (400, 404), "RFC 3986 5.2.4: a name", EITHER)
case("outside-absolute", for_target("http://localhost/../etc/passwd"), (400, 404), EITHER, ROOT,
     by_handler=True)

for name, target in {
    "escaped-slash": "/dir%2Findex.html", "escaped-slash-small": "/dir%2findex.html",
    "escaped-slash-first": "/%2Fa.txt",
    "escaped-slash-dots": "/..%2fa.txt", "escaped-slash-all": "/%2e%2e%2fetc%2fpasswd",
    "escaped-backslash": "/dir%5Cindex.html",
    "escaped-backslash-dots": "/..%5C..%5Cetc%5Cpasswd", "escaped-backslash-last": "/a.txt%5c",
    "escaped-nul": "/a.txt%00",
    "escaped-nul-and-suffix": "/a.txt%00.html", "escaped-nul-first": "/%00",
    "escaped-nul-in-folder": "/dir%00/index.html",
    "overlong-dot": "/%c0%ae%c0%ae/etc/passwd", "overlong-slash": "/..%c0%af..%c0%afetc/passwd",
    "overlong-backslash": "/..%c1%9ca.txt",
    "overlong-three": "/%e0%80%af", "overlong-three-dot": "/%e0%80%ae%e0%80%ae/a.txt",
    "overlong-four": "/%f0%80%80%af",
    "overlong-nul": "/a.txt%c0%80", "overlong-letter": "/%c1%a1.txt",
}.items():
    path(f"refused-{name}", target, 400, REFUSED, EITHER)
for name, target in {
    "percent-alone": "/%", "percent-last": "/a.txt%", "one-digit": "/a.txt%4", "not-hex": "/%zz",
    "half-hex": "/%4g.txt",
    "percent-percent": "/%%30%30", "unicode-form": "/%u002e%u002e/a.txt", "space-form": "/%+61",
    "signed": "/%-1",
}.items():
    path(f"refused-{name}", target, 400, "RFC 3986 2.1: % HEXDIG HEXDIG", EITHER)
for name, target in {
    "invalid-utf-8": "/%ff", "lone-continuation": "/%80", "cut-utf-8": "/%c3", "surrogate": "/%ed%a0%80",
    "beyond-unicode": "/%f5%80%80%80",
    "escaped-newline": "/a%0atxt", "escaped-crlf": "/a.txt%0d%0aX:%20canary", "escaped-delete": "/a.txt%7f",
    "escaped-escape": "/%1b%5b31m",
    "raw-backslash": "/dir\\index.html", "raw-backslash-dots": "/..\\..\\etc\\passwd", "bracket": "/[a].txt",
    "caret": "/a^b",
    "device": "/con", "tilde": "/~root", "colon": "/C:/a.txt", "stream": "/a.txt::$DATA",
}.items():
    path(f"nothing-{name}", target, (400, 404), "RFC 9110 15.5.5: no such file; RFC 3986 3.3", EITHER)

path("hidden", "/.hidden", 404, HIDDEN)
path("hidden-escaped", "/%2ehidden", 404, HIDDEN)
path("hidden-in-folder", "/dir/.inside", 404, HIDDEN)
path("hidden-by-dots", "/dir/../.hidden", 404, HIDDEN)
path("hidden-missing", "/.git/config", 404, HIDDEN)
path("hidden-through-well-known", "/.well-known/../.hidden", 404, HIDDEN)
path("hidden-in-well-known", "/.well-known/.inside", 404, HIDDEN)
path("well-known", "/.well-known/x", WELL_KNOWN, HIDDEN + "; RFC 8615 3")
path("well-known-escaped", "/%2Ewell-known/x", WELL_KNOWN, HIDDEN + "; RFC 8615 3")
path("well-known-like", "/.well-knownx", 404, HIDDEN)
path("well-known-deeper", "/dir/.well-known/x", 404, "RFC 8615 3: at the root only")

path("folder", "/dir", TO_FOLDER, FOLDER)
path("folder-slash", "/dir/", DIR_INDEX, "RFC 9110 9.3.1")
path("folder-index", "/dir/index.html", DIR_INDEX, "RFC 9110 9.3.1")
path("folder-escaped", "/d%69r", TO_FOLDER, FOLDER)
path("folder-by-dots", "/dir/../dir", TO_FOLDER, FOLDER)
path("folder-query", "/dir?x=y", reply(301, has={"location": r"(http://localhost)?/dir/\?x=y"}),
     FOLDER + ": the query is kept")
path("folder-absolute", "http://localhost/dir", TO_FOLDER, FOLDER)
path("folder-double-slash", "//dir", reply((200, 301, 308, 400, 404), never={"location": r"//.*"}),
     "RFC 9112 3.2.1; a Location that starts with // leads to another host", EITHER)
path("folder-double-slash-host", "//canary.example/%2e%2e/dir",
     reply((200, 301, 308, 400, 404), never={"location": r"//.*"}),
     "RFC 9112 3.2.1; a Location that starts with // leads to another host", EITHER)
path("folder-backslash-host", "/%5Ccanary.example/%2e%2e/dir",
     reply((301, 400, 404), never={"location": r"/?[\\].*|//.*"}),
     REFUSED + "; browsers read /\\ as //", EITHER)
path("double-slash-file", "//a.txt", (200, 301, 308, 400, 404),
     "RFC 3986 3.3: an empty segment; RFC 9112 3.2.1", EITHER)
path("double-slash-inside", "/dir//index.html", (200, 301, 308, 400, 404), "RFC 3986 3.3: an empty segment",
     EITHER)
case("nothing-injected", with_field(target="/dir?%0d%0aX-Canary:%20y") + GET,
     [reply(301, lacks=("x-canary",)), HELLO], OPEN, "RFC 9110 5.5: a Location is one line", by_handler=True)
case("close-on-404", with_field("Connection: close", target="/missing"), 404, CLOSE, "RFC 9112 9.6",
     by_handler=True)
