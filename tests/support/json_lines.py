"""The lines of JSON that a program writes, taken as they come.

The problem: a log is read a thousand times while it grows, and its last line may be half written. Only LF ends a line:
Python's splitlines() would cut where a request brought U+0085.
"""

import json


class JsonLines:
    """`read(offset)` gives the octets of the log from there on; `lines` are all that were complete at the last look."""

    def __init__(self, read):
        self._read = read
        self._offset = 0
        self.lines = []

    def look(self) -> list[dict]:
        octets = self._read(self._offset)
        whole = octets[:octets.rfind(b"\n") + 1]
        self._offset += len(whole)
        self.lines += [json.loads(line) for line in whole.decode("utf-8", "replace").split("\n")[:-1]]
        return self.lines


def of_file(path):
    """For JsonLines."""
    def read(offset):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read()
    return read
