"""Starts HAProxy as a TCP load balancer in front of a server: the reference implementation of the PROXY protocol.

The problem: it must have a port of its own, be ready before a client comes, and end with its test. So it inherits a
socket that listens already (`bind fd@N`): clients that come before it is ready wait in the kernel's queue.

    with HAProxy(tmp_path, server.address, "send-proxy-v2") as balancer:
        get(balancer.address)
"""

import pathlib
import socket
import subprocess

CONFIGURATION = """
global
    nbthread 1
    maxconn 100
defaults
    mode tcp
    timeout connect 20s
    timeout client 60s
    timeout server 60s
frontend front
    bind fd@{descriptor}
    default_backend back
backend back
    server sluice {host}:{port} {options}
"""


class HAProxy:
    """`options` are those of HAProxy's `server` line. A context manager."""

    def __init__(self, folder: pathlib.Path, target, options: str):
        self._folder, self._target, self._options = folder, target, options

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        descriptor = self._socket.fileno()
        path = self._folder / f"haproxy-{self.address[1]}.conf"
        path.write_text(CONFIGURATION.format(descriptor=descriptor, host=self._target[0], port=self._target[1],
                                             options=self._options))
        self._process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-q", "-f", path], pass_fds=[descriptor],
                                         stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        ended = self._process.poll()
        self._process.kill()
        self._process.wait()
        self._socket.close()
        assert ended is None, f"haproxy ended by itself with {ended}"
