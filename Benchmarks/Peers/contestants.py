"""What every contestant has in common: a folder, a port, a process; and the list of those there are."""

import importlib
import os
import shutil

from . import processes, tools


class Contestant:
    """A server that can be started in front of the origin. Subclasses say how."""

    name = ""
    program = ""  # what must be installed
    caches = True  # False: a reference, not a peer
    standard = True  # takes part unless --only says otherwise

    def __init__(self, folder, origin, site):
        self.folder = os.path.join(folder, self.name)
        self.origin = origin  # port of the origin
        self.site = site  # a folder with the site's files, for file servers
        self.port = processes.free_port()
        self.process = None

    @classmethod
    def missing(cls):
        """Why this contestant cannot take part, or None."""
        if shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return None
        return f"{cls.program} is not installed (deploy/install-packages bench)"

    def command(self):
        """Writes the configuration into the folder; gives the arguments to start with."""
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self, core):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        log = os.path.join(self.folder, "output.log")
        self.process = processes.Process(self.command(), log, core, self.environment(), self.folder)
        try:
            self.process.wait_for_port(self.port)
        except RuntimeError:
            self.stop()
            raise
        processes.pin(self.process.pid, core)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None
        self.clean()

    def clean(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def memory_held(self):
        """Bytes held by the processes, and outside them (cache files in memory)."""
        return processes.memory(self.process.pid)["total"]

    def bytes_per_object(self, before, count):
        """What each of `count` objects costs that were added since `before` bytes were held."""
        return (self.memory_held() - before) / count

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path


def all_contestants():
    """Classes by name, in the order of the table."""
    found = {}
    for module in ("martlet", "nginx", "haproxy", "varnish", "trafficserver", "h2o"):
        for cls in importlib.import_module(f".{module}", __package__).CONTESTANTS:
            found[cls.name] = cls
    return found


class Floor:
    """The C loop that sends a fixed body: one process per row, since it parses nothing."""

    name = "floor"
    caches = False

    def __init__(self, folder):
        self.folder = os.path.join(folder, "floor")
        os.makedirs(self.folder, exist_ok=True)
        self.process, self.port, self.kind = None, 0, None

    def serve(self, body, head, closes, core):
        """(Re)starts the floor for a row, unless it serves that already."""
        if self.kind == (body, head, closes):
            return self
        self.stop()
        self.kind, self.port = (body, head, closes), processes.free_port()
        arguments = [tools.tool("floor"), str(self.port), str(body), str(head)] + (["close"] if closes else [])
        self.process = processes.Process(arguments, os.path.join(self.folder, "output.log"), core)
        self.process.wait_for_port(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
        self.process, self.kind = None, None
