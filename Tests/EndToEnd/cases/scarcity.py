"""Descriptors run out: in a worker under a crowd, in the supervisor while it is asked for changes. Nothing spins, the
log says why, what waits is served afterwards, and what cannot be done is refused with the reason."""

import os
import resource
import time

from cases.restarts import exchange, settled
from cases.stopped_changes import BODY, site
from harness.client import Client
from harness.node import children_of
from harness.waiting import wait_until
from support import case, expect, martlet


def limited(descriptors):
    """To be run by the node before it is one."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idles(pid, what):
    """Takes less than a third of a processor for a second."""
    before, end = processor_seconds(pid), time.monotonic() + 1
    wait_until(lambda: time.monotonic() > end, "a second to pass", 5)
    used = processor_seconds(pid) - before
    expect(used < 0.33, f"{what}: {used:.2f} s of processor time in a second")


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@case("a worker without a descriptor left: it rests, says so, and serves what waited as soon as others have gone")
def worker(context):
    node = context.node(site(context).url, workers=1, preexec=limited(300))
    pid = node.workers()[0]
    first = [Client(node.address, 30) for _ in range(20)]
    for client in first:
        exchange(client)
    # Many more than can be held; those that are not accepted wait in the queue.
    crowd = [Client(node.address, 30) for _ in range(300)]
    for client in crowd:
        client.request("GET", "/s1/page")
    wait_until(lambda: "descriptors" in node.log_tail(), "the log says what is missing")
    idles(pid, "a worker that can accept no more")
    for client in first:
        expect(exchange(client) == BODY, "those that are connected are served")
    expect(node.log_tail(100_000).count("descriptors") <= 3, f"said once, not always: {node.log_tail()}")
    served = 0
    for client in crowd:
        response = client.read_response()
        served += response is not None and response.status == 200
        client.close()
    expect(served == len(crowd), f"{served} of {len(crowd)} served in the end")
    expect(node.workers() == [pid], "by the same worker")
    idles(pid, "the worker afterwards")


@case("a worker at its limit hears its supervisor all the same: a reload succeeds and its connections go on")
def worker_in_a_change(context):
    node = context.node(site(context).url, workers=1, preexec=limited(300))
    clients = [Client(node.address, 30) for _ in range(300)]
    for client in clients:
        client.request("GET", "/s1/page")
    wait_until(lambda: "descriptors" in node.log_tail(), "the log says what is missing")
    code, out, error = martlet("reload", "--runtime-dir", node.runtime)
    expect(code == 0, f"reload: {code} {out} {error}")
    for client in clients:
        expect(client.read_response().body == BODY, "an answer")
        client.close()
    wait_until(lambda: settled(node) and len(node.workers()) == 1, "only the new worker")


@case("a worker whose limit leaves none for origins: such requests fail with a status, hits are served")
def worker_and_origins(context):
    node = context.node(site(context).url, workers=1, preexec=limited(300))
    exchange(Client(node.address))
    pid = node.workers()[0]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_descriptors(pid) + 2, 300))
    client = Client(node.address, 30)
    exchange(client)
    clients = [Client(node.address, 30) for _ in range(30)]
    client.request("GET", "/s1/other?miss")
    response = client.read_response()
    expect(response is not None and response.status in (200, 502, 503), f"an answer: {response!r}")
    expect(exchange(Client(node.address, 30) if response.get("Connection") == "close" else client) == BODY, "a hit")
    idles(pid, "the worker")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (300, 300))
    for other in clients:
        expect(exchange(other) == BODY, "served in the end")


class Squeeze:
    """A node whose supervisor may open so many descriptors more, and commands that then fail or do not."""

    def __init__(self, context):
        self.node = context.node(site(context).url)
        self.client = Client(self.node.address)
        exchange(self.client)
        # The first change opens what stays open.
        self.ask("reload")
        self.rest()
        self.held = open_descriptors(self.node.pid)

    def ask(self, *words):
        return martlet(*words, "--runtime-dir", self.node.runtime, "--timeout", "5", seconds=30)

    def rest(self):
        wait_until(lambda: settled(self.node) and len(children_of(self.node.pid)) == 3, "two workers and a janitor", 20)

    def limit(self, more):
        hard = resource.prlimit(self.node.pid, resource.RLIMIT_NOFILE)[1]
        soft = hard if more is None else self.least_with(more)
        resource.prlimit(self.node.pid, resource.RLIMIT_NOFILE, (soft, hard))

    def least_with(self, more):
        """The limit below which so many numbers are free."""
        taken = {int(number) for number in os.listdir(f"/proc/{self.node.pid}/fd")}
        limit = 0
        while more or limit in taken:
            more -= limit not in taken
            limit += 1
        return limit

    def refused_or_done(self, words, more):
        """Whether it was done. If not: the reason is said, the workers are the same, nothing stays open."""
        workers = self.node.workers()
        self.limit(more)
        code, out, error = self.ask(*words)
        if more < 2:
            idles(self.node.pid, f"the supervisor with {more} to spare")
        self.limit(None)
        if code == 0:
            return True
        why = error.lower()
        expect(code in (1, 2) and ("too many open" in why or "descriptors" in why), f"{words}, {more} more: {error!r}")
        self.rest()
        expect(self.node.workers() == workers, f"{words}, {more} more: the same workers")
        expect(exchange(self.client) == BODY, "the connection goes on")
        left = open_descriptors(self.node.pid) - self.held
        expect(left <= 0, f"{words}, {more} more: {left} descriptors stay open")
        return False


@case("a supervisor with 0, 1, 2... descriptors to spare: changes fail with the reason and leave nothing, or succeed")
def supervisor(context):
    done = []
    for words in (["reload"], ["workers", "3"], ["upgrade", "--binary", None]):
        squeeze = Squeeze(context)
        if words[-1] is None:
            words = ["upgrade", "--binary", f"/proc/{squeeze.node.pid}/exe"]
            words[-1] = os.path.realpath(words[-1])
        first = next((more for more in range(60) if squeeze.refused_or_done(words, more)), None)
        expect(first is not None, f"{words} succeeds with room for 60 more")
        expect(exchange(squeeze.client) == BODY, "the connection goes on")
        done.append(f"{' '.join(words[:1])} from {first} on")
    return ", ".join(done)


@case("a limit that no node can run under: one line with the reason, and nothing left")
def too_few_to_start(context):
    for limit in (16, 40, 100, 160, 200):
        node = context.node(site(context).url, preexec=limited(limit), ready=False)
        wait_until(lambda current=node: current.process.poll() is not None or settled(current),
                   f"an outcome with {limit} descriptors", 30)
        if node.process.poll() is None:
            continue
        said = node.log_tail()
        expect(node.process.returncode == 1, f"{limit}: exit {node.process.returncode}: {said}")
        # What runs out first, here or in a worker, is a matter of the moment.
        expect("open descriptors; raise the limit (ulimit -n)" in said or "open files" in said,
               f"{limit}: says why: {said!r}")
        expect(not os.path.exists(node.runtime) or not os.listdir(node.runtime), f"{limit}: no file left")


@case("a worker with as many connections as limits.connections allows: it rests, and others come as some end")
def connection_limit(context):
    node = context.node(site(context).url, workers=1, config="limits:\n  connections: 20\n")
    pid = node.workers()[0]
    # What made the node ready has to be gone.
    wait_until(lambda: node.admin("GET", "/v1/status")[1]["counters"]["connections_open"] == 0, "no connection")
    first = [Client(node.address, 30) for _ in range(20)]
    for client in first:
        exchange(client)
    others = [Client(node.address, 30) for _ in range(30)]
    for client in others:
        client.request("GET", "/s1/page")
    wait_until(lambda: "limits.connections" in node.log_tail(), "the log says which limit")
    idles(pid, "a worker that is full")
    for client in first:
        expect(exchange(client) == BODY, "those that are connected are served")
        client.close()
    for client in others:
        expect(client.read_response().body == BODY, "the others are served in the end")
        client.close()
    expect(node.workers() == [pid], "by the same worker")
