"""Servers of others that say which requests they got: nginx, Node.js, Python's http.server.

The problem: each reads a request in its own way, and a proxy must send nothing that any of them takes for more, or for
something else. What each says of a request is brought into one form (request_recorder.Recorded), in the order in which
they were complete; each answers with request_recorder.STATUS. faults() are what it could not read, beginning with the
status that it answered.
"""

import pathlib
import sys

from foreign_program import ForeignProgram
from json_lines import JsonLines, of_file
from nginx import Nginx
from request_recorder import STATUS, Recorded

NGINX = """
    log_format seen escape=json '{{"id":"$http_x_request_id","method":"$request_method","target":"$request_uri",'
                                '"length":"$http_content_length","status":"$status","line":"$request"}}';
    large_client_header_buffers 4 64k;
    client_max_body_size 0;
    keepalive_timeout 300s;
    keepalive_requests 1000000;
    # What takes the request in, content and all, and tells an inner server its length.
    server {{
        listen 127.0.0.1:{port};
        access_log {folder}/outer.log seen;
        location / {{
            proxy_pass http://unix:{folder}/inner:;
            proxy_set_header Host inner;
        }}
    }}
    server {{
        listen unix:{folder}/inner;
        access_log {folder}/inner.log seen;
        location / {{ return {status}; }}
    }}
"""

NODE = """
import http from 'node:http';
const server = http.createServer({ maxHeaderSize: 65536 }, (request, response) => {
  let length = 0;
  request.on('data', (octets) => { length += octets.length; });
  request.on('end', () => {
    console.log(JSON.stringify({ id: request.headers['x-request-id'] ?? '', method: request.method, target: request.url,
      length: String(length) }));
    response.writeHead(STATUS, { 'Content-Length': 0 }).end();
  });
});
server.on('clientError', (error, socket) => {
  // What was cut off in the middle is no request, and no fault.
  const cut = ['ECONNRESET', 'HPE_INVALID_EOF_STATE'].includes(error.code);
  if (!cut) console.log(JSON.stringify({ fault: `400 ${error.code}` }));
  socket.destroy();
});
server.keepAliveTimeout = 300_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
"""

PYTHON = """
import http.server
import json
import os
import sys

def say(line):  # in one write: there are several threads
    os.write(1, json.dumps(line).encode() + b"\\n")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.record
        raise AttributeError(name)

    def record(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        say({"id": self.headers.get("X-Request-ID", ""), "method": self.command, "target": self.requestline.split()[1],
             "length": str(length)})
        self.send_response(STATUS, "Recorded")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_error(self, code, message=None, explain=None):
        say({"fault": f"{code} {message}"})
        super().send_error(code, message, explain)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def _recorded(line: dict) -> Recorded:
    return Recorded(line["id"], line["method"], line["target"], int(line["length"] or 0))


class _Speaker(ForeignProgram):
    """One that prints a line of JSON for each request, or {"fault": ...} for what it could not read."""

    def __init__(self, command):
        super().__init__(command)
        self._spoken = JsonLines(self.said_octets)

    def requests(self) -> list[Recorded]:
        return [_recorded(line) for line in self._spoken.look() if "id" in line]

    def faults(self) -> list[str]:
        return [line["fault"] for line in self._spoken.look() if "fault" in line]


class NodeLogger(_Speaker):
    """node's http module, as an application has it."""

    def __init__(self, folder: pathlib.Path):
        script = folder / "server.mjs"
        script.write_text(NODE.replace("STATUS", str(STATUS)))
        super().__init__(lambda port: ["node", script, port])


class PythonLogger(_Speaker):
    """Python's http.server, which knows no Transfer-Encoding: it needs a proxy that reads the content first."""

    def __init__(self, folder: pathlib.Path):
        script = folder / "server.py"
        script.write_text(PYTHON.replace("STATUS", str(STATUS)))
        super().__init__(lambda port: [sys.executable, script, port])


class NginxLogger(Nginx):
    """nginx; a fault is a request of which it read no fields, and so has no id."""

    def __init__(self, folder: pathlib.Path):
        self._inner, self._outer = JsonLines(of_file(folder / "inner.log")), JsonLines(of_file(folder / "outer.log"))
        super().__init__(folder, lambda port: NGINX.format(folder=folder, port=port, status=STATUS))

    def requests(self) -> list[Recorded]:
        return [_recorded(line) for line in self._inner.look()]

    def faults(self) -> list[str]:
        return [f"{line['status']} {line['line']}" for line in self._outer.look() if not line["id"]]
