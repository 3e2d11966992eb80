"""What is measured: the documents, the load, and the target that the issue sets for each."""

import os
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import FrozenSet, List, Optional, Tuple

from configurations import SITES_FOLDER, host

DOCUMENTS = {"1k.bin": 1024, "64k.bin": 64 * 1024, "10m.bin": 10 * 1024 * 1024}
# A hole but for the places that are asked for: these hold octets that can be told apart.
LARGE, LARGE_SIZE = "1g.bin", 1024 * 1024 * 1024
PART = 64 * 1024
SITES = 100
# Sluice, rightly, does not keep the body of a file that changed less than two seconds ago.
SETTLE_SECONDS = 3.0
TAG = "@etag@"


@dataclass(frozen=True)
class Field:
    """A request field whose values take turns; TAG in one stands for the document's entity tag."""

    name: str
    values: Tuple[str, ...]


@dataclass(frozen=True)
class Handshake:
    """A new TLS connection for each request."""

    version: str  # 1.2 or 1.3
    resumed: bool


@dataclass(frozen=True)
class Multiplexed:
    """HTTP/2 with so many requests under way on each of so many connections."""

    connections: int
    streams: int


@dataclass(frozen=True)
class Variant:
    """One way of running a server or of loading it."""

    name: str
    access_log: bool = False
    pipeline: int = 1
    # The variant of the same server that it is compared with, or itself; or one of REFERENCES.
    reference: str = "plain"
    document: str = ""  # in place of the workload's
    field: Optional[Field] = None
    status: int = 200  # of every response
    sites: int = 0  # so many from a configuration's file; 0: one folder and no file
    floor_mode: str = ""  # in place of the workload's
    tls: bool = False
    handshake: Optional[Handshake] = None  # in place of requests on kept connections
    multiplexed: Optional[Multiplexed] = None  # in place of HTTP/1.1
    proxied: bool = False  # the documents are an origin's
    upload: int = 0  # octets of the body of each request; 0: it has none
    target: Optional[float] = None  # in place of the workload's

    def needs(self) -> FrozenSet[str]:
        """What a server must be able to do for this."""
        wanted = {"log": self.access_log, "304": self.status == 304, "sites": self.sites,
                  "tls": self.tls, "h2": self.multiplexed, "proxy": self.proxied,
                  "fields": self.field and self.status != 304}
        return frozenset(name for name, value in wanted.items() if value)


def _places() -> Tuple[str, ...]:
    """64 ranges of 64 KiB over the large file, as a viewer of documents asks for them: in whole
    pages, and far apart. All their numbers have nine digits, so that all heads are alike long."""
    begins = (PART * (1526 + 214 * number) for number in range(64))
    return tuple(f"bytes={begin}-{begin + PART - 1}" for begin in begins)


PLACES = _places()
HOSTS = Field("Host", tuple(host(number) for number in range(SITES)))

# The peer with the least of what is compared, found when all rounds are over.
BEST = "best peer"
# Servers that all others are compared with: the floor in its only variant, a peer in the same.
REFERENCES = ("floor", "nginx", "h2o", "nghttpd")

PLAIN = Variant("plain", reference="floor")
BASE = Variant("plain")
PIPELINED = Variant("pipelined", pipeline=16)
NOT_MODIFIED = Variant("304", field=Field("If-None-Match", (TAG,)), status=304, floor_mode="304")
PROXIED = Variant("plain", reference="floor", proxied=True)
PROXIED_TO_BEST = replace(PROXIED, reference=BEST)
SECURE = Variant("tls", reference="h2o", tls=True)


def _shaking(version: str, resumed: bool, **others) -> Variant:
    kind = "resumed" if resumed else "full"
    return Variant(f"{version} {kind}", tls=True, handshake=Handshake(version, resumed), **others)


def _multiplexed(connections: int, streams: int, reference: str) -> Variant:
    return Variant(f"{connections} x {streams}", reference=reference, tls=True,
                   multiplexed=Multiplexed(connections, streams))


