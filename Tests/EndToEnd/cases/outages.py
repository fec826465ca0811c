"""The origin down, refusing, hanging, recovering: 502 and 504 in time, the node stays healthy."""

import socket
import threading

from harness.client import Client
from harness.message import Ended
from harness.node import free_port
from harness.origin import Reply
from support import case, expect

QUICK = """
timeouts:
  origin-connect: 700ms
  origin-first-byte: 700ms
  origin-between-bytes: 700ms
"""


def ask(node, path, method="GET", body=None, seconds=15):
    with Client(node.address, seconds) as client:
        client.request(method, path, body=body)
        return client.read_response(method)


@case("an origin that refuses connections is a 502, at once; the node recovers with it")
def refusing(context):
    port = free_port()
    node = context.node(f"http://127.0.0.1:{port}", config=QUICK)
    for number in range(20):
        response = ask(node, f"/s1/{number % 3}")
        expect(response.status in (502, 503, 504), f"502: {response!r}")
        expect("Cache-Status" in response.fields, f"Cache-Status on the 502: {response!r}")
    expect(ask(node, "/s1/x", "POST", b"a=1").status in (502, 503, 504), "502 for a POST")
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=_answer_all, args=(listener,), daemon=True).start()
        expect(ask(node, "/s1/0").body == b"back", "the answer once the origin is back")


def _answer_all(listener):
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nback")
        sock.close()


@case("an origin that takes the request and never answers is a 504, and other requests go on meanwhile")
def hanging(context):
    release = threading.Event()

    def act(connection, request):
        release.wait(30)
        return False
    origin = context.origin()
    origin.script("s1", "outages").add(Reply(act=act))
    origin.script("s2", "outages").add(Reply(200, {"Cache-Control": "no-store"}, b"quick"))
    node = context.node(origin.url, config=QUICK)
    slow = [Client(node.address, 15) for _ in range(5)]
    for number, client in enumerate(slow):
        client.request("GET", f"/s1/{number}")
    expect(ask(node, "/s2/page").body == b"quick", "another request meanwhile")
    for client in slow:
        response = client.read_response()
        expect(response.status == 504, f"504: {response!r}")
    release.set()


@case("an origin that stalls in the middle of a body: the client's answer is cut, nothing is stored")
def stalling(context):
    release = threading.Event()
    body = b"s" * 50_000

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.send(body[:10_000])
        release.wait(30)
        return False
    origin = context.origin()
    origin.script("s1", "outages").add(Reply(act=act), Reply(200, {"Cache-Control": "no-store"}, b"healthy"))
    node = context.node(origin.url, config=QUICK)
    try:
        response = ask(node, "/s1/page")
        expect(not response.complete or response.status == 504, f"a cut answer: {response!r}")
    except (Ended, ConnectionResetError):
        pass
    expect(ask(node, "/s1/page").body == b"healthy", "nothing was stored")
    release.set()


@case("an origin that does not accept (full backlog): 502 or 504 within the connect timeout")
def not_accepting(context):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        node = context.node(f"http://127.0.0.1:{port}", config=QUICK, workers=1)
        response = ask(node, "/s1/page")
        expect(response.status in (502, 503, 504), f"502 or 504: {response!r}")
        for filler in fillers:
            filler.close()


@case("a slow client that never finishes its head is answered 408 or closed")
def slow_head(context):
    node = context.node(context.origin().url, config="timeouts:\n  request-head: 500ms\n  idle: 500ms\n")
    with Client(node.address, 15) as client:
        client.send(b"GET /s1/page HTTP/1.1\r\nHost: st")
        try:
            expect(client.read_response().status == 408, "408")
        except (Ended, ConnectionResetError):
            pass
    with Client(node.address, 15) as client:
        expect(client.at_end(), "an idle connection closed")
