"""Names of upstreams that move, come and go, with a name server that says "600 s" of everything, as Docker's does.

Two services stand on the same port of different addresses, so that a request that follows an old answer reaches the wrong
one. What one worker has seen all have: with four of them the same is expected.
"""

import contextlib
import itertools
import time

import pytest
from dns_server import DnsServer
from fault_upstream import FaultUpstream
from faulty_proxy import configure, route, spoken
from sluice_server import wait_until

MOST = 11.0  # resolve_most, and a second
CONNECTIONS = 12  # so many clients reach all workers
ONE, OTHER, NOBODY = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@pytest.fixture
def dns():
    with DnsServer() as running:
        yield running


@pytest.fixture
def h1(all_versions):
    return all_versions["h1"]


class Services:
    """An upstream on each of two addresses. A context manager."""

    def __init__(self, folder, **behaviour):
        self._first = FaultUpstream(folder, host=ONE, **behaviour)
        self._second = FaultUpstream(folder, host=OTHER, port=self._first.port, **behaviour)
        self.port = self._first.port

    def who_saw(self, target) -> list:
        return [upstream.record.name.split("-")[1] for upstream in (self._first, self._second)
                for line in upstream.lines() if line == f"GET {target}"]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._first)
            stack.enter_context(self._second)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)


def serving(folder, h1, dns, workers, names, port, *keys):
    """Each name has its own prefix."""
    routes = [route(f"/{name}/", f"http://{name}{port and f':{port}'}", *keys) for name in names]
    return h1.running(configure(folder, h1, workers, *routes), prefix=dns.prefix(folder))


@contextlib.contextmanager
def many_clients(server):
    """Kept connections, one after the other, without end."""
    with contextlib.ExitStack() as stack:
        yield itertools.cycle([stack.enter_context(server.session(seconds=60)) for _ in range(CONNECTIONS)])


def ask_round(clients, services, name, numbers) -> list:
    """Which service each of CONNECTIONS requests to this name reached, in their order."""
    targets = [f"/{name}/{next(numbers)}" for _ in range(CONNECTIONS)]
    for target in targets:
        assert next(clients).fetch(target).status == 200
    return [who for target in targets for who in services.who_saw(target)]


def assert_moves(clients, services, places):
    """Each name is at its new place in time, and from its first request there on never at the old one."""
    numbers, begin = itertools.count(1000), time.monotonic()
    seen = {name: [] for name in places}
    while any(new not in seen[name] for name, new in places.items()):
        assert time.monotonic() - begin < MOST, "the addresses changed, and nobody noticed"
        for name in places:
            seen[name] += ask_round(clients, services, name, numbers)
    for _ in range(5):
        for name in places:
            seen[name] += ask_round(clients, services, name, numbers)
    for name, new in places.items():
        assert set(seen[name][seen[name].index(new):]) == {new}, f"{name}: {seen[name]}"


@pytest.mark.timeout(120)
def test_two_services_change_places(tmp_path, h1, dns, http2, workers):
    dns.set("a.test", ONE)
    dns.set("b.test", OTHER)
    with Services(tmp_path, http2=http2) as services, \
            serving(tmp_path, h1, dns, workers, ("a.test", "b.test"), services.port, *spoken(http2)) as server, \
            many_clients(server) as clients:
        assert set(ask_round(clients, services, "a.test", itertools.count())) == {ONE}
        assert set(ask_round(clients, services, "b.test", itertools.count())) == {OTHER}
        dns.set("a.test", OTHER)
        dns.set("b.test", ONE)
        assert_moves(clients, services, {"a.test": OTHER, "b.test": ONE})


@pytest.mark.timeout(120)
def test_a_name_that_does_not_resolve_at_first(tmp_path, h1, dns, workers):
    with Services(tmp_path) as services, serving(tmp_path, h1, dns, workers, ("late.test",), services.port) as server:
        response = server.get("/late.test/early")
        assert response.status == 503
        assert "dns_error" in response.get("proxy-status")
        wait_until(lambda: "late.test" in server.stderr(), 5, "a line of the log")
        dns.set("late.test", ONE)
        wait_until(lambda: server.get("/late.test/again").status == 200, MOST, "recovery")
        with many_clients(server) as clients:
            assert set(ask_round(clients, services, "late.test", itertools.count())) == {ONE}, "all workers know"


@pytest.mark.timeout(120)
def test_a_failure_to_connect_has_the_name_looked_up_at_once(tmp_path, h1, dns, workers):
    dns.set("moved.test", NOBODY)
    with Services(tmp_path) as services, serving(tmp_path, h1, dns, workers, ("moved.test",), services.port) as server:
        assert server.get("/moved.test/early").status == 502
        time.sleep(2.5)  # that failure has had its lookup, and it is not asked more often than once a second
        dns.set("moved.test", ONE)
        assert server.get("/moved.test/late").status == 502, "it was looked up without a reason"
        wait_until(lambda: server.get("/moved.test/again").status == 200, 2, "another lookup")


@pytest.mark.timeout(120)
def test_a_change_of_the_hosts_file_is_seen(tmp_path, h1, dns, workers):
    prefix = dns.prefix(tmp_path)
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{ONE} listed.test\n")
    with Services(tmp_path) as services:
        routes = route("/listed.test/", f"http://listed.test:{services.port}")
        with h1.running(configure(tmp_path, h1, workers, routes), prefix=prefix) as server, many_clients(server) as clients:
            assert set(ask_round(clients, services, "listed.test", itertools.count())) == {ONE}
            (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{OTHER} listed.test\n")
            assert_moves(clients, services, {"listed.test": OTHER})
            assert dns.asked("listed.test") == 0


@pytest.mark.timeout(120)
def test_services_are_looked_up_with_their_ports(tmp_path, h1, dns, workers):
    dns.set("one.test", ONE)
    dns.set("other.test", OTHER)
    name = "_http._tcp.app.test"
    with Services(tmp_path) as services:
        dns.set_services(name, (1, 1, services.port, "one.test"))
        with serving(tmp_path, h1, dns, workers, (name,), "") as server, many_clients(server) as clients:
            assert set(ask_round(clients, services, name, itertools.count())) == {ONE}
            dns.set_services(name, (1, 1, services.port, "other.test"))
            assert_moves(clients, services, {name: OTHER})
