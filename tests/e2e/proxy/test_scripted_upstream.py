"""The scripted upstream itself, asked without a proxy: what a test reads from it must be true."""

import ssl
import threading

import pytest
from asking import Ask, H1Client, H2Client
from certificates import Authority
from h2_frames import INTERNAL_ERROR, reset_stream
from raw_connection import RawConnection
from scripted_upstream import (Complaint, ScriptedUpstream, body, body_part, chunk, close, close_notify, drain, drip,
                               half_close, head, pause, reset, response, send, until_client_saw, whole_request)
import scripted_upstream_h2 as h2


def address(upstream):
    return upstream.path or ("127.0.0.1", upstream.port)


def get(upstream, ask=Ask(), target="/a", client=H1Client, authority=None):
    with client(address(upstream), authority) as one:
        return one.ask(ask, target, upstream.client_saw)


def test_without_a_script_it_is_honest_and_keeps_all():
    with ScriptedUpstream() as upstream:
        with H1Client(address(upstream)) as client:
            assert client.ask(Ask(), "/a", upstream.client_saw).content == b"honest GET /a"
            assert client.ask(Ask("POST", content=b"xyz"), "/b", upstream.client_saw).content == b"honest POST /b"
            assert client.ask(Ask("HEAD"), "/c", upstream.client_saw).content == b""
            chunked = Ask("PUT", content=b"in chunks", trailers=("Sum: 1",))
            assert client.ask(chunked, "/d", upstream.client_saw).whole
        assert upstream.seen() == ["GET /a", "POST /b", "HEAD /c", "PUT /d"]
        assert [one.connection for one in upstream.requests] == [0, 0, 0, 0]
        assert upstream.requests[1].body == b"xyz" and upstream.requests[1].raw.endswith(b"\r\n\r\nxyz")
        assert upstream.requests[3].body == b"in chunks" and upstream.requests[3].trailers == [("Sum", "1")]
        upstream.wait(lambda: upstream.connections[0].ended == "fin", "the client's end")


def test_each_connection_has_its_script():
    scripts = [whole_request, send(response(b"one")), close], [whole_request, send(response(b"two"))]
    with ScriptedUpstream(*scripts) as upstream:
        assert [get(upstream).content for _ in range(3)] == [b"one", b"two", b"honest GET /a"]
        assert [one.connection for one in upstream.requests] == [0, 1, 2]


@pytest.mark.parametrize("ending, ended", [(close, "fin"), (reset, "reset"), (half_close, "fin")])
def test_endings(ending, ended):
    with ScriptedUpstream([head, ending]) as upstream, RawConnection(address(upstream)) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.wait_for_end() == ended


def test_a_reset_by_the_client_is_told_from_its_end():
    with ScriptedUpstream([head, drain]) as upstream:
        import clients
        import socket
        one = socket.create_connection(address(upstream))
        one.sendall(clients.request("/"))
        upstream.wait(lambda: upstream.seen() == ["GET /"], "the request")
        clients.reset(one)
        upstream.wait(lambda: upstream.connections[0].ended == "reset", "the reset")


def test_a_port_that_refuses():
    with ScriptedUpstream(listening=False) as upstream, pytest.raises(ConnectionRefusedError):
        get(upstream)


def test_a_unix_socket(tmp_path):
    with ScriptedUpstream(path=str(tmp_path / "socket")) as upstream, RawConnection(upstream.path) as client:
        client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().body == b"honest GET /a"
    assert not (tmp_path / "socket").exists()


def test_the_client_sees_what_is_cut():
    half = response(b"0123456789")[:-4]
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"first")
    scripts = [[head, send(half), close], [head, send(chunks), until_client_saw, reset], [head, drip(chunks, 0.01, 9), close]]
    with ScriptedUpstream(*scripts) as upstream:
        outcomes = [get(upstream) for _ in scripts]
    assert [(one.status, one.content, one.whole) for one in outcomes] == [
        (200, b"012345", False), (200, b"first", False), (200, b"first", False)]


def test_a_response_until_the_end_is_cut_by_a_reset_alone():
    text = send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall")
    with ScriptedUpstream([head, text, close], [head, text, until_client_saw, reset]) as upstream:
        assert [get(upstream).whole for _ in range(2)] == [True, False]


