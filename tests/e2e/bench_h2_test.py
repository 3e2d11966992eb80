"""What bench/peers does for HTTP/2: how it reads h2load's summary, which rounds it lets count, and what it
demands of a server before it measures it."""

import dataclasses
import os
import pathlib
import shutil

import pytest
from bench_peers_test import load
from ports import closed_port
from sluice_server import sluice_binary

SUMMARY = """\
TLS Protocol: TLSv1.3
Cipher: TLS_AES_256_GCM_SHA384
Server Temp Key: X25519 253 bits
Application protocol: h2
Stopped all clients for thread #0

finished in 2.00s, 500.50 req/s, 197.48MB/s
requests: 1001 total, 1033 started, 1001 done, 1001 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 1002 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 197.48MB (207075342) total, 2.25MB (2359388) headers (space savings 93.75%), 1MB (1025124) data
                     min         max         mean         sd        +/- sd
time for request:      105us      9.59ms      2.24ms      1.15ms    67.52%
"""
SIZE, UNDER_WAY = 1024, 32
CORE = min(os.sched_getaffinity(0))

(certificate, client, errors, h2load, servers, speed,
 workloads) = load("certificate", "client", "errors", "h2load", "servers", "speed", "workloads")

H2_WORKLOADS = [one for one in workloads.WORKLOADS if one.name.startswith("h2-")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificate.make(tmp_path_factory.mktemp("h2") / "certificate")


@pytest.fixture(scope="module")
def site(made, tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    (docs / "1k.bin").write_bytes(bytes(range(256)) * 4)
    return servers.Site(docs, "1k.bin", "held", certificate=made, http2=True)


def bench_of(site, temp, *names):
    makers = servers.makers(str(sluice_binary()), "floor")
    return speed.Bench({name: makers[name] for name in names}, site.docs, temp, CORE, None, None,
                       site.certificate, None, h2load.H2Load(CORE))


@pytest.fixture(scope="module")
def sluice(site, tmp_path_factory):
    running = bench_of(site, tmp_path_factory.mktemp("own"), "sluice").start("sluice", site)
    yield running
    running.stop()


def test_the_summary_is_read_as_it_stands():
    got = h2load.read(SUMMARY)
    assert (got.requests, got.started, got.succeeded) == (1001, 1033, 1001)
    assert (got.of_2xx, got.other_statuses, got.octets) == (1002, 0, 1_025_124)
    assert got.negotiated == h2load.NEGOTIATED == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "h2")
    assert (got.per_second(), got.microseconds) == (500.5, 2_000_000.0)
    assert (got.p50, got.p99) == (None, None)
    assert got.complaint(SIZE, UNDER_WAY) == ""


@pytest.mark.parametrize("line", ["finished in", "requests:", "status codes:", "traffic:"])
def test_a_summary_without_one_of_its_lines_is_an_error(line):
    cut = "\n".join(one for one in SUMMARY.splitlines() if not one.startswith(line))
    with pytest.raises(errors.BenchError, match="no line"):
        h2load.read(cut)


@pytest.mark.parametrize("change, said", [
    ({"failed": 1}, "1 failed"),
    ({"errored": 2}, "2 errored"),
    ({"timeouts": 3}, "3 timed out"),
    ({"succeeded": 1000}, "1 done without success"),
    ({"other_statuses": 1}, "1 statuses other than 2xx"),
    ({"of_2xx": 1000}, "1 answers without status"),
    ({"started": 1034}, "1 requests lost"),
    ({"octets": 1001 * SIZE - 1}, "octets for 1001 bodies of 1024"),
    ({"octets": (1001 + UNDER_WAY) * SIZE + 1}, "octets for 1001 bodies of 1024"),
    ({"negotiated": ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "h2")}, "TLS_AES_128_GCM_SHA256"),
    ({"negotiated": ("TLSv1.2", "TLS_AES_256_GCM_SHA384", "h2")}, "TLSv1.2"),
    ({"negotiated": ("", "", "")}, "agreed to"),
    ({"said": "client could not connect to host"}, "could not connect"),
    ({"requests": 0, "succeeded": 0, "octets": 0}, "no request completed"),
])
def test_a_round_with_anything_but_good_answers_is_void(change, said):
    assert said in dataclasses.replace(h2load.read(SUMMARY), **change).complaint(SIZE, UNDER_WAY)


def test_answers_cut_by_the_end_of_a_round_are_allowed_for():
    octets = (1001 + UNDER_WAY) * SIZE
    whole = dataclasses.replace(h2load.read(SUMMARY), octets=octets)
    assert whole.complaint(SIZE, UNDER_WAY) == ""


