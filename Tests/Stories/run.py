#!/usr/bin/env python3
"""Tells every story, one after the other, to one real node with two workers. Exit code 1 if any went otherwise."""

import argparse
import importlib
import os
import pkgutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.node import Node  # noqa: E402
from harness.origin import Origin  # noqa: E402
from harness.ring import has_ring  # noqa: E402
from harness.standin import StandIn  # noqa: E402
from harness.story import REGISTRY, Story  # noqa: E402
import themes  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="words; a story is told when its name contains one of them")
    parser.add_argument("--list", action="store_true", help="list the stories and tell none")
    parser.add_argument("--stand-in", action="store_true", help="try the harness on nginx instead of the node")
    parser.add_argument("--report", help="append each failure to this file")
    parser.add_argument("--verbose", action="store_true", help="name every story as it is told")
    parser.add_argument(
        "--io", action="append", default=[], help="once per backend of the event loop; uring only where there is one"
    )
    parser.add_argument("--flag", action="append", default=[], help="a further flag for martlet run")
    return parser.parse_args()


def load(words):
    for module in sorted(info.name for info in pkgutil.iter_modules(themes.__path__)):
        importlib.import_module(f"themes.{module}")
    return [told for told in REGISTRY if not words or any(word in told.name for word in words)]


class Teller:
    """Keeps a node running and tells stories to it; a node that dies is reported and replaced."""

    def __init__(self, options, backend=None):
        self.options = options
        self.flags = options.flag + (["--io", backend] if backend else [])
        self.node = None
        self.origin = Origin(lambda: self.node.now() if self.node else time.time())
        self.workers = []
        self.number = 0

    def start_node(self):
        if self.options.stand_in:
            self.node = StandIn(self.origin.url)
        else:
            self.node = Node(self.origin.url, workers=2, flags=self.flags)
        self.node.wait_ready()
        self.workers = self.node.workers()

    def tell(self, told):
        """Returns nothing, or what went otherwise."""
        self.number += 1
        story = Story(told, self.node, self.origin, self.number)
        problem = None
        try:
            told.function(story)
        except Exception as error:  # pylint: disable=broad-except
            problem = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
        finally:
            story.finish()
        problem = self.health() or problem or (self.origin.problems.pop() if self.origin.problems else None)
        if problem:
            return "\n".join([problem, *(f"    {line}"[:600] for line in story.transcript)])
        if self.origin.malformed:
            return f"malformed bytes at the origin: {self.origin.malformed.pop()}"
        return None

    def health(self):
        if not self.node.alive():
            problem = f"the node died: {self.node.log_tail()}"
            self.node.stop()
            self.start_node()
            return problem
        workers = self.node.workers()
        if workers != self.workers:
            problem = f"a worker died ({self.workers} became {workers}): {self.node.log_tail(600)}"
            self.node.wait_ready()
            self.workers = self.node.workers()
            return problem
        return None


def main():
    options = arguments()
    stories = load(options.only)
    if options.list:
        for told in stories:
            print(f"{told.name:64} {told.section:16} {told.text}")
        print(f"{len(stories)} stories")
        return 0
    wrong = False
    for backend in options.io or [None]:
        if backend == "uring" and not has_ring():
            print("stories: not told to io_uring: this kernel does not let us have it", file=sys.stderr)
            continue
        wrong |= tell_all(stories, options, backend)
    return 1 if wrong else 0


def tell_all(stories, options, backend):
    """Tells the stories to one node; whether any went otherwise."""
    teller = Teller(options, backend)
    began = time.monotonic()
    failures = []
    teller.start_node()
    try:
        for told in stories:
            problem = teller.tell(told)
            if options.verbose:
                print(f"{'FAILED' if problem else 'ok':6} {told.name}", flush=True)
            if problem:
                failures.append((told, problem))
                print(f"FAILED {told.name} ({told.section}: {told.text})\n    {problem}", flush=True)
    finally:
        code = teller.node.stop()
        if not failures:
            teller.node.clean_up()
    if code != 0 and not options.stand_in:
        print(f"the node exited with {code} on SIGTERM")
    if options.report:
        with open(options.report, "a", encoding="utf-8") as file:
            for told, problem in failures:
                file.write(f"### {told.name}\n{told.section}: {told.text}\n```\n{problem}\n```\n")
    told = f"stories{f' ({backend})' if backend else ''}"
    print(f"{told}: {len(stories) - len(failures)} of {len(stories)} passed in {time.monotonic() - began:.1f} s")
    return bool(failures) or (code != 0 and not options.stand_in)


if __name__ == "__main__":
    sys.exit(main())
