"""An HTTP/2 client that closed while a response waited for its windows kept the connection for half a minute and more.

Nobody opens a window after FIN: what waits for one never leaves. So these streams end when the client's FIN is read, and
with the last of them the connection.
"""

import time

import pytest
from h2_frames import DATA, FrameConnection
from scripted_upstream import ScriptedUpstream, response, send, whole_request
from sluice_server import SluiceServer

WINDOW = 65535  # RFC 9113 section 6.9.2: a stream's and the connection's, at first
SECONDS = 3.0  # http2_window_close is 60 s, send_timeout 30 s


@pytest.mark.parametrize("size", [WINDOW + 1, WINDOW + 40_000, WINDOW + 400_000])
def test_who_closes_with_its_windows_shut_has_left(size):
    script = [whole_request, send(response(b"x" * size))]
    with ScriptedUpstream(script) as upstream, SluiceServer(to=upstream.url) as server, \
            FrameConnection(server.address) as client:
        client.send(client.request(1))
        received = 0
        while received < WINDOW:
            frame = client.frame()
            received += len(frame.payload) if frame.type == DATA else 0
        client.octets.send_fin()
        closed = time.monotonic()
        while frame := client.frame():
            assert frame.type != DATA  # there is no window for it
        assert time.monotonic() - closed < SECONDS


def test_what_fits_the_windows_is_still_sent_whole():
    script = [whole_request, send(response(b"x" * WINDOW))]
    with ScriptedUpstream(script) as upstream, SluiceServer(to=upstream.url) as server, \
            FrameConnection(server.address) as client:
        client.send(client.request(1))
        client.octets.send_fin()
        fields, content, reset = client.answer(1)
        assert (fields[":status"], content, reset) == ("200", b"x" * WINDOW, None)
