"""Where connections and workers end up: nobody has clearly more than the others, pinned workers keep to their CPU."""

import json
import os
import subprocess

from harness.client import Client
from harness.message import Ended
from harness.node import RELEASE
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

FRESH = {"Cache-Control": "max-age=3600"}
CONNECTIONS = 200


def open_connections(node):
    """Connections by worker, of those that accept."""
    text = subprocess.run(
        [f"{RELEASE}/martlet", "status", "--json", "--runtime-dir", node.runtime], capture_output=True, text=True,
        check=True,
    ).stdout
    workers = [
        worker for generation in json.loads(text)["generations"] for worker in generation["workers"]
        if worker["accepts"]
    ]
    return [worker["counters"].get("connections_open", 0) for worker in workers]


def within_bar(counts, workers):
    """The most that a worker has, if it is not too many."""
    return max(counts) if max(counts) * workers <= 1.3 * CONNECTIONS else None


def spread(node, workers):
    """200 keep-alive connections, each with one answer; the most that a worker has, as a share of the mean."""
    clients = []
    try:
        for _ in range(CONNECTIONS):
            client = Client(node.address)
            clients.append(client)
            client.request("GET", "/s1/page")
        for client in clients:
            expect(client.read_response().status == 200, "every connection is answered")
        wait_until(lambda: sum(open_connections(node)) >= CONNECTIONS, "all connections are counted")
        expect(len(open_connections(node)) == workers, f"{workers} workers accept")
        # A worker that other processes kept from its turn learns of its queue last.
        most = wait_until(
            lambda: within_bar(open_connections(node), workers), f"1.3 times the mean of {workers} workers", seconds=2)
        # Those that travelled are served like any other.
        for client in clients:
            client.request("GET", "/s1/page")
        for client in clients:
            expect(client.read_response().status == 200, "every connection is answered again")
        return most * workers / CONNECTIONS
    finally:
        for client in clients:
            client.close()


def balanced(context, runs):
    worst = []
    for workers in (2, 4, 8):
        origin = context.origin()
        origin.script("s1", "placement").add(Reply(200, FRESH, b"x" * 1000))
        node = context.node(origin.url, workers=workers, flags=["--cache-size", "64MiB"])
        for _ in range(runs):
            worst.append(spread(node, workers))
            wait_until(lambda: sum(open_connections(node)) == 0, "all connections are gone")
        node.stop()
    return f"the most of a worker is {max(worst):.2f} of the mean"


@case("200 connections over 2, 4 and 8 workers: none has more than 1.3 times the mean")
def balance(context):
    return balanced(context, 2)


@case("the same 20 times each", long_only=True)
def balance_often(context):
    return balanced(context, 20)


@case("--pin auto: every worker on one CPU, and all of them used")
def pinned(context):
    origin = context.origin()
    origin.script("s1", "placement").add(Reply(200, FRESH, b"x" * 1000))
    allowed = os.sched_getaffinity(0)
    node = context.node(origin.url, workers=len(allowed), flags=["--pin", "auto"])
    workers = node.workers()
    masks = [os.sched_getaffinity(pid) for pid in workers]
    expect(all(len(mask) == 1 for mask in masks), f"each worker has one CPU, not {masks}")
    expect(set.union(*masks) == allowed, f"all of {allowed} are used, not {masks}")
    try:
        with Client(node.address) as client:
            client.request("GET", "/s1/page")
            expect(client.read_response().status == 200, "a pinned worker serves")
    except (OSError, Ended) as error:
        expect(False, f"a pinned worker serves, but {error}")
    return f"{len(workers)} workers on CPUs {sorted(allowed)}"
