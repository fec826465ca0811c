"""Ranges of large objects beside stored parts, in caches that are too small or full: every client gets the range that
it asked for, byte by byte, and no worker dies of it."""

import random
import re
import threading

from cases.restarts import command
from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

SIZE = 12_000_000


class File:
    """An origin's file, whole or by range, under a strong validator."""

    def __init__(self, context, size=SIZE, cache="32MiB"):
        self.body = random.Random(size).randbytes(size)
        self.origin = context.origin()
        self.script = self.origin.script("large", "ranges").add(Reply(act=self.act))
        self.node = context.node(self.origin.url, workers=1, flags=["--cache-size", cache])
        self.workers = self.node.workers()

    def act(self, connection, request):
        wanted = request.get("Range")
        first, last = 0, len(self.body) - 1
        place = ""
        if wanted:
            first, last = (int(word) for word in wanted.removeprefix("bytes=").split("-"))
            place = f"Content-Range: bytes {first}-{last}/{len(self.body)}\r\n"
        connection.send(
            f"HTTP/1.1 {206 if wanted else 200} OK\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\n{place}"
            f"Content-Length: {last + 1 - first}\r\n\r\n".encode())
        try:
            connection.send(self.body[first:last + 1])
        except OSError:
            return False
        return True

    def ask(self, client, first, last, fields=()):
        client.request("GET", "/large/file", {"Range": f"bytes={first}-{last}", **dict(fields)})
        return client.read_response()

    def expect_range(self, client, first, last, fields=()):
        answer = self.ask(client, first, last, fields)
        place = f"bytes {first}-{last}/{len(self.body)}"
        expect(answer.status == 206 and answer.get("Content-Range") == place,
               f"{place}, not {answer.status} {answer.get('Content-Range')}: {answer.get('Cache-Status')}")
        expect(answer.complete and answer.body == self.body[first:last + 1], f"the bytes of {place}")
        return answer

    def await_part(self, client, first, last):
        def is_hit():
            answer = self.ask(client, first, last, {"Cache-Control": "only-if-cached"})
            return answer.status == 206 and "; hit" in answer.get("Cache-Status")
        wait_until(is_hit, f"{first} to {last} stored")


def stalling(gate):
    """Large answers that fill the cache and end when the gate opens."""
    def act(connection, request):
        size = 6_000_000
        body = random.Random(request.target).randbytes(size)
        connection.send(f"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: {size}\r\n\r\n".encode())
        connection.send(body[:-100_000])
        gate.wait(60)
        connection.send(body[-100_000:])
        return True
    return act


@case("a range whose other half is stored, when both together are more than may be stored: what was asked for")
def beyond_what_is_stored(context):
    file = File(context)
    with Client(file.node.address, 30) as client:
        for first, last in ((0, 3_000_000), (3_000_001, 6_000_000)):
            file.expect_range(client, first, last)
            file.await_part(client, first, last)
        for first, last in ((2_000_000, 9_000_000), (5_000_000, SIZE - 1), (5_999_999, SIZE - 2), (0, SIZE - 2)):
            file.expect_range(client, first, last)
            file.expect_range(client, first, last, {"If-Range": '"v1"'})
        expect("; hit" in file.expect_range(client, 100, 5_999_999).get("Cache-Status"), "what is stored stays so")


@case("a range of an object that is too large to be stored, and not stored: that range, and no more from the origin")
def too_large_to_store(context):
    file = File(context)
    with Client(file.node.address, 30) as client:
        for first, last in ((1000, 1999), (5_000_000, 9_000_000), (0, 0)):
            file.expect_range(client, first, last)
        asked = [request.get("Range") for request in file.script.requests]
        expect("bytes=1000-1999" in asked and "bytes=0-0" in asked, f"{asked}")
        client.request("GET", "/large/file", {"Range": f"bytes=0-{SIZE - 1}"})
        answer = client.read_response()
        expect(answer.body == file.body, f"all of it: {answer.status}")


