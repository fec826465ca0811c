"""What a full cache takes in."""

import random

from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

FRESH = {"Cache-Control": "max-age=3600"}


def fetched(client, path):
    client.request("GET", path)
    answer = client.read_response()
    status = dict((name.lower(), value) for name, value in answer.fields).get("cache-status", "")
    return answer.body, status


@case("a large body that others would have to go for is stored when it is asked for again")
def second_sight(context):
    origin = context.origin()
    large = random.Random(1).randbytes(2 << 20)
    script = origin.script("large", "admission").add(Reply(200, FRESH, large))
    for number in range(1400):
        origin.script(f"p{number}", "admission").add(Reply(200, FRESH, random.Random(number).randbytes(50_000)))
    node = context.node(origin.url, flags=["--cache-size", "64MiB"])
    with Client(node.address) as client:
        for number in range(1400):
            fetched(client, f"/p{number}/page")
        body, status = fetched(client, "/large/file")
        expect(body == large and "first-sight" in status, f"relayed whole, and says why: {status!r}")
        expect(len(script.requests) == 1, "one fetch")
        body, status = fetched(client, "/large/file")
        expect(body == large and "first-sight" not in status, f"stored now: {status!r}")
        # Who asks while the last steps of storing are being taken reads along.
        wait_until(lambda: "hit" in fetched(client, "/large/file")[1], "from the cache")
        expect(fetched(client, "/large/file")[0] == large and len(script.requests) == 2, "whole, with two fetches")
