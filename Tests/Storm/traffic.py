"""The two sides of the storm: a counting origin, and strict clients that never retry and check every byte."""

import http.server
import os
import random
import socket
import socketserver
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Stories"))
from harness.waiting import pace  # noqa: E402

OBJECTS = 200


def body_of(path):
    return (path.encode() * 400)[:2_000]


class Origin:
    """Answers every GET with a body made from its path, counts fetches and POSTs."""

    def __init__(self):
        self.gets = 0
        self.posts = 0
        self.lock = threading.Lock()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self, body, *fields):
                self.send_response(200)
                for name, value in (("Content-Length", str(len(body))), *fields):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                with origin.lock:
                    origin.gets += 1
                self.answer(body_of(self.path), ("Cache-Control", "max-age=86400"))

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                with origin.lock:
                    origin.posts += 1
                self.answer(b"ok")

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"


class Traffic:
    """Strict clients: keep-alive GETs, POSTs that are never sent twice, and fresh connections."""

    def __init__(self, port, seed, clients):
        self.address = ("127.0.0.1", port)
        self.failures = []
        self.requests = 0
        self.posts = 0
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._client, args=(index, seed)) for index in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def _client(self, index, seed):
        chance = random.Random(seed * 1_000 + index)
        connection = None
        while not self.stopping:
            try:
                if connection is None:
                    connection = socket.create_connection(self.address, timeout=20)
                self._one(connection, index % 4 == 0, f"/object/{chance.randrange(OBJECTS)}")
                pace(0.005)
                if index % 4 == 1:
                    connection.close()
                    connection = None
            except (OSError, ValueError) as problem:
                self.failures.append((time.monotonic(), index, repr(problem)))
                connection = None

    def _one(self, connection, is_post, path):
        if is_post:
            connection.sendall(b"POST /form HTTP/1.1\r\nHost: storm\r\nContent-Length: 3\r\n\r\nabc")
        else:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: storm\r\n\r\n".encode())
        head, body = read_response(connection)
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"answered {head[:40]!r}")
        if body != (b"ok" if is_post else body_of(path)):
            raise ValueError(f"wrong body for {path}")
        if b"connection: close" in head.lower():
            raise ValueError("told to close")
        with self.lock:
            self.requests += 1
            self.posts += is_post


def read_response(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    while len(body) < length:
        body += received(connection)
    return head, body


def received(connection):
    piece = connection.recv(65_536)
    if not piece:
        raise ValueError("closed by the node")
    return piece
