"""What bench/peers does for proxies: that each configuration really is a proxy which keeps its connections
to the origin, which rounds count, and whom the figures are compared with."""

import dataclasses
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from bench_peers_test import load
from sluice_server import sluice_binary

CORE = min(os.sched_getaffinity(0))
OURS = ("floor", "splice")
PROXIES = OURS + ("sluice", "nginx", "h2o", "haproxy")
CLIENTS, TURNS = 4, 50
UPLOAD = 1024 * 1024

(certificate, client, errors, h2load, paced, proxying, report, servers, speed, workloads,
 wrk) = load("certificate", "client", "errors", "h2load", "paced", "proxying", "report", "servers", "speed",
             "workloads", "wrk")

PROXY_WORKLOADS = {one.name: one for one in workloads.WORKLOADS if one.name.startswith("proxy-")}


def program(name):
    """One of the harness's, of the same build as Sluice. `./dev test e2e` builds them."""
    return str(sluice_binary().parent / "bench" / "peers" / name)


@pytest.fixture(scope="module")
def temp():
    """A folder that nginx can enter, which drops to another user when root starts it; pytest's cannot
    be entered."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def docs(temp):
    folder = temp / "docs"
    folder.mkdir()
    folder.chmod(0o755)
    for name in ("1k.bin", "64k.bin"):
        (folder / name).write_bytes(os.urandom(workloads.DOCUMENTS[name]))
        (folder / name).chmod(0o644)
    return folder


@pytest.fixture(scope="module")
def origin(docs, temp):
    started = proxying.start_origin(docs, temp, CORE)
    yield started
    started.running.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificate.make(tmp_path_factory.mktemp("tls") / "certificate")


@pytest.fixture
def start(docs, origin, temp):
    """Starts proxies by name, and ends them."""
    running = []

    def start_one(name, cert=None):
        maker = servers.makers(str(sluice_binary()), program("floor"))[name]
        assert maker.found(), maker.package
        site = servers.Site(docs, "1k.bin", "held", certificate=cert, http2=cert is not None,
                            origin=origin.port)
        running.append(servers.start(maker, site, temp, CORE))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


def ask(port, document, turns):
    """So many GETs on one kept connection; their statuses and bodies."""
    with client.connect(port) as peer:
        held, answers = b"", []
        for _ in range(turns):
            peer.sendall(client.request(port, document))
            answer, held = client.read_response(peer, held)
            answers.append((answer.status, answer.body))
        return answers


def ask_at_once(port, document):
    """GETs on several kept connections at a time."""
    answers = [[] for _ in range(CLIENTS)]
    threads = [threading.Thread(target=lambda into=into: into.extend(ask(port, document, TURNS)))
               for into in answers]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return [answer for some in answers for answer in some]


@pytest.mark.parametrize("name", PROXIES)
def test_each_proxy_forwards_on_kept_connections(name, start, docs, origin):
    proxy = start(name)
    before = origin.accepted()
    for document in ("1k.bin", "64k.bin"):
        answers = ask_at_once(proxy.port, document)
        assert answers == [(200, (docs / document).read_bytes())] * (CLIENTS * TURNS)
    # One per client and document, the question itself, and what the clients' turns may have crossed.
    assert 2 <= origin.accepted() - before <= 4 * CLIENTS + 1


@pytest.mark.parametrize("name", PROXIES)
def test_each_proxy_forwards_an_upload_whole(name, start, origin):
    proxy = start(name)
    proxying.check_upload(proxy.port, UPLOAD)
    time.sleep(0.6)  # Sluice sends no POST on a kept connection before it has seen one last for a while
    before = origin.accepted()
    for _ in range(5):
        proxying.check_upload(proxy.port, UPLOAD)
    # The floors' connections follow their clients'; what is read and dropped takes one more inside.
    assert origin.accepted() - before <= (5 if name in OURS else 0) + 2


@pytest.mark.parametrize("name", [name for name in PROXIES if name not in OURS])
def test_each_proxy_takes_http2_over_tls(name, start, docs, made):
    proxy = start(name, made)
    speed._check_tls(proxy, ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "h2"))
    got = client.fetch_multiplexed(proxy.port, "1k.bin", str(made.chain))
    assert got == (200, "2", (docs / "1k.bin").read_bytes())


def test_what_comes_through_is_checked_before_it_is_measured(start, docs, origin, tmp_path):
    proxy = start("nginx")
    bench = speed.Bench(servers.makers("sluice", "floor"), docs, tmp_path, CORE, None, None,
                        origin=origin)
    one_k = PROXY_WORKLOADS["proxy-1k"]
    asked = speed._find_out(proxy, one_k, one_k.variants[0], bench)
    assert asked == speed.Asked("1k.bin", None, client.fetch(proxy.port, "1k.bin").size)
    (tmp_path / "1k.bin").write_bytes(b"x" * 1024)
    with pytest.raises(errors.BenchError, match="does not serve 1k.bin as it is"):
        speed._find_out(proxy, one_k, one_k.variants[0], dataclasses.replace(bench, docs=tmp_path))


@pytest.mark.parametrize("name", ["proxy-upload", "proxy-p99", "proxy-h2-1k"])
def test_a_workload_is_measured_from_start_to_end(name, docs, made, temp, monkeypatch):
    """With a smaller upload and a lower rate than otherwise, so that a busy machine can hold them."""
    before = set(temp.iterdir())
    monkeypatch.setattr(proxying, "RATE_SHARE", 0.02)
    one = PROXY_WORKLOADS[name]
    if name == "proxy-upload":
        smaller = dataclasses.replace(one.variants[0], upload=UPLOAD)
        one = dataclasses.replace(one, variants=(smaller,))
    haproxy = servers.makers("sluice", "floor")["haproxy"]
    bench = speed.Bench({"haproxy": haproxy}, docs, temp, CORE, wrk.Wrk(CORE, temp), print, made, None,
                        h2load.H2Load(CORE), paced.Paced(program("paced"), CORE), CORE)
    (series,) = speed.measure(one, bench, rounds=1, seconds=1, seed=1).values()
    (sample,) = series.samples
    assert sample is not None, series.complaints
    assert 1 < sample.cpu_microseconds < 1e6 and sample.per_second > 0
    assert (sample.p99 is None) == (name == "proxy-h2-1k")
    assert {one.suffix for one in set(temp.iterdir()) - before} <= {".lua"}  # all servers have ended


def answering(octets):
    """The port of a server that reads one request's head and answers with these octets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as peer:
            while not peer.recv(1 << 20).endswith(b"x" * 10):
                pass
            peer.sendall(octets)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nReceived: 99\r\n\r\nread\n",  # not the whole body
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nread\n",  # not the origin's
    b"HTTP/1.1 413 No\r\nContent-Length: 5\r\nReceived: 999\r\n\r\nread\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nReceived: 999\r\n\r\nread",
])
def test_an_upload_that_the_origin_did_not_read_is_noticed(answer):
    with pytest.raises(errors.BenchError, match="an upload of 100 octets"):
        proxying.check_upload(answering(answer), 100)


