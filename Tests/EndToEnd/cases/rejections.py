"""What must not take over: worker binaries that exit, hang or crash, supervisor binaries that fail their preflight or
die after it, configurations that cannot be. The old generation goes on untouched, and the command says why."""

import os
import signal
import subprocess
import threading
import time

from cases.restarts import adopt, command, exchange
from harness.client import Client
from harness.node import RELEASE, command_line, free_port, memory_kib
from harness.origin import Reply
from harness.waiting import wait_until
from support import Skipped, case, expect

FRESH = {"Cache-Control": "max-age=3600"}
BODY = b"martlet" * 500


def script(context, text):
    path = f"{context.directory()}/binary"
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def program(context, body):
    """A C program that does `body` and otherwise is the real supervisor."""
    if not os.path.exists("/usr/bin/gcc"):
        raise Skipped("gcc is not installed (deploy/install-packages test)")
    path = f"{context.directory()}/binary"
    source = ('#include <fcntl.h>\n#include <signal.h>\n#include <string.h>\n#include <stdlib.h>\n#include <unistd.h>\n'
              f'int main(int n, char **a) {{ {body} execv("{os.path.abspath(RELEASE)}/martlet", a); return 1; }}\n')
    subprocess.run(["gcc", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
    return path


class Untouched:
    """A node with an open connection, and what must be the same after a change that was refused."""

    def __init__(self, context, **options):
        self.origin = context.origin()
        self.origin.script("s1", "rejections").add(Reply(200, FRESH, BODY))
        self.node = context.node(self.origin.url, **options)
        self.client = Client(self.node.address)
        exchange(self.client)
        self.look()

    def look(self):
        """What there is now is what must stay."""
        self.workers = self.node.workers()
        self.generation = self._generation()

    def _generation(self):
        generations = self.node.admin("GET", "/v1/status")[1]["generations"]
        return next(generation["number"] for generation in generations if generation["state"] == "current")

    def refuses(self, words, *reasons, seconds=15):
        """The command fails in time with a reason that has these words in it, and nothing has changed."""
        began = time.monotonic()
        said = command(self.node, *words, code=1)
        took = time.monotonic() - began
        expect(all(reason.lower() in said.lower() for reason in reasons), f"{words}: {reasons} in {said!r}")
        expect(took < seconds, f"{words}: an outcome within {seconds} s, not {took:.1f}")
        self.goes_on(words)

    def goes_on(self, words):
        """Nothing has changed, for those who are connected and for those who come."""
        wait_until(lambda: self.node.workers() == self.workers, f"{words}: the same workers")
        expect(self._generation() == self.generation, f"{words}: the same generation")
        expect(exchange(self.client) == BODY, f"{words}: the connection goes on")
        with Client(self.node.address) as fresh:
            expect(exchange(fresh) == BODY, f"{words}: new connections are served")


@case("worker binaries that exit, hang, cannot run or crash while they are watched: rolled back, and the reason said")
def worker_binaries(context):
    untouched = Untouched(context, config="restart:\n  canary: 3s\n")
    worker = f"{os.path.abspath(RELEASE)}/martlet-worker"
    untouched.refuses(["upgrade", "--worker", script(context, "#!/bin/sh\nexit 3\n")], "exited with code 3")
    untouched.refuses(["upgrade", "--worker", script(context, "not a program")], "")
    untouched.refuses(["upgrade", "--timeout", "2", "--worker", script(context, "#!/bin/sh\nexec sleep 600\n")],
                      "timed out")
    # Becomes a good worker, and is killed by a fault of its own about a second later.
    crashing = script(context, f"#!/bin/sh\n(sleep 1; kill -SEGV $$) &\nexec {worker}\n")
    untouched.refuses(["upgrade", "--worker", crashing], "SIGSEGV")
    # The same, and it stands still instead.
    hanging = script(context, f"#!/bin/sh\n(sleep 1; kill -STOP $$) &\nexec {worker}\n")
    untouched.refuses(["upgrade", "--worker", hanging], "did not answer a probe")
    command(untouched.node, "upgrade", "--worker", worker)
    expect(exchange(untouched.client) == BODY, "a good one takes over on the same connection")


@case("supervisor binaries that fail their preflight in any way: the running one goes on, and the reason is said")
def supervisor_binaries(context):
    untouched = Untouched(context)
    pid = untouched.node.pid
    for words, text, reason in (
        ([], "#!/bin/sh\nexit 7\n", "exited with code 7"),
        ([], "#!/bin/sh\necho 'no room for it' >&2; exit 1\n", "no room for it"),
        ([], "#!/bin/sh\nkill -ABRT $$\n", "SIGABRT"),
        (["--timeout", "2"], "#!/bin/sh\nexec sleep 600\n", "in time"),
        ([], "not a program", ""),
    ):
        untouched.refuses(["upgrade", *words, "--binary", script(context, text)], reason, "untouched")
    untouched.refuses(["upgrade", "--binary", "/etc/hostname"], "", seconds=5) if os.access(
        "/etc/hostname", os.X_OK) else None
    # Passes its preflight as a script, but the kernel cannot execute it in place.
    wrapper = script(context, f'#!/bin/sh\nexec {os.path.abspath(RELEASE)}/martlet "$@"\n')
    untouched.refuses(["upgrade", "--binary", wrapper], "cannot be executed")
    expect(untouched.node.alive() and untouched.node.pid == pid, "the same supervisor")
    command(untouched.node, "upgrade", "--binary", f"{RELEASE}/martlet")
    expect(exchange(untouched.client) == BODY, "a good one takes over")


@case("a supervisor binary that dies after exec: workers serve on, the command says so, the next start adopts")
def dies_after_exec(context):
    untouched = Untouched(context)
    bad = program(context, 'if (n > 1 && !strcmp(a[1], "resume")) raise(SIGSEGV);')
    node = untouched.node
    said = command(node, "upgrade", "--binary", bad, code=1)
    expect("supervisor died" in said and "adopt" in said, f"the command reports it: {said!r}")
    node.process.wait(10)
    expect(exchange(untouched.client) == BODY, "workers serve on")
    heir = adopt(context, node)
    expect(exchange(untouched.client) == BODY, "the connection goes on after the adoption")
    wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in untouched.workers), "old ones gone")
    expect(heir.workers(), "new workers")


