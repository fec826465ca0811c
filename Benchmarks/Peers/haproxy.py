"""HAProxy with its small-object cache."""

from .contestants import Contestant

CONFIGURATION = """
global
    nbthread 1
    maxconn 18000
    no strict-limits
    tune.bufsize 32768
    tune.maxrewrite 2048
    no log
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
    package = "haproxy"

    def command(self):
        path = self.write("haproxy.cfg", CONFIGURATION.format(port=self.port, origin=self.origin))
        return ["haproxy", "-db", "-f", path]


CONTESTANTS = [HAProxy]
