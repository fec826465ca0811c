"""Uploads that stop half-way: whose fault that is, and who waits for whom."""

from harness.client import Client
from harness.origin import Reply
from harness.waiting import pace
from support import case, expect

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\nfine"


def reading_origin(context):
    """Reads whole bodies, and answers then."""
    def act(connection, request):
        connection.read_body(request)
        connection.send(FINE)
        return True
    origin = context.origin()
    origin.script("s1", "uploads").add(Reply(act=act))
    return origin


def ejections(node):
    return node.admin("GET", "/v1/status")[1]["counters"]["origin_ejections"]


@case("an upload that stops half-way gets its 408 after timeouts.request-body, and no origin is blamed for it")
def stops(context):
    origins = [reading_origin(context) for _ in range(2)]
    node = context.node(None, workers=1, config=(
        "origins:\n" + "".join(f"  - {origin.url}\n" for origin in origins)
        + "health: {eject-after: 1}\ntimeouts: {request-body: 300ms, origin-first-byte: 1s}\n"))
    for _ in range(4):
        with Client(node.address) as client:
            client.request("POST", "/s1/form", {"Content-Length": "100"})
            client.send(b"abc")
            expect(client.read_response().status == 408, "408 for the client that stopped")
            expect(client.at_end(), "the connection's end")
    with Client(node.address) as client:
        client.request("POST", "/s1/form", {"Transfer-Encoding": "chunked"})
        client.send(b"5\r\nab")
        expect(client.read_response().status == 408, "408 in the middle of a chunk")
    expect(ejections(node) == 0, "an origin was left out")


@case("the origin's first byte is waited for from the request's last one on")
def pauses(context):
    node = context.node(reading_origin(context).url, workers=1, config=(
        "health: {eject-after: 1}\ntimeouts: {request-body: 10s, origin-first-byte: 300ms}\n"))
    with Client(node.address) as client:
        client.request("POST", "/s1/form", {"Content-Length": "6"})
        for piece in (b"ab", b"cd", b"ef"):
            client.send(piece)
            pace(0.7)
        expect(client.read_response().status == 200, "an answer in spite of the pauses")
    expect(ejections(node) == 0, "the origin was left out")
