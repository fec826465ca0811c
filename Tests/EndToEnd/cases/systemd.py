"""A node under a mock of systemd: the notify protocol, and the descriptor store that outlives every process."""

import array
import os
import signal
import socket
import threading

from cases.restarts import command, exchange
from harness.client import Client
from harness.node import children_of
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

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
                self.stored[fields["FDNAME"]] = descriptors[0]
            if "FDSTOREREMOVE" in fields and fields["FDNAME"] in self.stored:
                os.close(self.stored.pop(fields["FDNAME"]))
            self.messages.append(fields)

    def close(self):
        self.socket.close()
        for descriptor in self.stored.values():
            os.close(descriptor)

    def says(self, name):
        return [message for message in self.messages if name in message]

    def start_again(self):
        """What a restart gets from the store: (prefix, environment, preexec) for the next node."""
        names = sorted(self.stored)
        high = [os.dup(self.stored[name]) for name in names]

        def place():
            for number, descriptor in enumerate(high):
                os.dup2(descriptor, 1000 + number)
            for number in range(len(high)):
                os.dup2(1000 + number, 3 + number)
        environment = {"NOTIFY_SOCKET": self.path, "LISTEN_FDS": str(len(names)), "LISTEN_FDNAMES": ":".join(names)}
        return {"prefix": ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"], "environment": environment, "preexec": place}


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
    # Supervisor first, then every worker: nothing of the node is left but what the manager holds.
    workers = children_of(node.pid)
    node.process.kill()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    node.process.wait()
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
