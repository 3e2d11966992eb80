"""Measures a workload: every cell once a round, in a new order each round.

A round is one wrk run against each cell. What the machine does to one server in a round it does,
nearly, to its neighbours, so cells are compared within a round only. A round in which wrk saw an
error is void and tried again once or twice; what stays void leaves the comparison.
"""

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import client
import servers
from errors import BenchError
from workloads import Cell, Workload
from wrk import Wrk

TRIES = 3
GIVE_UP_ROUNDS = 3  # void ones in a row: then the cell is not run again
WARM_SECONDS = 1
# Until the server has seen that wrk is gone: closing the connections is part of the round.
SETTLE_SECONDS = 0.05
LOG_SECONDS = 3.0
LOGGED_SHARE = 0.99

Key = Tuple[str, str]


@dataclass(frozen=True)
class Sample:
    """One cell in one round."""

    per_second: float
    p50: Optional[int]  # microseconds; None when pipelined: wrk's correction for slow rounds
    p99: Optional[int]  # takes the batch for one request, and its percentiles mean nothing
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
    bodies: Dict[str, bytes]
    temp: Path
    server_core: int
    wrk: Wrk
    tell: Callable[[str], None]

    def start(self, name: str, site: servers.Site) -> servers.Running:
        """Starts a server by name on the server's core."""
        return servers.start(self.makers[name], site, self.temp, self.server_core)


def cells_of(workload: Workload, bench: Bench) -> List[Cell]:
    """Every server under every variant that it can do and that says something about it."""
    wants_log = any(variant.access_log for variant in workload.variants)
    return [Cell(name, variant) for name, maker in bench.makers.items()
            for variant in workload.variants if maker.logs or not wants_log]


def measure(workload: Workload, bench: Bench, rounds: int, seconds: int,
            seed: int) -> Dict[Key, Series]:
    """All rounds of one workload. The servers live from its start to its end."""
    cells = cells_of(workload, bench)
    series = {(cell.server, cell.variant.name): Series(cell) for cell in cells}
    with ExitStack() as stack:
        running = _start_all(workload, cells, bench, stack)
        for cell in cells:
            _check_bytes(running[_process(cell)], workload, cell, bench)
            _load(running[_process(cell)], workload, cell, bench, WARM_SECONDS)
        order = random.Random(seed)
        for number in range(rounds):
            bench.tell(f"{workload.name}: round {number + 1} of {rounds}")
            for cell in order.sample(cells, len(cells)):
                result = series[(cell.server, cell.variant.name)]
                _one_round(running[_process(cell)], workload, result, bench, seconds)
    return series


def _process(cell: Cell) -> Tuple[str, bool]:
    """Cells that differ only in the load share a process."""
    return (cell.server, cell.variant.access_log)


def _start_all(workload: Workload, cells: List[Cell], bench: Bench,
               stack: ExitStack) -> Dict[Tuple[str, bool], servers.Running]:
    running: Dict[Tuple[str, bool], servers.Running] = {}
    for cell in cells:
        if _process(cell) in running:
            continue
        site = servers.Site(bench.docs, workload.document, workload.floor_mode,
                            cell.variant.access_log)
        running[_process(cell)] = bench.start(cell.server, site)
        stack.callback(running[_process(cell)].stop)
    return running


def _check_bytes(server: servers.Running, workload: Workload, cell: Cell, bench: Bench) -> None:
    """A server that sends something else is not compared: that ends the workload."""
    expected = bench.bodies[workload.document]
    answers = [client.fetch(server.port, workload.document)]
    if cell.variant.pipeline > 1:
        answers += client.fetch_pipelined(server.port, workload.document, cell.variant.pipeline)
    for status, body in answers:
        if status != 200 or body != expected:
            raise BenchError(f"{cell.server} does not serve {workload.document} as it is: "
                             f"status {status}, {len(body)} of {len(expected)} bytes")


def _one_round(server: servers.Running, workload: Workload, result: Series, bench: Bench,
               seconds: int) -> None:
    if len(result.samples) >= GIVE_UP_ROUNDS and not any(result.samples[-GIVE_UP_ROUNDS:]):
        result.samples.append(None)
        return
    for _ in range(TRIES):
        sample, complaint = _load(server, workload, result.cell, bench, seconds)
        if not complaint:
            result.samples.append(sample)
            return
        result.complaints.append(complaint)
    result.samples.append(None)


def _load(server: servers.Running, workload: Workload, cell: Cell, bench: Bench,
          seconds: int) -> Tuple[Optional[Sample], str]:
    """One wrk run and the CPU time that the server spent on it; or why it does not count."""
    server.empty_log()
    before = server.cpu_nanoseconds()
    load = bench.wrk.run(server.url(workload.document), workload.connections, seconds,
                         cell.variant.pipeline)
    time.sleep(SETTLE_SECONDS)
    unlogged = _await_log(server, load.requests) if cell.variant.access_log else ""
    spent = server.cpu_nanoseconds() - before
    complaint = load.complaint(len(bench.bodies[workload.document])) or unlogged
    if server.process.poll() is not None:
        raise BenchError(f"{cell.server} ended during the load, code {server.process.returncode}")
    if complaint:
        return None, complaint
    timed = cell.variant.pipeline == 1
    sample = Sample(load.per_second(), load.p50 if timed else None, load.p99 if timed else None,
                    spent / 1e3 / load.requests, spent / 1e3 / load.microseconds)
    return sample, ""


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
