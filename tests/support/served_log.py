"""What a server says it served, read from its own access log between two points in time.

The problem: lines are written after the fact and in batches, so a test that reads the log at once misses some. Here a
request of our own ends each part: with one worker, the lines before its line are all there are.

    log = ServedLog(server)     # of a configuration with `workers = 1` and a JSON access log on stdout
    ...                         # a client does what it does
    for line in log.take(): ...
"""

import json

from clients import request
from raw_connection import RawConnection
from sluice_server import wait_until


class ServedLog:
    """The requests since the last take(), in the order in which they were answered; `host` is one the server knows."""

    def __init__(self, server, host="localhost"):
        self._server = server
        self._host = host
        self._read = 0  # characters of the log that were taken
        self._marks = 0

    def take(self) -> list[dict]:
        self._marks += 1
        mark = f"/end-of-part-{self._marks}"
        with RawConnection(self._server.address, 20) as connection:
            connection.send(request(mark, host=self._host))
            assert connection.response()
        wait_until(lambda: f'"target":"{mark}"' in self._fresh(), 20, f"the line of {mark}")
        fresh = self._fresh()
        part = fresh[:fresh.index("\n", fresh.index(f'"target":"{mark}"')) + 1]
        self._read += len(part)
        return [line for line in map(json.loads, part.splitlines()) if "target" in line][:-1]

    def _fresh(self) -> str:
        return self._server.stdout()[self._read:]
