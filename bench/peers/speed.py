"""Measures a workload: every cell once a round, in a new order each round.

A round is one wrk run (or one of h2load, handshakes.cc or paced.cc) against each cell. What the machine does
to one server in a round it does, nearly, to its neighbours, so cells are compared within a round
only. A round in which the load saw an error is void and tried again once or twice; what stays void
leaves the comparison.
"""

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple, Union

import client
import h2load
import proxying
import servers
from certificate import Certificate
from errors import BenchError
from handshakes import HandshakeLoad, Handshakes
from h2load import H2Load, MultiplexedLoad
from paced import Paced, PacedLoad
from workloads import BASE, TAG, Cell, Field, Variant, Workload, expected_body
from wrk import Load, Wrk

TRIES = 3
GIVE_UP_ROUNDS = 3  # void ones in a row: then the cell is not run again
WARM_SECONDS = 1
# Until the server has seen that wrk is gone: closing the connections is part of the round.
SETTLE_SECONDS = 0.05
LOG_SECONDS = 3.0
LOGGED_SHARE = 0.99
TAG_SECONDS = 30.0
# What every server must agree to over TLS before it is measured, but for HTTP/2: h2load.NEGOTIATED.
NEGOTIATED = ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "http/1.1")
ALONE = "SSL_accept alone"  # stands among the servers: OpenSSL's own part of a handshake, in process
FLOOR_TAG = '"0123456789abcdef0123456789abcdef"'  # it reads none; its requests are as long as ours

Key = Tuple[str, str]


@dataclass(frozen=True)
class Sample:
    """One cell in one round."""

    per_second: float
    # Microseconds; None when pipelined: wrk's correction for slow rounds takes the batch for one
    # request, and its percentiles mean nothing. Nor does h2load count any.
    p50: Optional[int]
    p99: Optional[int]
    cpu_microseconds: float  # of the server, per request
    busy: float  # share of the server's core


@dataclass
class Series:
    """All rounds of a cell; None where a round is void."""

    cell: Cell
    samples: List[Optional[Sample]] = field(default_factory=list)
    complaints: List[str] = field(default_factory=list)

    def values(self, name: str) -> List[Optional[float]]:
        """One figure of every round."""
        return [None if sample is None else getattr(sample, name) for sample in self.samples]


@dataclass(frozen=True)
class Bench:
    """What every measurement needs."""

    makers: Dict[str, servers.Maker]
    docs: Path
    temp: Path
    server_core: int
    wrk: Wrk
    tell: Callable[[str], None]
    certificate: Optional[Certificate] = None  # these two where TLS is measured
    handshakes: Optional[Handshakes] = None
    h2load: Optional[H2Load] = None  # and this where HTTP/2 is
    paced: Optional[Paced] = None  # and this where a rate is held
    load_core: int = 0
    origin: Optional[proxying.Origin] = None  # behind the proxies, while one of their workloads lasts

    def start(self, name: str, site: servers.Site) -> servers.Running:
        """Starts a server by name on the server's core."""
        return servers.start(self.makers[name], site, self.temp, self.server_core)


@dataclass(frozen=True)
class Asked:
    """What the load asks for in a cell, and the octets of each answer: head and body, but over
    HTTP/2, whose heads get shorter, the body alone."""

    document: str
    field: Optional[Field]
    size: int
    rate: int = 0  # requests a second; 0: as many as come through


def cells_of(workload: Workload, bench: Bench) -> List[Cell]:
    """Every variant on every server that can do them all: one alone would be compared with
    nothing."""
    cells = [Cell(name, variant) for name, maker in bench.makers.items()
             for variant in workload.variants if maker.serves(workload.name, workload.needs())]
    if workload.plain_floor and "floor" in bench.makers:
        cells.insert(0, Cell("floor", BASE))
    return cells + [Cell(ALONE, variant) for variant in workload.variants if variant.handshake]


def measure(workload: Workload, bench: Bench, rounds: int, seconds: int,
            seed: int) -> Dict[Key, Series]:
    """All rounds of one workload. The servers live from its start to its end."""
    cells = cells_of(workload, bench)
    series = {(cell.server, cell.variant.name): Series(cell) for cell in cells}
    with ExitStack() as stack:
        bench = _with_origin(workload, bench, stack)
        running = _start_all(workload, cells, bench, stack)
        asked = _prepare(workload, cells, bench, running)
        order = random.Random(seed)
        for number in range(rounds):
            bench.tell(f"{workload.name}: round {number + 1} of {rounds}")
            for cell in order.sample(cells, len(cells)):
                result = series[(cell.server, cell.variant.name)]
                _one_round(running.get(_process(cell)), workload, result, asked.get(cell), bench,
                           seconds)
    return series


