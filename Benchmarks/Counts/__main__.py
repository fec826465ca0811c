"""The count gates: `Benchmarks/run counts --help`. Counts do not drift with the load: CI can insist on them."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

from Peers import contestants, loads, processes, tools

from . import counting, kinds, symbols

LIMITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "thresholds.json")
COLUMNS = ["allocations", "references", "own_calls", "instructions", "library", "minor_faults", "major_faults"]


def arguments():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/run counts", description="What one hit costs, counted from outside on the released binary."
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="KIND",
        help="only these kinds of hits: " + ", ".join(kind.name for kind in kinds.KINDS),
    )
    parser.add_argument(
        "--server",
        default="martlet",
        help="count another contestant instead (nginx-copy, haproxy ...); nothing is gated then",
    )
    parser.add_argument("--binaries", help="folder of the released binaries (.build/release)")
    parser.add_argument(
        "--hits",
        type=int,
        default=12,
        help="hits whose instructions are stepped through (30 microseconds per instruction)",
    )
    parser.add_argument(
        "--profile", type=int, default=0, metavar="N", help="show the N functions with the most instructions per hit"
    )
    parser.add_argument(
        "--json", default=os.path.join(tools.ROOT, "Benchmarks", "results", "counts.json"), help="where the counts go"
    )
    parser.add_argument("--limits", default=LIMITS, metavar="FILE", help="judge by these thresholds instead")
    parser.add_argument(
        "--lowered",
        action="store_true",
        help="judge by half of each threshold for instructions: shows that the gate closes",
    )
    parser.add_argument(
        "--judge", action="store_true", help="judge the counts that an earlier run wrote (--json); nothing is measured"
    )
    return parser.parse_args()


def thresholds(options):
    """What is allowed, by kind of hit."""
    with open(options.limits) as file:
        limits = json.load(file)
    if options.lowered:
        for kind in limits.values():
            if "instructions" in kind:
                kind["instructions"] /= 2
    return limits


def judge(options):
    """Judges counts that were written down."""
    with open(options.json) as file:
        seen = json.load(file)
    return verdict(show(seen["counts"], seen["private_bytes"], thresholds(options)))


def verdict(exceeded):
    for line in exceeded:
        print(f"benchmark: over the threshold: {line}", file=sys.stderr)
    return 1 if exceeded else 0


def start(options, folder):
    """The origin and the server to count."""
    everyone = contestants.all_contestants()
    if options.server not in everyone:
        tools.stop(f"--server {options.server}: known are {', '.join(everyone)}", 2)
    cls = everyone[options.server]
    if options.binaries and options.server.startswith("martlet"):
        cls.binaries = os.path.abspath(options.binaries)
    if cls.missing():
        tools.stop(cls.missing())
    server_core, generator_core = processes.cores()
    port = processes.free_port()
    origin = processes.Process([tools.tool("origin"), str(port)], os.path.join(folder, "origin.log"), generator_core)
    try:
        origin.wait_for_port(port)
        return origin, port, cls(folder, port, folder).start(server_core)
    except RuntimeError as error:
        origin.stop()
        return tools.stop(str(error))


def busiest(root, work):
    """The process of the tree that does the work."""
    clock = processes.CPUClock(root)
    work()
    used = clock.by_process()
    return max(used, key=used.get)


def count(options, server, origin):
    server_core, generator_core = processes.cores()
    chosen = [kind for kind in kinds.KINDS if not options.only or kind.name in options.only]
    for kind in chosen:
        loads.get(server.port, kind.path)
    # Enough hits that whatever becomes hot is hot.
    pid = busiest(server.process.pid, lambda: counting.load(chosen[0], server.port, 20000, 16, generator_core))
    counter = counting.Counter(pid, server.port, server_core, generator_core)
    found = {}
    for kind in chosen:
        counter.warm(kind, 10000)
        asked = loads.asked(origin)
        faults = counter.faults(kind, 20000)
        calls = counter.calls(kind, 2000)
        steps = counter.instructions(kind, options.hits)
        if loads.asked(origin) != asked:
            raise counting.CountError(f"{kind.name}: the origin was asked; these were not hits")
        found[kind.name] = {
            "allocations": round(calls["allocations"], 4),
            "own_calls": round(calls["own"], 4),
            "instructions": round(steps["own"]),
            "library": round(steps["library"]),
            "minor_faults": round(faults["minor"], 3),
            "major_faults": round(faults["major"], 3),
            "calls": calls["calls"],
            "references": round(sum(calls["references"].values()), 4),
            "reference_calls": calls["references"],
            "least": steps["least"],
            "most": steps["most"],
            "places": steps["places"],
        }
        print(f"counted {kind.name}", file=sys.stderr)
    return found, counter.private_bytes()


def show(found, private, limits):
    """Prints the table; gives the thresholds that are exceeded."""
    exceeded = []
    print(f"{'per hit':<10}" + "".join(f"{column.replace('_', ' '):>16}" for column in COLUMNS) + "   system calls")
    for name, counts in found.items():
        line = f"{name:<10}"
        for column in COLUMNS:
            limit = limits.get(name, {}).get(column)
            # A stray timer, and the end of each of 16 connections, in 2,000 hits are not a hit's cost.
            stray = 0.02 if column in ("own_calls", "allocations", "references") else 0
            over = limit is not None and counts[column] > limit + stray
            if over:
                exceeded.append(f"{name}: {column.replace('_', ' ')} {counts[column]:g}, at most {limit:g}")
            line += f"{counts[column]:>15g}{'!' if over else ' '}"
        calls = ", ".join(
            f"{call} {number:.2f}"
            for call, number in sorted(counts["calls"].items(), key=lambda item: -item[1])
            if number >= 0.02
        )
        print(f"{line}   {calls}")
        if counts["references"] > 0.01:
            print(
                " " * 10
                + "reference counting: "
                + ", ".join(f"{call} {number:.2f}" for call, number in counts["reference_calls"].items())
            )
    print(f"(faults are per 1,000 hits; private memory of the serving process: {private / 2**20:.1f} MiB)")
    if private > limits.get("worker", {}).get("private_bytes", private):
        exceeded.append(f"private memory {private} bytes, at most {limits['worker']['private_bytes']}")
    return exceeded


def show_profile(found, most):
    for name, counts in found.items():
        top = sorted(counts["places"].items(), key=lambda item: -item[1])[:most]
        print(f"\n{name}: instructions per hit by function")
        for readable, (_, number) in zip(symbols.demangle([symbol for symbol, _ in top]), top):
            print(f"  {number:8.0f}  {readable[:140]}")


def main():
    options = arguments()
    unknown = set(options.only) - {kind.name for kind in kinds.KINDS}
    if unknown:
        tools.stop(f"--only {sorted(unknown)[0]}: known are {', '.join(kind.name for kind in kinds.KINDS)}", 2)
    if options.judge:
        return judge(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="martlet-counts-")
    os.chmod(folder, 0o755)
    origin, port, server = start(options, folder)
    try:
        found, private = count(options, server, port)
    except (counting.CountError, loads.LoadError) as error:
        return tools.stop(str(error))
    finally:
        server.stop()
        origin.stop()
        shutil.rmtree(folder, ignore_errors=True)
    exceeded = show(found, private, thresholds(options) if options.server.startswith("martlet") else {})
    if options.profile:
        show_profile(found, options.profile)
    os.makedirs(os.path.dirname(os.path.abspath(options.json)), exist_ok=True)
    with open(options.json, "w") as file:
        json.dump(
            {"server": options.server, "counts": found, "private_bytes": private, "exceeded": exceeded}, file, indent=1
        )
    print(f"took {time.monotonic() - began:.0f} s")
    return verdict(exceeded)


sys.exit(main())
