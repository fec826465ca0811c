"""What a change that was refused must not leave behind in the supervisor: the next command goes by what was before it.
And workers that stand still: seen by a living supervisor, and by the one that adopts."""

import os
import signal

from cases.rejections import BODY, Untouched, script
from cases.restarts import command, exchange, settled
from cases.systemd import Manager
from harness.client import Client
from harness.node import RELEASE, command_line, owner_of_connection
from harness.ring import has_ring
from harness.waiting import pace, wait_until
from standing import stop_while_sending
from support import Skipped, case, expect


@case("a worker binary that was refused is forgotten: the next reload starts the one that serves")
def refused_worker(context):
    untouched = Untouched(context)
    node = untouched.node
    for more in ([], ["--binary", "/bin/false"], ["--binary", f"{RELEASE}/martlet"]):
        words = ["upgrade", "--worker", "/bin/false", *more]
        untouched.refuses(words, "exited with code 1")
        command(node, "reload")
        expect(exchange(untouched.client) == BODY, f"{words}: the connection goes on")
        wait_until(lambda: len(node.workers()) == 2, "the old workers gone")
        untouched.look()


@case("a worker count that could not be reached is forgotten: the next reload has as many as before")
def refused_count(context):
    home = context.directory()
    worker = f"{home}/worker"
    with open(worker, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\n[ -e {home}/exits ] && exit 4\nexec {os.path.abspath(RELEASE)}/martlet-worker \"$@\"\n")
    os.chmod(worker, 0o755)
    untouched = Untouched(context, flags=["--worker", worker])
    with open(f"{home}/exits", "w", encoding="ascii"):
        pass
    untouched.refuses(["workers", "4"], "exited with code 4")
    os.remove(f"{home}/exits")
    expect("with 2 workers" in command(untouched.node, "reload"), "two workers again")


@case("programs that exit with 0 whatever they are told are no supervisors")
def agreeable_binaries(context):
    untouched = Untouched(context)
    for path in ("/bin/true", "/bin/echo", script(context, "#!/bin/sh\nexit 0\n")):
        untouched.refuses(["upgrade", "--binary", path], "no martlet supervisor", "untouched")
    expect(untouched.node.alive(), "the supervisor lives")


@case("a reload that fails tells the service manager that it is over")
def failed_reload_is_over(context):
    manager = Manager(context)
    config = f"{context.directory()}/node.yaml"
    with open(config, "w", encoding="ascii") as file:
        file.write("workers: 2\n")
    untouched = Untouched(context, flags=["--config", config], environment={"NOTIFY_SOCKET": manager.path})
    wait_until(lambda: manager.says("READY"), "READY=1")
    for text in ("timeouts: [", "workers: 2"):
        before = len(manager.says("RELOADING"))
        with open(config, "w", encoding="ascii") as file:
            file.write(text)
        if text == "workers: 2":
            command(untouched.node, "reload")
        else:
            untouched.refuses(["reload"], "node.yaml")
        wait_until(lambda count=before: len(manager.says("RELOADING")) == count + 1, "RELOADING=1")
        wait_until(lambda: "READY" in [said for said in manager.messages if "READY" in said or "RELOADING" in said][-1],
                   "READY=1 after it")


@case("a worker that stands still in the middle of its work is killed after 5 s and replaced")
def stuck_worker(context):
    untouched = Untouched(context)
    node = untouched.node
    context.wrk(node, "/s1/page", 60)
    victim = node.workers()[0]
    stop_while_sending(victim)
    wait_until(lambda: victim not in node.workers(), "the kill", 20)
    expect("stood still" in node.log_tail(4000), "the log says why")
    wait_until(lambda: len(node.workers()) == 2 and settled(node), "replaced")
    for _ in range(20):
        with Client(node.address) as client:
            expect(exchange(client) == BODY, "an answer")


def run_again(context, node, flags=()):
    node.process.kill()
    node.process.wait()
    heir = context.node(node.origin_url, port=node.port, runtime=node.runtime, ready=False, flags=flags)
    wait_until(lambda: settled(heir), "the adoption", 30)
    return heir


@case("orphans that stand still are killed by the supervisor that adopts: one of two, then both")
def stuck_orphans(context):
    orphans_that_stand(context, [])


@case("the same where workers have rings, which the kernel takes its time to end: their ports are waited for")
def stuck_rings(context):
    if not has_ring():
        raise Skipped("this kernel does not let us have an io_uring")
    orphans_that_stand(context, ["--io", "uring"])


def orphans_that_stand(context, flags):
    node = Untouched(context, flags=flags).node
    killed = 0
    for count in (1, 2):
        stopped = node.workers()[:count]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        node = run_again(context, node, flags)
        killed += count
        said = node.log_tail(100_000).count("does not answer: killing it")
        expect(said == killed, f"says so of each: {said} of {killed}")
        expect(not any("martlet-worker" in command_line(pid) for pid in stopped), "they are gone")
        wait_until(lambda current=node: len(current.workers()) == 2, "two workers")
        for _ in range(20):
            with Client(node.address) as client:
                expect(exchange(client) == BODY, "an answer")


def bring_back(pids):
    """A context's closer must find nobody stopped."""
    for pid in pids:
        if command_line(pid):
            os.kill(pid, signal.SIGCONT)


@case("a worker that is stopped while it has nothing to do is killed after 10 s; its slot's queue is served then")
def stuck_at_rest(context):
    untouched = Untouched(context)
    node = untouched.node
    victim = next(pid for pid in node.workers()
                  if owner_of_connection([pid], node.port, untouched.client.port) is None)
    os.kill(victim, signal.SIGSTOP)
    queued = [Client(node.address, 30) for _ in range(20)]
    for client in queued:
        client.request("GET", "/s1/page")
    for client in queued:
        expect(client.read_response().body == BODY, "an answer from the queue")
    expect(victim not in node.workers() and "no sign of life" in node.log_tail(4000), "the log says why")
    wait_until(lambda: len(node.workers()) == 2 and settled(node), "replaced")
    expect(exchange(untouched.client) == BODY, "other connections go on")


@case("a node that is stopped as a whole for 12 s is the same afterwards; the long form under load as well")
def whole_node_stopped(context):
    for is_loaded in (False, True) if context.long else (False,):
        untouched = Untouched(context)
        node = untouched.node
        if is_loaded:
            context.wrk(node, "/s1/page", 40)
        # Workers are seen for a while first.
        pace(3)
        everybody = [*node.workers(), node.pid]
        try:
            for pid in reversed(everybody):
                os.kill(pid, signal.SIGSTOP)
            pace(12)
            # The supervisor wakes up long before the others.
            os.kill(node.pid, signal.SIGCONT)
            pace(2)
        finally:
            bring_back(everybody)
        expect(exchange(untouched.client) == BODY, "the connection goes on")
        pace(3)
        expect(node.workers() == untouched.workers and node.alive(), f"the same workers: {node.log_tail()}")


@case("workers at rest wake up once a second and no more")
def rest(context):
    node = Untouched(context).node

    def turns():
        return node.admin("GET", "/v1/status")[1]["counters"]["turns"]
    wait_until(lambda: settled(node), "settled")
    pace(1)
    before = turns()
    pace(5)
    # A status asks each worker, and that is a turn as well.
    seen = turns() - before
    expect(8 <= seen <= 22, f"{seen} turns of two workers in 5 s")
