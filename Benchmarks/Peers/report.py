"""What the figures mean: ratios to the peers and the floor, the bars, the table and the JSON file."""

import json
import os
import platform
import time

PEERS = {
    "nginx": ("nginx-copy", "nginx-sendfile"),
    "haproxy": ("haproxy",),
    "varnish": ("varnish",),
    "trafficserver": ("trafficserver",),
}


def figure_of(row, figures):
    """The one figure a row is compared by."""
    if row.kind in ("idle", "objects"):
        return figures["bytes"]
    return figures["trimean"] if row.kind == "open" else figures["cpu"]


def peers_of(row, field):
    """peer -> its better setting's figure."""
    found = {}
    for peer, settings in PEERS.items():
        values = [figure_of(row, field[name]) for name in settings if name in field]
        if values:
            found[peer] = min(values)
    return found


def reference(row, field, against):
    """The value that a bar compares Martlet with, and Martlet's own; None where one is missing."""
    own = field.get("martlet")
    floor = field.get("floor")
    peers = peers_of(row, field)
    if not own:
        return None
    if against.startswith("p99/trimean"):
        return (own["p99"] / own["trimean"], floor["p99"] / floor["trimean"]) if floor else None
    if against.startswith("p99.9"):
        return (own["p999"], floor["p999"]) if floor else None
    values = {
        "floor": figure_of(row, floor) if floor else None,
        "best peer": min(peers.values(), default=None),
        "trimean: best peer": min(peers.values(), default=None),
        "best of best peer and floor": min(
            [*peers.values(), *([figure_of(row, floor)] if floor else [])], default=None
        ),
        **peers,
    }
    value = values.get(against)
    return (figure_of(row, own), value) if value else None


def bars(rows, medians):
    """Every bar of every measured row: (row, against, ratio, limit, met)."""
    found = []
    for row in rows:
        field = medians.get(row.name, {})
        for against, limit in row.bars.items():
            if against.startswith("row "):
                other = medians.get(against.removeprefix("row "), {})
                pair = (
                    (field["martlet"]["cpu"], other["martlet"]["cpu"])
                    if "martlet" in field and "martlet" in other
                    else None
                )
            else:
                pair = reference(row, field, against)
            if pair and pair[1]:
                ratio = pair[0] / pair[1]
                found.append(
                    {
                        "row": row.name,
                        "against": against,
                        "ratio": round(ratio, 3),
                        "limit": round(limit, 3),
                        "met": ratio <= limit,
                    }
                )
    return found


def cells(row, figures, best, floor):
    value = figure_of(row, figures)
    ratios = [f"{value / best:.2f}" if best else "", f"{value / floor:.2f}" if floor else ""]
    if row.kind in ("idle", "objects"):
        return [f"{value:.0f} bytes", "", "", "", "", *ratios]
    return [
        f"{figures['cpu']:.2f}",
        f"{figures['rate']:.0f}",
        f"{figures['p50']:.0f}",
        f"{figures['p99']:.0f}",
        f"{figures['trimean']:.0f}",
        *ratios,
    ]


HEADINGS = ["", "CPU us/request", "requests/s", "p50 us", "p99 us", "trimean us", "/ best peer", "/ floor"]


def table(rows, medians, failures):
    """The table as text."""
    lines = []
    for row in rows:
        field = medians.get(row.name, {})
        best = min(peers_of(row, field).values(), default=None)
        floor = figure_of(row, field["floor"]) if "floor" in field else None
        lines.append([f"{row.name}: {row.title}"])
        for name, figures in sorted(field.items(), key=lambda item: figure_of(row, item[1])):
            lines.append(["  " + name, *cells(row, figures, best, floor)])
        for (failed, name), why in sorted((key, why) for key, why in failures.items() if len(key) == 2):
            if failed == row.name:
                lines.append([f"  {name}: not measured: {why.splitlines()[0]}"])
    widths = [max([len(HEADINGS[i])] + [len(line[i]) for line in lines if len(line) > 1]) for i in range(len(HEADINGS))]
    text = ["  ".join(HEADINGS[i].rjust(widths[i]) for i in range(len(HEADINGS)))]
    for line in lines:
        if len(line) == 1:
            text += ["", line[0]] if not line[0].startswith(" ") else line
        else:
            text.append(
                "  ".join(cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(line))
            )
    return "\n".join(text)


def bars_text(found):
    if not found:
        return "\nbars: none to judge (Martlet was not measured)"
    lines = ["", "bars:"]
    for bar in found:
        verdict = "met " if bar["met"] else "MISS"
        compared = f"{bar['row']:<9} against {bar['against']:<28} {bar['ratio']:.3f}"
        lines.append(f"  {verdict}  {compared} (at most {bar['limit']:.3f})")
    return "\n".join(lines)


def machine():
    model = ""
    try:
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        pass
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()}


def write_json(path, suite, medians, found, plan):
    document = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "plan": plan,
        "rows": {row.name: row.title for row in suite.rows},
        "medians": medians,
        "rounds": suite.figures,
        "bars": found,
        "failures": {" ".join(key): why for key, why in suite.failures.items()},
    }
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as file:
        json.dump(document, file, indent=1)
