"""What each policy takes and refuses, asked with openssl s_client (Mozilla's guideline 6.0, RFC 8446 and 5246).

The problem: a policy is a promise about the oldest client and the weakest suite, and a library's defaults are other ones.
"""

import re

import pytest
from certificates import Authority
from tls_clients import s_client, tls_server

REFUSED = 70  # alert protocol_version, RFC 8446 section 6.2


@pytest.fixture(scope="module")
def of_policy(shared_site, tmp_path_factory):
    """A server for each policy, with certificates of both kinds of keys; made when first asked for."""
    authority = Authority(tmp_path_factory.mktemp("policies"))
    certificates = [authority.issue("localhost", kind=kind) for kind in ("ecdsa", "rsa")]
    running = {}

    def get(policy):
        if policy not in running:
            folder = tmp_path_factory.mktemp(policy)
            running[policy] = tls_server(folder, certificates, root=shared_site, tls=f'{{ policy = "{policy}" }}').start()
        return running[policy]

    yield get
    for one in running.values():
        one.stop()


ALL = ["-cipher", "ALL:@SECLEVEL=0"]


@pytest.mark.parametrize("policy, taken, refused", [
    ("modern", ["1.3"], ["1", "1.1", "1.2"]),
    ("intermediate", ["1.2", "1.3"], ["1", "1.1"]),
    ("legacy", ["1", "1.1", "1.2", "1.3"], []),
])
def test_versions_of_a_policy(of_policy, policy, taken, refused):
    address = of_policy(policy).address
    option = {"1": "-tls1", "1.1": "-tls1_1", "1.2": "-tls1_2", "1.3": "-tls1_3"}
    for version in taken:
        assert s_client(address, option[version], *ALL).established, version
    for version in refused:
        seen = s_client(address, option[version], *ALL)
        assert (seen.established, seen.alert) == (False, REFUSED), seen.text


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"])
def test_rsa_key_transport_is_for_legacy_only(of_policy, suite):
    seen = s_client(of_policy("legacy").address, "-tls1_2", "-cipher", suite + ":@SECLEVEL=0")
    assert seen.established and seen.suite == suite, seen.text
    seen = s_client(of_policy("intermediate").address, "-tls1_2", "-cipher", suite + ":@SECLEVEL=0")
    assert (seen.established, seen.alert) == (False, 40), seen.text  # handshake_failure


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                   "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"])
def test_suites_of_the_guideline(of_policy, suite):
    seen = s_client(of_policy("intermediate").address, "-tls1_2", "-cipher", suite)
    assert seen.established and seen.suite == suite, seen.text


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384",
                                   "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256", "ADH-AES128-GCM-SHA256"])
def test_suites_that_the_guideline_left_out(of_policy, suite):
    seen = s_client(of_policy("intermediate").address, "-tls1_2", "-cipher", suite + ":@SECLEVEL=0")
    assert (seen.established, seen.alert) == (False, 40), seen.text


@pytest.mark.parametrize("policy, groups", [("modern", ["X25519", "P-256", "P-384"]),
                                            ("intermediate", ["X25519", "P-256", "P-384"])])
def test_groups_of_the_guideline(of_policy, policy, groups):
    address = of_policy(policy).address
    for group in groups:
        assert s_client(address, "-tls1_3", "-groups", group).established, group
    assert not s_client(address, "-tls1_3", "-groups", "P-521").established
    # A group that was not guessed costs a HelloRetryRequest and works.
    assert s_client(address, "-tls1_3", "-groups", "P-521:P-384").established


def test_legacy_is_warned_of_at_the_start(of_policy):
    assert re.search(r"warning: .*legacy", of_policy("legacy").stderr())
    for policy in ("modern", "intermediate"):
        assert "warning" not in of_policy(policy).stderr()


def test_renegotiation_is_refused(of_policy):
    """RFC 5746 is announced, but nobody may ask for a second handshake."""
    seen = s_client(of_policy("intermediate").address, "-tls1_2", send=b"R\n", seconds=30)
    assert "Secure Renegotiation IS supported" in seen.text
    assert re.search("no.renegotiation|alert number 100|no renegotiation", seen.text), seen.text


def test_an_unknown_protocol_is_refused(of_policy):  # RFC 7301 section 3.2
    seen = s_client(of_policy("intermediate").address, "-alpn", "h3,spdy/1")
    assert (seen.established, seen.alert) == (False, 120), seen.text
    assert "ALPN protocol: http/1.1" in s_client(of_policy("intermediate").address, "-alpn", "h3,http/1.1").text
    assert s_client(of_policy("intermediate").address).established  # none offered
