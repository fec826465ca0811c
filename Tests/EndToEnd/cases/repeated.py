"""Requests that come again byte for byte: answered as if each were the first, whatever has become of the object, the
client or the connection meanwhile."""

from cases.restarts import command
from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect

# Enough to be kept (one in 16 is offered, and the second offer counts), by any chance that matters.
OFTEN = 600


class Site:
    """Pages in editions: the body and the entity tag name path, edition and language."""

    def __init__(self, context, lifetime=3600, vary=""):
        self.edition, self.asked = 1, 0
        fields = b"Cache-Control: max-age=%d\r\n" % lifetime + vary.encode()

        def act(connection, request):
            self.asked += 1
            text = f"{request.target} {self.edition} {request.get('Accept-Language')}".encode()
            connection.send(b"HTTP/1.1 200 OK\r\nETag: \"%d\"\r\n%bContent-Length: %d\r\n\r\n%b" % (
                self.edition, fields, len(text), text))
            return True
        origin = context.origin()
        script = origin.script("pages", "repeated")
        script.add(Reply(act=act))
        self.node = context.node(origin.url, workers=1)

    def client(self):
        return Client(self.node.address)


def raw(path, *lines):
    return "\r\n".join([f"GET /pages/{path} HTTP/1.1", "Host: story.test", *lines, "", ""]).encode()


def ask(client, request):
    return client.send(request).read_response()


def often(client, request, expected):
    for _ in range(OFTEN):
        answer = ask(client, request)
        expect(answer.status == 200 and answer.body.endswith(expected), f"{answer!r}, not {expected}")


@case("a request that came hundreds of times goes to the origin when its object is purged, and to the right object")
def purged(context):
    site = Site(context)
    with site.client() as client:
        often(client, raw("a"), b"a 1 None")
        often(client, raw("b"), b"b 1 None")
        expect(site.asked == 2, f"{site.asked} requests")
        for site.edition in (2, 3):
            command(site.node, "purge", "--url", "http://story.test/pages/a")
            expect(ask(client, raw("a")).body.endswith(b"a %d None" % site.edition), "what was purged came again")
            expect(ask(client, raw("b")).body.endswith(b"b 1 None"), "the other one")
            often(client, raw("a"), b"a %d None" % site.edition)
        expect(site.asked == 4, f"{site.asked} requests")


@case("it is asked about when its object has expired")
def expired(context):
    site = Site(context, lifetime=2)
    with site.client() as client:
        asked = raw("a", "Accept: */*")
        wait_until(lambda: ask(client, asked) and site.asked == 3, "two lifetimes pass")
        answer = ask(client, asked)
        expect(int(answer.get("Age")) <= 2, f"{answer!r}")


@case("variants, conditions and a changed object: each answer is the one for these bytes")
def variants(context):
    site = Site(context, vary="Vary: Accept-Language\r\n")
    with site.client() as client:
        german, english = raw("a", "Accept-Language: de"), raw("a", "Accept-Language: en")
        for _ in range(OFTEN):
            expect(ask(client, german).body.endswith(b"a 1 de"), "German")
            expect(ask(client, english).body.endswith(b"a 1 en"), "English")
        condition = raw("a", "Accept-Language: de", 'If-None-Match: "1"')
        for _ in range(OFTEN):
            answer = ask(client, condition)
            expect(answer.status == 304 and answer.get("ETag") == '"1"', f"{answer!r}")
        expect(site.asked == 2, f"{site.asked} requests")
        site.edition = 2
        command(site.node, "purge", "--url", "http://story.test/pages/a")
        answer = ask(client, condition)
        expect(answer.status == 200 and answer.body.endswith(b"a 2 de"), f"{answer!r}")
        expect(ask(client, english).body.endswith(b"a 2 en"), "English of the second edition")


@case("requests that come together, in pieces, behind others or with a body: none is lost or answered twice")
def framed(context):
    site = Site(context)
    with site.client() as client:
        asked = raw("a")
        often(client, asked, b"a 1 None")
        client.send(asked * 5 + raw("b") + asked)
        bodies = [client.read_response().body.split(b"/")[-1] for _ in range(7)]
        expect(bodies == [b"a 1 None"] * 5 + [b"b 1 None", b"a 1 None"], f"{bodies}")
        for cut in range(1, len(asked)):
            client.send(asked[:cut])
            client.send(asked[cut:])
            expect(client.read_response().body.endswith(b"a 1 None"), f"cut at {cut}")
        client.send(b"\r\n" + asked + asked.replace(b"GET", b"HEAD"))
        expect(client.read_response().body.endswith(b"a 1 None"), "behind an empty line")
        expect(client.read_response("HEAD").status == 200, "HEAD")
        expect(ask(client, asked.replace(b"/a", b"/c")).body.endswith(b"c 1 None"), "another of the same length")


@case("requests that end their connection: each gets its whole answer and then the end, on as many connections")
def closing(context):
    site = Site(context)
    asked = raw("a", "Connection: close")
    for _ in range(OFTEN):
        with site.client() as client:
            answer = ask(client, asked)
            expect(answer.body.endswith(b"a 1 None") and answer.get("Connection") == "close", f"{answer!r}")
            expect(client.at_end(), "the connection goes on")
    with site.client() as client:
        often(client, raw("a"), b"a 1 None")
    expect(site.asked == 1, f"{site.asked} requests")
