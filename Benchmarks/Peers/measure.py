"""One contestant, one row, once: bring it to a hit, verify it, load it, and count its CPU time per response."""

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
    if row.generator == "wrk":
        return loads.with_wrk(row, contestant.port, seconds, bench.generator_core, bench.folder)
    return loads.with_load(row, contestant.port, seconds, bench.generator_core, warmup, any_body=floor)


def throughput(bench, contestant, row, seconds):
    """CPU microseconds per response while the row's load runs."""
    floor = contestant.name == "floor"
    before = loads.asked(bench.origin)
    noise, clock = processes.NoiseClock(), processes.CPUClock(contestant.process.pid)
    seen = load_once(bench, contestant, row, seconds, floor, warmup=1.0 if row.rate else 0.0)
    used = clock.seconds()
    if loads.asked(bench.origin) != before:
        raise loads.LoadError(f"the origin was asked {loads.asked(bench.origin) - before} times during a run of hits")
    return {
        "cpu": used / max(1, seen["finished"]) * 1e6,
        "rate": seen["requests"] / seen["seconds"] if not row.rate else row.rate,
        "noise": noise.cores(used),
        "busy": used / seen["seconds"],
        **{name: seen[name] for name in ("p50", "p99", "p999", "trimean")},
    }


def idle(bench, contestant, row):
    """Bytes of memory that one more idle connection costs."""
    core = bench.generator_core
    loads.with_load(row, contestant.port, 0, core, any_body=contestant.name == "floor", extra=["--requests", "2000"])
    before = processes.memory(contestant.process.pid)["total"]
    arguments = ["taskset", "-c", str(core)] + loads.load_arguments(row, contestant.port) + ["--hold"]
    if contestant.name == "floor":
        arguments.append("--any-body")
    holder = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        held = holder.stdout.readline()
        after = processes.memory(contestant.process.pid)["total"]
        holder.stdin.close()
        alive = holder.stdout.readline()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    if f'"held": {row.connections}' not in held or f'"alive": {row.connections}' not in alive:
        raise loads.LoadError(f"not every idle connection was kept: {held.strip()} {alive.strip()}")
    return {"bytes": (after - before) / row.connections}


def objects(bench, contestant, row):
    """Bytes of memory that one more cached object costs: half JSON documents, half HTML pages."""
    process, count = contestant.process, row.paths // 2

    def fill(kind, extra=()):
        loads.run(
            [
                tools.tool("load"),
                "--port",
                str(contestant.port),
                "--connections",
                "16",
                "--path",
                f"/{kind}",
                "--paths",
                str(count),
                "--requests",
                str(count),
            ]
            + list(extra),
            bench.generator_core,
        )

    def held():
        return processes.memory(process.pid)["total"] + contestant.extra_memory()

    for kind in ("text/1024", "raw/1024"):  # what the first thousands of objects make grow is not theirs
        loads.run(
            [
                tools.tool("load"),
                "--port",
                str(contestant.port),
                "--path",
                f"/{kind}",
                "--paths",
                "2000",
                "--requests",
                "2000",
            ],
            bench.generator_core,
        )
    before = held()
    for kind in ("json", "html"):
        fill(kind)
    after = held()
    asked = loads.asked(bench.origin)
    for kind in ("json", "html"):
        fill(kind)
    again = loads.asked(bench.origin) - asked
    if again > row.paths // 100:
        raise loads.LoadError(f"{again} of {row.paths} objects were not kept")
    return {"bytes": (after - before) / row.paths}
