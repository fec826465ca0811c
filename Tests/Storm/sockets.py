"""Which process holds which TCP connection, from /proc; and what else processes hold: the footprint of a node."""

import collections
import os

TIME_WAIT = "06"
LISTEN = "0A"


def _address(text):
    host, port = text.split(":")
    number = int(host, 16)
    return ".".join(str(number >> shift & 255) for shift in (0, 8, 16, 24)), int(port, 16)


def connections():
    """{inode: (local address, remote address)} of the IPv4 connections that some process holds."""
    found = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            if line[34:36] in (TIME_WAIT, LISTEN):
                continue
            fields = line.split()
            found[int(fields[9])] = (_address(fields[1]), _address(fields[2]))
    return found


def descriptors(pid):
    """What each descriptor of a process names; nothing for a process that is gone."""
    names = []
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
            except OSError:
                continue
    except OSError:
        pass
    return names


def inodes(pid):
    return {int(name[8:-1]) for name in descriptors(pid) if name.startswith("socket:[")}


def held(pid, node_port, origin_port):
    """The client connections ("address:port" of the client) and the origin connections (our port) that a process
    holds."""
    own = inodes(pid)
    clients, origins = set(), set()
    for inode, (local, remote) in connections().items():
        if inode not in own:
            continue
        if local[1] == node_port:
            clients.add(f"{remote[0]}:{remote[1]}")
        elif remote[1] == origin_port:
            origins.add(local[1])
    return clients, origins


def _status(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


class Footprint:
    """What a resting node holds: descriptors by kind (TCP connections left out), memory, processes, files."""

    def __init__(self, supervisor, workers, runtime):
        tcp = {f"socket:[{inode}]" for inode in connections()}
        self.supervisor = self._kinds(supervisor, tcp)
        self.workers = [self._kinds(pid, tcp) for pid in sorted(workers)]
        self.supervisor_kib = _status(supervisor, "RssAnon")
        self.worker_kib = max(_status(pid, "RssAnon") for pid in workers)
        self.files = sorted(name for name in os.listdir(runtime) if not name.startswith("worker-"))
        self.sockets = sum(name.startswith("worker-") for name in os.listdir(runtime))

    @staticmethod
    def _kinds(pid, left_out):
        # The admin plane's event loops make their timer descriptors when they first need one: one a loop at most.
        names = (name for name in descriptors(pid) if name not in left_out and name != "anon_inode:[timerfd]")
        return collections.Counter(name if name.startswith("anon") else name.split("[")[0] for name in names)

    def problems_since(self, before):
        """What has grown."""
        found = []
        if self.supervisor != before.supervisor:
            found.append(f"descriptors of the supervisor: {self.supervisor - before.supervisor} more, "
                         f"{before.supervisor - self.supervisor} fewer")
        for worker in self.workers:
            if worker != before.workers[0]:
                found.append(f"descriptors of a worker: {worker - before.workers[0]} more, "
                             f"{before.workers[0] - worker} fewer")
        if len(self.workers) != len(before.workers) or self.sockets != before.sockets:
            found.append(f"{len(self.workers)} workers and {self.sockets} sockets, once {len(before.workers)} "
                         f"and {before.sockets}")
        if self.files != before.files:
            found.append(f"files {self.files}, once {before.files}")
        if self.supervisor_kib > before.supervisor_kib * 1.5 + 16_384:
            found.append(f"supervisor's memory {self.supervisor_kib} KiB, once {before.supervisor_kib}")
        if self.worker_kib > before.worker_kib * 1.5 + 8_192:
            found.append(f"a worker's memory {self.worker_kib} KiB, once {before.worker_kib}")
        return found

    def __str__(self):
        return (f"supervisor {sum(self.supervisor.values())} descriptors {self.supervisor_kib} KiB; "
                f"{len(self.workers)} workers, {[sum(worker.values()) for worker in self.workers]} descriptors, "
                f"{self.worker_kib} KiB; files {self.files}")
