#!/usr/bin/env python3
"""The restart storm: strict clients while the node goes through every kind of change, one at a time, in a seeded order.
Only connections of a killed worker may fail; nothing else, and the origin is asked once per object."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Stories"))
from harness.node import RELEASE, children_of, free_port  # noqa: E402
from harness.waiting import pace, wait_until  # noqa: E402
from traffic import OBJECTS, Origin, Traffic  # noqa: E402

CHANGES = ["reload"] * 3 + ["worker upgrade"] * 2 + ["supervisor upgrade", "workers", "workers", "kill worker",
                                                     "kill supervisor"]


class Storm:
    def __init__(self, origin, chance):
        self.chance = chance
        self.runtime = tempfile.mkdtemp(prefix="martlet-storm-")
        self.port = free_port()
        self.log = open(f"{self.runtime}.log", "ab")
        self.command = [f"{RELEASE}/martlet", "run", "--listen", f"127.0.0.1:{self.port}", "--workers", "2",
                        "--runtime-dir", self.runtime, "--cache-size", "64MiB", "--origin", origin.url]
        self.process = None
        self.problems = []
        self.worker_kills = []

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        wait_until(lambda: "(current)" in self.martlet("status").stdout, "a serving node", 30)

    def martlet(self, *words):
        return subprocess.run([f"{RELEASE}/martlet", *words, "--runtime-dir", self.runtime], capture_output=True,
                              text=True, check=False, timeout=90)

    def change(self):
        kind = self.chance.choice(CHANGES)
        begun = time.monotonic()
        if kind == "kill worker":
            os.kill(self.chance.choice(children_of(self.process.pid)), signal.SIGKILL)
            pace(0.5)
            self.worker_kills.append((begun, time.monotonic() + 1))
        elif kind == "kill supervisor":
            self.process.kill()
            self.process.wait()
            pace(0.3)
            self.start()
        else:
            words = {"reload": ["reload"], "worker upgrade": ["upgrade", "--worker", f"{RELEASE}/martlet-worker"],
                     "supervisor upgrade": ["upgrade", "--binary", f"{RELEASE}/martlet"],
                     "workers": ["workers", str(self.chance.randint(1, 6))]}[kind]
            result = self.martlet(*words)
            if result.returncode != 0:
                self.problems.append(f"{kind}: {result.stderr.strip()}")
        pace(0.3)
        return kind

    def stop(self):
        result = self.martlet("stop")
        if result.returncode != 0 or os.path.exists(self.runtime) and os.listdir(self.runtime):
            self.problems.append(f"stop left something behind: {result.stderr.strip()}")
        shutil.rmtree(self.runtime, ignore_errors=True)

    def excused(self, when):
        """Whether a connection may have failed because its worker had just been killed."""
        return any(begun <= when <= ended for begun, ended in self.worker_kills)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    print(f"storm: seed {options.seed}, {options.seconds:g} s, {options.clients} clients", flush=True)
    origin = Origin()
    storm = Storm(origin, random.Random(options.seed))
    storm.start()
    traffic = Traffic(storm.port, options.seed, options.clients)
    traffic.start()
    done = {}
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        kind = storm.change()
        done[kind] = done.get(kind, 0) + 1
    traffic.stop()
    storm.stop()
    report(storm, traffic, origin, done)
    sys.exit(1 if storm.problems else 0)


def report(storm, traffic, origin, done):
    kills = len(storm.worker_kills)
    lost = [failure for failure in traffic.failures if not storm.excused(failure[0])]
    for _, client, problem in lost[:20]:
        storm.problems.append(f"client {client}: {problem}")
    # A killed worker may have owned as many fills as there are clients.
    if origin.gets > OBJECTS + kills * len(traffic.threads):
        storm.problems.append(f"{origin.gets} origin fetches for {OBJECTS} objects and {kills} killed workers")
    if not traffic.posts <= origin.posts <= traffic.posts + len(traffic.failures):
        storm.problems.append(f"{origin.posts} POSTs at the origin, {traffic.posts} answered")
    print(f"storm: {traffic.requests} requests, {origin.gets} origin fetches, changes {done}; "
          f"{len(traffic.failures) - len(lost)} failures on connections of {kills} killed workers, {len(lost)} others")
    for problem in storm.problems:
        print(f"storm: FAILED {problem}")


if __name__ == "__main__":
    main()
