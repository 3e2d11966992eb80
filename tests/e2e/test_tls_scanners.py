"""What the scanners sslscan and testssl.sh say of a listener with the policies `modern` and `intermediate`: nothing above
LOW but what WAIVERS names, each with its reason.

Both run offline: the name is resolved here, and testssl is told to ask no resolver and nobody else. sslscan takes a
second; testssl takes most of a minute for each policy, so it is for long days.
"""

import json
import shutil
import subprocess
import xml.etree.ElementTree

import pytest
from tls_clients import certificate_table, site_table, tls_server

POLICIES = ["modern", "intermediate"]

# testssl's name of a finding, and why it is none.
WAIVERS_OF_ALL = {
    "cert_revocation": "a private authority: it publishes no list and answers no OCSP",
    "engine_problem": "of this machine's openssl (GOST), not of the server",
}
WAIVERS = {
    "modern": WAIVERS_OF_ALL,
    "intermediate": WAIVERS_OF_ALL | {
        "cipher_order": "as Mozilla's guideline has it: all suites are good, and the client knows its hardware best",
    },
}
HARMLESS = {"OK", "INFO", "LOW"}
CHECKS = ["--protocols", "--standard", "--fs", "--server-preference", "--server-defaults", "--headers", "--vulnerable"]


def has(command):
    return pytest.mark.skipif(not shutil.which(command), reason=f"{command} is not installed (./dev installs it)")


@pytest.fixture(scope="module", params=POLICIES)
def policy(request):
    return request.param


@pytest.fixture(scope="module")
def server(tmp_path_factory, shared_site, authority, policy):
    """With an ECDSA and an RSA certificate for one name, as a public site has them."""
    folder = tmp_path_factory.mktemp("configuration")
    both = [authority.issue(), authority.issue(kind="rsa")]
    tables = [*map(certificate_table, both), site_table(shared_site, 'hsts = "365d"')]
    with tls_server(folder, [], *tables, tls=f'{{ policy = "{policy}" }}', workers=2) as running:
        yield running


def run(*command, cwd):
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd,
                          timeout=280)
    # testssl counts what was not clear to it, and what that was is among its findings; from 242 on it has failed.
    assert done.returncode == 0 or command[0] == "testssl" and done.returncode < 242, done.stdout[-4000:] + done.stderr
    return done.stdout


# --- sslscan ---

SUITES_OF_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
SUITES_OF_1_2 = {f"ECDHE-{key}-{suite}" for key in ("ECDSA", "RSA")
                 for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
EXPECTED = {
    "modern": ({"1.3"}, SUITES_OF_1_3),
    "intermediate": ({"1.2", "1.3"}, SUITES_OF_1_3 | SUITES_OF_1_2),
}


@has("sslscan")
def test_sslscan_finds_what_the_policy_says(server, policy, tmp_path):
    """Mozilla's guideline for servers, version 6.0: versions, suites and groups, and not one more."""
    text = run("sslscan", "--no-colour", "--xml=-", "--sni-name=localhost", f"127.0.0.1:{server.port}", cwd=tmp_path)
    found = xml.etree.ElementTree.fromstring(text).find("ssltest")
    versions, suites = EXPECTED[policy]
    assert {one.get("version") for one in found.iter("protocol") if one.get("enabled") == "1"} == versions
    assert {one.get("cipher") for one in found.iter("cipher")} == suites
    assert {one.get("strength") for one in found.iter("cipher")} <= {"strong", "acceptable"}
    assert {one.get("name") for one in found.iter("group")} == {"secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)",
                                                                 "x25519"}
    assert {one.get("vulnerable") for one in found.iter("heartbleed")} == {"0"}
    assert found.find("renegotiation").get("supported") == "0"
    assert not [one for one in found.iter("compression") if one.get("supported") == "1"]


# --- testssl ---


@pytest.mark.long
@has("testssl")
def test_testssl_finds_nothing_above_low(server, policy, authority, tmp_path):
    findings_file = tmp_path / "findings.json"
    run("testssl", "--warnings", "off", "--color", "0", "--ip", "127.0.0.1", "--nodns", "none", "--add-ca",
        authority.certificate, *CHECKS, "--jsonfile", findings_file, f"https://localhost:{server.port}/", cwd=tmp_path)
    findings = json.loads(findings_file.read_text())
    told = {one["id"]: one["finding"] for one in findings}
    assert len(findings) > 60 and told["scanTime"].isdigit(), told
    assert told["TLS1_3"].startswith("offered") and told["TLS1_2"].startswith("offered") == (policy == "intermediate")
    assert {"heartbleed", "ROBOT", "CRIME_TLS", "secure_client_renego", "HSTS_time"} <= told.keys()
    # With several certificates a finding's name says which: "cert_revocation <cert#1>".
    bad = {(one["id"].split()[0], one["severity"], one["finding"]) for one in findings
           if one["severity"] not in HARMLESS}
    assert not [one for one in bad if one[0] not in WAIVERS[policy]]
    if "engine_problem" in told:  # not every machine's openssl has it
        assert {one[0] for one in bad} == WAIVERS[policy].keys(), "a waiver that nothing needs any more"
