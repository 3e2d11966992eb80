"""An upstream for faults under load, in a process of its own: it can be killed, closes idle connections when it hurts, ends
HTTP/2 connections amid streams, and keeps a record of what reached it that outlives it.

The problem: what a proxy does with thousands of requests while its upstream dies, cannot be seen with one that is scripted
step by step and shares the test's interpreter. So this is a program on raw asyncio protocols; what it answers is a
function of the request (fault_content.py), so that it needs no memory, and each request that arrives is a line in a file.

    with FaultUpstream(folder, idle="around") as upstream:
        ...a proxy in front of upstream.port...
        assert upstream.count("POST /a") == 1

`lives` (seconds): a child that serves is killed, with SIGKILL, and another forked, that often; in between, for `gap`
seconds, connections are refused. `idle`: "around" closes idle connections at random ages around those at which others
were used again, "at once" right after each response, a number after so many seconds. `http2` speaks it by prior knowledge, `goaway`
sends GOAWAY after about so many streams of a connection. `host` is the address to listen on.
"""

import asyncio
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve()


def free_port(host="127.0.0.1"):
    """A socket that holds a port without listening, so that nobody else gets it while the upstream is down."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, 0))
    return held


class FaultUpstream:
    """The test's side. A context manager."""

    def __init__(self, folder, *, port=None, host="127.0.0.1", **behaviour):
        self.record = pathlib.Path(folder) / f"upstream-{host}-{random.getrandbits(32):08x}"
        self.record.touch()
        self._held = None if port else free_port(host)
        self.port = port or self._held.getsockname()[1]
        self._options = {"record": str(self.record), "host": host, "port": self.port, **behaviour}
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, str(HERE), json.dumps(self._options)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def stop(self):
        """It ends when its stdin does, with the child that serves."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def settle(self):
        """Where it is killed again and again: from now on it lives. Returns when it serves."""
        self.process.stdin.write(b"settle\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"settled\n"

    def lines(self) -> list:
        return self.record.read_text().splitlines()

    def counts(self) -> collections.Counter:
        """How often each line was written: "POST /target" that it arrived, "written /target", "left /target" that the proxy
        went away first, "connection -"."""
        return collections.Counter(self.lines())

    def count(self, line) -> int:
        return self.counts()[line]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        if self._held:
            self._held.close()


class Serving:
    """The process that serves; what its connections share."""

    def __init__(self, options):
        self.options = options
        self.idle = options.get("idle")
        self.goaway = options.get("goaway")
        self._record = os.open(options["record"], os.O_WRONLY | os.O_APPEND)
        self._reused_after = 0.001

    def now(self):
        return time.monotonic()

    def record(self, what, target):
        """At once: whoever is killed has said it."""
        os.write(self._record, f"{what} {target}\n".encode())

    def note_reuse(self, since):
        self._reused_after += (self.now() - since - self._reused_after) * 0.05

    def idle_age(self):
        """After which an idle connection is to be closed. None: never."""
        if self.idle == "around":
            return random.uniform(0, 2 * self._reused_after)
        return 0 if self.idle == "at once" else self.idle

    async def serve(self, ready):
        listening = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY where it sees this
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if small := self.options.get("send_buffer"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, small)
        listening.bind((self.options["host"], self.options["port"]))
        listening.listen(1024)
        await asyncio.get_running_loop().create_server(self._protocol, sock=listening)
        ready()
        await asyncio.Event().wait()

    def _protocol(self):
        if self.options.get("http2"):
            from fault_upstream_h2 import H2Protocol
            return H2Protocol(self)
        from fault_upstream_h1 import H1Protocol
        return H1Protocol(self)


def fork_server(options) -> int:
    """The child's process id, once it listens."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(Serving(options).serve(lambda: os.write(writing, b"!")))
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"!", "the upstream does not serve"
    os.close(reading)
    return child


def kill(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def line_within(seconds) -> bytes | None:
    """A line of stdin, b"" at its end, None when there is none in time."""
    import select
    return os.read(0, 100) if select.select([0], [], [], seconds)[0] else None


def say(what):
    os.write(1, what)


def main():
    options = json.loads(sys.argv[1])
    lives, gap = options.get("lives"), options.get("gap", 0.02)
    child = fork_server(options)
    say(b"ready\n")
    while (line := line_within(lives)) != b"":
        if line is not None:
            lives = None
            say(b"settled\n")
            continue
        kill(child)
        time.sleep(gap)
        child = fork_server(options)
    kill(child)


if __name__ == "__main__":
    import fault_upstream_h1  # noqa: F401  before the first fork: a restart is to be quick
    import fault_upstream_h2  # noqa: F401
    main()
