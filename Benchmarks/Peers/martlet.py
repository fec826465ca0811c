"""Martlet as released, and other builds or settings of it given on the command line."""

import os

from . import tools
from .contestants import Contestant


class Martlet(Contestant):
    name = "martlet"
    program = "martlet"
    binaries = os.environ.get("MARTLET_BINARIES", os.path.join(tools.ROOT, ".build", "release"))
    arguments = []

    @classmethod
    def missing(cls):
        program = os.path.join(cls.binaries, "martlet")
        return None if os.access(program, os.X_OK) else f"{program} does not exist (make build)"

    def command(self):
        settings = {
            "--origin": f"http://127.0.0.1:{self.origin}",
            "--listen": f"127.0.0.1:{self.port}",
            "--workers": "1",
            "--cache-size": "1GiB",
            "--runtime-dir": os.path.join(self.folder, "run"),
        }
        settings.update(zip(self.arguments[::2], self.arguments[1::2]))
        return [os.path.join(self.binaries, "martlet"), "run"] + [word for pair in settings.items() for word in pair]


def build(name, binaries, arguments, standard=False):
    """Another build or setting of Martlet as a contestant; `arguments` are pairs of option and value."""
    fields = {"name": name, "binaries": binaries, "arguments": arguments, "standard": standard}
    return type("Variant", (Martlet,), fields)


def variant(text):
    """`NAME=FOLDER[,OPTION,VALUE...]`: another build or setting, measured in the same run."""
    name, _, rest = text.partition("=")
    folder, *arguments = rest.split(",")
    if not name or not rest or len(arguments) % 2:
        tools.stop(
            f"--also {text}: write NAME=FOLDER[,OPTION,VALUE...], "
            "for example --also old=/tmp/old/release or --also uring=,--io,uring",
            2,
        )
    return build(name, os.path.abspath(folder) if folder else Martlet.binaries, arguments)


CONTESTANTS = [Martlet] + [
    build(f"martlet-{count}w", Martlet.binaries, ["--workers", count]) for count in ("2", "4", "8")
]
