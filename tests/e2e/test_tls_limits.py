"""The limits of conf/limits.h that are about TLS, met through a real socket; handshake_timeout and key_updates are met in
test_hostile_tls.py.
"""

import contextlib
import re
import shutil
import socket

import pytest
from limited_server import standing_still, trace
from raw_tls_connection import TlsClient
from sluice_server import wait_until
from tls_clients import client_context, octets_of, shown_to, tls_server


FLIGHT = r'"\\26\\3\\3'  # as strace writes the first octets of a record: a handshake's


@pytest.mark.parametrize("limit, most", [(1, 1), (3, 3), (1000, 30)])
def test_an_iteration_takes_so_many_handshakes_a_step_further(tmp_path, shared_site, authority, limit, most):
    """turn_handshakes: thirty ClientHellos lie there at once; how many are answered between two looks at the sockets."""
    with trace(tmp_path, "sendto,sendmsg,epoll_wait") as (prefix, calls):
        hello = TlsClient(client_context(authority.certificate)).shake_hands()
        top = f"[limits]\nturn_handshakes = {limit}\n"
        with tls_server(tmp_path, [authority.issue()], top, root=shared_site, prefix=prefix) as server, \
                contextlib.ExitStack() as stack:
            with standing_still(server):
                for _ in range(30):
                    one = stack.enter_context(socket.create_connection(server.address, 30))
                    one.sendall(hello)

            def answered():
                return [len(re.findall(FLIGHT, turn)) for turn in "\n".join(calls()).split("epoll_wait")]

            wait_until(lambda: sum(answered()) == 30, 20, "answering all")
            assert max(answered()) <= most
            assert limit < 1000 or max(answered()) > 3


@pytest.mark.parametrize("limit, is_served", [("20ms", True), ("1h", False)])
def test_certificates_are_looked_at_after_so_long(tmp_path, shared_site, authority, limit, is_served):
    """certificate_check: a renewed one is served after two looks."""
    old, new = authority.issue(), authority.issue()
    before = octets_of(old)
    top = f'[limits]\ncertificate_check = "{limit}"\n'
    with tls_server(tmp_path, [old], top, root=shared_site) as server:
        assert shown_to(server.address, "localhost") == before
        for source, target in (new.key, old.key), (new.chain, old.chain):
            fresh = target.with_suffix(".new")
            shutil.copy(source, fresh)
            fresh.rename(target)
        if is_served:
            wait_until(lambda: shown_to(server.address, "localhost") == octets_of(new), 20, "the renewed one")
            return
        for _ in range(20):
            assert shown_to(server.address, "localhost") == before
