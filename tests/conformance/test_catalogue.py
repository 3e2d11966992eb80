"""The catalogue itself: well formed, large enough, and every expectation with its source."""

import re
from collections import Counter

from catalogue import CASES, TOPICS
from catalogue.case import CLOSE, EITHER, OPEN, PROMPT_OR_WAITS, WAITS


def test_names_are_unique_and_readable():
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []
    assert [case.name for case in CASES if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", case.name)] == []


def test_there_are_enough():
    assert len(CASES) >= 250
    assert [topic.__name__ for topic in TOPICS if len(topic.CASES) < 15] == []


def test_no_request_is_there_twice_within_a_topic():
    for topic in TOPICS:
        twice = [times for times in Counter(
            (case.data, case.half_close, str(case.replies)) for case in topic.CASES).values() if times > 1]
        assert twice == [], topic.__name__


def test_every_expectation_cites_its_source():
    known = re.compile(r"(RFC \d{4} \w+|rule: \S|SECURITY \d|DESIGN \d|issue 2)")
    assert [case.name for case in CASES if not known.search(case.source)] == []


def test_expectations_are_of_the_vocabulary():
    for case in CASES:
        assert case.then in (OPEN, CLOSE, EITHER, WAITS, PROMPT_OR_WAITS), case.name
        assert case.replies, case.name
        for reply in case.replies:
            assert reply.statuses and all(200 <= status <= 599 for status in reply.statuses), case.name


def test_codec_refusals_that_must_close_do_so():
    """A head that could not be read leaves no place from which to go on (SECURITY.md section 1)."""
    fatal = {400, 408, 414, 431, 505}
    kept = [case.name for case in CASES
            if case.then == OPEN and not case.by_handler and case.replies[-1].statuses & fatal]
    assert kept == []


def test_one_request_with_another_reading_is_refused():
    """Whatever holds both framings, in any disguise, is never answered as if it were right."""
    served = [case.name for case in CASES
              if re.search(rb"(?i)\r\ncontent-length:.*\r\ntransfer-encoding:", case.data.split(b"\r\n\r\n")[0])
              and case.replies[0].statuses & {200, 204, 405}]
    assert served == []
