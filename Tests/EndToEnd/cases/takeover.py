"""A fill whose owner is killed: what its readers at another worker get, by what the origin then answers."""

import os
import threading

from harness.node import owner_of_connection
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

SIZE = 3_000_000
SENT = 1_000_000
READERS = 8


class Halting:
    """Origin side: the first answer halts after `sent` bytes until its connection breaks; later ones are `later`'s."""

    def __init__(self, body, later, *, fields=b'ETag: "one"\r\n', sent=SENT, chunked=False):
        self.body = body
        self.later = later
        self.fields = fields
        self.sent = sent
        self.chunked = chunked
        self.release = threading.Event()
        self.ranges = []

    def first(self, connection, request):
        if self.sent is not None:
            piece = self.body[:self.sent]
            connection.send(self.head(200, None if self.chunked else len(self.body)))
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)
        self.release.wait(60)
        return False

    def next(self, connection, request):
        self.ranges.append(request.get("range"))
        return self.later(self, connection, request)

    def head(self, status, length, extra=b""):
        framing = b"Transfer-Encoding: chunked\r\n" if length is None else b"Content-Length: %d\r\n" % length
        return b"HTTP/1.1 %d OK\r\nCache-Control: max-age=3600\r\n%s%s%s\r\n" % (status, self.fields, framing, extra)


def rest(origin, connection, request):
    """A server that knows ranges."""
    start = int(request.get("range").removeprefix("bytes=").split("-")[0])
    place = b"Content-Range: bytes %d-%d/%d\r\n" % (start, len(origin.body) - 1, len(origin.body))
    connection.send(origin.head(206, len(origin.body) - start, place) + origin.body[start:])
    return True


def whole(origin, connection, request):
    """A server that ignores Range."""
    connection.send(origin.head(200, len(origin.body)) + origin.body)
    return True


def play(context, halting, began):
    """Kills the worker that fetches; gives node, script, and what each reader at the other got (None: cut)."""
    origin = context.origin()
    script = origin.script("s1", "takeover").add(Reply(act=halting.first), Reply(act=halting.next))
    node = context.node(origin.url, workers=2)
    owner, other = node.workers()
    starter = node.connect(worker=owner)
    readers = [node.connect(worker=other) for _ in range(READERS)]
    starter.request("GET", "/s1/object")
    script.wait_for(1)
    peer = script.requests[0].connection.sock.getpeername()[1]
    expect(owner_of_connection([owner], peer, origin.port) == owner, "the first worker asked fetches")
    for reader in readers:
        reader.request("GET", "/s1/object")
    heads = [reader.read_head() for reader in readers] if began else [None] * READERS
    while began and len(readers[0].reader.buffer) < halting.sent:
        readers[0].reader.fill()
    node.kill_worker(owner)
    halting.release.set()
    return node, script, [finish(reader, head) for reader, head in zip(readers, heads)]


def finish(reader, head):
    response = reader.read_body(head) if head else reader.read_response()
    return response.body if response.complete else None


def expect_all(bodies, body, what):
    whole_ones = sum(got == body for got in bodies)
    expect(whole_ones == len(bodies), f"{what}: {whole_ones} of {len(bodies)}, others "
           f"{ {None if got is None else len(got) for got in bodies if got != body} }")


@case("the fetcher is killed half-way: another worker asks for the rest with If-Range, and every reader gets the whole")
def resumed_by_range(context):
    body = os.urandom(SIZE)
    halting = Halting(body, rest)
    node, script, bodies = play(context, halting, began=True)
    expect_all(bodies, body, "readers that got the whole body")
    expect(len(script.requests) == 2, f"one fetch more, not {len(script.requests) - 1}")
    again = script.requests[1]
    expect(again.get("if-range") == '"one"', f"If-Range names the validator: {again.get('if-range')}")
    expect(halting.ranges[0].endswith(f"-{SIZE - 1}"), f"Range names the rest: {halting.ranges[0]}")
    client = node.connect()

    def is_hit():
        client.request("GET", "/s1/object")
        response = client.read_response()
        expect(response.body == body, "the same bytes")
        return "; hit" in response.get("cache-status")
    wait_until(is_hit, "stored whole in the end")


@case("the same, and the rest comes behind a 103: that is for nobody who is in the middle of a body")
def resumed_behind_an_interim(context):
    body = os.urandom(SIZE)

    def hinting(origin, connection, request):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        return rest(origin, connection, request)
    _, _, bodies = play(context, Halting(body, hinting), began=True)
    expect_all(bodies, body, "readers that got the whole body")


@case("the same, from an origin that ignores Range and sends the same representation again: nobody notices")
def resumed_by_whole(context):
    body = os.urandom(SIZE)
    node, script, bodies = play(context, Halting(body, whole), began=True)
    expect_all(bodies, body, "readers that got the whole body")
    expect(len(script.requests) == 2, f"one fetch more, not {len(script.requests) - 1}")


