#!/usr/bin/python3
"""Sluice side by side with nginx, h2o, nghttpd, lighttpd, HAProxy and the floors. See README.md here.

Run it as `./dev bench`, or alone: bench/peers/run.py --quick
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Callable, List

sys.dont_write_bytecode = True  # a run leaves nothing behind in the sources

import certificate
import checking
import handshakes
import h2load
import idle
import idle_tls
import machine
import paced
import report
import servers
import speed
import syscalls
import workloads
import wrk
from errors import BenchError

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK_ROUNDS, QUICK_SECONDS = 5, 1


def parse(arguments: List[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default 15)")
    parser.add_argument("--seconds", type=int, default=2, help="per server and round (default 2)")
    parser.add_argument("--only", action="append", choices=workloads.names(), metavar="WORKLOAD",
                        help="one of " + ", ".join(workloads.names()) + "; may be repeated")
    parser.add_argument("--servers", default="floor,splice,sluice,nginx,h2o,nghttpd,lighttpd,haproxy", metavar="A,B,C")
    parser.add_argument("--syscalls", action="store_true", help="also count system calls (strace)")
    parser.add_argument("--quick", action="store_true",
                        help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s: a look, not a verdict")
    parser.add_argument("--json", metavar="FILE", help="write every figure and sample to FILE")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--sluice", default=str(REPOSITORY / "build/release/sluice"))
    parser.add_argument("--floor", default=str(REPOSITORY / "build/release/bench/peers/floor"))
    parser.add_argument("--programs", default=str(REPOSITORY / "build/release/bench/peers"),
                        metavar="FOLDER", help="where handshakes, accept_alone and paced were built")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = QUICK_ROUNDS, QUICK_SECONDS
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds start at 1")
    return options


def selected(options: argparse.Namespace) -> List[str]:
    """What is to be measured: --only, or everything but the system calls unless asked for."""
    chosen = options.only or [name for name in workloads.names() if name != "syscalls"]
    return chosen + (["syscalls"] if options.syscalls and "syscalls" not in chosen else [])


def choose_makers(options: argparse.Namespace, tell: Callable[[str], None]) -> dict:
    """The servers asked for. A peer that is missing is left out, ours are required."""
    known = servers.makers(options.sluice, options.floor)
    asked = [name.strip() for name in options.servers.split(",") if name.strip()]
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise BenchError(f"--servers: {', '.join(unknown) or 'none'}; known are {', '.join(known)}")
    present = {}
    for name in known:
        if name not in asked:
            continue
        if known[name].found():
            present[name] = known[name]
        elif known[name].announces:
            raise BenchError(f"{known[name].program} is missing: {known[name].package}")
        else:
            tell(f"{name} is left out, it is not installed: {known[name].package}")
    return present


def needed(chosen: List[str]) -> set:
    """What a server must be able to do for the workloads of these names, all taken together."""
    return set().union(*(one.needs() for one in workloads.WORKLOADS if one.name in chosen))


def find_built(options: argparse.Namespace, name: str) -> str:
    """A program of ours that makes a load. Raises BenchError when it is not built."""
    program = Path(options.programs) / name
    if not program.exists():
        raise BenchError(f"{program} is missing: build it: target peers_{name}")
    return str(program)


def find_handshakes(options: argparse.Namespace, load_core: int,
                    server_core: int) -> handshakes.Handshakes:
    """The programs that shake hands. Raises BenchError when they are not built."""
    return handshakes.Handshakes(find_built(options, "handshakes"),
                                 find_built(options, "accept_alone"), load_core, server_core)


def find_paced(options: argparse.Namespace, makers: dict, load_core: int) -> paced.Paced:
    """What proxies need beside wrk. Raises BenchError when it is not built or the origin is not there."""
    if {"floor", "splice"} & makers.keys() and not Path(options.floor).with_name(servers.PROXY_FLOOR).exists():
        raise BenchError(f"{servers.PROXY_FLOOR} is missing beside {options.floor}: build it: target "
                         f"peers_{servers.PROXY_FLOOR}")
    return paced.Paced(find_built(options, "paced"), load_core)


def check_tools(chosen: List[str]) -> None:
    """Raises BenchError when a program that makes the load or looks at it is not installed."""
    programs = {"wrk": "wrk"}
    if "h2" in needed(chosen):
        programs |= {"h2load": "nghttp2-client", "curl": "curl"}
    for program, package in programs.items():
        if not shutil.which(program):
            raise BenchError(f"{program} is not installed: apt package {package}")
    if "syscalls" in chosen and not syscalls.available():
        raise BenchError("strace is not installed: apt package strace")


def run(options: argparse.Namespace, tell: Callable[[str], None]) -> dict:
    """Measures everything that was asked for and returns the report's records."""
    check_tools(selected(options))
    handshaking = any(name.startswith("tls-") for name in selected(options))
    multiplexed = "h2" in needed(selected(options))
    proxied = "proxy" in needed(selected(options))
    makers = choose_makers(options, tell)
    server_core, load_core = machine.cores()
    os.sched_setaffinity(0, {load_core})  # nor may this program disturb the server
    idle.raise_descriptor_limit()
    results = {
        "machine": machine.describe(REPOSITORY), "rounds": options.rounds,
        "seconds": options.seconds, "seed": options.seed,
        "versions": {name: maker.version_text() for name, maker in makers.items()}
                    | {"wrk": wrk.version()}
                    | ({"h2load": h2load.version()} if multiplexed else {}),
        "speed": [], "peers": [], "alone": [], "memory": [], "check": [], "syscalls": [],
        "errors": [],
    }
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        temp = Path(name)
        temp.chmod(0o755)  # nginx and h2o drop to another user when started by root
        docs = temp / "docs"
        docs.mkdir()
        workloads.write_documents(docs)
        bench = speed.Bench(makers, docs, temp, server_core, wrk.Wrk(load_core, temp), tell,
                            load_core=load_core)
        if handshaking or multiplexed:
            bench = replace(bench, certificate=certificate.make(temp / "certificate"),
                            h2load=h2load.H2Load(load_core))
        if handshaking:
            bench = replace(bench, handshakes=find_handshakes(options, load_core, server_core))
        if proxied:
            bench = replace(bench, paced=find_paced(options, makers, load_core))
        measure_all(options, bench, results)
    return results


