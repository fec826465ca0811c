"""Clients that send requests ahead and do not read: what comes behind their unread answers is answered all the same."""

import random
import threading

from harness.client import Client
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect

GET = b"GET %s HTTP/1.1\r\nHost: story.test\r\n\r\n"
# Answers that are sent together are gathered in a buffer of this size, with the limits that a node has by default.
SEND_BUFFER = 80 << 10


def body_of(target):
    return random.Random(target).randbytes(int(target.rsplit("/", 1)[1]))


def site(context):
    """A node before an origin whose bodies are as long as their targets say; the origin."""
    def sized(connection, request):
        body = body_of(request.target)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Type: image/png\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return True
    origin = context.origin()
    origin.script("sized", "unread").add(Reply(act=sized))
    return context.node(origin.url, workers=1), origin


def store(node, target):
    """Has the target stored; gives how long the head of a hit is that was sent ahead."""
    with Client(node.address) as client:
        def is_hit():
            client.request("GET", target)
            return "; hit" in client.read_response().get("cache-status")
        wait_until(is_hit, f"{target} stored")
        client.send(GET % target.encode() * 2)
        return len(client.reader.until(b"\r\n\r\n")) + 4


def silent(context, node):
    """A client that takes little until it reads, and from whom the node is kept from queueing much."""
    client = Client(node.address, 20.0, receive_buffer=2048, segment=536)
    context.closers.append(client.close)
    return client


def expect_hits(client, target, count):
    body = body_of(target)
    for number in range(count):
        expect(client.read_response().body == body, f"hit {number} of {count}")


def full_but_for(node, spare):
    """A stored target and how many hits of it leave so few bytes of the buffer."""
    head = store(node, "/sized/3000")
    count = SEND_BUFFER // (3600 + head)
    target = f"/sized/{(SEND_BUFFER - spare) // count - head}"
    store(node, target)
    return target, count


@case("a malformed request, and one that wants what is stored or nothing, behind as many unread answers as there is "
      "room for: refused behind them, and the worker lives")
def own_answers(context):
    node, _ = site(context)
    workers = node.workers()
    malformed = b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    unstored = b"GET /never/0 HTTP/1.1\r\nHost: story.test\r\nCache-Control: only-if-cached\r\n\r\n"
    for spare in (20, 60, 120, 200):
        target, count = full_but_for(node, spare)
        for last, status in ((malformed, 400), (unstored, 504)):
            client = silent(context, node)
            client.send(GET % target.encode() * count + last)
            pace(0.3)
            expect_hits(client, target, count)
            expect(client.read_response().status == status, f"{status} behind {count} answers")
    expect(node.workers() == workers, "the worker lives")


@case("long heads behind unread answers: a client that is slow to read gets them all")
def long_heads(context):
    origin = context.origin()
    fields = {"Cache-Control": "max-age=3600"} | {f"X-Long-{number}": "v" * 4000 for number in range(9)}
    origin.script("heads", "unread").add(Reply(200, fields, b"body"))
    node = context.node(origin.url, workers=1)
    store(node, "/heads/a")
    client = silent(context, node)
    client.send(GET % b"/heads/a" * 60)
    for number in range(60):
        if number % 10 == 0:
            pace(0.1)
        expect(client.read_response().body == b"body", f"answer {number}")


@case("the answer to POST, which is stored, behind unread answers and with a long head: sent behind them, and the "
      "worker lives")
def long_head_of_post(context):
    node, origin = site(context)
    fields = {"Cache-Control": "max-age=3600", "Content-Location": "/post/a"}
    fields |= {f"X-Long-{number}": "v" * 4000 for number in range(14)}
    origin.script("post", "unread").add(Reply(200, fields, b"posted"))
    workers = node.workers()
    store(node, "/sized/3500")
    client = silent(context, node)
    client.send(GET % b"/sized/3500" * 21
                + b"POST /post/a HTTP/1.1\r\nHost: story.test\r\nContent-Length: 2\r\n\r\nab")
    pace(1)
    expect_hits(client, "/sized/3500", 21)
    expect(client.read_response().body == b"posted", "the answer to POST")
    expect(node.workers() == workers, "the worker lives")


@case("a miss behind unread answers, while others are fetched: answered when the origin answers, without another byte")
def miss_behind(context):
    node, origin = site(context)
    gate = threading.Event()

    def held(connection, request):
        gate.wait(30)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 5\r\n\r\nhello")
        return True
    script = origin.script("held", "unread").add(Reply(act=held))
    store(node, "/sized/3500")
    client = silent(context, node)
    client.send(GET % b"/sized/3500" * 22 + GET % b"/held/a")
    script.wait_for(1)
    store(node, "/sized/1000")
    expect_hits(client, "/sized/3500", 22)
    # So that the answer comes when nothing else moves.
    pace(0.5)
    gate.set()
    expect(client.read_response().body == b"hello", "the answer")