@case("the rest is shorter or longer than its Content-Range says: nobody gets it for the whole, nor does the next one")
def resumed_by_another_length(context):
    body = os.urandom(SIZE)

    def later(change, declares):
        def act(origin, connection, request):
            if not request.get("range"):
                return whole(origin, connection, request)
            start = int(request.get("range").removeprefix("bytes=").split("-")[0])
            place = b"Content-Range: bytes %d-%d/%d\r\n" % (start, SIZE - 1, SIZE)
            piece = change(origin.body[start:])
            if declares:
                connection.send(origin.head(206, len(piece), place) + piece)
            else:
                connection.send(origin.head(206, None, place) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece), piece))
            return True
        return act
    for change, declares in ((lambda rest: rest[:100_000], False), (lambda rest: rest[:100_000], True),
                             (lambda rest: rest + b"surplus" * 1000, False)):
        node, _, bodies = play(context, Halting(body, later(change, declares)), began=True)
        expect(all(got in (None, body) for got in bodies), "whole or cut, all of them")
        client = node.connect()
        for _ in range(2):
            client.request("GET", "/s1/object")
            expect(client.read_response().body == body, "whole for the next")


@case("the same, of an object whose length is not known: the rest is asked for to its end")
def resumed_without_length(context):
    body = os.urandom(SIZE)
    halting = Halting(body, rest, chunked=True)
    node, script, bodies = play(context, halting, began=True)
    expect_all(bodies, body, "readers that got the whole body")
    expect(halting.ranges[0].endswith("-"), f"an open range: {halting.ranges[0]}")


@case("the origin has another version by then: two versions are never spliced, and the next request gets the new one")
def other_version(context):
    body, new = os.urandom(SIZE), os.urandom(SIZE)

    def later(origin, connection, request):
        origin.fields = b'ETag: "two"\r\n'
        origin.body = new
        return whole(origin, connection, request)
    node, script, bodies = play(context, Halting(body, later), began=True)
    expect(bodies == [None] * READERS, f"cut, all of them: { {None if got is None else len(got) for got in bodies} }")
    client = node.connect()
    client.request("GET", "/s1/object")
    expect(client.read_response().body == new, "the new version whole")


def without_validator(context, later, *, fields=b"", chunked=False):
    """What the readers got of an object that no validator tells from another version, and what the origin was asked."""
    body = os.urandom(SIZE)
    halting = Halting(body, lambda origin, *_: later(origin, *_, body), fields=fields, chunked=chunked)
    node, script, bodies = play(context, halting, began=True)
    expect(halting.ranges[:1] == [None], f"the whole is asked for: {halting.ranges}")
    return node, body, bodies


@case("the same, of an object without a strong validator: it is fetched once more and compared, and nobody notices")
def compared(context):
    dated = b"Last-Modified: Wed, 16 Sep 2020 23:46:50 GMT\r\n"
    for fields in (b"", b'ETag: W/"one"\r\n', b'ETag: W/"one"\r\n' + dated):
        for chunked in (False, True):
            def later(origin, connection, request, body, chunked=chunked):
                origin.chunked = chunked
                if not chunked:
                    return whole(origin, connection, request)
                connection.send(origin.head(200, None))
                for start in range(0, SIZE, 700_001):
                    piece = body[start:start + 700_001]
                    connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.send(b"0\r\n\r\n")
                return True
            _, body, bodies = without_validator(context, later, fields=fields, chunked=chunked)
            expect_all(bodies, body, f"readers that got the whole body, {fields}, chunked {chunked}")


@case("the same, when the origin has another version: cut where it differs, whole where only what is missing does")
def compared_and_differing(context):
    def with_byte(place):
        def later(origin, connection, request, body):
            origin.body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1:]
            return whole(origin, connection, request)
        return later

    def shorter(origin, connection, request, body):
        connection.send(origin.head(200, None) + b"3e8\r\n" + body[:1000] + b"\r\n0\r\n\r\n")
        return True

    def of_another_type(origin, connection, request, body):
        origin.fields = b"Content-Type: text/other\r\n"
        return whole(origin, connection, request)
    for later, chunked in ((with_byte(0), False), (with_byte(SENT - 1), False), (shorter, True),
                           (of_another_type, False)):
        node, body, bodies = without_validator(context, later, chunked=chunked)
        expect(bodies == [None] * READERS, "cut, all of them")
        client = node.connect()
        client.request("GET", "/s1/object")
        expect(client.read_response().complete, "whole for the next")
    _, body, bodies = without_validator(context, with_byte(SIZE - 1))
    expect_all(bodies, body[:-1] + bytes([body[-1] ^ 1]), "readers that got the new version, whole")


@case("the fetcher is killed before the origin has answered: the waiting ones get the whole, by one request more")
def before_the_head(context):
    body = os.urandom(SIZE)
    node, script, bodies = play(context, Halting(body, whole, sent=None), began=False)
    expect_all(bodies, body, "readers that got the whole body")
    expect(len(script.requests) == 2, f"one fetch more, not {len(script.requests) - 1}")
