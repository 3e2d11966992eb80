"""Stands between a TLS client and its server, and changes one octet on the way: somebody must notice, and say so."""

import contextlib
import socket
import threading


# One octet in each flight: version, whether the client sends it, in which of its records (from 0), and who breaks off.
# ClientHello; the server's ServerHello or its last record before the client answers; the client's Finished, in TLS 1.2
# ClientKeyExchange comes before it; the server's Finished.
CHANGES = [
    ("--tls1.2", True, 0, "server"),
    ("--tls1.2", False, 2, "client"),
    ("--tls1.2", True, 3, "server"),
    ("--tls1.2", False, 6, "client"),
    ("--tls1.3", True, 0, "client"),
    ("--tls1.3", False, 2, "client"),
    ("--tls1.3", True, 2, "server"),
]


class ChangingRelay:
    """Passes one connection on to `port`, but changes an octet of one record that one side sends."""

    def __init__(self, port, from_client, record):
        self._port = port
        self._from_client = from_client
        self._record = record

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _serve(self):
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._port))
        back = threading.Thread(target=self._pass, args=(server, client, not self._from_client))
        back.start()
        self._pass(client, server, self._from_client)
        back.join()
        client.close()
        server.close()

    def _pass(self, source, target, changes):
        """Record by record: the last octet of the one asked for is changed."""
        file = source.makefile("rb")
        count = 0
        with contextlib.suppress(OSError):
            while header := file.read(5):
                body = bytearray(file.read(int.from_bytes(header[3:5], "big")))
                if changes and count == self._record:
                    body[-1] ^= 1
                count += 1
                target.sendall(header + body)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
