"""Small objects of one kind take less room once the janitor has made a dictionary of them, and stay the same bytes."""

import json
import random

from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

WORDS = "river lantern harbour market bridge winter letters swallow morning weather bread story house course".split()


def document(number):
    dice = random.Random(number)
    words = [dice.choice(WORDS) for _ in range(90)]
    return json.dumps({"id": number, "title": " ".join(words[:4]), "description": " ".join(words[4:]),
                       "price": {"amount": dice.randrange(900), "currency": "EUR"}, "state": "available"}).encode()


def api(context):
    """An origin with as many documents as are asked for, and the list of those that were."""
    asked = []

    def act(connection, request):
        number = int(request.target.split("/")[-1])
        asked.append(number)
        body = document(number)
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: public, max-age=3600\r\n"
            b"ETag: \"%d\"\r\nServer: example\r\nStrict-Transport-Security: max-age=31536000\r\n"
            b"X-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n\r\n" % (number, len(body)) + body)
        return True
    origin = context.origin()
    origin.script("docs", "dictionaries").add(Reply(act=act))
    return origin, asked


def ask(client, number, method="GET", fields=()):
    client.request(method, f"/docs/{number}", fields=list(fields))
    return client.read_response(method)


def cache(node):
    return node.admin("GET", "/v1/status")[1]["cache"]


def made(node):
    return node.admin("GET", "/v1/status")[1]["counters"]["janitor_dictionaries"]


def fill(node, numbers):
    with Client(node.address) as client:
        for number in numbers:
            expect(ask(client, number).body == document(number), f"document {number} from the origin")


@case("small documents of one kind take less than half the room after the first hundreds, and come back unchanged")
def small_documents(context):
    origin, asked = api(context)
    node = context.node(origin.url, flags=["--cache-size", "64MiB"])
    before = cache(node)
    # Too few for a dictionary yet.
    fill(node, range(150))
    plain = (cache(node)["storedBytes"] - before["storedBytes"]) / 150
    fill(node, range(150, 600))
    wait_until(lambda: made(node) >= 1, "a dictionary", 20)
    held = cache(node)["storedBytes"]
    fill(node, range(1000, 2000))
    packed = (cache(node)["storedBytes"] - held) / 1000
    expect(packed < 0.55 * plain, f"{packed:.0f} bytes an object with a dictionary, {plain:.0f} without")
    fetched = len(asked)
    for worker in node.workers():
        with node.connect(worker) as client:
            for number in list(range(0, 600, 7)) + list(range(1000, 2000)):
                expect(ask(client, number).body == document(number), f"document {number} over worker {worker}")
            answer = ask(client, 1500, fields=[("If-None-Match", '"1500"')])
            expect(answer.status == 304, f"conditional: {answer.status}")
            answer = ask(client, 1501, fields=[("Range", "bytes=100-199")])
            expect(answer.status == 206 and answer.body == document(1501)[100:200], f"range: {answer!r}")
            answer = ask(client, 1502, method="HEAD")
            expect(answer.status == 200 and not answer.body, f"HEAD: {answer!r}")
    expect(len(asked) == fetched, "nothing was fetched again")
    return f"{packed:.0f} instead of {plain:.0f} bytes an object"


@case("a cache file keeps its dictionaries: after a stop and a start everything is served from it")
def cache_file(context):
    origin, asked = api(context)
    flags = ["--cache-size", "64MiB", "--cache-file", f"{context.directory()}/cache"]
    node = context.node(origin.url, flags=flags)
    fill(node, range(600))
    wait_until(lambda: made(node) >= 1, "a dictionary", 20)
    fill(node, range(600, 900))
    expect(node.stop() == 0, "exit code 0")
    fetched = len(asked)
    again = context.node(origin.url, flags=flags)
    fill(again, range(900))
    expect(len(asked) == fetched, f"{len(asked) - fetched} documents were fetched again")


def article(number):
    dice = random.Random(number)
    return " ".join(dice.choice(WORDS) + str(dice.randrange(100)) for _ in range(1500)).encode()


@case("objects that are asked for again are compressed anew when they are promoted, and stay the same bytes")
def promotion(context):
    def act(connection, request):
        body = article(int(request.target.split("/")[-1]))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=3600\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return True
    origin = context.origin()
    origin.script("docs", "dictionaries").add(Reply(act=act))
    node = context.node(origin.url, flags=["--cache-size", "4MiB"])

    def recompressed():
        return node.admin("GET", "/v1/status")[1]["counters"]["janitor_recompressions"]
    with Client(node.address) as client:
        for number in range(3000):
            expect(ask(client, number).body == article(number), f"article {number}")
            # Every fifth is asked for again while its neighbours come and go.
            for _ in range(3 if number % 5 == 0 else 0):
                expect(ask(client, number).body == article(number), f"article {number} again")
            if number % 100 == 0 and recompressed() > 50:
                break
        wait_until(lambda: recompressed() > 0, "an object compressed anew")
        for earlier in range(0, number, 5):
            expect(ask(client, earlier).body == article(earlier), f"article {earlier} afterwards")
    return f"{recompressed()} compressed anew after {number} articles"
