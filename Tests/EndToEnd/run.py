#!/usr/bin/env python3
"""Runs the end-to-end cases, each with a node (and often an nginx) of its own. Exit code 1 if any failed."""

import argparse
import importlib
import os
import pkgutil
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Stories"))

import cases  # noqa: E402
from support import REGISTRY, Context, Skipped  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="words; a case runs when its name contains one of them")
    parser.add_argument("--long", action="store_true", help="the long form: 5 GiB bodies, more rounds")
    parser.add_argument("--list", action="store_true", help="list the cases and run none")
    parser.add_argument("--report", help="append each failure to this file")
    return parser.parse_args()


def run(case, options):
    """Returns the outcome's word and what it says."""
    context = Context(options.long)
    try:
        said = case.function(context)
        return "passed", said or ""
    except Skipped as reason:
        return "skipped", str(reason)
    except AssertionError as problem:
        return "FAILED", f"{problem}\n{context.logs()}"
    except Exception:  # pylint: disable=broad-except
        return "FAILED", f"{traceback.format_exc()}\n{context.logs()}"
    finally:
        context.close()


def main():
    options = arguments()
    for module in sorted(info.name for info in pkgutil.iter_modules(cases.__path__)):
        importlib.import_module(f"cases.{module}")
    chosen = [case for case in REGISTRY if not options.only or any(word in case.name for word in options.only)]
    if not options.long:
        chosen = [case for case in chosen if not case.long_only]
    if options.list:
        for case in chosen:
            print(f"{case.name:44} {case.text}")
        return 0
    failed = skipped = 0
    began = time.monotonic()
    for case in chosen:
        started = time.monotonic()
        outcome, said = run(case, options)
        print(f"{outcome:7} {case.name:44} {time.monotonic() - started:6.1f} s  {said}", flush=True)
        failed += outcome == "FAILED"
        skipped += outcome == "skipped"
        if outcome == "FAILED" and options.report:
            with open(options.report, "a", encoding="utf-8") as file:
                file.write(f"### end-to-end {case.name}\n{case.text}\n```\n{said[-3000:]}\n```\n")
    passed = len(chosen) - failed - skipped
    print(f"end-to-end: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
