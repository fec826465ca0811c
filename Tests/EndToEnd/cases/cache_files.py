"""A cache file across stops, crashes and reboots of the machine. A reboot is told by the boot's name in the file, so
another name in it is a reboot."""

import mmap
import os
import random
import signal
import struct

from cases.restarts import command
from harness.client import Client
from harness.node import children_of, command_line
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

BOOT = 200
GLOBALS = 1
INDEX = 9
HARD_TAGS = 10
DATA = 14


def section(path, kind):
    """Where a section of the file begins."""
    with open(path, "rb") as file:
        page = file.read(4096)
    count = struct.unpack_from("<I", page, 96)[0]
    for number in range(count):
        found, _, offset = struct.unpack_from("<IIQ", page, 128 + number * 40)
        if found == kind:
            return offset
    raise AssertionError(f"no section {kind} among {count}")


def reboot(path):
    """The file as another boot of the machine left it."""
    with open(path, "r+b") as file:
        file.seek(section(path, GLOBALS) + BOOT)
        file.write(os.urandom(16))


def body(number):
    return random.Random(number).randbytes(5000)


def pages(context):
    asked = []

    def act(connection, request):
        number = int(request.target.split("/")[-1])
        asked.append(number)
        content = body(number)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: max-age=3600\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(content) + content)
        return True
    origin = context.origin()
    origin.script("docs", "cache_files").add(Reply(act=act))
    return origin, asked


def fetch(node, numbers):
    with Client(node.address) as client:
        for number in numbers:
            client.request("GET", f"/docs/{number}")
            expect(client.read_response().body == body(number), f"page {number}")


def history(node):
    return node.admin("GET", "/v1/status")[1]["cache"]["history"]


def kill_all(node):
    """The whole node at once, as a power cut would."""
    everybody = [node.pid, *children_of(node.pid)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    for pid in everybody:
        os.kill(pid, signal.SIGKILL)
    node.process.wait()
    wait_until(lambda: not any("martlet" in command_line(pid) for pid in everybody), "every process gone")


@case("after a clean stop and a reboot a cache file is taken as it is; after a crash and a reboot it is verified first")
def reboots(context):
    origin, asked = pages(context)
    path = f"{context.directory()}/cache"
    flags = ["--cache-size", "16MiB", "--cache-file", path]
    node = context.node(origin.url, flags=flags)
    expect(history(node) == "new", f"at first: {history(node)}")
    fetch(node, range(60))
    node.kill_worker(node.workers()[0])
    expect(node.stop() == 0, "exit code 0")
    reboot(path)

    node = context.node(origin.url, flags=flags)
    expect(history(node) == "clean-reboot", f"after a clean stop: {history(node)}")
    expect("stopped cleanly before the reboot" in node.log_tail(), node.log_tail())
    fetched = len(asked)
    fetch(node, range(60))
    expect(len(asked) == fetched, f"{len(asked) - fetched} pages were fetched again")
    kill_all(node)
    reboot(path)
    # The power cut also lost a page of the file, in the middle of a body.
    with open(path, "r+b") as file:
        content = file.read()
        file.seek(content.index(body(17)[1000:1100], section(path, DATA)))
        file.write(bytes(64))

    node = context.node(origin.url, flags=flags)
    expect(history(node) == "unclean-reboot", f"after a crash: {history(node)}")
    expect("not stopped cleanly" in node.log_tail(), node.log_tail())
    fetch(node, range(60))
    again = len(asked) - fetched
    expect(again == 1 and asked[-1] == 17, f"fetched again: {asked[fetched:]}")
    expect(node.stop() == 0, "exit code 0")

    node = context.node(origin.url, flags=flags)
    expect(history(node) == "same-boot", f"without a reboot: {history(node)}")


def slot_of(file, number):
    """Where the index of a cache file names a page, and where its item begins."""
    content = mmap.mmap(file.fileno(), 0)
    data, index = section(file.name, DATA), section(file.name, INDEX)
    size = struct.unpack_from("<Q", content, 40)[0]
    for at in range(index, section(file.name, HARD_TAGS), 8):
        word = struct.unpack_from("<Q", content, at)[0]
        item = data + (word >> 18 & 0xfffff) * size + (word & 0x3ffff) * 8
        if word >> 46 & 3 == 1 and content.find(b"/docs/%d" % number, item, item + 200) > 0:
            return content, at, word, item
    raise AssertionError(f"nothing in the index names page {number}")


@case("a slot that names a segment beyond the end of a cache file, and an item of a wrong length, are fetched anew")
def damaged(context):
    origin, asked = pages(context)
    path = f"{context.directory()}/cache"
    flags = ["--cache-size", "16MiB", "--cache-file", path]
    node = context.node(origin.url, flags=flags)
    fetch(node, range(10, 16))
    expect(node.stop() == 0, "exit code 0")
    with open(path, "r+b") as file:
        content, at, word, _ = slot_of(file, 12)
        struct.pack_into("<Q", content, at, word | 1 << 18 + 10)
        _, _, _, item = slot_of(file, 14)
        struct.pack_into("<I", content, item + 16, struct.unpack_from("<I", content, item + 16)[0] + 8)
        content.flush()
        content.close()

    node = context.node(origin.url, flags=flags)
    workers = node.workers()
    del asked[:]
    for _ in range(2):
        fetch(node, range(10, 16))
    expect(sorted(asked) == [12, 14], f"fetched again: {asked}")
    expect(node.workers() == workers, "no worker died")
    expect(node.stop() == 0, "exit code 0")


def sized(context, origin, size, more="", path=None):
    """A configuration file with that cache size; gives its path and how to write another."""
    path = path or f"{context.directory()}/node.yaml"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"origin: {origin.url}\ncache:\n  size: {size}\n{more}")
    return path


