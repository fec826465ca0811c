"""Long bodies: streaming both ways with bounded memory, slow readers and uploaders that disturb nobody."""

import os
import socket
import threading
import time

from harness.client import Client
from harness.node import memory_kib
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect

BLOCK = os.urandom(1 << 20)
# Beyond the cache a connection may hold a MiB; the rest is slack for the allocator.
BOUND_KIB = 12 << 10


def blocks_of(context):
    return 5 << 10 if context.long else 200


class Peak:
    """Watches the private memory of the workers."""

    def __init__(self, node):
        self.node = node
        self.base = {pid: memory_kib(pid) for pid in node.workers()}
        self.peak = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while not self.done.wait(0.05):
            for pid, base in self.base.items():
                try:
                    self.peak = max(self.peak, memory_kib(pid) - base)
                except OSError:
                    pass

    def finish(self):
        self.done.set()
        self.thread.join()
        return self.peak


class Check:
    """A sink that compares what arrives with BLOCK over and over."""

    def __init__(self):
        self.count = 0

    def __call__(self, piece):
        view = memoryview(piece)
        while view:
            offset = self.count % len(BLOCK)
            part = view[:len(BLOCK) - offset]
            expect(BLOCK[offset:offset + len(part)] == part, f"the right byte at {self.count}")
            self.count += len(part)
            view = view[len(part):]


def serve_blocks(count, cacheable):
    control = b"max-age=3600" if cacheable else b"no-store"

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: " + control
                        + b"\r\nContent-Length: %d\r\n\r\n" % (count << 20))
        for _ in range(count):
            connection.send(BLOCK)
        return True
    return Reply(act=act)


def stream_through(context, cacheable):
    count = blocks_of(context)
    origin = context.origin()
    origin.script("s1", "bodies").add(serve_blocks(count, cacheable))
    node = context.node(origin.url, flags=["--cache-size", "128MiB"])
    peak = Peak(node)
    check = Check()
    with Client(node.address, 60) as client:
        client.request("GET", "/s1/long")
        response = client.read_response(sink=check)
    used = peak.finish()
    expect(response.complete and check.count == count << 20, f"{check.count} of {count << 20} bytes")
    expect(used < BOUND_KIB, f"a worker grew by {used} KiB")
    return f"{count} MiB, a worker grew by {used} KiB"


@case("a long uncacheable body streams through with bounded memory")
def download(context):
    return stream_through(context, False)


@case("a body larger than the cache may hold streams through with bounded memory")
def download_too_large_to_store(context):
    return stream_through(context, True)


@case("a long upload streams through with bounded memory")
def upload(context):
    count = blocks_of(context)
    received = Check()

    def act(connection, request):
        connection.reader.exactly(int(request.get("Content-Length")), received)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok")
        return True
    origin = context.origin()
    origin.script("s1", "bodies").add(Reply(act=act))
    node = context.node(origin.url, config="limits:\n  request-body: 8GiB\n")
    peak = Peak(node)
    with Client(node.address, 60) as client:
        client.request("PUT", "/s1/long", {"Content-Length": str(count << 20)})
        for _ in range(count):
            client.send(BLOCK)
        response = client.read_response()
    used = peak.finish()
    expect(response.status == 200 and received.count == count << 20, f"{received.count} bytes: {response!r}")
    expect(used < BOUND_KIB, f"a worker grew by {used} KiB")
    return f"{count} MiB, a worker grew by {used} KiB"


@case("readers that stand still hold neither the body nor the others up")
def readers_that_stand_still(context):
    origin = context.origin()
    origin.script("s1", "bodies").add(serve_blocks(100, False))
    origin.script("s2", "bodies").add(Reply(200, {"Cache-Control": "max-age=3600"}, b"quick"))
    node = context.node(origin.url)
    peak = Peak(node)
    still = []
    for number in range(8):
        client = Client(node.address, 60, receive_buffer=4096)
        client.request("GET", f"/s1/{number}")
        client.read_head()
        still.append(client)
    slowest = 0.0
    for _ in range(200):
        began = time.monotonic()
        with Client(node.address, 10) as client:
            client.request("GET", "/s2/page")
            expect(client.read_response().body == b"quick", "the quick answer")
        slowest = max(slowest, time.monotonic() - began)
    used = peak.finish()
    for client in still:
        client.close()
    expect(slowest < 1.0, f"a quick answer took {slowest:.3f} s")
    expect(used < 8 * 1024 + BOUND_KIB, f"a worker grew by {used} KiB")
    return f"slowest quick answer {slowest * 1000:.0f} ms, a worker grew by {used} KiB"


