"""Starts and stops the real binary for tests that speak to it from outside.

The problem: a test needs a server on a port nobody else has, must not begin before it listens, and must not end
without noticing that it crashed, leaked or raced. So a server here always listens on port 0 (it says on stderr which
port it got), is ready when it says `sluice: ready`, and is stopped by SIGTERM, after which three things must hold:
it ended by itself, with exit code 0, and no sanitizer wrote a report.

    with SluiceServer(directory, "--limit", "head_timeout=400ms") as server:
        socket.create_connection(server.address)

The binary is $SLUICE_BIN, by default build/debug/sluice below the repository's root.
"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30  # a tsan binary on a busy machine needs some of them
STOP_SECONDS = 45  # the drain itself may take 30

SANITIZER_REPORT = re.compile(
    r"(ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|SUMMARY: \w+Sanitizer|runtime error:|ERROR: libFuzzer)"
)
_LISTENING = re.compile(r"sluice: listening on (?:(https?)://(\[[^\]]+\]|[^:/]+):(\d+)|unix:(.+))")


class ServerFailed(AssertionError):
    """The server did not start, did not stop as it should, or a sanitizer complained."""


def sluice_binary() -> pathlib.Path:
    """The binary under test. Raises ServerFailed with what to do when it is missing."""
    path = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build/debug/sluice"))
    path = path if path.is_absolute() else ROOT / path
    if not os.access(path, os.X_OK):
        raise ServerFailed(f"no binary at {path}: build it (./dev test does) or set SLUICE_BIN")
    return path


class SluiceServer:
    """One `sluice serve` process, with `config` one `sluice run -c config`, with `to` one `sluice proxy --to to`; a
    context manager.

    `listen` is one address or several; `options` go to the command line as they are. The access log is off unless
    the options say otherwise; a configuration says all of this itself. `addresses` are the (host, port) pairs and Unix
    socket paths in the order announced. `exit_code` is what stop() requires. stdout and stderr are kept and can be read at any time; `stdout` is a
    descriptor to use instead of keeping it. `prefix` is a command that runs the server in its own place (prlimit).
    """

    def __init__(self, directory=None, *options, listen="127.0.0.1:0", env=None, cwd=None, exit_code=0, stdout=None,
                 prefix=(), config=None, to=None):
        self.command = [*map(str, prefix), str(sluice_binary())]
        if config is not None:
            self.command += ["run", "-c", str(config)]
        else:
            self.command += ["proxy", "--to", to] if to is not None else ["serve"]
            self.command += self._serve_arguments(directory, [listen] if isinstance(listen, str) else listen, options)
        self.command += [str(option) for option in options]
        # Servers of other tests run at the same time: none has the default control socket.
        self._env = {**os.environ, "SLUICE_CONTROL": "off", **(env or {})}
        self._cwd = cwd
        self._exit_code = exit_code
        self._given_stdout = stdout
        self._lines = []
        self._ready = threading.Event()  # it said so, or its stderr ended
        self._said_ready = False
        self._stdout = None
        self.process = None
        self.addresses = []

    @staticmethod
    def _serve_arguments(directory, listens, options):
        arguments = [str(directory)] if directory is not None else []
        for address in listens:
            arguments += ["--listen", address]
        return arguments + ([] if "--access-log" in options else ["--access-log", "off"])

    # The first TCP listener, which is what most tests want.
    @property
    def address(self):
        return next(address for address in self.addresses if isinstance(address, tuple))

    @property
    def host(self):
        return self.address[0]

    @property
    def port(self):
        return self.address[1]

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def stderr(self) -> str:
        return "".join(self._lines)

    def stdout(self) -> str:
        # The server writes where this description stands: to seek in it would have it write over its own lines.
        descriptor = self._stdout.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")

    def start(self):
        self._stdout = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL,
            stdout=self._stdout if self._given_stdout is None else self._given_stdout,
            stderr=subprocess.PIPE, env=self._env, cwd=self._cwd)
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_SECONDS) or not self._said_ready or self.process.poll() is not None:
            self._end_now()
            raise ServerFailed(f"{' '.join(self.command)} did not become ready:\n{self.stderr()}")
        return self

    def _read_stderr(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace")
            self._lines.append(line)
            if match := _LISTENING.match(line):
                _, host, port, path = match.groups()
                self.addresses.append(path.rstrip("\n") if path else (host.strip("[]"), int(port)))
            if line.startswith("sluice: ready"):
                self._said_ready = True
                self._ready.set()
        self._ready.set()  # the end of stderr also ends the waiting

    def stop(self, number=signal.SIGTERM):
        """Asks the server to end, waits for it, and checks exit code and sanitizers. A second call does nothing."""
        if self.process is None or self._stdout.closed:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = f"none, {STOP_SECONDS} s after signal {int(number)}"
        self._end_now()
        self._stdout.close()
        self.check_sanitizers()
        if code != self._exit_code:
            raise ServerFailed(f"exit code {code}, expected {self._exit_code}:\n{self.stderr()}")

    def check_sanitizers(self):
        if SANITIZER_REPORT.search(self.stderr()):
            raise ServerFailed(f"a sanitizer reported:\n{self.stderr()}")

    def _end_now(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        self.process.stderr.close()

    def rss_bytes(self) -> int:
        """The resident memory of the process now."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def open_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def open_sockets(self) -> int:
        """Of them the sockets; files come and go at any time, when the memory's state is read."""
        def target(descriptor):
            try:
                return os.readlink(f"/proc/{self.pid}/fd/{descriptor}")
            except FileNotFoundError:  # closed since
                return ""
        return sum(target(one).startswith("socket:") for one in os.listdir(f"/proc/{self.pid}/fd"))

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        try:
            self.stop()
        except ServerFailed as failed:
            if error is None:
                raise
            raise failed from error


def wait_until(condition, seconds=10.0, what="the condition"):
    """Polls `condition` until it is true; raises AssertionError after `seconds`. For states with no event to wait on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")