def test_a_round_whose_connections_are_not_kept_is_void():
    assert proxying.complaint(accepted=129, requests=10_000, under_way=64) == ""
    assert proxying.complaint(accepted=228, requests=10_000, under_way=64) == ""
    assert "229 connections" in proxying.complaint(accepted=229, requests=10_000, under_way=64)


def test_the_rate_is_half_the_slowest_peers_maximum():
    maxima = [("floor", 90.0), ("sluice", 10.0), ("nginx", 40.0), ("h2o", 30.0), ("haproxy", None)]
    assert proxying.fixed_rate(maxima) == 15
    assert proxying.fixed_rate(maxima[:2]) == 5
    with pytest.raises(errors.BenchError, match="no rate"):
        proxying.fixed_rate([("nginx", None)])


def test_loads_and_targets_are_those_of_the_issue():
    found = {name: (one.connections, workloads.Cell("sluice", one.variants[0]).reference()[0],
                    one.target, one.figure) for name, one in PROXY_WORKLOADS.items()}
    cpu, best = "cpu_microseconds", workloads.BEST
    assert found == {"proxy-1k": (64, "floor", 1.20, cpu), "proxy-64k": (64, "floor", 1.35, cpu),
                     "proxy-h2-1k": (16, best, 0.90, cpu), "proxy-upload": (8, best, 0.90, cpu),
                     "proxy-p99": (64, best, 1.10, "p99")}
    assert set(found) == servers.PROXIED
    assert {name for name, one in PROXY_WORKLOADS.items() if one.paced} == {"proxy-p99"}


def test_every_proxy_is_measured_in_the_same_run(docs, tmp_path):
    bench = speed.Bench(servers.makers("sluice", "floor"), docs, tmp_path, CORE, None, None)
    ours = {"proxy-h2-1k": set(), "proxy-64k": set(OURS), "proxy-upload": set(OURS)}
    for name, one in PROXY_WORKLOADS.items():
        found = {cell.server for cell in speed.cells_of(one, bench)}
        assert found == {"sluice", "nginx", "h2o", "haproxy"} | ours.get(name, {"floor"})


def series_of(workload, figures):
    """A cell per server whose figures, round by round, are these; None is a void round."""
    variant = workload.variants[0]

    def sample(value):
        return value and speed.Sample(1.0, 1, value, value, 0.5)

    return {(name, variant.name): speed.Series(workloads.Cell(name, variant), list(map(sample, values)))
            for name, values in figures.items()}


FIGURES = {"floor": [10.0, 10.0, 10.0], "splice": [5.0, 5.0, 5.0], "sluice": [12.0, 13.0, 12.0], "nginx": [20.0, None, 20.0],
           "h2o": [16.0, 15.0, 90.0], "haproxy": [17.0, 17.0, 17.0]}