@case("an uploader at 10 KiB/s disturbs nobody, and its body arrives")
def slow_uploader(context):
    total = 20 << 10
    origin = context.origin()
    script = origin.script("s1", "bodies").add(Reply(200, {"Cache-Control": "no-store"}))
    origin.script("s2", "bodies").add(Reply(200, {"Cache-Control": "max-age=3600"}, b"quick"))
    node = context.node(origin.url)
    client = Client(node.address, 30)
    client.request("POST", "/s1/form", {"Content-Length": str(total)})
    slowest = 0.0
    for offset in range(0, total, 1024):
        client.send(BLOCK[offset:offset + 1024])
        began = time.monotonic()
        with Client(node.address, 10) as other:
            other.request("GET", "/s2/page")
            expect(other.read_response().body == b"quick", "the quick answer")
        slowest = max(slowest, time.monotonic() - began)
        pace(0.1)
    expect(client.read_response().status == 200, "an answer to the upload")
    wait_until(lambda: script.requests and len(script.requests[0].body) == total, "the whole upload")
    expect(script.requests[0].body == BLOCK[:total], "the upload's bytes")
    return f"slowest quick answer {slowest * 1000:.0f} ms"


@case("a reader at 10 KiB/s holds up neither the fetch it began nor those who share it")
def slow_reader_of_a_shared_fetch(context):
    count = 40
    sent = threading.Event()
    blocks = serve_blocks(count, True)

    def act(connection, request):
        blocks.act(connection, request)
        sent.set()
        return True
    origin = context.origin()
    script = origin.script("s1", "bodies").add(Reply(act=act))
    origin.script("s2", "bodies").add(Reply(200, {"Cache-Control": "max-age=3600"}, b"quick"))
    node = context.node(origin.url, flags=["--cache-size", "512MiB"])
    peak = Peak(node)
    slow = Client(node.address, 60, receive_buffer=4096)
    slow.request("GET", "/s1/shared")
    slow.read_head()
    began = time.monotonic()
    check = Check()
    with Client(node.address, 60) as client:
        client.request("GET", "/s1/shared")
        response = client.read_response(sink=check)
    whole_after = time.monotonic() - began
    expect(response.complete and check.count == count << 20, f"{check.count} of {count << 20} bytes")
    expect(sent.wait(10), "the origin is rid of its answer")
    slowest = 0.0
    read = 0
    while read < 20 << 10:
        read += len(slow.sock.recv(1024))
        began = time.monotonic()
        with Client(node.address, 10) as other:
            other.request("GET", "/s2/page")
            expect(other.read_response().body == b"quick", "the quick answer")
        slowest = max(slowest, time.monotonic() - began)
        pace(0.1)
    used = peak.finish()
    slow.close()
    expect(len(script.requests) == 1, f"{len(script.requests)} fetches")
    expect(whole_after < 10, f"the other reader had to wait {whole_after:.1f} s")
    expect(used < BOUND_KIB, f"a worker grew by {used} KiB")
    return f"shared {count} MiB in {whole_after:.1f} s, slowest quick answer {slowest * 1000:.0f} ms, {used} KiB more"


def queued(column, match):
    """Bytes in the kernel's send (0) or receive (1) queues of the connections whose (local, remote) ports match."""
    total = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            ports = [int(field.split(":")[1], 16) for field in fields[1:3]]
            if match(*ports):
                total += int(fields[4].split(":")[column], 16)
    return total


