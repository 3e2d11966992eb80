"""Every case of the catalogue is one test; the server is started once (SECURITY.md sections 1 and 6, RFC 9110, 9112).

The everyday run cuts each request at eight places, the long one at every place.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from catalogue import CASES
from judge import judge, needs_short_deadline

PROMPT = [case for case in CASES if not needs_short_deadline(case)]
WAITING = [case for case in CASES if needs_short_deadline(case)]


def identity(case):
    return case.name


@pytest.mark.parametrize("case", PROMPT, ids=identity)
def test_answers(case, server):
    judge(case, server.address)


@pytest.fixture(scope="module")
def verdicts(impatient_server):
    """The waiting cases take most of a second each for every way of sending, so all are started at once."""
    with ThreadPoolExecutor(max_workers=len(WAITING)) as pool:
        yield {case.name: pool.submit(judge, case, impatient_server.address) for case in WAITING}


@pytest.mark.parametrize("case", WAITING, ids=identity)
def test_does_not_wait_for_ever(case, verdicts):
    verdicts[case.name].result(60)


@pytest.mark.long
@pytest.mark.parametrize("case", PROMPT, ids=identity)
def test_answers_wherever_it_is_cut(case, server):
    judge(case, server.address, every_offset=True)


def test_server_ends_well(server, impatient_server):
    """Runs last: both servers still answer, exit by SIGTERM with 0, and no sanitizer spoke."""
    for running in (server, impatient_server):
        assert running.process.poll() is None, running.stderr()
        running.stop()
