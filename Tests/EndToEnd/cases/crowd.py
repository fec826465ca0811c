"""A thousand clients that miss the same slow 10 MB object at once, over all workers."""

import os
import selectors
import socket
import threading
import time

from harness.waiting import pace
from support import case, expect

SIZE = 10_000_000
PIECE = 250_000
CLIENTS = 1000


class Slow:
    """Origin side: sends the body in pieces over about two seconds, starting when told."""

    def __init__(self, body):
        self.body = body
        self.go = threading.Event()
        self.first_byte_at = 0.0
        self.half = threading.Event()

    def act(self, connection, request):
        self.go.wait(60)
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nETag: \"crowd\"\r\nContent-Length: %d\r\n\r\n"
        connection.send(head % len(self.body))
        self.first_byte_at = self.first_byte_at or time.monotonic()
        for offset in range(0, len(self.body), PIECE):
            connection.send(self.body[offset:offset + PIECE])
            if offset >= len(self.body) // 2:
                self.half.set()
            pace(0.05)
        return True


class Member:
    """One client of the crowd; compares every byte as it comes."""

    def __init__(self, address, body):
        self.sock = socket.create_connection(address)
        self.sock.setblocking(False)
        self.body = body
        self.head = b""
        self.offset = None
        self.first_byte_at = None
        self.outcome = None

    def port(self):
        return self.sock.getsockname()[1]

    def ask(self):
        self.sock.send(b"GET /s1/large HTTP/1.1\r\nHost: crowd.test\r\n\r\n")

    def read(self):
        """Reads what is there; returns true when the member is done."""
        try:
            piece = self.sock.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self.outcome = self.outcome or "cut"
            return True
        if self.offset is None:
            self.head += piece
            if b"\r\n\r\n" not in self.head:
                return False
            head, piece = self.head.split(b"\r\n\r\n", 1)
            if not head.startswith(b"HTTP/1.1 200"):
                self.outcome = f"not 200: {head[:200]!r}"
                return True
            self.offset = 0
        if piece and self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
        if self.body[self.offset:self.offset + len(piece)] != piece:
            self.outcome = f"wrong bytes at {self.offset}"
            return True
        self.offset += len(piece)
        if self.offset == len(self.body):
            self.outcome = "whole"
            return True
        return False


def gather(node, body):
    members = [Member(node.address, memoryview(body)) for _ in range(CLIENTS)]
    for member in members:
        member.ask()
    return members


def read_all(members, seconds, during=None):
    selector = selectors.DefaultSelector()
    for member in members:
        selector.register(member.sock, selectors.EVENT_READ, member)
    deadline = time.monotonic() + seconds
    left = len(members)
    while left:
        expect(time.monotonic() < deadline, f"{left} of {len(members)} clients still waiting after {seconds} s")
        for key, _ in selector.select(1.0):
            if key.data.read():
                selector.unregister(key.data.sock)
                key.data.sock.close()
                left -= 1
        if during:
            during()
    selector.close()


def start(context):
    body = os.urandom(SIZE)
    slow = Slow(body)
    origin = context.origin()
    from harness.origin import Reply
    script = origin.script("s1", "crowd").add(Reply(act=slow.act))
    node = context.node(origin.url, workers=2, flags=["--cache-size", "512MiB"])
    return node, script, slow, body


@case("1,000 clients missing the same slow 10 MB object: one fetch, every byte right, streamed as it comes")
def one_fetch(context):
    node, script, slow, body = start(context)
    members = gather(node, body)
    script.wait_for(1)
    slow.go.set()
    read_all(members, 240)
    outcomes = {member.outcome for member in members}
    expect(outcomes == {"whole"}, f"whole bodies: {outcomes}")
    expect(len(script.requests) == 1, f"one request at the origin, not {len(script.requests)}")
    delays = sorted(member.first_byte_at - slow.first_byte_at for member in members)
    return f"first byte after {delays[500] * 1000:.0f} ms (median), {delays[-1] * 1000:.0f} ms (last)"


@case("the same, and the worker that fetches is killed half-way: the others get the whole right body")
def fetcher_killed(context):
    from harness.node import owner_of_connection
    node, script, slow, body = start(context)
    members = gather(node, body)
    script.wait_for(1)
    peer = script.requests[0].connection.sock.getpeername()[1]
    fetcher = next(pid for pid in node.workers()
                   if owner_of_connection([pid], peer, script.requests[0].connection.origin.port) == pid)
    killed = []

    def kill():
        if slow.half.is_set() and not killed:
            node.kill_worker(fetcher)
            killed.append(fetcher)
    slow.go.set()
    read_all(members, 240, kill)
    expect(killed, "the fetching worker was killed")
    outcomes = [member.outcome for member in members]
    whole, cut = outcomes.count("whole"), outcomes.count("cut")
    expect(whole + cut == CLIENTS, f"whole or cut, nothing else: { {o for o in outcomes} }")
    expect(whole >= CLIENTS // 5, f"the clients of the other worker get the whole body: {whole}")
    expect(len(script.requests) <= 2, f"at most one fetch more: {len(script.requests)}")
    return f"{whole} whole, {cut} cut with their worker, {len(script.requests)} fetches"
