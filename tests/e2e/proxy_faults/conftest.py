"""What the tests of faults share: versions in clear text, both numbers of workers, and a proxy in front of an upstream.

What must be one figure for the process is one: each test expects the same at the upstream from 1 and from 4 workers.
"""

import pytest


@pytest.fixture(params=(1, 4))
def workers(request) -> int:
    return request.param


@pytest.fixture(params=("h1", "h2"))
def clear(request, all_versions):
    """How clients speak."""
    return all_versions[request.param]


@pytest.fixture(params=(False, True), ids=("to-h1", "to-h2"))
def http2(request) -> bool:
    """Whether the upstream speaks it."""
    return request.param
