"""A server in front of upstreams, for tests of faults, and its account of what happened."""

import collections
import json


def route(prefix, to, *keys) -> str:
    """[[site.route]] to an upstream; `keys` are more of the proxy's table."""
    table = ", ".join([f'to = "{to}"', *keys])
    return f'[[site.route]]\nprefix = "{prefix}"\nproxy = {{ {table} }}\n'


def configure(folder, version, workers, *routes, **limits):
    """Writes a configuration and returns its path."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in limits.items())
    path = folder / "sluice.toml"
    path.write_text(f'workers = {workers}\n[log]\naccess = "stdout"\nformat = "json"\n[limits]\n{lines}{version.listener()}'
                    f'[[site]]\nhosts = ["localhost"]\n{"".join(routes)}')
    return path


def spoken(http2) -> list:
    """The keys for an upstream that speaks this version, in clear text."""
    return ['http2 = "always"'] if http2 else []


def proxying(folder, version, workers, port, *keys, **limits):
    """A server for all paths in front of one upstream. A context manager."""
    whole = route("/", f"http://127.0.0.1:{port}", *keys)
    return version.running(configure(folder, version, workers, whole, **limits))


def causes(server) -> collections.Counter:
    """How often the access log names which status and cause."""
    lines = [json.loads(line) for line in server.stdout().splitlines() if line.endswith("}")]
    return collections.Counter((line["status"], line["cause"]) for line in lines if "cause" in line)
