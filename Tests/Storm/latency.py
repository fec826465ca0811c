#!/usr/bin/env python3
"""How much a change costs those who are served meanwhile: the 99th percentile of the storm's requests during reloads,
beside that of a plain C server while an idle node beside it goes through the same reloads, which is the same extra load
on the processors. Alternating rounds; the bar is at most 2."""

import argparse
import os
import random
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Stories"))
from harness.waiting import pace  # noqa: E402
from changes import StormNode  # noqa: E402
from load import Clients, Origin, build  # noqa: E402


def measure(directory, node, port, changes, seed):
    """p99 in microseconds, by window, of a run against the port while the node is reloaded."""
    clients = Clients(directory, port, seed)
    try:
        pace(3)
        for _ in range(changes):
            clients.tell("window change")
            node.change("reload")
            pace(0.3)
            clients.tell("window calm")
            pace(0.7)
        clients.finish()
    finally:
        clients.kill()
    found = {}
    for line in clients.latencies():
        words = line.split()
        found[words[1]] = int(words[words.index("p99") + 1])
    return found, len(clients.failures())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--changes", type=int, default=10, help="reloads of each round")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="martlet-storm-tools-")
    build(directory)
    plain = Origin(directory, "plain")
    node = StormNode(plain.port, random.Random(1))
    ratios = []
    try:
        node.start()
        for number in range(options.rounds):
            ours, failed = measure(directory, node, node.port, options.changes, number)
            floor, _ = measure(directory, node, plain.port, options.changes, number)
            ratios.append(ours["change"] / floor["change"])
            print(f"round {number + 1}: p99 during reloads {ours['change']} us (calm {ours['calm']}), plain C server "
                  f"{floor['change']} us (calm {floor['calm']}), ratio {ratios[-1]:.2f}, {failed} failures", flush=True)
        node.stop()
    finally:
        plain.kill()
        node.clean_up(keep_log=False)
        shutil.rmtree(directory, ignore_errors=True)
    print(f"p99 during a change: {sorted(ratios)[len(ratios) // 2]:.2f} of a plain C server's (bar: 2)")


if __name__ == "__main__":
    main()
