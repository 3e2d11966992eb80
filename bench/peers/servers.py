"""Starts and stops each server the same way: pinned, in the foreground, on a free port.

A server is a Maker (how its command line and configuration come about) and, once started, a
Running (its pid, port and temporary folder). Servers of ours say on stderr which port they got;
the peers cannot, so a free port is found first by binding to port 0, and the start is tried again
in the rare case that somebody else took it in between.
"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, Optional

import client
import configurations
import processes
from certificate import Certificate
from errors import BenchError

CONFIGS = Path(__file__).resolve().parent / "configs"
START_TRIES = 3
START_SECONDS = 10.0
STOP_SECONDS = 10.0
PEER_ABILITIES = frozenset({"log", "fields", "304"})
PROXIED = frozenset({"proxy-1k", "proxy-64k", "proxy-h2-1k", "proxy-upload", "proxy-p99"})
PROXY_FLOOR = "proxy_floor"  # beside the program of the floor
SPLICED = frozenset({"proxy-64k", "proxy-upload"})  # on small messages its calls cost more than copies
LISTENING = re.compile(r"listening on https?://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Site:
    """What one process is to serve, and how."""

    docs: Path
    document: str  # the file that the floor, which knows only one, answers with
    floor_mode: str  # held, sendfile or 304
    access_log: bool = False
    sites: int = 0  # of a configuration's file; 0: the folder alone
    certificate: Optional[Certificate] = None  # to serve it over TLS, and only so
    http2: bool = False  # to clients that offer it; over TLS alone
    origin: int = 0  # the port that it is forwarded to in place of all this; 0: it is served


@dataclass(frozen=True)
class Maker:
    """One kind of server. `command` gets the site, its folder and the port (0: ours chooses)."""

    name: str
    program: str
    package: str
    version: List[str]
    command: Callable[[str, Site, Path, int], List[str]]
    announces: bool  # says its port and `ready` on stderr
    # What a workload may need: log, fields (of requests), 304, sites, tls, h2, proxy.
    abilities: FrozenSet[str]
    only: FrozenSet[str] = frozenset()  # the workloads it can serve at all; empty: any

    def serves(self, workload: str, needs: FrozenSet[str] = frozenset()) -> bool:
        """Can it be measured by this workload?"""
        return needs <= self.abilities and (not self.only or workload in self.only)

    def found(self) -> Optional[str]:
        """The program's path, or None when it is not installed or not built."""
        return shutil.which(self.program)

    def version_text(self) -> str:
        """The first line that the program says about its version."""
        if not self.version:
            return "built here"
        done = subprocess.run([self.program] + self.version, capture_output=True, text=True,
                              check=False, timeout=10)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"


@dataclass
class Running:
    """A server that accepts connections. Ends with stop()."""

    name: str
    process: subprocess.Popen
    port: int
    temp: Path
    tls: Optional[ssl.SSLContext] = None  # for clients, when it is served over TLS

    def url(self, document: str) -> str:
        """Where `document` is served."""
        origin = f"https://{client.TLS_HOST}" if self.tls else "http://127.0.0.1"
        return f"{origin}:{self.port}/{document}"

    def cpu_nanoseconds(self) -> int:
        """CPU time of the whole family so far."""
        return processes.cpu_nanoseconds(self.process.pid)

    def empty_log(self) -> None:
        """Cuts the access log, so that a run fits on any disk; writers append and go on."""
        log = self.temp / "access.log"
        if log.exists():
            os.truncate(log, 0)

    def log_lines(self) -> int:
        """How many lines the access log has; a log that is not there has none."""
        path = self.temp / "access.log"
        if not path.exists():
            return 0
        with open(path, "rb") as log:
            return sum(block.count(b"\n") for block in iter(lambda: log.read(1 << 20), b""))

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not heeded; then its folder is deleted."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for member in reversed(processes.family(self.process.pid)):
                    os.kill(member, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.temp, ignore_errors=True)


