"""Changes of a running node as its clients see them: not at all. Idle connections, connections in every state, tunnels,
fewer and more workers, a supervisor that died."""

import os
import signal
import threading
import time

from harness.client import Client
from harness.message import Ended
from harness.node import RELEASE, command_line, owner_of_connection
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect, halt, martlet

FRESH = {"Cache-Control": "max-age=3600"}
BODY = bytes(range(256)) * 400


def command(node, *words, code=0):
    """Runs a command against the node and insists on its exit code; returns what it said."""
    got, out, error = martlet(*words, "--runtime-dir", node.runtime, seconds=100)
    expect(got == code, f"martlet {' '.join(words)}: exit {got}, {out!r} {error!r}")
    return out + error


def adopt(context, node):
    """Kills the supervisor and starts the next one; returns the node with its new process."""
    node.process.kill()
    node.process.wait()
    heir = context.node(node.origin_url, port=node.port, runtime=node.runtime, ready=False)
    wait_until(lambda: settled(heir), "the adoption", 30)
    return heir


def settled(node):
    """Whether a node serves with nothing under way."""
    expect(node.alive(), f"the supervisor lives: {node.log_tail()}")
    try:
        _, status = node.admin("GET", "/v1/status")
    except (OSError, Ended):
        return False
    return status["state"] == "serving" and not status.get("change")


# What can happen to a node, by name: each takes (context, node) and returns the node that goes on.
def _command(*words):
    def change(_context, node):
        command(node, *words)
        return node
    return change


CHANGES = {
    "reload": _command("reload"),
    "worker upgrade": _command("upgrade", "--worker", f"{RELEASE}/martlet-worker"),
    "supervisor upgrade": _command("upgrade", "--binary", f"{RELEASE}/martlet"),
    "upgrade of both": _command("upgrade"),
    "more workers": _command("workers", "4"),
    "fewer workers": _command("workers", "1"),
    "adoption": adopt,
}


def exchange(client, path="/s1/page", body=None):
    """One request and its whole answer on a connection that must stay open."""
    client.request("GET" if body is None else "POST", path, body=body)
    response = client.read_response()
    expect(response is not None and response.status == 200, f"an answer: {response!r}")
    fields = {name.lower(): value.lower() for name, value in response.fields}
    expect(fields.get("connection") != "close", "no Connection: close")
    return response.body