def settled(measure):
    """What `measure` comes to when it has stopped growing."""
    values = []

    def stands():
        values.append(measure())
        return len(values) > 8 and values[-1] > 0 and len(set(values[-8:])) == 1
    wait_until(stands, "a queue that stands still", 20)
    return values[-1]


@case("who stops reading leaves at most a MiB in the kernel, whatever the body comes from")
def unsent_is_bounded(context):
    origin = context.origin()
    origin.script("s1", "bodies").add(serve_blocks(40, True))
    origin.script("s2", "bodies").add(serve_blocks(40, False))
    node = context.node(origin.url, flags=["--cache-size", "512MiB"])
    with Client(node.address, 60) as client:
        client.request("GET", "/s1/stored")
        expect(client.read_response(sink=Check()).complete, "the whole body")
    found = {}
    for kind, path in (("stored", "/s1/stored"), ("filling", "/s1/other"), ("relayed", "/s2/page")):
        with Client(node.address, 30, receive_buffer=4096) as client:
            client.request("GET", path)
            client.read_head()
            found[kind] = settled(
                lambda: queued(0, lambda local, remote: (local, remote) == (node.port, client.port)))
    for kind, count in found.items():
        expect(count <= 1 << 20, f"{count >> 10} KiB unsent of a body that is {kind}")
    return ", ".join(f"{kind} {count >> 10} KiB" for kind, count in found.items())


@case("a relay that stands still leaves at most a MiB unread in the kernel, of answers and of uploads")
def unread_is_bounded(context):
    origin = context.origin()
    origin.script("s1", "bodies").add(serve_blocks(10, False))
    origin.script("s2", "bodies").add(serve_blocks(40, False))
    silent = socket.create_server(("127.0.0.1", 0))
    context.closers.append(silent.close)
    node = context.node(origin.url)
    found = {}
    for round_number in range(2):
        # The kernel's windows grow with what has passed: the second time they would be larger.
        with Client(node.address, 60) as client:
            client.request("GET", "/s1/page")
            expect(client.read_response(sink=Check()).complete, "the whole body")
        with Client(node.address, 30, receive_buffer=4096) as client:
            client.request("GET", "/s2/page")
            client.read_head()
            found[f"answer {round_number}"] = settled(lambda: queued(1, lambda _, remote: remote == origin.port))
    deaf = context.node(f"http://127.0.0.1:{silent.getsockname()[1]}", ready=False)
    wait_until(lambda: os.path.exists(f"{deaf.runtime}/admin.sock") and len(deaf.workers()) == 2, "the node", 20)
    with Client(deaf.address, 30) as client:
        client.request("POST", "/upload", {"Content-Length": str(1 << 30)})
        client.sock.setblocking(False)

        def push():
            try:
                client.sock.send(BLOCK)
            except BlockingIOError:
                pass
            return queued(1, lambda local, remote: (local, remote) == (deaf.port, client.port))
        found["upload"] = settled(push)
    for kind, count in found.items():
        expect(count <= 1 << 20, f"{count >> 10} KiB unread: {kind}")
    return ", ".join(f"{kind} {count >> 10} KiB" for kind, count in found.items())


@case("an origin that stops in the middle of a fill is given up in its time, whatever the fill's first client does")
def stall_behind_a_slow_client(context):
    done = threading.Event()
    context.closers.append(done.set)

    def act(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\nCache-Control: max-age=60\r\n\r\n")
        connection.send(b"x" * 10_000_000)
        done.wait(60)
        return False
    origin = context.origin()
    origin.script("s1", "stalls").add(Reply(act=act))
    node = context.node(origin.url, workers=1, config="timeouts: {origin-between-bytes: 1s}\n")
    slow = Client(node.address, 60, receive_buffer=4096)
    slow.request("GET", "/s1/page")
    slow.read_head()
    with Client(node.address, 10) as client:
        client.request("GET", "/s1/page")
        began = time.monotonic()
        answer = client.read_response()
        expect(not answer.complete and time.monotonic() - began < 9, "cut when the origin's time was over")
