"""HPACK (RFC 7541) against another implementation, python3-hpack: 32 stories of heads, in both directions.

A story is what one connection carries: heads of a browser, a client of an API or of gRPC, that repeat and change as such
heads do, so that the dynamic table fills, is used and evicts; its size changes on the way, in both directions
(section 6.3, SETTINGS_HEADER_TABLE_SIZE). No package of Debian's has the well-known corpus, so the stories are made
here, from a seed. What Sluice understood is in its access log: method, target, host, user agent and referer of each.
What it answers is decoded by python3-hpack, whose table is Sluice's only if each head before was encoded right.
"""

import random
import string

import hpack
import pytest
from h2_frames import (ACK, CONTINUATION, END_HEADERS, END_STREAM, HEADER_TABLE_SIZE, HEADERS, SETTINGS, FrameConnection,
                       frame, settings, window_update)
from limited_server import LOG, logged
from sluice_server import SluiceServer, wait_until

STORIES = 32
HEADS = 25  # of one story
TABLES = (0, 64, 256, 1000, 4096)  # octets; 4,096 is what a peer may use unless it hears otherwise

BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5",
]
ACCEPTED = ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "*/*", "image/avif,image/webp,*/*",
            "application/json", "text/css,*/*;q=0.1"]


def word(source, most=12) -> str:
    return "".join(source.choices(string.ascii_lowercase + string.digits + "-", k=source.randint(1, most)))


def browser_head(source, story) -> list:
    """A visit: the same browser, cookies in crumbs that seldom change, other targets."""
    target = "/" + "/".join(word(source) for _ in range(source.randint(0, 3)))
    if source.random() < 0.3:
        target += f"?{word(source)}={word(source, 60)}"
    crumbs = [("cookie", f"{name}={value}") for name, value in story["cookies"]]
    return [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", target),
            ("user-agent", story["agent"]), ("accept", source.choice(ACCEPTED)), ("accept-language", "de,en;q=0.5"),
            ("accept-encoding", "gzip, deflate, br"), ("referer", f"http://localhost/{story['page']}"), *crumbs,
            ("sec-fetch-dest", source.choice(["document", "image", "script"])), ("priority", f"u={source.randint(0, 7)}")]


def api_head(source, story) -> list:
    """Tokens that must not be indexed (RFC 7541 section 7.1.3), ids that never repeat."""
    token = hpack.NeverIndexedHeaderTuple("authorization", "Bearer " + word(source, 200))
    return [(":method", source.choice(["GET", "DELETE", "PUT", "PATCH"])), (":scheme", "http"), (":authority", "localhost"),
            (":path", f"/api/v1/{word(source)}/{source.randint(1, 10**9)}"), ("user-agent", "api-client/" + story["page"]),
            ("accept", "application/json"), token, ("x-request-id", "%032x" % source.getrandbits(128)),
            ("if-none-match", f'"{word(source, 40)}"'), ("x-empty", ""), ("x-latin", "gr\u00fc\u00df dich".encode("latin-1"))]


def grpc_head(source, story) -> list:
    method = source.choice(["Get", "List", "Watch", "Update"])
    return [(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", f"/{story['page']}.Service/{method}"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", f"{source.randint(1, 99_999)}m"),
            ("user-agent", "grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)"), ("grpc-accept-encoding", "identity, deflate, gzip"),
            ("x-bin", word(source, 300)), ("referer", "")]


KINDS = (browser_head, api_head, grpc_head)


def story_of(number):
    """The source of randomness and what stays the same in a story."""
    source = random.Random(f"story {number}")
    return source, {"agent": source.choice(BROWSERS), "page": word(source),
                    "cookies": [(word(source), word(source, 40)) for _ in range(source.randint(0, 6))]}


@pytest.fixture(scope="module")
def server(shared_site):
    with SluiceServer(shared_site, "--workers", "1", *LOG) as running:
        yield running


def text(value) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def request_frames(source, encoder, stream, head) -> bytes:
    """HEADERS, sometimes with CONTINUATIONs; with and without Huffman codes."""
    block = encoder.encode(head, huffman=source.random() < 0.7)
    if source.random() < 0.8:
        return frame(HEADERS, stream, END_HEADERS | END_STREAM, block)
    cuts = sorted(source.randint(0, len(block)) for _ in range(source.randint(1, 4)))
    parts = [block[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(block)])]
    return (frame(HEADERS, stream, END_STREAM, parts[0]) + b"".join(frame(CONTINUATION, stream, 0, part) for part in parts[1:-1])
            + frame(CONTINUATION, stream, END_HEADERS, parts[-1]))


def told(line) -> tuple:
    return line["method"], line["target"], line["host"], line["user_agent"], line["referer"]


def expected(head) -> tuple:
    fields = {name: text(value) for name, value in head if name != "cookie"}
    return (fields[":method"], fields[":path"], fields[":authority"], fields["user-agent"], fields.get("referer", ""))


@pytest.mark.parametrize("number", range(STORIES))
def test_a_story(server, number):
    source, story = story_of(number)
    make_head = KINDS[number % len(KINDS)]
    before = len(logged(server))
    heads = []
    with FrameConnection(server.address, seconds=60) as client:
        client.expect(SETTINGS, flags=ACK)
        client.send(window_update(0, 1 << 30))
        for position in range(HEADS):
            if position % 6 == 5:  # what we use of the table that the server has for us
                client.encoder.header_table_size = source.choice(TABLES)
            if position % 8 == 7:  # what the server may use of ours: announced, then taken up with its acknowledgement
                size = source.choice(TABLES)
                client.decoder.max_allowed_table_size = max(size, client.decoder.header_table_size)
                client.send(settings({HEADER_TABLE_SIZE: size}))
                client.expect(SETTINGS, flags=ACK)
            heads.append(make_head(source, story))
            stream = 2 * position + 1
            client.send(request_frames(source, client.encoder, stream, heads[-1]))
            answer, _, code = client.answer(stream)
            assert code is None and answer[":status"] in ("200", "404", "405"), answer
            assert {"date", "server", "content-length"} <= answer.keys()
            assert all(name == name.lower() for name in answer)
    wait_until(lambda: len(logged(server)) >= before + HEADS, 20, "a line for each head")
    assert [told(line) for line in logged(server)[before:]] == [expected(head) for head in heads]


def test_response_heads_are_compressed(server):
    """What repeats costs an octet or two: the second head is much shorter than the first."""
    with FrameConnection(server.address) as client:
        sizes = []
        for stream in (1, 3, 5):
            client.send(client.request(stream, "/1k.bin"))
            sizes.append(len(client.expect(HEADERS, stream).payload))
        assert sizes[2] <= sizes[1] < sizes[0] and sizes[2] < 60, sizes


def test_a_client_without_a_table(server):
    """SETTINGS_HEADER_TABLE_SIZE 0: every head says all, and begins with the table's new size (RFC 7541 section 4.2)."""
    with FrameConnection(server.address, values={HEADER_TABLE_SIZE: 0}) as client:
        client.expect(SETTINGS, flags=ACK)
        sizes = set()
        for stream in (1, 3, 5):
            client.send(client.request(stream, "/1k.bin"))
            head = client.expect(HEADERS, stream)
            assert client.fields(head)[":status"] == "200"
            sizes.add(len(head.payload))
        assert client.decoder.header_table_size == 0
        assert min(sizes) > 60