def _with_origin(workload: Workload, bench: Bench, stack: ExitStack) -> Bench:
    if not any(variant.proxied for variant in workload.variants):
        return bench
    origin = proxying.start_origin(bench.docs, bench.temp, bench.load_core)
    stack.callback(origin.running.stop)
    return replace(bench, origin=origin)


Process = Tuple[str, bool, int, str, bool, bool]


def _process(cell: Cell) -> Process:
    """Cells that differ only in the load share a process."""
    variant = cell.variant
    return (cell.server, variant.access_log, variant.sites,
            variant.floor_mode if cell.server == "floor" else "", variant.tls,
            variant.multiplexed is not None)


def _start_all(workload: Workload, cells: List[Cell], bench: Bench,
               stack: ExitStack) -> Dict[Process, servers.Running]:
    running: Dict[Process, servers.Running] = {}
    for cell in cells:
        if _process(cell) in running or cell.server == ALONE:
            continue
        site = servers.Site(bench.docs, workload.document,
                            cell.variant.floor_mode or workload.floor_mode,
                            cell.variant.access_log, cell.variant.sites,
                            bench.certificate if cell.variant.tls else None,
                            cell.variant.multiplexed is not None,
                            bench.origin.port if cell.variant.proxied else 0)
        running[_process(cell)] = bench.start(cell.server, site)
        stack.callback(running[_process(cell)].stop)
    return running


def _prepare(workload: Workload, cells: List[Cell], bench: Bench,
             running: Dict[Process, servers.Running]) -> Dict[Cell, Asked]:
    """Finds out what each cell is asked, and warms it up; so the greatest rates are known, too."""
    asked, maxima = {}, []
    for cell in cells:
        if cell.server == ALONE:
            continue
        server = running[_process(cell)]
        asked[cell] = _find_out(server, workload, cell.variant, bench)
        sample, _ = _load(server, workload, cell, asked[cell], bench, WARM_SECONDS)
        maxima.append((cell.server, sample.per_second if sample else None))
    if not workload.paced:
        return asked
    rate = proxying.fixed_rate(maxima)
    return {cell: replace(one, rate=rate) for cell, one in asked.items()}


def _find_out(server: servers.Running, workload: Workload, variant: Variant,
              bench: Bench) -> Asked:
    """Has every request of the variant answered once. A server that sends something else than it
    should is not compared: that ends the workload."""
    document = variant.document or workload.document
    if server.tls:
        _check_tls(server, h2load.NEGOTIATED if variant.multiplexed else NEGOTIATED)
    if variant.multiplexed:
        return _find_out_multiplexed(server, document, bench)
    if variant.upload:
        return Asked(document, None, proxying.check_upload(server.port, variant.upload).size)
    tagged = not variant.proxied and "fields" in bench.makers[server.name].abilities
    tag = _await_tag(server, document) if tagged else FLOOR_TAG
    asked = variant.field and Field(
        variant.field.name, tuple(value.replace(TAG, tag) for value in variant.field.values))
    sizes = set()
    for value in asked.values if asked else ("",):
        pairs = ((asked.name, value),) if asked else ()
        answers = [client.fetch(server.port, document, pairs, server.tls)]
        if variant.pipeline > 1:
            answers += client.fetch_pipelined(server.port, document, variant.pipeline, pairs)
        expected = expected_body(bench.docs, variant, document, value)
        for answer in answers:
            if answer.status != variant.status or answer.body != expected:
                raise BenchError(f"{server.name} does not serve {document} as it is: {pairs} got "
                                 f"{answer.status}, {len(answer.body)} of {len(expected)} bytes")
            sizes.add(answer.size)
    if len(sizes) != 1:
        raise BenchError(f"{server.name}'s answers for {document} are not alike long: {sizes}")
    return Asked(document, asked, sizes.pop())


def _find_out_multiplexed(server: servers.Running, document: str, bench: Bench) -> Asked:
    expected = (bench.docs / document).read_bytes()
    status, version, body = client.fetch_multiplexed(server.port, document,
                                                     str(bench.certificate.chain))
    if (status, version, body) != (200, "2", expected):
        raise BenchError(f"{server.name} does not serve {document} as it is over HTTP/2: got {status}, "
                         f"version {version}, {len(body)} of {len(expected)} octets")
    return Asked(document, None, len(expected))


def _check_tls(server: servers.Running, wanted: Tuple[str, str, str]) -> None:
    """The certificate is the run's, which the client's context sees to; the rest is told here."""
    got = client.negotiated(server.port, server.tls)
    if got != wanted:
        raise BenchError(f"{server.name} agreed to {', '.join(got)}, not to {', '.join(wanted)}")


