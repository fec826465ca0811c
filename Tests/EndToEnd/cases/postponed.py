"""What is asked of a node while its supervisor is being upgraded: it waits, and is done by the supervisor of then."""

import os
import signal
import time

from cases.rejections import program
from cases.restarts import command, exchange, settled
from cases.stopped_changes import BODY, Asked, phase, site, wait_for_preflight
from harness.client import Client
from harness.node import free_port
from harness.waiting import wait_until
from support import case, expect


class Trial:
    """An upgrade whose preflight stands still until it is told how to end."""

    def __init__(self, context):
        self.gate = f"{context.directory()}/gate"
        self.node = context.node(site(context).url)
        self.pid = self.node.pid
        binary = program(
            context,
            f'if (n > 1 && !strcmp(a[1], "preflight")) {{ while (access("{self.gate}", F_OK)) usleep(5000); '
            f'if (!access("{self.gate}.bad", F_OK)) return 7; }}')
        self.upgrade = Asked(self.node, ["upgrade", "--binary", binary])
        wait_for_preflight(self.node)

    def open(self, is_good=True):
        if not is_good:
            with open(f"{self.gate}.bad", "w", encoding="ascii"):
                pass
        with open(self.gate, "w", encoding="ascii"):
            pass

    def operations(self):
        """Kinds of those that wait, as far as the supervisor tells."""
        return self.node.admin("GET", "/v1/status")[1]["waitingChanges"]


def succeeded(asked, *words):
    asked.thread.join(60)
    expect(asked.outcome is not None and asked.outcome[0] == 0, f"{asked.words}: {asked.outcome}")
    expect(all(word in asked.outcome[1] for word in words), f"{asked.words}: {words} in {asked.outcome}")


def asked_meanwhile(context, is_good):
    trial = Trial(context)
    node, client = trial.node, Client(trial.node.address)
    exchange(client)
    reload = Asked(node, ["reload"])
    wait_until(lambda: trial.operations() == 1, "the reload waits")
    workers = Asked(node, ["workers", "3"])
    wait_until(lambda: trial.operations() == 2, "the change of the worker count waits")
    more = Asked(node, ["workers", "+1"])
    wait_until(lambda: trial.operations() == 3, "the second one waits")
    trial.open(is_good)
    if is_good:
        succeeded(trial.upgrade, "took over in place")
    else:
        trial.upgrade.thread.join(60)
        expect(trial.upgrade.outcome[0] == 1 and "exited with code 7" in trial.upgrade.outcome[2],
               f"the upgrade: {trial.upgrade.outcome}")
    succeeded(reload, "waiting: the supervisor is being upgraded", "generation 2 serves")
    succeeded(workers)
    succeeded(more)
    wait_until(lambda: settled(node) and len(node.workers()) == 4, "four workers, none of the old ones")
    expect(node.admin("GET", "/v1/status")[1]["supervisor"]["upgrades"] == int(is_good), "upgrades")
    expect(exchange(client) == BODY, "the connection goes on")


@case("reload and workers asked during an upgrade's preflight wait, and are done by the new supervisor, in order")
def by_the_new_supervisor(context):
    asked_meanwhile(context, True)


@case("the same when the upgrade fails: they are done by the old one")
def by_the_old_supervisor(context):
    asked_meanwhile(context, False)


@case("a change that waits for an upgrade gives up at its --timeout, says why, and is not done later")
def waits_no_longer(context):
    trial = Trial(context)
    node = trial.node
    for words in (["reload"], ["workers", "5"]):
        began = time.monotonic()
        said = command(node, *words, "--timeout", "1", code=1)
        expect("timed out" in said and "upgraded" in said, f"{words}: {said!r}")
        expect(time.monotonic() - began < 5, "within its timeout")
    before = node.workers()
    trial.open()
    succeeded(trial.upgrade)
    wait_until(lambda: settled(node), "settled")
    expect(node.workers() == before, "the same workers")
    expect("3 workers" in command(node, "workers", "3"), "the next one is done")


@case("HUP during an upgrade of both: the upgrade succeeds, and the reload is done after it")
def hangup(context):
    trial = Trial(context)
    node = trial.node
    os.kill(node.pid, 1)
    wait_until(lambda: trial.operations() == 1, "the reload waits")
    trial.open()
    succeeded(trial.upgrade)
    wait_until(lambda: settled(node) and node.admin("GET", "/v1/status")[1]["generations"][-1]["number"] == 2,
               "a new generation")


def hang_up(node, times):
    """HUP so many times, each of them noticed before the next."""
    for _ in range(times):
        os.kill(node.pid, signal.SIGHUP)
        node.admin("GET", "/v1/status")


def generation(node):
    return node.admin("GET", "/v1/status")[1]["generations"][-1]["number"]


@case("a storm of HUP during an upgrade: one reload waits for all, said once, and is done by the new supervisor")
def storm_during_an_upgrade(context):
    trial = Trial(context)
    node = trial.node
    hang_up(node, 25)
    expect(trial.operations() == 1, f"one waits, not {trial.operations()}")
    trial.open()
    succeeded(trial.upgrade)
    wait_until(lambda: settled(node) and generation(node) == 2 and not trial.operations(), "one new generation")
    said = node.log_tail(100_000)
    expect(said.count("one waits already") == 1, f"said once: {said}")


@case("a storm of HUP during a reload: one more follows it, which reads what the configuration says by then")
def storm_during_a_reload(context):
    config = f"{context.directory()}/storm.yaml"

    def write(workers):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"workers: {workers}\nrestart: {{canary: 3s}}\n")
    write(2)
    port = free_port()
    node = context.node(site(context).url, port=port, bare=True,
                        flags=["--config", config, "--listen", f"127.0.0.1:{port}"])
    hang_up(node, 1)
    wait_until(lambda: phase(node) == "canary", "the first reload under way")
    write(3)
    hang_up(node, 25)
    expect(node.admin("GET", "/v1/status")[1]["waitingChanges"] == 1, "one waits")
    wait_until(lambda: settled(node) and generation(node) == 3 and len(node.workers()) == 3, "three workers", 30)
    said = node.log_tail(100_000)
    expect(said.count("one waits already") == 1, f"said once: {said}")
    expect(not node.admin("GET", "/v1/status")[1]["waitingChanges"], "nothing waits any more")
