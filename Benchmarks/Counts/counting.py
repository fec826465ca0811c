"""Counts on a live process: page faults, system calls, allocations and user instructions per hit."""

import http.client
import json
import re
import statistics
import subprocess
import time

from Peers import processes, tools

from . import symbols, system_calls

ALLOCATORS = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign", "valloc", "reallocarray"]
REFERENCES = ["swift_retain", "swift_release", "swift_allocObject"]


class CountError(Exception):
    pass


def load(kind, port, requests, connections, core):
    arguments = [
        "taskset",
        "-c",
        str(core),
        tools.tool("load"),
        *kind.arguments(port),
        "--connections",
        str(connections),
        "--requests",
        str(requests),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    try:
        seen = json.loads(done.stdout)
    except ValueError:
        raise CountError(f"{kind.name}: {done.stdout} {done.stderr}") from None
    if seen["errors"] or seen["finished"] < requests:
        raise CountError(f"{kind.name}: {seen['errors']} errors, the first: {seen['first_error']}")


def await_coding(kind, port, seconds=20):
    """Asks until the answer comes in the kind's coding: the janitor makes it in its own time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", kind.path, headers={"Host": "bench.example", "Accept-Encoding": kind.coding})
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.getheader("Content-Encoding") == kind.coding:
            return
    raise CountError(f"{kind.name}: no answer in {kind.coding} within {seconds} s")


def traced(pid, mode, words, core, work):
    """Runs `work` while the process is traced; gives what the tracer counted."""
    # On the process's own core: a switch there is cheaper than waking another core for each stop.
    tracer = subprocess.Popen(
        ["taskset", "-c", str(core), tools.tool("trace"), str(pid), mode, *words], stdout=subprocess.PIPE, text=True
    )
    try:
        if tracer.stdout.readline().strip() != "ready":
            raise CountError(f"cannot trace process {pid}: run as root or as the same user, with ptrace allowed")
        work()
        tracer.terminate()
        return json.loads(tracer.stdout.readline())
    finally:
        tracer.terminate()
        try:
            tracer.wait(10)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()
        tracer.stdout.close()


class Counter:
    """Counts one process that serves on `port`."""

    def __init__(self, pid, port, server_core, generator_core):
        self.pid, self.port, self.server_core, self.generator_core = pid, port, server_core, generator_core
        self.mapped = symbols.images(pid)
        self.allocators = symbols.addresses(self.mapped, ALLOCATORS)
        self.references = symbols.addresses(self.mapped, REFERENCES)
        if not self.allocators:
            raise CountError(f"no allocation function found in process {pid}: is nm (binutils) installed?")

    def warm(self, kind, requests):
        load(kind, self.port, requests, 16, self.generator_core)
        if kind.coding:
            await_coding(kind, self.port)

    def private_bytes(self):
        """Resident memory that is the process's own: shared mappings (the cache) are everybody's."""
        own, total = False, 0
        for line in processes.read(f"/proc/{self.pid}/smaps").splitlines():
            mapping = re.match(r"[0-9a-f]+-[0-9a-f]+ (....) ", line)
            if mapping:
                own = mapping.group(1)[3] == "p"
            elif own and line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
        return total

    def faults(self, kind, requests):
        """Page faults per 1,000 hits."""
        before = processes.faults(self.pid)
        load(kind, self.port, requests, 16, self.generator_core)
        after = processes.faults(self.pid)
        return {name: (new - old) * 1000 / requests for name, old, new in zip(("minor", "major"), before, after)}

    def calls(self, kind, requests):
        """System calls, allocations and reference counting per hit, 16 connections at once."""
        seen = traced(
            self.pid,
            "calls",
            self.allocators + self.references,
            self.server_core,
            lambda: load(kind, self.port, requests, 16, self.generator_core),
        )
        calls = {name: count / requests for name, count in system_calls.named(seen["calls"]).items()}
        watched = {name: count / requests for name, count in seen["watched"].items()}
        # Accepting the connections is theirs, not a hit's.
        opening = {
            "accept4",
            "accept",
            "setsockopt",
            "getsockopt",
            "getsockname",
            "getpeername",
            "epoll_ctl",
            "close",
            "shutdown",
            "fcntl",
            "ioctl",
        }
        own = sum(count for name, count in calls.items() if name not in system_calls.WAITS and name not in opening)
        # ... unless they come with every hit.
        own += sum(count for name, count in calls.items() if name in opening and count > 0.5)
        return {
            "calls": calls,
            "own": own,
            "allocations": sum(watched.get(name, 0) for name in ALLOCATORS),
            "references": {name: watched[name] for name in REFERENCES if watched.get(name)},
        }

    def instructions(self, kind, requests):
        """User instructions per hit (the median turn of the loop, one connection) and where they are spent.

        The C library's are kept apart: which of its copies and compares run depends on the processor."""
        seen = traced(
            self.pid, "steps", [], self.server_core, lambda: load(kind, self.port, requests, 1, self.generator_core)
        )
        turns = [turn[0] for turn in seen["turns"] if turn[2]]
        # Where the sends cannot be seen (io_uring), the turns that did something worth a hit.
        if len(turns) < requests // 3:
            turns = sorted((turn[0] for turn in seen["turns"]), reverse=True)[:requests]
        if not turns:
            raise CountError(f"{kind.name}: no turn of the loop seen")
        median = statistics.median(turns)
        # The last turn may still have been under way: turns by their instructions, not by their number.
        stepped = seen["instructions"] / median
        places = {}
        for address, count in seen["places"]:
            name = symbols.function_at(self.mapped, address)
            places[name] = places.get(name, 0) + count / stepped
        library = sum(count for name, count in places.items() if symbols.is_library(name))
        return {"own": median - library, "library": library, "least": min(turns), "most": max(turns), "places": places}
