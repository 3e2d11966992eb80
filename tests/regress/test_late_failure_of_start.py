"""A start that failed after its workers had begun freed their loops before the helpers had ended: whoever had been
accepted meanwhile and waited for a helper brought the process down by a use after free.

signalfd is the last that a start needs. A library loaded before the C library has it fail, late enough for clients.
"""

import os
import socket
import subprocess
import time

from clients import SANITIZED
from sluice_server import sluice_binary

NO_SIGNALFD = """
#include <errno.h>
#include <signal.h>
#include <unistd.h>
int signalfd(int descriptor, const sigset_t* signals, int flags) {
  (void)descriptor, (void)signals, (void)flags;
  usleep(400000);
  errno = EMFILE;
  return -1;
}
"""
ENTRIES = 30_000  # reading and sorting them takes a helper longer than the start has left


def test_a_start_that_fails_late_ends_in_order(tmp_path):
    (tmp_path / "shim.c").write_text(NO_SIGNALFD)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "shim.so", tmp_path / "shim.c"], check=True)
    folder = tmp_path / "site"
    folder.mkdir()
    for number in range(ENTRIES):
        (folder / str(number)).touch()
    path = tmp_path / "listen.sock"
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "shim.so"), "SLUICE_CONTROL": "off"}
    if SANITIZED:
        environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"
    server = subprocess.Popen([str(sluice_binary()), "serve", str(folder), "--listen", f"unix:{path}", "--workers", "2",
                               "--limit", f"listing_entries={ENTRIES}", "--access-log", "off"],
                              env=environment, stderr=subprocess.PIPE, text=True)
    clients = []
    try:
        while not path.exists() and server.poll() is None:
            time.sleep(0.01)
        time.sleep(0.05)  # from bind to listen
        for number in range(6):
            client = socket.socket(socket.AF_UNIX)
            clients.append(client)
            client.connect(str(path))
            client.sendall(f"GET /?sort={number % 2} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        _, said = server.communicate(timeout=30)
    finally:
        server.kill()
        for client in clients:
            client.close()
    assert (server.returncode, said) == (1, "sluice: error: epoll: Too many open files\n")
    assert not path.exists()
