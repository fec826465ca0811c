"""Addresses that were given up are nobody's: not whose workers are adopted, and not whose files are removed."""

import os
import socket
import threading

from cases.listeners import BODY, OtherClient, site
from cases.restarts import command, exchange, half_received, settled
from harness.client import Client
from harness.node import free_port
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, refused


class Configured:
    """A node with all its settings in a file."""

    def __init__(self, context, *addresses):
        self.context, self.origin = context, site(context)
        self.path = f"{context.directory()}/node.yaml"
        self.write(*addresses)
        self.port = int(addresses[0].rpartition(":")[2])
        self.node = context.node(self.origin.url, flags=["--config", self.path], port=self.port, bare=True)

    @staticmethod
    def text(*addresses):
        return f"workers: 2\nlisten: [{', '.join(repr(address) for address in addresses)}]\n"

    def write(self, *addresses):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(self.text(*addresses))

    def reload(self, *addresses):
        self.write(*addresses)
        return command(self.node, "reload")

    def adopt(self):
        self.node.process.kill()
        self.node.process.wait()
        heir = self.context.node(self.origin.url, flags=["--config", self.path], port=self.port, bare=True,
                                 runtime=self.node.runtime, ready=False)
        wait_until(lambda: settled(heir), "the adoption", 30)
        self.node = heir


def local(number):
    return [f"127.0.0.1:{free_port()}" for _ in range(number)]


def port(address):
    return int(address.rpartition(":")[2])


@case("an address that a reload gave up is opened anew by whoever adopts the workers")
def given_up(context):
    first, second = local(2)
    kept = Configured(context, first, second)
    kept.reload(first)
    wait_until(lambda: refused(port(second)), "the removed address refused")
    kept.write(first, second)
    kept.adopt()
    expect(exchange(Client(("127.0.0.1", port(second)))) == BODY, "the address serves again")
    expect(exchange(Client(("127.0.0.1", port(first)))) == BODY, "and so does the other")


@case("workers that drain do not hide the addresses of younger ones from whoever adopts them")
def youngest(context):
    first, second, third = local(3)
    kept = Configured(context, first, second)
    gate = threading.Event()
    kept.origin.script("s2", "listeners").add(Reply(act=half_received(gate)))
    with Client(("127.0.0.1", port(first)), 60) as client:
        client.send(b"GET /s2/page HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: kept.origin.scripts["s2"].requests, "the request at the origin")
        kept.reload(first)
        wait_until(lambda: refused(port(second)), "the removed address refused")
        kept.reload(first, third)
        kept.adopt()
        for address in (first, third):
            expect(exchange(Client(("127.0.0.1", port(address)))) == BODY, f"{address} serves")
        gate.set()


@case("a stop leaves the socket file alone of an address that was given up and is somebody else's now")
def foreign_file(context):
    first, path = local(1)[0], f"{context.directory()}/listen.sock"
    kept = Configured(context, first, f"unix:{path}")
    exchange(OtherClient(socket.AF_UNIX, path))
    kept.reload(first)
    wait_until(lambda: not os.path.exists(path), "the file gone")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        expect(kept.node.stop() == 0 and os.path.exists(path), "the other's file is there")


@case("a port that this node has itself under another address: the refusal says so")
def own_port(context):
    first = local(1)[0]
    kept = Configured(context, first)
    kept.write(f"*:{port(first)}")
    said = command(kept.node, "reload", code=1)
    expect("this node has the port under another address" in said, said)
    expect(exchange(Client(("127.0.0.1", port(first)))) == BODY, "untouched")
