"""Ports for tests: one to listen on, and one where nobody listens.

The problem: a port that was bound for a moment is nobody's afterwards, and the kernel gives it to whoever asks for any,
as hundreds of tests that run beside this one do.
"""

import contextlib
import random
import socket


def free_port() -> int:
    """One for a program that wants to be told a port. Outside of those that the kernel gives to who asks for any, which
    begin at 32768 (ip_local_port_range), so that it stays free meanwhile."""
    for _ in range(100):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("0.0.0.0", port := random.randrange(10000, 30000)))
            return port
    raise AssertionError("100 ports from 10000 to 29999 are taken")


@contextlib.contextmanager
def closed_port():
    """Gives one of 127.0.0.1 that refuses connections: it is held, and not listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
