"""A client that sends exactly the bytes it is told to and reads responses strictly."""

import socket
import struct

from .message import Ended, Reader, parse_response_head
from .waiting import DEADLINE_SECONDS


class Client:
    """One connection to the node."""

    def __init__(self, address, seconds=DEADLINE_SECONDS, receive_buffer=None, segment=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment:
            # Short segments keep what the other side may queue short as well.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        self.sock.settimeout(seconds)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)
        self.interim_seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def port(self):
        return self.sock.getsockname()[1]

    def send(self, data):
        self.sock.sendall(data)
        return self

    def request(self, method, target, fields=(), body=None, host="story.test"):
        """Sends a well-formed request; a body adds Content-Length unless fields frame it."""
        lines = list(fields.items() if isinstance(fields, dict) else fields)
        names = {name.lower() for name, _ in lines}
        head = f"{method} {target} HTTP/1.1\r\n"
        if "host" not in names:
            head += f"Host: {host}\r\n"
        for name, value in lines:
            head += f"{name}: {value}\r\n"
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            head += f"Content-Length: {len(body)}\r\n"
        return self.send(head.encode("latin-1") + b"\r\n" + (body or b""))

    def read_head(self):
        """Reads interim responses and then the final head."""
        interim = []
        while True:
            response = parse_response_head(self.reader.until(b"\r\n\r\n"))
            if response.status >= 200 or response.status == 101:
                response.interim = interim
                return response
            interim.append(response)
            self.interim_seen.append(response)

    def read_body(self, response, method="GET", sink=None):
        pieces = []
        take = sink or pieces.append
        response.closed = False
        if method == "HEAD" or response.status in (204, 304):
            response.complete = True
            return response
        try:
            trailers = self.reader.sized_body(response.fields, take)
            if trailers is None:
                self.reader.to_end(take)
                response.closed = True
            response.trailers = trailers or response.trailers
            response.complete = True
        except (Ended, ConnectionResetError):
            response.closed = True
        response.body = b"".join(pieces)
        return response

    def read_response(self, method="GET", sink=None):
        return self.read_body(self.read_head(), method, sink)

    def at_end(self):
        """True when the node closes the connection (or has) without a further byte."""
        try:
            return not self.reader.buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self):
        """Closes with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()
