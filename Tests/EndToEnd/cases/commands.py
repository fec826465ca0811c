"""What the commands say, how long they wait, and with which code they end."""

import os
import signal
import socket
import threading
import time

from cases.restarts import command, exchange, half_received
from harness.client import Client
from harness.node import RELEASE
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

FRESH = {"Cache-Control": "max-age=3600"}
BODY = bytes(range(256)) * 400
EVERY = (["reload"], ["upgrade"], ["workers", "3"], ["status"], ["status", "--json"], ["stop"], ["stop", "--now"],
         ["purge", "--all"])


def site(context):
    origin = context.origin()
    gate = threading.Event()
    origin.script("s1", "commands").add(Reply(200, FRESH, BODY))
    origin.script("s2", "commands").add(Reply(act=half_received(gate)))
    return origin, gate


def in_time(node, words, seconds, code=1):
    """The command ends with that code within the time; gives what it said."""
    began = time.monotonic()
    said = command(node, *words, code=code)
    took = time.monotonic() - began
    expect(took < seconds, f"martlet {' '.join(words)}: {took:.1f} s of {seconds}")
    return said


@case("every command gives up at its --timeout when the supervisor stands still, and what it asked is not done later")
def standing_supervisor(context):
    node = context.node(site(context)[0].url)
    before = node.workers()
    os.kill(node.pid, signal.SIGSTOP)
    try:
        for words in EVERY:
            said = in_time(node, [*words, "--timeout", "0.5"], 4)
            expect("no answer in time" in said and node.runtime in said, f"{words}: {said!r}")
    finally:
        os.kill(node.pid, signal.SIGCONT)
    status = node.admin("GET", "/v1/status", seconds=20)[1]
    expect(status["state"] == "serving" and not status.get("change") and not status["waitingChanges"], f"{status}")
    expect(node.workers() == before and status["generations"][-1]["number"] == 1, "the same workers")
    # Asked all at once, and waited for by nobody: whatever is done first, in the end the node is gone with its workers.
    sockets = [node_socket(node) for _ in range(3)]
    for sock, path in zip(sockets, ("reload", "upgrade", "stop")):
        sock.sendall(f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    expect(node.process.wait(30) == 0, "exit code 0")
    seen = f"{node.runtime}/"
    with open("/proc/net/unix", encoding="ascii") as table:
        expect(seen not in table.read(), "no process left")


def node_socket(node):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(f"{node.runtime}/admin.sock")
    return sock


@case("every command without a node, and with a wrong time: one line and the right code")
def no_supervisor(context):
    runtime = context.directory()
    for words in EVERY:
        code, _, error = martlet(*words, "--runtime-dir", runtime)
        expect(code == 1 and error.count("\n") == 1 and runtime in error, f"{words}: {code} {error!r}")
        code, _, error = martlet(*words, "--runtime-dir", runtime, "--timeout", "-1")
        expect(code == 2 and "timeout" in error, f"{words} --timeout -1: {code} {error!r}")


@case("more workers that cannot be: the command says why and fails, those that are serve on")
def workers_that_cannot_start(context):
    origin, _ = site(context)
    home = context.directory()
    worker = f"{home}/worker"
    with open(worker, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\n[ -e {home}/exits ] && exit 4\n[ -e {home}/hangs ] && exec sleep 600\n"
                   f"exec {os.path.abspath(RELEASE)}/martlet-worker \"$@\"\n")
    os.chmod(worker, 0o755)
    node = context.node(origin.url, flags=["--worker", worker])
    before = node.workers()
    client = Client(node.address)
    exchange(client)
    for name, words, reason in (("exits", ["workers", "4"], "exited with code 4"),
                                ("hangs", ["workers", "+2", "--timeout", "2"], "timed out")):
        with open(f"{home}/{name}", "w", encoding="ascii"):
            pass
        said = in_time(node, words, 8)
        expect(reason in said and "still 2 workers" in said, f"{words}: {said!r}")
        wait_until(lambda: node.workers() == before, "the same two workers")
        expect(exchange(client) == BODY, "the connection goes on")
        os.remove(f"{home}/{name}")
    for words in (["workers", "0"], ["workers", "many"], ["workers", "-5"], ["workers"], ["workers", "1", "2"]):
        in_time(node, words, 8, code=2)
    command(node, "workers", "4")
    expect(len(node.workers()) == 4, "four workers")


@case("commands show their progress, and status what keeps an old generation alive")
def progress(context):
    origin, gate = site(context)
    node = context.node(origin.url)
    client = Client(node.address, 30)
    client.request("GET", "/s2/page")
    head = client.read_head()
    said = command(node, "reload")
    for step in ("configuration is good", "starting 2 workers", "2 of 2 ready", "slot 0 moved", "with 2 workers"):
        expect(step in said, f"'{step}' in {said!r}")
    said = command(node, "status")
    expect("(draining, kept by 1 active (oldest" in said, f"status: {said}")
    gate.set()
    expect(client.read_body(head).body == BODY, "the whole response")
    wait_until(lambda: "draining" not in command(node, "status"), "no old generation")


@case("stop: waits for a response as long as restart.stop says, however long the command does; --now and two TERMs cut")
def stops(context):
    for way in ("patience", "now", "terms"):
        origin, gate = site(context)
        node = context.node(origin.url)
        client = Client(node.address, 30)
        client.request("GET", "/s2/page")
        head = client.read_head()
        if way == "patience":
            said = in_time(node, ["stop", "--timeout", "1"], 8)
            expect("still stopping: 1 request under way; `martlet stop --now` ends it" in said, f"gives up: {said}")
            gate.set()
            expect(client.read_body(head).body == BODY, "the whole response")
            expect(node.process.wait(10) == 0, f"{way}: exit code 0")
            continue
        if way == "now":
            in_time(node, ["stop", "--now"], 4, code=0)
        else:
            node.process.send_signal(signal.SIGTERM)
            wait_until(lambda node=node: node.admin("GET", "/v1/status")[1]["state"] == "stopping", "the stop begun")
            node.process.send_signal(signal.SIGTERM)
        expect(node.process.wait(5) == 0, f"{way}: exit code 0")
        expect(client.read_body(head).closed, f"{way}: the response is cut")


@case("stop: what restart.stop has cut is said, by the command and in the log")
def stop_that_cuts(context):
    origin, _ = site(context)
    node = context.node(origin.url, config="restart: {stop: 1s}\n")
    client = Client(node.address, 30)
    client.request("GET", "/s2/page")
    head = client.read_head()
    said = in_time(node, ["stop"], 10, code=0)
    expect("stopped; 1 request was cut" in said, f"what it cost: {said}")
    expect(node.process.wait(5) == 0, "exit code 0")
    expect(client.read_body(head).closed, "the response is cut")
    expect("stopped; 1 request was cut" in node.log_tail(), f"in the log: {node.log_tail()}")


@case("upgrade to a named pipe or a directory: refused with the reason, and the supervisor serves on")
def upgrade_to_no_program(context):
    origin, _ = site(context)
    node = context.node(origin.url)
    pipe = f"{context.directory()}/pipe"
    os.mkfifo(pipe, 0o755)
    for path in (pipe, context.directory()):
        status, answer = node.admin("POST", "/v1/upgrade", {"binary": path, "timeoutSeconds": 10})
        expect(status == 202, f"{path}: {status} {answer}")

        def outcome(number=answer["operation"]):
            return node.admin("GET", f"/v1/operations/{number}")[1].get("outcome")
        said = wait_until(outcome, "the outcome")
        expect(not said["succeeded"] and "is no regular file" in said["text"], f"{path}: {said}")
    expect("is no regular file" in in_time(node, ["upgrade", "--binary", pipe], 10), "the command says why")
    command(node, "reload")