def measure_all(options: argparse.Namespace, bench: speed.Bench, results: dict) -> None:
    """Fills `results`. What cannot be measured is noted, and does not spoil the rest."""
    chosen = selected(options)
    for workload in workloads.WORKLOADS:
        if workload.name in chosen:
            attempt(workload.name, results,
                    lambda: measure_speed(workload, options, bench, results))
    for name, maker in bench.makers.items():
        if "memory" in chosen and maker.serves("memory"):
            attempt("memory", results, lambda: measure_idle(name, idle, options, bench, results))
    for name, maker in bench.makers.items():
        if "tls-memory" in chosen and maker.serves("tls-memory", idle_tls.NEEDS):
            attempt("tls-memory", results,
                    lambda: measure_idle(name, idle_tls, options, bench, results))
    if "check" in chosen and checking.SUBJECT in bench.makers:
        attempt("check", results, lambda: measure_check(options, bench, results))
    for case in syscalls.CASES:
        for name, maker in bench.makers.items():
            if "syscalls" in chosen and maker.serves("syscalls"):
                attempt("syscalls", results, lambda: results["syscalls"].append(
                    report.syscall_record(syscalls.measure(name, case, bench))))


def attempt(name: str, results: dict, measurement: Callable[[], None]) -> None:
    """Runs `measurement` and notes what prevented it."""
    try:
        measurement()
    except (BenchError, OSError) as error:
        results["errors"].append(f"{name}: {error}")


def measure_speed(workload: workloads.Workload, options: argparse.Namespace, bench: speed.Bench,
                  results: dict) -> None:
    """All rounds of one workload."""
    series = speed.measure(workload, bench, options.rounds, options.seconds, options.seed)
    records = report.speed_records(workload, series)
    results["speed"] += records
    results["errors"] += [f"{workload.name}: {record['server']}: {record['complaints'][0]}"
                          for record in records if not record["rounds"]]
    results["peers"] += report.peer_records(workload, series)
    results["alone"] += report.alone_records(workload, series)


def measure_idle(name: str, how: ModuleType, options: argparse.Namespace, bench: speed.Bench,
                 results: dict) -> None:
    """Memory of one server, by idle.py or idle_tls.py."""
    repeats = 1 if options.quick else how.REPEATS
    results["memory"].append(report.idle_record(how.measure(name, bench, repeats=repeats)))


def measure_check(options: argparse.Namespace, bench: speed.Bench, results: dict) -> None:
    """The command that reads a configuration and says what is in it."""
    timings = checking.measure(bench, options.rounds)
    results["check"] += [report.check_record(timing) for timing in timings]


class Progress:
    """One line that is overwritten on a terminal; elsewhere a line for each new subject."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._subject = ""

    def __call__(self, line: str) -> None:
        subject = line.split(":", 1)[0]
        if self._terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif subject != self._subject:
            print(f"measuring {line}", file=sys.stderr, flush=True)
        self._subject = subject

    def end(self) -> None:
        """Clears the line."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def main() -> int:
    """0 when all was measured, whatever the verdicts; 2 when something could not be."""
    options = parse(sys.argv[1:])
    if options.json:  # a path that cannot be written is better known before the rounds than after
        options.json = Path(options.json).absolute()
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.touch()
    tell = Progress()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds: servers end, folders go
    try:
        results = run(options, tell)
    except BenchError as error:
        tell.end()
        print(f"bench: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    tell.end()
    print(report.text(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 2 if results["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
