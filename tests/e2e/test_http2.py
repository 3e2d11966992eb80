"""HTTP/2 messages and settings, by an honest client (python3-h2) and, where that hides something, frame by frame.

Files and sites are asked over HTTP/2 by their own tests (the fixture `version`); malformed requests, floods, flow
control and the connection's end have files of their own. Here is what the version brings: settings, ALPN, interim
responses, trailers, cookies in crumbs, pushes, and that logs and limits count as over HTTP/1.1.
"""

import pytest
from h2_connection import H2Connection, get
from h2_frames import (CONTINUATION, DATA, ENABLE_CONNECT_PROTOCOL, ENABLE_PUSH, END_HEADERS, END_STREAM, HEADERS,
                       INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_HEADER_LIST_SIZE, NO_ERROR,
                       NO_RFC7540_PRIORITIES, PADDED, PRIORITY_FLAG, PUSH_PROMISE, SETTINGS, FrameConnection, frame,
                       pseudo_fields)
from limited_server import LOG, logged, serving
from raw_connection import RawConnection
from served_log import ServedLog
from sluice_server import SluiceServer, wait_until
from tls_clients import (TlsConnection, certificate_table, client_context, configure, listener_table, site_table,
                         tls_server)

CLEAR = '[[listener]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def server(shared_site):
    with SluiceServer(shared_site, "--workers", "1", *LOG) as running:
        yield running


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue()


@pytest.fixture(scope="module")
def secure(certificate, shared_site, tmp_path_factory):
    with tls_server(tmp_path_factory.mktemp("secure"), [certificate], root=shared_site) as running:
        yield running


def with_site(folder, site, *lines, top="", log=""):
    """A server of one site with these keys, in clear text."""
    path = configure(folder, CLEAR, site_table(site, *lines), top=top, log=log)
    return SluiceServer(config=path)


# --- Settings and ALPN ------------------------------------------------------------------------------------------------


def test_what_is_announced(server):
    with FrameConnection(server.address) as client:
        first = client.frame()
        assert (first.type, first.flags, first.stream) == (SETTINGS, 0, 0), "the server's preface (RFC 9113 section 3.4)"
        announced = first.settings()
        assert announced[MAX_CONCURRENT_STREAMS] == 100
        assert announced[MAX_HEADER_LIST_SIZE] == 32 * 1024
        assert announced[NO_RFC7540_PRIORITIES] == 1  # RFC 9218 section 2.1.1
        assert announced.get(INITIAL_WINDOW_SIZE, 65535) in (65535, 65536)
        assert announced.get(ENABLE_PUSH, 0) == 0, "a server says nothing of it, or 0 (RFC 9113 section 6.5.2)"
        assert announced.get(ENABLE_CONNECT_PROTOCOL, 0) == 0, "no route here tunnels"
        client.expect(SETTINGS, flags=1)


def test_alpn_chooses_http2_where_both_are_offered(secure, certificate):
    for offered, spoken in ((("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1"), (None, None)):
        context = client_context(certificate.authority, alpn=offered)
        with TlsConnection(secure.address, context=context) as connection:
            assert connection._tls.selected_alpn_protocol() == spoken
    assert get(secure.address, "/page.html", authority=certificate.authority).status == 200


def test_without_http2_nobody_gets_it(certificate, site, tmp_path):
    """`http2 = false`: ALPN offers HTTP/1.1 alone, and in clear text the preface is no request."""
    tables = [listener_table("true", "http2 = false"), listener_table("false", "http2 = false", name="clear"),
              certificate_table(certificate), site_table(site)]
    with SluiceServer(config=configure(tmp_path, *tables)) as server:
        secure, clear = server.addresses
        context = client_context(certificate.authority, alpn=("h2", "http/1.1"))
        with TlsConnection(secure, context=context) as connection:
            assert connection._tls.selected_alpn_protocol() == "http/1.1"
        with RawConnection(clear, 20) as connection:
            connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            response = connection.response()
            assert (response.status, response.closes) == (505, True)


@pytest.mark.parametrize("offered", [("http/1.1",), None])
def test_the_preface_over_tls_needs_its_agreement(secure, certificate, offered):
    """Where ALPN chose HTTP/1.1, or was not there, the preface is a request of a version that is not spoken (RFC 9113
    section 3.2)."""
    context = client_context(certificate.authority, alpn=offered)
    with TlsConnection(secure.address, context=context) as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))
        response = connection.response()
        assert (response.status, response.closes) == (505, True)


