"""The janitor process: there is one, it works, and nothing depends on it."""

import os
import random
import signal
import threading

from harness.client import Client
from harness.message import Ended
from harness.node import RELEASE, children_of, command_line
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect, halt, martlet

FRESH = {"Cache-Control": "max-age=3600"}


def janitors(node):
    return [pid for pid in children_of(node.pid) if "--janitor" in command_line(pid)]


def status(node):
    return node.admin("GET", "/v1/status")[1]


def working(node, besides=()):
    """Waits for the one janitor that works, none of those of before; returns its process id."""
    def there():
        try:
            now, known = janitors(node), status(node).get("janitor")
        except (OSError, Ended):
            return False
        is_it = len(now) == 1 and now[0] not in besides and known and known["pid"] == now[0] \
            and known["state"] == "working"
        return now[0] if is_it else None
    return wait_until(there, f"one janitor, none of {besides}", 20)


def pages(context, count, size=3000):
    """An origin with that many pages of its own bytes each, and what each page is."""
    origin = context.origin()
    bodies = [random.Random(number).randbytes(size) for number in range(count)]
    for number, body in enumerate(bodies):
        origin.script(f"p{number}", "janitor").add(Reply(200, FRESH, body))
    return origin, bodies


def ask(client, number):
    client.request("GET", f"/p{number}/page")
    return client.read_response()


@case("one janitor per node: in status, replaced with each generation, gone at the end")
def one_per_node(context):
    origin, bodies = pages(context, 1)
    node = context.node(origin.url)
    first = working(node)
    out = martlet("status", "--runtime-dir", node.runtime)[1]
    expect(f"janitor            pid {first}" in out, f"status shows it: {out!r}")
    seen = {first}
    for words in (("reload",), ("upgrade", "--binary", f"{RELEASE}/martlet"), ("upgrade",)):
        code, out, error = martlet(*words, "--runtime-dir", node.runtime, seconds=100)
        expect(code == 0, f"{words}: {out!r} {error!r}")
        seen.add(working(node, besides=set(seen)))
    expect(len(seen) == 4, f"a new one each time: {seen}")
    last = janitors(node)[0]
    with Client(node.address) as client:
        expect(ask(client, 0).body == bodies[0], "the node serves")
    expect(node.stop() == 0, "exit code 0")
    expect("martlet" not in command_line(last), "the janitor is gone")


@case("the supervisor killed with kill -9: the next one has a janitor of its own, the old one has gone")
def supervisor_killed(context):
    origin, bodies = pages(context, 1)
    node = context.node(origin.url)
    first = working(node)
    node.process.kill()
    node.process.wait()
    heir = context.node(origin.url, port=node.port, runtime=node.runtime)
    working(heir, besides={first})
    wait_until(lambda: "--janitor" not in command_line(first), "the old janitor gone")
    with Client(heir.address) as client:
        expect(ask(client, 0).body == bodies[0], "the node serves")
    expect(heir.stop() == 0, "exit code 0")


@case("a janitor that stands still does not keep the next one out: killed some seconds after it was told to go")
def stays(context):
    origin, _ = pages(context, 1)
    node = context.node(origin.url)
    first = working(node)
    halt(first)
    expect(martlet("reload", "--runtime-dir", node.runtime)[0] == 0, "a reload")
    second = working(node, besides={first})
    expect("did not leave" in node.log_tail() and "--janitor" not in command_line(first), "killed, and the log says so")
    # A node that stops waits for none.
    halt(second)
    expect(node.stop() == 0, "exit code 0")


@case("a janitor that stands still is killed after a minute and replaced, also one of a supervisor of before; one that "
      "sleeps is not", long_only=True)
def hangs(context):
    origin, _ = pages(context, 1)
    node = context.node(origin.url)
    first = working(node)
    pace(70)
    expect(janitors(node) == [first], "nothing to do for 70 s")
    halt(first)
    wait_until(lambda: first not in janitors(node), "the kill", 75)
    expect("no sign of life for 60 s" in node.log_tail(), "the log says why")
    second = working(node, besides={first})
    halt(second)
    node.process.kill()
    node.process.wait()
    heir = context.node(origin.url, port=node.port, runtime=node.runtime)
    wait_until(lambda: "--janitor" not in command_line(second), "the kill", 75)
    wait_until(lambda: len(janitors(heir)) == 1, "a new one", 40)
    working(heir, besides={first, second})


@case("a janitor killed again and again under traffic in a full cache: no request fails, it is replaced")
def killed(context):
    count = 1500
    origin, bodies = pages(context, count, size=12_000)
    node = context.node(origin.url, flags=["--cache-size", "12MiB"])
    workers = node.workers()
    problems, done = [], threading.Event()

    def load(offset):
        with Client(node.address) as client:
            number = offset
            while not done.is_set():
                answer = ask(client, number % count)
                if answer is None or answer.status != 200 or answer.body != bodies[number % count]:
                    problems.append((number, answer))
                    return
                number += 7
    threads = [threading.Thread(target=load, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    try:
        killed_ones = set()
        for _ in range(4):
            victim = working(node, besides=killed_ones)
            os.kill(victim, signal.SIGKILL)
            killed_ones.add(victim)
        working(node, besides=killed_ones)
        evicted = lambda: status(node)["janitor"]["counters"]["janitor_evictions"]  # noqa: E731
        wait_until(lambda: evicted() > 20, "the janitor evicts", 20)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    expect(not problems, f"every answer whole and right, but {problems[:1]!r}")
    expect(node.workers() == workers, "the same workers")
    expect(status(node)["restarts"] == 0, "no worker was restarted")


@case("a cache much too small for its traffic: every request is answered, by both workers")
def small_cache(context):
    count = 1500
    origin, bodies = pages(context, count)
    node = context.node(origin.url, flags=["--cache-size", "2MiB"])
    problems = []

    def load(offset):
        number = offset * 7919
        try:
            with Client(node.address) as client:
                for _ in range(2500):
                    if ask(client, number % count).body != bodies[number % count]:
                        problems.append(f"a wrong body for page {number % count}")
                    number += 7
        except OSError as problem:
            problems.append(f"page {number % count}: {problem!r}")
    threads = [threading.Thread(target=load, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not problems, f"{problems[:4]}")


@case("without anything to do the janitor sleeps: hits do not wake it")
def sleeps(context):
    origin, _ = pages(context, 1)
    node = context.node(origin.url)
    pid = working(node)
    wakes = lambda: status(node)["janitor"]["counters"]["janitor_wakes"]  # noqa: E731

    def processor_ticks():
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before, ticks = wakes(), processor_ticks()
    load = context.wrk(node, "/p0/page", 3, connections=8)
    load.process.wait(30)
    requests = load.finish()[0]
    expect(requests > 1000, f"traffic: {requests}")
    expect(wakes() - before <= 2, f"woken {wakes() - before} times in 3 seconds of hits")
    expect(processor_ticks() - ticks <= 3, f"{processor_ticks() - ticks} ticks of processor time")
