"""The vocabulary of the catalogue: one Case is some bytes a client sends and what may come back.

Expectations are written from the RFCs (9110, 9112) and from SECURITY.md ("rule: ..."), not from what the server does.
A case says three things: the answers in order, what becomes of the connection, and which text says so.

What the runner checks for every answer without being told: its framing, one answer per expectation and no octet more,
Date, Allow on 405, that a refusal is short and repeats nothing of the request, and that a connection that ends was
announced to end (`Connection: close`).
"""

from dataclasses import dataclass, field

# What becomes of the connection after the last answer.
OPEN = "open"  # a further request on it is answered
CLOSE = "close"  # the server ends it: FIN, not RST
EITHER = "either"  # the text leaves it to the server
WAITS = "waits"  # the request is incomplete: nothing is answered until head_timeout, then 408 and the end
PROMPT_OR_WAITS = "prompt or waits"  # refused at once, or at head_timeout; never served

# Statuses by which the codec itself refuses: SECURITY.md section 1 keeps these at most 200 octets long.
REFUSALS = frozenset({400, 408, 413, 414, 417, 431, 501, 505})

# The only thing a refused request says about itself that could be noticed in the answer.
CANARY = b"canary"

# The site that is served. Names are relative to its root.
SITE = {
    "index.html": b"<p>index</p>\n",
    "a.txt": b"hello\n",
    "dir/index.html": b"<p>dir</p>\n",
    "dir/.inside": b"no\n",
    "sp ace.txt": b"space\n",
    ".hidden": b"no\n",
    ".well-known/x": b"known\n",
    ".well-known/.inside": b"no\n",
    "list/one.txt": b"one\n",
    "big.bin": bytes(range(256)) * 1024,  # 256 KiB: more than one write, and not a small held file
}


@dataclass(frozen=True)
class Reply:
    """One final response. `has` maps a field name to a regular expression its whole value must match."""

    statuses: frozenset
    method: str = "GET"  # HEAD: no content follows, whatever Content-Length says (RFC 9110 9.3.2)
    body: bytes | None = None  # None: not compared
    has: dict = field(default_factory=dict)
    never: dict = field(default_factory=dict)  # as `has`, for what a field must not be if it is there
    lacks: tuple = ()  # field names that must not be there
    absent: bytes = b""  # octets that must appear nowhere in the response
    optional: bool = False  # closing without a word is allowed too


@dataclass(frozen=True)
class Case:
    name: str  # topic/name, unique
    data: bytes
    replies: tuple
    then: str
    source: str  # the RFC section, or "rule: ..." for a row of SECURITY.md
    after_head: bool = False  # the fault lies in the body: the head's own answer may already have left
    half_close: bool = False  # the client sends FIN after the data
    reset_allowed: bool = False  # more is sent than a server has to read: RST after the answer is not held against it
    slow_end: bool = False  # the server may read on for drain_timeout before it ends the connection
    by_handler: bool = False  # the answer is the files handler's: a site's error page, no 200-octet rule


def reply(status, method="GET", **checks) -> Reply:
    """A Reply from one status or a tuple of allowed ones."""
    statuses = frozenset(status) if isinstance(status, tuple) else frozenset({status})
    return Reply(statuses, method, **checks)


HELLO = reply(200, body=SITE["a.txt"])
INDEX = reply(200, body=SITE["index.html"])
DIR_INDEX = reply(200, body=SITE["dir/index.html"])
HEAD_HELLO = reply(200, "HEAD", has={"content-length": "6"})
NO_METHOD = reply(405)  # known, not for files


def catalogue(topic):
    """Gives the list of a topic's cases and the function that adds to it.

    `expects` is a status, a tuple of allowed statuses, a Reply, or a list of those: one per answer, in order.
    """
    cases = []

    def case(name, data, expects, then, source, **details):
        expected = expects if isinstance(expects, list) else [expects]
        replies = tuple(one if isinstance(one, Reply) else reply(one) for one in expected)
        if data.startswith(b"HEAD ") and len(replies) == 1 and replies[0].method != "HEAD":
            raise ValueError(f"{topic}/{name}: say that the answer is one to HEAD")
        cases.append(Case(f"{topic}/{name}", data, replies, then, source, **details))

    return cases, case


def lines(*parts) -> bytes:
    """The parts as lines ended by CRLF, and the empty line that ends a head. Text stands for its Latin-1 octets."""
    octets = [part.encode("latin-1") if isinstance(part, str) else part for part in parts]
    return b"".join(line + b"\r\n" for line in octets) + b"\r\n"


def with_field(*fields, method="GET", target="/a.txt", version="HTTP/1.1", host="localhost") -> bytes:
    """A plain request, right but for the fields given. host None leaves Host out."""
    hosts = [f"Host: {host}"] if host is not None else []
    return lines(f"{method} {target} {version}", *hosts, *fields)


def for_target(target, method="GET", host="localhost") -> bytes:
    """A plain request for a target, which may be octets."""
    octets = target if isinstance(target, bytes) else target.encode("latin-1")
    return lines(method.encode() + b" " + octets + b" HTTP/1.1", f"Host: {host}")


GET = with_field()  # the good neighbour in pipelines
