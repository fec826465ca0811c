"""An origin that misbehaves: nothing wrong is stored, and nothing wrong looks whole (RFC 9112 sections 6.3 and 8)."""

import socket

from harness.message import Ended
from harness.origin import Reply
from harness.story import add, story

FRESH = b"Cache-Control: max-age=3600\r\n"

# name, what the origin sends before it closes. The client must get a 502 or a cut answer, and nothing is stored.
FAULTS = [
    ("nothing", b""),
    ("half_a_status_line", b"HTTP/1."),
    ("garbage", b"\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n"),
    ("garbage_without_end", b"x" * 300_000),
    ("half_a_head", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Con"),
    ("bad_version", b"HTTP/3.7 200 OK\r\n" + FRESH + b"Content-Length: 2\r\n\r\nok"),
    ("bad_status", b"HTTP/1.1 2000 OK\r\n" + FRESH + b"Content-Length: 2\r\n\r\nok"),
    ("status_of_letters", b"HTTP/1.1 abc OK\r\n" + FRESH + b"Content-Length: 2\r\n\r\nok"),
    ("space_before_colon", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length : 2\r\n\r\nok"),
    ("two_lengths", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
    ("bad_length", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: two\r\n\r\nok"),
    ("negative_length", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: -2\r\n\r\nok"),
    ("length_and_chunked",
     b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ("nul_in_field", b"HTTP/1.1 200 OK\r\n" + FRESH + b"X: a\x00b\r\nContent-Length: 2\r\n\r\nok"),
    ("short_body", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 10\r\n\r\nshort"),
    ("no_body_at_all", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 10\r\n\r\n"),
    ("chunked_without_end", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    ("chunk_cut", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello"),
    ("bad_chunk_size", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n0\r\n\r\n"),
    ("negative_chunk_size",
     b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
    ("chunk_longer_than_size",
     b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"),
    ("unknown_coding", b"HTTP/1.1 200 OK\r\n" + FRESH + b"Transfer-Encoding: gzip, foo\r\nContent-Type: a/b\r\n\r\nxx"),
    ("too_many_fields", b"HTTP/1.1 200 OK\r\n" + FRESH + b"".join(b"X-%d: 1\r\n" % n for n in range(20000)) + b"\r\n"),
    ("switching_unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx"),
    ("endless_interim", b"HTTP/1.1 100 Continue\r\n\r\n" * 5000),
]


def _fault(raw, reset):
    def act(connection, request):
        connection.send(raw)
        if reset:
            connection.reset()
        else:
            connection.close()
        return False

    def tell(s):
        s.answers(*[Reply(act=act)] * 3, Reply(200, {"Cache-Control": "no-store"}, b"healthy"))
        client = s.client()
        client.request("GET", s.path)
        try:
            response = client.read_response()
            s.check(not response.complete or response.status in (502, 504), "502, or a cut answer", repr(response))
        except (Ended, ConnectionResetError):
            pass
        for _ in range(4):
            try:
                with s.node.connect() as another:
                    another.request("GET", s.path)
                    if another.read_response().body == b"healthy":
                        return
            except (Ended, ConnectionResetError):
                pass
        s.fail("the healthy answer in the end", "none")
    return tell


for _name, _raw in FAULTS:
    add(f"origin_faults/{_name}", "RFC 9112 8", f"the origin sends {_raw[:60]!r} and closes", _fault(_raw, False))
for _name, _raw in FAULTS:
    if _name in ("nothing", "half_a_head", "short_body", "chunked_without_end"):
        add(f"origin_faults/{_name}_then_reset", "RFC 9112 8", f"the origin sends {_raw[:60]!r} and resets",
            _fault(_raw, True))


@story("RFC 9112 6.3", "bytes after the promised length do not become the next answer")
def bytes_after_the_end(s):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    s.answers(Reply(raw=b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 2\r\n\r\nok" + evil),
              Reply(200, {"Cache-Control": "no-store"}, b"good"))
    s.equal(s.get().body, b"ok", "the first body")
    for number in range(5):
        s.equal(s.get(path=f"/{s.segment}/{number}").body, b"good", "a later body")


@story("RFC 9110 8.6", "a 204 that promises a body it may not have: what follows is not the next answer")
def body_of_204(s):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def act(connection, request):
        connection.send(b"HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % len(evil))
        connection.send(evil)
        return True
    s.answers(Reply(act=act), Reply(200, {"Cache-Control": "no-store"}, b"good"))
    s.equal(s.get().status, 204, "the first status")
    for number in range(5):
        s.equal(s.get(path=f"/{s.segment}/{number}").body, b"good", "a later body")


@story("RFC 9110 15.2", "interim answers without an end: the client gets a 502, and the node goes on")
def interim_without_end(s):
    def act(connection, request):
        try:
            while True:
                connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        except OSError:
            return False
    s.answers(Reply(act=act), Reply(200, {"Cache-Control": "no-store"}, b"good"))
    response = s.get()
    s.equal(response.status, 502, "status")
    s.check(len(response.interim) <= 1000, "at most 1,000 interim answers", len(response.interim))
    s.equal(s.get().body, b"good", "the next body")


@story("RFC 9112 9.3", "an idle connection that the origin closed is not used, and a GET that raced it is retried")
def stale_pooled_connection(s):
    s.answer(200, {"Cache-Control": "no-store"}, b"one", close=True)
    for _ in range(20):
        s.equal(s.get().body, b"one", "the body")


@story("RFC 9110 9.2.2", "a POST is not sent twice when its connection dies after it was sent")
def post_not_repeated(s):
    def close(connection, request):
        connection.read_body(request)
        connection.close()
        return False
    s.answers(Reply(act=close), Reply(200, {"Cache-Control": "no-store"}))
    response = s.get(method="POST", body=b"pay=1")
    s.check(response.status == 502 and len(s.seen) <= 1, "502 and one request at most", (response.status, s.seen))


@story("RFC 9112 8", "a body cut after much was sent is cut for the client too, and fetched anew")
def cut_large_body(s):
    body = b"0123456789" * 200_000

    def cut(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        connection.close()
        return False
    s.answers(Reply(act=cut), Reply(200, {"Cache-Control": "max-age=3600"}, body))
    client = s.client()
    client.request("GET", s.path)
    try:
        response = client.read_response()
        s.check(not response.complete or response.status in (502, 504), "a cut answer", len(response.body))
    except (Ended, ConnectionResetError):
        pass
    s.check(s.get().body == body, "the whole body the second time")
    s.check(s.get().body == body, "the whole body from the cache")


@story("RFC 9110 15.6.3", "an answer that is an error of the origin's passes as it is")
def origin_error_passes(s):
    s.answer(500, {"Cache-Control": "no-store"}, b"the origin's own words")
    response = s.get()
    s.equal((response.status, response.body), (500, b"the origin's own words"), "status and body")


def _cut_for_http_10(framing):
    """A body that lasts until the connection ends is told from a cut one by the reset alone."""
    def tell(s):
        def cut(connection, request):
            connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n" + framing)
            connection.reset()
            return False
        s.answer(act=cut)
        client = s.client()
        client.send(f"GET {s.path} HTTP/1.0\r\nHost: story.test\r\n\r\n".encode())
        try:
            response = client.read_response()
            s.check(not response.complete or response.status == 502, "a visible cut", repr(response))
        except (Ended, ConnectionResetError):
            pass
    return tell


for _name, _framing in (("chunked", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ("until_close", b"\r\nhello"),
                        ("bad_chunk", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")):
    add(f"origin_faults/cut_for_http_10_{_name}", "RFC 9112 8",
        f"a {_name.replace('_', ' ')} answer that is cut never looks whole to a client that speaks HTTP/1.0",
        _cut_for_http_10(_framing))


@story("RFC 9110 7.8", "a 101 to another protocol than one that may be tunnelled is 502")
def switching_to_http(s):
    for head in (b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"Upgrade: websocket\r\n",
                 b"Upgrade: ,\r\nConnection: Upgrade\r\n"):
        s.answer(raw=b"HTTP/1.1 101 Switching Protocols\r\n" + head + b"\r\n")
        response = s.get({"Connection": "Upgrade", "Upgrade": "websocket"})
        s.equal(response.status, 502, f"status for {head}")


@story("RFC 9110 15.6.3", "an answer that proves bad before any of it was sent is a 502, stored or not, and not cut")
def bad_from_the_start(s):
    for control in ("no-store", "max-age=60"):
        for body in (b"zz\r\nab\r\n0\r\n\r\n", b"2\nab\n0\n\n", b"-1\r\na\r\n0\r\n\r\n"):
            answer = (f"HTTP/1.1 200 OK\r\nCache-Control: {control}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
                      + body)

            def act(connection, _, answer=answer):
                connection.send(answer)
                return False
            s.answer(act=act)
            for version in ("1.1", "1.0"):
                client = s.client()
                client.send(f"GET {s.path}?{control}{len(body)} HTTP/{version}\r\nHost: story.test\r\n\r\n".encode())
                response = client.read_response()
                s.equal((response.status, response.complete), (502, True), f"the answer to {body!r} in HTTP/{version}")
                if version == "1.1":
                    s.check(response.get("Connection") != "close", "the connection goes on", repr(response))


@story("RFC 9112 9.3.1", "an origin that ends its connection with the answer and lingers: nothing more is asked there")
def ends_with_the_answer(s):
    def act(connection, _):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok")
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.sock.recv(65536):
            pass
        return False
    s.answer(act=act)
    for _ in range(10):
        client = s.client(seconds=5)
        client.request("GET", s.path)
        s.equal(client.read_response().body, b"ok", "the answer, at once")
