"""The rows of the table: what is asked for, how, and which bars of performance.md it carries."""

from dataclasses import dataclass, field

KIB = 1024


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    path: str = ""  # of the site
    body: int = 0
    paths: int = 0  # over how many objects the requests go; 0: one
    kind: str = "throughput"  # throughput | open | idle | objects
    closes: bool = False  # a connection per request
    header: str = ""  # sent with each request
    status: int = 200
    generator: str = "wrk"  # wrk | load
    distinct: bool = False  # no two requests have the same bytes
    connections: int = 64
    rate: int = 0
    crowd: int = 0  # idle connections that are open meanwhile
    bars: dict = field(default_factory=dict)  # compared with what: at most this ratio
    standard: bool = True  # measured unless --only says otherwise


SMALL = {"nginx": 1 / 1.6, "varnish": 1 / 1.6, "trafficserver": 1 / 1.6, "haproxy": 1 / 1.4, "floor": 1.10}
LARGE = {"best peer": 1 / 1.05, "best of best peer and floor": 1.02}

ROWS = [
    Row("1k", "1 KiB, 64 keep-alive connections", "/text/1024", KIB, bars=SMALL),
    Row("10k", "10 KiB that does not compress", "/raw/10240", 10 * KIB, bars=SMALL),
    Row("10k-text", "10 KiB that compresses, hot", "/text/10240", 10 * KIB, bars=SMALL),
    Row(
        "10k-cold",
        "10 KiB that compresses, 4,000 objects in turn",
        "/text/10240",
        10 * KIB,
        paths=4000,
        generator="load",
        bars={"floor": 1.25},
    ),
    Row("100k", "100 KiB that does not compress", "/raw/102400", 100 * KIB, bars=LARGE),
    Row("100k-text", "100 KiB that compresses, hot", "/text/102400", 100 * KIB, bars=LARGE, standard=False),
    Row("1m", "1 MiB that does not compress", "/raw/1048576", KIB * KIB, bars=LARGE),
    Row("1m-text", "1 MiB that compresses, hot", "/text/1048576", KIB * KIB, bars=LARGE, standard=False),
    Row(
        "churn",
        "1 KiB, a connection per request",
        "/text/1024",
        KIB,
        closes=True,
        generator="load",
        bars={"best peer": 1 / 1.3},
    ),
    Row(
        "1k-distinct",
        "1 KiB, each request another",
        "/text/1024",
        KIB,
        generator="load",
        distinct=True,
        standard=False,
    ),
    Row("1k-many", "1 KiB, 20,000 objects in turn", "/json", KIB, paths=20000, generator="load", standard=False),
    Row(
        "crowd",
        "1 KiB beside 10,000 idle connections",
        "/text/1024",
        KIB,
        crowd=10000,
        bars={"row 1k": 1.1},
        standard=False,
    ),
    Row(
        "304",
        "conditional request, 304",
        "/text/1024",
        0,
        header='If-None-Match: "2-400-0"',
        status=304,
        generator="load",
        standard=False,
    ),
    Row(
        "open",
        "1 KiB at 20,000 requests/s, open loop",
        "/text/1024",
        KIB,
        kind="open",
        generator="load",
        rate=20000,
        bars={"trimean: best peer": 1 / 0.97, "p99/trimean: floor": 1.5, "p99.9: floor": 1.5},
    ),
    Row(
        "idle",
        "memory per idle keep-alive connection",
        "/text/1024",
        KIB,
        kind="idle",
        connections=10000,
        bars={"nginx": 0.5},
    ),
    Row(
        "objects",
        "memory held per cached 1 KiB object (JSON and HTML)",
        "/json",
        KIB,
        kind="objects",
        paths=50000,
        bars={"varnish": 0.5},
    ),
]


def chosen(words):
    """Rows by name; all standard ones if none is named."""
    by_name = {row.name: row for row in ROWS}
    named = [by_name[word] for word in words if word in by_name]
    return named or [row for row in ROWS if row.standard]


def site_files(rows):
    """Paths of the objects that file servers need on disk."""
    return sorted({row.path for row in rows if row.kind != "objects" and not row.paths})
