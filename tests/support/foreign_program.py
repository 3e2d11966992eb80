"""A server that is not ours, started for a test on a port that nobody else has.

The problem: nginx, h2o and their like want to be told a port, and do not say when they are ready. So it is given a
free one, and is ready when the kernel says that a socket of its own listens there: then a program that lost the race
for the port is never mistaken for the one that won it, and is started again on another.

    with ForeignProgram(lambda port: ["nghttpd", "--no-tls", str(port)]) as server:
        socket.create_connection(server.address)

What it says goes to a file; `said()` reads it. It ends by its process id, and must not have ended before.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

from ports import free_port

TRIES = 5
START_SECONDS = 30
STOP_SECONDS = 15
_LISTEN = "0A"


class ProgramFailed(AssertionError):
    """It did not start, or ended by itself."""


def _listening_inodes(port) -> set[str]:
    """Of the sockets of this machine that listen on the port, IPv4 or IPv6."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                found.add(words[9])
    return found


def _has_socket(pid, inodes) -> bool:
    try:
        folder = f"/proc/{pid}/fd"
        links = [os.readlink(f"{folder}/{one}") for one in os.listdir(folder)]
    except OSError:  # a descriptor was closed meanwhile, or the process has ended
        return False
    return any(link == f"socket:[{inode}]" for link in links for inode in inodes)


class ForeignProgram:
    """One process and its children. `command` makes the command line for a port. A context manager.

    `number` is the signal that ends it, `options` go to subprocess.Popen.
    """

    def __init__(self, command, number=signal.SIGTERM, **options):
        self._command = command
        self._number = number
        self._options = options
        self._output = None
        self.process = None
        self.address = None

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said_octets(self, offset=0) -> bytes:
        """Its stdout and stderr so far, from `offset` on."""
        return os.pread(self._output.fileno(), 1 << 24, offset)

    def said(self) -> str:
        return self.said_octets().decode("utf-8", "replace")

    def start(self):
        self._output = tempfile.TemporaryFile()
        for _ in range(TRIES):
            port = free_port()
            self.process = subprocess.Popen([*map(str, self._command(port))], stdin=subprocess.DEVNULL,
                                            stdout=self._output, stderr=self._output, **self._options)
            if self._listens(port):
                self.address = ("127.0.0.1", port)
                return self
        said = self.said()
        self._end()
        raise ProgramFailed(f"{self._command(port)} did not listen: {said[-2000:]}")

    def _listens(self, port) -> bool:
        """Waits for it. False when the process ended, as it does when the port was taken meanwhile."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if _has_socket(self.process.pid, _listening_inodes(port)):
                return True
            time.sleep(0.02)
        self._end_process()
        return False

    def _end_process(self):
        if self.process.poll() is None:
            self.process.send_signal(self._number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _end(self):
        self._end_process()
        self._output.close()

    def stop(self):
        """Ends it. Raises ProgramFailed when it had ended before."""
        early, said = self.process.poll(), self.said()
        self._end()
        if early is not None:
            raise ProgramFailed(f"{self.process.args[0]} ended by itself with {early}: {said[-2000:]}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