def makers(sluice: str, floor: str) -> Dict[str, Maker]:
    """All servers by name, in the order of the report."""
    listed = [
        Maker("floor", floor, "build it: target peers_floor", [], _floor, True,
              frozenset({"304", "proxy"})),
        # The floor of proxies once more, copying nothing: what splice(2) could save.
        Maker("splice", floor, "build it: target peers_floor", [], _splice, True,
              frozenset({"proxy"}), SPLICED),
        Maker("sluice", sluice, "build it: target sluice", ["--version"], _sluice, True,
              PEER_ABILITIES | {"sites", "tls", "h2", "proxy"}),
        _peer("nginx", "nginx-light", _nginx, PEER_ABILITIES | {"tls", "h2", "proxy"}),
        _peer("h2o", "h2o", _h2o, PEER_ABILITIES | {"tls", "h2", "proxy"}),
        # nghttp2's own server, which speaks nothing but HTTP/2.
        Maker("nghttpd", _system("nghttpd"), "apt package nghttp2-server", ["--version"], _nghttpd,
              False, frozenset({"tls", "h2"}), frozenset({"h2-1k", "h2-64k", "h2-one"})),
        _peer("lighttpd", "lighttpd", _lighttpd, PEER_ABILITIES),
        # It serves no files: where it is no proxy, it gives one small document, read at its start.
        Maker("haproxy", _system("haproxy"), "apt package haproxy", ["-v"], _haproxy, False,
              frozenset({"tls", "h2", "proxy"}),
              frozenset({"tls-1k", "tls-full", "tls-resumed", "tls-memory"}) | PROXIED),
    ]
    return {maker.name: maker for maker in listed}


def _peer(name: str, package: str, command: Callable[[str, Site, Path, int], List[str]],
          abilities: FrozenSet[str]) -> Maker:
    return Maker(name, _system(name), f"apt package {package}", ["-v"], command, False, abilities)


def origin_maker() -> Maker:
    """What stands behind the proxies: nginx again, by a configuration of its own."""
    return Maker("origin", _system("nginx"), "apt package nginx-light", ["-v"], _origin, False,
                 frozenset())


def start(maker: Maker, site: Site, temp: Path, core: int) -> Running:
    """Starts one process family on `core` and returns when it accepts connections.

    `temp` is the folder in which the server's own folder is made. Raises BenchError with the
    server's last words when it does not come up.
    """
    last = ""
    for _ in range(START_TRIES):
        own = Path(tempfile.mkdtemp(prefix=f"{maker.name}-", dir=temp))
        own.chmod(0o755)  # for peers that drop to another user
        running = _spawn(maker, site, own, core)
        try:
            if _await_ready(running, maker.announces):
                return running
        except BaseException:  # an interrupt, too, must leave no server behind
            running.stop()
            raise
        last = (own / "stderr").read_text(errors="replace").strip()
        running.stop()
    raise BenchError(f"{maker.name} did not start: {last or 'it said nothing'}")


def _spawn(maker: Maker, site: Site, own: Path, core: int) -> Running:
    port = 0 if maker.announces else free_port()
    command = ["taskset", "-c", str(core)] + maker.command(maker.program, site, own, port)
    with open(own / "stderr", "wb") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
    protocol = "h2" if site.http2 else "http/1.1"
    tls = client.tls_context(str(site.certificate.chain), protocol) if site.certificate else None
    return Running(maker.name, process, port, own, tls)


def _await_ready(running: Running, announces: bool) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.process.poll() is None:
        if announces:
            _read_port(running)
        if running.port and _accepts(running.port):
            return True
        time.sleep(0.02)
    return False


def _read_port(running: Running) -> None:
    text = (running.temp / "stderr").read_text(errors="replace")
    match = LISTENING.search(text)
    if match and f"{running.name}: ready" in text:
        running.port = int(match.group(1))


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _system(program: str) -> str:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin") or program


