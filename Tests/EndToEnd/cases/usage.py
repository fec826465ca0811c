"""Bad flags, unusable addresses, foreign cache files: one clear line, exit code 2 or 1, nothing touched."""

import hashlib
import os
import signal
import socket
import subprocess

from harness.node import free_port
from harness.waiting import wait_until
from support import RELEASE, case, expect, martlet

ORIGIN = ("--origin", "http://127.0.0.1:9")

# What the operator typed wrong, and a word the complaint must contain.
USAGE = [
    (["run", "--no-such-flag"], "no-such-flag"),
    (["run", *ORIGIN, "--workers", "0"], "workers"),
    (["run", *ORIGIN, "--config", ""], "--config needs a path"),
    (["run", *ORIGIN, "--cache-file", ""], "--cache-file needs a path"),
    (["run", *ORIGIN, "--worker", ""], "--worker needs a path"),
    (["run", *ORIGIN, "--workers", "many"], "workers"),
    (["run", *ORIGIN, "--workers", "-1"], "workers"),
    (["run", *ORIGIN, "--cache-size", "large"], "cache-size"),
    (["run", *ORIGIN, "--cache-size", "0"], "cache size"),
    (["run", *ORIGIN, "--cache-size", "-5MiB"], "cache-size"),
    (["run", *ORIGIN, "--listen", "nonsense"], "listen"),
    (["run", *ORIGIN, "--listen", "127.0.0.1:99999"], "listen"),
    (["run", *ORIGIN, "--listen", "127.0.0.1"], "listen"),
    (["run", *ORIGIN, "--cache-size", "-5"], "--cache-size '-5': write a size"),
    (["run", *ORIGIN, "--workers", "-2"], "'-2': write a number from 1"),
    (["run", *ORIGIN, "--worker", "/nonexistent/worker"], "/nonexistent/worker"),
    (["upgrade", "--binary", ""], "--binary needs a path"),
    (["upgrade", "--worker", ""], "--worker needs a path"),
    (["purge", "--tag", "a", "--tag", "b"], "--tag is there 2 times"),
    (["status", "--timeout", "-1"], "above 0"),
    (["status", "--timeout", "1e300"], "at most 1000000 seconds"),
    (["status", "--timeout=inf"], "at most 1000000 seconds"),
    (["workers", "2", "3"], "not '2 3'"),
    (["run", "--origin", "nonsense"], "origin"),
    (["run", "--origin", "ftp://host/"], "origin"),
    (["run", "--origin", "http://"], "origin"),
    (["run", "--origin", "http://host:port"], "origin"),
    (["run", "--origin"], "origin"),
    (["run", "--config", "/nonexistent/martlet.yaml"], "/nonexistent/martlet.yaml"),
    (["run", "surplus"], "surplus"),
    (["fly"], "fly"),
    (["cache", "fly"], "fly"),
    (["cache", "stats"], "region"),
    (["cache", "stats", "--deep", "/tmp"], "--deep"),
    (["cache", "replay", "/tmp/t.gz"], "--size"),
    (["cache", "replay", "/tmp/t.gz", "--size", "64XiB"], "64XiB"),
]


def complaint(arguments, code, word, environment=None):
    """Runs the command and insists on the code and on one line that contains the word."""
    got, _, error = martlet(*arguments, environment=environment)
    lines = [line for line in error.splitlines() if line.strip()]
    shown = f"martlet {' '.join(arguments)}: exit {got}, {error!r}"
    expect(got == code, f"exit code {code}; {shown}")
    expect(len(lines) == 1, f"one line; {shown}")
    expect(word.lower() in lines[0].lower(), f"the word {word!r}; {shown}")


