"""A real browser and a real build tool for tests: Debian's Chromium, and what tests/e2e/browser asks of npm.

The problem: both are foreign programs with habits. npm's packages are installed once for each lock file, below build/
and never in the sources, by whichever test comes first. The browser's profile and temporary files are in a folder that
is gone after the test; its name is short, for a socket's path goes in there.

    with tools() as work:                       # a copy of tests/e2e/browser with its node_modules
        build(work, "A", dist)
        with Tab(work) as tab:
            tab.open("http://127.0.0.1:8080/")

Tests are skipped, saying why, where Chromium or Node.js is missing or npm's registry cannot be reached.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import tempfile

import pytest
from sluice_server import ROOT

CHROMIUM = "/usr/bin/chromium"
SOURCES = ROOT / "tests" / "e2e" / "browser"
INSTALLED = ROOT / "build" / "browser"
OLDEST_NODE = 18
NO_REGISTRY = re.compile(r"npm (?:ERR!|error) code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|E403)")
STEP_SECONDS = 90  # a step's own limit is 30 s; a browser's first start on a busy machine takes more


def _skip_without_programs():
    missing = [name for name in (CHROMIUM, "node", "npm") if not shutil.which(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (./dev test --long installs them)")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.match(r"v(\d+)", version)[1]) < OLDEST_NODE:
        pytest.skip(f"needs Node.js {OLDEST_NODE} or later, this is {version.strip()}")


def _install(folder: pathlib.Path):
    """npm ci into `folder`, which appears only when it is complete."""
    shutil.rmtree(INSTALLED / "partial", ignore_errors=True)
    partial = INSTALLED / "partial"
    partial.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, partial)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd=partial,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    if done.returncode and NO_REGISTRY.search(done.stderr):
        pytest.skip(f"npm's registry cannot be reached: {NO_REGISTRY.search(done.stderr)[0]}")
    assert done.returncode == 0, done.stdout + done.stderr
    for old in INSTALLED.glob("[0-9a-f]*"):
        shutil.rmtree(old)
    partial.rename(folder)


def node_modules() -> pathlib.Path:
    """The folder with npm's packages, installed when it is not there. Skips the test where that is impossible."""
    _skip_without_programs()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    folder = INSTALLED / hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    with open(INSTALLED / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not folder.is_dir():
            _install(folder)
    return folder / "node_modules"


@contextlib.contextmanager
def tools():
    """A temporary copy of tests/e2e/browser that finds npm's packages."""
    packages = node_modules()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tab-"))
    try:
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        (folder / "node_modules").symlink_to(packages)
        yield folder
    finally:
        shutil.rmtree(folder)


def build(work: pathlib.Path, name: str, output: pathlib.Path):
    """Builds the application with Vite; `name` is what it shows as its build."""
    done = subprocess.run([work / "node_modules" / ".bin" / "vite", "build", "--outDir", output, "--emptyOutDir"],
                          cwd=work / "app", env={**os.environ, "BUILD": name}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


class Tab:
    """One tab of a new browser with further `flags`; every method is a step of drive.mjs. A context manager."""

    def __init__(self, work: pathlib.Path, *flags):
        self._profile = work / "profile"
        self._profile.mkdir()
        self._errors = open(work / "errors", "w+b")
        self._unread = b""
        self._process = subprocess.Popen(
            ["node", "drive.mjs", CHROMIUM, self._profile, *flags], cwd=work, env=self._environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0)

    def _environment(self) -> dict:
        """Temporary files, crash reports and settings go into the profile, too."""
        elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {**elsewhere, "TMPDIR": str(self._profile), "HOME": str(self._profile)}

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], STEP_SECONDS)
            part = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            assert part, f"the browser says nothing: {os.pread(self._errors.fileno(), 4000, 0).decode()}"
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _step(self, step, **options):
        self._process.stdin.write(json.dumps({"step": step, **options}).encode() + b"\n")
        outcome = json.loads(self._line())
        assert "error" not in outcome, outcome["error"]
        return outcome["value"]

    def open(self, url) -> int:
        return self._step("open", url=url)

    def reload(self) -> int:
        return self._step("reload")

    def click(self, selector):
        self._step("click", selector=selector)

    def await_text(self, selector, text):
        self._step("await_text", selector=selector, text=text)

    def text(self, selector) -> str:
        return self._step("text", selector=selector)

    def evaluate(self, script):
        return self._step("evaluate", script=script)

    def address(self) -> str:
        return self._step("address")

    def trouble(self) -> list[str]:
        """The page's uncaught errors since the last time."""
        return self._step("trouble")

    def said(self) -> list[str]:
        """The console's messages since the last time, each with its kind before it: "error: ..."."""
        return self._step("said")

    def fetched(self) -> list[dict]:
        """What the tab fetched since the last time: path, status, type, `wire` (the status on the network, if it was
        asked), `sent` (the request's fields), and True in `disk` or `memory` for what came from a cache. Over TLS
        `security` ("secure") and `protocol` ("TLS 1.3"); `connection` tells connections apart."""
        return self._step("fetched")

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
