"""Proxies for tests: one in front of a single scripted upstream, and one in front of the whole catalogue.

The problem: hundreds of cases, each over several versions and numbers of workers, cannot start a server each. So a Gateway
is one server with a route for every case; nothing of one case is seen by another, since an upstream's connections, health
and budget are its own. Its limits are short, so that what stalls is soon over, and long enough for a slow machine.
"""

import json

from asking import H1Client, H2Client
from scripted_upstream import ScriptedUpstream
from sluice_server import wait_until

LIMITS = {"upstream_connect_timeout": "1s", "upstream_response_timeout": "1500ms", "upstream_read_timeout": "1500ms",
          "upstream_send_timeout": "1500ms", "upstream_fresh": "10s"}


def route(prefix, port, *keys, scheme="http") -> str:
    """[[site.route]] to that port; `keys` are more of the proxy's table."""
    table = ", ".join([f'to = "{scheme}://127.0.0.1:{port}"', *keys])
    return f'[[site.route]]\nprefix = "{prefix}"\nproxy = {{ {table} }}\n'


def configure(folder, version, workers, *routes, limits=None):
    """Writes a configuration for "localhost" and returns its path."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in {**LIMITS, **(limits or {})}.items())
    path = folder / "sluice.toml"
    log = f'[log]\naccess = "{folder}/access.log"\nformat = "json"\n'
    site = f'[[site]]\nhosts = ["localhost"]\n{"".join(routes)}'
    path.write_text(f"workers = {workers}\n{log}[limits]\n{lines}{version.listener()}{site}")
    return path


class Proxy:
    """A server in front of one upstream, for all paths. A context manager."""

    def __init__(self, folder, version, workers, upstream, *keys, limits=None):
        keys = (*keys, 'http2 = "always"') if upstream.h2 else keys
        self.version = version
        self.upstream = upstream
        self.server = version.running(configure(folder, version, workers, route("/", upstream.port, *keys), limits=limits))

    def connect(self, receive_buffer=None, seconds=20.0):
        return connect(self.version, self.server, receive_buffer, seconds)

    def ask(self, ask, target="/"):
        """On a connection of its own: the Outcome."""
        with self.connect() as client:
            return client.ask(ask, target, self.upstream.client_saw)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)


def connect(version, server, receive_buffer=None, seconds=20.0):
    kind = H2Client if version.is_h2 else H1Client
    return kind(server.address, server.authority, seconds, receive_buffer)


class Gateway:
    """The server and the upstream of each case, by the case's name. A context manager."""

    def __init__(self, cases, version, workers, folder, authority):
        self.version = version
        self.workers = workers
        self._log = folder / "access.log"
        self.upstreams = {one.name: _upstream_of(one, authority) for one in cases}
        routes = [self._route(one, authority) for one in cases]
        self.server = version.running(configure(folder, version, workers, *routes))

    def _route(self, one, authority) -> str:
        keys = ['http2 = "always"'] if one.h2 and not one.tls else []
        if one.tls:
            keys.append(f'tls = {{ authorities = "{authority.certificate}", name = "localhost" }}')
        return route(f"/{one.name}/", self.upstreams[one.name].port, *keys, scheme="https" if one.tls else "http")

    def connect(self, receive_buffer=None):
        return connect(self.version, self.server, receive_buffer)

    def logged(self, target) -> list:
        """Waits for a line of the access log about this target; the lines."""
        found = []

        def look():
            whole = self._log.read_text().rpartition("\n")[0]
            lines = [json.loads(line) for line in whole.splitlines()]
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
                upstream.complaints.clear()  # each test has looked at its own
                upstream.close()


def _upstream_of(one, authority) -> ScriptedUpstream:
    context = one.tls(authority) if one.tls else None
    return ScriptedUpstream(*one.scripts, tls=context, h2=one.h2, listening=one.listening,
                            receive_buffer=one.upstream_buffer)
