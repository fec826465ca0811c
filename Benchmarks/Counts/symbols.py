"""Where the functions of a running process are: its mappings and the symbols of its files, both ways."""

import bisect
import re
import subprocess


class Image:
    """One mapped file of the process."""

    def __init__(self, path, bias):
        self.path, self.bias = path, bias
        self.by_name, found = {}, {}
        for option in ([], ["-D"]):
            listing = subprocess.run(
                ["nm", "-S", "--defined-only", *option, path], capture_output=True, text=True, check=False
            ).stdout
            for address, size, kind, name in re.findall(r"^([0-9a-f]+) (?:([0-9a-f]+) )?(\w) (\S+)", listing, re.M):
                if kind in "tTwWiuV":
                    start, name = int(address, 16), name.split("@")[0]
                    # Several names may share an address.
                    self.by_name.setdefault(name, start)
                    found.setdefault(start, (name, int(size or "0", 16)))
        self.starts = sorted(found)
        self.symbols = [found[start] for start in self.starts]

    def name_at(self, address):
        """The function's name; just the file's for code that has none there (a stripped library's own)."""
        offset = address - self.bias
        index = bisect.bisect_right(self.starts, offset) - 1
        if index >= 0:
            name, size = self.symbols[index]
            if not size or offset < self.starts[index] + size:
                return name
        return f"[{self.path.rsplit('/', 1)[-1]}]"


def images(pid):
    """(start, end, Image) of every executable mapping."""
    found, opened = [], {}
    with open(f"/proc/{pid}/maps") as file:
        lines = file.read().splitlines()
    first = {}
    for line in lines:
        fields = line.split(None, 5)
        if len(fields) < 6 or not fields[5].startswith("/") or fields[5].startswith(("/dev/", "/memfd:")):
            continue
        start, end = (int(part, 16) for part in fields[0].split("-"))
        path = fields[5].removesuffix(" (deleted)")
        first.setdefault(path, (start, int(fields[2], 16)))
        if "x" in fields[1]:
            if path not in opened:
                base, offset = first[path]
                opened[path] = Image(f"/proc/{pid}/root{path}", base - offset if position_independent(path) else 0)
            found.append((start, end, opened[path]))
    return found


def position_independent(path):
    with open(path, "rb") as file:
        return file.read(18)[16] == 3  # ET_DYN


def addresses(mapped, names):
    """`NAME=HEXADDRESS` words of the named functions, wherever they are defined."""
    words = []
    for name in names:
        for image in {id(image): image for _, _, image in mapped}.values():
            if name in image.by_name:
                words.append(f"{name}={image.by_name[name] + image.bias:x}")
    return words


def function_at(mapped, address):
    for start, end, image in mapped:
        if start <= address < end:
            return image.name_at(address)
    return "[vdso]"


def shortened(name):
    """Without what the compiler says about how it specialised the function."""
    name = re.sub(r"(function signature|generic|closure) specialization <.*?> of ", "", name)
    return re.sub(r"\((\w+) in _[0-9A-F]{32}\)", r"\1", name)


def demangle(names):
    """Swift names made readable, where the toolchain is there."""
    try:
        done = subprocess.run(
            ["swift", "demangle", "--compact"], input="\n".join(names), capture_output=True, text=True, check=False
        )
    except OSError:
        return names
    lines = [shortened(line) for line in done.stdout.splitlines()]
    return lines if len(lines) == len(names) else names


def is_library(name):
    """Whether `function_at` found code of the C library or the kernel's page, not of the program."""
    return name.startswith(("[libc.", "[vdso]"))
