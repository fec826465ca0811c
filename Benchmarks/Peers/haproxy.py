"""HAProxy with its small-object cache."""

import os
import re
import socket

from .contestants import Contestant

CONFIGURATION = """
global
    nbthread 1
    maxconn 18000
    no strict-limits
    tune.bufsize 32768
    tune.maxrewrite 2048
    no log
    stats socket {folder}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 30s
    timeout http-keep-alive 1h
    option http-keep-alive
    http-reuse always
cache objects
    total-max-size 1024
    max-object-size 4194304
    max-age 86400
    process-vary on
frontend site
    bind 127.0.0.1:{port} backlog 4096
    default_backend origin
backend origin
    http-request cache-use objects
    http-response cache-store objects
    server origin 127.0.0.1:{origin}
"""


class HAProxy(Contestant):
    name = "haproxy"
    program = "haproxy"

    def command(self):
        path = self.write("haproxy.cfg", CONFIGURATION.format(port=self.port, origin=self.origin, folder=self.folder))
        return ["haproxy", "-db", "-f", path]

    def ask(self, command):
        """What the administration socket answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.path.join(self.folder, "admin.sock"))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")

    def bytes_per_object(self, before, count):
        """Its memory is set aside at the start: what counts is how many blocks of it the objects fill."""
        listing = self.ask("show cache")
        blocks = sum(int(size) for size in re.findall(r"size:\d+ \((\d+) blocks\)", listing))
        objects = len(re.findall(r"size:", listing))
        header = 48  # struct shared_block, in front of each block
        return blocks * (1024 + header) / objects if objects else 0.0


CONTESTANTS = [HAProxy]
