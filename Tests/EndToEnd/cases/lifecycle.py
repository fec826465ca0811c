"""A node's life: starting, status, a worker that dies, a supervisor that dies, stopping without a trace."""

import os
import shutil
import signal
import subprocess
import threading

from harness.client import Client
from harness.message import Ended
from harness.node import RELEASE, children_of, command_line, free_port
from harness.origin import Reply
from harness.waiting import wait_until
from support import Skipped, case, expect, martlet

FRESH = {"Cache-Control": "max-age=3600"}


def ask(node, path="/s1/page"):
    with Client(node.address) as client:
        client.request("GET", path)
        return client.read_response()


@case("SIGTERM: exit code 0, no process and no file left behind")
def stops_cleanly(context):
    origin = context.origin()
    origin.script("s1", "lifecycle").add(Reply(200, FRESH))
    node = context.node(origin.url)
    expect(ask(node).status == 200, "the node serves")
    workers = children_of(node.pid)
    before = set(os.listdir(node.runtime))
    expect(before, "the runtime directory is in use")
    expect(os.stat(node.runtime).st_mode & 0o777 == 0o700, "the runtime directory has mode 0700")
    code = node.stop()
    expect(code == 0, f"exit code 0, not {code}: {node.log_path}")
    expect(not any("martlet" in command_line(pid) for pid in workers), "no worker left")
    left = os.listdir(node.runtime) if os.path.exists(node.runtime) else []
    expect(not left, f"no file left, but {left}")


@case("started without standard input, output and error: the numbers 0 to 2 are nobody else's, also after an upgrade")
def closed_descriptors(context):
    node = context.node(
        context.origin().url, flags=["--cache-file", f"{context.directory()}/cache", "--cache-size", "16MiB"],
        preexec=lambda: os.closerange(0, 3))

    def look(when):
        for pid in (node.pid, *children_of(node.pid)):
            found = [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)]
            expect(found == ["/dev/null"] * 3, f"{when}, {command_line(pid)}: {found}")
    look("at the start")
    code, _, error = martlet("upgrade", "--runtime-dir", node.runtime)
    expect(code == 0, f"upgrade: {error}")
    wait_until(lambda: len(children_of(node.pid)) == 3, "the new workers and the janitor only")
    look("after an upgrade")
    expect(node.stop() == 0, "a clean stop")


@case("SIGINT stops as well; a response under way is finished first")
def finishes_response(context):
    gate = threading.Event()
    body = b"b" * 100_000

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:1000])
        gate.wait(20)
        connection.send(body[1000:])
        return True
    origin = context.origin()
    origin.script("s1", "lifecycle").add(Reply(act=act))
    node = context.node(origin.url)
    client = Client(node.address)
    client.request("GET", "/s1/page")
    head = client.read_head()
    node.process.send_signal(signal.SIGINT)
    gate.set()
    expect(client.read_body(head).body == body, "the whole body in spite of SIGINT")
    expect(node.process.wait(30) == 0, "exit code 0")


@case("martlet status and martlet stop, by runtime directory")
def status_and_stop(context):
    node = context.node(context.origin().url)
    code, out, error = martlet("status", "--runtime-dir", node.runtime)
    expect(code == 0 and out.strip(), f"status: exit {code}, {out!r} {error!r}")
    for pid in node.workers():
        expect(str(pid) in out, f"status names worker {pid}: {out!r}")
    status, document = node.admin("GET", "/v1/status")
    expect(status == 200 and isinstance(document, dict), f"/v1/status: {status} {document!r}")
    code, out, error = martlet("stop", "--runtime-dir", node.runtime, seconds=40)
    expect(code == 0, f"stop: exit {code}, {out!r} {error!r}")
    expect(node.process.wait(20) == 0, "the node exits with 0")


@case("a worker killed with kill -9 is replaced at once; what it had stored stays")
def worker_replaced(context):
    origin = context.origin()
    script = origin.script("s1", "lifecycle").add(Reply(200, FRESH))
    node = context.node(origin.url)
    first = ask(node).body
    for _ in range(4):
        victim = node.workers()[0]
        node.kill_worker(victim)
        node.wait_replaced(victim)
        expect(ask(node).body == first, "the stored answer")
    for worker in node.workers():
        with node.connect(worker) as client:
            client.request("GET", "/s1/page")
            expect(client.read_response().body == first, "the stored answer over every worker")
    expect(len(script.requests) == 1, f"one fetch in all, not {len(script.requests)}")


