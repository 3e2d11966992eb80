"""Where a run took place: figures without machine and commit are gossip."""

import os
import subprocess
from pathlib import Path
from typing import Dict, Tuple

from errors import BenchError


def cores() -> Tuple[int, int]:
    """The core for the server and the core for the load, from those this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchError("two cores are needed, one for the server and one for wrk; "
                         f"this process may use {len(allowed)}")
    return allowed[0], allowed[1]


def describe(repository: Path) -> Dict[str, str]:
    """CPU, kernel, and the commit that was measured."""
    system = os.uname()
    return {
        "cpu": cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": f"{system.sysname} {system.release} {system.machine}",
        "commit": commit(repository),
        "load": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def cpu_model() -> str:
    """The model name of the first CPU."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def commit(repository: Path) -> str:
    """The short hash, with `+changes` when the tree differs from it."""
    base = ["git", "-C", str(repository)]
    shown = subprocess.run(base + ["rev-parse", "--short=12", "HEAD"], capture_output=True,
                           text=True, check=False)
    if shown.returncode != 0:
        return "unknown"
    changed = subprocess.run(base + ["status", "--porcelain", "--untracked-files=no"],
                             capture_output=True, text=True, check=False)
    return shown.stdout.strip() + ("+changes" if changed.stdout.strip() else "")