@case("every wrong flag: one line that names it, exit code 2, no runtime directory made")
def wrong_flags(context):
    problems = []
    for arguments, word in USAGE:
        runtime = f"{context.directory()}/runtime"
        typed = [*arguments, "--runtime-dir", runtime] if arguments[0] == "run" else arguments
        if arguments[-1] == "--origin":
            typed = arguments
        try:
            complaint(typed, 2, word)
            expect(not os.path.exists(runtime), f"{typed}: no runtime directory")
        except AssertionError as problem:
            problems.append(str(problem))
    expect(not problems, "\n".join(problems))
    return f"{len(USAGE)} command lines"


@case("errors in the configuration file name file, line and column")
def wrong_configuration(context):
    rows = [
        ("origin: http://127.0.0.1:9\nworkrs: 2\n", ":2:1", "workers"),
        ("origin: http://127.0.0.1:9\nworkers: lots\n", ":2:", "workers"),
        ("origin: [unclosed\n", ":", "yaml"),
        ("origin: http://127.0.0.1:9\ncache:\n  size: big\n", ":3:", "size"),
        ("origin: http://127.0.0.1:9\nlisten: [127.0.0.1:0, nonsense]\n", ":2:23:", "nonsense"),
        ("origin: http://127.0.0.1:9\nlisten: []\n", ":2:9:", "at least one address"),
        ("origin: http://127.0.0.1:9\norigins: [http://127.0.0.1:8]\n", ":2:1:", "both"),
        ("origin: http://127.0.0.1:9\nworker: /nonexistent/worker\n", ":2:9:", "not executable"),
        ("origin: http://127.0.0.1:9\ncache:\n  max-size: 0\n", ":3:13:", "must not be less"),
        ("origin: http://127.0.0.1:9\nlisten: 127.0.0.1:0\ncache:\n  size: 1KiB\n", ":4:9:", "too small"),
        ("origin: http://127.0.0.1:9\ncache:\n\tsize: 1MiB\n", ":3:1:", "use spaces, not tabs"),
        ("origin: http://127.0.0.1:9\npseudonym: my node\n", ":2:12:", "a letter"),
        ("origin: http://127.0.0.1:9\ndns:\n  servers: [0]\n", ":3:13:", "address:port"),
    ]
    problems = []
    for text, place, word in rows:
        path = f"{context.directory()}/martlet.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        runtime = f"{context.directory()}/runtime"
        code, _, error = martlet("run", "--config", path, "--runtime-dir", runtime)
        checked = martlet("check", "--config", path, "--runtime-dir", runtime)
        if checked != (code, "", error):
            problems.append(f"{text!r}: check says {checked}, run {code} {error!r}")
        lines = [line for line in error.splitlines() if line.strip()]
        if code != 2 or len(lines) != 1 or f"{path}{place}" not in lines[0] or word not in lines[0].lower():
            problems.append(f"{text!r}: exit {code}, {error!r}; wanted 2, one line with {path}{place} and {word!r}")
    expect(not problems, "\n".join(problems))


@case("a configuration file that cannot be read: the reason, exit code 2")
def unreadable_configuration(context):
    home = context.directory()
    os.mkfifo(f"{home}/fifo")
    with open(f"{home}/secret", "w", encoding="ascii") as file:
        file.write("workers: 1\n")
    os.chmod(f"{home}/secret", 0)
    complaint(["run", "--config", home], 2, "is a directory")
    complaint(["run", "--config", f"{home}/fifo"], 2, "no regular file")
    if os.geteuid() != 0:
        complaint(["run", "--config", f"{home}/secret"], 2, "permission denied")


@case("what was asked for cannot be said (a full disk, a closed output): exit code 1 and one line")
def output_that_is_lost(context):
    cache = f"{context.directory()}/cache"
    node = context.node(context.origin().url, flags=["--cache-file", cache, "--cache-size", "16MiB"])
    for words in (f"status --runtime-dir {node.runtime}", f"status --json --runtime-dir {node.runtime}",
                  f"cache stats {cache}", f"cache inspect --json {node.runtime}", "cache help"):
        for lost, reason in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
            shell = f"{RELEASE}/martlet {words} {lost}"
            done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
            expect(done.returncode == 1 and done.stderr.count("\n") == 1, f"{shell}: {done}")
            expect("cannot be written" in done.stderr and reason in done.stderr, f"{shell}: {done}")
        done = subprocess.run(["bash", "-c", f"{RELEASE}/martlet {words} 2>&-"], capture_output=True, check=False)
        expect(done.returncode == 0 and done.stdout, f"{words}: {done}")


