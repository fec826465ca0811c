"""New connections: the kernel keeps them until their first bytes have come; none of them is lost meanwhile."""

import time

from harness.client import Client
from harness.node import owners_of_connections
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

CROWD = 40


def serving(context, workers=2):
    origin = context.origin()
    origin.script("s1", "accepting").add(Reply(200, {"Cache-Control": "max-age=3600"}))
    node = context.node(origin.url, workers=workers)
    expect(ask(Client(node.address)), "the node serves")
    return node


def ask(client):
    client.request("GET", "/s1/page")
    return client.read_response().status == 200


def held(node, clients):
    """How many of the connections a worker has."""
    owners = owners_of_connections(node.workers(), node.port)
    return sum(client.port in owners for client in clients)


@case("a connection that says nothing costs no worker anything at first, and is served when it speaks")
def silent(context):
    node = serving(context)
    for _ in range(20):
        began = time.monotonic()
        crowd = [Client(node.address) for _ in range(CROWD)]
        taken = held(node, crowd)
        # The kernel waits for a second; on a busy machine that is over before all have been looked at.
        if time.monotonic() - began < 0.8:
            break
    expect(taken == 0, f"{taken} of {CROWD} silent connections with a worker")
    late = crowd.pop()
    expect(all(ask(client) for client in crowd), "an answer for each that speaks")
    wait_until(lambda: held(node, [late]), "a worker for a connection that stays silent")
    expect(ask(late), "an answer for it as well")


@case("connections that have said nothing yet outlive a reload, other worker counts, an upgrade and a killed worker")
def through_changes(context):
    node = serving(context)
    changes = [["reload"], ["workers", "5"], ["workers", "1"], ["upgrade"], ["workers", "2"]]
    for change in changes:
        crowd = [Client(node.address) for _ in range(CROWD)]
        code, _, error = martlet(*change, "--runtime-dir", node.runtime)
        expect(code == 0, f"{change}: {error}")
        expect(all(ask(client) for client in crowd), f"an answer for each that was silent during {change}")
    crowd = [Client(node.address) for _ in range(CROWD)]
    victim = node.workers()[0]
    node.kill_worker(victim)
    expect(all(ask(client) for client in crowd), "an answer for each that was silent when a worker was killed")
