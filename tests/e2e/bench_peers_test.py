"""What bench/peers demands of every answer, and the configurations it writes: a harness that counts
the wrong responses flatters."""

import importlib
import pathlib
import socket
import subprocess
import sys
import threading

import pytest
from sluice_server import sluice_binary

PEERS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"


def load(*names):
    """The harness's modules; its short names do not stay, so that they shadow none of ours."""
    before = dict(sys.modules)
    sys.path.insert(0, str(PEERS))
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(PEERS))
        for name in set(sys.modules) - set(before):
            del sys.modules[name]


client, configurations, workloads, wrk = load("client", "configurations", "workloads", "wrk")


def load_of(requests, octets, **errors):
    none = dict.fromkeys(["connect_errors", "read_errors", "write_errors", "status_errors",
                          "timeouts"], 0)
    return wrk.Load(requests=requests, bytes=octets, microseconds=1_000_000, p50=1, p99=2,
                    **(none | errors))


def test_a_round_of_expected_answers_counts():
    assert load_of(1000, 250_000).complaint(250, 64) == ""


def test_answers_cut_by_the_end_of_a_round_are_allowed_for():
    assert load_of(1000, 250_000 + 64 * 250).complaint(250, 64) == ""
    assert load_of(1000, 250_000 + 64 * 250 + 1).complaint(250, 64) != ""


@pytest.mark.parametrize("octets", [
    1000 * 250 - 1,  # one answer was an octet short
    1000 * 1250,  # whole files where a 304 was expected
    999 * 250 + 65536,  # a single one that was far larger than the others
])
def test_answers_of_another_size_make_a_round_void(octets):
    assert "bytes for 1000 responses of 250" in load_of(1000, octets).complaint(250, 64)


def test_errors_and_silence_make_a_round_void():
    assert "3 timeouts" in load_of(1000, 250_000, timeouts=3).complaint(250, 64)
    assert "no request completed" in load_of(0, 0).complaint(250, 64)


def test_only_what_every_variant_needs_is_asked_of_a_server():
    needs = {workload.name: workload.needs() for workload in workloads.WORKLOADS}
    assert needs["1k"] == set()
    assert needs["log"] == {"log"}
    assert needs["304"] == {"304"}
    assert needs["range"] == {"fields"}
    assert needs["sites"] == {"fields", "sites"}


def test_every_variant_is_compared_with_one_of_its_workload():
    for workload in workloads.WORKLOADS:
        names = {variant.name for variant in workload.variants}
        known = {None, ("floor", "plain")} | {("any", name) for name in names}
        known |= {(server, name) for server in ("nginx", "h2o", "nghttpd", workloads.BEST)
                  for name in names}
        cells = [workloads.Cell("any", variant) for variant in workload.variants]
        assert {cell.reference() for cell in cells} <= known
    of_304 = {variant.name: workloads.Cell("s", variant).reference()
                 for workload in workloads.WORKLOADS if workload.name == "304"
                 for variant in workload.variants}
    assert of_304 == {"plain": None, "304": ("s", "plain"), "pipelined": None,
                      "304 pipelined": ("s", "pipelined")}


def test_the_places_of_the_large_file_are_alike_long_apart_and_inside_it():
    ends = [tuple(map(int, place.removeprefix("bytes=").split("-"))) for place in workloads.PLACES]
    assert len(ends) == 64
    assert all(end - begin + 1 == 64 * 1024 for begin, end in ends)
    assert all(end < following for (_, end), (following, _) in zip(ends, ends[1:]))
    assert all(100_000_000 <= begin and end < 1_000_000_000 for begin, end in ends)
    assert len({begin % 4096 for begin, _ in ends}) == 1


def test_expected_bodies(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(100)))
    site = tmp_path / configurations.SITES_FOLDER / "h.example"
    site.mkdir(parents=True)
    (site / "a.bin").write_bytes(b"of a site")
    variant = workloads.Variant

    def body(one, value=""):
        return workloads.expected_body(tmp_path, one, "a.bin", value)

    assert body(variant("plain")) == bytes(range(100))
    assert body(variant("304", status=304), '"tag"') == b""
    assert body(variant("range", status=206), "bytes=10-12") == bytes([10, 11, 12])
    assert body(variant("one", sites=1), "h.example") == bytes(range(100))
    assert body(variant("many", sites=2), "h.example") == b"of a site"


def test_a_field_of_the_variant_replaces_host():
    assert client.request(80, "a", (("Host", "b"),)) == b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n"
    assert client.request(80, "a", (("Range", "bytes=0-0"),)) == (
        b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nRange: bytes=0-0\r\n\r\n")


def answer_with(octets):
    ours, theirs = socket.socketpair()
    threading.Thread(target=lambda: (theirs.sendall(octets), theirs.close())).start()
    with ours:
        return client.read_response(ours)


def test_a_304_has_no_body_whatever_length_it_names():
    head = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
    response, rest = answer_with(head + b"HTTP/")
    assert (response.status, response.body, response.size) == (304, b"", len(head))
    assert rest == b"HTTP/"


def test_size_is_head_and_body():
    head = b"HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nContent-Length: 3\r\n\r\n"
    response, _ = answer_with(head + b"abc")
    assert (response.size, response.fields["etag"]) == (len(head) + 3, '"x"')
    with pytest.raises(ConnectionError):
        answer_with(head + b"ab")


@pytest.mark.parametrize("included", [False, True])
def test_configurations_are_what_the_reader_takes(tmp_path, included):
    folder = tmp_path / "docs"
    for number in range(3):
        (folder / configurations.host(number)).mkdir(parents=True)
    path = tmp_path / "whole.toml"
    path.write_text(configurations.many_sites(3, folder))
    if included:
        path = configurations.write_included(3, folder, tmp_path)
    done = subprocess.run([sluice_binary(), "check", "-c", path], capture_output=True, text=True,
                          check=False)
    assert done.stdout.endswith(": 3 sites, 30 routes, no errors, no warnings\n"), done.stdout
    assert configurations.ROUTES_OF_A_SITE == 10
