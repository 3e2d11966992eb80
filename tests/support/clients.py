"""Small clients that the end-to-end tests share: a request in one call, curl, a command line that is to fail.

The problem: tests speak HTTP in a few ways only, and each way should be one call with bounded time. Nothing here
asserts; it returns what happened.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile

from raw_connection import RawConnection
from sluice_server import sluice_binary

# Sanitizers cost a factor of ten and more: with them, tests make no statement about time.
SANITIZED = any(name in str(sluice_binary()) for name in ("asan", "tsan"))
IS_ROOT = os.geteuid() == 0


def request(target="/", *fields, method="GET", body=b"", host="localhost") -> bytes:
    """The octets of a request; `fields` are field lines without CRLF."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def get(address, target="/", *fields, method="GET", seconds=20.0):
    """One request on a connection of its own; the response, or None when the server only closed."""
    with RawConnection(address, seconds) as connection:
        connection.send(request(target, *fields, method=method))
        return connection.response(method)


def slow_socket(address, receive_buffer=4096, seconds=30.0) -> socket.socket:
    """A connected socket whose receive buffer is small, so that an unread response soon waits at the server."""
    one = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.settimeout(seconds)
    one.connect(address)
    return one


def read_to_end(one: socket.socket) -> tuple[bytes, bool]:
    """All octets until the peer ends the connection, and whether it was reset."""
    parts = []
    try:
        while part := one.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        return b"".join(parts), True
    return b"".join(parts), False


def reset(one: socket.socket):
    """Closes with RST instead of FIN."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def curl(*arguments, seconds=60, **options) -> subprocess.CompletedProcess:
    """Runs curl, silent but for errors; stdout and stderr are octets."""
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", str(seconds), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds + 30, **options)


def run_sluice(*arguments, seconds=30, prefix=(), **options) -> subprocess.CompletedProcess:
    """Runs the binary with a command line that is expected to end by itself. Raises TimeoutExpired, having killed it."""
    return subprocess.run([*prefix, str(sluice_binary()), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds, **options)


@contextlib.contextmanager
def open_folder(mode=0o755):
    """A temporary folder that another user can reach: pytest's own are closed to others."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
    folder.chmod(mode)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
