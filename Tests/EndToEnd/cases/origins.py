"""Several origins for one site: shares, failures, health checks, the line before a full pool, and names that move."""

import collections
import http.server
import os
import signal
import socket
import struct
import threading
import time

from harness.client import Client
from harness.node import free_port
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import Skipped, case, expect, halt


class Named:
    """An origin that answers its own name, slowly if told, and counts what it was asked."""

    def __init__(self, context, name, address="127.0.0.1", port=0, delay=0.0):
        self.name = name
        self.delay = delay
        self.paths = collections.Counter()
        self.healthy = True
        self.busy = self.most = 0
        self.lock = threading.Lock()
        self.connections = []
        named = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                named.connections.append(self.connection)

            def do_GET(self):
                status, body = named.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True

        self.server = Server((address, port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        context.closers.append(self.close)

    def answer(self, path):
        with self.lock:
            self.paths[path] += 1
            self.busy += 1
            self.most = max(self.most, self.busy)
        if self.delay and path != "/up":
            pace(self.delay)
        with self.lock:
            self.busy -= 1
        return (200 if self.healthy else 503) if path == "/up" else 200, self.name.encode()

    def asked(self):
        return sum(count for path, count in self.paths.items() if path.startswith("/page"))

    def close(self):
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def origins_yaml(servers, weights=None, more=""):
    lines = [f"  - {{url: 'http://127.0.0.1:{server.port}', weight: {weight}}}"
             for server, weight in zip(servers, weights or [1] * len(servers))]
    return "origins:\n" + "\n".join(lines) + "\n" + more


def ask(node, path):
    with Client(node.address, 20) as client:
        client.request("GET", path)
        return client.read_response()


def ask_many(node, count, prefix="/page"):
    """Names of the origins that answered, all with 200."""
    names = collections.Counter()
    with Client(node.address, 20) as client:
        for number in range(count):
            client.request("GET", f"{prefix}{number}")
            response = client.read_response()
            expect(response.status == 200, f"{prefix}{number}: {response!r}")
            names[response.body.decode()] += 1
    return names


def counter(node, name):
    return node.admin("GET", "/v1/status")[1]["counters"][name]


@case("several origins share requests by weight; one that dies costs nobody an answer, and comes back")
def balancing(context):
    servers = [Named(context, name) for name in "abc"]
    node = context.node(None, config=origins_yaml(servers, [1, 1, 2], "health: {eject-after: 3, eject-for: 300ms}\n"))
    names = ask_many(node, 200)
    expect(names["c"] > 65 and min(names["a"], names["b"]) > 20, f"shares by weight: {names}")
    servers[2].close()
    after = ask_many(node, 100)
    expect(after["c"] == 0 and after["a"] + after["b"] == 100, f"the dead one answered nothing: {after}")
    expect(counter(node, "origin_ejections") >= 1, "it was left out")
    again = Named(context, "c", port=servers[2].port)
    wait_until(lambda: ask_many(node, 10)["c"] > 0, "its return")
    expect(again.asked() > 0, "it was asked")
    return f"shares {dict(names)}, then {dict(after)}"


@case("consistent hashing: a URL always has the same origin, and only the lost origin's URLs move")
def hashing(context):
    servers = [Named(context, name) for name in "abc"]
    node = context.node(None, config=origins_yaml(servers, more="balance: consistent-hash\n"))
    homes = {f"/page{number}": ask(node, f"/page{number}").body for number in range(60)}
    expect(len(set(homes.values())) == 3, f"every origin has some: {collections.Counter(homes.values())}")
    expect(all(ask(node, path).body == home for path, home in homes.items()), "each keeps its home")
    servers[0].close()
    moved = {path: ask(node, path).body for path in homes}
    expect(all(moved[path] == home for path, home in homes.items() if home != b"a"), "the others stay")
    expect(b"a" not in moved.values(), "the lost one's URLs have new homes")


@case("health checks take an origin out and bring it back, and the log says so")
def health_checks(context):
    servers = [Named(context, name) for name in "ab"]
    node = context.node(None, config=origins_yaml(
        servers, more="health: {path: /up, interval: 100ms, fall: 2, rise: 2}\n"))
    wait_until(lambda: all(server.paths["/up"] > 1 for server in servers), "checks of both")
    expect(len(ask_many(node, 40)) == 2, "both answer")
    servers[0].healthy = False
    wait_until(lambda: node.log_tail().count("down, its health checks failed") >= node.wanted_workers, "the verdict")
    before = servers[0].asked()
    expect(ask_many(node, 60) == {"b": 60}, "only the healthy one answers")
    expect(servers[0].asked() == before, "the other was not asked")
    servers[0].healthy = True
    wait_until(lambda: node.log_tail().count("up again") >= node.wanted_workers, "its return")
    expect(len(ask_many(node, 40)) == 2, "both answer again")


@case("a full pool makes requests wait in line; a full line answers 503 and says why")
def line(context):
    server = Named(context, "a", delay=0.15)
    node = context.node(None, workers=1, config=origins_yaml([server], more="pool: {connections: 2, queue: 3}\n"))
    node_clients = [Client(node.address, 20) for _ in range(12)]
    server.most = 0
    for number, client in enumerate(node_clients):
        client.request("GET", f"/page{number}")
    answers = [client.read_response() for client in node_clients]
    for client in node_clients:
        client.close()
    statuses = collections.Counter(answer.status for answer in answers)
    expect(statuses == {200: 5, 503: 7}, f"two at once, three in line, the rest refused: {statuses}")
    expect(server.most == 2, f"{server.most} requests at once at the origin")
    refused = next(answer for answer in answers if answer.status == 503)
    expect("detail=origin-busy" in (refused.get("Cache-Status") or ""), f"{refused!r}")


class NameServer:
    """Answers A and AAAA questions for every name from `addresses`; nothing but failures while `broken`."""

    def __init__(self, context, *addresses):
        self.addresses = addresses
        self.broken = False
        self.questions = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.done = False
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        context.closers.append(self.close)

    def _serve(self):
        while not self.done:
            try:
                question, peer = self.socket.recvfrom(2048)
            except socket.timeout:
                continue
            self.questions += 1
            self.socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        end = question.index(b"\0", 12) + 5
        kind = struct.unpack(">H", question[end - 4:end - 2])[0]
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        records = [] if self.broken else [
            socket.inet_pton(family, address) for address in self.addresses
            if family == (socket.AF_INET6 if ":" in address else socket.AF_INET)]
        head = question[:2] + struct.pack(">HHHHH", 0x8182 if self.broken else 0x8180, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data)) + data for data in records)
        return head + question[12:end] + body

    def close(self):
        self.done = True
        self.thread.join()
        self.socket.close()


