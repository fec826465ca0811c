"""Origins with several addresses, some of which are slow, and such as have none."""

import collections
import os
import threading
import time

from cases.origins import Named, NameServer, accept_request, ask, silent_listener
from harness.client import Client
from harness.node import free_port
from harness.waiting import pace, wait_until
from support import case, expect


def slow_node(context, addresses, silent=(), more=""):
    """A node whose origin answers at the first of the addresses, but not before the connection was asked for again."""
    port = free_port()
    for address in silent:
        silent_listener(context, address, port)
    names = NameServer(context, *addresses)
    node = context.node(f"http://origin.test:{port}", ready=False, workers=1, config=(
        f"dns: {{servers: ['127.0.0.1:{names.port}']}}\n{more}"))
    wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock") and len(node.workers()) == 1, "the node", 20)
    listener = silent_listener(context, addresses[0], port)

    def speak():
        pace(0.5)
        try:
            connection = accept_request(listener)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow")
            connection.close()
        except OSError:
            pass
    threading.Thread(target=speak, daemon=True).start()
    return node


@case("an address that is slower than a quarter of a second answers although the other one refuses")
def slow_and_refusing(context):
    answer = ask(slow_node(context, ("127.0.0.2", "127.0.0.3")), "/page")
    expect(answer.body == b"slow", f"{answer!r}")


@case("the first of two addresses to answer gets the request, also where the pool had no room for trying both")
def slow_in_a_full_pool(context):
    began = time.monotonic()
    answer = ask(slow_node(context, ("127.0.0.2", "127.0.0.3"), ("127.0.0.3",), "pool: {connections: 1}\n"), "/page")
    expect(answer.body == b"slow", f"{answer!r}")
    expect(time.monotonic() - began < 10, "before the other's time was over")


@case("when the last of the addresses that were tried beside each other has failed, the request has failed")
def all_fail(context):
    port = free_port()
    silent_listener(context, "127.0.0.2", port)
    names = NameServer(context, "127.0.0.2", "127.0.0.3")
    node = context.node(f"http://origin.test:{port}", ready=False, workers=1, config=(
        f"dns: {{servers: ['127.0.0.1:{names.port}']}}\ntimeouts: {{origin-connect: 1s}}\n"))
    wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock") and len(node.workers()) == 1, "the node", 20)
    began = time.monotonic()
    answer = ask(node, "/page")
    took = time.monotonic() - began
    expect(answer.status == 504 and 0.8 < took < 4, f"{answer!r} after {took:.1f} s")


@case("an origin whose name was never resolved gets no requests while another has an address")
def never_resolved(context):
    good = Named(context, "good", delay=0.2)
    names = NameServer(context)
    names.broken = True
    node = context.node(None, ready=False, workers=1, config=(
        f"origins:\n  - http://127.0.0.1:{good.port}\n  - http://nowhere.test:{good.port}\n"
        f"dns: {{servers: ['127.0.0.1:{names.port}']}}\npool: {{queue-time: 2s}}\n"))
    wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock") and len(node.workers()) == 1, "the node", 20)
    statuses = collections.Counter()
    clients = [Client(node.address, 20) for _ in range(20)]
    for number, client in enumerate(clients):
        client.request("GET", f"/page{number}")
    for client in clients:
        statuses[client.read_response().status] += 1
        client.close()
    expect(statuses == {200: 20}, f"answers by status: {dict(statuses)}")
