"""The runtime directory cannot be written, is full, or is removed, at the start and under a running node: one line says
so, and nothing is lost."""

import os
import shutil
import signal
import subprocess

from cases.restarts import command, exchange, settled
from cases.stopped_changes import BODY, site
from harness.client import Client
from harness.node import command_line
from harness.waiting import wait_until
from support import Skipped, case, expect, martlet


def own_file_system(context, options):
    """A small file system of memory to be the runtime directory."""
    path = f"{context.directory()}/node"
    os.mkdir(path, 0o700)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", path], capture_output=True, check=False)
    if done.returncode != 0:
        raise Skipped("mounting is not allowed here")
    context.closers.append(lambda: subprocess.run(["umount", "-l", path], check=False))
    return path


def remount(path, options):
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def fill(path):
    """Uses up every place for a file; gives how many that were."""
    for number in range(10_000):
        try:
            with open(f"{path}/fill-{number}", "w", encoding="ascii"):
                pass
        except OSError:
            return number
    raise AssertionError("the file system has no end")


def generation(node):
    return node.admin("GET", "/v1/status")[1]["generations"][-1]["number"]


@case("a start in a directory that is read-only, full, a file, or not ours to write in: one line, exit 1, nothing left")
def at_the_start(context):
    origin = site(context)

    def refused(path, *reasons):
        code, said, error = martlet("run", "--runtime-dir", path, "--origin", origin.url, "--listen", "127.0.0.1:0")
        expect(code == 1 and not said, f"{path}: exit {code}, {said!r}")
        expect(error.count("\n") == 1 and path in error, f"{path}: one line that names it: {error!r}")
        expect(any(reason in error for reason in reasons), f"{path}: one of {reasons} in {error!r}")
    home = context.directory()
    with open(f"{home}/file", "w", encoding="ascii"):
        pass
    refused(f"{home}/file", "not a directory")
    refused(f"{home}/missing/node", "No such file")
    full = own_file_system(context, "size=64k,nr_inodes=8")
    spare = fill(full)
    refused(full, "No space left")
    # One file more each time: the lock, the admin socket, sockets of workers. In the end it starts.
    for room in range(1, spare + 1):
        os.remove(f"{full}/fill-{room - 1}")
        node = context.node(origin.url, runtime=full, ready=False)
        wait_until(lambda current=node: current.process.poll() is not None or settled(current), "an outcome", 20)
        if node.process.poll() is None:
            expect(node.stop() == 0, "exit code 0")
            break
        expect("No space left" in node.log_tail(), f"room for {room}: {node.log_tail()!r}")
        left = [name for name in os.listdir(full) if not name.startswith("fill-")]
        expect(not left, f"room for {room}: files left: {left}")
    else:
        raise AssertionError("it never starts")
    read_only = own_file_system(context, "size=64k")
    remount(read_only, "ro")
    refused(read_only, "Read-only file system")


def seal(path, is_sealed):
    """Nothing can be made there, not even by root. A file system with an open lock cannot be remounted read-only."""
    done = subprocess.run(["chattr", "+i" if is_sealed else "-i", path], capture_output=True, check=False)
    if done.returncode != 0:
        raise Skipped("chattr +i is not possible here")


@case("a running node whose directory cannot be written or is full: changes are refused, a dead worker is replaced")
def while_running(context):
    for way in ("full", "sealed"):
        path = own_file_system(context, "size=64k,nr_inodes=24")
        node = context.node(site(context).url, runtime=path)
        client = Client(node.address, 30)
        exchange(client)
        before = node.workers()
        if way == "sealed":
            seal(path, True)
        else:
            fill(path)
        said = command(node, "reload", code=1)
        reason = "not permitted" if way == "sealed" else "No space left"
        expect(reason in said and "untouched" in said, f"{way}: {said!r}")
        wait_until(lambda current=node, pids=before: current.workers() == pids, "the same workers")
        node.kill_worker(before[1])
        node.wait_replaced(before[1], 15)
        # The dead one's socket leaves a place where there was none.
        if way == "sealed":
            wait_until(lambda current=node: "could not be adopted" in current.log_tail(), "that it says so")
        for _ in range(20):
            with Client(node.address, 30) as fresh:
                got = exchange(fresh)
                expect(got == BODY, f"{way}: served, not {got[:200]!r}")
        if way == "sealed":
            seal(path, False)
        else:
            for name in os.listdir(path):
                if name.startswith("fill-"):
                    os.remove(f"{path}/{name}")
        command(node, "reload")
        command(node, "status")
        expect(node.stop() == 0 and not os.listdir(path), f"{way}: a clean stop")


