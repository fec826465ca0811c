"""Streams: event streams, long bodies in pieces, tunnels by Upgrade (RFC 9110 section 7.8, RFC 9112 section 7)."""

import threading

from harness.story import add, story


@story("HTML 9.2", "text/event-stream is delivered event by event")
def event_stream(s):
    gates = [threading.Event() for _ in range(3)]

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
        for number, gate in enumerate(gates):
            gate.wait(10)
            event = b"data: %d\n\n" % number
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
        connection.send(b"0\r\n\r\n")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("GET", s.path, {"Accept": "text/event-stream"})
    client.read_head()
    for number, gate in enumerate(gates):
        gate.set()
        event = b"data: %d\n\n" % number
        while event not in client.reader.buffer:
            client.reader.fill()
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9110 7.8", "Upgrade: the tunnel carries bytes both ways, also those sent with the head")
def upgrade_tunnel(s):
    def act(connection, request):
        s.equal((request.get("Upgrade") or "").lower(), "websocket", "Upgrade at the origin")
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nwelcome")
        for _ in range(3):
            connection.reader.exactly(5, lambda piece: connection.send(piece.upper()))
        return False
    s.answer(act=act)
    client = s.client()
    client.request("GET", s.path, {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    response = client.read_head()
    s.equal((response.status, (response.get("Upgrade") or "").lower()), (101, "websocket"), "status and Upgrade")
    got = []
    client.reader.exactly(7, got.append)
    for word in (b"hello", b"there", b"again"):
        client.send(word)
        client.reader.exactly(5, got.append)
    s.equal(b"".join(got), b"welcomeHELLOTHEREAGAIN", "the tunnel's bytes")
    s.check(client.at_end(), "the tunnel closed with the origin")


@story("RFC 9110 7.8", "an Upgrade that the origin declines is an ordinary answer, and the connection goes on")
def upgrade_declined(s):
    s.answer(200, {"Cache-Control": "no-store"}, b"no")
    client = s.client()
    client.request("GET", s.path, {"Connection": "Upgrade", "Upgrade": "websocket"})
    s.equal(client.read_response().body, b"no", "the body")
    client.request("GET", s.path)
    s.equal(client.read_response().body, b"no", "the body again")


@story("RFC 9112 7.1", "an answer that trickles in chunks reaches the client as it comes")
def trickle(s):
    gate = threading.Event()

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(b"3\r\none\r\n")
        gate.wait(10)
        connection.send(b"3\r\ntwo\r\n0\r\n\r\n")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("GET", s.path)
    client.read_head()
    while b"one" not in client.reader.buffer:
        client.reader.fill()
    gate.set()
    while b"two" not in client.reader.buffer:
        client.reader.fill()
    s.equal(s.get().body, b"onetwo", "the body from the cache")


@story("RFC 9112 7.1", "an upload that trickles reaches the origin as it comes, and the answer can come before its end")
def trickling_upload(s):
    heard = threading.Event()

    def act(connection, request):
        while b"hello" not in connection.reader.buffer:
            connection.reader.fill()
        heard.set()
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("POST", s.path, {"Transfer-Encoding": "chunked"})
    client.send(b"5\r\nhello\r\n")
    s.check(heard.wait(10), "the first piece at the origin before the last was sent")
    client.send(b"0\r\n\r\n")
    s.equal(client.read_response().body, b"ok", "the body")


@story("RFC 9112 9.3", "a client that leaves in the middle of its upload harms nobody")
def upload_abandoned(s):
    s.answer(200, {"Cache-Control": "no-store"}, b"fine")
    client = s.client()
    client.request("POST", s.path, {"Content-Length": "1000"})
    client.send(b"only this")
    client.reset()
    s.equal(s.get(path=f"/{s.segment}/other").body, b"fine", "another client's body")


@story("RFC 9110 7.8", "an upgrade to another HTTP is not passed on: no tunnel for requests nobody looks at")
def no_tunnel_for_http(s):
    s.answer(200, {"Cache-Control": "no-store"})
    for protocol in ("h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"):
        request = s.forwarded({"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol,
                               "HTTP2-Settings": "AAMAAABk"}).forwarded[0]
        s.equal((request.get("Upgrade"), request.get("HTTP2-Settings")), (None, None), f"fields for {protocol}")


def _slow_reader(cache_control):
    """What a socket did not take is in a chunk that was begun; by the next time the node has more for it than that."""
    body = bytes(range(256)) * (24 << 10)

    def tell(s):
        def act(connection, request):
            head = f"HTTP/1.1 200 OK\r\nCache-Control: {cache_control}\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.send(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return True
        s.answer(act=act)
        client = s.client(receive_buffer=16384)
        client.request("GET", s.path)
        s.check(s.get().body == body, "the whole body for who reads at once")
        s.check(client.read_response().body == body, "the whole body for who did not")
    return tell


for _name, _value in (("stored", "max-age=3600"), ("relayed", "no-store")):
    add(f"streaming/slow_reader_of_chunks_{_name}", "RFC 9112 7.1",
        f"a long body in chunks, {_name}, reaches a client that reads it late", _slow_reader(_value))
