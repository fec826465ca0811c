"""Addresses of every kind through changes of the node, and addresses that come and go by a reload."""

import os
import socket

from cases.admin import Asker
from cases.restarts import CHANGES, command, exchange, settled
from cases.stopped_changes import Asked, wait_for_phase
from harness.client import Client
from harness.message import Ended, Reader
from harness.node import RELEASE, free_port
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, refused

FRESH = {"Cache-Control": "max-age=3600"}
BODY = bytes(range(256)) * 40


class OtherClient(Client):
    """A client of an address that is not IPv4."""

    def __init__(self, family, address, seconds=10):  # pylint: disable=super-init-not-called
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(seconds)
        self.sock.connect(address)
        self.reader = Reader(self.sock)
        self.interim_seen = []


def site(context):
    origin = context.origin()
    origin.script("s1", "listeners").add(Reply(200, FRESH, BODY))
    return origin


def one_request(connect):
    """A question for an Asker: a new connection, one request."""
    def ask():
        try:
            with connect() as client:
                return None if exchange(client) == BODY else "another body"
        except (OSError, Ended, AssertionError) as problem:
            return repr(problem)
    return ask


@case("a Unix socket and IPv6 through every kind of change: connections go on, new ones are never refused")
def other_families(context):
    origin = site(context)
    path, port = f"{context.directory()}/listen.sock", free_port()
    flags = ["--listen", f"unix:{path}", "--listen", f"[::1]:{port}"]
    node = context.node(origin.url, flags=flags)
    ways = [lambda: OtherClient(socket.AF_UNIX, path), lambda: OtherClient(socket.AF_INET6, ("::1", port))]
    for connect in ways:
        exchange(connect())
    kept = [connect() for connect in ways for _ in range(5)]
    for client in kept:
        exchange(client)
    askers = [Asker(one_request(connect)) for connect in ways]
    for name, change in CHANGES.items():
        if name == "adoption":
            node.process.kill()
            node.process.wait()
            heir = context.node(origin.url, port=node.port, runtime=node.runtime, ready=False, flags=flags)
            wait_until(lambda heir=heir: settled(heir), "the adoption", 30)
            node = heir
        else:
            node = change(context, node)
        for client in kept:
            expect(exchange(client) == BODY, f"{name}: the connection goes on")
    for asker in askers:
        asker.stop()
        expect(not asker.problems, f"new connections: {len(asker.problems)} failed, such as {asker.problems[:2]}")
    wait_until(lambda: len(node.workers()) == 2, "only the current workers")
    expect(node.stop() == 0 and not os.path.exists(path), "stopped, and the socket's file is gone")
    return f"{sum(asker.answers for asker in askers)} new connections"


@case("a port of all addresses serves both families")
def every_address(context):
    port = free_port()
    node = context.node(site(context).url, flags=["--listen", f"*:{port}"])
    for _ in range(2):
        for client in (Client(("127.0.0.1", port)), OtherClient(socket.AF_INET6, ("::1", port))):
            expect(exchange(client) == BODY, "an answer")
        command(node, "reload")


@case("addresses that a reload adds and removes: added ones serve, removed ones are drained and then refused")
def come_and_go(context):
    origin = site(context)
    config, first, second = f"{context.directory()}/node.yaml", free_port(), free_port()

    def listen(*ports):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"workers: 2\nlisten: [{', '.join(f'127.0.0.1:{port}' for port in ports)}]\n")
    listen(first)
    node = context.node(origin.url, flags=["--config", config], port=first, bare=True)
    old = Client(("127.0.0.1", first))
    exchange(old)
    for _ in range(3):
        listen(first, second)
        command(node, "reload")
        expect(exchange(Client(("127.0.0.1", second))) == BODY, "the added address serves")
        kept = Client(("127.0.0.1", second))
        exchange(kept)
        listen(first)
        command(node, "reload")
        wait_until(lambda: refused(second), "the removed address refused")
        expect(exchange(kept) == BODY, "a connection of the removed address goes on")
        expect(exchange(old) == BODY, "a connection of the other address goes on")
        status = node.admin("GET", "/v1/status")[1]["slots"]
        expect(status["addresses"] == [f"127.0.0.1:{first}"], f"addresses {status['addresses']}")


class Changing:
    """A node whose addresses come from a file; reloads may overlap."""

    def __init__(self, context):
        self.origin = site(context)
        self.path, self.ports = f"{context.directory()}/node.yaml", [free_port() for _ in range(4)]
        self.write("1ms", 0)
        self.node = context.node(self.origin.url, flags=["--config", self.path], port=self.ports[0], bare=True)

    def write(self, canary, *numbers):
        addresses = ", ".join(f"127.0.0.1:{self.ports[number]}" for number in numbers)
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f"workers: 2\nlisten: [{addresses}]\nrestart:\n  canary: {canary}\n")

    def overlapping(self, first, second, *, fails):
        """Two reloads, each (canary, addresses...), the second asked for while the first is watched; the numbered
        one must fail."""
        self.write(*first)
        older = Asked(self.node, ["reload", "--timeout", "3"])
        wait_for_phase(self.node, "canary")
        self.write(*second)
        younger = Asked(self.node, ["reload", "--timeout", "6"])
        wait_until(lambda: self.node.admin("GET", "/v1/status")[1]["waitingChanges"] == 1, "the second one waits")
        for number, change in enumerate((older, younger)):
            change.thread.join(30)
            expect(change.outcome[0] == int(number == fails), f"reload {number}: {change.outcome}")

    def serves(self, *numbers):
        """These addresses and no others."""
        for number, port in enumerate(self.ports):
            if number in numbers:
                for _ in range(8):
                    expect(exchange(Client(("127.0.0.1", port))) == BODY, f"address {number} serves")
            else:
                wait_until(lambda port=port: refused(port), f"address {number} refused")
        slots = self.node.admin("GET", "/v1/status")[1]["slots"]
        expect(slots["addresses"] == [f"127.0.0.1:{self.ports[number]}" for number in numbers], f"{slots}")


@case("two reloads that overlap, each with addresses of its own, the first fails: the second one's serve, no other")
def overlapping_first_fails(context):
    node = Changing(context)
    node.overlapping(("30s", 0, 1), ("1ms", 0, 2), fails=0)
    node.serves(0, 2)
    # The first takes one away that the second keeps.
    node.overlapping(("30s", 0), ("1ms", 0, 2, 3), fails=0)
    node.serves(0, 2, 3)


@case("the same, and the second fails: the first one's addresses serve, what it removed is refused, nothing leaks")
def overlapping_second_fails(context):
    node = Changing(context)
    node.write("1ms", 0, 1)
    command(node.node, "reload")
    node.overlapping(("2s", 0, 2), ("30s", 0, 1, 3), fails=1)
    node.serves(0, 2)
    before = len(os.listdir(f"/proc/{node.node.pid}/fd"))
    for _ in range(2):
        node.overlapping(("2s", 0, 2), ("30s", 0, 1, 3), fails=1)
        node.serves(0, 2)
    after = len(os.listdir(f"/proc/{node.node.pid}/fd"))
    expect(abs(after - before) <= 2, f"descriptors of the supervisor: {before}, then {after}")


@case("an address that a reload removed is refused although the supervisor is upgraded at once")
def removed_through_an_upgrade(context):
    node = Changing(context)
    node.write("1ms", 0, 1)
    command(node.node, "reload")
    node.write("1ms", 0)
    command(node.node, "reload")
    command(node.node, "upgrade", "--binary", f"{RELEASE}/martlet")
    node.serves(0)
