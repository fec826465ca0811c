"""Clients that do not read on: what they keep of the cache, and that others are served and stored meanwhile."""

import random
import time

from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

CACHE = ["--cache-size", "64MiB"]
SLOW_BYTES = 300_000
MISSES = 450
HITS = 120


def body_of(target):
    return random.Random(target).randbytes(SLOW_BYTES if "slow" in target else 20_000)


def act(connection, request):
    """Bodies that do not compress; the rest of one for who asks by Range."""
    body = body_of(request.target)
    fields = "Cache-Control: max-age=3600\r\nContent-Type: image/png\r\nETag: \"1\"\r\n"
    first = int((request.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
    status = "206 Partial Content" if first else "200 OK"
    if first:
        fields += f"Content-Range: bytes {first}-{len(body) - 1}/{len(body)}\r\n"
    connection.send(f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body) - first}\r\n\r\n".encode() + body[first:])
    return True


def site(context):
    origin = context.origin()
    origin.script("files", "slow").add(Reply(act=act))
    return context.node(origin.url, workers=1, flags=CACHE)


def target_of(number):
    return f"/files/slow{number}"


def begin(context, node, count, first=0):
    """Clients that have asked, each for a body of its own, and read nothing."""
    clients = []
    for number in range(first, first + count):
        client = Client(node.address, 60.0, receive_buffer=2048, segment=536)
        context.closers.append(client.close)
        client.request("GET", target_of(number))
        clients.append(client)
    return clients


def newest_hits(node, prefix, count):
    """Fetches many objects; how many of the last ten are hits afterwards."""
    with Client(node.address, 30.0) as client:
        targets = [f"/files/{prefix}{number}" for number in range(count)]
        for target in targets:
            client.request("GET", target)
            expect(client.read_response().body == body_of(target), f"{target} whole")
        hits = 0
        for target in targets[-10:]:
            client.request("GET", target)
            hits += "; hit" in client.read_response().get("cache-status")
    return hits


def expect_whole(clients):
    for number, client in enumerate(clients):
        answer = client.read_response()
        expect(answer.complete and answer.body == body_of(target_of(number)), f"the body of client {number} is whole")


@case("clients that do not read what is fetched for them keep no fill: the cache goes on storing, and they get all")
def of_misses(context):
    node = site(context)
    clients = begin(context, node, MISSES)
    rounds = iter(range(1000))
    wait_until(lambda: newest_hits(node, f"round{next(rounds)}-", 40) == 10, "what is fetched is stored", 30)
    expect_whole(clients[:20])


@case("the same of clients that say something meanwhile: bytes of a next request that they never finish")
def of_misses_that_talk(context):
    node = site(context)
    clients = []
    for number in range(MISSES):
        clients += begin(context, node, 1, first=number)
        if number % 10 == 9:
            for client in clients[-300:]:
                client.send(b"G")
    rounds = iter(range(1000))
    wait_until(lambda: newest_hits(node, f"round{next(rounds)}-", 40) == 10, "what is fetched is stored", 30)
    expect_whole(clients[:20])


@case("who reads slowly what has no length, or trailers, gets it byte for byte: text and noise, long tails and short")
def of_chunks(context):
    bodies = {}
    for number, size in enumerate((800_071, 800_000, 300_001)):
        bodies[f"/files/text{number}"] = (b"a line of text that packs well %d\n" % number * (size // 30))[:size]
        bodies[f"/files/noise{number}"] = random.Random(number).randbytes(size)

    def chunked(connection, request):
        body = bodies[request.target]
        kind = "text/plain" if "text" in request.target else "image/png"
        fields = f"Cache-Control: max-age=3600\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n"
        connection.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode())
        for start in range(0, len(body), 30_011):
            piece = body[start:start + 30_011]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\nX-Sum: 1\r\n\r\n" if "1" in request.target else b"0\r\n\r\n")
        return True
    origin = context.origin()
    origin.script("files", "chunks").add(Reply(act=chunked))
    node = context.node(origin.url, workers=1, flags=CACHE)
    clients = []
    for target in list(bodies) * 20:
        client = Client(node.address, 60.0, receive_buffer=2048, segment=536)
        context.closers.append(client.close)
        client.request("GET", target)
        clients.append((target, client))
    with Client(node.address) as client:
        def is_hit(target):
            client.request("GET", target)
            answer = client.read_response()
            expect(answer.body == bodies[target], f"{target} whole for who reads")
            return "; hit" in answer.get("cache-status")
        for target in bodies:
            wait_until(lambda target=target: is_hit(target), f"{target} stored")
        # The node looks at slow readers four times a second: twice at least.
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            is_hit("/files/text0")
    for target, client in clients:
        answer = client.read_response()
        expect(answer.complete and answer.body == bodies[target], f"{target}: {len(answer.body)} bytes")


@case("clients that do not read their hits keep what they read, and eviction goes on around it")
def of_hits(context):
    node = site(context)
    with Client(node.address) as client:
        for number in range(HITS):
            client.request("GET", target_of(number))
            expect(client.read_response().complete, "fetched")
    clients = begin(context, node, HITS)
    for round_number in range(4):
        hits = newest_hits(node, f"round{round_number}-", 900)
        expect(hits == 10, f"round {round_number}: {hits} of the last ten are hits")
    expect_whole(clients[:20])
