"""`sluice handshake` against Sluice's own server, which traces what it sees: both sides of a handshake in one test.

Covered: RSA key transport under `legacy`, ECDHE, TLS 1.3 full and resumed, a changed octet in each flight, and that no
secret is in a trace.
"""

import json

import pytest
from changing_relay import CHANGES, ChangingRelay
from clients import run_sluice
from sluice_server import wait_until
from tls_clients import tls_server

RSA_SUITE = "TLS_RSA_WITH_AES_128_CBC_SHA"


class Tracing:
    """A server that traces, and what its error log has of it, object by object."""

    def __init__(self, folder, certificates, policy="intermediate", env=None):
        folder.mkdir()
        self.path = folder / "errors.log"
        self.certificates = certificates
        log = f'errors = "{self.path}"\nerror_format = "json"\n'
        (folder / "site").mkdir()
        self.server = tls_server(folder, certificates, root=folder / "site", log=log, tls=f'{{ policy = "{policy}", trace_handshakes = true }}',
                                 **({"env": env} if env else {}))

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    @property
    def port(self):
        return self.server.port

    def logged(self, event, count=1):
        """The objects of this event, once there are `count`."""
        def found():
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            objects = [json.loads(line) for line in lines]
            return [one for one in objects if one.get("event") == event]
        wait_until(lambda: len(found()) >= count, 20, f"{count} of '{event}' in the error log")
        return found()

    def shake(self, *options, port=None, **more):
        """The exit code and the client's own report."""
        done = run_sluice("handshake", f"localhost:{port or self.port}", "--json", "--ca",
                          self.certificates[0].authority, *options, **more)
        return done.returncode, json.loads(done.stdout)


def names_of(messages):
    return [(message["sender"], message["name"]) for message in messages]


def until_finished(messages):
    """What both have seen when the handshake is over: tickets and the end come later on one side."""
    names = names_of(messages)
    last = max(i for i, (_, name) in enumerate(names) if name == "Finished")
    return sorted(one for one in names[:last + 1] if one[1] not in ("NewSessionTicket", "ChangeCipherSpec"))


@pytest.mark.parametrize("policy, kind, options, version, exchange", [
    ("legacy", "rsa", ("--tls1.2", "--cipher", RSA_SUITE), "TLS 1.2", "rsa"),
    ("intermediate", "ecdsa", ("--tls1.2",), "TLS 1.2", "ecdhe"),
    ("modern", "ecdsa", (), "TLS 1.3", "tls13"),
])
def test_both_sides_see_one_handshake(authority, tmp_path, policy, kind, options, version, exchange):
    with Tracing(tmp_path / "server", [authority.issue(kind=kind)], policy) as server:
        code, found = server.shake(*options)
        assert code == 0, found
        [run] = found["runs"]
        assert (run["summary"]["version"], run["summary"]["key_exchange"]) == (version, exchange)
        [traced] = server.logged("handshake trace")
    assert until_finished(traced["trace"]["messages"]) == until_finished(run["messages"])
    assert traced["trace"]["summary"]["suite"] == run["summary"]["suite"]


@pytest.mark.parametrize("version", ["--tls1.2", "--tls1.3"])
def test_a_session_is_resumed(authority, tmp_path, version):
    with Tracing(tmp_path / "server", [authority.issue()]) as server:
        code, found = server.shake(version, "--resume")
        traced = server.logged("handshake trace", 2)
    assert code == 0, found
    assert [run["summary"]["resumed"] for run in found["runs"]] == [False, True]
    assert [one["trace"]["summary"]["resumed"] for one in traced] == [False, True]


@pytest.mark.parametrize("version, from_client, record, breaker", CHANGES)
def test_a_changed_octet_is_a_fatal_alert_on_both_sides(authority, tmp_path, version, from_client, record, breaker):
    with Tracing(tmp_path / "server", [authority.issue()]) as server:
        with ChangingRelay(server.port, from_client, record) as relay:
            code, found = server.shake(version, port=relay.port)
        traced = server.logged("handshake trace")[0]["trace"]["summary"]
        assert code == 1
        alert = found["runs"][0]["summary"]["fatal_alert"]
        assert alert["sender"] == breaker, found
        # The last of the flights reaches a server that is content with the client by then.
        if (version, record) != ("--tls1.2", 6):
            assert traced["fatal_alert"] == alert
            assert server.logged("handshake failed")


def test_no_secret_is_in_a_trace_and_the_server_logs_no_keys(authority, tmp_path):
    keys, of_server = tmp_path / "client.keys", tmp_path / "server.keys"
    with Tracing(tmp_path / "server", [authority.issue()], env={"SSLKEYLOGFILE": str(of_server)}) as server:
        code, found = server.shake("--resume", env={"SSLKEYLOGFILE": str(keys)})
        assert code == 0
        server.logged("handshake trace", 2)
        log = server.path.read_text() + server.server.stderr()
    assert not of_server.exists()
    secrets = {line.split()[2] for line in keys.read_text().splitlines() if not line.startswith("#")}
    assert len(secrets) >= 4
    for secret in secrets:
        assert secret.lower() not in log.lower() and secret.lower() not in json.dumps(found).lower()