@case("a supervisor binary that stands still after exec: workers serve on, the command says so in time, a kill helps")
def stands_still_after_exec(context):
    untouched = Untouched(context)
    bad = program(context, 'if (n > 1 && !strcmp(a[1], "resume")) for (;;) pause();')
    began = time.monotonic()
    said = command(untouched.node, "upgrade", "--binary", bad, "--timeout", "2", code=1)
    expect("no outcome" in said and "no answer in time" in said, f"the command reports it: {said!r}")
    expect(time.monotonic() - began < 6, f"within its timeout and a little: {time.monotonic() - began:.1f} s")
    expect(exchange(untouched.client) == BODY, "workers serve on")
    adopt(context, untouched.node)
    expect(exchange(untouched.client) == BODY, "the connection goes on after a kill and the adoption")


@case("less and less memory for a supervisor binary: its preflight says when it is too little, the old one goes on")
def too_little_memory(context):
    untouched = Untouched(context)
    size, tried = memory_kib(untouched.node.pid, "VmSize"), 0
    # A script passes its preflight and cannot be executed in place: what was enough is seen by that.
    for limit in (4 * size, *range(size, size // 2, -16 * 1024)):
        bad = script(context, f'#!/bin/bash\nulimit -v {limit}\nexec {os.path.abspath(RELEASE)}/martlet "$@"\n')
        said = command(untouched.node, "upgrade", "--binary", bad, code=1)
        expect("untouched" in said, f"{limit} KiB: {said!r}")
        if "cannot be executed" not in said:
            break
        tried += 1
    expect(tried > 0, f"enough is enough: {said!r}")
    expect("memory" in said, f"{limit} KiB: the reason: {said!r}")
    # Not asked again: what was just too little may be just enough another time.
    untouched.goes_on("an upgrade without memory")
    return f"refused with {(size - limit) // 1024} MiB less than the running one has"


@case("one that stands still is ended by its alarm, the next start adopts; one that took over is not ended")
def ended_after_exec(context):
    good = Untouched(context)
    command(good.node, "upgrade", "--binary", f"{RELEASE}/martlet")
    untouched = Untouched(context)
    node = untouched.node
    bad = program(context, 'if (n > 1 && !strcmp(a[1], "resume")) for (;;) pause();')
    said = command(node, "upgrade", "--binary", bad, code=1)
    expect("supervisor died" in said and "adopt" in said, f"the command reports it: {said!r}")
    expect(node.process.wait(10) == -signal.SIGALRM, f"ended by {node.process.returncode}")
    expect("SIGALRM ends it" in node.log_tail(), f"the log says what it may meet: {node.log_tail()}")
    expect(exchange(untouched.client) == BODY, "workers serve on")
    adopt(context, node)
    expect(exchange(untouched.client) == BODY, "the connection goes on after the adoption")
    expect(good.node.alive() and exchange(good.client) == BODY, "the one that took over lives on")


@case("configurations that do not parse, name a taken port or ask for too much: refused, nothing touched")
def configurations(context):
    config = f"{context.directory()}/node.yaml"
    port, taken = free_port(), context.origin().url.rsplit(":", 1)[1]

    def write(text, listen=f"127.0.0.1:{port}"):
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'listen: ["{listen}"]\n{text}\n')
    write("workers: 2")
    # Without flags: what a flag says, the file cannot change.
    untouched = Untouched(context, flags=["--config", config], port=port, bare=True)
    for text, *reasons in (
        ("timeouts: [", "node.yaml:3:1"),
        ("timeouts:\n  idel: 30s", "idel", "idle"),
        ("timeouts:\n  idle: soon", "soon", ":3:9"),
        ("workers: 9\nmax-workers: 4", "max-workers"),
        ("max-workers: 4000", "4000"),
        ("workers: 700", "700"),
        ("cache:\n  size: 900TiB", "cache size"),
        ("worker: /nonexistent/worker", "/nonexistent/worker"),
        # Only the new workers can tell.
        (f"sites:\n  - {{hosts: [tls.test], origin: 'https://127.0.0.1:1'}}\norigin-tls: {{ca-file: {config}}}",
         "origin-tls.ca-file", config),
    ):
        write(text)
        untouched.refuses(["reload"], *reasons)
    for address, *reasons in ((f"127.0.0.1:{taken}", "in use", taken), (f"192.0.2.77:{taken}", "192.0.2.77")):
        write("workers: 2", f'127.0.0.1:{port}", "{address}')
        untouched.refuses(["reload"], *reasons)
    os.remove(config)
    untouched.refuses(["reload"], "node.yaml")
    write("workers: 2\ntimeouts:\n  idle: 31s")
    command(untouched.node, "reload")
    expect(exchange(untouched.client) == BODY, "a good one takes over")


def is_watched(node):
    return (node.admin("GET", "/v1/status")[1].get("change") or {}).get("phase") == "canary"


@case("a change taken back while its first slot is watched: connections that the new worker had taken go back as well")
def taken_back(context):
    untouched = Untouched(context, config="restart:\n  canary: 30s\n")
    node, clients = untouched.node, []

    def connect():
        wait_until(lambda: is_watched(node), "the watch")
        for _ in range(20):
            clients.append(Client(node.address))
            exchange(clients[-1])
    thread = threading.Thread(target=connect)
    thread.start()
    untouched.refuses(["reload", "--timeout", "2"], "timed out", "untouched")
    thread.join()
    expect(len(clients) == 20, "connections made while the first slot was watched")
    for client in clients:
        expect(exchange(client) == BODY, "the connection goes on")


@case("a supervisor killed in the middle of a change: both generations serve on, the next one adopts and ends it")
def killed_in_a_change(context):
    untouched = Untouched(context, config="restart:\n  canary: 30s\n")
    node = untouched.node
    change = threading.Thread(target=lambda: command(node, "reload", code=1))
    change.start()
    wait_until(lambda: is_watched(node), "the watch")
    clients = [Client(node.address) for _ in range(20)]
    for client in clients:
        exchange(client)
    orphans = node.workers()
    heir = adopt(context, node)
    change.join()
    for client in (*clients, untouched.client):
        expect(exchange(client) == BODY, "the connection goes on")
    wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in orphans), "the orphans replaced")
    for client in (*clients, untouched.client):
        expect(exchange(client) == BODY, "the connection goes on after that")
    expect(len(heir.workers()) == 2, "two workers")
