#!/usr/bin/env python3
"""The restart storm: strict clients while the node goes through every kind of change, one at a time, in a seeded order.
A failure is excused only on a connection that a killed worker held; an object may be fetched again only if a killed
worker owned the fetch. Exit code 1 if anything else failed."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Stories"))
from harness.waiting import pace, wait_until  # noqa: E402
from changes import KINDS, StormNode  # noqa: E402
from load import Clients, Origin, build  # noqa: E402
from sockets import Footprint  # noqa: E402

# Seconds, and how often each of KINDS happens in them.
PROFILES = {"short": (45, (3, 2, 2, 2, 2, 1)), "ci": (180, (10, 6, 4, 6, 6, 2)), "long": (600, (30, 20, 10, 20, 20, 5))}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, default="ci")
    parser.add_argument("--seconds", type=float, help="goes on so long, with changes in proportion")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual load")
    parser.add_argument("--origin-delay", type=int, default=0, metavar="MS", help="the origin holds every object back")
    parser.add_argument("--only", nargs="*", choices=KINDS, help="only these kinds of change")
    return parser.parse_args()


def plan(options, chance):
    """The kinds of change in their order, and the seconds that they are spread over."""
    seconds, numbers = PROFILES[options.profile]
    share = 1.0
    if options.seconds:
        share, seconds = options.seconds / seconds, options.seconds
    order = [kind for kind, number in zip(KINDS, numbers) for _ in range(max(1, round(number * share)))
             if not options.only or kind in options.only]
    chance.shuffle(order)
    return order, seconds


def storm(options, directory):
    chance = random.Random(options.seed)
    order, seconds = plan(options, chance)
    print(f"storm: seed {options.seed}, {len(order)} changes in {seconds:g} s", flush=True)
    build(directory)
    origin = Origin(directory, *(("delay", str(options.origin_delay)) if options.origin_delay else ()))
    node = StormNode(origin.port, chance)
    clients = None
    try:
        node.start()
        before = Footprint(node.process.pid, node.workers(), node.runtime)
        clients = Clients(directory, node.port, options.seed, options.scale)
        pace(2)
        began = time.monotonic()
        for number, kind in enumerate(order):
            due = began + seconds * number / len(order)
            if time.monotonic() < due:
                pace(due - time.monotonic())
            clients.tell("window change")
            node.change(kind)
            clients.tell("window calm")
            wait_until(lambda: clients.process.poll() is None, "the clients alive", 1)
        pace(max(1.0, began + seconds - time.monotonic()))
        clients.finish()
        took = time.monotonic() - began
        node.settle(2)
        after = Footprint(node.process.pid, node.workers(), node.runtime)
        node.stop()
        origin.finish()
    except BaseException:
        print(f"storm: the node's log is {node.log_path}")
        for failure in (clients.failures() if clients else [])[:20]:
            print(f"storm: seen before the end: {failure}")
        for line in node.problems:
            print(f"storm: FAILED {line}")
        node.clean_up(keep_log=True)
        raise
    finally:
        origin.kill()
        if clients:
            clients.kill()
    problems = node.problems + judge(node, clients, origin) + after.problems_since(before)
    report(node, clients, origin, took, order)
    print(f"storm: before: {before}\nstorm: after: {after}")
    node.clean_up(keep_log=bool(problems))
    if problems:
        print(f"storm: the node's log is {node.log_path}")
    return problems


def judge(node, clients, origin):
    """Everything that may not be."""
    problems = []
    lost = [failure for failure in clients.failures() if not any(kill.excuses(failure) for kill in node.kills)]
    problems += [str(failure) for failure in lost]
    for name, fetches in origin.fetches().items():
        for (at, port), again in zip(fetches, fetches[1:]):
            if not any(kill.excuses_fetch(at, port) for kill in node.kills):
                kills = ", ".join(f"{kill.at - at:.3f}" for kill in node.kills if abs(kill.at - at) < 5)
                problems.append(f"object {name} fetched again after {again[0] - at:.3f} s (connections {port}, "
                                f"{again[1]}; seconds until workers were killed: {kills or 'far'})")
    problems += [f"POST arrived more than once: {line}" for line in origin.posts_twice()]
    answered, arrived = clients.totals()["posts"], origin.totals()["distinct"]
    unanswered = sum(failure.kind in ("post", "upload") for failure in clients.failures()) + 16
    if not answered <= arrived <= answered + unanswered:
        problems.append(f"{arrived:g} POSTs at the origin, {answered:g} answered")
    if clients.totals()["frames"] == 0 or clients.totals()["transfers"] == 0:
        problems.append("no frame was echoed, or no slow transfer completed")
    return problems


def report(node, clients, origin, took, order):
    totals = clients.totals()
    excused = sum(any(kill.excuses(failure) for kill in node.kills) for failure in clients.failures())
    again = sum(len(fetches) - 1 for fetches in origin.fetches().values())
    print(f"storm: {took:.0f} s, {totals['requests']:g} requests ({totals['requests'] / totals['seconds']:.0f}/s), "
          f"{totals['posts']:g} POSTs, {totals['opened']:g} connections, {totals['frames']:g} echoes, "
          f"{totals['transfers']:g} slow transfers; {len(order)} changes, {len(node.kills)} workers killed that held "
          f"{sum(len(kill.clients) for kill in node.kills)} connections: {excused} of their requests failed, "
          f"{len(clients.failures()) - excused} others; {again} objects fetched again")
    print("storm: slowest " + ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in node.slowest.items()))
    for line in clients.latencies():
        print(f"storm: {line} (us)")


def main():
    options = arguments()
    directory = tempfile.mkdtemp(prefix="martlet-storm-tools-")
    try:
        problems = storm(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems[:40]:
        print(f"storm: FAILED {problem}")
    print(f"storm: {f'{len(problems)} problems' if problems else 'passed'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
