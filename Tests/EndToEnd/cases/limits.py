"""Limits and policy settings that only a configuration file sets: what they refuse, and what they leave alone."""

import threading

from harness.client import Client
from harness.origin import Reply, held_back
from harness.waiting import wait_until
from support import case, expect


CONFIG = """limits:
  request-body: 1KiB
  field-section: 4KiB
  response-field-section: 16KiB
policy:
  sort-query: true
  default-lifetime: 60s
"""


@case("limits and settings from a file: they hold for requests, or for answers, as their names say")
def from_file(context):
    origin = context.origin()
    origin.script("answers", "answers").add(
        Reply(200, {"Cache-Control": "max-age=60", "X-Long": "x" * 10000}, b"y" * 5000))
    origin.script("plain", "plain").add(Reply(200, {}, b"plain"))
    node = context.node(origin.url, config=CONFIG)

    def ask(target, fields=(), method="GET", body=None):
        with Client(node.address) as client:
            client.request(method, target, fields, body)
            return client.read_response(method)
    answer = ask("/answers/long")
    expect((answer.status, len(answer.body), len(answer.get("X-Long", ""))) == (200, 5000, 10000), repr(answer)[:300])
    expect("hit" in ask("/answers/long").get("Cache-Status"), "the long answer was not stored")
    expect(ask("/answers/form", method="POST", body=b"x" * 2000).status == 413, "a body over the limit was taken")
    expect(ask("/answers/x", {"X-Long": "x" * 6000}).status == 431, "a head over the limit was taken")
    ask("/plain/a?b=1&a=2")
    expect("hit" in ask("/plain/a?a=2&b=1").get("Cache-Status"), "the query's order made a difference")
    expect(origin.scripts["plain"].requests[-1].target == "/plain/a?a=2&b=1", "the target at the origin is not sorted")


@case("a request line as long as the limit, of characters that each become three: answered, and nobody dies of it")
def long_request_lines(context):
    origin = context.origin()
    script = origin.script("s1", "long").add(Reply(200, {"Cache-Control": "max-age=60", "Vary": "X-Long"}, b"long"))
    node = context.node(origin.url, workers=1, config="limits: {request-line: 32KiB, field-section: 64KiB}\n")
    workers = node.workers()
    for mark, encoded in (("%", "%25"), ("|", "%7C")):
        with Client(node.address) as client:
            for _ in range(2):
                client.request("GET", "/s1/?" + mark * 31000, {"X-Long": "y" * 20000})
                answer = client.read_response()
                expect((answer.status, answer.body) == (200, b"long"), f"{mark}: {answer!r}")
        expect(script.requests[-1].target in ("/s1/?" + encoded * 31000, "/s1/?" + mark * 31000),
               f"{mark}: the target at the origin: {script.requests[-1].target[:60]}")
    expect(node.workers() == workers, "the worker has died")


@case("more fetches than there is room for: whoever comes then is told so, and waits for nobody")
def exchanges_run_out(context):
    release = threading.Event()
    origin = context.origin()
    origin.script("s1", "many").add(Reply(act=held_back(
        release, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nok")))
    node = context.node(origin.url, workers=1, config=(
        "limits: {connections: 16}\npool: {connections: 1, queue: 1000, queue-time: 60s}\n"))
    statuses = []
    try:
        for number in range(48):
            with Client(node.address) as client:
                begun = node.admin("GET", "/v1/status")[1]["counters"]["fills_started"]
                client.request("GET", f"/s1/{number}")
                wait_until(
                    lambda: node.admin("GET", "/v1/status")[1]["counters"]["fills_started"] > begun, "the fetch")
                client.reset()
        for method in ("GET", "POST"):
            with Client(node.address) as client:
                client.request(method, "/s1/more", body=b"" if method == "POST" else None)
                statuses.append(client.read_response().status)
    finally:
        release.set()
    expect(statuses == [503, 503], f"{statuses}")
