"""The run: starts the origin and the contestants, takes them in turns round by round, and keeps every figure."""

import os
import shutil
import statistics
import sys
import tempfile
import time

from . import contestants, loads, measure, processes, rows, tools


class Progress:
    """One line that says where the run is, or a line per step when nobody watches a terminal."""

    def __init__(self, steps):
        self.steps, self.done, self.began, self.live = max(1, steps), 0, time.monotonic(), sys.stderr.isatty()

    def step(self, text):
        self.done += 1
        spent = time.monotonic() - self.began
        left = spent / self.done * (self.steps - self.done)
        line = f"[{self.done}/{self.steps}, {spent:.0f} s, about {max(0, left):.0f} s left] {text}"
        print(("\r\033[K" if self.live else "") + line, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def say(self, text):
        print(("\r\033[K" if self.live else "") + text, file=sys.stderr, flush=True)


class Suite:
    """`plan`: seconds, rounds, warmup, open_seconds, open_warmup, scale (of connections and object counts)."""

    def __init__(self, classes, chosen_rows, plan):
        self.rows, self.plan = chosen_rows, plan
        self.folder = tempfile.mkdtemp(prefix="martlet-bench-")
        os.chmod(self.folder, 0o755)
        server_core, generator_core = processes.cores()
        port = processes.free_port()
        log = os.path.join(self.folder, "origin.log")
        self.origin = processes.Process([tools.tool("origin"), str(port)], log, generator_core)
        self.origin.wait_for_port(port)
        self.bench = measure.Bench(self.folder, port, server_core, generator_core)
        self.site = os.path.join(self.folder, "site")
        self.classes = classes
        self.contestants = []
        self.floor = contestants.Floor(self.folder)
        self.figures = {}  # row -> contestant -> list of figures, one per round
        self.failures = {}  # (row, contestant) -> why
        self.progress = Progress(0)

    # Starting and ending

    def write_site(self):
        """The objects as files, for file servers; rows over many objects are not for them."""
        for path in rows.site_files(self.rows):
            target = self.site + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(loads.get(self.bench.origin, path)[2])

    def start(self):
        if any(not cls.caches for cls in self.classes):
            self.write_site()
        for cls in self.classes:
            contestant = cls(self.folder, self.bench.origin, self.site)
            try:
                contestant.start(self.bench.server_core)
            except RuntimeError as error:
                self.failures["start", cls.name] = str(error)
                self.progress.say(f"{cls.name} does not start: {error}")
                continue
            self.contestants.append(contestant)

    def stop(self):
        for contestant in self.contestants + [self.floor]:
            contestant.stop()
        self.contestants = []
        self.origin.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Measuring

    def entitled(self, row):
        """File servers have one file per row, and no business where many objects are asked for."""
        return [one for one in self.contestants if one.caches or not row.paths]

    def field(self, row):
        """Who takes part in a row, the floor last."""
        able = [one for one in self.entitled(row) if ("verify", one.name, row.name) not in self.failures]
        if row.kind != "objects" and row.status == 200:
            able.append(self.floor)
        return able

    def attempt(self, row, contestant, action):
        """Runs one measurement; a failure is kept and shown, and the run goes on."""
        try:
            return action()
        except (loads.LoadError, OSError, RuntimeError) as error:
            self.failures[row.name, contestant.name] = str(error)
            self.progress.say(f"{row.name} {contestant.name}: {error}")
            return None

    def keep(self, row, contestant, figures):
        if figures:
            self.figures.setdefault(row.name, {}).setdefault(contestant.name, []).append(figures)

    def head_bytes(self, row):
        """What the floor's head must weigh: as much as Martlet's, else as the heaviest peer's."""
        heads = self.bench.heads
        return heads.get(("martlet", row.name)) or max(
            (size for (_, name), size in heads.items() if name == row.name), default=300
        )

    def aim_floor(self, row):
        self.floor.serve(row.body, self.head_bytes(row), row.closes, self.bench.server_core)

    def prepare(self, row):
        """Verifies and warms everyone for a row."""
        seconds = self.plan["open_warmup"] if row.kind == "open" else self.plan["warmup"]
        for contestant in self.entitled(row):

            def ready(contestant=contestant):
                if row.status == 200:
                    measure.verify(self.bench, contestant, row)
                else:
                    loads.get(contestant.port, row.path)
                measure.warm(self.bench, contestant, row, seconds)
                return True

            self.progress.step(f"{row.name}: warming {contestant.name}")
            if not self.attempt(row, contestant, ready):
                self.failures["verify", contestant.name, row.name] = self.failures[row.name, contestant.name]

    def run_timed(self, row):
        """Throughput and open-loop rows: everyone in turn, round by round, starting with another one each time."""
        self.prepare(row)
        if row.kind == "open":
            rounds, seconds = self.plan["open_rounds"], self.plan["open_seconds"]
        else:
            rounds, seconds = self.plan["rounds"], self.plan["seconds"]
        for number in range(rounds):
            field = self.field(row)
            turn = number % len(field)
            for contestant in field[turn:] + field[:turn]:
                if contestant is self.floor:
                    self.aim_floor(row)
                figures = self.attempt(
                    row, contestant, lambda: measure.throughput(self.bench, contestant, row, seconds)
                )
                self.keep(row, contestant, figures)
                shown = f"{figures['cpu']:.1f} us/request, {figures['rate']:.0f}/s" if figures else "failed"
                self.progress.step(f"{row.name} round {number + 1}/{rounds} {contestant.name}: {shown}")

    def run_memory(self, row):
        """Memory rows: each in a fresh process of its own, once."""
        action = measure.idle if row.kind == "idle" else measure.objects
        for cls in self.classes:
            if row.kind == "objects" and not cls.caches:
                continue
            contestant = cls(os.path.join(self.folder, "fresh"), self.bench.origin, self.site)

            def once(contestant=contestant):
                contestant.start(self.bench.server_core)
                return action(self.bench, contestant, row)

            figures = self.attempt(row, contestant, once)
            contestant.stop()
            self.keep(row, contestant, figures)
            self.progress.step(
                f"{row.name} {contestant.name}: {figures['bytes']:.0f} bytes"
                if figures
                else f"{row.name} {cls.name}: failed"
            )
        if row.kind == "idle":
            self.aim_floor(row)
            self.keep(row, self.floor, self.attempt(row, self.floor, lambda: action(self.bench, self.floor, row)))
            self.floor.stop()

    def steps(self):
        count = len(self.classes)
        timed = sum(
            count + (count + (row.status == 200)) * self.plan["open_rounds" if row.kind == "open" else "rounds"]
            for row in self.rows
            if row.kind in ("throughput", "open")
        )
        return timed + sum(count for row in self.rows if row.kind in ("idle", "objects"))

    def run(self):
        self.progress = Progress(self.steps())
        self.start()
        for row in self.rows:
            if row.kind in ("throughput", "open"):
                self.run_timed(row)
        for contestant in self.contestants:
            contestant.stop()
        self.contestants = []
        for row in self.rows:
            if row.kind in ("idle", "objects"):
                self.run_memory(row)
        if self.progress.live:
            self.progress.say("")


def noise(figures):
    """The median, over all timed measurements, of the cores that others kept busy."""
    rounds = [one for field in figures.values() for several in field.values() for one in several]
    values = [one["noise"] for one in rounds if "noise" in one]
    return statistics.median(values) if values else 0.0


def medians(figures):
    """row -> contestant -> figure -> median over the rounds."""
    return {
        row: {
            name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
            for name, rounds in field.items()
        }
        for row, field in figures.items()
    }
