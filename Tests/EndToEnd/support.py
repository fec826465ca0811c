"""What the end-to-end cases share: their registry, a context that cleans up, nginx as an origin of files, wrk."""

import collections
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness.client import Client
from harness.node import RELEASE, Node, free_port
from harness.origin import Origin
from harness.waiting import wait_until

REGISTRY = []


class Skipped(Exception):
    """The case cannot run here; says why."""


class Case:
    """A registered case."""

    def __init__(self, name, text, function, long_only):
        self.name = name
        self.text = text
        self.function = function
        self.long_only = long_only


def case(text, long_only=False):
    """Registers the decorated function under its module's and its own name."""
    def register(function):
        module = function.__module__.rsplit(".", 1)[-1]
        REGISTRY.append(Case(f"{module}/{function.__name__}", text, function, long_only))
        return function
    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


class Context:
    """Owns what a case starts and ends it afterwards."""

    def __init__(self, long):
        self.long = long
        self.nodes = []
        self.closers = []
        self.directories = []

    def directory(self):
        path = tempfile.mkdtemp(prefix="martlet-e2e-")
        os.chmod(path, 0o755)
        self.directories.append(path)
        return path

    def node(self, origin_url, config=None, ready=True, **options):
        flags = list(options.pop("flags", ()))
        if config:
            path = f"{self.directory()}/node.yaml"
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            flags += ["--config", path]
        node = Node(origin_url, flags=flags, **options)
        self.nodes.append(node)
        return node.wait_ready() if ready else node

    def origin(self):
        origin = Origin(time.time)
        self.closers.append(origin.close)
        return origin

    def file_server(self, root, *servers):
        server = FileServer(self.directory(), root, servers)
        self.closers.append(server.stop)
        return server

    def wrk(self, node, path, seconds, connections=64):
        load = Wrk(node, path, seconds, connections)
        self.closers.append(load.kill)
        return load

    def logs(self):
        return "\n".join(f"log of the node: {node.log_tail()}" for node in self.nodes if not node.log.closed)

    def close(self):
        for node in self.nodes:
            if not node.log.closed:
                node.stop()
            node.clean_up()
        for closer in reversed(self.closers):
            closer()
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


_NGINX = """
{user}worker_processes 1;
daemon off;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 2048; }}
http {{
    types {{ text/html html; text/plain txt; image/png png; text/css css; font/ttf ttf; image/svg+xml svg; }}
    default_type application/octet-stream;
    log_format fetched "$server_port $request_method $uri $status";
    access_log {home}/access.log fetched;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {servers}
}}
"""


def _ssl(settings):
    return " ssl" if "ssl_certificate" in settings else ""


class FileServer:
    """nginx serving one tree on several ports, each with settings of its own (such as `expires 1h;`)."""

    def __init__(self, home, root, servers):
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(nginx):
            raise Skipped("nginx is not installed (deploy/install-packages test)")
        self.home = home
        self.ports = [free_port() for _ in servers]
        blocks = "".join(
            f"server {{ listen 127.0.0.1:{port}{_ssl(settings)}; root {root}; {settings} }}\n"
            for port, settings in zip(self.ports, servers)
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        with open(f"{home}/nginx.conf", "w", encoding="ascii") as file:
            file.write(_NGINX.format(home=home, user=user, servers=blocks))
        self.process = subprocess.Popen(
            [nginx, "-p", home, "-c", f"{home}/nginx.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: os.path.exists(f"{home}/pid") or self.process.poll() is not None, "nginx started")
        expect(self.process.poll() is None, "nginx did not start")

    def url(self, index):
        return f"http://127.0.0.1:{self.ports[index]}"

    def fetched(self, index):
        """How often each path was fetched from one of the servers."""
        counts = collections.Counter()
        with open(f"{self.home}/access.log", encoding="latin-1") as log:
            for line in log:
                words = line.split(" ")
                # The last line may still be being written.
                if len(words) == 4 and words[0] == str(self.ports[index]):
                    counts[words[2]] += 1
        return counts

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class Wrk:
    """wrk in the background; `finish` ends it early and reads its report."""

    def __init__(self, node, path, seconds, connections):
        wrk = shutil.which("wrk")
        if not wrk:
            raise Skipped("wrk is not installed (deploy/install-packages test)")
        self.process = subprocess.Popen(
            [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{node.port}{path}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def finish(self):
        """Ends it; (requests, read errors, other errors) as wrk counted them."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.finish_by_itself()

    def finish_by_itself(self):
        """The same at the end of its time."""
        report = self.process.communicate(timeout=30)[0]
        requests = int(re.search(r"(\d+) requests in", report).group(1))
        errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
        connect, read, write, timeout = (int(number) for number in errors.groups()) if errors else (0, 0, 0, 0)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
        return requests, read, connect + write + timeout + (int(bad.group(1)) if bad else 0)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def refused(port):
    """Whether nobody listens on the port. Who connects in the moment of closing is reset: that is not yet nobody."""
    try:
        Client(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


def halt(pid):
    """Stops a process (SIGSTOP) and waits until it stands: the signal alone lets it finish what it is at."""
    os.kill(pid, signal.SIGSTOP)

    def stands():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    wait_until(stands, f"process {pid} stopped")


def martlet(*arguments, environment=None, seconds=20):
    """Runs the command to its end; returns (exit code, standard output, standard error)."""
    done = subprocess.run(
        [f"{RELEASE}/martlet", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=seconds, env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stdout, done.stderr
