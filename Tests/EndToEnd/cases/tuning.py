"""`martlet tune` on a node under traffic: it tries every setting, fails no request, and leaves the node as asked."""

import json
import signal
import subprocess

from harness.node import RELEASE, free_port
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

SETTINGS = ("--workers", "1,2", "--io", "epoll", "--seconds", "0.5")


def serving(context, workers=2):
    origin = context.origin()
    origin.script("s1", "tuning").add(Reply(200, {"Cache-Control": "max-age=36000"}, b"x" * 1024))
    return context.node(origin.url, workers=workers, flags=["--cache-size", "64MiB"])


def workers(node):
    code, out, _ = martlet("status", "--json", "--runtime-dir", node.runtime)
    expect(code == 0, "status answers")
    return json.loads(out)["workers"]


def overrides(node):
    return json.loads(martlet("status", "--json", "--runtime-dir", node.runtime)[1]).get("overrides")


def tune(node, *words):
    """The recommended worker count; fails unless every setting has a line of the table."""
    code, out, errors = martlet("tune", *SETTINGS, *words, "--runtime-dir", node.runtime, seconds=60)
    expect(code == 0, f"tune ends well, not with {code}: {errors}")
    lines = [line.split() for line in out.splitlines()]
    tried = [int(line[0]) for line in lines if len(line) > 2 and line[1] == "epoll"]
    expect(tried == [1, 2], f"both settings are in the table: {out}")
    expect(all(float(line[2]) > 0 for line in lines if len(line) > 2 and line[1] == "epoll"), f"with traffic: {out}")
    return int(next(line for line in lines if line[0] == "recommended:")[2])


@case("tune --live watches the traffic there is, fails none of it, and leaves the node as it was")
def live(context):
    node = serving(context)
    load = context.wrk(node, "/s1/page", 60, connections=16)
    best = tune(node, "--live")
    requests, cut, bad = load.finish()
    expect(requests > 0 and cut + bad == 0, f"{cut} cut and {bad} bad of {requests} requests")
    expect(workers(node) == 2, "the node has its two workers again")
    return f"{best} workers recommended; {requests} requests, none failed"


@case("tune --apply makes its own traffic and changes the node to what it recommends")
def applied(context):
    node = serving(context, 3)
    best = tune(node, "--apply", "--path", "/s1/page")
    expect(workers(node) == best, f"{best} workers were recommended, the node has {workers(node)}")
    return f"{best} workers"


@case("tune that is interrupted puts the node back, and leaves the workers to the configuration file as before")
def interrupted(context):
    origin = context.origin()
    origin.script("s1", "tuning").add(Reply(200, {"Cache-Control": "max-age=36000"}, b"x" * 1024))
    flags = ["--listen", f"127.0.0.1:{free_port()}", "--cache-size", "64MiB"]
    node = context.node(origin.url, config="workers: 2\n", bare=True, ready=False, flags=flags)
    wait_until(lambda: len(node.workers()) == 2, "every worker running")
    wait_until(lambda: martlet("status", "--runtime-dir", node.runtime)[0] == 0, "the node to answer commands")
    asked = [overrides(node)]
    for number in (signal.SIGINT, signal.SIGTERM):
        words = ["--workers", "1", "--io", "epoll", "--seconds", "600", "--path", "/s1/page"]
        tuning = subprocess.Popen(
            [f"{RELEASE}/martlet", "tune", *words, "--runtime-dir", node.runtime], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: workers(node) == 1, "the first setting being tried")
        tuning.send_signal(number)
        out, errors = tuning.communicate(timeout=60)
        expect(tuning.returncode == 128 + number, f"ended as by the signal, not with {tuning.returncode}: {errors}")
        expect("the node is as it was" in out, f"and said what became of the node: {out}")
        expect(workers(node) == 2, f"the node has its two workers again, not {workers(node)}")
        asked.append(overrides(node))
    expect(asked == [{"cacheSize": "64MiB"}] * 3, f"nothing stays behind: {asked}")


@case("tune without traffic says so and leaves the node as it was")
def silence(context):
    node = serving(context)
    code, _, errors = martlet("tune", *SETTINGS, "--live", "--runtime-dir", node.runtime, seconds=60)
    expect(code == 1 and "is there traffic" in errors, f"one clear line, not {code}: {errors}")
    expect(workers(node) == 2, "the node has its two workers again")
