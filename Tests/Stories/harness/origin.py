"""The scripted origin: answers each path by its script, byte for byte, and keeps every request it received."""

import socket
import struct
import threading

from .message import Ended, Malformed, Reader, Request, http_date
from .waiting import DEADLINE_SECONDS, wait_until

_BODILESS = (204, 304)


class Reply:
    """One scripted answer. `raw` sends exactly those bytes; `act` is a function (connection, request) that does
    whatever it likes; otherwise a well-formed response is made of status, fields and body."""

    def __init__(self, status=200, fields=(), body=None, *, framing="length", interim=(), trailers=(), raw=None,
                 act=None, date=True, reason="OK", close=False, content_type=True):
        self.status = status
        self.fields = list(fields.items() if isinstance(fields, dict) else fields)
        self.body = body
        self.framing = framing
        self.interim = interim
        self.trailers = trailers
        self.raw = raw
        self.act = act
        self.date = date
        self.reason = reason
        self.close = close
        self.content_type = content_type

    def head(self, body, now):
        names = {name.lower() for name, _ in self.fields}
        lines = list(self.fields)
        if self.date and "date" not in names:
            lines.append(("Date", http_date(now)))
        if self.content_type and "content-type" not in names and self.status not in _BODILESS:
            lines.append(("Content-Type", "text/plain"))
        if self.status not in _BODILESS:
            if self.framing == "chunked":
                lines.append(("Transfer-Encoding", "chunked"))
            elif self.framing == "length" and "content-length" not in names:
                lines.append(("Content-Length", str(len(body))))
        text = f"HTTP/1.1 {self.status} {self.reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        return text.encode("latin-1") + b"\r\n"

    def perform(self, connection, request, body):
        """Sends the answer; returns whether the connection may be used again."""
        if self.act is not None:
            return self.act(connection, request) is True
        if self.raw is not None:
            connection.send(self.raw)
            return not self.close
        for status, fields in self.interim:
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
            connection.send(f"HTTP/1.1 {status} Interim\r\n{lines}\r\n".encode("latin-1"))
        head = self.head(body, connection.origin.clock())
        if request.method == "HEAD" or self.status in _BODILESS:
            connection.send(head)
        elif self.framing == "chunked":
            chunks = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            trailers = "".join(f"{name}: {value}\r\n" for name, value in self.trailers)
            connection.send(head + chunks + b"0\r\n" + trailers.encode("latin-1") + b"\r\n")
        else:
            connection.send(head + body)
        return not self.close and self.framing != "close"


def held_back(gate, answer, seconds=20):
    """For `act`: sends these bytes when the gate (an event, a barrier) opens."""
    def act(connection, _request):
        gate.wait(seconds)
        connection.send(answer)
        return True
    return act


class Script:
    """The answers for one path, in order; the last one repeats. Keeps the requests that arrived."""

    def __init__(self, name):
        self.name = name
        self.replies = []
        self.requests = []
        self.bodies = []
        self.lock = threading.Lock()

    def add(self, *replies):
        self.replies.extend(replies)
        return self

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            number = len(self.requests)
            if not self.replies:
                self.bodies.append(b"")
                return Reply(500, body=b"no reply scripted"), b"no reply scripted"
            reply = self.replies[min(number, len(self.replies)) - 1]
            scripted_by_hand = reply.act is not None or reply.raw is not None
            body = b"" if scripted_by_hand else b"%s, answer %d" % (self.name.encode(), number)
            body = reply.body if reply.body is not None else body
            self.bodies.append(body)
            return reply, body

    def wait_for(self, count, seconds=DEADLINE_SECONDS):
        wait_until(lambda: len(self.requests) >= count, f"request {count} at the origin for {self.name}", seconds)


class OriginConnection:
    """The origin's end of one connection from the node."""

    def __init__(self, origin, sock, number):
        self.origin = origin
        self.sock = sock
        self.number = number
        self.reader = Reader(sock)
        self.served = 0

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def read_request(self):
        head = self.reader.until(b"\r\n\r\n")
        request = Request(head, self)
        self.origin.note_bytes(self, head + b"\r\n\r\n")
        return request

    def read_body(self, request):
        pieces = []
        if request.get("Expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        trailers = self.reader.sized_body(request.fields, pieces.append)
        request.trailers = trailers if trailers is not None else request.trailers
        request.body = b"".join(pieces)

    def serve(self):
        while True:
            request = self.read_request()
            script = self.origin.script_for(request)
            early = script is not None and script.replies and getattr(script.replies[0], "act", None)
            if not early:
                self.read_body(request)
            if script is None:
                self.origin.strays.append(request)
                self.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n")
                continue
            reply, body = script.take(request)
            self.served += 1
            if not reply.perform(self, request, body):
                return


class Origin:
    """Listens on a free port and serves scripts by the first segment of the path."""

    def __init__(self, clock):
        self.clock = clock
        self.scripts = {}
        self.strays = []
        self.malformed = []
        self.problems = []
        self.received = []
        self.keep_bytes = False
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def script(self, segment, name):
        self.scripts[segment] = Script(name)
        return self.scripts[segment]

    def script_for(self, request):
        path = request.target.split("?", 1)[0]
        if path.startswith("http://"):
            path = "/" + path[7:].partition("/")[2]
        segments = path.split("/")
        return self.scripts.get(segments[1]) if len(segments) > 1 else None

    def note_bytes(self, connection, data):
        if self.keep_bytes:
            self.received.append((connection.number, data))

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = OriginConnection(self, sock, self.connections)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.serve()
        except Ended:
            if connection.reader.buffer:
                self.malformed.append(f"cut request {connection.reader.buffer[:200]!r}")
        except Malformed as problem:
            self.malformed.append(str(problem))
        except AssertionError as problem:
            self.problems.append(f"at the origin: {problem}")
        except (OSError, threading.BrokenBarrierError):
            pass
        finally:
            connection.close()

    def close(self):
        self.listener.close()
