"""A small SVG writer: horizontal bars per row, the floor as a line, readable in light and dark pages."""

import os
from xml.sax.saxutils import escape

from . import report

WIDTH, LABEL, BAR, GAP = 860, 150, 16, 4
COLOURS = {"martlet": "#d9480f", "floor": "#868e96"}
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #212529 } .title { font-weight: 600; font-size: 13px }
.value { font-size: 11px }
rect.page { fill: #ffffff } rect.peer { fill: #74a9d8 } line { stroke: #868e96; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) { text { fill: #e9ecef } rect.page { fill: #1a1b1e } rect.peer { fill: #4c7fae } }
</style>"""


def value_text(row, figures):
    value = report.figure_of(row, figures)
    if row.kind in ("idle", "objects"):
        return f"{value:.0f} bytes"
    return f"{value:.0f} us trimean" if row.kind == "open" else f"{value:.1f} us"


def panel(row, field, top):
    """One row's bars, starting at `top`; gives the elements and the height."""
    ordered = sorted(field.items(), key=lambda item: report.figure_of(row, item[1]))
    most = max(report.figure_of(row, figures) for _, figures in ordered) or 1
    room = WIDTH - LABEL - 130
    unit = {"idle": "", "objects": "", "open": "latency, "}.get(row.kind, "CPU per request, ")
    parts = [f'<text class="title" x="12" y="{top + 14}">{escape(row.title)} ({unit}less is better)</text>']
    y = top + 24
    for name, figures in ordered:
        length = max(1, room * report.figure_of(row, figures) / most)
        colour = f'fill="{COLOURS[name]}"' if name in COLOURS else 'class="peer"'
        parts.append(f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" {colour}/>')
        parts.append(
            f'<text class="value" x="{LABEL + length + 6:.1f}" y="{y + 12}">{escape(value_text(row, figures))}</text>'
        )
        y += BAR + GAP
    if "floor" in field:
        x = LABEL + room * report.figure_of(row, field["floor"]) / most
        parts.append(f'<line x1="{x:.1f}" y1="{top + 22}" x2="{x:.1f}" y2="{y - GAP}"/>')
    return parts, y - top + 14


def write_svg(path, rows, medians):
    parts, top = [], 12
    for row in rows:
        if medians.get(row.name):
            elements, height = panel(row, medians[row.name], top)
            parts += elements
            top += height
    document = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" '
        'role="img" '
        'aria-label="Martlet beside other caches">',
        STYLE,
        f'<rect class="page" width="{WIDTH}" height="{top}"/>',
        *parts,
        "</svg>",
    ]
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(document) + "\n")
