#!/usr/bin/env python3
"""Writes requests.json: raw request streams and what the node must make of each.

    python3 Tests/HTTPMessageTests/Cases/requests.py

A case: `name`; `rule` (where it is written); `level` (`must`: RFC 9112 leaves no choice; `choice`: it allows other
outcomes, ours is in docs/http-parsing.md); `raw`: a list of strings (each character one byte) and
{"repeat": text, "times": n}; `requests`: the complete requests in it, as "METHOD target body-bytes"; `end`: what comes
then: "open" (the connection may carry more), "close" (answered, then closed), "waiting" (incomplete: 408 or closed in
time), or the status of the refusal (after which the connection is closed; closing without an answer is as good).
At the origin exactly `requests` may appear, and nothing of a refused message but a head with an unfinished body.
"""

import json
import pathlib

import bodies
import connections
import crossed
import fields
import heads
import newer
from builders import CASES

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = [
    heads.methods,
    heads.request_lines,
    heads.versions,
    heads.targets,
    heads.refused_targets,
    heads.absolute_targets,
    heads.hosts,
    heads.refused_hosts,
    fields.field_lines,
    fields.line_ends,
    bodies.content_lengths,
    bodies.refused_content_lengths,
    bodies.transfer_encodings,
    bodies.unending_transfer_encodings,
    bodies.malformed_transfer_encodings,
    bodies.repeated_transfer_encodings,
    bodies.chunks,
    bodies.refused_chunk_sizes,
    bodies.refused_chunks,
    bodies.trailers,
    connections.connections,
    connections.expectations,
    connections.limits,
    connections.smuggling,
    connections.hidden_requests,
    newer.behind_expect,
    newer.behind_upgrades,
    newer.ends_of_bodies,
    newer.mended_heads,
    crossed.odd_line_ends,
    crossed.bad_behind_good,
    crossed.bodies_that_are_requests,
    crossed.look_alikes,
]


def main():
    for family in FAMILIES:
        family()
    names = [c["name"] for c in CASES]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    lines = ",\n".join(json.dumps(c, ensure_ascii=True) for c in CASES)
    (HERE / "requests.json").write_text("[\n" + lines + "\n]\n")
    print(len(CASES), "cases,", sum(c["level"] == "must" for c in CASES), "of them must")


main()