def _floor(program: str, site: Site, _own: Path, _port: int) -> List[str]:
    if site.origin:
        return [str(Path(program).with_name(PROXY_FLOOR)), "copy", str(site.origin)]
    return [program, site.floor_mode, str(site.docs / site.document)]


def _splice(program: str, site: Site, _own: Path, _port: int) -> List[str]:
    return [str(Path(program).with_name(PROXY_FLOOR)), "splice", str(site.origin)]


def _sluice(program: str, site: Site, own: Path, _port: int) -> List[str]:
    if site.certificate or site.origin:
        return [program, "run", "-c", str(_configure("sluice", site, own, 0)), "--control", "off"]
    if site.sites > 0:
        return [program, "run", "-c", str(_sites_file(site, own))]
    command = [program, "serve", str(site.docs), "--listen", "127.0.0.1:0", "--workers", "1"]
    if site.access_log:
        return command + ["--access-log", str(own / "access.log"), "--log-format", "json"]
    return command + ["--access-log", "off"]


def _sites_file(site: Site, own: Path) -> Path:
    """A configuration of one site that has the documents, or of many that have one each."""
    folder = site.docs / configurations.SITES_FOLDER
    path = own / "sluice.toml"
    path.write_text(configurations.one_site(site.docs) if site.sites == 1 else
                    configurations.many_sites(site.sites, folder), encoding="utf-8")
    return path


def _nginx(program: str, site: Site, own: Path, port: int) -> List[str]:
    return [program, "-e", "stderr", "-c", str(_configure("nginx", site, own, port))]


def _origin(program: str, site: Site, own: Path, port: int) -> List[str]:
    return [program, "-e", "stderr", "-c", str(_configure("origin", site, own, port))]


def _h2o(program: str, site: Site, own: Path, port: int) -> List[str]:
    return [program, "-c", str(_configure("h2o", site, own, port))]


def _nghttpd(program: str, site: Site, _own: Path, port: int) -> List[str]:
    """It has no file of its own: one worker, and what it does by itself. Requires: a certificate."""
    return [program, "--workers=1", "--address=127.0.0.1", f"--htdocs={site.docs}", str(port),
            str(site.certificate.key), str(site.certificate.chain)]


def _lighttpd(program: str, site: Site, own: Path, port: int) -> List[str]:
    return [program, "-D", "-f", str(_configure("lighttpd", site, own, port))]


def _haproxy(program: str, site: Site, own: Path, port: int) -> List[str]:
    return [program, "-db", "-q", "-f", str(_configure("haproxy", site, own, port))]


def _configure(name: str, site: Site, own: Path, port: int) -> Path:
    """Fills the server's template, that of a proxy where it is one. `@listen@` is how it listens, with
    TLS or without; `@log@` is its log template, or nothing. Where they serve, Sluice and HAProxy have
    a template for TLS alone."""
    text = _template(f"{name}.proxy" if site.origin else f"{name}.conf")
    values = {"@log@": _template(f"{name}.log") if site.access_log else ""}
    if "@listen@" in text:
        values["@listen@"] = _template(f"{name}.tls" if site.certificate else f"{name}.plain")
    values["@http2@"] = " http2" if site.http2 else ""
    if site.certificate:
        values |= {"@chain@": str(site.certificate.chain), "@key@": str(site.certificate.key),
                   "@both@": str(site.certificate.both)}
    values |= {"@temp@": str(own), "@docs@": str(site.docs), "@port@": str(port),
               "@document@": site.document, "@origin@": str(site.origin)}
    for marker, value in values.items():
        text = text.replace(marker, value)
    path = own / f"{name}.conf"
    path.write_text(text, encoding="utf-8")
    return path


def _template(name: str) -> str:
    return (CONFIGS / f"{name}.in").read_text(encoding="utf-8")
