"""Tunnels that nobody says anything in any more."""

from harness.client import Client
from harness.message import Ended
from harness.origin import Reply
from harness.waiting import pace
from support import case, expect


def echoing(connection, _):
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello")
    while True:
        said = connection.sock.recv(1000)
        if not said:
            return False
        connection.send(b"echo:" + said)


def rest_of(client):
    """What comes until the connection's end, in good order or not."""
    pieces = []
    try:
        client.reader.to_end(pieces.append)
    except (Ended, ConnectionResetError):
        pass
    return b"".join(pieces)


@case("a tunnel that is silent for timeouts.tunnel-idle ends without a word of the node's, and no origin is blamed")
def silent(context):
    origins = [context.origin() for _ in range(2)]
    for origin in origins:
        origin.script("s1", "tunnels").add(Reply(act=echoing))
    node = context.node(None, workers=1, config=(
        "origins:\n" + "".join(f"  - {origin.url}\n" for origin in origins)
        + "health: {eject-after: 1}\ntimeouts: {tunnel-idle: 400ms}\n"))
    for count in range(6):
        with Client(node.address) as client:
            client.request("GET", "/s1/socket", {"Connection": "Upgrade", "Upgrade": "x"})
            expect(client.read_head().status == 101, "a tunnel")
            said = b"hello"
            for number in range(count):
                pace(0.05)
                client.send(b"%d" % number)
                said += b"echo:%d" % number
                while len(client.reader.buffer) < len(said):
                    client.reader.fill()
            rest = rest_of(client)
            expect(rest == said, f"what the origin said, not {rest!r}")
    expect(node.admin("GET", "/v1/status")[1]["counters"]["origin_ejections"] == 0, "an origin was left out")
