"""The admin socket while the node changes: nobody who asks is refused, cut or kept waiting."""

import json
import shutil
import socket
import subprocess
import threading
import time

from harness.message import Ended, Reader, parse_response_head
from harness.node import RELEASE
from harness.waiting import wait_until
from support import Skipped, case, expect, martlet


class Asker:
    """Asks the same question again and again, by curl or by itself, and keeps what went wrong."""

    def __init__(self, ask):
        self.ask = ask
        self.answers = 0
        self.slowest = 0.0
        self.problems = []
        self.stops = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stops.is_set():
            began = time.monotonic()
            problem = self.ask()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers += problem is None
            if problem:
                self.problems.append(problem)

    def stop(self):
        self.stops.set()
        self.thread.join(30)


def by_curl(path):
    def ask():
        done = subprocess.run(["curl", "-sS", "-m", "20", "--unix-socket", path, "http://localhost/v1/status"],
                              capture_output=True, check=False)
        if done.returncode == 0 and json.loads(done.stdout)["state"] == "serving":
            return None
        return f"curl: exit {done.returncode}: {done.stderr.decode()}"
    return ask


def by_socket(node, question):
    def ask():
        try:
            status, answer = node.admin("GET", question, seconds=20)
        except (OSError, Ended) as problem:
            return repr(problem)
        return None if status in (200, 410) else f"{status} {answer}"
    return ask


def in_halves(path, gate):
    """A question of which the second half comes only when the gate opens."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(path)
    sock.sendall(b"GET /v1/status HTTP/1.1\r\nHo")

    def finish():
        gate.wait(20)
        sock.sendall(b"st: localhost\r\n\r\n")
        reader = Reader(sock)
        head = parse_response_head(reader.until(b"\r\n\r\n"))
        sock.close()
        return head.status
    return finish


@case("ten upgrades of the supervisor under constant questions: no connect is refused, every question is answered")
def through_upgrades(context):
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    origin = context.origin()
    node = context.node(origin.url, workers=1)
    path = f"{node.runtime}/admin.sock"
    # One that waits a second for news of an operation, many that ask quickly, and a program of others.
    operation = node.admin("POST", "/v1/reload", {})[1]["operation"]
    wait_until(lambda: node.admin("GET", f"/v1/operations/{operation}")[1].get("outcome"), "a reload")
    askers = [Asker(by_curl(path)), Asker(by_socket(node, "/v1/status")), Asker(by_socket(node, "/v1/status")),
              Asker(by_socket(node, f"/v1/operations/{operation}?seen=99")), Asker(by_socket(node, "/v1/operations/1"))]
    gate = threading.Event()
    slow = in_halves(path, gate)
    slowest = 0.0
    for _ in range(10):
        began = time.monotonic()
        code, said, complaint = martlet("upgrade", "--binary", f"{RELEASE}/martlet", "--runtime-dir", node.runtime)
        slowest = max(slowest, time.monotonic() - began)
        expect(code == 0 and "took over in place" in said, f"upgrade: {code} {said} {complaint}")
    gate.set()
    expect(slow() == 200, "the question that was half asked before all upgrades is answered")
    for asker in askers:
        asker.stop()
    problems = [problem for asker in askers for problem in asker.problems]
    expect(not problems, f"{len(problems)} questions failed, such as {problems[:3]}")
    expect(min(asker.answers for asker in askers) >= 3, f"answers: {[asker.answers for asker in askers]}")
    expect(max(asker.slowest for asker in askers) < 5, f"slowest answer: {[asker.slowest for asker in askers]}")
    expect(slowest < 10, f"the slowest upgrade took {slowest:.1f} s")
    _, status = node.admin("GET", "/v1/status")
    expect(status["supervisor"]["upgrades"] == 10, f"upgrades: {status['supervisor']['upgrades']}")
    return f"{sum(asker.answers for asker in askers)} answers, slowest {max(a.slowest for a in askers):.2f} s"


@case("an upgrade while hundreds have sent long questions in part: it succeeds; short ones pass, most of those do not")
def long_questions(context):
    node = context.node(context.origin().url, workers=1)
    path = f"{node.runtime}/admin.sock"
    gate = threading.Event()
    ordinary = in_halves(path, gate)
    head = b"POST /v1/purge HTTP/1.1\r\nHost: x\r\nContent-Length: 131000\r\n\r\n"
    longs = []
    for _ in range(400):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall(head + b"x" * 121_000)
        longs.append(sock)
    try:
        code, said, complaint = martlet("upgrade", "--binary", f"{RELEASE}/martlet", "--runtime-dir", node.runtime,
                                        seconds=90)
        expect(code == 0 and "took over in place" in said, f"upgrade: {code} {said} {complaint}")
        gate.set()
        expect(ordinary() == 200, "the ordinary question is answered")
        passed = []
        for sock in longs:
            try:
                sock.sendall(b"x" * 10_000)
                passed.append(sock.recv(65_536))
            except (BrokenPipeError, ConnectionResetError):
                sock.setblocking(False)
                expect(sock.recv(65_536).startswith(b"HTTP/1.1 503 "), "the reason of a refusal")
    finally:
        for sock in longs:
            sock.close()
    # They are whole now, and no JSON.
    expect(0 < len(passed) < 10 and all(answer.startswith(b"HTTP/1.1 400 ") for answer in passed), f"passed: {passed}")


@case("requests that make no sense to the admin socket are refused with a status and a reason")
def refusals(context):
    origin = context.origin()
    node = context.node(origin.url, workers=1)
    for method, path, document, expected, word in (
            ("GET", "/v1/nothing", None, 404, "there is no"), ("PUT", "/v1/status", None, 405, "GET and POST"),
            ("GET", "/v1/operations/1", None, 410, "no operation"), ("GET", "/v1/operations/x", None, 400, "number"),
            ("POST", "/v1/workers", {}, 400, "how many"), ("POST", "/v1/workers", {"workers": "many"}, 400, "many"),
            ("POST", "/v1/stop", {"manner": "gently"}, 400, "drain"),
            ("POST", "/v1/reload", {"timeoutSeconds": "soon"}, 400, "JSON")):
        status, answer = node.admin(method, path, document)
        expect(status == expected and word in answer["error"]["message"], f"{method} {path}: {status} {answer}")
    expect(node.admin("GET", "/v1/status")[1]["state"] == "serving", "the node serves on")


@case("a request that is too large: whoever sends it all reads a 413 and a clean end, and others are heard meanwhile")
def too_large(context):
    node = context.node(context.origin().url, workers=1)
    for head, size in ((b"Content-Length: 300000\r\n\r\n", 300_000), (b"Content-Length: 9000000\r\n\r\n", 9_000_000)):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(f"{node.runtime}/admin.sock")
            sock.sendall(b"POST /v1/purge HTTP/1.1\r\nHost: x\r\n" + head + b"x" * size)
            answer = b""
            while piece := sock.recv(65_536):
                answer += piece
        expect(answer.startswith(b"HTTP/1.1 413 ") and b"too large" in answer, f"{size} bytes: {answer!r}")
    # One that never ends is dropped before long.
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(f"{node.runtime}/admin.sock")
        sock.sendall(b"POST /v1/purge HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\nx")
        expect(node.admin("GET", "/v1/status")[0] == 200, "another question")
        expect(b"413" in sock.recv(65_536), "the answer")

        def is_dropped():
            try:
                sock.send(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False
        wait_until(is_dropped, "the end of one that never ends")
