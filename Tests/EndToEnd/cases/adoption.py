"""`martlet run` where the workers of a supervisor that died serve on: whatever its configuration says is done without a
loss, or refused with a clear line, and then the workers go on."""

import os
import signal
import socket

from cases.restarts import exchange, settled
from cases.scarcity import limited
from cases.stopped_changes import BODY, site
from harness.client import Client
from harness.node import RELEASE, command_line, free_port
from harness.waiting import pace, wait_until
from support import case, expect, martlet, refused


class Heritage:
    """A node with idle connections whose supervisor is killed, again and again."""

    def __init__(self, context, *flags, workers=2):
        self.context, self.origin = context, site(context)
        self.node = context.node(self.origin.url, workers=workers, flags=flags)
        self.clients = [Client(self.node.address, 30) for _ in range(10)]
        self.serves()
        self.fetched = self.hits()

    def serves(self):
        for client in self.clients:
            expect(exchange(client) == BODY, "the connections go on")

    def hits(self):
        return len(self.origin.scripts["s1"].requests)

    def run(self, *flags, port=None, **options):
        """Kills the supervisor and starts another one, which may refuse."""
        self.orphans = self.node.workers()
        self.node.process.kill()
        self.node.process.wait()
        return self.context.node(self.origin.url, flags=flags, port=port or self.node.port,
                                 runtime=self.node.runtime, ready=False, **options)

    def accepts(self, *flags, **options):
        heir = self.run(*flags, **options)
        wait_until(lambda: settled(heir), "the adoption", 30)
        wait_until(lambda: not any("martlet-worker" in command_line(pid) for pid in self.orphans), "orphans gone", 20)
        self.node = heir
        self.serves()
        expect(self.hits() == self.fetched, "the cache is the same")
        return heir

    def refuses(self, *flags, reasons, **options):
        heir = self.run(*flags, **options)
        code = heir.process.wait(20)
        said = heir.log_tail()
        last = [line for line in said.splitlines() if line.startswith("martlet: ")][-1]
        expect(code in (1, 2), f"exit {code}: {said}")
        expect(all(reason in last for reason in reasons), f"{reasons} in {last!r}")
        expect(all("martlet-worker" in command_line(pid) for pid in self.orphans), "the workers live")
        self.serves()
        expect(exchange(Client(self.node.address)) == BODY, "and accept")


@case("adoption with other worker counts, more slots and another size of the cache: as the new configuration says")
def other_counts(context):
    heritage = Heritage(context, "--cache-size", "64MiB")
    for count in (5, 1, 3):
        node = heritage.accepts("--cache-size", "64MiB", workers=count)
        expect(len(node.workers()) == count, f"{count} workers")
        for _ in range(30):
            expect(exchange(Client(node.address)) == BODY, "new connections")
    config = f"{context.directory()}/node.yaml"
    with open(config, "w", encoding="ascii") as file:
        file.write("max-workers: 20\ncache:\n  size: 128MiB\n")
    node = heritage.accepts("--config", config, workers=12)
    status = node.admin("GET", "/v1/status")[1]
    expect(len(node.workers()) == 12 and status["slots"]["perAddress"] == 20, f"slots {status['slots']}")
    expect(status["cache"]["sizeBytes"] > 100 << 20, f"the cache has grown: {status['cache']['sizeBytes']}")
    # A smaller one cannot be: it is said, and what is there serves.
    node = heritage.accepts("--cache-size", "32MiB", workers=2)
    expect("does not shrink" in node.log_tail(), f"says so: {node.log_tail()}")


@case("adoption with other addresses: added ones serve, removed ones are refused once their connections have moved")
def other_addresses(context):
    heritage = Heritage(context)
    old, added, socket_path = heritage.node.port, free_port(), f"{context.directory()}/listen.sock"
    node = heritage.accepts("--listen", f"127.0.0.1:{added}", "--listen", f"unix:{socket_path}")
    for port in (old, added):
        expect(exchange(Client(("127.0.0.1", port))) == BODY, f"port {port} serves")
    heritage.clients += [Client(("127.0.0.1", added), 30) for _ in range(5)]
    heritage.serves()
    node = heritage.accepts(port=added)
    wait_until(lambda: refused(old), "the removed address refused")
    wait_until(lambda: not os.path.exists(socket_path), "the removed socket's file gone")
    expect(node.admin("GET", "/v1/status")[1]["slots"]["addresses"] == [f"127.0.0.1:{added}"], "one address")


