"""A stop while something else is under way: a clean stop, and whoever asked for the other thing is told the truth."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading

from cases.rejections import program
from cases.restarts import command, exchange, half_received
from harness.client import Client
from harness.node import RELEASE, children_of, command_line
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

FRESH = {"Cache-Control": "max-age=3600"}
BODY = b"stopped" * 500


class Asked:
    """A command that runs beside the case."""

    def __init__(self, node, words):
        self.words, self.runtime, self.outcome = words, node.runtime, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        self.outcome = martlet(*self.words, "--runtime-dir", self.runtime, seconds=60)

    def failed(self, *reasons):
        """Its outcome, which is one line and a failure."""
        self.thread.join(60)
        expect(self.outcome is not None, f"{self.words}: an outcome")
        code, _, error = self.outcome
        expect(code == 1 and error.count("\n") == 1, f"{self.words}: exit {code}, {error!r}")
        expect(any(reason in error for reason in reasons), f"{self.words}: one of {reasons} in {error!r}")
        for untruth in ("untouched", "died", "adopt", "no node runs", "no outcome"):
            expect(untruth not in error, f"{self.words}: not '{untruth}' in {error!r}")


def phase(node):
    return (node.admin("GET", "/v1/status")[1].get("change") or {}).get("phase")


def wait_for_phase(node, wanted):
    wait_until(lambda: phase(node) == wanted, f"a change in the phase '{wanted}'", 20)


def wait_for_preflight(node):
    wait_until(lambda: any("preflight" in command_line(pid) for pid in children_of(node.pid)), "the preflight", 20)


def stop(node, way):
    """Three ways to be told to stop; the node is gone, cleanly, in time."""
    pids = children_of(node.pid)
    if way == "command":
        expect("stopped" in command(node, "stop"), "says stopped")
    else:
        node.process.send_signal({"TERM": signal.SIGTERM, "QUIT": signal.SIGQUIT}[way])
    code = node.process.wait(25)
    expect(code == 0, f"{way}: exit code {code}: {node.log_tail()}")
    left = [f"{pid} {command_line(pid)}" for pid in pids if command_line(pid)]
    expect(not left, f"{way}: processes left: {left}")
    files = os.listdir(node.runtime) if os.path.exists(node.runtime) else []
    expect(not files, f"{way}: files left: {files}")


WAYS = ("command", "TERM", "QUIT")


def site(context):
    origin = context.origin()
    origin.script("s1", "stopped").add(Reply(200, FRESH, BODY))
    return origin


@case("stop while a reload is starting, is watched, or waits for another: clean, and every command says why it failed")
def during_a_reload(context):
    for way in WAYS:
        node = context.node(site(context).url, config="restart:\n  canary: 30s\n")
        changes = [Asked(node, ["reload"])]
        wait_for_phase(node, "canary")
        changes += [Asked(node, ["reload"]), Asked(node, ["workers", "3"])]
        wait_until(lambda current=node: current.admin("GET", "/v1/status")[1]["waitingChanges"] == 2, "two that wait")
        stop(node, way)
        for change in changes:
            change.failed("told to stop")


@case("stop while new workers hang at their start: clean, and they are gone too")
def during_a_start(context):
    for way in WAYS:
        home = context.directory()
        worker = f"{home}/worker"
        with open(worker, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n[ -e {home}/hangs ] && exec sleep 600\n"
                       f"exec {os.path.abspath(RELEASE)}/martlet-worker \"$@\"\n")
        os.chmod(worker, 0o755)
        node = context.node(site(context).url, flags=["--worker", worker])
        with open(f"{home}/hangs", "w", encoding="ascii"):
            pass
        change = Asked(node, ["workers", "4"])
        wait_for_phase(node, "starting")
        stop(node, way)
        change.failed("told to stop")


@case("stop while a new supervisor is tried: clean, its preflight is ended, and the upgrade says why it failed")
def during_a_preflight(context):
    for way in WAYS:
        node = context.node(site(context).url)
        slow = program(context, 'if (n > 1 && !strcmp(a[1], "preflight")) for (;;) pause();')
        change = Asked(node, ["upgrade", "--binary", slow])
        wait_for_preflight(node)
        later = Asked(node, ["reload"])
        wait_until(lambda current=node: current.admin("GET", "/v1/status")[1]["waitingChanges"] == 1, "one that waits")
        stop(node, way)
        change.failed("stop")
        later.failed("stop")


@case("stop in the moment of an upgrade in place: the next supervisor obeys it")
def during_exec(context):
    for way in (signal.SIGTERM, signal.SIGQUIT):
        node = context.node(site(context).url)
        pids = children_of(node.pid)
        marker = f"{context.directory()}/resuming"
        slow = program(context, 'if (n > 1 && !strcmp(a[1], "resume")) '
                                f'{{ close(creat("{marker}", 0600)); kill(getpid(), {int(way)}); }}')
        change = Asked(node, ["upgrade", "--binary", slow])
        code = node.process.wait(25)
        expect(code == 0 and os.path.exists(marker), f"exit code {code}: {node.log_tail()}")
        left = [f"{pid} {command_line(pid)}" for pid in pids if command_line(pid)]
        expect(not left, f"processes left: {left}")
        expect(not os.path.exists(node.runtime) or not os.listdir(node.runtime), "no file left")
        change.thread.join(30)
        expect(change.outcome is not None, "the upgrade has an outcome")
        said = change.outcome[1] + change.outcome[2]
        # It may have succeeded before the signal was read.
        expect(change.outcome[0] == 0 or "stop" in said, f"the truth: {change.outcome}")


@case("a second stop and a reload while the node drains: the first goes on, the reload is refused with the reason")
def during_a_stop(context):
    origin = site(context)
    gate = threading.Event()
    origin.script("s2", "stopped").add(Reply(act=half_received(gate)))
    node = context.node(origin.url)
    client = Client(node.address, 30)
    client.request("GET", "/s2/page")
    head = client.read_head()
    first = Asked(node, ["stop"])
    wait_until(lambda: node.admin("GET", "/v1/status")[1]["state"] == "stopping", "the stop begun")
    for words in (["reload"], ["workers", "3"], ["upgrade"]):
        said = command(node, *words, code=1)
        expect("stopping" in said and "untouched" not in said, f"{words}: {said!r}")
    gate.set()
    expect(client.read_body(head).complete, "the whole response")
    first.thread.join(30)
    expect(first.outcome[0] == 0 and "stopped" in first.outcome[1], f"stop: {first.outcome}")
    expect(node.process.wait(10) == 0, "exit code 0")


@case("stop before a node has begun to serve: exit 0, nothing left")
def before_the_start(context):
    runtime = context.directory()
    # What a supervisor that was killed leaves behind: until its lock is free the next one waits.
    dead = subprocess.Popen(["true"])
    dead.wait()
    with open(f"{runtime}/pid", "w", encoding="ascii") as file:
        file.write(f"{dead.pid}\n")
    with open(f"{runtime}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = context.node(site(context).url, runtime=runtime, ready=False)
        wait_until(lambda: blocks_term(node.pid), "signals wait until the node has the lock")
        node.process.send_signal(signal.SIGTERM)
    code = node.process.wait(25)
    expect(code == 0, f"exit code {code}: {node.log_tail()}")
    expect("stopping" not in node.log_tail(), f"no complaint: {node.log_tail()}")


def blocks_term(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        blocked = next(line for line in file if line.startswith("SigBlk"))
    return int(blocked.split()[1], 16) >> (signal.SIGTERM - 1) & 1


@case("stop in the first moments of a node, at 12 different times: exit 0, nothing left")
def during_the_first_start(context):
    for step in range(12):
        node = context.node(site(context).url, ready=False)
        deadline = 0.03 * step
        event = threading.Event()
        event.wait(deadline)
        pids = children_of(node.pid)
        node.process.send_signal(signal.SIGTERM)
        code = node.process.wait(25)
        # Before it obeys signals it is ended by them, and has made nothing yet.
        expect(code in (0, -signal.SIGTERM), f"after {deadline:.2f} s: exit code {code}: {node.log_tail()}")
        wait_until(lambda gone=pids: not any(command_line(pid) for pid in gone), "no process left", 5)
        with contextlib.suppress(FileNotFoundError):
            expect(not os.listdir(node.runtime), f"files left: {os.listdir(node.runtime)}")