@case("a port in use, a foreign address: one line, exit code 1")
def unusable_addresses(context):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        runtime = f"{context.directory()}/runtime"
        complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{port}", "--runtime-dir", runtime], 1, str(port))
    runtime = f"{context.directory()}/runtime"
    complaint(["run", *ORIGIN, "--listen", f"192.0.2.1:{free_port()}", "--runtime-dir", runtime], 1, "192.0.2.1")


@case("a port in use through SO_REUSEPORT by somebody else is refused as well")
def reuseport_by_others(context):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        runtime = f"{context.directory()}/runtime"
        complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{port}", "--runtime-dir", runtime], 1, str(port))


@case("foreign, damaged and unreadable cache files: one line, exit code 1, not a byte changed")
def cache_files(context):
    problems = []
    for name, content in (("text", b"these are my notes\n" * 100), ("zeros", bytes(1 << 20)), ("short", b"x"),
                          ("elf", b"\x7fELF" + bytes(8192))):
        path = f"{context.directory()}/{name}"
        with open(path, "wb") as file:
            file.write(content)
        before = (hashlib.sha256(content).digest(), os.stat(path).st_mtime_ns)
        try:
            complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--cache-file", path,
                       "--runtime-dir", f"{context.directory()}/runtime"], 1, path)
        except AssertionError as problem:
            problems.append(str(problem))
        with open(path, "rb") as file:
            after = (hashlib.sha256(file.read()).digest(), os.stat(path).st_mtime_ns)
        if before != after:
            problems.append(f"{name}: the file was changed")
    folder = context.directory()
    for path in (folder, f"{folder}/missing/cache"):
        try:
            complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--cache-file", path,
                       "--runtime-dir", f"{context.directory()}/runtime"], 1, path)
        except AssertionError as problem:
            problems.append(str(problem))
    expect(not problems, "\n".join(problems))


@case("a runtime directory that is a file, or that another node runs in: one line, exit code 1")
def runtime_directories(context):
    path = f"{context.directory()}/file"
    with open(path, "w", encoding="ascii") as file:
        file.write("a file")
    complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--runtime-dir", path], 1, path)
    node = context.node(context.origin().url)
    complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--runtime-dir", node.runtime], 1, node.runtime)
    expect(node.alive() and len(node.workers()) == 2, "the first node is untouched")
    for name in ("pid", "admin.sock", "notes"):
        place = f"{context.directory()}/{name}"
        os.mkdir(place, 0o700 if name != "notes" else 0o755)
        with open(f"{place}/{name}", "w", encoding="ascii") as file:
            file.write("mine")
        complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--runtime-dir", place], 1, place)
        expect(os.listdir(place) == [name] and os.stat(place).st_mode & 0o777 == (0o755 if name == "notes" else 0o700),
               f"{place} is left as it is")
        with open(f"{place}/{name}", encoding="ascii") as file:
            expect(file.read() == "mine", "not a byte changed")


@case("a cache file that another node uses: one line, exit code 1, also after that one's changes")
def cache_file_of_another(context):
    path = f"{context.directory()}/cache"
    node = context.node(context.origin().url, flags=["--cache-file", path, "--cache-size", "16MiB"])
    for change in (["status"], ["reload"], ["upgrade"], ["workers", "1"]):
        code, _, error = martlet(*change, "--runtime-dir", node.runtime)
        expect(code == 0, f"{change}: {error}")
        complaint(["run", *ORIGIN, "--listen", f"127.0.0.1:{free_port()}", "--cache-file", path,
                   "--runtime-dir", f"{context.directory()}/runtime"], 1, "another node")
    expect(node.stop() == 0, "stopped")
    heir = context.node(context.origin().url, flags=["--cache-file", path, "--cache-size", "16MiB"])
    expect(heir.alive(), "the file is free again")


