"""Starts nginx for a test: one worker, in the foreground, everything that it writes in a folder of the test's.

The problem: what nginx needs to leave the machine's own folders alone is the same in each test, and easily forgotten.

    with Nginx(folder, lambda port: f"server {{ listen 127.0.0.1:{port}; root {site}; }}") as server:
        get(server.address)
"""

import pathlib

from foreign_program import ForeignProgram

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/errors.log warn;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""


class Nginx(ForeignProgram):
    """`http` gives, for a port, what else the configuration's block of that name holds; where access is logged, too."""

    def __init__(self, folder: pathlib.Path, http):
        def command(port):
            path = folder / "nginx.conf"
            path.write_text(CONFIGURATION.format(folder=folder, http=http(port)))
            return ["/usr/sbin/nginx", "-e", folder / "errors.log", "-c", path]
        super().__init__(command)
