"""Starts the real node from its released binaries, looks at it from outside (/proc, the admin socket), and stops it.
Signals only processes that it started or that those started."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .client import Client
from .message import Ended, Reader, parse_response_head
from .waiting import DEADLINE_SECONDS, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
RELEASE = os.environ.get("MARTLET_RELEASE", f"{ROOT}/.build/release")


def free_port():
    """A port that was free a moment ago and that nothing in this test run asks for again."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def children_of(pid):
    """Process ids whose parent is pid, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[1] == str(pid) and fields[0] != "Z":
            found.append(int(entry))
    return sorted(found)


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("latin-1")
    except OSError:
        return ""


def owners_of_connections(pids, server_port):
    """Which of the processes holds the server's end of a local TCP connection, by the client's port."""
    inodes = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            local, remote = (int(fields[index].split(":")[1], 16) for index in (1, 2))
            if local == server_port and fields[9] != "0":
                inodes[f"socket:[{fields[9]}]"] = remote
    owners = {}
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                client_port = inodes.get(os.readlink(f"/proc/{pid}/fd/{name}"))
                if client_port is not None:
                    owners[client_port] = pid
        except OSError:
            continue
    return owners


def owner_of_connection(pids, server_port, client_port):
    """The same of one."""
    return owners_of_connections(pids, server_port).get(client_port)


def memory_kib(pid, field="RssAnon"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


class ClockUnavailable(Exception):
    """The node would not move its clock."""


class Node:
    """A running `martlet run` with its own runtime directory."""

    def __init__(self, origin_url, workers=2, flags=(), environment=None, port=None, runtime=None,
                 prefix=(), bare=False, preexec=None):
        self.port = port or free_port()
        self.address = ("127.0.0.1", self.port)
        self.runtime = runtime or tempfile.mkdtemp(prefix="martlet-test-")
        self.log_path = f"{self.runtime}.log"
        self.clock_offset = 0
        self.origin_url = origin_url
        command = [*prefix, f"{RELEASE}/martlet", "run", "--runtime-dir", self.runtime, *flags]
        if not bare:
            command += ["--listen", f"127.0.0.1:{self.port}", "--workers", str(workers)]
        if origin_url:
            command += ["--origin", origin_url]
        # The same cases for every backend of the event loop: MARTLET_IO=uring python3 Tests/EndToEnd/run.py
        if os.environ.get("MARTLET_IO"):
            command += ["--io", os.environ["MARTLET_IO"]]
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "MARTLET_TEST": "1", **(environment or {})},
            preexec_fn=preexec, close_fds=preexec is None,
        )
        self.pid = self.process.pid
        self.wanted_workers = workers

    def wait_ready(self, seconds=20.0):
        """Ready is: all workers there, a request answered, and the admin socket listening."""
        def answered():
            if self.process.poll() is not None:
                raise AssertionError(f"martlet run exited with {self.process.returncode}: {self.log_tail()}")
            try:
                with Client(self.address, 2.0) as client:
                    client.request("GET", "/ready-probe")
                    return client.read_response() is not None
            except (OSError, Ended):
                return False
        wait_until(answered, "a first answer from the node", seconds)
        wait_until(lambda: len(self.workers()) >= self.wanted_workers, "every worker running", seconds)
        wait_until(lambda: os.path.exists(f"{self.runtime}/admin.sock"), "the admin socket", seconds)
        return self

    def now(self):
        return time.time() + self.clock_offset

    def workers(self):
        return [pid for pid in children_of(self.pid)
                if "martlet-worker" in command_line(pid) and "--janitor" not in command_line(pid)]

    def admin(self, method, path, document=None, seconds=DEADLINE_SECONDS):
        """One request to admin.sock; returns (status, decoded JSON or text)."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        with sock:
            sock.connect(f"{self.runtime}/admin.sock")
            body = b"" if document is None else json.dumps(document).encode()
            sock.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            reader = Reader(sock)
            response = parse_response_head(reader.until(b"\r\n\r\n"))
            pieces = []
            if reader.sized_body(response.fields, pieces.append) is None:
                reader.to_end(pieces.append)
        text = b"".join(pieces).decode("utf-8", "replace")
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def advance(self, seconds):
        """Moves the clock of supervisor and workers forward."""
        try:
            status, answer = self.admin("POST", "/v1/test/advance-clock", {"seconds": seconds})
        except (OSError, Ended) as problem:
            raise ClockUnavailable(f"admin.sock: {problem!r}") from problem
        if status not in (200, 204):
            raise ClockUnavailable(f"advance-clock answered {status} {answer}")
        self.clock_offset += seconds

    def connect(self, worker=None, **options):
        """A client connection, if wanted one that a certain worker accepted."""
        kept = []
        try:
            for _ in range(200):
                client = Client(self.address, **options)
                if worker is None:
                    return client
                client.request("GET", "/ready-probe")
                client.read_response()
                # One that is just being handed on is in two hands.
                others = [pid for pid in self.workers() if pid != worker]
                if (owner_of_connection([worker], self.port, client.port) == worker
                        and owner_of_connection(others, self.port, client.port) is None):
                    return client
                kept.append(client)
        finally:
            for client in kept:
                client.close()
        raise AssertionError(f"200 connections and none went to worker {worker}")

    def kill_worker(self, pid):
        assert pid in self.workers(), f"{pid} is not a worker of this node"
        os.kill(pid, signal.SIGKILL)

    def wait_replaced(self, pid, seconds=DEADLINE_SECONDS):
        wait_until(lambda: pid not in self.workers() and len(self.workers()) >= self.wanted_workers,
                   f"worker {pid} replaced", seconds)

    def alive(self):
        return self.process.poll() is None

    def log_tail(self, count=2000):
        self.log.flush()
        with open(self.log_path, "rb") as file:
            return file.read()[-count:].decode("utf-8", "replace")

    def stop(self, seconds=20.0):
        """SIGTERM, then the exit code; whatever is left after the deadline is killed."""
        workers = children_of(self.pid)
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pid in workers:
            if "martlet-worker" in command_line(pid):
                os.kill(pid, signal.SIGKILL)
        self.log.close()
        return code

    def clean_up(self):
        shutil.rmtree(self.runtime, ignore_errors=True)
        if os.path.exists(self.log_path):
            os.remove(self.log_path)