@case("adoption with an address that is taken, another cache file or a broken configuration: refused, workers serve on")
def refusals(context):
    path, other = f"{context.directory()}/cache", f"{context.directory()}/other"
    unix = f"{context.directory()}/listen.sock"
    keeps = ("--cache-file", path, "--cache-size", "64MiB", "--listen", f"unix:{unix}")
    heritage = Heritage(context, *keeps)
    taken = heritage.origin.url.rsplit(":", 1)[1]
    config = f"{context.directory()}/node.yaml"
    with open(config, "w", encoding="ascii") as file:
        file.write("workers: many\n")
    heritage.refuses(*keeps, "--listen", f"127.0.0.1:{taken}", reasons=("in use", taken))
    for flags in (("--cache-file", other), ()):
        heritage.refuses("--cache-size", "64MiB", "--listen", f"unix:{unix}", *flags, reasons=("cache.file", path))
    expect(not os.path.exists(other), "no other file was made")
    heritage.refuses(*keeps, "--config", config, reasons=("node.yaml", "many"))
    heritage.refuses(*keeps, "--worker", "/nonexistent/worker", reasons=("/nonexistent/worker",))
    for limit in (20, 100, 150):
        heritage.refuses(*keeps, preexec=limited(limit), reasons=("open",))
    expect(os.path.exists(unix), "the Unix socket is still there")
    node = heritage.accepts(*keeps)
    expect(node.stop() == 0 and not os.path.exists(unix), "a clean stop in the end")


@case("adoption with a worker binary that cannot serve: the adopted workers go on, and the log says why")
def broken_worker(context):
    heritage = Heritage(context)
    heir = heritage.run("--worker", "/bin/false")
    wait_until(lambda: "exited with code 1" in heir.log_tail(), "the reason in the log", 20)
    wait_until(lambda: settled(heir), "settled")
    expect(all("martlet-worker" in command_line(pid) for pid in heritage.orphans), "the workers live")
    heritage.serves()
    heritage.node = heir
    code, out, error = martlet("upgrade", "--worker", f"{RELEASE}/martlet-worker", "--runtime-dir", heir.runtime)
    expect(code == 0, f"a good one takes over: {out} {error}")
    heritage.serves()
    # One of the adopted or new workers dies: replaced as usual.
    victim = max(pid for pid in heir.workers())
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in heir.workers() and len(heir.workers()) == 2, "replaced")


def death_during_adoption(context, stuck):
    """Of two orphans one stands still, so that the other dies while the next supervisor still waits."""
    heritage = Heritage(context)
    for client in heritage.clients:
        client.close()
    heritage.clients = []
    orphans = sorted(heritage.node.workers())
    os.kill(orphans[stuck], signal.SIGSTOP)
    heir = heritage.run()
    pace(2)
    os.kill(orphans[1 - stuck], signal.SIGKILL)
    wait_until(lambda: settled(heir), "the adoption", 30)
    wait_until(lambda: len(heir.workers()) == 2, "two workers", 20)
    pids = [member["pid"] for generation in heir.admin("GET", "/v1/status")[1]["generations"]
            for member in generation["workers"]]
    expect(not set(orphans) & set(pids), f"the dead are no members: {orphans} in {pids}")
    for _ in range(20):
        with Client(heir.address) as client:
            expect(exchange(client) == BODY, "an answer")
    expect(heir.stop() == 0, "a clean stop")


@case("an orphan that dies after it was adopted, while another is waited for: gone like any other; the node stops")
def death_after_adoption(context):
    death_during_adoption(context, 1)


@case("an orphan that answers and dies before it is heard: the start goes on without it")
def death_before_adoption(context):
    death_during_adoption(context, 0)


@case("a reload cannot move the cache to another file: refused with the reason")
def reload_with_another_file(context):
    config, path = f"{context.directory()}/node.yaml", f"{context.directory()}/cache"

    def write(file_name):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"cache:\n  file: {file_name}\n  size: 64MiB\n")
    write(path)
    node = context.node(site(context).url, flags=["--config", config])
    write(path + "2")
    code, _, error = martlet("reload", "--runtime-dir", node.runtime)
    expect(code == 1 and "cache.file" in error and path in error, f"{code} {error!r}")
    write(path)
    code, _, error = martlet("reload", "--runtime-dir", node.runtime)
    expect(code == 0, f"{code} {error!r}")


@case("a supervisor that dies as soon as it has adopted a worker leaves an orphan that ends on SIGTERM")
def adopted_for_a_moment(context):
    node = context.node(site(context).url, workers=1)
    worker, = node.workers()
    node.process.kill()
    node.process.wait()
    wait_until(lambda: "the supervisor is gone" in node.log_tail(), "an orphan")
    for _ in range(3):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as supervisor:
            supervisor.settimeout(10)
            supervisor.connect(f"{node.runtime}/worker-{worker}.sock")
            expect(supervisor.recv(65_536), "what the worker says of itself")
            # It says more than that, and is adopted when all of it is out.
            supervisor.settimeout(0.01)
            try:
                while supervisor.recv(65_536):
                    pass
            except TimeoutError:
                pass
        pace(0.2)
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: "martlet-worker" not in command_line(worker), "its end")
