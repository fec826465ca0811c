"""The cache clock and the wall clock: what happens when they differ. The machine's own clock stays as it is: the
cache's is moved, in its file."""

import mmap
import struct
import time

from cases.restarts import command, exchange, settled
from cases.stopped_changes import site
from harness.client import Client
from harness.node import RELEASE
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect

HOUR = {"Cache-Control": "max-age=3600"}


def move(path, seconds):
    """Adds to the offset in a cache file, which is found by its value."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 1 << 20) as memory:
        now = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        words = struct.unpack(f"<{len(memory) // 8}q", memory)
        places = [index for index, word in enumerate(words) if abs(word - now) < 1_500_000_000]
        expect(len(places) == 1, f"one word is the offset: {places}")
        memory[places[0] * 8:places[0] * 8 + 8] = struct.pack("<q", words[places[0]] + seconds * 1_000_000_000)


@case("a cache clock that is wrong, or becomes so, is set to the wall clock: what is fresh stays so as long as it may")
def follows(context):
    origin = context.origin()
    script = origin.script("s1", "clock")
    for _ in range(5):
        script.add(Reply(200, HOUR, b"page"))
    path = f"{context.directory()}/cache"
    options = {"flags": ["--cache-file", path, "--cache-size", "16MiB"], "environment": {"MARTLET_TEST": "0"}}
    node = context.node(origin.url, **options)

    def ask(name):
        with Client(node.address) as client:
            client.request("GET", f"/s1/{name}")
            expect(client.read_response().body == b"page", "the page")

    def looks():
        status = node.admin("GET", "/v1/status")[1]["cache"]["clockSeconds"]
        ask("first")
        ask(f"new{len(script.requests)}")
        ask(f"new{len(script.requests) - 1}")
        return abs(status - time.time()) < 3
    expect(looks() and len(script.requests) == 2, "a right clock")
    for count, seconds in enumerate((4000, -4000), 1):
        move(path, seconds)
        wait_until(lambda: node.log_tail().count("the cache clock was") == count, "one line", 10)
        expect(f"{4000.0} s {'ahead of' if seconds > 0 else 'behind'} the wall clock" in node.log_tail(), "how much")
        expect(looks() and len(script.requests) == 2 + count, f"as it was: {len(script.requests)} requests")
    expect(node.stop() == 0, "a clean stop")
    move(path, 4000)
    node = context.node(origin.url, **options)
    wait_until(lambda: "4000.0 s ahead" in node.log_tail(), "one line", 10)
    expect(looks() and len(script.requests) == 5, f"as it was: {len(script.requests)} requests")


@case("a clock that a test has moved stays there: for a while, through an upgrade in place and an adoption")
def stays_moved(context):
    origin = site(context)
    node = context.node(origin.url)

    def is_moved(moved):
        return abs(moved.admin("GET", "/v1/status")[1]["cache"]["clockSeconds"] - time.time() - 4000) < 3
    node.advance(4000)
    pace(1.5)
    expect(is_moved(node), "moved")
    command(node, "upgrade", "--binary", f"{RELEASE}/martlet")
    pace(1)
    expect(is_moved(node), "after an upgrade")
    node.process.kill()
    node.process.wait()
    heir = context.node(origin.url, port=node.port, runtime=node.runtime, ready=False)
    wait_until(lambda: settled(heir), "the adoption", 30)
    pace(1)
    expect(is_moved(heir) and "cache clock was" not in heir.log_tail(), "after an adoption")
    with Client(heir.address) as client:
        expect(exchange(client), "it serves")
