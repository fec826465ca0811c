"""Pooled connections to origins: which of them may be used again, and which give way."""

import collections
import os
import signal
import socket
import struct
import threading

from harness.client import Client
from harness.origin import Reply, held_back
from harness.waiting import pace, wait_until
from support import case, expect, halt


@case("an answer with another one behind it: the second is nobody's, also where the first filled the buffer to its end")
def behind_an_answer(context):
    piece = 80 << 10
    head = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=600\r\n\r\nevil"
    begun, arrived = 500_000, threading.Event()

    def act(connection, _):
        connection.send(head % (begun + piece) + b"x" * begun)
        arrived.wait(10)
        halt(worker)
        try:
            connection.send(b"x" * piece + evil)
        finally:
            os.kill(worker, signal.SIGCONT)
        return True
    origin = context.origin()
    origin.script("s1", "behind").add(Reply(act=act))
    origin.script("s2", "next").add(Reply(200, {"Cache-Control": "max-age=600"}, b"good"))
    node = context.node(origin.url, workers=1)
    worker, = node.workers()
    for number in range(5):
        arrived.clear()
        with Client(node.address) as client:
            client.request("GET", f"/s1/{number}")
            answer = client.read_head()
            client.reader.exactly(begun, lambda _: None)
            arrived.set()
            client.reader.exactly(int(answer.get("Content-Length")) - begun, lambda _: None)
            for _ in range(2):
                client.request("GET", f"/s2/{number}")
                body = client.read_response().body
                expect(body == b"good", f"the answer to the next request, not {body!r}")


@case("a request whose pooled connection dies does not stand in line for ever before another origin's full pool")
def retried_in_line(context):
    def answers_once(connection, _):
        if connection.served > 1:
            return False
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\nonce")
        return True
    origins = [context.origin() for _ in range(2)]
    origins[0].script("s1", "once").add(Reply(act=answers_once))
    origins[1].script("s1", "often").add(Reply(200, {"Cache-Control": "no-store"}, b"often"))
    node = context.node(None, workers=1, config=(
        "origins:\n" + "".join(f"  - {origin.url}\n" for origin in origins) + "pool: {connections: 1, idle: 1}\n"))
    bodies = collections.Counter()
    with Client(node.address) as client:
        for number in range(80):
            client.request("GET", f"/s1/{number}")
            answer = client.read_response()
            expect(answer.status == 200, f"request {number}: {answer!r}")
            bodies[answer.body] += 1
    expect(len(bodies) == 2, f"both answered: {bodies}")


@case("idle connections to one origin make room for another origin's")
def idle_elsewhere(context):
    together = threading.Barrier(15)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nCache-Control: no-store\r\n\r\n"
    one, other = context.origin(), context.origin()
    one.script("s1", "one").add(Reply(act=held_back(together, answer + b"a", 10)))
    together_there = threading.Barrier(3)
    other.script("s1", "other").add(Reply(act=held_back(together_there, answer + b"b", 10)))
    node = context.node(None, workers=1, config=(
        "limits: {connections: 16}\nsites:\n"
        f"  - {{name: a, hosts: [a, 127.0.0.1, story.test], origin: '{one.url}'}}\n"
        f"  - {{name: b, hosts: [b], origin: '{other.url}'}}\n"))
    for host, count, body in (("a", 15, b"a"), ("b", 3, b"b")):
        clients = [Client(node.address) for _ in range(count)]
        for number, client in enumerate(clients):
            client.request("GET", f"/s1/{number}", host=host)
        answers = [client.read_response() for client in clients]
        for client in clients:
            client.close()
        expect(all(answer.body == body for answer in answers), f"answers of {host}: {answers}")


def reset(client):
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@case("who has gone keeps no place in the line before a full pool")
def gone_from_the_line(context):
    go = threading.Event()
    origin = context.origin()
    origin.script("s1", "slow").add(Reply(act=held_back(go, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")))
    node = context.node(origin.url, workers=1, config="pool: {connections: 1, queue: 4, queue-time: 20s}\n")

    def posted():
        client = Client(node.address, 20)
        client.request("POST", "/s1/form", {"Content-Length": "0"})
        return client
    first = posted()
    origin.scripts["s1"].wait_for(1)
    waiting = [posted() for _ in range(4)]
    wait_until(lambda: node.admin("GET", "/v1/status")[1]["counters"]["origin_queued"] == 4, "a full line")
    for client in waiting[1:]:
        reset(client)
    pace(0.3)
    last = [posted() for _ in range(3)]
    pace(0.2)
    go.set()
    for client in (first, waiting[0], *last):
        answer = client.read_response()
        expect(answer.status == 200, f"{answer!r}")