@case("the supervisor killed with kill -9: workers keep serving, the next martlet run replaces them")
def supervisor_killed(context):
    origin = context.origin()
    origin.script("s1", "lifecycle").add(Reply(200, FRESH))
    node = context.node(origin.url)
    workers = children_of(node.pid)
    ask(node)
    node.process.kill()
    node.process.wait()
    try:
        for _ in range(10):
            expect(ask(node).status == 200, "orphans serve")
        heir = context.node(origin.url, port=node.port, runtime=node.runtime)
        expect(ask(heir).status == 200, "the next node serves")
        wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in workers), "orphans gone", 30)
        expect(heir.stop() == 0, "exit code 0")
    finally:
        for pid in workers:
            if "martlet-worker" in command_line(pid):
                os.kill(pid, signal.SIGKILL)


@case("workers have exactly the descriptors they need, and no Foundation")
def worker_shape(context):
    node = context.node(context.origin().url)
    for pid in node.workers():
        names = {}
        for number in os.listdir(f"/proc/{pid}/fd"):
            names[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        expect(names[0] == "/dev/null", f"standard input is /dev/null: {names[0]}")
        strange = [name for name in names.values()
                   if not name.startswith(("socket:", "pipe:", "anon_inode:", "/memfd:", "/dev/", "/proc/"))
                   and not name.startswith((node.runtime, node.log_path))]
        expect(not strange, f"worker {pid} holds {strange}")
        with open(f"/proc/{pid}/maps", encoding="latin-1") as maps:
            loaded = {line.split()[-1] for line in maps if ".so" in line}
        expect(not any("Foundation" in name or "dispatch" in name for name in loaded), f"worker {pid} loads {loaded}")
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            threads = next(line.split()[1] for line in status if line.startswith("Threads:"))
        expect(threads == "1", f"worker {pid} has {threads} threads")


@case("without an origin the demo site runs: a MISS, then a HIT, both printed with their times")
def demo(context):
    node = context.node(None)
    wait_until(lambda: "HIT" in node.log_tail(8000).upper() and "MISS" in node.log_tail(8000).upper(),
               "MISS and HIT printed")
    expect(str(node.port) in node.log_tail(8000), "the address printed")
    response = ask(node, "/")
    expect(response.status == 200 and response.body, f"the front page: {response!r}")


@case("--workers auto honours the affinity mask")
def workers_auto(context):
    if not shutil.which("taskset"):
        raise Skipped("taskset is not installed")
    runtime = context.directory()
    origin = context.origin()
    log = open(f"{context.directory()}/log", "wb")
    process = subprocess.Popen(
        ["taskset", "-c", str(min(os.sched_getaffinity(0))), f"{RELEASE}/martlet", "run", "--origin", origin.url,
         "--listen", f"127.0.0.1:{free_port()}", "--workers", "auto", "--runtime-dir", f"{runtime}/node"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    context.closers.append(log.close)
    try:
        def workers():
            return [pid for pid in children_of(process.pid)
                    if "martlet-worker" in command_line(pid) and "--janitor" not in command_line(pid)]
        wait_until(lambda: workers() and os.path.exists(f"{runtime}/node/admin.sock"), "the node up", 20)
        expect(len(workers()) == 1, f"one worker on one core, not {len(workers())}")
    finally:
        process.terminate()
        expect(process.wait(30) == 0, "exit code 0")


@case("a client that disconnects in the middle of a body, 200 times, harms nobody")
def clients_disconnect(context):
    body = os.urandom(2 << 20)
    origin = context.origin()
    script = origin.script("s1", "lifecycle").add(Reply(200, FRESH, body))
    node = context.node(origin.url)
    workers = node.workers()
    for number in range(200):
        client = Client(node.address)
        client.request("GET", "/s1/page")
        try:
            client.reader.until(b"\r\n\r\n")
        except Ended:
            expect(False, "a head before the disconnect")
        client.reset() if number % 2 else client.close()
    expect(ask(node).body == body, "the whole body afterwards")
    expect(node.workers() == workers, "the same workers")
    expect(len(script.requests) <= 2, f"at most one fetch more: {len(script.requests)}")
