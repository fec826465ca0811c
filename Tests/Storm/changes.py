"""A node under the storm, and every change it is put through. A kill notes what the killed process held at that moment:
only that is excused."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness.node import RELEASE, command_line, free_port
from harness.waiting import pace, wait_until
from sockets import held

# (reloads, worker upgrades, supervisor upgrades, worker-count changes, kills of workers, kills of the supervisor)
KINDS = ("reload", "worker upgrade", "supervisor upgrade", "workers", "kill worker", "kill supervisor")


class WorkerKill:
    """A worker that was killed, and the connections that died with it."""

    def __init__(self, pid, clients, origins):
        self.pid, self.clients, self.origins = pid, clients, origins
        self.at = time.monotonic()

    def excuses(self, failure):
        # A slow reader first gets what was in the kernel's buffers when the worker died.
        patience = 20 if failure.kind == "reader" else 2
        return failure.connection in self.clients and failure.opened <= self.at <= failure.at <= self.at + patience

    def excuses_fetch(self, at, port):
        """Whether a fetch that began then may have been its own, unfinished."""
        return port in self.origins and self.at - 3 <= at <= self.at


class StormNode:
    def __init__(self, origin_port, chance, flags=()):
        self.chance = chance
        self.origin_port = origin_port
        self.runtime = tempfile.mkdtemp(prefix="martlet-storm-")
        self.port = free_port()
        self.log_path = f"{self.runtime}.log"
        self.log = open(self.log_path, "ab")
        self.command = [f"{RELEASE}/martlet", "run", "--listen", f"127.0.0.1:{self.port}", "--workers", "2",
                        "--runtime-dir", self.runtime, "--cache-size", "256MiB",
                        "--origin", f"http://127.0.0.1:{origin_port}", *flags]
        self.process = None
        self.problems = []
        self.kills = []
        self.pids = set()
        self.slowest = {}

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until(self._serves, "a serving node", 30)

    def _serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"martlet run ended with {self.process.returncode}, see {self.log_path}")
        status = self.status()
        return status and status["state"] == "serving" and not status.get("change")

    def martlet(self, *words, seconds=120):
        return subprocess.run([f"{RELEASE}/martlet", *words, "--runtime-dir", self.runtime], capture_output=True,
                              text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL)

    def status(self):
        result = self.martlet("status", "--json")
        if result.returncode != 0:
            return None
        status = json.loads(result.stdout)
        self.pids.update(worker["pid"] for worker in self._workers(status))
        return status

    @staticmethod
    def _workers(status):
        return [worker for generation in status["generations"] for worker in generation["workers"] if worker.get("pid")]

    def workers(self):
        return [worker["pid"] for worker in self._workers(self.status())]

    # Changes

    def change(self, kind):
        began = time.monotonic()
        if kind == "kill worker":
            self._kill_worker()
        elif kind == "kill supervisor":
            self._kill_supervisor()
        else:
            words = {"reload": ["reload"], "worker upgrade": ["upgrade", "--worker", f"{RELEASE}/martlet-worker"],
                     "supervisor upgrade": ["upgrade", "--binary", f"{RELEASE}/martlet"],
                     "workers": ["workers", str(self.chance.randint(1, 8))]}[kind]
            result = self.martlet(*words, "--timeout", "90")
            if result.returncode != 0:
                self.problems.append(f"{' '.join(words)}: exit {result.returncode}: {result.stderr.strip()}")
        self.slowest[kind] = max(self.slowest.get(kind, 0), time.monotonic() - began)

    def _kill_worker(self):
        """Stopped first, so that what it holds at its death is known exactly."""
        pid = self.chance.choice(sorted(self.workers()))
        os.kill(pid, signal.SIGSTOP)
        clients, origins = held(pid, self.port, self.origin_port)
        self.kills.append(WorkerKill(pid, clients, origins))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.workers(), "a killed worker noticed", 20)

    def _kill_supervisor(self):
        self.process.kill()
        self.process.wait()
        pace(self.chance.uniform(0.05, 0.6))
        self.start()

    # The end

    def settle(self, count):
        """Back to so many workers, and nothing draining; then the footprint can be compared."""
        result = self.martlet("workers", str(count))
        if result.returncode != 0:
            self.problems.append(f"workers {count}: {result.stderr.strip()}")
        wait_until(lambda: len(self.workers()) == count, "only the workers of the current generation", 60)

    def stop(self):
        self.status()
        result = self.martlet("stop")
        if result.returncode != 0:
            self.problems.append(f"stop: {result.stderr.strip()}")
        code = self.process.wait(30)
        if code != 0:
            self.problems.append(f"the supervisor ended with {code}")
        left = [pid for pid in self.pids if "martlet-worker" in command_line(pid)]
        if left:
            self.problems.append(f"processes left: {left}")
        if os.path.exists(self.runtime) and os.listdir(self.runtime):
            self.problems.append(f"files left: {os.listdir(self.runtime)}")

    def clean_up(self, keep_log):
        for pid in {self.process.pid, *self.pids} if self.process else ():
            if "martlet" in command_line(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.runtime, ignore_errors=True)
        self.log.close()
        if not keep_log:
            os.remove(self.log_path)