@case("an origin's name is resolved again when its time is over; without an answer the last addresses stay in use")
def names_move(context):
    port = free_port()
    first = Named(context, "first", "127.0.0.1", port)
    second = Named(context, "second", "127.0.0.2", port)
    names = NameServer(context, "127.0.0.1")
    node = context.node(f"http://origin.test:{port}", config=(
        f"dns: {{servers: ['127.0.0.1:{names.port}'], minimum-ttl: 200ms}}\n"))
    expect(set(ask_many(node, 20)) == {"first"}, "the first address")
    names.addresses = ("127.0.0.2",)
    wait_until(lambda: set(ask_many(node, 20)) == {"second"}, "the move to the second address")
    names.broken = True
    failures = counter(node, "resolve_failures")
    wait_until(lambda: counter(node, "resolve_failures") > failures + 1, "failed questions")
    expect(set(ask_many(node, 20)) == {"second"}, "the last good address")
    expect("name not resolved" in node.log_tail(), "a line in the log")
    names.broken = False
    names.addresses = ("127.0.0.1", "127.0.0.2")
    wait_until(lambda: counter(node, "origin_moves") >= 3 * node.wanted_workers, "both addresses in every worker")
    second.close()
    wait_until(lambda: set(ask_many(node, 20)) == {"first"}, "the other address of two")
    expect(first.asked() > 0, "the first was asked")