@dataclass(frozen=True)
class Workload:
    """A document under a load. The target bounds a figure of Sluice over the reference's."""

    name: str
    title: str
    document: str
    floor_mode: str
    connections: int
    variants: Tuple[Variant, ...]
    target: float
    plain_floor: bool = False  # show what the floor needs without TLS
    # Microseconds per request that Sluice may need beyond OpenSSL's own part of the handshake.
    beyond_alone: Optional[float] = None
    figure: str = "cpu_microseconds"  # of speed.Sample: what is compared
    paced: bool = False  # at half the rate that the slowest peer can hold, in place of full load

    def target_of(self, variant: Variant) -> float:
        """The bound of one variant."""
        return self.target if variant.target is None else variant.target

    def needs(self) -> FrozenSet[str]:
        """What a server must be able to do for all variants."""
        return frozenset().union(*(variant.needs() for variant in self.variants))


WORKLOADS: Tuple[Workload, ...] = (
    Workload("1k", "1 KiB file", "1k.bin", "held", 64, (PLAIN,), 1.10),
    Workload("64k", "64 KiB file", "64k.bin", "sendfile", 64, (PLAIN,), 1.15),
    Workload("10m", "10 MiB file, 8 connections", "10m.bin", "sendfile", 8, (PLAIN,), 1.10),
    Workload("log", "1 KiB with the JSON access log on, over the same with it off", "1k.bin",
             "held", 64, (BASE, Variant("log", access_log=True)), 1.15),
    Workload("pipeline", "1 KiB pipelined by 16, over the same unpipelined", "1k.bin",
             "held", 64, (BASE, PIPELINED), 0.30),
    Workload("304", "304 by If-None-Match, over the 1 KiB file sent", "1k.bin", "held", 64,
             (BASE, NOT_MODIFIED, replace(PIPELINED, reference="pipelined"),
              replace(NOT_MODIFIED, name="304 pipelined", pipeline=16, reference="pipelined")),
             0.85),
    Workload("range", "64 KiB out of 1 GiB, over the 64 KiB file", "64k.bin", "sendfile", 64,
             (BASE, Variant("range", document=LARGE, field=Field("Range", PLACES[:1]), status=206),
              Variant("64 ranges", document=LARGE, field=Field("Range", PLACES), status=206)),
             1.10),
    Workload("sites", "1 KiB, each of 100 sites with 10 routes in turn, over one site with one "
             "route", "1k.bin", "held", 64,
             (Variant("plain", field=HOSTS, sites=1),
              Variant("100 sites", field=HOSTS, sites=SITES)), 1.10),
    Workload("tls-1k", "1 KiB file over TLS 1.3", "1k.bin", "held", 64, (SECURE,), 0.85,
             plain_floor=True),
    Workload("tls-64k", "64 KiB file over TLS 1.3", "64k.bin", "sendfile", 64, (SECURE,), 0.75,
             plain_floor=True),
    Workload("tls-full", "Full handshakes of TLS 1.3: a new connection for each 1 KiB file",
             "1k.bin", "held", 16, (_shaking("1.3", False, reference="nginx"),), 0.85,
             beyond_alone=120.0),
    Workload("tls-resumed", "Resumed handshakes, over full ones: a new connection for each 1 KiB "
             "file", "1k.bin", "held", 16,
             (_shaking("1.2", False, reference="1.2 full"),
              _shaking("1.2", True, reference="1.2 full", target=0.45),
              _shaking("1.3", False, reference="1.3 full"),
              _shaking("1.3", True, reference="1.3 full")), 0.92),
    Workload("h2-1k", "1 KiB file over HTTP/2 on TLS 1.3: connections x streams of each", "1k.bin",
             "held", 16, (_multiplexed(16, 32, "nghttpd"),), 0.75),
    Workload("h2-64k", "64 KiB file over HTTP/2 on TLS 1.3: connections x streams of each",
             "64k.bin", "sendfile", 16, (_multiplexed(16, 8, "h2o"),), 0.90),
    Workload("h2-one", "1 KiB file over HTTP/2 on TLS 1.3: one connection of 100 streams, over 16 "
             "of 32", "1k.bin", "held", 16,
             (_multiplexed(16, 32, "16 x 32"), _multiplexed(1, 100, "16 x 32")), 1.00),
    Workload("proxy-1k", "Proxy: 1 KiB of an origin, HTTP/1.1 on both sides", "1k.bin", "held", 64,
             (PROXIED,), 1.20),
    Workload("proxy-64k", "Proxy: 64 KiB of an origin, HTTP/1.1 on both sides", "64k.bin", "held", 64,
             (PROXIED,), 1.35),
    Workload("proxy-h2-1k", "Proxy: 1 KiB, HTTP/2 on TLS 1.3 in (connections x streams), HTTP/1.1 out",
             "1k.bin", "held", 16, (replace(_multiplexed(16, 8, BEST), proxied=True),), 0.90),
    Workload("proxy-upload", "Proxy: 10 MiB POSTed to an origin, 8 connections", "upload", "held", 8,
             (replace(PROXIED_TO_BEST, upload=DOCUMENTS["10m.bin"]),), 0.90),
    Workload("proxy-p99", "Proxy: p99 of 1 KiB at half the slowest peer's maximum", "1k.bin", "held",
             64, (PROXIED_TO_BEST,), 1.10, figure="p99", paced=True),
)

