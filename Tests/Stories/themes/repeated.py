"""Answers that are asked for over and over: the node keeps what it sent for a moment, and must not keep it too long."""

from harness.origin import Reply
from harness.story import add, story

LASTING = {"Cache-Control": "max-age=3600", "ETag": '"one"'}


def _warm(s, client, path=None, fields=()):
    """Asks until whatever is prepared for popular objects has been."""
    answers = []
    for _ in range(6):
        client.request("GET", path or s.path, fields=list(fields))
        answers.append(client.read_response())
    s.equal(len({answer.body for answer in answers}), 1, "distinct bodies")
    return answers[-1]


def _same_bytes(size):
    def tell(s):
        s.answers(Reply(200, LASTING, bytes(range(256)) * (size // 256)))
        client = s.client()
        last = _warm(s, client)
        s.equal(len(last.body), size, "bytes")
        s.equal(last.get("Content-Length"), str(size), "Content-Length")
        s.equal(len(s.seen), 1, "requests at the origin")
    return tell


for _size in (256, 1024, 4096, 16384, 16640, 65536):
    add(f"repeated/same_bytes_{_size}", "RFC 9111 4", f"a body of {_size} bytes is the same each time",
        _same_bytes(_size))


@story("RFC 9111 5.1", "Age and the remaining lifetime move on between two answers that are otherwise alike")
def age_moves(s):
    s.answers(Reply(200, LASTING, b"moves"))
    client = s.client()
    first = _warm(s, client)
    s.advance(10)
    second = _warm(s, client)
    s.check(int(second.get("Age")) >= int(first.get("Age")) + 10, "an Age of at least 10 more", second.get("Age"))
    ttl = int(second.get("Cache-Status").split("ttl=")[1].split(";")[0])
    s.check(ttl <= 3590, "a ttl of at most 3590", str(ttl))


@story("RFC 9111 4.4", "an unsafe request ends what was kept")
def invalidated(s):
    s.answers(Reply(200, LASTING, b"first"), Reply(204, {}), Reply(200, LASTING, b"second"))
    client = s.client()
    s.equal(_warm(s, client).body, b"first", "the body before")
    s.forwarded(method="POST", body=b"x")
    s.equal(_warm(s, client).body, b"second", "the body after")


@story("RFC 9111 4.1", "variants that alternate keep their own bodies")
def variants(s):
    vary = {**LASTING, "Vary": "Accept-Language"}
    s.answers(Reply(200, vary, b"english"), Reply(200, vary, b"deutsch"))
    client = s.client()
    for _ in range(8):
        for language, body in (("en", b"english"), ("de", b"deutsch")):
            client.request("GET", s.path, fields=[("Accept-Language", language)])
            s.equal(client.read_response().body, body, f"the body in {language}")


@story("RFC 9110 9.3.2", "after many GETs a HEAD, a range, a condition and a close get answers of their own")
def other_forms(s):
    s.answers(Reply(200, LASTING, b"0123456789"))
    client = s.client()
    _warm(s, client)
    client.request("HEAD", s.path)
    s.equal(client.read_response("HEAD").get("Content-Length"), "10", "Content-Length of HEAD")
    client.request("GET", s.path, fields=[("Range", "bytes=2-4")])
    part = client.read_response()
    s.equal((part.status, part.body), (206, b"234"), "the range")
    client.request("GET", s.path, fields=[("If-None-Match", '"one"')])
    s.equal(client.read_response().status, 304, "the conditional request")
    client.request("GET", s.path)
    s.equal(client.read_response().body, b"0123456789", "the whole again")
    client.request("GET", s.path, fields=[("Connection", "close")])
    last = client.read_response()
    s.equal((last.body, last.get("Connection")), (b"0123456789", "close"), "the last answer")


@story("RFC 9112 9.3.2", "pipelined requests for a popular object are all answered, in order")
def pipelined(s):
    other = f"/{s.segment}/other"
    s.answers(Reply(200, LASTING, b"popular"), Reply(200, LASTING, b"other"))
    client = s.client()
    _warm(s, client)
    _warm(s, client, path=other)
    order = [s.path, s.path, other, s.path, other, other, s.path] * 10
    client.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: story.test\r\n\r\n".encode() for path in order))
    for path in order:
        s.equal(client.read_response().body, b"other" if path == other else b"popular", f"the body of {path}")


@story("RFC 9112 9.3", "many connections at once get whole answers, each its own")
def crowd(s):
    paths = [f"/{s.segment}/{number}" for number in range(7)]
    s.answers(*[Reply(200, LASTING, bytes([65 + number]) * 3000) for number in range(7)])
    for path in paths:
        s.miss(path=path)
    clients = [s.client() for _ in range(40)]
    for round_number in range(6):
        for number, client in enumerate(clients):
            client.request("GET", paths[(number + round_number) % 7])
        for number, client in enumerate(clients):
            expected = bytes([65 + (number + round_number) % 7]) * 3000
            s.equal(client.read_response().body, expected, f"the body of client {number}")