def test_interims_and_trailers():
    hints = send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    content = send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"all") + b"0\r\nSum: 1\r\n\r\n")
    with ScriptedUpstream([head, hints, content]) as upstream:
        outcome = get(upstream)
    assert [one.status for one in outcome.interims] == [103] and outcome.trailers == [("Sum", "1")]
    assert outcome.whole and outcome.content == b"all"


def test_content_waits_for_100_and_not_for_a_final_response():
    first = [head, send(b"HTTP/1.1 100 Continue\r\n\r\n"), body, send(response(b"taken"))]
    second = [head, send(response(b"", status="417 Expectation Failed"))]
    ask = Ask("POST", content=b"later", waits=True)
    with ScriptedUpstream(first, second) as upstream:
        assert get(upstream, ask).content == b"taken" and upstream.requests[0].body == b"later"
        outcome = get(upstream, ask)
        assert (outcome.status, outcome.sent) == (417, 0)


def test_an_early_response_ends_the_sending():
    large = Ask("POST", content=bytes(64 << 20))
    with ScriptedUpstream([head, body_part(1000), send(response(b"", status="413 Too Large")), drain]) as upstream:
        outcome = get(upstream, large)
    assert outcome.status == 413 and outcome.sent < 64 << 20


def test_a_script_that_waits_in_vain_complains(monkeypatch):
    monkeypatch.setattr("scripted_upstream.SECONDS", 0.2)
    upstream = ScriptedUpstream([head])
    with RawConnection(address(upstream)):
        upstream.wait(lambda: upstream.complaints, "the complaint")
    with pytest.raises(Complaint, match="nothing for 0.2 s"):
        upstream.close()


def test_pauses_end_with_the_upstream():
    upstream = ScriptedUpstream([pause(600)])
    with RawConnection(address(upstream)):
        upstream.wait(lambda: upstream.connections, "the connection")
        upstream.close()
    assert threading.active_count() < 20


@pytest.mark.parametrize("ending, whole", [(close_notify, True), (close, False)])
def test_tls_and_its_end(tmp_path, ending, whole):
    certificate = Authority(tmp_path).issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    text = send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall")
    with ScriptedUpstream([head, text, ending], tls=context) as upstream:
        assert get(upstream, authority=certificate.authority).whole == whole


# --- HTTP/2 ---


def test_http2_honest():
    with ScriptedUpstream(h2=True) as upstream, H2Client(address(upstream)) as client:
        assert client.ask(Ask(), "/a", upstream.client_saw).content == b"honest GET /a"
        with_content = client.ask(Ask("POST", content=bytes(100_000), trailers=("sum: 1",)), "/b", upstream.client_saw)
        assert with_content.content == b"honest POST /b" and with_content.whole
        assert client.ask(Ask("HEAD"), "/c", upstream.client_saw).content == b""
        assert upstream.seen() == ["GET /a", "POST /b", "HEAD /c"]
        assert len(upstream.requests[1].body) == 100_000 and upstream.requests[1].trailers == [("sum", "1")]


def test_http2_resets_and_goes_on():
    begun = h2.frames(lambda one: one.head() + one.data(b"first"))
    fail = h2.frames(lambda one: reset_stream(one.stream, INTERNAL_ERROR))
    script = [h2.preface(), h2.request, begun, until_client_saw, fail]
    with ScriptedUpstream(script, h2=True) as upstream, H2Client(address(upstream)) as client:
        outcome = client.ask(Ask(), "/a", upstream.client_saw)
        assert (outcome.status, outcome.content, outcome.whole) == (200, b"first", False)
        assert client.ask(Ask(), "/b", upstream.client_saw).content == b"honest GET /b"


def test_http2_windows_are_the_scripts():
    script = [h2.preface({4: 10}, window=0), h2.request, h2.body_part(10), h2.open_windows(), h2.body, h2.respond(b"all")]
    with ScriptedUpstream(script, h2=True) as upstream:
        assert get(upstream, Ask("POST", content=bytes(1000)), client=H2Client).content == b"all"
        assert len(upstream.requests[0].body) == 1000
