"""HTTP/1.1 messages as the harness sees them: raw bytes kept, fields as an ordered list, strict reading of responses.
Shares nothing with the code under test."""

import re
from email.utils import formatdate

TOKEN = re.compile(rb"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")
STATUS_LINE = re.compile(rb"^HTTP/1\.[01] [1-9][0-9][0-9] [^\r\n\x00]*$")


class Malformed(Exception):
    """Bytes that are not the message they should be."""


class Ended(Exception):
    """The connection ended before the message did."""


def http_date(seconds):
    return formatdate(seconds, usegmt=True)


class Fields:
    """Field lines in order; look-ups ignore case."""

    def __init__(self, lines=()):
        self.lines = [(str(name), str(value)) for name, value in lines]

    def all(self, name):
        return [value for other, value in self.lines if other.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name):
        return bool(self.all(name))

    def __iter__(self):
        return iter(self.lines)

    def __repr__(self):
        return repr(self.lines)


def parse_field_lines(block):
    lines = []
    for line in block.split(b"\r\n"):
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"field line {line!r}")
        lines.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return Fields(lines)


class Response:
    """A response as read from a socket. `complete` is false when its framing promised more than came."""

    def __init__(self, version, status, reason, fields):
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields
        self.interim = []
        self.body = b""
        self.trailers = Fields()
        self.complete = False
        self.forwarded = []

    def get(self, name, default=None):
        return self.fields.get(name, default)

    @property
    def age(self):
        value = self.get("Age")
        return int(value) if value is not None and value.isdigit() else None

    def __repr__(self):
        shown = self.body if len(self.body) < 80 else self.body[:60] + b"... %d bytes" % len(self.body)
        return f"{self.status} {self.fields!r} {shown!r}{'' if self.complete else ' INCOMPLETE'}"


def parse_response_head(block):
    line, _, rest = block.partition(b"\r\n")
    if not STATUS_LINE.match(line):
        raise Malformed(f"status line {line!r}")
    version, status, reason = (line.split(b" ", 2) + [b""])[:3]
    return Response(version.decode(), int(status), reason.decode("latin-1"), parse_field_lines(rest))


class Request:
    """A request as the origin received it; `raw` is exactly its bytes, body framing included."""

    def __init__(self, raw_head, connection):
        line, _, rest = raw_head.partition(b"\r\n")
        parts = line.split(b" ")
        if len(parts) != 3:
            raise Malformed(f"request line {line!r}")
        self.raw = raw_head
        self.method = parts[0].decode("latin-1")
        self.target = parts[1].decode("latin-1")
        self.version = parts[2].decode("latin-1")
        self.fields = parse_field_lines(rest)
        self.body = b""
        self.trailers = Fields()
        self.connection = connection

    def get(self, name, default=None):
        return self.fields.get(name, default)

    @property
    def conditional(self):
        return "If-None-Match" in self.fields or "If-Modified-Since" in self.fields

    def __repr__(self):
        return f"{self.method} {self.target} {self.fields!r}"


class Reader:
    """Buffered reading from a socket: lines, heads, bodies. A deadline is the socket's timeout."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def fill(self):
        piece = self.sock.recv(262144)
        if not piece:
            raise Ended
        self.buffer += piece

    def until(self, mark, limit=1 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise Malformed("a head or line without end")
            self.fill()
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def exactly(self, count, sink):
        while count > 0:
            if not self.buffer:
                self.fill()
            piece, self.buffer = self.buffer[:count], self.buffer[count:]
            count -= len(piece)
            sink(piece)

    def to_end(self, sink):
        while True:
            if self.buffer:
                sink(self.buffer)
                self.buffer = b""
            try:
                self.fill()
            except Ended:
                return

    def chunked(self, sink):
        """Reads chunks and returns the trailer fields."""
        while True:
            line = self.until(b"\r\n", 4096)
            size = line.split(b";", 1)[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
                raise Malformed(f"chunk size {line!r}")
            size = int(size, 16)
            if size == 0:
                block = b""
                while True:
                    line = self.until(b"\r\n", 65536)
                    if not line:
                        return parse_field_lines(block)
                    block += line + b"\r\n"
            self.exactly(size, sink)
            if self.until(b"\r\n", 4096):
                raise Malformed("chunk data longer than its size")

    def sized_body(self, fields, sink):
        """Reads a body by its framing. Returns the trailers, or nothing where only the connection's close ends it."""
        coding = fields.all("Transfer-Encoding")
        lengths = fields.all("Content-Length")
        if coding:
            if coding != ["chunked"]:
                raise Malformed(f"Transfer-Encoding {coding}")
            if lengths:
                raise Malformed("Transfer-Encoding with Content-Length")
            return self.chunked(sink)
        if lengths:
            if len(lengths) > 1 or not lengths[0].isdigit():
                raise Malformed(f"Content-Length {lengths}")
            self.exactly(int(lengths[0]), sink)
            return Fields()
        return None
