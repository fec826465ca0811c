"""A node whose log nobody reads: a pipe that is full. It serves, obeys and changes as ever, and says what was lost."""

import contextlib
import os
import signal
import socket
import threading

from cases.restarts import command, exchange
from harness.client import Client
from harness.node import RELEASE
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

FRESH = {"Cache-Control": "max-age=3600"}
BODY = b"martlet" * 100


class Log:
    """A named pipe as standard output and standard error of a node."""

    def __init__(self, context):
        self.path = f"{context.directory()}/log"
        os.mkfifo(self.path)
        self.pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.seen = b""
        context.closers.append(lambda: os.close(self.pipe))

    def options(self):
        return {"prefix": ["sh", "-c", 'exec "$@" >"$0" 2>&1', self.path]}

    def fill(self):
        for size in (4096, 1):
            try:
                while True:
                    os.write(self.pipe, b"." * size)
            except BlockingIOError:
                pass

    def said(self, text):
        """Reads what there is, and says whether the text has come."""
        try:
            while True:
                self.seen += os.read(self.pipe, 65536)
        except BlockingIOError:
            pass
        return text.encode() in self.seen


def lose_lines(node):
    """More than is kept of what nobody reads: refused reloads, each with a long reason."""
    for _ in range(20):
        status, answer = node.admin("POST", "/v1/reload", {"io": "x" * 30_000})
        expect(status == 202, f"a reload: {status} {answer}")


@case("a reader of the log that stands still: commands, signals, dead workers, upgrades are as ever; losses are told")
def nobody_reads(context):
    origin = context.origin()
    origin.script("s1", "logs").add(Reply(200, FRESH, BODY))
    log = Log(context)
    node = context.node(origin.url, **log.options())
    log.fill()
    for change in (None, ("reload",), ("upgrade", "--binary", f"{RELEASE}/martlet"), ("upgrade",)):
        if change:
            command(node, *change)
        victim = node.workers()[0]
        node.kill_worker(victim)
        node.wait_replaced(victim)
        expect("serving" in command(node, "status"), "status answers")
        with Client(node.address) as client:
            expect(exchange(client) == BODY, "it serves")
    lose_lines(node)
    wait_until(lambda: log.said("lines of the log were lost"), "what was lost is told")
    victim = node.workers()[0]
    node.kill_worker(victim)
    wait_until(lambda: log.said(f"(pid {victim})"), "what comes after it is logged")
    expect(log.seen.index(b"were lost") < log.seen.index(f"(pid {victim})".encode()), "in order")
    log.fill()
    node.process.send_signal(signal.SIGTERM)
    expect(node.process.wait(15) == 0, "TERM is obeyed")


@case("a reader of the log that stands still: a worker with something to say serves on")
def workers_have_something_to_say(context):
    log = Log(context)
    node = context.node(f"https://127.0.0.1:{speaks_no_tls(context)}", workers=1, ready=False, **log.options())
    wait_until(lambda: log.said("serves on"), "the start")
    log.fill()
    for number in range(5):
        with Client(node.address, 10) as client:
            client.request("GET", f"/s1/{number}")
            answer = client.read_response()
            expect(answer and answer.status == 502, f"an origin that speaks no TLS: {answer!r}")
    expect("serving" in command(node, "status"), "status answers")


def speaks_no_tls(context):
    """An origin that says something else to everybody; its port."""
    server = socket.create_server(("127.0.0.1", 0))
    context.closers.append(server.close)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer = server.accept()[0]
                with peer, contextlib.suppress(OSError):
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                    peer.recv(4096)
    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]