@case("parts that find no room to be joined, since other fetches fill the cache: each client gets its range")
def no_room(context):
    file = File(context, size=6_000_000)
    gate = threading.Event()
    file.origin.script("stall", "ranges").add(Reply(act=stalling(gate)))
    with Client(file.node.address, 30) as client:
        for first, last in ((0, 1_499_999), (4_500_000, 5_999_999)):
            file.expect_range(client, first, last)
            file.await_part(client, first, last)
        stalled = [Client(file.node.address, 30) for _ in range(8)]
        for number, other in enumerate(stalled):
            context.closers.append(other.close)
            other.request("GET", f"/stall/{number}")
        heads = [other.read_head() for other in stalled]
        for other in stalled:
            while len(other.reader.buffer) < 5_900_000:
                other.reader.fill()
        for first, last in ((1_000_000, 5_000_000), (1_400_000, 4_600_000), (1_000_000, 5_000_000)):
            file.expect_range(client, first, last)
        gate.set()
        for number, (other, head) in enumerate(zip(stalled, heads)):
            body = random.Random(f"/stall/{number}").randbytes(6_000_000)
            expect(other.read_body(head).body == body, "others are served")
        file.expect_range(client, 1_000_000, 5_000_000)
    expect(file.node.workers() == file.workers, "the same worker")


@case("a slow reader of a range out of a stored part that is dropped meanwhile gets the rest from the origin")
def dropped_part(context):
    file = File(context)
    others = [file.origin.script(f"o{number}", "ranges").add(
        Reply(200, {"Cache-Control": "max-age=3600"}, random.Random(number).randbytes(500_000)))
        for number in range(130)]
    first, last = 1_000_000, 7_999_999
    with Client(file.node.address, 30) as client:
        file.expect_range(client, 500_000, 7_999_999)
        file.await_part(client, first, last)
        slow = Client(file.node.address, 30, receive_buffer=65536)
        context.closers.append(slow.close)
        slow.request("GET", "/large/file", {"Range": f"bytes={first}-{last}"})
        head = slow.read_head()
        expect("; hit" in head.get("Cache-Status"), f"{head!r}")
        command(file.node, "purge", "--all")
        for number in range(len(others)):
            client.request("GET", f"/o{number}/file")
            expect(client.read_response().complete, "others are served")
        answer = slow.read_body(head)
        expect(answer.complete and answer.body == file.body[first:last + 1], f"the bytes: {len(answer.body)}")
        asked = file.script.requests[-1]
        expect(re.fullmatch(f"bytes=[0-9]+-{last}", asked.get("Range")), f"{asked!r}")
        expect(asked.get("If-Range") == '"v1"', f"{asked!r}")


@case("a range of a fetch that the cache gives up half-way: not a byte more than it, and the connection goes on")
def given_up(context):
    file = File(context, size=6_000_000)
    gate, half = threading.Event(), threading.Event()

    def slow(connection, request):
        if request.get("Range"):
            return file.act(connection, request)
        connection.send(f"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\n"
                        f"Content-Length: {len(file.body)}\r\n\r\n".encode() + file.body[:1_000_000])
        half.set()
        gate.wait(60)
        try:
            connection.send(file.body[1_000_000:])
        except OSError:
            return False
        return True
    file.origin.script("slow", "ranges").add(Reply(act=slow))
    stall = file.origin.script("stall", "ranges").add(Reply(act=stalling(gate)))
    asked = ((0, 1_999_999), (500_000, 2_499_999), (3_000_000, 4_999_999), (0, 5_999_999))
    clients = [Client(file.node.address, 30) for _ in asked]
    for client, (first, last) in zip(clients, asked):
        context.closers.append(client.close)
        client.request("GET", "/slow/file", {"Range": f"bytes={first}-{last}"})
    half.wait(20)
    heads = [client.read_head() for client in clients]
    others = [Client(file.node.address, 30) for _ in range(8)]
    for number, other in enumerate(others):
        context.closers.append(other.close)
        other.request("GET", f"/stall/{number}")
    stall.wait_for(8)
    gate.set()
    for client, head, (first, last) in zip(clients, heads, asked):
        answer = client.read_body(head)
        expect(answer.status == 206 and answer.complete, f"{first} to {last}: {answer.status}, {len(answer.body)}")
        expect(answer.body == file.body[first:last + 1], f"the bytes {first} to {last}")
        client.request("GET", "/slow/file", {"Range": "bytes=100-199"})
        expect(client.read_response().body == file.body[100:200], "the next answer on the same connection")
    for other in others:
        other.close()
