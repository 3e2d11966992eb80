"""One run of wrk, pinned to its core, and what it counted."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from errors import BenchError
from workloads import Field

HERE = Path(__file__).resolve().parent
MARK = "wrk-json "
GRACE_SECONDS = 60  # beyond the asked-for time: then wrk hangs and the run ends


@dataclass(frozen=True)
class Load:
    """wrk's counts over one round. Latencies in microseconds."""

    requests: int
    bytes: int
    microseconds: int
    p50: int
    p99: int
    connect_errors: int
    read_errors: int
    write_errors: int
    status_errors: int
    timeouts: int

    def per_second(self) -> float:
        """Requests a second."""
        return self.requests * 1e6 / self.microseconds if self.microseconds else 0.0

    def complaint(self, size: int, under_way: int) -> str:
        """Why this round must not count, or an empty text.

        All responses of a round have the same `size`, head and body, so their sum shows whether
        they were the expected ones; up to `under_way` more were cut off by the round's end.
        """
        problems = {
            "connect errors": self.connect_errors, "read errors": self.read_errors,
            "write errors": self.write_errors, "statuses of 400 and above": self.status_errors,
            "timeouts": self.timeouts,
        }
        said = [f"{count} {what}" for what, count in problems.items() if count]
        if not self.requests:
            said.append("no request completed")
        elif not 0 <= self.bytes - self.requests * size <= under_way * size:
            said.append(f"{self.bytes} bytes for {self.requests} responses of {size}")
        return ", ".join(said)


class Wrk:
    """wrk on one core, with the scripts that make its report readable by machines."""

    def __init__(self, core: int, temp: Path):
        self._core = core
        report = (HERE / "wrk-report.lua").read_text(encoding="utf-8")
        self._plain = temp / "plain.lua"
        self._plain.write_text(report, encoding="utf-8")
        for name in ("pipeline", "turns", "upload"):
            script = (HERE / f"wrk-{name}.lua").read_text(encoding="utf-8")
            (temp / f"{name}.lua").write_text(report + script, encoding="utf-8")

    def run(self, url: str, connections: int, seconds: int, pipeline: int = 1,
            field: Optional[Field] = None, upload: int = 0) -> Load:
        """Loads `url` for `seconds` with one thread; with `upload`, by POSTs of so many octets.
        Raises BenchError when wrk itself fails.

        Requires: a field with several values is not pipelined.
        """
        command = ["taskset", "-c", str(self._core), "wrk", "-t1", f"-c{connections}",
                   f"-d{seconds}s", "--timeout", "20s", "--latency"]
        command += self._requests(url, pipeline, field, upload)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired as hung:
            raise BenchError(f"wrk did not end: {' '.join(command)}") from hung
        for line in done.stdout.splitlines():
            if line.startswith(MARK):
                return Load(**json.loads(line[len(MARK):]))
        raise BenchError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")

    def _requests(self, url: str, pipeline: int, field: Optional[Field],
                  upload: int) -> List[str]:
        """Arguments for what to send; a script that makes requests is run only where it must."""
        if upload:
            return ["-s", str(self._plain.with_name("upload.lua")), url, "--", str(upload)]
        if field is not None and len(field.values) > 1:
            turns = str(self._plain.with_name("turns.lua"))
            return ["-s", turns, url, "--", field.name, *field.values]
        fixed = ["-H", f"{field.name}: {field.values[0]}"] if field is not None else []
        if pipeline > 1:
            batch = str(self._plain.with_name("pipeline.lua"))
            return fixed + ["-s", batch, url, "--", str(pipeline)]
        return fixed + ["-s", str(self._plain), url]


def version() -> str:
    """The first line that wrk says about itself."""
    done = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False, timeout=10)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].split("Copyright")[0].strip() if lines else "unknown"
