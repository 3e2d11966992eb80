"""What the tests of faults share: versions in clear text, both numbers of workers, and a proxy in front of an upstream.

What must be one figure for the process is one: each test expects the same at the upstream from 1 and from 4 workers.
"""

import pytest


def is_everyday(workers, clear=None, http2=None) -> bool:
    """Every pair of versions and each number of workers comes every day, their products with the long tests."""
    if clear is None:
        return workers == (1 if http2 else 4)
    return workers == (4 if clear == "h1" else 1)


def pytest_collection_modifyitems(items):
    for item in items:
        parameters = getattr(item, "callspec", None) and item.callspec.params
        if "proxy_faults" in str(item.path) and parameters and "workers" in parameters:
            known = {name: parameters[name] for name in ("workers", "clear", "http2") if name in parameters}
            if not is_everyday(**known):
                item.add_marker(pytest.mark.long)
            if parameters["workers"] > 1:
                item.add_marker(pytest.mark.threads)


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
