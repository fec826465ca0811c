"""Compiles the suite's C tools (floor, origin, load, trace) when their sources are newer than the binaries."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOURCES = os.path.join(os.path.dirname(HERE), "Tools")
BINARIES = os.path.join(ROOT, ".build", "benchmarks")


def stop(message, code=1):
    """Ends the run with one clear line."""
    print(f"benchmark: {message}", file=sys.stderr)
    sys.exit(code)


def tool(name):
    """The path of the compiled tool."""
    source = os.path.join(SOURCES, name + ".c")
    binary = os.path.join(BINARIES, name)
    newest = max(os.path.getmtime(os.path.join(SOURCES, file)) for file in os.listdir(SOURCES))
    if not os.path.exists(binary) or os.path.getmtime(binary) < newest:
        os.makedirs(BINARIES, exist_ok=True)
        done = subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", binary, source])
        if done.returncode:
            stop(f"cannot compile {source}; is a C compiler installed (deploy/install-packages bench)?")
    return binary