def test_a_preface_octet_by_octet(server):
    """It is told from HTTP/1.1 whatever the reads are."""
    with FrameConnection(server.address, begin=False) as client:
        for octet in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS):
            client.send(bytes([octet]))
        assert client.still_good(1)


def test_what_begins_like_a_preface_is_http_1(server):
    """A method of HTTP/1.1 may begin with the same letters."""
    with RawConnection(server.address, 20) as connection:
        connection.send(b"PR")
        connection.send(b"OPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.response().status in (405, 501)


# --- Messages ---------------------------------------------------------------------------------------------------------


def test_fields_are_in_lower_case_and_of_no_connection(server):
    """python3-h2 refuses what RFC 9113 section 8.2 does not allow; what HTTP/1.1 says of its connection is not here."""
    with H2Connection(server.address) as client:
        names = {name for name, _ in client.fetch("/page.html").fields}
        assert {"date", "content-type", "content-length", "last-modified"} <= names
        assert not names & {"connection", "keep-alive", "transfer-encoding"}


def test_head_and_304_have_no_content(server):
    with H2Connection(server.address) as client:
        full = client.fetch("/200k.bin")
        head = client.fetch("/200k.bin", method="HEAD")
        assert (head.status, head.body, head.get("content-length")) == (200, b"", "204800")
        unchanged = client.fetch("/200k.bin", f"if-modified-since: {full.get('last-modified')}")
        assert (unchanged.status, unchanged.body, unchanged.get("content-length")) == (304, b"", None)


def test_what_has_no_content_ends_with_its_head(server):
    """END_STREAM is on HEADERS: an empty DATA frame would be a packet for nothing."""
    with FrameConnection(server.address) as client:
        client.send(client.request(1, "/1k.bin", method="HEAD"))
        assert client.expect(HEADERS, 1).flags & END_STREAM


def test_204_has_neither_content_nor_length(shared_site, tmp_path):
    with with_site(tmp_path, shared_site, '[[site.route]]', 'path = "/none"', "respond = { status = 204 }") as server:
        with H2Connection(server.address) as client:
            response = client.fetch("/none")
            assert (response.status, response.body, response.get("content-length")) == (204, b"", None)


def test_ranges(server, shared_site):
    whole = (shared_site / "200k.bin").read_bytes()
    with H2Connection(server.address) as client:
        part = client.fetch("/200k.bin", "range: bytes=1000-99999")
        assert (part.status, part.body) == (206, whole[1000:100_000])
        several = client.fetch("/200k.bin", "range: bytes=0-9,200-299")
        assert several.status == 206 and several.get("content-type").startswith("multipart/byteranges")
        assert whole[200:300] in several.body
        assert client.fetch("/200k.bin", "range: bytes=999999-").status == 416


def test_trailers_of_a_request(server):
    """They are read and, where nobody wants them, dropped; the request is served."""
    with H2Connection(server.address) as client:
        stream = client.request("/1k.bin", method="POST", body=b"content", trailers=[("x-checksum", "1")])
        assert client.response(stream).status == 405
        stream = client.request("/1k.bin", trailers=[("x-checksum", "1")])
        assert client.response(stream).status == 200
        assert client.fetch("/1k.bin").status == 200


def test_options_for_the_whole_server(server):
    with H2Connection(server.address) as client:
        response = client.fetch("*", method="OPTIONS")
        assert response.status in (200, 204) and "get" in response.elements("allow")


def test_padding_and_priority_are_no_part_of_a_message(server):
    """RFC 9113 sections 6.1 and 6.2: padded HEADERS with an obsolete priority, padded DATA."""
    with FrameConnection(server.address) as client:
        block = client.block(pseudo_fields("/1k.bin", "POST"))
        client.send(frame(HEADERS, 1, END_HEADERS | PADDED | PRIORITY_FLAG, b"\x07" + bytes(4) + b"\x0f" + block + bytes(7)),
                    frame(DATA, 1, PADDED | END_STREAM, b"\x04text" + bytes(4)))
        head, _, code = client.answer(1)
        assert (head[":status"], code) == ("405", None)
        assert client.still_good(3)


def test_a_field_block_in_many_frames(server):
    with FrameConnection(server.address) as client:
        block = client.block([*pseudo_fields("/1k.bin"), ("x-long", "y" * 200)])
        client.expect(SETTINGS, flags=1)  # nothing may come between
        parts = [block[at:at + 40] for at in range(0, len(block), 40)]
        client.send(frame(HEADERS, 1, END_STREAM, parts[0]), *[frame(CONTINUATION, 1, 0, part) for part in parts[1:-1]],
                    frame(CONTINUATION, 1, END_HEADERS, parts[-1]))
        assert client.answer(1)[0][":status"] == "200"


def test_a_large_response_head_is_whole(shared_site, tmp_path):
    """Over one frame: HEADERS with CONTINUATIONs, put together by python3-h2."""
    fields = "\n".join(f'x-{number} = "{str(number) * 2000}"' for number in range(10, 22))
    with with_site(tmp_path, shared_site, "[site.fields.set]", fields) as server:
        with H2Connection(server.address) as client:
            client.h2.decoder.max_header_list_size = 1 << 20
            response = client.fetch("/")
            assert response.get("x-15") == "15" * 2000 and response.status == 200


# --- Interim responses ------------------------------------------------------------------------------------------------

HINTS = 'early_hints = ["</style.css>; rel=preload; as=style", "</a.js>; rel=preload; as=script"]'
NAVIGATION = "sec-fetch-mode: navigate"


@pytest.mark.parametrize("whom, fields, told", [
    ("navigations", [NAVIGATION], True), ("navigations", [], False), ("navigations", ["sec-fetch-mode: no-cors"], False),
    ("all", [], True), ("all", ["sec-fetch-mode: no-cors"], True)])
def test_early_hints(shared_site, tmp_path, whom, fields, told):
    """103 (RFC 8297) before the response, to who understands it."""
    with with_site(tmp_path, shared_site, HINTS, f'early_hints_to = "{whom}"') as server, \
            H2Connection(server.address) as client:
        response = client.fetch("/", *fields)
        assert response.status == 200
        links = [value for _, fields in response.interim for name, value in fields if name == "link"]
        joined = ", ".join(links)
        assert [status for status, _ in response.interim] == ([103] if told else [])
        assert ("</style.css>; rel=preload; as=style" in joined and "</a.js>; rel=preload; as=script" in joined) == told


def test_early_hints_are_for_navigations_by_default(shared_site, tmp_path):
    with with_site(tmp_path, shared_site, HINTS) as server, H2Connection(server.address) as client:
        assert [status for status, _ in client.fetch("/", NAVIGATION).interim] == [103]
        assert client.fetch("/").interim == []


def test_a_client_that_expects_100_gets_its_answer(server):
    """Nobody reads the content, so it is the final status that says so; nothing waits."""
    with H2Connection(server.address) as client:
        stream = client.request("/1k.bin", "expect: 100-continue", "content-length: 5", method="POST", end=False)
        client.until(lambda: client.responses[stream].status)
        assert client.responses[stream].status == 405
        assert client.fetch("/1k.bin").status == 200


# --- Pushes -----------------------------------------------------------------------------------------------------------

PUSHING = ('early_hints = ["</style.css>; rel=preload; as=style"]', 'early_hints_to = "all"', "push = true")


def test_a_push_where_both_want_it(shared_site, tmp_path):
    with with_site(tmp_path, shared_site, *PUSHING) as server, H2Connection(server.address, push=True) as client:
        response = client.fetch("/page.html")
        assert response.status == 200 and len(response.pushes) == 1
        (pushed,) = response.pushes
        promised = dict(client.promises[pushed])
        assert (promised[":path"], promised[":method"], promised[":authority"]) == ("/style.css", "GET", "localhost")
        style = client.response(pushed)
        assert (style.status, style.body) == (200, (shared_site / "style.css").read_bytes())


@pytest.mark.parametrize("site_wants, client_wants", [(True, False), (False, True), (False, False)])
def test_no_push_where_one_does_not_want_it(shared_site, tmp_path, site_wants, client_wants):
    lines = PUSHING if site_wants else PUSHING[:-1]
    with with_site(tmp_path, shared_site, *lines) as server, H2Connection(server.address, push=client_wants) as client:
        for _ in range(3):
            response = client.fetch("/page.html")
            assert response.status == 200 and response.pushes == []


def test_a_pushed_stream_may_be_refused(shared_site, tmp_path):
    """RFC 9113 section 8.4.2: the client resets it; the connection goes on."""
    with with_site(tmp_path, shared_site, *PUSHING) as server, \
            H2Connection(server.address, push=True, window=0) as client:
        stream = client.request("/page.html")
        response = client.responses[stream]
        client.until(lambda: response.pushes)
        client.reset(response.pushes[0])
        client.grant(100_000, stream)
        assert client.response(stream).status == 200
        assert client.fetch("/nowhere", method="HEAD").status == 404


def test_no_push_where_the_client_takes_none_at_a_time(shared_site, tmp_path):
    """RFC 9113 section 8.4.2: a promised response would wait for ever, and the connection's end for it."""
    with with_site(tmp_path, shared_site, *PUSHING) as server:
        with FrameConnection(server.address, values={MAX_CONCURRENT_STREAMS: 0}) as client:
            assert client.still_good(1, "/page.html")
            client.round_trip()
            assert not [one for one in client.seen if one.type == PUSH_PROMISE]
            server.stop()
            assert client.end_of_connection().error() == NO_ERROR and client.ended == "fin"


# --- Cookies, logs, limits --------------------------------------------------------------------------------------------


def test_a_cookie_in_crumbs_is_welcome(server):
    """RFC 9113 section 8.2.3. That they are joined is seen by what reads them: codec_test.cc."""
    with H2Connection(server.address) as client:
        assert client.fetch("/", *[("cookie", f"{letter}=1") for letter in "abcd"]).status == 200


def test_the_access_log_says_what_it_was(server):
    log = ServedLog(server)
    log.take()
    with H2Connection(server.address) as client:
        client.fetch("/1k.bin?a=b", "user-agent: probe", "referer: http://localhost/")
        client.fetch("/nowhere", method="HEAD")
    first, second = log.take()
    assert (first["method"], first["target"], first["protocol"], first["status"], first["octets"]) == (
        "GET", "/1k.bin?a=b", "HTTP/2.0", 200, 1024)
    assert first.get("complete", True)
    assert (first["host"], first["user_agent"], first["referer"]) == ("localhost", "probe", "http://localhost/")
    assert (second["method"], second["status"], second["octets"]) == ("HEAD", 404, 0)


def test_a_stream_that_the_client_resets_is_logged_as_cut(site, large_file):
    with SluiceServer(site, *LOG) as server, H2Connection(server.address, window=65535, automatic=False) as client:
        stream = client.request("/large.bin")
        client.until(lambda: client.responses[stream].content)
        client.reset(stream)
        wait_until(lambda: logged(server), 20, "a line in the log")
        (line,) = logged(server)
        assert (line["target"], line["status"], line["complete"]) == ("/large.bin", 200, False)
        assert client.fetch("/nowhere", method="HEAD").status == 404


def test_an_error_page_of_the_site(shared_site, tmp_path):
    with with_site(tmp_path, shared_site, 'error_pages = { 404 = "/page.html" }') as server, \
            H2Connection(server.address) as client:
        response = client.fetch("/nowhere")
        assert (response.status, response.body) == (404, (shared_site / "page.html").read_bytes())


# The status and the limit are those of HTTP/1.1 (test_limits.py); the connection goes on.
LIMITS = {
    "request_line": ("request_line=100", "/" + "a" * 200, [], "414"),
    "field": ("field=100", "/", ["x: " + "y" * 110], "431"),
    "head": ("head=300", "/", ["x: " + "y" * 90] * 3, "431"),
    "fields": ("fields=6", "/", ["x: y"] * 4, "431"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_heads(shared_site, name):
    limit, target, fields, status = LIMITS[name]
    with serving(shared_site, limit, more=LOG) as server, H2Connection(server.address) as client:
        assert client.fetch("/").status == 200
        assert str(client.fetch(target, *fields).status) == status
        assert client.fetch("/").status == 200
        wait_until(lambda: len(logged(server)) == 3, 20, "three lines in the log")
        line = logged(server)[1]
        assert (line["status"], line["limit"]) == (int(status), name)


def test_limits_of_trailers(shared_site):
    for limit, trailers in (("trailer_fields=2", [("a", "b")] * 3), ("trailers=100", [("a", "b" * 100)])):
        with serving(shared_site, limit) as server, H2Connection(server.address) as client:
            response = client.response(client.request("/1k.bin", method="POST", body=b"x", trailers=trailers))
            assert response.status in (400, 405)  # files answer before the content has come
            assert client.fetch("/").status == 200


def test_a_request_that_is_refused_while_its_content_comes(server):
    """The status is seen, then RST_STREAM NO_ERROR says that the rest is not wanted (RFC 9113 section 8.1)."""
    with H2Connection(server.address) as client:
        stream = client.request("/1k.bin", f"content-length: {8 << 20}", method="POST", end=False)
        client.send_body(stream, bytes(300 * 1024), end=False)
        response = client.response(stream)
        client.until(lambda: response.reset is not None)
        assert (response.status, response.reset) == (405, 0)
        assert client.fetch("/1k.bin").status == 200
