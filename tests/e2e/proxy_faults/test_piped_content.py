"""Long content of a known length goes through a pipe of the kernel's, where both sides speak HTTP/1.1 in clear text.

The problem: octets that a process never sees can get lost, stay in a pipe for the next exchange, or wait for an event that
has already come. So: whole and in order both ways, cut when the upstream cuts, never of another exchange; and however full
the pipe becomes, what it held up goes on.
"""

import contextlib
import socket
import time

import pytest
from clients import read_to_end, request, reset, slow_socket
from fault_content import content, summary
from limited_server import logged, trace
from raw_connection import RawConnection
from small_upstream import Upstream, proxying
from sluice_server import wait_until

LENGTH = 3 * 1024 * 1024 + 17
PIECE = 700  # less than a page: the pipe is full long before it holds as much as it could


def target_of(head: bytes) -> str:
    return head.split()[1].decode()


def length_of(head: bytes) -> int:
    return next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)


def answer(connection, head, cut_at=LENGTH, piece=LENGTH):
    """The content of its target, or what came."""
    target, left = target_of(head), length_of(head)
    got = bytearray()
    while len(got) < left:
        got += connection.recv(min(left - len(got), 1 << 16)) or b"?" * left
    body = summary("PUT", target, left, "yes" if got == content(target, left) else "no") if left else content(target, LENGTH)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for at in range(0, min(len(body), cut_at), piece):
        connection.sendall(body[at:min(at + piece, cut_at)])


def answering(**options):
    def script(upstream, connection, _):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            answer(connection, upstream.read_head(connection), **options)
    return script


def put(target, length=LENGTH):
    return request(target, f"Content-Length: {length}", method="PUT")


@pytest.fixture(params=[1, 4])
def workers(request):
    return ["--workers", str(request.param)]


@pytest.mark.parametrize("pipes", [0, 1, 64])
def test_it_is_whole_both_ways_with_pipes_or_without(tmp_path, pipes):
    """upstream_pipes: what finds no pipe is copied."""
    with trace(tmp_path, "splice") as (prefix, calls), Upstream(answering()) as upstream, \
            proxying(upstream, f"upstream_pipes={pipes}", prefix=prefix, more=["--workers", "1"]) as server, \
            contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawConnection(server.address, 60)) for _ in range(3)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.send(request(f"/down/{turn}/{number}"))
            for number, client in enumerate(clients):
                assert client.response().body == content(f"/down/{turn}/{number}", LENGTH)
            for number, client in enumerate(clients):
                client.send(put(f"/up/{turn}/{number}") + content(f"/up/{turn}/{number}", LENGTH))
                assert client.response("PUT").body == summary("PUT", f"/up/{turn}/{number}", LENGTH, "yes")
        assert (len(calls()) > 0) == (pipes > 0)


@pytest.mark.parametrize("descriptors, pipes", [(16 * 16 - 1, 0), (16 * 16, 1)])
def test_all_pipes_take_an_eighth_of_the_descriptors_at_most(tmp_path, descriptors, pipes):
    with trace(tmp_path, "splice") as (prefix, calls), Upstream(answering()) as upstream, \
            proxying(upstream, prefix=["prlimit", f"--nofile={descriptors}", *prefix], more=["--workers", "16"]) as server, \
            RawConnection(server.address, 60) as client:
        client.send(request("/down"))
        assert client.response().body == content("/down", LENGTH)
        assert (len(calls()) > 0) == (pipes > 0)


def test_a_full_pipe_holds_nothing_up_for_ever(workers):
    """Small pieces fill it while the client reads nothing; then the client reads on, and no other event comes."""
    with Upstream(answering(piece=PIECE)) as upstream, proxying(upstream, more=workers) as server, \
            slow_socket(server.address, 4096, 60) as client:
        client.sendall(request("/down", "Connection: close"))
        time.sleep(0.5)
        octets, _ = read_to_end(client)
        assert octets.endswith(content("/down", LENGTH)[-LENGTH:]) and len(octets) > LENGTH


def test_an_upstream_that_reads_late_gets_all(workers):
    def late(upstream, connection, _):
        head = upstream.read_head(connection)
        time.sleep(0.5)
        answer(connection, head)

    with Upstream(late) as upstream, proxying(upstream, more=workers) as server, RawConnection(server.address, 60) as client:
        length = 16 * 1024 * 1024  # more than the kernel holds for it
        client.send(put("/up", length))
        octets = content("/up", length)
        for at in range(0, LENGTH, PIECE):
            client.send(octets[at:at + PIECE])
        client.send(octets[at + PIECE:])
        assert client.response("PUT").body == summary("PUT", "/up", length, "yes")


@pytest.mark.parametrize("cut_at", [1_000_000, LENGTH - 1])
def test_an_upstream_that_cuts_is_seen_to(workers, cut_at):
    def script(upstream, connection, _):
        answer(connection, upstream.read_head(connection), cut_at=cut_at)

    with Upstream(script) as upstream, proxying(upstream, more=workers) as server, \
            socket.create_connection(server.address, 30) as client:
        client.sendall(request("/down"))
        octets, _ = read_to_end(client)
        body = octets.partition(b"\r\n\r\n")[2]
        assert len(body) <= cut_at and content("/down", LENGTH).startswith(body)
        wait_until(lambda: logged(server), 20, "a line in the log")
        assert logged(server)[0]["complete"] is False
        assert logged(server)[0]["cause"] == "closed within the content"


def test_what_a_cut_exchange_left_in_a_pipe_is_nobodys(workers):
    """Clients leave in the middle, both ways, and those who come then get what is theirs."""
    with Upstream(answering()) as upstream, proxying(upstream, *["upstream_pipes=2"], more=workers) as server:
        for turn in range(8):
            with slow_socket(server.address, 4096, 30) as leaving:
                leaving.sendall(request(f"/left/{turn}"))
                assert leaving.recv(1000)
                reset(leaving)
            with RawConnection(server.address, 30) as leaving:
                leaving.send(put(f"/left/up/{turn}") + content("/x", LENGTH // 2))
            with RawConnection(server.address, 60) as client:
                for target in (f"/down/{turn}", f"/again/{turn}"):
                    client.send(request(target))
                    assert client.response().body == content(target, LENGTH)
                client.send(put("/up") + content("/up", LENGTH))
                assert client.response("PUT").body == summary("PUT", "/up", LENGTH, "yes")


def test_an_early_answer_ends_an_upload_that_was_piped(workers):
    """And what the client sends on is not another's."""
    def refusing(upstream, connection, number):
        upstream.read_head(connection)
        connection.recv(300_000)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        while connection.recv(1 << 16):
            pass

    with Upstream(refusing) as upstream, proxying(upstream, more=workers) as server:
        for _ in range(3):
            with RawConnection(server.address, 30) as client:
                client.send(put("/up", 1 << 30) + content("/up", LENGTH // 2))
                assert client.response("PUT").status == 413


def test_content_behind_the_piped_is_the_next_request(workers):
    """A pipeline: the pipe takes what belongs to the upload, and not one octet more."""
    with Upstream(answering()) as upstream, proxying(upstream, more=workers) as server, \
            RawConnection(server.address, 60) as client:
        client.send(put("/up") + content("/up", LENGTH) + request("/down") + put("/more") + content("/more", LENGTH))
        assert client.response("PUT").body == summary("PUT", "/up", LENGTH, "yes")
        assert client.response().body == content("/down", LENGTH)
        assert client.response("PUT").body == summary("PUT", "/more", LENGTH, "yes")
