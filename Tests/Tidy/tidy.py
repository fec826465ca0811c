#!/usr/bin/env python3
"""The repository lints itself: runs every rule of rules.py over the tracked files and lists what breaks one."""

import functools
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules  # noqa: E402
import swift_source  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Repository:
    """The tracked (and not ignored) files of the working tree."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True, text=True,
        )
        self.paths = sorted(path for path in set(listed.stdout.splitlines()) if os.path.exists(f"{root}/{path}"))

    def files(self, under, *endings):
        return [path for path in self.paths if path.startswith(under) and path.endswith(endings or "")]

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, os.path.normpath(path)))

    @functools.cache
    def texts(self):
        """Every tracked file small enough to be text that somebody wrote."""
        return [path for path in self.paths if os.path.getsize(f"{self.root}/{path}") < 500_000]

    @functools.cache
    def text(self, path):
        with open(f"{self.root}/{path}", encoding="utf-8", errors="replace") as file:
            return file.read()

    @functools.cache
    def code(self, path):
        return swift_source.blanked(self.text(path))


def main():
    repository = Repository(ROOT)
    if sys.argv[1:] == ["--unsafe"]:
        print("\n".join(rules.unsafe_list(repository)))
        return 0
    complaints = 0
    for rule in rules.ALL:
        for path, line, complaint in rule(repository):
            complaints += 1
            print(f"{path}:{line}: {complaint} [{rule.__name__}]")
    print(f"tidy: {len(rules.ALL)} rules over {len(repository.paths)} files, {complaints} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
