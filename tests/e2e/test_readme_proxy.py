"""What README.md says of the reverse proxy is so: its commands start, its file is read, its tables hold.

The problem: words and tables in a README go stale without a sound. Each row of the table of failures is one here that an
upstream of a few lines commits; the limits' defaults are those of the binary, and the fields those that arrive.
"""

import contextlib
import re
import shlex
import socket
import subprocess

import pytest
from certificates import Authority
from clients import get, reset, run_sluice
from dns_server import DnsServer
from limited_server import logged
from ports import closed_port
from sluice_server import ROOT, SluiceServer, wait_until
from small_upstream import OK, Upstream, answering, deaf_address, proxying, proxying_http2, refusing_streams, silent

README = (ROOT / "README.md").read_text()
SECTION = re.search(r"^## A reverse proxy\n(.*?)^## ", README, re.M | re.S)[1]


def block(kind):
    """The first block of code of that kind."""
    return re.search(rf"^```{kind}\n(.*?)^```", SECTION, re.M | re.S)[1]


def table(first_column):
    """The rows of the table with that heading, as lists of cells without backquotes."""
    rows = re.search(rf"^\| {first_column} \|.*\n\|[-|]*\n((?:\|.*\n)+)", SECTION, re.M)[1].splitlines()
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


# --- Commands and the file ---


def test_the_commands_start(tmp_path):
    commands = [shlex.split(line, comments=True) for line in block("").splitlines() if line.startswith("sluice proxy")]
    assert len(commands) == 2
    for command in commands:
        with Upstream(answering(OK)) as upstream:
            assert command[:3] == ["sluice", "proxy", "--to"] and command[3] == "http://127.0.0.1:3000"
            environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
            with SluiceServer(None, *command[4:], to=upstream.url, env=environment) as server:
                secure = "--tls" in command
                url = f"{'https' if secure else 'http'}://127.0.0.1:{server.port}/"
                done = subprocess.run(["curl", "-sk", url], capture_output=True, timeout=60)
                assert done.stdout == b"ok"


def test_the_file_is_read_and_has_every_key(tmp_path):
    text = block("toml")
    (tmp_path / "public" / "assets").mkdir(parents=True)
    (tmp_path / "certs").mkdir()
    authority = Authority(tmp_path / "certs")
    certificate = authority.issue()
    for name, file in (("internal.pem", authority.certificate), ("client.pem", certificate.chain),
                       ("client.key", certificate.key)):
        (tmp_path / "certs" / name).write_bytes(file.read_bytes())
    (tmp_path / "certs" / "client.key").chmod(0o600)
    (tmp_path / "sluice.toml").write_text(text)
    done = run_sluice("check", "-c", tmp_path / "sluice.toml")
    assert done.returncode == 0 and "no errors, no warnings" in done.stdout + done.stderr, done.stdout + done.stderr
    reference = (ROOT / "conf" / "REFERENCE.md").read_text()
    for title in ("proxy", "tls of proxy", "fields of proxy"):
        keys = re.search(rf"^## `{title}`\n(.*?)^## ", reference, re.M | re.S)[1]
        for key in re.findall(r"^\| `(\w+)` \|", keys, re.M):
            assert re.search(rf"\b{key} = ", text), key


def test_the_command_of_compose_starts():
    arguments = re.search(r'command: \["proxy", "--to", "(http://app:3000)", "--listen", "0.0.0.0:8080"\]', README)
    with SluiceServer(None, listen="0.0.0.0:0", to=arguments[1]) as server:  # no `app` here: it waits for one
        assert get(("127.0.0.1", server.port)).status == 503


# --- What the upstream gets ---


def test_the_fields_are_those_of_the_table():
    heads = []

    def keeps_the_head(upstream, connection, _):
        heads.append(upstream.read_head(connection).decode())
        connection.sendall(OK)

    with Upstream(keeps_the_head) as upstream, proxying(upstream) as server:
        assert get(server.address, "/", "Connection: X-Hop", "X-Hop: 1", "X-Real-IP: 192.0.2.1",
                   "X-Forwarded-Server: a").status == 200
    arrived = re.findall(r"^([\w-]+): ", heads[0], re.M)
    named = set()
    for cell, *_ in table("field"):
        whole, *rest = re.findall(r"[\w-]+", cell)
        named |= {whole, *("X-Forwarded" + one for one in rest)}
    assert set(arrived) == named and len(arrived) == len(named)


# --- When it fails ---


def closing_after(*octets):
    def script(upstream, connection, _):
        upstream.read_head(connection)
        for one in octets:
            connection.sendall(one)
    return script


