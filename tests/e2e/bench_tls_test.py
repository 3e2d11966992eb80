"""What bench/peers does for TLS: the certificate and configurations it writes, what it demands of
handshakes, and the client that makes them."""

import json
import os
import pathlib
import re
import socket
import ssl
import stat
import subprocess
import threading
import tomllib

import pytest
from bench_peers_test import load
from ports import closed_port
from sluice_server import sluice_binary

BODY = b"b" * 300
CORE = min(os.sched_getaffinity(0))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + BODY

(certificate, client, handshakes, idle_tls, report, servers, speed, stats,
 workloads) = load("certificate", "client", "handshakes", "idle_tls", "report", "servers", "speed",
                   "stats", "workloads")

TLS_WORKLOADS = [workload for workload in workloads.WORKLOADS if workload.name.startswith("tls-")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificate.make(tmp_path_factory.mktemp("tls") / "certificate")


class TlsServer:
    """Answers each connection with the same octets and closes it, or keeps it open."""

    def __init__(self, made, answer=OK, keep=False, protocols=("http/1.1",)):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(made.chain, made.key)
        self._context.set_alpn_protocols(list(protocols))
        self._answer, self._keep = answer, keep
        self._kept = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.close_kept()

    def close_kept(self):
        for peer in self._kept:
            peer.close()
        self._kept.clear()

    def _serve(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._answer_one(peer)

    def _answer_one(self, peer):
        peer.settimeout(20)
        try:
            secure = self._context.wrap_socket(peer, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request and (octets := secure.recv(4096)):
                request += octets
            secure.sendall(self._answer)
        except OSError:
            peer.close()
            return
        if self._keep:
            self._kept.append(secure)
        else:
            secure.close()


def program(name):
    path = sluice_binary().parent / "bench" / "peers" / name
    if not path.exists():
        pytest.skip(f"{path} is not built: target peers_{name}")
    return str(path)


def load_once(server, *flags):
    command = [program("handshakes"), str(server.port), "1k.bin", "300", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return handshakes.HandshakeLoad(**json.loads(done.stdout))


def test_the_certificate_is_for_localhost_and_its_keys_are_private(made):
    with TlsServer(made) as server:
        tls = client.tls_context(str(made.chain))
        assert client.negotiated(server.port, tls) == speed.NEGOTIATED
        answer = client.fetch(server.port, "1k.bin", tls=tls)
    assert (answer.status, answer.body) == (200, BODY)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made.key, made.both)] == [0o600, 0o600]
    assert made.both.read_bytes() == made.chain.read_bytes() + made.key.read_bytes()


def test_the_certificate_has_a_key_on_p256(made):
    shown = subprocess.run(["openssl", "x509", "-in", made.chain, "-noout", "-text"],
                           capture_output=True, text=True, check=True).stdout
    assert "ASN1 OID: prime256v1" in shown
    assert "CA:FALSE" in shown


def test_what_openssl_refuses_is_said(made):
    with pytest.raises(FileExistsError):
        certificate.make(made.chain.parent)
    with pytest.raises(certificate.BenchError, match="openssl req failed"):
        certificate._openssl("req", "-in", str(made.key))


def filled(name, made, tmp_path, tls):
    site = servers.Site(tmp_path, "1k.bin", "held", certificate=made if tls else None)
    return servers._configure(name, site, tmp_path, 8443)


@pytest.mark.parametrize("name", ["nginx", "h2o", "haproxy", "sluice"])
def test_configurations_for_tls_are_filled_in(made, tmp_path, name):
    text = filled(name, made, tmp_path, True).read_text()
    assert not re.findall(r"@\w+@", text)
    assert str(made.chain) in text or str(made.both) in text


@pytest.mark.parametrize("name", ["nginx", "h2o", "lighttpd"])
def test_configurations_without_tls_name_no_certificate(made, tmp_path, name):
    text = filled(name, made, tmp_path, False).read_text()
    assert not re.findall(r"@\w+@", text)
    assert "8443" in text
    assert "certificate" not in text


def test_the_configuration_of_sluice_is_toml(made, tmp_path):
    read = tomllib.loads(filled("sluice", made, tmp_path, True).read_text())
    assert read["certificate"] == [{"chain": str(made.chain), "key": str(made.key)}]
    assert read["listener"] == [{"address": "127.0.0.1:0", "tls": True}]
    assert read["site"] == [{"hosts": ["localhost"], "root": str(tmp_path)}]


def test_haproxy_is_measured_where_it_can_answer_and_nowhere_else():
    haproxy = servers.makers("sluice", "floor")["haproxy"]
    measured = {workload.name for workload in workloads.WORKLOADS
                if haproxy.serves(workload.name, workload.needs())}
    assert measured == {"tls-1k", "tls-full", "tls-resumed"} | servers.PROXIED
    assert haproxy.serves("tls-memory", idle_tls.NEEDS)
    assert not haproxy.serves("memory") and not haproxy.serves("syscalls")


def test_servers_without_tls_are_not_asked_for_it():
    makers = servers.makers("sluice", "floor")
    for name in ("floor", "lighttpd"):
        assert not makers[name].serves("tls-memory", idle_tls.NEEDS)
        assert not any(makers[name].serves(one.name, one.needs()) for one in TLS_WORKLOADS)


def bench_of(*names):
    makers = servers.makers("sluice", "floor")
    return speed.Bench({name: makers[name] for name in names}, pathlib.Path(), pathlib.Path(), 0,
                       None, None)


def test_the_floor_and_openssl_alone_stand_beside_the_servers():
    named = {workload.name: [(cell.server, cell.variant.name, cell.reference())
                             for cell in speed.cells_of(workload, bench_of("floor", "h2o"))]
             for workload in TLS_WORKLOADS}
    assert named["tls-1k"] == [("floor", "plain", None), ("h2o", "tls", None)]
    assert named["tls-full"] == [("h2o", "1.3 full", ("nginx", "1.3 full")),
                                 (speed.ALONE, "1.3 full", ("nginx", "1.3 full"))]
    assert (speed.ALONE, "1.2 resumed", (speed.ALONE, "1.2 full")) in named["tls-resumed"]


def test_targets_are_those_of_the_issue():
    targets = {(workload.name, variant.name): workload.target_of(variant)
               for workload in TLS_WORKLOADS for variant in workload.variants
               if workloads.Cell("sluice", variant).reference()}
    assert targets == {("tls-1k", "tls"): 0.85, ("tls-64k", "tls"): 0.75,
                       ("tls-full", "1.3 full"): 0.85, ("tls-resumed", "1.2 resumed"): 0.45,
                       ("tls-resumed", "1.3 resumed"): 0.92}
    assert [workload.beyond_alone for workload in TLS_WORKLOADS] == [None, None, 120.0, None]


def series_of(server, *microseconds):
    full = next(one for one in TLS_WORKLOADS if one.name == "tls-full")
    cell = workloads.Cell(server, full.variants[0])
    return (server, cell.variant.name), speed.Series(cell, [
        value and speed.Sample(1.0, None, None, value, 1.0) for value in microseconds])


@pytest.mark.parametrize("ours, said", [((330.0, None, 320.0), "met"), ((345.0, 350.0, 360.0),
                                                                        "missed"),
                                        ((None, None, None), "void")])
def test_what_lies_beyond_openssl_alone_is_judged(ours, said):
    full = next(one for one in TLS_WORKLOADS if one.name == "tls-full")
    series = dict([series_of("sluice", *ours), series_of("nginx", 400.0, 400.0, 400.0),
                   series_of(speed.ALONE, 220.0, 220.0, 210.0)])
    judged = {record["server"]: record for record in report.alone_records(full, series)}
    assert set(judged) == {"sluice", "nginx"}
    assert (judged["sluice"]["verdict"], judged["nginx"]["verdict"]) == (said, None)
    assert judged["nginx"]["microseconds"]["median"] == 180.0
    assert {record["peer"] for record in report.peer_records(full, series)} <= {"nginx"}


def counted(**changed):
    usual = {"requests": 1000, "resumed": 0, "errors": 0, "first_error": "", "microseconds": 1000}
    return handshakes.HandshakeLoad(**(usual | changed))


def test_rounds_of_the_wrong_kind_of_handshakes_are_void():
    assert counted().complaint(False) == ""
    assert counted(resumed=990).complaint(True) == ""
    assert "only 989 of 1000" in counted(resumed=989).complaint(True)
    assert "should be full" in counted(resumed=1).complaint(False)
    assert "2 errors, the first: x" in counted(errors=2, first_error="x").complaint(False)
    assert counted(requests=0).complaint(True) == "no request completed"


def test_handshakes_alone_of_the_wrong_kind_are_void():
    assert handshakes.AloneLoad(100, 0, 1.0).complaint(False) == ""
    assert handshakes.AloneLoad(100, 100, 1.0).complaint(True) == ""
    assert handshakes.AloneLoad(100, 0, 1.0).complaint(True) != ""


@pytest.mark.parametrize("version", ["--tls1.2", "--tls1.3"])
@pytest.mark.parametrize("resume", [False, True])
def test_the_load_makes_the_handshakes_it_is_asked_for(made, version, resume):
    flags = [version] + (["--resume"] if resume else [])
    with TlsServer(made) as server:
        result = load_once(server, *flags, "--connections", "2")
    assert result.complaint(resume) == ""
    assert result.requests >= 2


@pytest.mark.parametrize("answer, error", [
    (OK[:-1], "the answer is cut"),
    (OK + b"x", "the body is too long"),
    (OK.replace(b"200 OK", b"404 No"), "not a 200"),
    (b"", "no answer"),
])
def test_the_load_counts_wrong_answers_as_errors(made, answer, error):
    with TlsServer(made, answer) as server:
        result = load_once(server, "--tls1.3")
    assert (result.requests, result.first_error) == (0, error)
    assert result.errors > 0


def test_the_load_wants_the_protocol_chosen(made):
    with TlsServer(made, protocols=()) as server:
        result = load_once(server, "--tls1.3")
    assert result.first_error == "ALPN did not choose http/1.1"


def test_the_load_ends_when_nobody_listens():
    with closed_port() as port:
        done = subprocess.run([program("handshakes"), str(port), "x", "300", "--tls1.3"],
                              capture_output=True, text=True, check=False, timeout=60)
    assert "no connection" in done.stdout + done.stderr


def test_idle_connections_are_held_and_their_end_is_seen(made, tmp_path):
    document = tmp_path / "1k.bin"
    document.write_bytes(BODY)
    runner = handshakes.Handshakes(program("handshakes"), "", CORE, CORE)
    for close in (False, True):
        with TlsServer(made, keep=True) as server:
            with runner.hold(server.port, document, 12) as held:
                if close:
                    server.close_kept()
                assert held.closed() == (12 if close else 0)


def test_a_server_that_refuses_ends_the_hold_with_its_reason(made, tmp_path):
    document = tmp_path / "1k.bin"
    document.write_bytes(BODY)
    runner = handshakes.Handshakes(program("handshakes"), "", CORE, CORE)
    with TlsServer(made, b"HTTP/1.1 503 No\r\n\r\n" + BODY, keep=True) as server:
        with pytest.raises(handshakes.BenchError, match="not a 200"):
            runner.hold(server.port, document, 4)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("resumed", [False, True])
def test_openssl_alone_shakes_hands_as_asked(made, version, resumed):
    kind = workloads.Handshake(version, resumed)
    result = handshakes.Handshakes("", program("accept_alone"), CORE, CORE).alone(made, kind, 1)
    assert result.complaint(resumed) == ""
    assert 1 < result.microseconds / result.handshakes < 1e5
