"""Limits and policy settings that only a configuration file sets: what they refuse, and what they leave alone."""

from harness.origin import Reply
from harness.client import Client
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
