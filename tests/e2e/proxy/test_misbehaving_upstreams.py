"""Every upstream of the catalogue behind the proxy, over every version, with one worker and with four.

What is asserted is in the rows (h1_cases.py and its like) and in misbehaviour.py.
"""

import pytest
from catalogue import BY_NAME


@pytest.mark.parametrize("name", BY_NAME)
def test_upstream(gateway, name):
    one = BY_NAME[name]
    trial = gateway.trial(one)
    trial.run()
    assert not trial.upstream.complaints
    for ask, expect in one.asks:
        if expect.fails:
            line = gateway.logged(trial.prefix + ask.target)[0]
            assert line["status"] in expect.statuses and line.get("cause"), line
