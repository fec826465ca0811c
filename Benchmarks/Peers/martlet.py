"""Martlet as released, and other builds or settings of it given on the command line."""

import os

from . import tools
from .contestants import Contestant


class Martlet(Contestant):
    name = "martlet"
    program = "martlet"
    binaries = os.environ.get("MARTLET_BINARIES", os.path.join(tools.ROOT, ".build", "release"))
    arguments = []
    cache_size = "1GiB"
    workers = 1

    @classmethod
    def missing(cls):
        program = os.path.join(cls.binaries, "martlet")
        return None if os.access(program, os.X_OK) else f"{program} does not exist (make build)"

    def command(self):
        return [
            os.path.join(self.binaries, "martlet"),
            "run",
            "--origin",
            f"http://127.0.0.1:{self.origin}",
            "--listen",
            f"127.0.0.1:{self.port}",
            "--workers",
            str(self.workers),
            "--cache-size",
            self.cache_size,
            "--runtime-dir",
            os.path.join(self.folder, "run"),
        ] + self.arguments


def variant(text):
    """`NAME=FOLDER[,ARGUMENT...]`: another build or setting of Martlet, measured in the same run."""
    name, _, rest = text.partition("=")
    folder, *arguments = rest.split(",")
    if not name or not rest:
        tools.stop(
            f"--also {text}: write NAME=FOLDER[,ARGUMENT...], "
            "for example --also old=/tmp/old/release or --also uring=,--io,uring",
            2,
        )
    return type(
        "Variant",
        (Martlet,),
        {"name": name, "binaries": os.path.abspath(folder) if folder else Martlet.binaries, "arguments": arguments},
    )


CONTESTANTS = [Martlet]
