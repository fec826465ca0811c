"""What the cache engine takes and misses: traces of several kinds, played through it, against its bars."""

import gzip
import json
import os
import random
import tempfile

from support import case, expect, martlet

SEED = 20261126


def zipf(keys, requests, once):
    """Keys by popularity with exponent 0.9; a share of the requests asks for keys that come once."""
    dice = random.Random(SEED)
    weights = [1 / (rank + 1) ** 0.9 for rank in range(keys)]
    popular = dice.choices(range(keys), weights=weights, k=requests)
    return [keys + i if dice.random() < once else key for i, key in enumerate(popular)]


def replayed(lines, size, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.gz")
        with gzip.open(path, "wt", compresslevel=1) as file:
            file.writelines(f"{key} {length}\n" for key, length in lines)
        words = ["--size", f"{size >> 10}KiB", "--json", *options]
        code, said, failed = martlet("cache", "replay", path, *words, seconds=120)
    expect(code == 0, f"replay: {code} {failed}")
    return json.loads(said)


def expect_within_bars(name, size, figures):
    per_object, objects = figures["metadataBytesPerObject"], figures["objects"]
    expect(per_object <= 104, f"{name}: {per_object} bytes of metadata an object")
    allowed = size + per_object * objects + size * 0.03 + (1 << 20)
    expect(figures["regionBytes"] <= allowed, f"{name}: a region of {figures['regionBytes']} bytes, not {allowed:.0f}")
    expect(figures["writeAmplification"] <= 1.5, f"{name}: {figures['writeAmplification']} bytes written a byte")
    expect(figures["declinedFills"] == 0, f"{name}: {figures['declinedFills']} fills declined")


@case("traces of tiny, of mixed and of large objects: metadata, region and bytes written stay within their bars")
def traces(context):
    dice = random.Random(SEED)
    keys = zipf(20_000, 120_000, 0.1)
    sizes = {
        "tiny": lambda: 200,
        "mixed": lambda: min(200_000, int(dice.lognormvariate(7, 1.2)) + 40),
        "bimodal": lambda: 400 if dice.random() < 0.95 else 60_000,
    }
    for name, draw in sizes.items():
        length = {key: draw() for key in dict.fromkeys(keys)}
        size = sum(length.values()) // 5
        figures = replayed([(key, length[key]) for key in keys], size, "--processes", "2")
        expect_within_bars(name, size, figures)


@case("eviction prefers small objects, and bytes when told to: fewer requests or fewer bytes go to the origin")
def weights(context):
    dice = random.Random(SEED)
    keys = zipf(20_000, 120_000, 0.1)
    length = {key: 300 if dice.random() < 0.7 else 6000 for key in dict.fromkeys(keys)}
    lines = [(key, length[key]) for key in keys]
    size = sum(length.values()) // 10
    requests, octets = replayed(lines, size), replayed(lines, size, "--byte-weight", "1")
    expect(requests["objectMissRatio"] < octets["objectMissRatio"] - 0.02, f"{requests} {octets}")
    expect(octets["byteMissRatio"] < requests["byteMissRatio"] - 0.02, f"{requests} {octets}")


@case("100,000 JSON documents of 1 KiB are all in a cache of 80 MB")
def density(context):
    twice = [(key, 1024) for key in range(100_000)] * 2
    figures = replayed(twice, 68_000_000, "--compressible")
    expect(figures["regionBytes"] <= 80_000_000, f"{figures['regionBytes']} bytes")
    expect(figures["objects"] == 100_000 and figures["objectMissRatio"] == 0.5, f"all present: {figures}")
