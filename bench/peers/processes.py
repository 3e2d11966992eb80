"""What the kernel says about a server: its processes, their CPU time and their memory.

Every figure is a sum over the server's whole family (master, workers, helper threads), so that no
server looks cheap by letting another process do the work.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List

PROC = Path("/proc")


@dataclass(frozen=True)
class Memory:
    """Octets. PSS counts a page that n processes share as 1/n, so it can be summed."""

    rss: int
    pss: int


def children(pid: int) -> List[int]:
    """The processes that `pid`, or any thread of it, has started."""
    found: List[int] = []
    for listing in (PROC / str(pid) / "task").glob("*/children"):
        found += [int(word) for word in _read(listing).split()]
    return found


def family(pid: int) -> List[int]:
    """`pid` and all its living descendants."""
    found, pending = [], [pid]
    while pending:
        member = pending.pop()
        found.append(member)
        pending += children(member)
    return found


def tasks(pid: int) -> Iterator[Path]:
    """The folder in /proc of every thread of the family."""
    for member in family(pid):
        yield from (PROC / str(member) / "task").glob("*")


def cpu_nanoseconds(pid: int) -> int:
    """Time on a CPU, user and kernel, of every thread of the family so far.

    Takes the first number of schedstat, which the scheduler keeps in nanoseconds; /proc/PID/stat
    counts ticks of 10 ms. What an ended thread had used is lost, so servers must keep theirs.
    """
    total = 0
    for task in tasks(pid):
        words = _read(task / "schedstat").split()
        total += int(words[0]) if words else 0
    return total


def memory(pid: int) -> Memory:
    """RSS and PSS of the family."""
    rss = pss = 0
    for member in family(pid):
        for line in _read(PROC / str(member) / "smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1]) * 1024
            elif line.startswith("Pss:"):
                pss += int(line.split()[1]) * 1024
    return Memory(rss, pss)


def tracer(task: Path) -> int:
    """The process that traces this thread, or 0."""
    for line in _read(task / "status").splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])
    return 0


def _read(path: Path) -> str:
    """The file's text, or nothing when its process has just ended."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