@case("a directory removed under a running node: it is made again, commands work, and after a reload adoption does too")
def removed(context):
    node = context.node(site(context).url)
    client = Client(node.address, 30)
    exchange(client)
    shutil.rmtree(node.runtime)
    wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock"), "the directory made again")
    wait_until(lambda: "was removed" in node.log_tail(), "the log says so")
    command(node, "reload")
    code, _, error = martlet("run", "--runtime-dir", node.runtime, "--listen", "127.0.0.1:1", "--origin",
                             node.origin_url)
    expect(code == 1 and "already runs" in error, f"there is one node only: {code} {error!r}")
    orphans = node.workers()
    node.process.kill()
    node.process.wait()
    heir = context.node(node.origin_url, port=node.port, runtime=node.runtime, ready=False)
    wait_until(lambda: settled(heir), "the adoption", 30)
    wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in orphans), "the orphans replaced", 10)
    expect(exchange(client) == BODY, "the connection goes on")
    os.remove(f"{heir.runtime}/lock")
    wait_until(lambda: os.path.exists(f"{heir.runtime}/lock"), "the lock made again")
    os.remove(f"{heir.runtime}/admin.sock")
    wait_until(lambda: os.path.exists(f"{heir.runtime}/admin.sock"), "the admin socket made again")
    command(heir, "upgrade")
    expect(exchange(client) == BODY, "the connection goes on")
    expect(heir.stop() == 0 and not os.path.exists(heir.runtime), "a clean stop, and nothing left")


@case("a directory that cannot be made again: said once, signals still reload and stop")
def cannot_be_made_again(context):
    home = context.directory()
    path = f"{home}/node"
    node = context.node(site(context).url, runtime=path)
    client = Client(node.address, 30)
    exchange(client)
    before = node.workers()
    shutil.rmtree(path)
    with open(path, "w", encoding="ascii"):
        pass
    wait_until(lambda: "cannot be made again" in node.log_tail(), "the log says so")
    expect(exchange(client) == BODY, "it serves on")
    node.kill_worker(before[0])
    node.wait_replaced(before[0], 15)
    expect(exchange(Client(node.address, 30)) == BODY, "and accepts")
    expect(node.log_tail(100_000).count("cannot be made again") == 1, "said once")
    os.remove(path)
    wait_until(lambda: os.path.exists(f"{path}/admin.sock"), "made again after all")
    generation_before = generation(node)
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: settled(node) and generation(node) == generation_before + 1, "a reload by signal")
    expect(node.stop() == 0 and not os.path.exists(path), "a clean stop, and nothing left")


@case("a cache file in a file system that is read-only: the error says what to do")
def cache_file_read_only(context):
    origin = site(context)
    place = own_file_system(context, "size=100m")
    remount(place, "ro")
    code, _, error = martlet(
        "run", "--runtime-dir", f"{context.directory()}/node", "--origin", origin.url, "--listen", "127.0.0.1:0",
        "--cache-size", "32MiB", "--cache-file", f"{place}/cache")
    expect(code == 1 and error.count("\n") == 1, f"exit {code}: {error!r}")
    expect(f"{place}/cache" in error and "CacheDirectory" in error, f"says what to do: {error!r}")
