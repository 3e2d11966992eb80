"""Every case of the catalogue is one test in clear text and one over TLS, where each piece is a record; the servers are
started once (SECURITY.md sections 1 and 6, RFC 9110, 9112).

The everyday run cuts each request at eight places, the long one at every place.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from catalogue import CASES
from judge import needs_short_deadline

PROMPT = [case for case in CASES if not needs_short_deadline(case)]
WAITING = [case for case in CASES if needs_short_deadline(case)]


def identity(case):
    return case.name


@pytest.mark.parametrize("case", PROMPT, ids=identity)
def test_answers(case, door):
    door.judge(case)


@pytest.fixture(scope="module")
def verdicts(door):
    """The waiting cases take most of a second each for every way of sending, so all are started at once."""
    with ThreadPoolExecutor(max_workers=len(WAITING)) as pool:
        yield {case.name: pool.submit(door.judge_impatient, case) for case in WAITING}


@pytest.mark.parametrize("case", WAITING, ids=identity)
def test_does_not_wait_for_ever(case, verdicts):
    verdicts[case.name].result(60)


@pytest.mark.long
@pytest.mark.parametrize("door", ["clear", "tls"], indirect=True)
@pytest.mark.parametrize("case", PROMPT, ids=identity)
def test_answers_wherever_it_is_cut(case, door):
    door.judge(case, every_offset=True)


def test_servers_end_well(clear, secure_servers):
    """Runs last: all servers still answer, exit by SIGTERM with 0, and no sanitizer spoke."""
    for running in (clear.server, clear.impatient, *secure_servers):
        assert running.process.poll() is None, running.stderr()
        running.stop()
