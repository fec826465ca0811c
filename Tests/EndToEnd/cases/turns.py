"""Nobody has the loop to himself, and nothing that is ready waits for an event that does not come."""

import os
import resource
import signal
import threading
import time

from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, halt


def counter(node, name):
    return node.admin("GET", "/v1/status")[1]["counters"][name]


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@case("of requests that are sent ahead a turn answers limits.pipelined, and all are answered in the end")
def sent_ahead(context):
    origin = context.origin()
    origin.script("s1", "turns").add(Reply(200, {"Cache-Control": "max-age=3600"}, b"hit"))
    node = context.node(origin.url, workers=1, config="limits: {pipelined: 8}\n")
    worker, = node.workers()
    count = 1600
    with Client(node.address) as client:
        client.request("GET", "/s1/page")
        client.read_response()
        before = counter(node, "turns")
        halt(worker)
        try:
            client.send(b"GET /s1/page HTTP/1.1\r\nHost: a\r\n\r\n" * count)
        finally:
            os.kill(worker, signal.SIGCONT)
        for number in range(count):
            expect(client.read_response().body == b"hit", f"answer {number}")
    turns = counter(node, "turns") - before
    expect(turns >= count // 8, f"{count} requests took {turns} turns")


@case("a body in tiny chunks is relayed in long pieces, and what came before a pause at once")
def tiny_chunks(context):
    count = 1_000_000
    more = threading.Event()

    def act(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n\r\n")
        connection.send(b"1\r\nx\r\n")
        more.wait(10)
        connection.send(b"1\r\nx\r\n" * count + b"0\r\n\r\n")
        return True
    origin = context.origin()
    origin.script("s1", "turns").add(Reply(act=act))
    node = context.node(origin.url, workers=1)
    worker, = node.workers()
    received = 0
    with Client(node.address, 30) as client:
        client.request("GET", "/s1/chunks")
        response = client.read_head()
        expect(client.reader.until(b"x\r\n").startswith(b"1\r\n"), "the first event before the second")
        before = processor_seconds(worker)
        more.set()
        end = client.reader.buffer[-7:]
        while not end.endswith(b"\r\n0\r\n\r\n"):
            piece = client.sock.recv(1 << 20)
            # No length is written with an x.
            received += piece.count(b"x")
            end = (end + piece)[-7:]
        used = processor_seconds(worker) - before
    received += client.reader.buffer.count(b"x")
    expect(response.status == 200 and received == count, f"{received} bytes")
    # A system call for each takes more than a second.
    expect(used < 0.5, f"{count} chunks took {used:.2f} s of the processor")
    return f"{count} chunks in {used:.2f} s of the processor"


@case("who waited in line and cannot be sent on then is told so at once")
def answered_last(context):
    arrived, release = threading.Semaphore(0), threading.Semaphore(0)

    def act(connection, _):
        arrived.release()
        release.acquire(timeout=10)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        return False
    origin = context.origin()
    origin.script("s1", "turns").add(Reply(act=act))
    node = context.node(origin.url, workers=1, config="pool: {connections: 1, idle: 1}\n")
    worker, = node.workers()
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    slowest = 0.0
    for number in range(5):
        with Client(node.address) as first, Client(node.address) as second:
            queued = counter(node, "origin_queued")
            first.request("POST", f"/s1/first{number}", body=b"")
            arrived.acquire(timeout=10)
            second.request("POST", f"/s1/second{number}", body=b"")
            wait_until(lambda before=queued: counter(node, "origin_queued") > before, "the second in line")
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (16, limits[1]))
            release.release()
            expect(first.read_response().body == b"ok", "the first answer")
            began = time.monotonic()
            status = second.read_response().status
            slowest = max(slowest, time.monotonic() - began)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
            expect(status == 503, f"{status} for the second")
    expect(slowest < 0.25, f"the second was told after {slowest:.2f} s")
    return f"slowest {slowest * 1000:.0f} ms"
