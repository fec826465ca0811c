#!/usr/bin/env python3
"""Writes Sources/HTTPMessage/KnownFieldTable.swift from the names in KnownField.swift's order.

Run it after adding a name to known-fields.txt (one per line, numbered from 1) and to KnownField.swift:
    python3 Tests/HTTPMessageTests/Tables/known-fields.py
It searches a multiplier that gives each name a slot of its own; a test compares the table with the names.
"""

import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parents[2] / "Sources/HTTPMessage/KnownFieldTable.swift"
MASK = (1 << 64) - 1
SLOTS = 1024


def words(name):
    """First, second, third word and the last eight bytes, as KnownFieldLookup.swift loads them."""
    raw = name.encode()
    at = lambda i: int.from_bytes(raw[i : i + 8].ljust(8, b"\0"), "little")
    n = len(raw)
    if n <= 8:
        return (at(0), 0, 0, 0)
    if n <= 16:
        return (at(0), at(n - 8), 0, 0)
    if n <= 24:
        return (at(0), at(8), at(n - 8), 0)
    return (at(0), at(8), at(16), at(n - 8))


def last(name):
    raw = name.encode()
    return words(name)[0] if len(raw) <= 8 else int.from_bytes(raw[-8:], "little")


def slot(name, multiplier):
    mixed = (words(name)[0] ^ (last(name) * 0x9E3779B97F4A7C15 & MASK)) + len(name)
    return ((mixed & MASK) * multiplier & MASK) >> 54


def main():
    names = (HERE / "known-fields.txt").read_text().split()
    assert max(map(len, names)) <= 32
    dice = random.Random(9110)
    while True:
        multiplier = dice.getrandbits(64) | 1
        if len({slot(n, multiplier) for n in names}) == len(names):
            break
    slots = [0] * SLOTS
    for number, name in enumerate(names, 1):
        slots[slot(name, multiplier)] = number
    out = [
        "// Written by Tests/HTTPMessageTests/Tables/known-fields.py: do not edit. Where each known field name is",
        "// found by its hash, and its bytes as words (see KnownFieldLookup.swift).",
        "// swift-format-ignore-file",
        "",
        "/// Gives every known name a slot of its own.",
        f"let knownFieldMultiplier: UInt64 = 0x{multiplier:016X}",
        "",
        "/// Slot to field number, 0 for none.",
        f"let knownFieldSlots: InlineArray<{SLOTS}, UInt8> = [",
    ]
    for row in range(0, SLOTS, 32):
        out.append("    " + ", ".join(str(s) for s in slots[row : row + 32]) + ",")
    out += ["]", "", "/// Length of each name, by number."]
    out.append(f"let knownFieldLengths: InlineArray<{len(names) + 1}, UInt8> = [")
    lengths = [0] + [len(n) for n in names]
    for row in range(0, len(lengths), 24):
        out.append("    " + ", ".join(map(str, lengths[row : row + 24])) + ",")
    out += ["]", "", "/// Four words of each name, by number."]
    out.append(f"let knownFieldWords: InlineArray<{4 * (len(names) + 1)}, UInt64> = [")
    out.append("    0, 0, 0, 0,")
    for name in names:
        out.append(f"    // {name}")
        out.append("    " + ", ".join("0" if w == 0 else f"0x{w:016X}" for w in words(name)) + ",")
    out += ["]", ""]
    TARGET.write_text("\n".join(out))


main()
