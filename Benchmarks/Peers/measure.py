"""One contestant, one row, once: bring it to a hit, verify it, load it, and count its CPU time per response."""

import contextlib
import dataclasses
import hashlib
import subprocess

from . import loads, processes, tools


class Bench:
    """What all measurements share."""

    def __init__(self, folder, origin, server_core, generator_core):
        self.folder, self.origin = folder, origin
        self.server_core, self.generator_core = server_core, generator_core
        self.expected = {}  # path -> SHA-256 of its body, straight from the origin
        self.heads = {}  # (contestant, row) -> bytes of the response's head

    def hash_of(self, path):
        if path not in self.expected:
            self.expected[path] = hashlib.sha256(loads.get(self.origin, path)[2]).hexdigest()
        return self.expected[path]


def verify(bench, contestant, row):
    """A miss, then hits: same bytes as the origin's, and the origin is not asked again."""
    paths = [f"{row.path}/{number}" for number in (0, row.paths // 2, row.paths - 1)] if row.paths else [row.path]
    for path in paths:
        expected = bench.hash_of(path)
        for _ in range(2):
            loads.get(contestant.port, path)
        before = loads.asked(bench.origin)
        status, head, body = loads.get(contestant.port, path)
        if status != 200 or hashlib.sha256(body).hexdigest() != expected:
            raise loads.LoadError(f"{path}: status {status}, {len(body)} bytes that are not the origin's")
        if contestant.caches and loads.asked(bench.origin) != before:
            raise loads.LoadError(f"{path} is not answered from the cache")
        bench.heads[contestant.name, row.name] = head


def warm(bench, contestant, row, seconds):
    """Fills every object of the row, then runs its load for a while."""
    if row.paths:
        for _ in range(2):
            loads.with_load(row, contestant.port, 0, bench.generator_core, extra=["--requests", str(row.paths)])
    if seconds:
        load_once(bench, contestant, row, seconds, floor=False)


def load_once(bench, contestant, row, seconds, floor, warmup=0.0):
    # wrk counts whole seconds only.
    if row.generator == "wrk" and seconds >= 1:
        return loads.with_wrk(row, contestant.port, seconds, bench.generator_core, bench.folder)
    return loads.with_load(row, contestant.port, seconds, bench.generator_core, warmup, any_body=floor)


def throughput(bench, contestant, row, seconds):
    """CPU microseconds per response while the row's load runs."""
    if not row.crowd:
        return timed(bench, contestant, row, seconds)
    with crowd(bench, contestant, row, row.crowd):
        return timed(bench, contestant, row, seconds)


def timed(bench, contestant, row, seconds):
    floor = contestant.name == "floor"
    before = loads.asked(bench.origin)
    noise, clock = processes.NoiseClock(), processes.CPUClock(contestant.process.pid)
    seen = load_once(bench, contestant, row, seconds, floor, warmup=1.0 if row.rate else 0.0)
    used = clock.seconds()
    if not seen["requests"]:
        raise loads.LoadError("no request was answered in time: is the generator's core free?")
    if loads.asked(bench.origin) != before:
        raise loads.LoadError(f"the origin was asked {loads.asked(bench.origin) - before} times during a run of hits")
    return {
        "cpu": used / max(1, seen["finished"]) * 1e6,
        "rate": seen["requests"] / seen["seconds"] if not row.rate else row.rate,
        "noise": noise.cores(used),
        "busy": used / seen["seconds"],
        **{name: seen[name] for name in ("p50", "p99", "p999", "trimean")},
    }


@contextlib.contextmanager
def crowd(bench, contestant, row, count):
    """`count` connections that have each had one response and stay open; fails if the server closes one."""
    arguments = ["taskset", "-c", str(bench.generator_core), *loads.load_arguments(row, contestant.port)]
    arguments += ["--connections", str(count), "--hold"] + (["--any-body"] if contestant.name == "floor" else [])
    holder = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        held = holder.stdout.readline()
        yield
        holder.stdin.close()
        alive = holder.stdout.readline()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    if f'"held": {count},' not in held or f'"alive": {count}}}' not in alive:
        raise loads.LoadError(f"not every idle connection was kept: {held.strip()} {alive.strip()}")


def idle(bench, contestant, row):
    """Bytes of memory that one more idle connection costs."""
    any_body = contestant.name == "floor"
    few = dataclasses.replace(row, connections=8)
    loads.with_load(few, contestant.port, 0, bench.generator_core, any_body=any_body, extra=["--requests", "2000"])
    before = processes.memory(contestant.process.pid)["total"]
    with crowd(bench, contestant, row, row.connections):
        after = processes.memory(contestant.process.pid)["total"]
    return {"bytes": (after - before) / row.connections, "whole": after}


def fill(bench, contestant, path, count):
    """Asks for `path`/0 to `path`/`count` - 1, once each."""
    words = {"port": contestant.port, "connections": 16, "path": path, "paths": count, "requests": count}
    arguments = [tools.tool("load")] + [word for name, value in words.items() for word in (f"--{name}", str(value))]
    output, errors = loads.run(arguments, bench.generator_core)
    if '"errors": 0,' not in output:
        raise loads.LoadError(f"filling {path}: {output[:200]} {errors}")


def objects(bench, contestant, row):
    """Bytes of memory that one more cached object costs: half JSON documents, half HTML pages."""
    count = row.paths // 2
    # What the first thousands of objects make grow is not theirs.
    fill(bench, contestant, "/text/1024", 2000)
    fill(bench, contestant, "/raw/1024", 2000)
    before = contestant.memory_held()
    for _ in range(2):  # the second time, because some keep in memory only what is asked for again
        asked = loads.asked(bench.origin)
        fill(bench, contestant, "/json", count)
        fill(bench, contestant, "/html", count)
    again = loads.asked(bench.origin) - asked
    if again > row.paths // 100:
        raise loads.LoadError(f"{again} of {row.paths} objects were not kept")
    return {"bytes": contestant.bytes_per_object(before, row.paths)}
