"""What the tests of the proxy share: who signs for its upstreams, and the gateway to the catalogue."""

import pytest
from certificates import Authority
from gateway import Gateway
from upstream_catalogue import CASES

# The downstream version and the number of workers. Over TLS the octets are the same ones in another transport.
LONG = tuple(pytest.param(one, marks=pytest.mark.long)
             for one in (("h1", 1), ("h2", 4), ("h1-tls", 4), ("h2-tls", 1)))
GATEWAYS = (("h1", 4), ("h2", 1), *LONG)


def gateway_name(one) -> str:
    return f"{one[0]}-{one[1]}"


@pytest.fixture(scope="session")
def upstream_authority(tmp_path_factory):
    """Whose certificates the proxy trusts."""
    return Authority(tmp_path_factory.mktemp("upstreams"))


@pytest.fixture(scope="module", params=GATEWAYS, ids=gateway_name)
def gateway(request, all_versions, upstream_authority, tmp_path_factory):
    name, workers = request.param
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(CASES, all_versions[name], workers, folder, upstream_authority) as running:
        yield running


@pytest.fixture(params=(1, 4))
def workers(request) -> int:
    return request.param
