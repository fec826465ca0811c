"""`kill -9` of the supervisor at every moment of a change: workers serve on, the next start adopts, and every
connection goes on."""

import random
import threading

from cases.rejections import program
from cases.restarts import CHANGES, exchange, half_received, settled
from cases.stopped_changes import BODY, Asked, site
from harness.client import Client
from harness.node import RELEASE, command_line
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect


class Survivor:
    """A node with idle, receiving and new connections whose supervisor is killed again and again."""

    def __init__(self, context, canary="60ms"):
        self.context, self.origin = context, site(context)
        self.gate = threading.Event()
        self.origin.script("s2", "killed").add(Reply(act=half_received(self.gate)))
        self.config = f"{context.directory()}/node.yaml"
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"restart:\n  canary: {canary}\n")
        self.node = context.node(self.origin.url, workers=3, flags=["--config", self.config])
        self.clients = [Client(self.node.address, 30) for _ in range(60)]
        self.serves()
        self.pids = set()

    def serves(self):
        for client in self.clients:
            expect(exchange(client) == BODY, "an idle connection goes on")

    def kill_during(self, words, seconds):
        """Kills the supervisor so long after it was asked for a change, and starts the next."""
        change = Asked(self.node, words)
        pace(seconds)
        self.pids |= set(self.node.workers())
        self.node.process.kill()
        self.node.process.wait()
        with Client(self.node.address, 30) as fresh:
            expect(exchange(fresh) == BODY, "new connections are served meanwhile")
        heir = self.context.node(self.origin.url, port=self.node.port, runtime=self.node.runtime, ready=False,
                                 workers=3, flags=["--config", self.config])
        wait_until(lambda: settled(heir), f"the adoption after {seconds:.3f} s of {words}", 30)
        change.thread.join(30)
        self.node = heir
        self.serves()

    def ends(self):
        """Only the current workers are left, on slots that all serve."""
        wait_until(lambda: len(self.node.workers()) == 3, "only the current workers")
        wait_until(lambda: sum("martlet-worker" in command_line(pid) for pid in self.pids) <= 3, "no orphan left", 20)
        for _ in range(60):
            with Client(self.node.address, 30) as fresh:
                expect(exchange(fresh) == BODY, "every slot is served")
        expect(self.node.stop() == 0, "a clean stop")


def at_many_moments(context, words, longest, count):
    survivor = Survivor(context)
    chance = random.Random()
    seed = chance.randrange(1 << 30)
    chance.seed(seed)
    for number in range(count):
        try:
            survivor.kill_during(words, longest * (number + chance.random()) / count)
        except Exception as problem:
            raise AssertionError(f"seed {seed}, kill {number}: {problem!r}") from problem
    survivor.ends()
    return f"{count} kills"


@case("the supervisor is killed at 12 moments of a reload, its connections being handed over among them")
def during_reloads(context):
    return at_many_moments(context, ["reload"], 0.5, 60 if context.long else 12)


@case("the same at 12 moments of an upgrade in place, of its exec among them")
def during_upgrades(context):
    return at_many_moments(context, ["upgrade", "--binary", f"{RELEASE}/martlet"], 0.4, 60 if context.long else 12)


@case("the same at 8 moments of an upgrade of both")
def during_upgrades_of_both(context):
    return at_many_moments(context, ["upgrade"], 0.9, 40 if context.long else 8)


@case("the same at 8 moments of fewer, and of more workers")
def during_resizes(context):
    for words in (["workers", "1"], ["workers", "6"]):
        at_many_moments(context, words, 0.2, 20 if context.long else 8)


@case("the supervisor is killed right at its exec, before the next image has done anything: no connection is lost")
def right_at_exec(context):
    survivor = Survivor(context)
    # The image that takes over dies at once, in the middle of a hand-over that the reload before has begun.
    bad = program(context, 'if (n > 1 && !strcmp(a[1], "resume")) raise(SIGKILL);')
    for _ in range(4):
        receiving = Client(survivor.node.address, 30)
        receiving.request("GET", "/s2/page")
        head = receiving.read_head()
        CHANGES["reload"](context, survivor.node)
        survivor.kill_during(["upgrade", "--binary", bad], 0.25)
        survivor.gate.set()
        body = receiving.read_body(head)
        expect(body.complete, "a response that had begun is finished")
        expect(exchange(receiving) == BODY, "and its connection goes on")
        survivor.gate.clear()
    survivor.ends()
