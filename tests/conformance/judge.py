"""Runs one case of the catalogue against a server and says what was wrong with the answer.

Each case is sent in one write, octet by octet, and cut in two at several places: a server must not care how the
network cut its input. Nothing sleeps between the pieces; over loopback some of them meet again, and that is one more
way of cutting.
"""

import datetime
import email.utils
import re
import time

from catalogue.case import CANARY, EITHER, OPEN, PROMPT_OR_WAITS, REFUSALS, SITE, WAITS
from raw_connection import RawConnection

SMALL = 600  # octets; longer ones go in pieces, not octet by octet
FOLLOW_UP = b"GET /a.txt HTTP/1.1\r\nHost: follow-up\r\nConnection: close\r\n\r\n"
ALLOWED = {"get", "head", "options"}
END_NAMES = {"reset": "RST", "truncated": "FIN without close_notify"}
HEAD_TIMEOUT = 0.4  # seconds, for the cases that wait


class Violation(AssertionError):
    """The server did not do what the case's source asks."""


def require(condition, message):
    if not condition:
        raise Violation(message)


def ways_of_sending(data: bytes, every_offset: bool):
    """Yields (name, pieces). `every_offset`: cut small data at each place, else at eight spread over it."""
    yield "one write", [data]
    if len(data) < 2:
        return
    step = 1 if len(data) <= SMALL else 997 if len(data) <= 20000 else 16381
    yield f"pieces of {step}", [data[at:at + step] for at in range(0, len(data), step)]
    for offset in offsets(len(data), every_offset):
        yield f"cut at {offset}", [data[:offset], data[offset:]]


def offsets(length, every):
    if every and length <= SMALL:
        return range(1, length)
    spread = {1, 4, length // 4, length // 2, length * 3 // 4, length - 3, length - 2, length - 1}
    return sorted(offset for offset in spread if 0 < offset < length)


def judge(case, address, every_offset=False, connect=RawConnection):
    """Sends the case in every way. Raises Violation, BadResponse or Silence, naming the way.

    `connect` gives a RawConnection, or one over TLS, to the address.
    """
    seen = {}
    for way, pieces in ways_of_sending(case.data, every_offset):
        try:
            statuses = converse(case, address, pieces, connect)
        except AssertionError as wrong:
            raise type(wrong)(f"{case.name} ({way}): {wrong}\n  sent {case.data[:300]!r}\n  by {case.source}") from None
        seen.setdefault(statuses, way)
    if not case.after_head:
        require(len(seen) == 1, f"{case.name}: the answer depends on how it was sent: {seen}")


def converse(case, address, pieces, connect=RawConnection):
    """One connection. Returns the statuses received."""
    begun = time.monotonic()
    with connect(address) as connection:
        for piece in pieces:
            if not connection.send(piece):
                break
        if case.half_close:
            connection.send_fin()
        responses = read_responses(case, connection)
        if case.then == WAITS:
            waited = time.monotonic() - begun
            require(waited > HEAD_TIMEOUT * 0.7, f"did not wait for the rest: {waited:.3f} s")
        check_ending(case, connection, responses)
    return tuple(response.status for response in responses)


def read_responses(case, connection):
    responses = []
    for expected in case.replies:
        response = connection.response(expected.method)
        if response is None:
            require(expected.optional, f"{connection.ended} instead of answer {len(responses) + 1}")
            break
        check_response(case, expected, response)
        responses.append(response)
    return responses


def check_response(case, expected, response):
    text = f"{response.status} {response.fields} {response.body[:120]!r}"
    require(response.status in expected.statuses, f"{sorted(expected.statuses)} expected, not {text}")
    require(expected.body is None or response.status != 200 or response.body == expected.body,
            f"other content: {text}")
    check_fields(expected, response, text)
    require(not expected.absent or expected.absent not in response.raw, f"{expected.absent!r} is in {text}")
    check_date(response, text)
    if response.get("allow") is not None or response.status == 405:
        require(set(response.elements("allow")) == ALLOWED, f"Allow: {text}")
    if response.status in REFUSALS and not case.by_handler:
        require(len(response.body) <= 200, f"a refusal of more than 200 octets: {text}")
        require(CANARY not in response.raw, f"a refusal that repeats the request: {text}")


def check_fields(expected, response, text):
    for name, pattern in expected.has.items():
        require(re.fullmatch(pattern, response.get(name) or "") is not None, f"{name} is not {pattern}: {text}")
    for name, pattern in expected.never.items():
        require(re.fullmatch(pattern, response.get(name) or "") is None, f"{name} is {pattern}: {text}")
    for name in expected.lacks:
        require(response.get(name) is None, f"{name} is there: {text}")


def check_date(response, text):
    """RFC 9110 6.6.1: a MUST for 2xx, 3xx and 4xx, in IMF-fixdate, and right."""
    date = response.get("date")
    if date is None:
        require(response.status >= 500, f"no Date: {text}")
        return
    require(re.fullmatch(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", date),
            f"Date: {text}")
    then = email.utils.parsedate_to_datetime(date)
    off = abs((datetime.datetime.now(datetime.timezone.utc) - then).total_seconds())
    require(off < 10, f"Date is off by {off:.0f} s: {text}")


def check_ending(case, connection, responses):
    announced = bool(responses) and responses[-1].closes
    require(not any(one.closes for one in responses[:-1]), "answered after it announced the close")
    if case.then == OPEN or (case.then == EITHER and not announced):
        follow_up(case, connection, announced)
        return
    if responses and not case.after_head and not case.half_close:  # else it could not know when it answered
        require(announced, f"{responses[-1].status} ends the connection without saying so (RFC 9112 9.6)")
    end = connection.wait_for_end()
    if not case.reset_allowed:
        require(end == "fin", f"{END_NAMES.get(end, end)}, not FIN")
        require(not connection.send_failed, "closed without lingering: the rest of the request met RST")


def follow_up(case, connection, announced):
    """A further request must be answered; where the case leaves it open, the end will do as well."""
    require(not announced, "announced the close of a connection that should go on")
    sent = connection.send(FOLLOW_UP)
    response = connection.response()
    if response is None and case.then == EITHER and case.after_head:
        return  # the answer had left, with no word of the end that the body's fault then made necessary
    require(response is not None and sent, "the connection did not go on")
    require(response.status == 200 and response.body == SITE["a.txt"],
            f"follow-up: {response.status} {response.body!r}")
    require(response.closes and connection.wait_for_end() == "fin",
            "the follow-up did not end the connection as asked")


def needs_short_deadline(case) -> bool:
    return case.slow_end or case.then in (WAITS, PROMPT_OR_WAITS)