@pytest.mark.parametrize("name", ["proxy-upload", "proxy-p99"])
def test_the_best_peer_is_the_one_with_the_least_median(name):
    records = report.speed_records(PROXY_WORKLOADS[name], series_of(PROXY_WORKLOADS[name], FIGURES))
    by_server = {record["server"]: record for record in records}
    assert {record["reference"] for record in records} == {"h2o plain"}
    assert by_server["sluice"]["ratio"]["median"] == 0.75
    assert by_server["h2o"]["times_best"]["median"] == 1.0
    assert by_server["sluice"]["times_floor"]["median"] == 1.2
    assert (by_server["sluice"]["verdict"], by_server["nginx"]["verdict"]) == ("met", None)


def test_without_peers_there_is_no_best(tmp_path):
    upload = PROXY_WORKLOADS["proxy-upload"]
    ours = {name: FIGURES[name] for name in ("floor", "sluice")}
    records = report.speed_records(upload, series_of(upload, ours))
    assert [record["ratio"] for record in records] == [None, None]
    assert [record["times_best"] for record in records] == [None, None]


def test_the_table_shows_both_comparisons():
    one_k = PROXY_WORKLOADS["proxy-1k"]
    series = series_of(one_k, FIGURES | {"nginx": [None, None, None]})
    results = {"speed": report.speed_records(one_k, series), "peers": report.peer_records(one_k, series)}
    lines = report._speed_table("proxy-1k", results).splitlines()
    assert re.search(r"x floor +interval +x best peer +interval +target", lines[1])
    sluice = next(line for line in lines if line.strip().startswith("sluice"))
    assert re.search(r" 1\.200 +\[1\.200, 1\.300\] +0\.750 .* <= 1\.20 +open", sluice)
    assert re.search(r"nginx +void$", "\n".join(lines), re.MULTILINE)


def pace(port, size, rate=200, connections=4):
    return paced.Paced(program("paced"), CORE).run(port, "1k.bin", size, connections, rate, 1)


def test_the_fixed_rate_is_held_and_every_answer_counted(start, docs):
    proxy = start("floor")
    got = pace(proxy.port, client.fetch(proxy.port, "1k.bin").size)
    assert got.complaint() == ""
    assert (got.requests, got.due) == (200, 200)
    assert 150 < got.per_second() <= 202
    assert 0 < got.p50 <= got.p99 <= got.greatest < 1_000_000


@pytest.mark.parametrize("document, more", [("1k.bin", -1), ("1k.bin", 1), ("none.bin", 0)])
def test_other_answers_are_no_answers(start, document, more):
    proxy = start("floor")
    size = client.fetch(proxy.port, document).size + more
    got = paced.Paced(program("paced"), CORE).run(proxy.port, document, size, 4, 200, 1)
    assert (got.requests, got.unanswered) == (0, 200)
    assert "200 unanswered" in got.complaint()


class Stalling:
    """Answers each request on one connection, but the tenth 300 ms late."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        count = 0
        with self._listener, self._listener.accept()[0] as peer:
            while got := peer.recv(65536):
                for _ in range(got.count(b"\r\n\r\n")):
                    count += 1
                    threading.Event().wait(0.3 if count == 10 else 0)
                    peer.sendall(self.ANSWER)

    def join(self):
        self._thread.join(10)


def test_a_stall_is_charged_to_all_that_were_due_meanwhile():
    server = Stalling()
    got = pace(server.port, len(Stalling.ANSWER), rate=100, connections=1)
    server.join()
    assert got.complaint() == ""
    # Thirty were due during the stall. Counted from when they left, only one would have been slow, which
    # is the hundredth's right to be; from when they were due, p99 is nearly all of the stall.
    assert got.p99 > 250_000


def test_arguments_that_are_none_are_refused():
    for arguments in (["0", "a", "1", "1", "1", "1"], ["1", "a", "1", "x", "1", "1"], ["1"]):
        done = subprocess.run([program("paced"), *arguments], capture_output=True, text=True,
                              check=False, timeout=10)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage: paced" in done.stderr
    for arguments in (["copy", "0"], ["copy", "70000"], ["splice", "12x"], ["move", "80"], ["copy"]):
        done = subprocess.run([program("proxy_floor"), *arguments], capture_output=True, text=True,
                              check=False, timeout=10)
        assert done.returncode == 2 and "usage: proxy_floor" in done.stderr


def test_every_template_is_filled(docs, made, tmp_path):
    """No marker is left over, with TLS or without."""
    for name in ("nginx", "h2o", "haproxy", "sluice"):
        for cert in (None, made):
            site = servers.Site(docs, "1k.bin", "held", certificate=cert, http2=cert is not None,
                                origin=4321)
            text = pathlib.Path(servers._configure(name, site, tmp_path, 1234)).read_text()
            assert "@" not in text and "127.0.0.1:4321" in text
