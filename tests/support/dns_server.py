"""A name server for tests, whose answers change while it runs, and a place in which a program asks it.

The problem: what a proxy does when a name moves, is gone or is not answered for shows only with a name server that can
be told to do so. This one listens on one free port of 127.0.0.1, over UDP and TCP, answers A, AAAA and SRV with TTL 600
(as Docker does for everything), and NXDOMAIN for what it was not told. A port in resolv.conf is written
"nameserver [127.0.0.1]:PORT", which Sluice reads; `prefix` gives a command that runs a program where that is
/etc/resolv.conf, in a mount namespace of its own, so that nothing of the machine changes.

    with DnsServer() as dns:
        dns.set("app.test", "192.0.2.1", "2001:db8::1")
        with SluiceServer(config=file, prefix=dns.prefix(tmp_path)) as server:
            dns.set("app.test", "192.0.2.2")                       # from now on
            dns.set("app.test", code=DnsServer.SERVFAIL)           # or silent=True, truncated=True, malformed=True
            dns.set_services("_http._tcp.app.test", (10, 5, 8080, "app.test"))
            dns.asked("app.test")                                  # questions so far
            (tmp_path / "hosts").write_text("127.0.0.1 app.test")  # the program's /etc/hosts
"""

import collections
import ipaddress
import pathlib
import selectors
import socket
import struct
import threading

A, AAAA, SRV = 1, 28, 33
TTL = 600
_TC, _ANSWER = 0x0200, 0x8180


def encoded_name(name) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _question_of(query):
    """(name, type, the octets of the question)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += query[at] + 1
    return ".".join(labels).lower(), struct.unpack_from(">H", query, at + 1)[0], query[12:at + 5]


class DnsServer:
    """A context manager. All methods may be called while it runs, from any thread."""

    SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5

    def __init__(self):
        self._lock = threading.Lock()
        self._table = {}  # name -> {type: records}, and how it is answered
        self._asked = collections.Counter()
        self._udp, self._tcp = self._sockets()
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = self._udp.getsockname()[1]

    def set(self, name, *addresses, ttl=TTL, **manner):
        """What `name` has from now on; none: NODATA. `manner`: code, silent, truncated, malformed, cut."""
        records = {A: [], AAAA: [], SRV: []}
        for address in map(ipaddress.ip_address, addresses):
            records[A if address.version == 4 else AAAA].append(address.packed)
        self._put(name, records, ttl, manner)

    def set_services(self, name, *services, ttl=TTL, **manner):
        """`services` are (priority, weight, port, target)."""
        records = [struct.pack(">HHH", *service[:3]) + encoded_name(service[3]) for service in services]
        self._put(name, {A: [], AAAA: [], SRV: records}, ttl, manner)

    def remove(self, name):
        with self._lock:
            self._table.pop(name.lower(), None)

    def asked(self, name, kind=A) -> int:
        with self._lock:
            return self._asked[name.lower(), kind]

    def prefix(self, folder) -> list:
        """The command before a program that is to ask this server. `folder` gets its resolv.conf and hosts, which are
        changed by writing to them in place."""
        folder = pathlib.Path(folder)
        (folder / "resolv.conf").write_text(f"nameserver [127.0.0.1]:{self.port}\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        script = 'mount --bind "$0/resolv.conf" /etc/resolv.conf && mount --bind "$0/hosts" /etc/hosts && exec "$@"'
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(folder)]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.close()
        self._thread.join()
        for one in (self._udp, self._tcp, self._stopped):
            one.close()

    @staticmethod
    def _sockets():
        for _ in range(20):  # the port that is free for UDP may be taken for TCP
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            tcp = socket.socket()
            try:
                tcp.bind(udp.getsockname())
                tcp.listen()
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()
        raise OSError("no port is free for both UDP and TCP")

    def _put(self, name, records, ttl, manner):
        with self._lock:
            self._table[name.lower()] = (records, ttl, manner)

    def _serve(self):
        with selectors.DefaultSelector() as selector:
            for one in (self._udp, self._tcp, self._stopped):
                selector.register(one, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._stopped in ready:
                    return
                if self._udp in ready:
                    query, peer = self._udp.recvfrom(4096)
                    answer = self._answer(query, udp=True)
                    if answer is not None:
                        self._udp.sendto(answer, peer)
                if self._tcp in ready:
                    threading.Thread(target=self._serve_tcp, args=self._tcp.accept()[:1], daemon=True).start()

    def _serve_tcp(self, client):
        client.settimeout(5)
        with client, client.makefile("rb") as stream:
            try:
                while len(head := stream.read(2)) == 2:
                    answer = self._answer(stream.read(struct.unpack(">H", head)[0]), udp=False)
                    if answer is None:
                        return
                    client.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                return  # it went away

    def _answer(self, query, udp):
        """None: it stays silent."""
        name, kind, question = _question_of(query)
        with self._lock:
            self._asked[name, kind] += 1
            records, ttl, manner = self._table.get(name, ({}, TTL, {"code": self.NXDOMAIN}))
        if manner.get("silent"):
            return None
        if manner.get("malformed"):
            return query[:2] + b"\x81\x80\x00\x01\x00\x05\x00\x00\x00\x00\xc0"
        cut_short = udp and manner.get("truncated", False)
        found = [] if cut_short or manner.get("code") else records.get(kind, [])
        flags = _ANSWER | (_TC if cut_short else 0) | manner.get("code", 0)
        answer = query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question
        for record in found:
            answer += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(record)) + record
        return answer[:len(answer) - manner.get("cut", 0)]
