"""The name server of the tests does what it is told: else a test of names would prove nothing."""

import socket
import struct
import subprocess

from dns_server import A, SRV, DnsServer, encoded_name


def question(name, kind):
    return b"id" + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + encoded_name(name) + struct.pack(">HH", kind, 1)


def by_udp(dns, name, kind=A, timeout=5):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(question(name, kind), ("127.0.0.1", dns.port))
        return client.recv(4096)


def by_tcp(dns, name, kind=A):
    asked = question(name, kind)
    with socket.create_connection(("127.0.0.1", dns.port), timeout=5) as client, client.makefile("rb") as stream:
        client.sendall(struct.pack(">H", len(asked)) + asked)
        return stream.read(struct.unpack(">H", stream.read(2))[0])


def code(answer):
    return answer[3] & 0xF


def test_a_table_that_changes_is_what_is_answered():
    with DnsServer() as dns:
        assert code(by_udp(dns, "app.test")) == DnsServer.NXDOMAIN
        dns.set("App.test", "192.0.2.1", "2001:db8::1")
        answer = by_udp(dns, "app.test")
        assert code(answer) == 0 and answer.endswith(struct.pack(">IH", 600, 4) + bytes([192, 0, 2, 1]))
        dns.set("app.test", "192.0.2.2")
        assert by_tcp(dns, "APP.test").endswith(bytes([192, 0, 2, 2]))
        dns.set_services("_http._tcp.app.test", (1, 2, 80, "app.test"))
        assert by_udp(dns, "_http._tcp.app.test", SRV).endswith(struct.pack(">HHH", 1, 2, 80) + encoded_name("app.test"))
        assert dns.asked("app.test") == 3
        dns.remove("app.test")
        assert code(by_udp(dns, "app.test")) == DnsServer.NXDOMAIN


def test_it_fails_as_it_is_told():
    with DnsServer() as dns:
        dns.set("app.test", "192.0.2.1", code=DnsServer.SERVFAIL)
        assert code(by_udp(dns, "app.test")) == DnsServer.SERVFAIL
        dns.set("app.test", "192.0.2.1", truncated=True)
        cut = by_udp(dns, "app.test")
        assert cut[2] & 2 and struct.unpack_from(">H", cut, 6) == (0,)
        assert by_tcp(dns, "app.test").endswith(bytes([192, 0, 2, 1]))
        dns.set("app.test", "192.0.2.1", malformed=True)
        assert len(by_udp(dns, "app.test")) < 17
        dns.set("app.test", silent=True)
        try:
            raise AssertionError(by_udp(dns, "app.test", timeout=0.3))
        except TimeoutError:
            assert dns.asked("app.test") == 5


def test_a_program_behind_the_prefix_sees_its_own_files_even_as_they_change(tmp_path):
    with DnsServer() as dns:
        script = 'cat /etc/resolv.conf; read -r _; cat /etc/hosts'
        with subprocess.Popen([*dns.prefix(tmp_path), "sh", "-c", script], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout.readline() == f"nameserver [127.0.0.1]:{dns.port}\n"
            (tmp_path / "hosts").write_text("192.0.2.9 app.test\n")
            assert program.communicate("\n", timeout=10)[0] == "192.0.2.9 app.test\n"