# Not a load but a state, a count or a time: measured by idle.py, idle_tls.py, checking.py and
# syscalls.py.
OTHERS = {"memory": "memory per idle keep-alive connection",
          "tls-memory": "memory per idle TLS connection",
          "check": "time to check a configuration of 1,000 sites",
          "syscalls": "system calls per keep-alive request"}


@dataclass(frozen=True)
class Cell:
    """One server under one variant: what is measured once a round."""

    server: str
    variant: Variant

    def reference(self) -> Optional[Tuple[str, str]]:
        """(server, variant) of the cell in the same round that this one is divided by."""
        reference = self.variant.reference
        if reference == "floor":
            return ("floor", "plain")
        if reference == BEST:
            return (BEST, self.variant.name)
        if reference in REFERENCES:
            return (reference, self.variant.name) if reference != self.server else None
        return (self.server, reference) if reference != self.variant.name else None


def names() -> List[str]:
    """Every name that --only takes."""
    return [workload.name for workload in WORKLOADS] + list(OTHERS)


def expected_body(docs: Path, variant: Variant, document: str, value: str) -> bytes:
    """What a response must hold when the variant's field has this value."""
    if variant.status == 304:
        return b""
    folder = docs / SITES_FOLDER / value if variant.sites > 1 else docs
    with open(folder / document, "rb") as file:
        if variant.status != 206:
            return file.read()
        begin, end = (int(number) for number in value.removeprefix("bytes=").split("-"))
        file.seek(begin)
        return file.read(end - begin + 1)


def write_documents(folder: Path) -> None:
    """Makes the documents, and those of each site below it, old enough to be held."""
    rng = random.Random(9112)
    for name, size in DOCUMENTS.items():
        _write(folder / name, rng.randbytes(size))
    for name in HOSTS.values:
        site = folder / SITES_FOLDER / name
        site.mkdir(parents=True)
        _write(site / "1k.bin", rng.randbytes(DOCUMENTS["1k.bin"]))
    _write_large(folder / LARGE, rng)
    time.sleep(SETTLE_SECONDS)


def _write(path: Path, octets: bytes) -> None:
    path.write_bytes(octets)
    _settle(path)


def _settle(path: Path) -> None:
    path.chmod(0o644)
    long_ago = time.time() - 86_400
    os.utime(path, (long_ago, long_ago))


def _write_large(path: Path, rng: random.Random) -> None:
    with open(path, "wb") as file:
        file.truncate(LARGE_SIZE)
        for place in PLACES:
            file.seek(int(place.removeprefix("bytes=").split("-")[0]))
            file.write(rng.randbytes(PART))
    _settle(path)
