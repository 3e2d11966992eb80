"""An upload and a download that are long cost the proxy bounded memory over every pair of versions, and arrive to the octet.

The bound: VmHWM grows by less than 16 MiB, both at once. That is what one exchange each way may hold (64 KiB read ahead, a
stream's window of 1 MiB, a connection's), the blocks that circulate, and what the allocator keeps; not what passes.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import threading

import pytest
from clients import SANITIZED
from fault_content import digest, new_hash, pieces, summary
from fault_upstream import FaultUpstream
from faulty_proxy import proxying, spoken

MOST = 16 << 20
GIB = 1 << 30


def high_water(server) -> int:
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def curl(server, *options, **more):
    return subprocess.Popen(["curl", "--silent", "--show-error", "--fail", *map(str, server.curl_options), *options],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)


def feed(sink, target, size):
    with sink:
        for piece in pieces(target, size):
            sink.write(piece)


def upload(server, target, size) -> bytes:
    """What the upstream says it got."""
    with curl(server, "--upload-file", "-", "-H", "Expect:", server.url + target) as client:
        feeding = threading.Thread(target=feed, args=(client.stdin, target, size))
        client.stdin = None  # it is the thread's now
        feeding.start()
        said = client.stdout.read()
        feeding.join()
    return said


def download(server, target) -> tuple[int, str]:
    """How much came, and its hash."""
    octets, found = 0, new_hash()
    with curl(server, server.url + target) as client:
        while part := client.stdout.read(1 << 20):
            found.update(part)
            octets += len(part)
    assert client.returncode == 0
    return octets, found.hexdigest()


def assert_streams(folder, version, http2, workers, size):
    with FaultUpstream(folder, http2=http2) as upstream, \
            proxying(folder, version, workers, upstream.port, *spoken(http2)) as server:
        assert download(server, "/size/1000000/warm")[0] == 1_000_000
        before = high_water(server)
        up, down = "/hash/large", f"/size/{size}/large"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            uploading, downloading = pool.submit(upload, server, up, size), pool.submit(download, server, down)
            assert downloading.result() == (size, digest(down, size))
            assert uploading.result() == summary("PUT", up, size, digest(up, size))
        assert SANITIZED or high_water(server) - before < MOST


@pytest.mark.timeout(600)
def test_much_each_way(tmp_path, clear, http2, workers):
    assert_streams(tmp_path, clear, http2, workers, GIB // 4)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_gibibytes_each_way(tmp_path, clear, http2):
    assert_streams(tmp_path, clear, http2, 1, 10 * GIB)
