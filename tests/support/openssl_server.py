"""Starts `openssl s_server`, the other implementation's server, for tests of our clients and of nothing else.

The problem: it must have a port of its own, be ready before a client comes, and end with its test. So it listens on
port 0 and says which one it got; closing its standard input would end its connections, so that stays open.

    with OpensslServer(certificate, "-tls1_2") as server:
        run_sluice("handshake", f"localhost:{server.port}")
"""

import re
import subprocess
import threading

READY_SECONDS = 30


class OpensslServer:
    """`certificate` is a certificates.Certificate; `options` go to s_server as they are. `output` is what it said, once
    it has been stopped. A context manager."""

    def __init__(self, certificate, *options):
        self._command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate.certificate), "-key",
                         str(certificate.key), *map(str, options)]
        if certificate.intermediates:
            self._command += ["-cert_chain", str(certificate.intermediates)]
        self._ready = threading.Event()
        self.port = 0
        self.output = ""

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._ready.wait(READY_SECONDS) or not self.port:
            self.__exit__()
            raise AssertionError(f"openssl s_server did not start:\n{self.output}")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            self.output += line
            if (found := re.match(r"ACCEPT .*:(\d+)$", line)) and not self.port:
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()
