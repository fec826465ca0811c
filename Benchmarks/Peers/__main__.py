"""The command line of the peer suite: `Benchmarks/run --help`."""

import argparse
import os
import signal
import sys
import time

from . import contestants, martlet, plot, report, rows, suite, tools

PLANS = {
    "full": {
        "seconds": 4,
        "rounds": 5,
        "warmup": 1,
        "open_seconds": 10,
        "open_rounds": 3,
        "open_warmup": 30,
        "scale": 1.0,
    },
    "quick": {
        "seconds": 0.6,
        "rounds": 2,
        "warmup": 0,
        "open_seconds": 1,
        "open_rounds": 1,
        "open_warmup": 1,
        "scale": 0.2,
    },
}


def arguments():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/run", description="Martlet beside nginx, HAProxy, Varnish, Traffic Server, H2O and a C floor."
    )
    parser.add_argument("--quick", action="store_true", help="a coarse run of every row in under 3 minutes")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="only these rows and contestants (see --list)"
    )
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="NAME=FOLDER[,OPTION,VALUE...]",
        help="further builds or settings of Martlet in the same run; an empty folder means the same build",
    )
    parser.add_argument("--rounds", type=int, help="rounds per row")
    parser.add_argument("--seconds", type=int, help="seconds per measurement")
    parser.add_argument(
        "--json", default=os.path.join(tools.ROOT, "Benchmarks", "results", "peers.json"), help="where the figures go"
    )
    parser.add_argument(
        "--svg", default=os.path.join(tools.ROOT, "Benchmarks", "results", "peers.svg"), help="where the plot goes"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--list", action="store_true", help="list rows and contestants")
    return parser.parse_args()


def select(options):
    """The classes and rows that the command line asks for."""
    everyone = contestants.all_contestants()
    known = set(everyone) | {row.name for row in rows.ROWS} | {"floor"}
    unknown = [name for name in options.only if name not in known]
    if unknown:
        tools.stop(f"--only {unknown[0]}: no such row or contestant; known are {', '.join(sorted(known))}", 2)
    named = [name for name in options.only if name in everyone or name == "floor"]
    classes = [martlet.variant(text) for text in options.also]
    for name, cls in everyone.items():
        if name not in named and (named or not cls.standard):
            continue
        why = cls.missing()
        if why:
            print(f"without {name}: {why}", file=sys.stderr)
        else:
            classes.append(cls)
    return classes, rows.chosen(options.only)


def scaled(chosen, scale):
    """The memory rows with fewer objects and connections, for a quick run."""
    if scale == 1:
        return chosen
    return [
        (
            type(row)(**{**vars(row), "paths": int(row.paths * scale), "connections": int(row.connections * scale)})
            if row.kind in ("idle", "objects")
            else row
        )
        for row in chosen
    ]


def list_names():
    for row in rows.ROWS:
        print(f"{row.name:<16}{row.title}{'' if row.standard else ' (only when named)'}")
    for name, cls in contestants.all_contestants().items():
        print(f"{name:<16}{cls.missing() or 'ready'}")


def main():
    options = arguments()
    if options.list:
        list_names()
        return 0
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        tools.stop("needs Linux and two cores: one for the server, one for the load generator and the origin")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = dict(PLANS["quick" if options.quick else "full"])
    plan.update({name: value for name, value in (("rounds", options.rounds), ("seconds", options.seconds)) if value})
    # The open loop is long by itself: only longer when asked.
    plan["open_seconds"] = max(plan["open_seconds"], options.seconds or 0)
    if options.rounds:
        plan["open_rounds"] = options.rounds
    classes, chosen = select(options)
    began = time.monotonic()
    run = suite.Suite(classes, scaled(chosen, plan["scale"]), plan)
    try:
        run.run()
    finally:
        run.stop()
    medians = suite.medians(run.figures)
    found = report.bars(run.rows, medians)
    print(report.table(run.rows, medians, run.failures))
    print(report.bars_text(found))
    report.write_json(options.json, run, medians, found, plan)
    plot.write_svg(options.svg, run.rows, medians)
    noise = suite.noise(run.figures)
    if noise > 0.1:
        print(f"\nothers kept {noise:.1f} cores busy meanwhile: trust no figure above to better than a quarter")
    print(f"\nfigures: {options.json}\nplot: {options.svg}\ntook {time.monotonic() - began:.0f} s")
    return 1 if options.check and not all(bar["met"] for bar in found) else 0


sys.exit(main())