@case("status and stop without a node: one line, exit code 1")
def no_node(context):
    for command in ("status", "stop"):
        complaint([command, "--runtime-dir", f"{context.directory()}/none"], 1, "none")


@case("what no operator means to ask: refused in words, and the supervisor that was asked lives on")
def odd_requests(context):
    node = context.node(context.origin().url)

    def asked(code, word, *words):
        found, said, error = martlet(*words, "--runtime-dir", node.runtime)
        expect(found == code and word in said + error, f"{words}: exit {found}, {said!r} {error!r}")
    for count in ("+9223372036854775807", "-9223372036854775808"):
        asked(2, "1 to", "workers", count)
    asked(2, "write N", "workers", '1", "io": "uring')
    expect(node.admin("GET", "/v1/status?=")[0] == 200, "an empty argument")
    for words in ("", "1,,2", "1,"):
        asked(2, "write numbers from 1", "tune", "--workers", words)
    asked(2, "write some of", "tune", "--io", "epoll,")
    for seconds in (1e30, -1e30, 1e308, -1, 0):
        for path in ("reload", "upgrade", "workers", "stop"):
            status, answer = node.admin("POST", f"/v1/{path}", {"workers": "2", "timeoutSeconds": seconds})
            expect(status == 400 and "at most 1000000" in answer["error"]["message"],
                   f"{path}, a patience of {seconds}: {status} {answer}")
    os.kill(node.process.pid, signal.SIGUSR1)
    for closed in (">&-", "2>&-", ">/dev/full", "2>/dev/full", "| true"):
        shell = f"{RELEASE}/martlet reload --runtime-dir {node.runtime} {closed}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
        expect(done.returncode in (0, 1) and "atal error" not in done.stderr, f"{closed}: {done}")
    expect(node.alive() and node.admin("GET", "/v1/status")[0] == 200, "the same supervisor answers")


@case("check: what run would read, in one line or with run's own error; nothing is bound, made or opened")
def check(context):
    home = context.directory()
    config = f"{home}/node.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(
            f"listen: [127.0.0.1:{free_port()}, unix:{home}/socket]\nworkers: 3\nruntime-dir: {home}/runtime\n"
            f"cache: {{file: {home}/cache, size: 64MiB}}\norigins: [http://127.0.0.1:9, http://127.0.0.1:8]\n"
            "sites:\n  - {hosts: [a.test], origin: http://127.0.0.1:7}\n")
    code, said, error = martlet("check", "--config", config)
    expect(code == 0 and not error, f"a good one: {code} {said!r} {error!r}")
    expect(said.startswith("configuration is good: 127.0.0.1:"), f"good: {said!r}")
    expect(said.endswith(f", unix:{home}/socket; 3 workers; 2 sites, 3 origins\n"), f"its summary: {said!r}")
    expect(os.listdir(home) == ["node.yaml"], f"nothing made: {os.listdir(home)}")
    code, said, error = martlet("check")
    expect(code == 0 and "the demo site" in said, f"without anything: {code} {said!r} {error!r}")
    # Beside a node with the same configuration, as before a reload.
    node = context.node(None, bare=True, flags=["--config", config], ready=False)
    wait_until(lambda: os.path.exists(f"{node.runtime}/admin.sock"), "the node")
    code, said, error = martlet("check", "--config", config)
    expect(code == 0, f"beside a node: {code} {error!r}")
    for flags, word in ((["--workers", "0"], "workers"), (["--origin", "ftp://host/"], "origin"),
                        (["--cache-size", "1KiB"], "too small"), (["--runtime-dir", "/" + "x" * 90], "at most 80")):
        complaint(["check", "--config", config, *flags], 2, word)
    expect(node.alive(), "the node is as before")
