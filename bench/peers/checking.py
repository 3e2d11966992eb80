"""How long `sluice check` takes for a configuration of a thousand sites: a person waits for it."""

import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, List

import configurations
from errors import BenchError
from speed import Bench

SITES = 1_000
TARGET = 300.0
SUBJECT = "sluice"
SECONDS = 30  # one that takes longer has hung
IN_ONE = "1,000 sites in one file"
INCLUDED = "1,000 sites in 1,000 included files"


@dataclass
class Timing:
    """Wall times of the runs, from starting the process to its end, in milliseconds."""

    case: str
    samples: List[float] = field(default_factory=list)


def measure(bench: Bench, rounds: int) -> List[Timing]:
    """Both cases in turn, on the server's core, with everything that `check` prints."""
    with ExitStack() as stack:
        own = Path(stack.enter_context(TemporaryDirectory(dir=bench.temp)))
        files = _write(own)
        timings = [Timing(case) for case in files]
        for timing in timings:
            _check(files[timing.case], bench)  # once for the page cache
        for number in range(rounds):
            bench.tell(f"check: round {number + 1} of {rounds}")
            for timing in timings:
                timing.samples.append(_check(files[timing.case], bench))
    return timings


def _write(own: Path) -> Dict[str, Path]:
    """The configurations by case. Every site's folder is there, as `check` wants it."""
    folder = own / configurations.SITES_FOLDER
    for number in range(SITES):
        (folder / configurations.host(number)).mkdir(parents=True)
    whole = own / "whole.toml"
    whole.write_text(configurations.many_sites(SITES, folder), encoding="utf-8")
    return {IN_ONE: whole, INCLUDED: configurations.write_included(SITES, folder, own)}


def _check(path: Path, bench: Bench) -> float:
    """Milliseconds of one run, which must have found every site and nothing to say about it."""
    command = ["taskset", "-c", str(bench.server_core), bench.makers[SUBJECT].program, "check",
               "-c", str(path)]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    spent = (time.perf_counter() - begin) * 1e3
    routes = SITES * configurations.ROUTES_OF_A_SITE
    wanted = f"{path}: {SITES} sites, {routes} routes, no errors, no warnings"
    said = (done.stdout.splitlines() or [done.stderr.strip()])[-1]
    if done.returncode != 0 or said != wanted:
        raise BenchError(f"check said '{said}' where '{wanted}' was expected")
    return spent
