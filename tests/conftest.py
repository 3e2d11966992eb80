"""What every Python test shares: the helpers in tests/support, and the marker `long`.

The everyday run (`./dev test`) must be short, so tests marked `long` are left out unless the caller asks for them
with `--long` (everything) or with a `-m` expression that names the marker.
"""

import pathlib
import sys

import pytest

sys.dont_write_bytecode = True  # a test run leaves nothing behind in the sources
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", default=False, help="run the tests marked `long` too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes too long for every day; runs with --long or -m long")
    config.addinivalue_line("markers", "threads: has several workers busy at once; runs with the thread sanitizer, too")
    config.addinivalue_line("markers", "timeout: seconds allowed, for pytest-timeout where it is installed")


def _wants_long(config) -> bool:
    marks = config.getoption("-m")
    return config.getoption("--long") or ("long" in marks and "not long" not in marks)


def pytest_collection_modifyitems(config, items):
    if _wants_long(config):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="session")
def long_run(request) -> bool:
    """True when the caller asked for the long tests: a test may then try every case instead of a sample."""
    return _wants_long(request.config)
