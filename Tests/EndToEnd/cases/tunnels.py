"""Tunnels: how they begin and end, and what becomes of the bytes that are under way."""

import threading
import time

from harness.client import Client
from harness.message import Ended
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect, martlet

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "x"}


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


@case("an origin resets a tunnel that holds more than it took: the tunnel ends, and everybody else is served")
def reset_while_full(context):
    go = threading.Event()

    def act(connection, _):
        connection.send(SWITCHED)
        go.wait(20)
        # What was not read makes a reset of it.
        connection.sock.close()
        return False
    origin = context.origin()
    origin.script("s1", "tunnels").add(Reply(act=act))
    origin.script("s2", "others").add(Reply(200, {}, b"served"))
    node = context.node(origin.url, workers=1)
    before = node.workers()
    client = Client(node.address)
    client.request("GET", "/s1/socket", UPGRADE)
    expect(client.read_head().status == 101, "a tunnel")
    client.sock.settimeout(1)
    try:
        while True:
            client.sock.send(b"z" * 65_536)
    except TimeoutError:
        pass
    go.set()
    for _ in range(3):
        with Client(node.address, 3) as other:
            other.request("GET", "/s2/page")
            expect(other.read_response().body == b"served", "an answer for others")
        pace(0.3)
    rest_of(client)
    expect(node.workers() == before, "the worker lives")


class Held:
    """Tunnels with bytes of the origin's that their clients do not read: some are in the worker's hands."""

    def __init__(self, context, count):
        self.said, self.connections, self.done = {}, {}, threading.Event()
        origin = context.origin()
        origin.script("s1", "tunnels").add(Reply(act=self._act))
        self.node = context.node(origin.url, workers=1)
        self.clients = [self._begin(number) for number in range(count)]
        for number in range(count):
            self._fill(number)
        context.closers.append(self.done.set)

    def _act(self, connection, request):
        connection.send(SWITCHED)
        self.connections[int(request.target.split("/")[-1])] = connection
        self.done.wait(60)
        return False

    def _begin(self, number):
        client = Client(self.node.address, 20, receive_buffer=4096)
        client.request("GET", f"/s1/{number}", UPGRADE)
        expect(client.read_head().status == 101, "a tunnel")
        wait_until(lambda: number in self.connections, "the origin's end")
        return client

    def _fill(self, number):
        """Until the worker holds some and no more than may travel, which the queues of its sockets tell."""
        connection, client = self.connections[number], self.clients[number]
        near, far = connection.sock.getsockname()[1], connection.sock.getpeername()[1]
        self.said[number] = 0

        def held():
            queues = queued_bytes()
            out = sum(queues.get(pair, (0, 0))[0] for pair in ((near, far), (self.node.port, client.port)))
            read = sum(queues.get(pair, (0, 0))[1] for pair in ((far, near), (client.port, self.node.port)))
            return self.said[number] - out - read
        while self.said[number] < 40_000_000:
            self.said[number] += connection.sock.send(b"y" * 60_000)
            pace(0.006)
            if held() > 1_000:
                pace(0.03)
                return
        raise AssertionError("the worker never held anything")

    def reload(self):
        old = self.node.workers()
        code, _, error = martlet("reload", "--runtime-dir", self.node.runtime, seconds=60)
        expect(code == 0, f"the reload: {error}")
        wait_until(lambda: len(self.node.workers()) == 1 and self.node.workers() != old, "the old worker gone", 20)


def queued_bytes():
    """What the kernel holds of each local connection, to be sent and to be read, by its ports."""
    queues = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            ports = tuple(int(fields[index].split(":")[1], 16) for index in (1, 2))
            queues[ports] = tuple(int(size, 16) for size in fields[4].split(":"))
    return queues


@case("the origin's end of a tunnel arrives behind what it said, also when that has changed workers in between")
def end_behind_bytes(context):
    held = Held(context, 1)
    client, connection = held.clients[0], held.connections[0]
    held.reload()
    connection.sock.shutdown(2)
    pace(0.5)
    began, got = time.monotonic(), len(rest_of(client))
    expect(got == held.said[0], f"{got} of {held.said[0]} bytes")
    expect(time.monotonic() - began < 10, "the end")


@case("tunnels with more bytes under way than fit between two workers at once: all move, and go on")
def many_with_bytes(context):
    held = Held(context, 20)
    held.reload()
    for number, client in enumerate(held.clients):
        held.connections[number].send(b"last")
        pieces = []
        client.reader.exactly(held.said[number] + 4, pieces.append)
        expect(b"".join(pieces)[-5:] == b"ylast", f"tunnel {number}: the bytes in order")


@case("101 before the request's body was sent: 502, and nothing of the node's in a tunnel; behind the body: a tunnel")
def before_the_body(context):
    def act(connection, request):
        if request.target.endswith("late"):
            connection.read_body(request)
        connection.send(SWITCHED + b"hello")
        connection.sock.settimeout(2)
        return False
    origin = context.origin()
    origin.script("s1", "tunnels").add(Reply(act=act))
    node = context.node(origin.url, workers=1)
    for fields in ({"Expect": "100-continue", "Content-Length": "5"}, {"Transfer-Encoding": "chunked"}):
        with Client(node.address) as client:
            client.request("POST", "/s1/early", {**UPGRADE, **fields})
            status = client.read_head().status
            expect(status == 502, f"{status} with {fields}")
    with Client(node.address) as client:
        client.request("POST", "/s1/late", UPGRADE, b"12345")
        expect(client.read_head().status == 101, "a tunnel behind the body")
        rest = rest_of(client)
        expect(rest == b"hello", f"what the origin said, not {rest!r}")
