"""A proxy in front of many scripted upstreams: one route and one upstream for each case of the catalogue.

The problem: hundreds of cases, each over several versions and numbers of workers, cannot start a server each. So a gateway
is one server with a route for every case; nothing of one case is seen by another, since an upstream's connections, health
and budget are its own.
"""

import json

import pytest
from asking import H1Client, H2Client
from catalogue import CASES
from misbehaviour import Trial
from scripted_upstream import ScriptedUpstream
from sluice_server import wait_until

# The downstream version and the number of workers. Over TLS the octets are the same ones in another transport; what takes
# seconds is tried everywhere in long runs alone.
LONG = tuple(pytest.param(one, marks=pytest.mark.long) for one in (("h1-tls", 4), ("h2-tls", 1)))
GATEWAYS = (("h1", 1), ("h1", 4), ("h2", 1), ("h2", 4), *LONG)

# Short, so that what stalls is soon over, and long enough for a slow machine to make progress in.
LIMITS = """
[limits]
upstream_connect_timeout = "1s"
upstream_response_timeout = "1500ms"
upstream_read_timeout = "1500ms"
upstream_send_timeout = "1500ms"
upstream_fresh = "10s"
"""


class Gateway:
    """The server and the upstream of each case, by the case's name. A context manager."""

    def __init__(self, version, workers, folder, authority):
        self.version = version
        self.upstreams = {one.name: make_upstream(one, authority) for one in CASES}
        (folder / "sluice.toml").write_text(self._configuration(workers, authority))
        self.server = version.running(folder / "sluice.toml")

    def _configuration(self, workers, authority) -> str:
        routes = "".join(self._route(one, authority) for one in CASES)
        log = '[log]\naccess = "stdout"\nformat = "json"\n'
        return f"workers = {workers}\n{log}{LIMITS}{self.version.listener()}[[site]]\nhosts = [\"localhost\"]\n{routes}"

    def _route(self, one, authority) -> str:
        keys = [f'to = "{"https" if one.tls else "http"}://127.0.0.1:{self.upstreams[one.name].port}"']
        if one.h2 and not one.tls:
            keys.append('http2 = "always"')
        if one.tls:
            keys.append(f'tls = {{ authorities = "{authority.certificate}", name = "localhost" }}')
        return f'[[site.route]]\nprefix = "/{one.name}/"\nproxy = {{ {", ".join(keys)} }}\n'

    def connect(self, receive_buffer=None):
        kind = H2Client if self.version.is_h2 else H1Client
        return kind(self.server.address, self.server.authority, 20.0, receive_buffer)

    def trial(self, one) -> Trial:
        return Trial(one, self.upstreams[one.name], self.connect)

    def logged(self, target) -> list:
        """Waits for a line about this target; the lines."""
        found = []

        def look():
            lines = [json.loads(line) for line in self.server.stdout().splitlines() if line.endswith("}")]
            found[:] = [line for line in lines if line.get("target") == target]
            return found
        wait_until(look, 10, f"a line of the access log for {target}")
        return found

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *error):
        try:
            self.server.__exit__(*error)
        finally:
            for upstream in self.upstreams.values():
                upstream.complaints.clear()  # each trial has looked at its own
                upstream.close()


def gateway_name(one) -> str:
    return f"{one[0]}-{one[1]}"


def make_upstream(one, authority) -> ScriptedUpstream:
    context = one.tls(authority) if one.tls else None
    return ScriptedUpstream(*one.scripts, tls=context, h2=one.h2, listening=one.listening,
                            receive_buffer=one.upstream_buffer)


@pytest.fixture(scope="session")
def upstream_authority(tmp_path_factory):
    """Whose certificates the proxy trusts."""
    from certificates import Authority
    return Authority(tmp_path_factory.mktemp("upstreams"))


@pytest.fixture(scope="module", params=GATEWAYS, ids=gateway_name)
def gateway(request, all_versions, upstream_authority, tmp_path_factory):
    name, workers = request.param
    with Gateway(all_versions[name], workers, tmp_path_factory.mktemp("gateway"), upstream_authority) as running:
        yield running