def taking_no_content(upstream, connection, _):
    upstream.read_head(connection)
    upstream.over.wait(60)


@contextlib.contextmanager
def nobody():
    with closed_port() as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def of_no_authority(folder):
    """A TLS server whose certificate vouches for itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "a.key", "-out",
               folder / "a.pem"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (folder / "a.toml").write_text('[[listener]]\naddress = "127.0.0.1:0"\ntls = true\n[[certificate]]\nchain = "a.pem"\n'
                                   'key = "a.key"\n[[site]]\n[[site.route]]\nprefix = "/"\nrespond = { body = "ok" }\n')
    with SluiceServer(config=folder / "a.toml") as server:
        yield f"https://127.0.0.1:{server.port}"


def ask(server):
    response = get(server.address)
    wait_until(lambda: logged(server), 20, "a line in the log")
    return response, logged(server)[-1]["cause"]


def upload(server):
    """More than the kernel's buffers hold."""
    with socket.create_connection(server.address, 60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):
            connection.sendall(bytes(64 << 20))
        wait_until(lambda: logged(server), 20, "a line in the log")
        reset(connection)
    line = logged(server)[-1]
    return line["status"], line["cause"]


SMALL = ("upstream_connect_timeout=300ms", "upstream_response_timeout=300ms", "upstream_send_timeout=300ms",
         "upstream_head=300")
FAILURES = {
    "it closes before its response": closing_after(),
    "it says nothing": silent,
    "it closes within a head": closing_after(b"HTTP/1.1 200 OK\r\nA"),
    "its head is malformed, or contradicts itself":
        closing_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"),
    "its head is too large": closing_after(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400 + b"\r\n\r\n"),
    "it switches protocols (101)": closing_after(b"HTTP/1.1 101 A\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"),
}
ELSEWHERE = {
    "nobody listens": lambda _: nobody(),
    "no answer to a connection attempt": lambda _: deaf_address(),
    "its certificate does not verify": of_no_authority,
}
OTHERWISE = {"its name does not resolve", "it refuses an HTTP/2 stream", "it takes no more of the request"}


def test_each_failure_of_the_table_is_tried():
    assert {row[0] for row in table("what happens")} == FAILURES.keys() | ELSEWHERE.keys() | OTHERWISE


@pytest.mark.parametrize("happens, status, error, cause", [row[:4] for row in table("what happens") if row[0] not in OTHERWISE])
def test_failures_are_answered_as_the_table_says(tmp_path, happens, status, error, cause):
    with contextlib.ExitStack() as stack:
        to = stack.enter_context(ELSEWHERE[happens](tmp_path) if happens in ELSEWHERE else Upstream(FAILURES[happens]))
        server = stack.enter_context(proxying(to, *SMALL))
        response, logged_cause = ask(server)
    assert (str(response.status), response.get("proxy-status"), logged_cause) == (status, f"sluice; error={error}", cause)


def row_of(happens):
    return next(row for row in table("what happens") if row[0] == happens)


def test_a_name_that_does_not_resolve_is_answered_as_the_table_says(tmp_path):
    _, status, error, cause, _ = row_of("its name does not resolve")
    with DnsServer() as dns, proxying("http://nowhere.test:3000", prefix=dns.prefix(tmp_path)) as server:
        response, logged_cause = ask(server)
    assert (str(response.status), response.get("proxy-status"), logged_cause) == (status, f"sluice; error={error}", cause)


def test_streams_are_refused_as_the_table_says(tmp_path):
    _, status, error, cause, _ = row_of("it refuses an HTTP/2 stream")
    with Upstream(refusing_streams) as upstream, proxying_http2(upstream, tmp_path) as server:
        response, logged_cause = ask(server)
    assert (str(response.status), response.get("proxy-status"), logged_cause) == (status, f"sluice; error={error}", cause)


def test_an_upload_that_nobody_takes_ends_as_the_table_says():
    _, status, _, cause, _ = row_of("it takes no more of the request")
    with Upstream(taking_no_content) as upstream, proxying(upstream, *SMALL) as server:
        assert upload(server) == (int(status), cause)


def test_the_defaults_of_limits_are_those_of_the_binary():
    limits = dict(re.findall(r"^  ([a-z0-9_]+) +(\S+) ", run_sluice("proxy", "--help").stdout.split("Limits for --limit")[1], re.M))
    rows = table("limit")
    assert len(rows) > 5
    assert {name: default for name, default, *_ in rows} == {name: limits[name] for name, *_ in rows}
