"""Tens of thousands of idle keep-alive connections: all are kept, and hits beside them cost no more than before."""

import os
import shutil
import statistics
import subprocess

from harness.origin import Reply
from harness.waiting import wait_until
from support import Skipped, case, expect

WORKERS = 4
HOLDERS = 5
HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.path.join(HERE, "..", "..", "..", "Benchmarks", "Tools", "load.c")
# A connection that ends is told apart by its source address: one address has some 28,000 ports.
SOURCES = 4


class Holder:
    """A process that holds `count` connections, each of which has had one answer."""

    def __init__(self, context, program, node, path, count):
        words = {"port": node.port, "path": path, "connections": count, "clients": SOURCES}
        arguments = [word for name, value in words.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [program, *arguments, "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count = count
        context.closers.append(self.kill)

    def wait_held(self):
        line = self.process.stdout.readline()
        expect(f'"held": {self.count}, "errors": 0' in line, f"every connection is answered: {line}")

    def finish(self):
        """How many connections are still open."""
        self.process.stdin.close()
        line = self.process.stdout.readline()
        return int(line.rsplit(" ", 1)[1].rstrip("}\n"))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def cost(context, node, path, seconds):
    """CPU microseconds that the workers spend per hit."""
    before = sum(cpu_seconds(pid) for pid in node.workers())
    requests, cut, bad = context.wrk(node, path, seconds).finish_by_itself()
    expect(cut + bad == 0, f"{cut} cut and {bad} wrong answers beside the idle connections")
    return (sum(cpu_seconds(pid) for pid in node.workers()) - before) / requests * 1e6


def open_connections(node):
    return node.admin("GET", "/v1/status")[1]["counters"]["connections_open"]


def crowd(context, connections, rounds, seconds):
    if not shutil.which("gcc"):
        raise Skipped("gcc is not installed (deploy/install-packages test)")
    program = f"{context.directory()}/load"
    subprocess.run(["gcc", "-O2", "-o", program, LOAD], check=True)
    origin = context.origin()
    origin.script("s1", "idle").add(Reply(200, {"Cache-Control": "max-age=36000"}, b"x" * 1024))
    node = context.node(origin.url, workers=WORKERS, flags=["--cache-size", "64MiB"])
    cost(context, node, "/s1/page", 1)
    alone = [cost(context, node, "/s1/page", seconds) for _ in range(rounds)]
    holders = [Holder(context, program, node, "/s1/page", connections // HOLDERS) for _ in range(HOLDERS)]
    for holder in holders:
        holder.wait_held()
    beside = [cost(context, node, "/s1/page", seconds) for _ in range(rounds)]
    open_now = open_connections(node)
    expect(open_now >= connections, f"the node counts {open_now} open connections")
    alive = sum(holder.finish() for holder in holders)
    expect(alive == connections, f"{alive} of {connections} connections are still open")
    wait_until(lambda: open_connections(node) < 100, "the node sees them go", 30)
    alone += [cost(context, node, "/s1/page", seconds) for _ in range(rounds)]
    return statistics.median(beside) / statistics.median(alone), alone, beside


def figures(values):
    return " ".join(f"{value:.2f}" for value in values)


@case("5,000 idle connections over 4 workers: all are kept while hits go on")
def some(context):
    ratio, _, _ = crowd(context, 5_000, 1, 1)
    return f"a hit beside them costs {ratio:.2f} of one without"


@case("50,000 idle connections: all are kept, and a hit costs at most 1.1 times as much", long_only=True)
def many(context):
    ratio, alone, beside = crowd(context, 50_000, 5, 2)
    expect(ratio <= 1.1, f"{ratio:.2f}: alone {figures(alone)}, beside {figures(beside)} us")
    return f"a hit beside them costs {ratio:.2f} of one without; alone {figures(alone)}, beside {figures(beside)} us"
