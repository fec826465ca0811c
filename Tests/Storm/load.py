"""The two programs of the storm (load/*.c): built once per run, started, spoken to, and what they said read back."""

import os
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))


def build(directory):
    """Compiles origin and clients into the directory."""
    for name, sources in (("origin", ["origin.c"]), ("clients", ["clients.c", "kinds.c"])):
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", f"{directory}/{name}",
                        *(f"{HERE}/load/{source}" for source in sources)], check=True)


class Failure:
    """One thing that a client saw and must not see. Times are of the monotonic clock, in seconds."""

    def __init__(self, words):
        self.kind, self.connection = words[1], words[2]
        self.opened, self.at = int(words[3]) / 1e6, int(words[4]) / 1e6
        self.text = " ".join(words[5:])

    def __str__(self):
        return f"{self.kind} {self.connection} (open for {self.at - self.opened:.2f} s): {self.text}"


class Program:
    """A started program whose lines are collected."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, ask):
        ask()
        self.process.wait(30)
        self.reader.join(10)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def totals(self):
        """The numbers of the line that begins with "total"."""
        words = next(line.split()[1:] for line in self.lines if line.startswith("total "))
        return {name: float(value) for name, value in zip(words[::2], words[1::2])}


class Origin(Program):
    def __init__(self, directory, *words):
        super().__init__([f"{directory}/origin", *words])
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.reader.start()

    def finish(self):
        self.end(self.process.terminate)

    def fetches(self):
        """Every fetch of every object: {object: [(seconds, port of the connection)]}."""
        found = {}
        for line in self.lines:
            if line.startswith("get "):
                _, at, port, name = line.split()
                found.setdefault(name, []).append((int(at) / 1e6, int(port)))
        return found

    def posts_twice(self):
        return [line.strip() for line in self.lines if line.startswith("twice ")]


class Clients(Program):
    def __init__(self, directory, port, seed, scale=1.0):
        super().__init__([f"{directory}/clients", str(port), str(seed), str(scale)])
        self.reader.start()

    def finish(self):
        self.end(lambda: self.tell("quit"))

    def failures(self):
        return [Failure(line.split()) for line in list(self.lines) if line.startswith("fail ")]

    def latencies(self):
        return [line.strip() for line in self.lines if line.startswith("latency ")]
