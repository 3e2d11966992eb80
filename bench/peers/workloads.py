"""What is measured: the documents, the load, and the target that the issue sets for each."""

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

DOCUMENTS = {"1k.bin": 1024, "64k.bin": 64 * 1024, "10m.bin": 10 * 1024 * 1024}
# Sluice, rightly, does not keep the body of a file that changed less than two seconds ago.
SETTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Variant:
    """One way of running a server or of loading it."""

    name: str
    access_log: bool = False
    pipeline: int = 1
    reference: str = "plain"  # the variant of the same server that it is compared with


PLAIN = Variant("plain", reference="floor")
BASE = Variant("plain")


@dataclass(frozen=True)
class Workload:
    """A document under a load. The target bounds Sluice's CPU per request over the reference's."""

    name: str
    title: str
    document: str
    floor_mode: str
    connections: int
    variants: Tuple[Variant, ...]
    target: float


WORKLOADS: Tuple[Workload, ...] = (
    Workload("1k", "1 KiB file", "1k.bin", "held", 64, (PLAIN,), 1.10),
    Workload("64k", "64 KiB file", "64k.bin", "sendfile", 64, (PLAIN,), 1.15),
    Workload("10m", "10 MiB file, 8 connections", "10m.bin", "sendfile", 8, (PLAIN,), 1.10),
    Workload("log", "1 KiB with the JSON access log on, over the same with it off", "1k.bin",
             "held", 64, (BASE, Variant("log", access_log=True)), 1.15),
    Workload("pipeline", "1 KiB pipelined by 16, over the same unpipelined", "1k.bin",
             "held", 64, (BASE, Variant("pipelined", pipeline=16)), 0.30),
)

# Not a load but a state or a count: measured by idle.py and syscalls.py.
OTHERS = {"memory": "memory per idle keep-alive connection",
          "syscalls": "system calls per keep-alive request"}


@dataclass(frozen=True)
class Cell:
    """One server under one variant: what is measured once a round."""

    server: str
    variant: Variant

    def reference(self) -> Optional[Tuple[str, str]]:
        """(server, variant) of the cell in the same round that this one is divided by."""
        if self.variant.reference == "floor":
            return ("floor", "plain")
        return (self.server, "plain") if self.variant.name != "plain" else None


def names() -> List[str]:
    """Every name that --only takes."""
    return [workload.name for workload in WORKLOADS] + list(OTHERS)


def write_documents(folder: Path) -> Dict[str, bytes]:
    """Makes the documents, old enough to be held, and returns their bytes."""
    rng = random.Random(9112)
    made = {}
    long_ago = time.time() - 86_400
    for name, size in DOCUMENTS.items():
        made[name] = rng.randbytes(size)
        (folder / name).write_bytes(made[name])
        (folder / name).chmod(0o644)
        os.utime(folder / name, (long_ago, long_ago))
    time.sleep(SETTLE_SECONDS)
    return made