@case("20 idle connections opened before 10 changes of generation all serve a request after them")
def idle_connections(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    node = context.node(origin.url)
    clients = [Client(node.address) for _ in range(20)]
    ports = [client.port for client in clients]
    for client in clients:
        expect(exchange(client) == BODY, "an answer before")
    for number in range(10):
        command(node, *(("reload",), ("upgrade", "--worker", f"{RELEASE}/martlet-worker"), ("upgrade",))[number % 3])
    for client in clients:
        expect(exchange(client) == BODY, "an answer after")
    expect([client.port for client in clients] == ports, "the same connections")
    wait_until(lambda: len(node.workers()) == 2, "the old workers gone")


def half_received(gate):
    """An origin's answer that stops in its middle until the gate opens."""
    def act(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        connection.send(BODY[:1000])
        gate.wait(30)
        connection.send(BODY[1000:])
        return True
    return act


@case("a connection in the queue, half a request, half an upload, half a response outlive every kind of change")
def every_state(context):
    origin = context.origin()
    gate = threading.Event()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    origin.script("s2", "restarts").add(Reply(act=half_received(gate)))
    origin.script("s3", "restarts").add(Reply(200, {"Cache-Control": "no-store"}, b"taken"))
    node = context.node(origin.url)
    exchange(Client(node.address))
    for name, change in CHANGES.items():
        gate.clear()
        asked = Client(node.address, 30)
        asked.send(b"GET /s1/page HTTP/1.1\r\nHost: sto")
        uploading = Client(node.address, 30)
        uploading.send(b"POST /s3/form HTTP/1.1\r\nHost: story.test\r\nContent-Length: 10\r\n\r\n12345")
        receiving = Client(node.address, 30)
        receiving.request("GET", "/s2/page")
        head = receiving.read_head()
        # A stopped worker accepts nothing: what connects now waits in the queues while the change begins.
        before = node.workers()
        for pid in before:
            halt(pid)
        queued = [Client(node.address, 30) for _ in range(16)]
        for client in queued[:8]:
            client.request("GET", "/s1/page")
        waker = threading.Timer(0.2, lambda pids=before: [os.kill(pid, signal.SIGCONT) for pid in pids])
        waker.start()
        node = change(context, node)
        waker.join()
        gate.set()
        expect(receiving.read_body(head).body == BODY, f"{name}: the rest of the response")
        asked.send(b"ry.test\r\n\r\n")
        late = asked.read_response()
        expect(late is not None and late.body == BODY, f"{name}: an answer to a request that ended late: {late!r}")
        uploading.send(b"67890")
        expect(uploading.read_response().body == b"taken", f"{name}: the upload went on")
        for client in queued[:8]:
            expect(client.read_response().body == BODY, f"{name}: an answer to a connection from the queue")
        for client in (*queued, asked, uploading, receiving):
            expect(exchange(client) == BODY, f"{name}: the connection goes on")
            client.close()
    return f"{len(CHANGES)} kinds of change"


def echo(connection, _request):
    """Agrees to switch protocols, then sends back whatever comes."""
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    while True:
        data = connection.sock.recv(65_536)
        if not data:
            return False
        connection.send(data)


@case("a tunnel goes on through every kind of change, bytes in order, and keeps no old worker alive")
def tunnels(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(act=echo))
    node = context.node(origin.url)
    clients = [Client(node.address, 30) for _ in range(6)]
    for client in clients:
        client.request("GET", "/s1/echo", [("Connection", "Upgrade"), ("Upgrade", "echo")])
        expect(client.read_head().status == 101, "switched")
    sent = 0
    for change in CHANGES.values():
        old = set(node.workers())
        node = change(context, node)
        sent += 1
        for client in clients:
            message = b"%08d" % sent * 1000
            client.send(message)
            pieces = []
            client.reader.exactly(len(message), pieces.append)
            expect(b"".join(pieces) == message, "the echo")
        # Whoever is no longer one of the current workers goes, in spite of the tunnels.
        current = node.admin("GET", "/v1/status")[1]["generations"][-1]["number"]
        wait_until(lambda number=current: only_generation(node, number), "the old workers gone")


def only_generation(node, number):
    generations = node.admin("GET", "/v1/status")[1]["generations"]
    states = {worker["state"] for generation in generations for worker in generation["workers"]}
    return [generation["number"] for generation in generations] == [number] and states == {"serving"}


@case("fewer workers: their connections are spread over all that stay")
def shrinking_spreads(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    node = context.node(origin.url, workers=6)
    clients = [Client(node.address) for _ in range(90)]
    for client in clients:
        exchange(client)
    command(node, "workers", "3")
    wait_until(lambda: len(node.workers()) == 3, "three workers left")
    owners = [owner_of_connection(node.workers(), node.port, client.port) for client in clients]
    shares = [owners.count(pid) for pid in node.workers()]
    for client in clients:
        expect(exchange(client) == BODY, "the connection goes on")
    expect(None not in owners and min(shares) >= 15, f"connections by worker: {shares}")
    return f"connections by worker {shares}"


@case("max-workers is raised by a reload: slots are appended, no connection is lost")
def more_slots(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    config = f"{context.directory()}/node.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write("max-workers: 3\n")
    node = context.node(origin.url, flags=["--config", config])
    client = Client(node.address)
    exchange(client)
    said = command(node, "workers", "5", code=2)
    expect("slots" in said, f"says what is missing: {said!r}")
    with open(config, "w", encoding="utf-8") as file:
        file.write("max-workers: 12\n")
    command(node, "reload")
    command(node, "workers", "11")
    expect(exchange(client) == BODY, "the old connection goes on")
    seen = set()
    for _ in range(150):
        with Client(node.address) as fresh:
            exchange(fresh)
            seen.add(owner_of_connection(node.workers(), node.port, fresh.port))
    expect(len(seen - {None}) >= 8, f"new slots get connections: {len(seen)} workers seen")
    command(node, "workers", "2")


@case("without a supervisor siblings accept in a dead worker's place; the next supervisor adopts what is left")
def orphans_cover(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    node = context.node(origin.url, workers=3)
    exchange(Client(node.address))
    workers = node.workers()
    kept = next(client for client in (Client(node.address) for _ in range(200))
                if exchange(client) and owner_of_connection(workers, node.port, client.port) == workers[0])
    node.process.kill()
    node.process.wait()
    for victim in workers[1:]:
        os.kill(victim, signal.SIGKILL)
        for _ in range(40):
            with Client(node.address, 10) as client:
                expect(exchange(client) == BODY, "an answer although a worker is dead")
    heir = adopt(context, node)
    expect(exchange(kept) == BODY, "a connection from before")
    wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in workers), "the orphan replaced", 10)
    expect(len(heir.workers()) == 2, "two workers, as the new supervisor was told")


@case("an orphan that nobody adopts ends after its time, its connections in good order")
def orphan_limit(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    node = context.node(origin.url, config="restart:\n  orphan: 2s\n")
    workers = node.workers()
    client = Client(node.address)
    exchange(client)
    node.process.kill()
    node.process.wait()
    wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in workers), "orphans gone", 20)
    expect(client.sock.recv(10) == b"", "an end of the connection, no reset")


@case("1,000 POSTs that cross the end of their connection's idle time: none is lost, none comes twice")
def idle_close(context):
    origin = context.origin()
    script = origin.script("s1", "restarts").add(Reply(200, {"Cache-Control": "no-store"}, b"taken"))
    node = context.node(origin.url, config="timeouts:\n  idle: 1s\n")
    count, batch = 1000, 200
    answered = told = closed = 0
    for _ in range(count // batch):
        clients, ends = [Client(node.address, 30) for _ in range(batch)], []
        for client in clients:
            expect(exchange(client, body=b"first") == b"taken", "an answer")
            ends.append(time.monotonic() + 1)
        for number, client in enumerate(clients):
            # From a little before the idle time ends until a little after it, most of them right at the end.
            share = 2 * number / batch - 1
            pace(max(0.0, ends[number] + 0.1 * share ** 3 - time.monotonic()))
            client.request("POST", "/s1/page", body=b"second")
        for client in clients:
            response = client.read_response()
            good = response is not None and response.status == 200 and response.body == b"taken"
            answered += good
            told += good and (response.get("Connection") or "").lower() == "close"
        closed += sum(client.sock.recv(10) == b"" for client in clients)
        for client in clients:
            client.close()
    expect(answered == count, f"{answered} of {count} answered")
    expect(len(script.requests) == 2 * count, f"{len(script.requests)} POSTs at the origin")
    expect(closed == count, f"{closed} of {count} closed in the end")
    expect(count / 10 < told < count, f"{told} of {count} came in the last call: the end was not met")
    return f"{told} of {count} were answered with Connection: close"


@case("at most 4 old generations: a further change waits, says so, gives up at its timeout, and cuts nobody")
def old_generations(context):
    origin = context.origin()
    gate = threading.Event()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    origin.script("s2", "restarts").add(Reply(act=half_received(gate)))
    node = context.node(origin.url)
    kept = []
    for _ in range(4):
        client = Client(node.address, 30)
        client.request("GET", "/s2/page")
        kept.append((client, client.read_head()))
        command(node, "reload")
    status = node.admin("GET", "/v1/status")[1]
    old = [generation for generation in status["generations"] if generation["state"] == "draining"]
    expect(len(old) == 4 and all("1 active" in generation["keptBy"] for generation in old), f"what keeps them: {old}")
    began = time.monotonic()
    said = command(node, "reload", "--timeout", "2", code=1)
    expect("waiting: 4 old generations" in said and "timed out" in said, f"says why: {said!r}")
    expect(1.5 < time.monotonic() - began < 6, "within its timeout")
    gate.set()
    for client, head in kept:
        expect(client.read_body(head).body == BODY, "the whole response")
        expect(exchange(client) == BODY, "the connection goes on")
    command(node, "reload")
    wait_until(lambda: len(node.workers()) == 2, "the old workers gone")


def without_lane(node, pid):
    """The generation whose only worker this is, once that has given its lane back."""
    generations = node.admin("GET", "/v1/status")[1]["generations"]
    found = [generation for generation in generations
             if [(worker["pid"], worker["holdsLane"]) for worker in generation["workers"]] == [(pid, False)]]
    return found[0] if found else None


@case("a tunnel whose origin is no longer configured stays where it is; other connections move on without it")
def refused_tunnel(context):
    origin = context.origin()
    origin.script("s1", "restarts").add(Reply(200, FRESH, BODY))
    origin.script("s2", "restarts").add(Reply(act=echo))
    config = f"{context.directory()}/node.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"sites:\n  - hosts: [other.test]\n    origin: {origin.url}\n")
    node = context.node(origin.url, workers=1, flags=["--config", config])
    tunnel, idle = Client(node.address), [Client(node.address) for _ in range(5)]
    tunnel.request("GET", "/s2/echo", [("Connection", "Upgrade"), ("Upgrade", "echo")])
    expect(tunnel.read_head().status == 101, "switched")
    for client in idle:
        exchange(client)
    old = node.workers()[0]
    # Origins are numbered: with one site less the tunnel's number means nothing.
    with open(config, "w", encoding="utf-8") as file:
        file.write("timeouts:\n  idle: 50s\n")
    command(node, "reload")
    wait_until(lambda: all(owner_of_connection([old], node.port, client.port) is None for client in idle),
               "the idle connections with the new worker")
    tunnel.send(b"still here")
    pieces = []
    tunnel.reader.exactly(10, pieces.append)
    expect(b"".join(pieces) == b"still here", "the echo, by the old worker")
    expect(owner_of_connection([old], node.port, tunnel.port) == old, "the tunnel with the old worker")
    status = wait_until(lambda: without_lane(node, old), "a worker with nothing but a tunnel needs no lane")
    expect("1 streams" in status["keptBy"], f"what keeps it: {status['keptBy']}")
    tunnel.send(b"and still")
    tunnel.reader.exactly(9, pieces.append)
    expect(pieces[-1][-5:] == b"still", "the echo, without a lane")
    tunnel.close()
    wait_until(lambda: node.workers() != [old] and len(node.workers()) == 1, "the old worker gone with it")
