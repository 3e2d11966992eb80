"""An HTTP/2 client that floods a server patiently: it reads all that comes, and goes on until it is stopped.

The problem: a client that does not read is stopped by back-pressure, so only one that does shows what a server itself
refuses (RFC 9113 section 10.5). And a flood that is stopped is still an attack when it took memory, or kept others
waiting: so the process's peak of memory is taken meanwhile, and another client asks for a page between two batches.

    outcome = flood(server, lambda client, number: frame(PING, payload=bytes(8)))
    assert outcome.code == ENHANCE_YOUR_CALM and outcome.sent < 100
"""

import contextlib
import dataclasses
import pathlib
import re
import time

from h2_connection import H2Connection
from h2_frames import ACK, SETTINGS, Ended, FrameConnection

UNITS = 20_000


@dataclasses.dataclass
class Outcome:
    """`sent` units until the server stopped it, or all; `code` of its GOAWAY, None without one; `ended` as
    RawConnection has it; `grown` octets of memory at the peak; `seconds` that it took; `frames` that came."""

    sent: int
    code: int | None
    ended: str | None
    grown: int
    seconds: float
    frames: list


def reset_peak(pid):
    """The peak of resident memory begins anew (proc(5), clear_refs)."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(pid) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def flood(server, unit, units=UNITS, batch=20, begin=None, values=None, seconds=60.0, target="/") -> Outcome:
    """`unit` gives the octets of one, for a FrameConnection and the unit's number; `begin` those before the first.
    Another client asks for `target` after each batch, later more seldom, and has to be served. Clear text."""
    with FrameConnection(server.address, values=values, seconds=seconds) as attacker, \
            H2Connection(server.address, seconds=seconds) as other:
        assert other.fetch(target).status == 200
        attacker.expect(SETTINGS, flags=ACK)  # from here on nothing has to be answered between two frames
        reset_peak(server.pid)
        before, begun = server.rss_bytes(), time.monotonic()
        if begin:
            attacker.send(begin(attacker))
        sent = 0
        while sent < units and not _is_stopped(attacker):
            with contextlib.suppress(Ended):
                attacker.send(*[unit(attacker, sent + number) for number in range(batch)])
            sent += batch
            if sent <= 50 * batch or sent % (50 * batch) == 0:
                assert other.fetch(target).status == 200, "another client has to wait for the attacker's end"
        lasted = time.monotonic() - begun
        assert other.fetch(target).status == 200
        if _is_stopped(attacker):
            attacker.all_frames()
        code = attacker.goaway.error() if attacker.goaway else None
        return Outcome(sent, code, attacker.ended, peak(server.pid) - before, lasted,
                       attacker.seen)


def _is_stopped(attacker) -> bool:
    attacker.take()
    return bool(attacker.ended or attacker.octets.send_failed or attacker.goaway)
