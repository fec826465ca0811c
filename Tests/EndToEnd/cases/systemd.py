"""A node under a mock of systemd: the notify protocol, and the descriptor store that outlives every process."""

import array
import os
import signal
import socket
import stat
import threading

from cases.listeners import OtherClient
from cases.restarts import command, exchange
from harness.client import Client
from harness.node import children_of, free_port
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, refused

BODY = b"martlet" * 5000
FRESH = {"Cache-Control": "max-age=3600"}


class Manager:
    """The service manager's end of the notify socket. Keeps messages in order and stored descriptors by name."""

    def __init__(self, context):
        self.path = f"{context.directory()}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.messages = []
        self.stored = {}
        context.closers.append(self.close)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 64))
            except OSError:
                return
            descriptors = array.array("i")
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(content)
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            if "FDSTORE" in fields:
                self._store(fields["FDNAME"], descriptors[0])
            if "FDSTOREREMOVE" in fields and fields["FDNAME"] in self.stored:
                os.close(self.stored.pop(fields["FDNAME"]))
            self.messages.append(fields)

    def _store(self, name, descriptor):
        """As systemd does, which keeps the same socket once, under the name it had first."""
        # A node must have its own copies and no other.
        os.set_inheritable(descriptor, False)
        what = os.fstat(descriptor)
        same = [kept for kept in self.stored.values() if os.path.sameopenfile(kept, descriptor)]
        if stat.S_ISSOCK(what.st_mode) and same:
            os.close(descriptor)
            return
        if name in self.stored:
            os.close(self.stored[name])
        self.stored[name] = descriptor

    def close(self):
        self.socket.close()
        for descriptor in self.stored.values():
            os.close(descriptor)

    def says(self, name):
        return [message for message in self.messages if name in message]

    def start_again(self):
        """What a restart gets from the store: (prefix, environment, preexec) for the next node."""
        names = sorted(self.stored)
        kept = [self.stored[name] for name in names]

        def place():
            for number, descriptor in enumerate(kept):
                os.dup2(descriptor, 1000 + number, inheritable=False)
            for number in range(len(kept)):
                os.dup2(1000 + number, 3 + number)
        environment = {"NOTIFY_SOCKET": self.path, "LISTEN_FDS": str(len(names)), "LISTEN_FDNAMES": ":".join(names)}
        return {"prefix": ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"], "environment": environment, "preexec": place}


def kill_all(node):
    """Supervisor first, then every worker: nothing of the node is left but what the manager holds."""
    workers = children_of(node.pid)
    node.process.kill()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    node.process.wait()


@case("notify protocol and descriptor store: when every process is gone, listeners and cache are still there")
def store_outlives_all(context):
    manager = Manager(context)
    origin = context.origin()
    script = origin.script("s1", "systemd").add(Reply(200, FRESH, BODY))
    node = context.node(origin.url, environment={"NOTIFY_SOCKET": manager.path})
    wait_until(lambda: manager.says("READY"), "READY=1")
    expect(manager.says("READY")[-1]["MAINPID"] == str(node.pid), "MAINPID")
    wait_until(lambda: {"cache", "node", "lane-0", "slot-0-0", "slot-7-0"} <= set(manager.stored), "the store filled")
    missing = node.admin("GET", "/v1/status")[1]["missingMechanisms"]
    expect(not any("descriptor store" in text for text in missing), f"nothing is missing: {missing}")
    with Client(node.address) as client:
        exchange(client)
    ready = len(manager.says("READY"))
    command(node, "reload")
    wait_until(lambda: len(manager.says("READY")) > ready, "READY=1 after the reload")
    expect(int(manager.says("RELOADING")[-1]["MONOTONIC_USEC"]) > 0, "RELOADING=1 with its time")
    kill_all(node)
    waiting = Client(node.address, 30)
    waiting.request("GET", "/s1/page")
    heir = context.node(origin.url, port=node.port, runtime=node.runtime, ready=False, **manager.start_again())
    expect(waiting.read_response().body == BODY, f"the connection that waited in the queue: {heir.log_tail()}")
    expect(len(script.requests) == 1, "from the cache that was kept")
    with Client(heir.address) as client:
        expect(exchange(client) == BODY, "a new connection")
    expect(heir.stop() == 0, "exit code 0")
    wait_until(lambda: not manager.stored, "the store emptied by a stop that was asked for")
    expect(manager.says("STOPPING"), "STOPPING=1")


@case("a Unix socket in the descriptor store: when every process is gone the next start serves on it")
def unix_socket_in_store(context):
    manager = Manager(context)
    origin = context.origin()
    origin.script("s1", "systemd").add(Reply(200, FRESH, BODY))
    path = f"{context.directory()}/martlet.sock"
    for addresses in ((path,), (path, "127.0.0.1")):
        flags = ["--workers", "2", "--listen", f"unix:{path}"]
        port = free_port()
        if len(addresses) > 1:
            flags += ["--listen", f"127.0.0.1:{port}"]
        options = {"bare": True, "ready": False, "flags": flags, "port": port}
        node = context.node(origin.url, environment={"NOTIFY_SOCKET": manager.path}, **options)
        wait_until(lambda: manager.says("READY") and "slot-0-0" in manager.stored, "the store filled")
        for _ in range(2):
            kill_all(node)
            manager.messages.clear()
            node = context.node(origin.url, runtime=node.runtime, **options, **manager.start_again())
            wait_until(lambda node=node: manager.says("READY") or not node.alive(), "the next start")
            expect(node.alive(), f"it starts: {node.log_tail()}")
            with OtherClient(socket.AF_UNIX, path) as client:
                expect(exchange(client) == BODY, "by the Unix socket")
            if len(addresses) > 1:
                with Client(node.address) as client:
                    expect(exchange(client) == BODY, "by the port")
        expect(node.stop() == 0, "exit code 0")
        wait_until(lambda: not manager.stored, "the store emptied")
        expect(not os.path.exists(path), "no socket file left")
        manager.messages.clear()


@case("an address that a reload removed leaves the descriptor store, and can be served again after everything died")
def removed_address_in_store(context):
    manager = Manager(context)
    origin = context.origin()
    origin.script("s1", "systemd").add(Reply(200, FRESH, BODY))
    ports = [free_port(), free_port()]
    path = f"{context.directory()}/node.yaml"

    def configure(*chosen):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"listen: [{', '.join(f'127.0.0.1:{port}' for port in chosen)}]\norigin: {origin.url}\n")

    def slots():
        return {name for name in manager.stored if name.startswith("slot-")}

    options = {"bare": True, "ready": False, "flags": ["--workers", "2", "--config", path]}
    configure(*ports)
    node = context.node(None, port=ports[1], environment={"NOTIFY_SOCKET": manager.path}, **options)
    wait_until(lambda: {"slot-0-0", "slot-0-1"} <= slots(), "the store filled")
    configure(ports[1])
    command(node, "reload")
    wait_until(lambda: refused(ports[0]), "the removed address refused")
    wait_until(lambda: not any(name.endswith("-0") for name in slots()), "its listeners forgotten")
    configure(*ports)
    for _ in range(2):
        kill_all(node)
        manager.messages.clear()
        node = context.node(None, port=ports[1], runtime=node.runtime, **options, **manager.start_again())
        wait_until(lambda node=node: manager.says("READY") or not node.alive(), "the next start")
        for port in ports:
            with Client(("127.0.0.1", port)) as client:
                expect(exchange(client) == BODY, "both addresses serve")
        wait_until(lambda: {"slot-0-0", "slot-0-1"} <= slots(), "the store filled anew")
    expect(node.stop() == 0, "exit code 0")


