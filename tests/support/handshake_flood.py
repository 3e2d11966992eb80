"""Floods a server with handshakes until its standard input ends, from a process of its own: the test's own thread is the
client that has to be served meanwhile.

    python3 handshake_flood.py HOST PORT SOCKETS hello|full CA

`hello`: each of SOCKETS sends a ClientHello, waits for the server's flight (the dear part: a signature) and resets;
`full`: the handshake is completed. Prints "begun" after the first answer, and at the end how many there were.
"""

import contextlib
import pathlib
import selectors
import socket
import ssl
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from raw_tls_connection import TlsClient  # noqa: E402: the path comes first


class Attacker:
    """One socket, over and over."""

    def __init__(self, flood):
        self._flood = flood
        self._connect()

    def _connect(self):
        self._client = TlsClient(self._flood.context)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.setblocking(False)
        self._socket.connect_ex(self._flood.address)
        self._flood.selector.register(self._socket, selectors.EVENT_WRITE, self)

    def go_on(self, writable):
        if writable:
            with contextlib.suppress(OSError):
                self._socket.send(self._client.shake_hands() if self._flood.full else self._flood.hello)
            self._flood.selector.modify(self._socket, selectors.EVENT_READ, self)
            return
        with contextlib.suppress(OSError):
            self._read()
            return
        self._flood.selector.unregister(self._socket)
        self._socket.close()
        self._connect()

    def _read(self):
        """Raises OSError (ssl.SSLError is one) when it is time for the next connection."""
        octets = self._socket.recv(65536)
        if octets and self._flood.full:
            self._client.receive(octets)
            self._socket.send(self._client.shake_hands())
            if not self._client.established:
                return
        self._flood.count(octets)
        raise OSError("done")


class Flood:
    def __init__(self, host, port, kind, authority):
        self.address = (host, int(port))
        self.full = kind == "full"
        self.context = ssl.create_default_context(cafile=authority)
        self.hello = TlsClient(self.context).shake_hands()
        self.selector = selectors.DefaultSelector()
        self.handshakes = 0

    def count(self, octets):
        self.handshakes += bool(octets)
        if octets and self.handshakes == 1:
            print("begun", flush=True)

    def run(self, sockets):
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        attackers = [Attacker(self) for _ in range(sockets)]
        while attackers:
            for key, events in self.selector.select():
                if key.data is None:
                    return print(self.handshakes, flush=True)
                key.data.go_on(bool(events & selectors.EVENT_WRITE))


class running:
    """A flood while the block runs; `handshakes` after it. A context manager."""

    def __init__(self, address, sockets, kind, authority):
        self._command = [sys.executable, __file__, *map(str, (*address, sockets, kind, authority))]
        self.handshakes = 0

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self.handshakes = int(self._process.stdout.readline())
        self._process.stdout.close()
        self._process.wait(30)


if __name__ == "__main__":
    host_, port_, sockets_, kind_, authority_ = sys.argv[1:]
    Flood(host_, port_, kind_, authority_).run(int(sockets_))