def _await_tag(server: servers.Running, document: str) -> str:
    """The document's entity tag. Sluice answers without until it has read a large file."""
    deadline = time.monotonic() + TAG_SECONDS
    while time.monotonic() < deadline:
        answer = client.fetch(server.port, document, (("Range", "bytes=0-0"),), server.tls)
        if "etag" in answer.fields:
            return answer.fields["etag"]
        time.sleep(0.2)
    raise BenchError(f"{server.name} gives {document} no entity tag")


Outcome = Tuple[Optional[Sample], str]  # or why it does not count


def _one_round(server: Optional[servers.Running], workload: Workload, result: Series,
               asked: Optional[Asked], bench: Bench, seconds: int) -> None:
    if len(result.samples) >= GIVE_UP_ROUNDS and not any(result.samples[-GIVE_UP_ROUNDS:]):
        result.samples.append(None)
        return
    for _ in range(TRIES):
        if result.cell.server == ALONE:
            sample, complaint = _alone(result.cell.variant, bench, seconds)
        else:
            sample, complaint = _load(server, workload, result.cell, asked, bench, seconds)
        if not complaint:
            result.samples.append(sample)
            return
        result.complaints.append(complaint)
    result.samples.append(None)


def _load(server: servers.Running, workload: Workload, cell: Cell, asked: Asked, bench: Bench,
          seconds: int) -> Outcome:
    """One run of the load and the CPU time that the server spent on it."""
    server.empty_log()
    accepted = bench.origin.accepted() if bench.origin else 0
    before = server.cpu_nanoseconds()
    load, complaint = _run(server, workload, cell.variant, asked, bench, seconds)
    time.sleep(SETTLE_SECONDS)
    unlogged = _await_log(server, load.requests) if cell.variant.access_log else ""
    spent = server.cpu_nanoseconds() - before
    complaint = complaint or unlogged
    if bench.origin:
        complaint = complaint or proxying.complaint(bench.origin.accepted() - accepted, load.requests,
                                                    _under_way(workload, cell.variant))
    if server.process.poll() is not None:
        raise BenchError(f"{cell.server} ended during the load, code {server.process.returncode}")
    if complaint:
        return None, complaint
    timed = cell.variant.pipeline == 1
    sample = Sample(load.per_second(), load.p50 if timed else None, load.p99 if timed else None,
                    spent / 1e3 / load.requests, spent / 1e3 / load.microseconds)
    return sample, ""


def _under_way(workload: Workload, variant: Variant) -> int:
    """How many requests can be under way at a time."""
    if variant.multiplexed:
        return variant.multiplexed.connections * variant.multiplexed.streams
    return workload.connections * variant.pipeline


def _run(server: servers.Running, workload: Workload, variant: Variant, asked: Asked,
         bench: Bench, seconds: int) -> Tuple[Union[Load, HandshakeLoad, MultiplexedLoad, PacedLoad], str]:
    """What the load counted, and why that must not count, or an empty text."""
    if variant.handshake:
        shaken = bench.handshakes.load(server.port, bench.docs / asked.document, variant.handshake,
                                       workload.connections, seconds)
        return shaken, shaken.complaint(variant.handshake.resumed)
    if variant.multiplexed:
        load = bench.h2load.run(server.url(asked.document), variant.multiplexed, seconds)
        return load, load.complaint(asked.size, _under_way(workload, variant))
    if asked.rate:
        paced = bench.paced.run(server.port, asked.document, asked.size, workload.connections,
                                asked.rate, seconds)
        return paced, paced.complaint()
    load = bench.wrk.run(server.url(asked.document), workload.connections, seconds,
                         variant.pipeline, asked.field, variant.upload)
    return load, load.complaint(asked.size, _under_way(workload, variant))


def _alone(variant: Variant, bench: Bench, seconds: int) -> Outcome:
    """OpenSSL's own part of as many handshakes as the time allows. It counts its CPU itself."""
    shaken = bench.handshakes.alone(bench.certificate, variant.handshake, seconds)
    complaint = shaken.complaint(variant.handshake.resumed)
    if complaint:
        return None, complaint
    spent = shaken.microseconds / shaken.handshakes
    return Sample(1e6 / spent, None, None, spent, shaken.microseconds / (seconds * 1e6)), ""


def _await_log(server: servers.Running, requests: int) -> str:
    """Waits until the log holds the round's lines, so that writing them is part of its cost.

    A server that drops lines under load is not logging; the round is void then. The last hundredth
    may stay in a buffer: lighttpd and nginx empty theirs by a timer.
    """
    deadline = time.monotonic() + LOG_SECONDS
    while (lines := server.log_lines()) < requests * LOGGED_SHARE:
        if time.monotonic() > deadline:
            return f"only {lines} of {requests} requests are in the access log"
        time.sleep(0.05)
    return ""