@case("an origin that has IPv6 addresses only")
def ipv6_only(context):
    try:
        server = Named(context, "six", "::1")
    except OSError as problem:
        raise Skipped(f"no IPv6 here: {problem}") from problem
    names = NameServer(context, "::1")
    node = context.node(f"http://origin.test:{server.port}", config=(
        f"dns: {{servers: ['127.0.0.1:{names.port}']}}\n"))
    expect(set(ask_many(node, 20)) == {"six"}, "answers over IPv6")


def silent_listener(context, address, port):
    """Listens, and accepts nothing; whoever comes now hears nothing."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    silent.bind((address, port))
    silent.listen(0)
    context.closers.append(silent.close)
    fill_queue(context, address, port)
    return silent


def fill_queue(context, address, port):
    for _ in range(3):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex((address, port))
        context.closers.append(waiting.close)


@case("of two addresses that both are silent the first to speak gets the request, also if it was tried first")
def racing_addresses(context):
    port = free_port()
    listeners = {address: silent_listener(context, address, port) for address in ("127.0.0.1", "127.0.0.2")}
    for first, last in (("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")):
        names = NameServer(context, first, last)
        node = context.node(f"http://origin.test:{port}", ready=False, workers=1, config=(
            f"dns: {{servers: ['127.0.0.1:{names.port}']}}\ntimeouts: {{origin-connect: 20s}}\n"))
        wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock") and len(node.workers()) == 1, "the node", 20)
        with Client(node.address, 20) as client:
            client.request("GET", "/page")
            wait_until(lambda: counter(node, "origin_connects") >= 2, "both attempts")
            # It has room again when the kernel asks once more, and the other has not.
            connection = accept_request(listeners["127.0.0.1"])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nspeaks")
            expect(client.read_response().body == b"speaks", "the answer of the one that speaks")
            connection.close()
        fill_queue(context, "127.0.0.1", port)


def accept_request(listener):
    """Accepts until somebody has sent a request."""
    listener.settimeout(15)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(0.05)
        try:
            if connection.recv(65536):
                return connection
        except socket.timeout:
            pass
        connection.close()


@case("of two addresses one that does not answer costs a quarter of a second, once, whichever comes first")
def silent_address(context):
    port = free_port()
    Named(context, "speaks", "127.0.0.1", port)
    silent_listener(context, "127.0.0.2", port)
    slowest = 0.0
    for addresses in (("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")):
        names = NameServer(context, *addresses)
        node = context.node(f"http://origin.test:{port}", ready=False, config=(
            f"dns: {{servers: ['127.0.0.1:{names.port}']}}\n"))
        wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock") and len(node.workers()) == 2, "the node", 20)
        for number in range(12):
            began = time.monotonic()
            expect(ask(node, f"/page{number}").body == b"speaks", "the answer of the other address")
            slowest = max(slowest, time.monotonic() - began)
    expect(slowest < 1, f"an answer took {slowest:.2f} s")
    expect(slowest > 0.2, "somebody has met the silent address")
    return f"slowest answer {slowest:.2f} s"


@case("what an origin sends on an idle connection is never the next answer, even when both come in one turn")
def unasked_answer(context):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    origin = context.origin()
    connections = []

    def act(connection, request):
        connections.append(connection)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\ngood")
        return True
    origin.script("s1", "unasked").add(Reply(act=act))
    node = context.node(origin.url, workers=1)
    worker, = node.workers()
    with Client(node.address) as client:
        for number in range(20):
            client.request("GET", f"/s1/first{number}")
            expect(client.read_response().body == b"good", "an answer")
            halt(worker)
            try:
                client.request("GET", f"/s1/second{number}")
                connections[-1].send(evil)
            finally:
                os.kill(worker, signal.SIGCONT)
            body = client.read_response().body
            expect(body == b"good", f"the answer to the second request, not {body!r}")