@case("what is shut down or incomplete in the descriptor store is not taken for an address that is served")
def dead_listeners_in_store(context):
    manager = Manager(context)
    origin = context.origin()
    origin.script("s1", "systemd").add(Reply(200, FRESH, BODY))
    for harm in ("shut down", "incomplete"):
        node = context.node(origin.url, environment={"NOTIFY_SOCKET": manager.path})
        wait_until(lambda: manager.says("READY") and "slot-0-0" in manager.stored, "the store filled")
        kill_all(node)
        manager.messages.clear()
        if harm == "incomplete":
            os.close(manager.stored.pop("slot-0-0"))
        else:
            for name in [name for name in manager.stored if name.startswith("slot-")]:
                dead = socket.socket(fileno=os.dup(manager.stored[name]))
                dead.shutdown(socket.SHUT_RDWR)
                dead.close()
        node = context.node(origin.url, port=node.port, runtime=node.runtime, ready=False, **manager.start_again())
        wait_until(lambda node=node: manager.says("READY") or not node.alive(), "the next start")
        expect(node.alive(), f"{harm}: it starts: {node.log_tail()}")
        with Client(node.address) as client:
            expect(exchange(client) == BODY, f"{harm}: the address serves")
        expect(node.stop() == 0, "exit code 0")
        wait_until(lambda: not manager.stored, "the store emptied")
        manager.messages.clear()
