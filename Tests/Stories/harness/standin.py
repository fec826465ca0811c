"""nginx with proxy_cache in the node's place, so that the harness itself can be tried without a node."""

import os
import shutil
import subprocess
import tempfile
import time

from .node import ClockUnavailable, Node, children_of, command_line, free_port

_CONFIG = """
worker_processes 2;
daemon off;
pid {runtime}/pid;
error_log {runtime}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    proxy_cache_path {runtime}/cache keys_zone=all:10m;
    client_body_temp_path {runtime}/body;
    proxy_temp_path {runtime}/proxy;
    fastcgi_temp_path {runtime}/fastcgi;
    uwsgi_temp_path {runtime}/uwsgi;
    scgi_temp_path {runtime}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{
            proxy_pass {origin};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_cache all;
            proxy_cache_revalidate on;
            add_header X-Cache-Status $upstream_cache_status always;
        }}
    }}
}}
"""


class StandIn(Node):
    """Has a node's interface; its clock cannot be moved."""

    def __init__(self, origin_url):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.runtime = tempfile.mkdtemp(prefix="martlet-standin-")
        self.log_path = f"{self.runtime}.log"
        self.clock_offset = 0
        self.wanted_workers = 2
        with open(f"{self.runtime}/nginx.conf", "w", encoding="ascii") as file:
            file.write(_CONFIG.format(runtime=self.runtime, port=self.port, origin=origin_url))
        self.log = open(self.log_path, "ab")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        os.chmod(self.runtime, 0o755)
        self.process = subprocess.Popen(
            [nginx, "-p", self.runtime, "-c", f"{self.runtime}/nginx.conf"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        self.pid = self.process.pid

    def now(self):
        return time.time()

    def workers(self):
        return [pid for pid in children_of(self.pid) if "worker process" in command_line(pid)]

    def advance(self, seconds):
        raise ClockUnavailable("a stand-in's clock cannot be moved")