def test_nothing_said_by_nobody_is_no_rate():
    assert dataclasses.replace(h2load.read(SUMMARY), rate=0.0).microseconds == 0.0


def test_every_server_that_speaks_it_is_measured_in_the_same_run(tmp_path, site):
    names = ("floor", "sluice", "nginx", "h2o", "nghttpd", "lighttpd", "haproxy")
    for workload in H2_WORKLOADS:
        cells = speed.cells_of(workload, bench_of(site, tmp_path, *names))
        assert {cell.server for cell in cells} == {"sluice", "nginx", "h2o", "nghttpd"}
    nghttpd = servers.makers("sluice", "floor")["nghttpd"]
    others = [one for one in workloads.WORKLOADS if one not in H2_WORKLOADS]
    assert not any(nghttpd.serves(one.name, one.needs()) for one in others)
    assert not nghttpd.serves("memory") and not nghttpd.serves("syscalls")


def test_loads_and_targets_are_those_of_the_issue():
    found = {(workload.name, dataclasses.astuple(variant.multiplexed)):
             (workloads.Cell("sluice", variant).reference(), workload.target_of(variant))
             for workload in H2_WORKLOADS for variant in workload.variants}
    assert found == {("h2-1k", (16, 32)): (("nghttpd", "16 x 32"), 0.75),
                     ("h2-64k", (16, 8)): (("h2o", "16 x 8"), 0.90),
                     ("h2-one", (16, 32)): (None, 1.00),
                     ("h2-one", (1, 100)): (("sluice", "16 x 32"), 1.00)}
    assert [one.document for one in H2_WORKLOADS] == ["1k.bin", "64k.bin", "1k.bin"]


@pytest.mark.parametrize("http2", [False, True])
def test_nginx_offers_it_where_it_is_asked_for_alone(site, tmp_path, http2):
    path = servers._configure("nginx", dataclasses.replace(site, http2=http2), tmp_path, 8443)
    listen = "listen 127.0.0.1:8443 ssl http2 backlog" if http2 else "listen 127.0.0.1:8443 ssl backlog"
    assert listen in path.read_text()


def test_nghttpd_gets_one_worker_and_the_certificate_of_all(site, tmp_path):
    command = servers.makers("sluice", "floor")["nghttpd"].command("nghttpd", site, tmp_path, 8443)
    assert command == ["nghttpd", "--workers=1", "--address=127.0.0.1", f"--htdocs={site.docs}",
                       "8443", str(site.certificate.key), str(site.certificate.chain)]


def test_a_server_is_asked_for_its_octets_over_http2(sluice, site, tmp_path):
    one_k, bench = H2_WORKLOADS[0], bench_of(site, tmp_path, "sluice")
    asked = speed._find_out(sluice, one_k, one_k.variants[0], bench)
    assert asked == speed.Asked("1k.bin", None, 1024)
    changed = dataclasses.replace(bench, docs=tmp_path)
    (tmp_path / "1k.bin").write_bytes(b"x" * 1024)
    with pytest.raises(errors.BenchError, match="1024 of 1024 octets"):
        speed._find_out(sluice, one_k, one_k.variants[0], changed)
    with pytest.raises(FileNotFoundError):
        (tmp_path / "1k.bin").unlink()
        speed._find_out(sluice, one_k, one_k.variants[0], changed)


def test_a_server_without_http2_is_not_measured(sluice):
    plain = dataclasses.replace(sluice, tls=client.tls_context(chain_of(sluice), "http/1.1"))
    with pytest.raises(errors.BenchError, match="agreed to TLSv1.3, .*, http/1.1, not to .*, h2"):
        speed._check_tls(plain, h2load.NEGOTIATED)


def chain_of(running):
    """The chain that the running server's configuration names."""
    lines = (pathlib.Path(running.temp) / "sluice.conf").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("chain"))


def test_one_round_of_the_load(sluice):
    if not shutil.which("h2load"):
        pytest.skip("h2load is not installed: apt package nghttp2-client")
    shape = workloads.Multiplexed(2, 4)
    got = h2load.H2Load(CORE).run(sluice.url("1k.bin"), shape, 1)
    assert got.complaint(1024, 8) == ""
    missing = h2load.H2Load(CORE).run(sluice.url("none.bin"), shape, 1)
    assert "statuses other than 2xx" in missing.complaint(1024, 8)


def test_a_load_that_finds_nobody_does_not_count():
    if not shutil.which("h2load"):
        pytest.skip("h2load is not installed: apt package nghttp2-client")
    with closed_port() as port:
        url = f"https://localhost:{port}/1k.bin"
        try:
            said = h2load.H2Load(CORE).run(url, workloads.Multiplexed(1, 1), 1).complaint(1024, 1)
        except errors.BenchError as error:
            said = str(error)
    assert said
