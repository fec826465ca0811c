"""Replays the raw request cases of the parser's tests through the node, before an origin that records what it receives:
each answer is the one the case asks for, nothing malformed is forwarded, no second request appears."""

import json
import os
import re
import socket

from harness.client import Client
from harness.message import Ended, Malformed
from harness.node import ROOT
from harness.origin import Origin, Reply, Script
from harness.waiting import wait_until
from support import Skipped, case, expect

TABLE = f"{ROOT}/Tests/HTTPMessageTests/Cases/requests.json"
TARGET = re.compile(r"^(/[!-~]*|\*|http://[!-~]+)$")
VALUE = re.compile(r"^[\t\x20-\x7e\x80-\xff]*$")
# The cases at the limits are written for the parser's own.
PARSER_LIMITS = "limits:\n  request-line: 8KiB\n  field-section: 32KiB\n"
# How long an unfinished request is watched, and how long an answer may take.
QUIET = 0.3
PATIENCE = 2.0


class RecordingOrigin(Origin):
    """Answers everything, once it is whole, and keeps it."""

    def __init__(self, clock):
        super().__init__(clock)
        self.everything = Script("raw").add(Reply(200, {"Cache-Control": "no-store"}, b"ok"))

    def script_for(self, request):
        return self.everything

    def complaints(self, requests):
        """What is malformed about requests that the node forwarded."""
        for request in requests:
            if not TARGET.match(request.target):
                yield f"target {request.target!r}"
            if len(request.fields.all("Host")) != 1:
                yield f"Host {request.fields.all('Host')}"
            if len(request.fields.all("Content-Length")) + len(request.fields.all("Transfer-Encoding")) > 1:
                yield f"framing {request.fields!r}"
            for name, value in request.fields:
                if not VALUE.match(value):
                    yield f"field {name}: {value!r}"


def raw_bytes(row):
    parts = [part if isinstance(part, str) else part["repeat"] * part["times"] for part in row["raw"]]
    return "".join(parts).encode("latin-1")


class Replay:
    """Plays one row at a time and says what was wrong."""

    def __init__(self, node, origin):
        self.node = node
        self.origin = origin

    def play(self, row, split):
        before = len(self.origin.everything.requests)
        malformed = len(self.origin.malformed)
        problem = self._converse(row, split)
        seen = self.origin.everything.requests[before:]
        shown = [f"{request.method} {request.target} {len(request.body)}" for request in seen]
        if not self._same(shown, row["requests"]):
            return f"the origin got {shown}, not {row['requests']}" + (f"; {problem}" if problem else "")
        complaints = list(self.origin.complaints(seen))
        # A body that comes in pieces may turn out to be malformed when its head has gone out.
        may_be_cut = split < len(raw_bytes(row)) or row["end"] == "waiting"
        complaints += [text for text in self.origin.malformed[malformed:]
                       if not (may_be_cut and text.startswith("cut request"))]
        if complaints:
            return f"forwarded malformed: {complaints}"
        return problem

    @staticmethod
    def _same(shown, wanted):
        """Dot segments may be removed and an authority turned into Host; method and body must agree."""
        if len(shown) != len(wanted):
            return False
        for one, other in zip(shown, wanted):
            if one != other and (one.split()[0], one.split()[2]) != (other.split()[0], other.split()[-1]):
                return False
        return True

    def _converse(self, row, split):
        data = raw_bytes(row)
        with Client(self.node.address, PATIENCE) as client:
            try:
                for start in range(0, len(data), split):
                    client.send(data[start:start + split])
            except OSError:
                pass
            try:
                return self._listen(client, row)
            except Malformed as problem:
                return f"a malformed answer: {problem}"
            except socket.timeout:
                return "no answer in time"
            except (Ended, OSError):
                return "closed where an answer was due"

    def _listen(self, client, row):
        end = row["end"]
        for number, request in enumerate(row["requests"]):
            try:
                response = client.read_response(request.split(" ")[0])
            except (Ended, ConnectionResetError):
                return f"closed before answer {number + 1}"
            if not response.complete or response.status >= 500:
                return f"answer {number + 1} is {response!r}"
            if response.status != 200:
                return f"answer {number + 1} is {response.status}, not 200"
        if end == "open":
            client.request("GET", "/after")
            response = client.read_response()
            self.origin.everything.requests.pop()
            return None if response.status == 200 else f"the connection is not usable: {response!r}"
        if end == "waiting":
            client.sock.settimeout(QUIET)
            try:
                response = client.read_head()
                return None if response.status in (400, 408) else f"an answer to an unfinished request: {response!r}"
            except (socket.timeout, Ended, ConnectionResetError):
                return None
        if end != "close":
            try:
                response = client.read_response()
                if response.status != end:
                    return f"refused with {response.status}, not {end}"
            except (Ended, ConnectionResetError):
                return None
        return None if client.at_end() else "the connection was not closed"


def replay(context, split):
    if not os.path.exists(TABLE):
        raise Skipped("there is no table of raw requests")
    with open(TABLE, encoding="utf-8") as file:
        rows = json.load(file)
    expect(len(rows) >= 400, f"at least 400 cases, not {len(rows)}")
    origin = RecordingOrigin(lambda: context.nodes[0].now())
    context.closers.append(origin.close)
    node = context.node(origin.url, config=PARSER_LIMITS)
    workers = node.workers()
    wait_until(lambda: origin.everything.requests, "the first request")
    player = Replay(node, origin)
    problems = []
    for row in rows:
        problem = player.play(row, split)
        if node.workers() != workers:
            problem = f"a worker died; {problem}"
            node.wait_ready()
            workers = node.workers()
        if problem:
            problems.append(f"[{row['level']}] {row['name']} ({row['rule']}): {problem}")
    expect(not problems, f"{len(problems)} of {len(rows)}:\n    " + "\n    ".join(problems[:40]))
    return f"{len(rows)} cases"


@case("raw requests, each sent whole: answered or refused as the case says, and clean at the origin")
def whole(context):
    return replay(context, 1 << 30)


@case("raw requests, each sent in pieces of seven bytes")
def in_pieces(context):
    return replay(context, 7)
