"""Real files of this system through the node: byte-identical as MISS and HIT over both workers, each fetched once."""

import hashlib
import os
import threading
import time

from harness.client import Client
from harness.message import Ended
from harness.waiting import wait_until
from support import case, expect

TREES = ("/usr/share/doc", "/usr/share/fonts", "/usr/share/icons", "/usr/share/zoneinfo", "/usr/share/perl",
         "/usr/share/nginx", "/usr/share/i18n", "/usr/lib/python3", "/usr/lib/python3.11", "/usr/include",
         "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/gcc", "/usr/bin")
# How many files of up to how many bytes.
BUCKETS = [(0, 5), (300, 160), (1 << 10, 240), (1 << 12, 240), (1 << 14, 240), (1 << 16, 160), (1 << 18, 70),
           (1 << 20, 25), (1 << 22, 8), (1 << 23, 3), (1 << 26, 3)]
LARGE = 8 << 20


def build_tree(root):
    """Links to at least 1,000 old files of every size; returns {path: (size, SHA-256)}."""
    wanted = {limit: count for limit, count in BUCKETS}
    old = time.time() - 20 * 86400
    chosen = []
    for tree in TREES:
        # No tree may fill more than a third of a bucket, so that kinds mix.
        share = {limit: max(2, count // 3) for limit, count in BUCKETS}
        for folder, folders, names in os.walk(tree):
            folders.sort()
            for name in sorted(names):
                path = f"{folder}/{name}"
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                facts = os.stat(path)
                limit = next((limit for limit, _ in BUCKETS if facts.st_size <= limit), None)
                if limit is None or facts.st_mtime > old or not wanted[limit] or not share[limit]:
                    continue
                wanted[limit] -= 1
                share[limit] -= 1
                chosen.append(path)
    files = {}
    for number, path in enumerate(chosen):
        # The real name's ending stays, for its content type; a number makes it unique.
        ending = os.path.splitext(path)[1]
        served = f"/{number % 16:02d}/{number:05d}{ending if ending.isascii() and ' ' not in ending else ''}"
        add(root, files, served, path)
    fill_up(root, files)
    return files


def add(root, files, served, path):
    os.makedirs(os.path.dirname(root + served), exist_ok=True)
    os.symlink(path, root + served)
    with open(path, "rb") as file:
        content = file.read()
    files[served] = (len(content), hashlib.sha256(content).hexdigest())


def fill_up(root, files):
    """The sizes a small installation may lack: none at all, and at least 8 MiB."""
    sizes = [size for size, _ in files.values()]
    for name, content in (("empty", b""), ("large", os.urandom(LARGE))):
        if (name == "empty" and 0 in sizes) or (name == "large" and max(sizes) >= LARGE):
            continue
        path = f"{root}/source-{name}"
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (0, time.time() - 100 * 86400))
        add(root, files, f"/{name}.bin", path)


class Fetcher:
    """Fetches over one kept connection to a chosen worker; opens another when that breaks."""

    def __init__(self, node, worker):
        self.node = node
        self.worker = worker
        self.client = None
        self.broken = 0

    def sha256(self, path):
        for _ in range(5):
            try:
                if self.client is None:
                    self.client = self.node.connect(self.worker, seconds=60)
                digest = hashlib.sha256()
                self.client.request("GET", path)
                response = self.client.read_response(sink=digest.update)
                if response.complete:
                    return response.status, digest.hexdigest(), response
            except (OSError, Ended, AssertionError):
                pass
            self.broken += 1
            self.client = None
            if self.worker not in self.node.workers():
                self.worker = None
        raise AssertionError(f"{path} could not be fetched in five attempts")


def fetch_all(node, files, paths, workers, failures, broken):
    """Every path over each of the workers in turn, hashes compared."""
    fetchers = [Fetcher(node, worker) for worker in workers]
    for path in paths:
        for fetcher in fetchers:
            status, digest, response = fetcher.sha256(path)
            if status != 200 or digest != files[path][1]:
                failures.append(f"{path} ({files[path][0]} bytes): {status} {digest} {response!r}")
    broken.extend([fetcher.broken for fetcher in fetchers])


def fetch_in_parallel(node, files, threads=4):
    """Half the files first over one worker, half first over the other; returns how many connections broke."""
    first, second = node.workers()[:2]
    paths = sorted(files)
    failures, broken, running = [], [], []
    for number in range(threads):
        order = [first, second, first] if number % 2 == 0 else [second, first, second]
        running.append(threading.Thread(
            target=fetch_all, args=(node, files, paths[number::threads], order, failures, broken)))
        running[-1].start()
    for thread in running:
        thread.join()
    expect(len(broken) == 3 * threads, "a fetching thread gave up (see above)")
    expect(not failures, f"{len(failures)} wrong answers, the first: {failures[:3]}")
    return sum(broken)


def expect_fetched_once(server, index, files, allowed=0):
    counts = server.fetched(index)
    expect(all(counts[path] >= 1 for path in files), "every file appears in the origin's log")
    again = {path: counts[path] for path in files if counts[path] > 1}
    expect(sum(count - 1 for count in again.values()) <= allowed, f"fetched more than once: {again}")
    return again


SETTINGS = ("expires 1h; etag on;", "etag off;")


def _plain(context, index):
    root = context.directory()
    files = build_tree(root)
    expect(len(files) >= 1000, f"only {len(files)} files found")
    server = context.file_server(root, *SETTINGS)
    node = context.node(server.url(index), workers=2, flags=["--cache-size", "1GiB"])
    broken = fetch_in_parallel(node, files)
    expect(broken == 0, f"{broken} connections broke")
    expect_fetched_once(server, index, files)
    total = sum(size for size, _ in files.values())
    return f"{len(files)} files, {total >> 20} MiB, largest {max(size for size, _ in files.values()) >> 20} MiB"


@case("1,000 files with expires 1h: byte-identical over both workers, each fetched once")
def with_expires(context):
    return _plain(context, 0)


@case("1,000 files with Last-Modified alone: byte-identical over both workers, each fetched once")
def with_last_modified_alone(context):
    return _plain(context, 1)


@case("the same while wrk -c 64 runs and one worker is killed with kill -9")
def under_load_with_a_kill(context):
    root = context.directory()
    files = build_tree(root)
    server = context.file_server(root, *SETTINGS)
    node = context.node(server.url(0), workers=2, flags=["--cache-size", "1GiB"])
    hot = next(path for path, (size, _) in sorted(files.items()) if 512 <= size <= 1024)
    with Client(node.address) as client:
        client.request("GET", hot)
        client.read_response()
    load = context.wrk(node, hot, 300)
    victim = node.workers()[0]
    killed = threading.Thread(target=_kill_half_way, args=(node, server, len(files), victim))
    killed.start()
    broken = fetch_in_parallel(node, files)
    killed.join()
    requests, read_errors, other_errors = load.finish()
    expect(victim not in node.workers(), "the worker was killed")
    # Three connections of each of four threads, and wrk's, may have belonged to the killed worker.
    expect(broken <= 12, f"{broken} connections broke")
    expect(read_errors <= 64 and other_errors == 0, f"wrk saw {read_errors} read errors and {other_errors} others")
    again = expect_fetched_once(server, 0, files, allowed=4)
    return f"{requests} requests by wrk, {read_errors} cut, {len(again)} fetched again"


def _kill_half_way(node, server, count, victim):
    wait_until(lambda: len(server.fetched(0)) > count // 2, "half the files fetched", 240)
    node.kill_worker(victim)
    node.wait_replaced(victim, 20)


@case("a HIT filled by one worker is served by the other, and both take connections under load")
def across_workers(context):
    root = context.directory()
    files = {}
    add(root, files, "/page.txt", "/etc/services" if os.path.exists("/etc/services") else "/etc/passwd")
    server = context.file_server(root, *SETTINGS)
    node = context.node(server.url(0), workers=2)
    first, second = node.workers()
    for worker in (first, second):
        status, digest, response = Fetcher(node, worker).sha256("/page.txt")
        expect((status, digest) == (200, files["/page.txt"][1]), f"worker {worker}: {status} {response!r}")
    expect("hit" in (response.get("Cache-Status") or ""), f"a hit over the second worker: {response!r}")
    expect_fetched_once(server, 0, files)
    before = {worker: _cpu_ticks(worker) for worker in (first, second)}
    load = context.wrk(node, "/page.txt", 2)
    wait_until(lambda: load.process.poll() is not None, "wrk's end", 20)
    expect(load.finish()[1:] == (0, 0), "wrk saw no errors")
    used = {worker: _cpu_ticks(worker) - before[worker] for worker in (first, second)}
    expect(all(ticks > 0 for ticks in used.values()), f"both workers worked under load: {used}")
    return f"CPU ticks {used}"


def _cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
