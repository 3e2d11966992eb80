"""The site and the two servers that the catalogue is run against: one as it comes, one with short deadlines."""

import pytest
from catalogue.case import SITE
from judge import HEAD_TIMEOUT
from sluice_server import SluiceServer


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    for name, content in SITE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture(scope="session")
def server(site):
    with SluiceServer(site) as running:
        yield running


@pytest.fixture(scope="session")
def impatient_server(site):
    short = f"{int(HEAD_TIMEOUT * 1000)}ms"
    with SluiceServer(site, "--limit", f"head_timeout={short}", "--limit", f"drain_timeout={short}") as running:
        yield running
