#!/usr/bin/env python3
"""Checks the released binaries from outside: what they link, and that the commands the documents name exist."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = f"{ROOT}/.build/release"

# What a worker may load at run time. Everything of Swift is linked in statically, and nothing of Foundation at all.
WORKER_LIBRARIES = {
    "linux-vdso", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libm", "libdl", "libpthread", "libgcc_s", "libstdc++",
    "liblz4", "libxxhash", "libzstd", "libcares", "libssl", "libcrypto", "libz", "libbrotlienc", "libbrotlicommon",
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def libraries(binary):
    listing = run("ldd", binary).stdout
    return {os.path.basename(line.split()[0]).split(".so")[0] for line in listing.splitlines() if line.strip()}


def worker_complaints():
    worker = f"{RELEASE}/martlet-worker"
    for library in sorted(libraries(worker) - WORKER_LIBRARIES):
        yield f"martlet-worker loads {library}"
    symbols = run("nm", "--defined-only", worker).stdout
    for module in ("Foundation", "FoundationEssentials", "Dispatch"):
        # Swift mangles a module as its name's length and its name.
        if re.search(rf"\$s{len(module)}{module}\w", symbols):
            yield f"martlet-worker contains {module}"
    if "dispatch_async" in symbols:
        yield "martlet-worker contains libdispatch"


def supervisor_complaints():
    for library in sorted(libraries(f"{RELEASE}/martlet")):
        if library.startswith(("libswift", "libFoundation", "lib_Foundation", "libdispatch")):
            yield f"martlet loads {library}; it must be linked statically"


def documented_command_complaints():
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"):
        with open(f"{ROOT}/{name}", encoding="utf-8") as file:
            text = file.read()
        for command in sorted(set(re.findall(r"\bmartlet ((?:run|status|stop|[a-z]+)) --|`martlet ([a-z]+)`", text))):
            word = command[0] or command[1]
            if run(f"{RELEASE}/martlet", word, "--help").returncode != 0:
                yield f"{name} names `martlet {word}`, which does not answer --help"


def main():
    complaints = []
    for binary in ("martlet", "martlet-worker"):
        if not os.access(f"{RELEASE}/{binary}", os.X_OK):
            complaints.append(f".build/release/{binary} is not there")
    if not complaints:
        complaints += [*worker_complaints(), *supervisor_complaints(), *documented_command_complaints()]
    for complaint in complaints:
        print(complaint)
    print(f"binaries: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
