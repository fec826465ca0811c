"""Fills that run out of room: whoever reads along gets the whole body all the same, or is cut where all can see it."""

import random
import threading

from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

FRESH = {"Cache-Control": "max-age=3600"}
SMALL = ["--cache-size", "8MiB"]
BEGUN = 300_000


class Growing:
    """An origin's file of a length that it does not tell, sent in two parts; the rest of it for who asks by Range."""

    def __init__(self, size, validator):
        self.body = random.Random(size).randbytes(size)
        self.validator = validator
        self.gate = threading.Event()
        self.has_ranges = True

    def act(self, connection, request):
        validator = f"ETag: {self.validator}\r\n" if self.validator else ""
        fields = f"Cache-Control: max-age=3600\r\n{validator}"
        wanted = request.get("Range")
        if wanted and self.has_ranges:
            expect(request.get("If-Range") == self.validator, f"If-Range: {request.get('If-Range')}")
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            rest = self.body[first:]
            connection.send(
                f"HTTP/1.1 206 Partial Content\r\n{fields}Content-Length: {len(rest)}\r\n"
                f"Content-Range: bytes {first}-{len(self.body) - 1}/{len(self.body)}\r\n\r\n".encode() + rest)
            return True
        connection.send(f"HTTP/1.1 200 OK\r\n{fields}Transfer-Encoding: chunked\r\n\r\n".encode())
        for start in range(0, len(self.body), 100_000):
            if start == BEGUN:
                self.gate.wait(20)
            piece = self.body[start:start + 100_000]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        return True