def cache(node):
    return node.admin("GET", "/v1/status")[1]["cache"]


def at_rest(node):
    """How many objects there are when the janitor has made the room that it wants to have."""
    seen = []

    def same():
        seen.append(cache(node)["objects"])
        return len(seen) >= 10 and len(set(seen[-10:])) == 1
    wait_until(same, "an end of the evictions")
    return seen[-1]


def grows(context, more):
    origin, asked = pages(context)
    config = sized(context, origin, "4MiB", more)
    node = context.node(None, flags=["--config", config])
    region = cache(node)["sizeBytes"]
    expect(region <= 4 << 20, f"{region} bytes of 4 MiB")
    # More than it holds: something has to go.
    fetch(node, range(1500))
    held = at_rest(node)
    expect(held < 1000, f"{held} pages of 5000 bytes in 4 MiB")
    workers = node.workers()
    sized(context, origin, "15MiB", more, config)
    said = command(node, "reload")
    expect("the cache grew from " in said, said)
    size = cache(node)["sizeBytes"]
    expect(14 << 20 < size <= 15 << 20, f"{size} bytes after the growth to 15 MiB")
    expect(cache(node)["objects"] == held, f"{held} objects before, {cache(node)['objects']} after")
    expect(not set(workers) & set(node.workers()), "a new generation")
    fetch(node, range(2000, 3000))
    asked.clear()
    for worker in node.workers():
        with node.connect(worker) as client:
            for number in range(2000, 3000):
                client.request("GET", f"/docs/{number}")
                expect(client.read_response().body == body(number), f"page {number}")
    expect(not asked, f"{len(asked)} of 1000 pages were fetched again after the growth")
    expect(cache(node)["objects"] >= held + 1000, f"{cache(node)['objects']} objects")
    return node, origin, config


@case("a raised cache.size and a reload: the cache grows, and nothing that it holds is lost")
def growth(context):
    node, origin, config = grows(context, "")
    # What cannot be is refused, says the way out, and leaves everything as it was.
    generation = node.admin("GET", "/v1/status")[1]["generations"][-1]["number"]
    for size, hints in (("64MiB", ("laid out for 1", "MiB at most", "cache.max-size")),
                        ("8MiB", ("does not shrink", "start the node anew"))):
        sized(context, origin, size, "", config)
        said = command(node, "reload", code=1)
        expect(all(hint in said for hint in hints), f"{size}: {said!r}")
    expect(cache(node)["sizeBytes"] > 14 << 20, "the size stays")
    expect(node.admin("GET", "/v1/status")[1]["generations"][-1]["number"] == generation, "no new generation")
    # An upgrade in place keeps what was asked for in mind.
    sized(context, origin, "15MiB", "", config)
    command(node, "upgrade")
    sized(context, origin, "8MiB", "", config)
    expect("does not shrink" in command(node, "reload", code=1), "after an upgrade")


@case("a cache file grows as well, keeps its size at the next start, and grows at a start that asks for more")
def file_growth(context):
    path = f"{context.directory()}/cache"
    more = f"  file: {path}\n"
    node, origin, config = grows(context, more)
    expect(os.stat(path).st_blocks * 512 <= 15 << 20, f"{os.stat(path).st_blocks * 512} bytes on disk")
    expect(node.stop() == 0, "exit code 0")
    node = context.node(None, flags=["--config", config])
    expect(cache(node)["sizeBytes"] > 14 << 20, "the size is kept")
    held = cache(node)["objects"]
    expect(held > 1000, f"{held} objects after the start")
    expect(node.stop() == 0, "exit code 0")
    sized(context, origin, "16MiB", more, config)
    node = context.node(None, flags=["--config", config])
    expect(cache(node)["sizeBytes"] > 63 << 18, f"{cache(node)['sizeBytes']} bytes at a start that asks for 16 MiB")
    expect(cache(node)["objects"] == held, "nothing is lost")


@case("a cache.max-size below cache.size, or far above it, is a usage error that names both")
def bounds(context):
    origin, _ = pages(context)
    for most in ("32MiB", "2GiB"):
        config = sized(context, origin, "64MiB", f"  max-size: {most}\n")
        code, _, said = martlet("run", "--config", config, "--runtime-dir", f"{context.directory()}/runtime")
        expect(code == 2 and "cache.max-size" in said and "64 MiB" in said, f"{most}: {code} {said!r}")
