"""What a change that was refused must not leave behind in the supervisor: the next command goes by what was before it.
And workers that stand still: seen by a living supervisor, and by the one that adopts."""

import os
import signal

from cases.rejections import BODY, Untouched, script
from cases.restarts import command, exchange, settled
from cases.systemd import Manager
from harness.client import Client
from harness.node import RELEASE, command_line
from harness.waiting import wait_until
from standing import stop_while_sending
from support import case, expect


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


def run_again(context, node):
    node.process.kill()
    node.process.wait()
    heir = context.node(node.origin_url, port=node.port, runtime=node.runtime, ready=False)
    wait_until(lambda: settled(heir), "the adoption", 30)
    return heir


@case("orphans that stand still are killed by the supervisor that adopts: one of two, then both")
def stuck_orphans(context):
    untouched = Untouched(context)
    node = untouched.node
    killed = 0
    for count in (1, 2):
        stopped = node.workers()[:count]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        node = run_again(context, node)
        killed += count
        said = node.log_tail(100_000).count("does not answer: killing it")
        expect(said == killed, f"says so of each: {said} of {killed}")
        expect(not any("martlet-worker" in command_line(pid) for pid in stopped), "they are gone")
        wait_until(lambda current=node: len(current.workers()) == 2, "two workers")
        for _ in range(20):
            with Client(node.address) as client:
                expect(exchange(client) == BODY, "an answer")
