"""Real servers behind Sluice, and Sluice in front of them in every version that a client speaks."""

import pathlib

import pytest
from foreign_program import ForeignProgram

# Every version and every way to take the prefix away comes every day, their products with the long tests.
EVERYDAY = {("h1", "stripped"), ("h2-tls", "stripped"), ("h1-tls", "whole"), ("h2", "whole")}

HERE = pathlib.Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    for item in items:
        parameters = getattr(item, "callspec", None) and item.callspec.params
        if "test_file_servers" in str(item.path) and parameters and "server" in parameters:
            if (parameters["version"], parameters["server"]) not in EVERYDAY:
                item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def application():
    """application.mjs on node; its tests share it."""
    with ForeignProgram(lambda port: ["node", HERE / "application.mjs", port]) as running:
        yield running


@pytest.fixture
def proxying(version, tmp_path):
    """Makes a server of one site from the lines of its table."""
    def make(*lines, top="", routes=()):
        path = tmp_path / "sluice.toml"
        path.write_text("\n".join([
            top, "workers = 2", '[log]\nformat = "json"', version.listener(), "[[site]]", *lines, "",
            *(f"[[site.route]]\n{route}\n" for route in routes)]))
        return version.running(path)
    return make
