"""Every upstream of the catalogue behind the proxy, over every version, with one worker and with four.

What is asserted is in the rows (h1_cases.py and its like) and in misbehaviour.py.
"""

import pytest
from misbehaviour import Trial
from upstream_catalogue import BY_NAME, CASES

QUICK = [one.name for one in CASES if not one.patient]
PATIENT = [one.name for one in CASES if one.patient]
EVERY_DAY = (("h1", 4), ("h2", 1))
AT_LEISURE = tuple(pytest.param(one, marks=pytest.mark.long) for one in (("h1", 1), ("h2", 4), ("h1-tls", 4), ("h2-tls", 1)))


@pytest.mark.parametrize("name", QUICK)
def test_upstream(gateway, name):
    try_case(gateway, BY_NAME[name])


@pytest.mark.parametrize("gateway", EVERY_DAY + AT_LEISURE, indirect=True, ids=lambda one: f"{one[0]}-{one[1]}")
@pytest.mark.parametrize("name", PATIENT)
def test_upstream_that_takes_its_time(gateway, name):
    try_case(gateway, BY_NAME[name])


def try_case(gateway, one):
    trial = Trial(one, gateway.upstreams[one.name], gateway.connect, gateway.workers)
    trial.run()
    assert not trial.upstream.complaints
    for ask, expect in one.asks:
        if expect.fails:
            line = gateway.logged(trial.prefix + ask.target)[0]
            assert line["status"] in expect.statuses and line.get("cause"), line