def read_along(context, file, count):
    """The bodies of clients that all have the beginning when the rest comes (None for who was cut); the origin's
    script; the node."""
    origin = context.origin()
    script = origin.script("grows", "room").add(Reply(act=file.act))
    node = context.node(origin.url, flags=SMALL)
    clients = [Client(node.address) for _ in range(count)]
    heads = []
    for client in clients:
        context.closers.append(client.close)
        client.request("GET", "/grows/file")
        heads.append(client.read_head())
        while len(client.reader.buffer) < BEGUN // 2:
            client.reader.fill()
    expect(len(script.requests) == 1, "one fetch for all")
    file.gate.set()
    bodies = [None] * count

    def read(number):
        answer = clients[number].read_body(heads[number])
        bodies[number] = answer.body if answer.complete else None
    threads = [threading.Thread(target=read, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return bodies, script, node


@case("a body that grows beyond what is stored: who read along gets the rest from the origin, by Range")
def given_up(context):
    file = Growing(6_000_000, '"v1"')
    bodies, script, _ = read_along(context, file, 6)
    expect(all(body == file.body for body in bodies),
           f"whole bodies: {[body and len(body) for body in bodies]}")
    expect(len(script.requests) == 6, f"one request more for each but the first: {len(script.requests)}")


@case("the same, and the origin knows no ranges: what a client has already is left out of the whole")
def given_up_without_ranges(context):
    file = Growing(6_000_000, '"v1"')
    file.has_ranges = False
    bodies, script, _ = read_along(context, file, 3)
    expect(all(body == file.body for body in bodies), f"whole bodies: {[body and len(body) for body in bodies]}")
    expect(len(script.requests) == 3, f"requests: {len(script.requests)}")


@case("the same without a validator: nobody could tell another version, so who read along is cut")
def given_up_without_validator(context):
    file = Growing(6_000_000, None)
    bodies, script, node = read_along(context, file, 4)
    expect(bodies.count(file.body) == 1, "the first has it whole")
    expect(bodies.count(None) == 3, f"the others are cut: {[body and len(body) for body in bodies]}")
    expect(len(script.requests) == 1, f"one request: {len(script.requests)}")
    # It is known now that it is not for all: nobody waits for the next one, and nobody is cut.
    clients = [Client(node.address, 30.0) for _ in range(4)]
    for client in clients:
        context.closers.append(client.close)
        client.request("GET", "/grows/file")
    for client in clients:
        answer = client.read_response()
        expect(answer.complete and answer.body == file.body, f"whole the second time, not {len(answer.body)} bytes")


@case("the same, and the origin has another version by now: no body is made of two")
def given_up_and_changed(context):
    file = Growing(6_000_000, '"v1"')
    whole = file.act

    def act(connection, request):
        if not request.get("Range"):
            return whole(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nETag: \"v2\"\r\nContent-Length: 3\r\n\r\nnew")
        return True
    file.act = act
    bodies, _, _ = read_along(context, file, 3)
    expect(bodies.count(file.body) == 1 and bodies.count(None) == 2, "one whole, two cut")


@case("bodies from a fast origin in a small cache that is full: each is stored at once, for all who wait")
def full_cache(context):
    origin = context.origin()
    for number in range(400):
        origin.script(f"p{number}", "room").add(Reply(200, FRESH, random.Random(number).randbytes(40_000)))
    large = {f"/large{number}/file": random.Random(number).randbytes(700_000 + number) for number in range(12)}
    scripts = [origin.script(path.split("/")[1], "room").add(Reply(200, FRESH, body))
               for path, body in large.items()]
    node = context.node(origin.url, flags=SMALL)
    wrong = []

    def ask(path, body):
        with Client(node.address) as client:
            client.request("GET", path)
            if client.read_response().body != body:
                wrong.append(path)
    with Client(node.address) as client:
        for number in range(400):
            client.request("GET", f"/p{number}/page")
            client.read_response()
    for path, body in large.items():
        threads = [threading.Thread(target=ask, args=(path, body)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    expect(not wrong, f"whole bodies: {wrong}")
    fetches = sum(len(script.requests) for script in scripts)
    expect(fetches == len(large), f"{fetches} fetches of {len(large)} bodies")


@case("a stored part is copied in front of what completes it, in a small cache that is full: stored at once")
def full_cache_and_parts(context):
    origin = context.origin()
    for number in range(400):
        origin.script(f"p{number}", "room").add(Reply(200, FRESH, random.Random(number).randbytes(40_000)))
    body = random.Random(1).randbytes(1_000_000)

    def act(connection, request):
        wanted = request.get("Range")
        first, last = map(int, wanted.removeprefix("bytes=").split("-")) if wanted else (0, len(body) - 1)
        place = f"Content-Range: bytes {first}-{last}/{len(body)}\r\n" if wanted else ""
        connection.send(
            f"HTTP/1.1 {206 if wanted else 200} OK\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\n{place}"
            f"Content-Length: {last + 1 - first}\r\n\r\n".encode() + body[first:last + 1])
        return True
    scripts = [origin.script(f"part{number}", "room").add(
        Reply(206, FRESH | {"ETag": '"v1"', "Content-Range": f"bytes 0-899999/{len(body)}"}, body[:900_000]),
        Reply(act=act)) for number in range(6)]
    node = context.node(origin.url, workers=1, flags=SMALL)
    with Client(node.address) as client:
        for number in range(400):
            client.request("GET", f"/p{number}/page")
            client.read_response()
        for number, script in enumerate(scripts):
            client.request("GET", f"/part{number}/file", {"Range": "bytes=0-899999"})
            expect(client.read_response().body == body[:900_000], "the part")
            client.request("GET", f"/part{number}/file")
            answer = client.read_response()
            expect(answer.status == 200 and answer.body == body, f"the whole of {number}: {answer.status}")
            expect(len(script.requests) == 2, f"two fetches of {number}: {len(script.requests)}")
    # A whole that is asked for while the part is still being stored is fetched as a whole.
    expect(any(script.requests[1].get("Range") == "bytes=900000-999999" for script in scripts), "a rest was asked for")


class Slow:
    """A client that has the beginning of a large stored body, and reads on when the cache has dropped the object."""

    def __init__(self, context, size, cache, validator):
        self.body = random.Random(size).randbytes(size)
        origin = context.origin()
        validator = {"ETag": validator} if validator else {}
        self.script = origin.script("large", "room").add(
            Reply(200, FRESH | validator, self.body),
            Reply(act=self.rest))
        self.others = [origin.script(f"o{number}", "room").add(
            Reply(200, FRESH, random.Random(number).randbytes(500_000))) for number in range(cache // 250_000)]
        self.node = context.node(origin.url, workers=1, flags=["--cache-size", str(cache)])
        with Client(self.node.address) as client:
            client.request("GET", "/large/file")
            expect(client.read_response().body == self.body, "the first client has it whole")
            wait_until(lambda: self.is_hit(client), "stored")
        self.client = Client(self.node.address, receive_buffer=65536)
        context.closers.append(self.client.close)
        self.client.request("GET", "/large/file")
        self.head = self.client.read_head()
        expect("; hit" in self.head.get("cache-status"), f"a hit: {self.head.get('cache-status')}")

    def rest(self, connection, request):
        expect(request.get("If-Range") == '"v1"', f"If-Range: {request.get('If-Range')}")
        first = int(request.get("Range").removeprefix("bytes=").split("-")[0])
        rest = self.body[first:]
        connection.send(
            f"HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: {len(rest)}\r\n"
            f"Content-Range: bytes {first}-{len(self.body) - 1}/{len(self.body)}\r\n\r\n".encode() + rest)
        return True

    @staticmethod
    def is_hit(client, target="/large/file"):
        # One that could be forwarded, while the last steps of storing are taken, would be answered out of turn.
        client.request("HEAD", target, {"Cache-Control": "only-if-cached"})
        head = client.read_head()
        return "; hit" in head.get("cache-status")

    def drop(self):
        """Purged, so that nothing finds it any more, and everything that is free is written over."""
        code, _, error = martlet("purge", "--all", "--runtime-dir", self.node.runtime)
        expect(code == 0, f"purged: {error}")
        with Client(self.node.address) as client:
            for number in range(len(self.others)):
                client.request("GET", f"/o{number}/file")
                expect(client.read_response().status == 200, "others are served")

    def read_on(self):
        answer = self.client.read_body(self.head)
        return answer.body if answer.complete else None


def dropped_under(context, size, cache, requests, validator='"v1"'):
    """Whether a slow reader has all of an object that was dropped while it read, by so many requests to the origin."""
    slow = Slow(context, size, cache, validator)
    slow.drop()
    got = slow.read_on()
    expect(got in (None, slow.body), "the object's bytes, or cut")
    expect(len(slow.script.requests) == requests, f"{requests} requests: {len(slow.script.requests)}")
    return got is not None


@case("a slow reader of a large object that is dropped meanwhile gets all of it from the cache")
def dropped_under_reader(context):
    expect(dropped_under(context, 3_000_000, 64 << 20, requests=1), "whole")


@case("an object too large to be kept whole for one reader: the rest comes from the origin, by Range")
def dropped_and_too_large(context):
    expect(dropped_under(context, 6_000_000, 32 << 20, requests=2), "whole")


@case("the same without a validator: cut where all can see it")
def dropped_without_validator(context):
    expect(not dropped_under(context, 6_000_000, 32 << 20, requests=1, validator=None), "cut")


@case("the rest is shorter or longer than its Content-Range says: cut, and nothing of it is taken for another answer")
def dropped_and_of_another_length(context):
    class Wrong(Slow):
        surplus = b""

        def rest(self, connection, request):
            if not request.get("Range"):
                return False
            first = int(request.get("Range").removeprefix("bytes=").split("-")[0])
            rest = self.body[first:] + self.surplus if self.surplus else self.body[first:-1000]
            connection.send(
                f"HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n"
                f"Content-Range: bytes {first}-{len(self.body) - 1}/{len(self.body)}\r\n\r\n".encode()
                + b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))
            return True
    for surplus in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"):
        slow = Wrong(context, 6_000_000, 32 << 20, '"v1"')
        slow.surplus = surplus
        slow.drop()
        # Its answer would make up for what is missing.
        slow.client.request("GET", "/o1/file")
        expect(slow.read_on() in (None, slow.body), "the object's bytes, or cut")
        if slow.head.complete:
            expect(len(slow.client.read_response().body) == 500_000, "the next answer is the next request's")


@case("what lies in sockets' queues stays what it was when its object is purged and others are stored in its place")
def queued(context):
    def body(target):
        return random.Random(target).randbytes(int(target.split("/")[2]))

    def act(connection, request):
        content = body(request.target)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: %d\r\n\r\n" % len(content)
                        + content)
        return True
    origin = context.origin()
    script = origin.script("queued", "queued").add(Reply(act=act))
    node = context.node(origin.url, flags=["--cache-size", "64MiB"])
    sizes = (70_000, 300_000, 900_000)
    with Client(node.address, 30.0) as filler:
        for size in sizes:
            target = f"/queued/{size}/0"
            filler.request("GET", target)
            expect(filler.read_response().complete, target)
            wait_until(lambda target=target: Slow.is_hit(filler, target), "stored")
        clients = [(node.connect(worker), f"/queued/{size}/0", first)
                   for worker in node.workers() for size in sizes for first in (0, 0, 1234)]
        for client, target, first in clients:
            context.closers.append(client.close)
            client.request("GET", target, fields=[("Range", f"bytes={first}-")] if first else [])
            client.reader.fill()
        expect(len(script.requests) == len(sizes), "all of them are hits")
        code, _, error = martlet("purge", "--all", "--runtime-dir", node.runtime)
        expect(code == 0, f"purged: {error}")
        for number in range(1, 150):
            filler.request("GET", f"/queued/900000/{number}")
            expect(filler.read_response().complete, "another one stored")
        for client, target, first in clients:
            answer = client.read_response()
            whole = body(target)[first:]
            expect(answer.body == whole[:len(answer.body)], f"{target} from {first}: other bytes")
            expect(answer.complete, f"{target} from {first}: cut after {len(answer.body)}")
