"""Processes of a contestant: their tree, CPU time, memory, pinning and end. Nothing here knows what they serve."""

import os
import re
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def parents():
    """pid -> parent pid of every process."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields:
                table[int(name)] = int(fields[1])
    return table


def tree(root):
    """The process and all its descendants, the root first."""
    table, found = parents(), [root] if os.path.exists(f"/proc/{root}") else []
    grown = True
    while grown:
        more = [pid for pid, parent in table.items() if parent in found and pid not in found]
        found += more
        grown = bool(more)
    return found


def fields_of(pid):
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


class CPUClock:
    """CPU seconds (user and system) of a tree of processes: exact while no thread ends, else to the tick."""

    def __init__(self, root):
        self.before = {pid: self.sample(pid) for pid in tree(root)}
        self.root = root

    @staticmethod
    def sample(pid):
        threads = {}
        try:
            names = os.listdir(f"/proc/{pid}/task")
        except OSError:
            names = []
        for name in names:
            text = read(f"/proc/{pid}/task/{name}/schedstat").split()
            if text:
                threads[name] = int(text[0]) / 1e9
        stat = fields_of(pid)
        return threads, (int(stat[11]) + int(stat[12])) / TICKS if stat else 0.0

    def by_process(self):
        """Seconds since the clock was made, by process."""
        used = {}
        for pid in tree(self.root):
            threads, ticks = self.sample(pid)
            old_threads, old_ticks = self.before.get(pid, ({}, 0.0))
            if set(old_threads) <= set(threads):
                used[pid] = sum(value - old_threads.get(name, 0.0) for name, value in threads.items())
            else:
                used[pid] = ticks - old_ticks
        return used

    def seconds(self):
        return sum(self.by_process().values())


class NoiseClock:
    """How much of the machine others used meanwhile, in cores."""

    def __init__(self):
        self.before, self.began = self.busy(), time.monotonic()

    @staticmethod
    def busy():
        """CPU seconds that all cores have spent, and those of the children that this process has waited for."""
        user, nice, system, _, _, interrupts, softly, stolen = (int(word) for word in read("/proc/stat").split()[1:9])
        children = os.times()
        return (user + nice + system + interrupts + softly + stolen) / TICKS, children[2] + children[3]

    def cores(self, servers):
        """Cores busy with neither the generator (a child, ended by now) nor the server (`servers` seconds)."""
        total, children = (new - old for new, old in zip(self.busy(), self.before))
        return max(0.0, (total - children - servers) / (time.monotonic() - self.began))


def memory(root):
    """Bytes of memory held by the tree: private pages, and its share of shared ones (Pss)."""
    private = total = 0
    for pid in tree(root):
        rollup = read(f"/proc/{pid}/smaps_rollup")
        numbers = {name: int(value) * 1024 for name, value in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.M)}
        private += numbers.get("Private_Clean", 0) + numbers.get("Private_Dirty", 0)
        total += numbers.get("Pss", 0)
    return {"private": private, "total": total}


def faults(pid):
    """(minor, major) page faults of one process so far."""
    stat = fields_of(pid)
    return int(stat[7]), int(stat[9])


def pin(root, core):
    """Pins every thread of the tree (some servers choose a core of their own otherwise)."""
    for pid in tree(root):
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setaffinity(int(thread), {core})
            except (OSError, ValueError):
                pass


def cores():
    """(server's core, generator's core)."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[0]


class Process:
    """A plain child process in the session of the suite (a session of its own is a scheduler group of its own)."""

    def __init__(self, arguments, log, core=None, environment=None, folder=None):
        self.log = log
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                pinned + arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                close_fds=True,
            )
        self.pid = self.child.pid

    def wait_for_port(self, port, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise RuntimeError(f"ended with {self.child.returncode}; last lines of {self.log}:\n{self.tail()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(
            f"does not listen on port {port} after {seconds} s; last lines of {self.log}:\n{self.tail()}"
        )

    def tail(self):
        return "\n".join(read(self.log).splitlines()[-12:])

    def stop(self, seconds=5):
        members = tree(self.pid)
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        started = {pid for pid in members if os.path.exists(f"/proc/{pid}")}
        for pid in started:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if self.child.poll() is None:
            self.child.wait()
