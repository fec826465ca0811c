"""What RFC 9111 leaves to the cache: the default and the other choice of each setting, seen at one node each."""

from harness.client import Client
from harness.origin import Reply
from support import case, expect

OTHER = """
policy:
  negative-lifetime: 0s
  max-stale: 0s
  stale-unreachable: 0s
  variants: 1
  ranges: 1
  request-no-store: false
  targeted-fields: false
  named-fields: whole
  guard-authorization: false
  guard-deception: false
  guard-poisoning: false
  post-answers: false
  parts: false
  hide-tags: false
  explain: false
  show-key: true
"""

FRESH = {"Cache-Control": "max-age=3600"}
OPEN = {"Authorization": "Basic eA=="}
RANGE = {"Range": "bytes=0-3"}


class Lap:
    """One setting's path at one node: tells whether the second request reached the origin."""

    def __init__(self, node, origin, path):
        self.node, self.path = node, path
        self.script = origin.script(path.split("/")[1], path)

    def ask(self, fields=(), method="GET", body=None):
        with Client(self.node.address, 15) as client:
            client.request(method, self.path, fields, body=body)
            return client.read_response(method)

    def is_stored(self, reply, first=(), second=(), method="GET", seconds=0):
        self.script.add(reply)
        self.ask(first, method, b"x=1" if method == "POST" else None)
        self.node.advance(seconds)
        asked = len(self.script.requests)
        self.last = self.ask(second)
        return len(self.script.requests) == asked


def _close(connection, request):
    connection.close()
    return False


def _outcomes(node, origin, name):
    """What each setting decides, as a table: setting to outcome."""
    def lap(setting, ending=""):
        return Lap(node, origin, f"/{name}-{setting}/page{ending}")
    part = Reply(206, {**FRESH, "ETag": '"a"', "Content-Range": "bytes 0-3/16"}, b"0123")
    post = lap("post-answers")
    ranges = lap("ranges")
    ranges.is_stored(Reply(200, FRESH, b"0123456789"), second={"Range": "bytes=0-1,4-5"})
    seen = lap("seen")
    seen.is_stored(Reply(200, {"Cache-Control": "no-store", "Cache-Tag": "t"}), {"X-Forwarded-Host": "evil"})
    status = seen.last.get("Cache-Status") or ""
    outcomes = {
        "negative-lifetime": lap("negative-lifetime").is_stored(Reply(404, {})),
        "ranges": ranges.last.status == 206,
        "request-no-store": not lap("request-no-store").is_stored(Reply(200, FRESH), {"Cache-Control": "no-store"}),
        "targeted-fields": lap("targeted-fields").is_stored(Reply(200, {"CDN-Cache-Control": "max-age=3600"})),
        "named-fields": lap("named-fields").is_stored(Reply(200, {"Cache-Control": 'max-age=3600, private="a"'})),
        "guard-authorization": not lap("guard-authorization").is_stored(Reply(200, FRESH), (), OPEN),
        "guard-deception": not lap("guard-deception", ".css").is_stored(
            Reply(200, {**FRESH, "Content-Type": "text/html"})),
        "post-answers": post.is_stored(Reply(200, {**FRESH, "Content-Location": post.path}), method="POST"),
        "parts": lap("parts").is_stored(part, RANGE, RANGE),
        "guard-poisoning": seen.script.requests[0].get("X-Forwarded-Host") is None,
        "hide-tags": seen.last.get("Cache-Tag") is None,
        "explain": "detail=" in status,
        "hide-key": "key=" not in status,
    }
    # What moves the node's clock away from the origin's comes last.
    away = lap("stale-unreachable")
    away.script.add(Reply(200, {"Cache-Control": "max-age=10"}), Reply(act=_close))
    away.ask()
    node.advance(20)
    outcomes["stale-unreachable"] = away.ask().status == 200
    outcomes["max-stale"] = lap("max-stale").is_stored(
        Reply(200, {"Cache-Control": "max-age=100"}), second={"Cache-Control": "max-stale=600"}, seconds=200)
    return outcomes


@case("every choice of the cache policy: the default does one thing, the setting the other")
def choices(context):
    origin = context.origin()
    for name, config, wanted in (("default", None, True), ("other", OTHER, False)):
        node = context.node(origin.url, config=config)
        for setting, outcome in _outcomes(node, origin, name).items():
            expect(outcome is wanted, f"{setting} of the {name} node: {outcome}")
        node.stop()


@case("policy.variants is the most variants that are kept of one URL")
def variants(context):
    origin = context.origin()
    for name, config, wanted in (("two", None, True), ("one", OTHER, False)):
        lap = Lap(context.node(origin.url, config=config), origin, f"/variants-{name}/page")
        reply = Reply(200, {**FRESH, "Vary": "X"})
        lap.is_stored(reply, {"X": "1"}, {"X": "2"})
        asked = len(lap.script.requests)
        lap.ask({"X": "1"})
        expect((len(lap.script.requests) == asked) is wanted, f"the first of two variants, at most {name}")
