"""Encoded forms: hot text is kept in br, zstd and gzip besides, and nobody gets what he did not ask for."""

import random

from harness.codings import decoded
from harness.story import add, story
from harness.waiting import wait_until

WORDS = "cache origin client stale fresh purge vary range encoded weak strong janitor worker lane".split()


def text(seed, words=1500):
    dice = random.Random(seed)
    return " ".join(dice.choice(WORDS) + str(dice.randrange(50)) for _ in range(words)).encode()


def page(s, *fields, words=1500, lifetime=600, **options):
    """The origin's next answer; its body."""
    body = text(f"{s.segment}{fields}{len(s.seen)}", words)
    names = {name.lower() for name, _ in fields}
    standard = [("Cache-Control", f"max-age={lifetime}")] if "cache-control" not in names else []
    s.answer(200, [*standard, *fields], body, **options)
    return body


def heat(s, fields=()):
    """Asks often enough to make the page hot."""
    for _ in range(5):
        s.get(fields)


def form(s, coding, accept=None, **options):
    """Asks until the answer comes in that coding, which must not take an origin request."""
    wanted = {"Accept-Encoding": accept or coding}
    seen = len(s.seen)
    with s.node.connect() as client:
        def came():
            client.request("GET", s.path, wanted, None, "story.test")
            response = client.read_response("GET")
            return response if response.get("Content-Encoding") == coding else None
        response = wait_until(came, f"an answer in {coding}")
    s.equal(len(s.seen), seen, "requests at the origin")
    return response


def plain(s, body, fields=(), **options):
    """A hit that must come as it is stored."""
    response = s.hit(fields, **options)
    s.equal(response.get("Content-Encoding"), None, "Content-Encoding")
    s.equal(response.body, body, "the body")
    return response


def _served(coding):
    def tell(s):
        body = page(s, ("ETag", '"one"'))
        s.miss()
        heat(s)
        response = form(s, coding)
        s.equal(decoded(response), body, "the decoded body")
        s.check(len(response.body) < len(body) / 2, "much fewer bytes", len(response.body))
        s.equal(response.get("ETag"), 'W/"one"', "ETag")
        s.equal(response.get("Vary"), "Accept-Encoding", "Vary")
        s.equal(s.cache_status(response).get("detail"), f"encoded-{coding}", "detail")
        s.check(s.cache_status(response).get("hit"), "a hit")
        for accept in ({}, {"Accept-Encoding": f"{coding};q=0"}, {"Accept-Encoding": "deflate"}):
            response = plain(s, body, accept)
            s.equal(response.get("ETag"), '"one"', "ETag")
            s.equal(response.get("Vary"), "Accept-Encoding", "Vary")
    return tell


for _coding in ("br", "zstd", "gzip"):
    add(f"encoded/{_coding}", "RFC 9110 12.5.3", f"a hot page comes in {_coding} to who accepts it",
        _served(_coding))


@story("RFC 9110 12.5.3", "weights decide; of equal ones the denser; who refuses identity gets what there is")
def weights(s):
    body = page(s)
    s.miss()
    heat(s)
    for coding in ("br", "gzip", "zstd"):
        form(s, coding)
    for accept, coding in (
        ("gzip, deflate, br, zstd", "br"), ("br;q=0.5, gzip", "gzip"), ("*", "br"), ("zstd, *;q=0.1", "zstd"),
        ("identity;q=0, gzip;q=0.1", "gzip"), ("br;q=0, *", "zstd"), ("identity, br;q=0.5", None), ("*;q=0", None),
    ):
        response = s.hit({"Accept-Encoding": accept})
        s.equal(response.get("Content-Encoding"), coding, f"the coding for {accept!r}")
        s.equal(decoded(response), body, "the decoded body")
    refused = s.hit({"Accept-Encoding": "identity;q=0, gzip", "Cache-Control": "max-stale=1"})
    s.equal(refused.get("Content-Encoding"), "gzip", "the coding where identity is refused")


@story("RFC 9110 9.3.2", "HEAD says what GET would")
def head(s):
    page(s, ("ETag", '"h"'))
    s.miss()
    heat(s)
    got = form(s, "br")
    told = s.hit({"Accept-Encoding": "br"}, method="HEAD")
    for name in ("Content-Encoding", "Content-Length", "ETag", "Vary", "Content-Type"):
        s.equal(told.get(name), got.get(name), name)
    s.equal(int(told.get("Content-Length")), len(got.body), "Content-Length")


@story("RFC 9110 13.1.2", "If-None-Match knows the page under both tags, and the 304 has that of the 200")
def conditions(s):
    page(s, ("ETag", '"c"'))
    s.miss()
    heat(s)
    form(s, "br")
    for tag in ('"c"', 'W/"c"', '"x", W/"c"'):
        for accept, own in (({"Accept-Encoding": "br"}, 'W/"c"'), ({}, '"c"')):
            response = s.hit({**accept, "If-None-Match": tag})
            s.equal(response.status, 304, f"status for {tag}")
            s.equal(response.get("ETag"), own, "ETag")
            s.equal(response.get("Vary"), "Accept-Encoding", "Vary")
            s.equal(response.get("Content-Encoding"), None, "Content-Encoding")
    other = s.hit({"Accept-Encoding": "br", "If-None-Match": '"d"'})
    s.equal((other.status, other.get("Content-Encoding")), (200, "br"), "the answer to another tag")


@story("RFC 9110 14.2", "ranges are those of the page as stored; a weak tag or a date allows none where forms may be")
def ranges(s):
    modified = s.date(-10_000)
    body = page(s, ("ETag", '"r"'), ("Last-Modified", modified))
    s.miss()
    heat(s)
    form(s, "br")
    accept = {"Accept-Encoding": "br", "Range": "bytes=100-199"}
    response = s.hit(accept)
    s.equal((response.status, response.body), (206, body[100:200]), "the range")
    s.equal((response.get("ETag"), response.get("Content-Encoding")), ('"r"', None), "its tag and coding")
    s.equal(s.hit({**accept, "If-Range": '"r"'}).status, 206, "the status with the strong tag")
    for condition in ('W/"r"', modified):
        response = s.hit({**accept, "If-Range": condition})
        s.equal((response.status, decoded(response)), (200, body), f"the answer with If-Range: {condition}")
    s.equal(s.hit({"Range": "bytes=0-1", "If-Range": modified}).status, 206, "the status for who accepts no coding")


def _never(*fields, words=1500, **options):
    def tell(s):
        body = page(s, *fields, words=words, **options)
        s.miss()
        heat(s)
        # Another page, hot after this one: when that has its form, this one has been passed over.
        s.path = f"/{s.segment}/other"
        body_of_other = page(s)
        s.miss()
        heat(s)
        s.equal(decoded(form(s, "br")), body_of_other, "the other page")
        s.path = f"/{s.segment}/page"
        plain(s, body, {"Accept-Encoding": "br, gzip, zstd"})
    return tell


for _name, _fields, _words in (
    ("no_transform", [("Cache-Control", "max-age=600, no-transform")], 1500),
    ("image", [("Content-Type", "image/png")], 1500),
    ("event_stream", [("Content-Type", "text/event-stream")], 1500),
    ("digest", [("Repr-Digest", "sha-256=:AAAA:")], 1500),
    ("small", [], 40),
):
    add(f"encoded/never_{_name}", "RFC 9110 8.4", f"what may not or need not be encoded ({_name}) stays as it is",
        _never(*_fields, words=_words))


@story("RFC 9111 5.2.1.6", "a request with no-transform gets the page as it is stored")
def request_no_transform(s):
    body = page(s)
    s.miss()
    heat(s)
    form(s, "br")
    plain(s, body, {"Accept-Encoding": "br", "Cache-Control": "no-transform"})


@story("RFC 9111 4.4", "after an unsafe request the forms are gone with the page")
def invalidated(s):
    page(s)
    s.miss()
    heat(s)
    form(s, "br")
    s.answer(204)
    s.get(method="POST", body=b"x")
    body = page(s, ("X-New", "1"))
    response = s.miss({"Accept-Encoding": "br"})
    s.equal(response.body, body, "the new body")
    heat(s)
    s.equal(decoded(form(s, "br")), body, "the decoded body")


@story("RFC 9111 4.3.4", "a replaced page is never sent in a form of the old one")
def replaced(s):
    page(s, lifetime=100)
    s.miss()
    heat(s)
    form(s, "br")
    s.advance(101)
    body = page(s, ("X-New", "1"), lifetime=300)
    s.forwarded({"Accept-Encoding": "br"})
    for _ in range(8):
        s.equal(decoded(s.hit({"Accept-Encoding": "br"})), body, "the decoded body")
    s.equal(decoded(form(s, "br")), body, "the decoded body")


@story("RFC 9111 4.3.4", "a page confirmed by 304 has new fields in both shapes")
def confirmed(s):
    body = page(s, ("ETag", '"k"'), ("X-Count", "1"), lifetime=100)
    s.miss()
    heat(s)
    s.equal(form(s, "br").get("X-Count"), "1", "X-Count")
    s.advance(101)
    s.answer(304, [("Cache-Control", "max-age=300"), ("ETag", '"k"'), ("X-Count", "2")])
    s.validated({"Accept-Encoding": "br"})
    for _ in range(8):
        response = s.hit({"Accept-Encoding": "br"})
        s.equal((decoded(response), response.get("X-Count")), (body, "2"), "body and X-Count")
    response = form(s, "br")
    s.equal((decoded(response), response.get("X-Count")), (body, "2"), "body and X-Count")


@story("RFC 9111 4.1", "each variant of a page has forms of its own")
def variants(s):
    bodies = {}
    for value in ("a", "b"):
        bodies[value] = page(s, ("Vary", "X-Kind"))
        s.miss({"X-Kind": value})
        heat(s, {"X-Kind": value})
    for value, body in bodies.items():
        with s.node.connect() as client:
            def came():
                client.request("GET", s.path, {"X-Kind": value, "Accept-Encoding": "br"}, None, "story.test")
                response = client.read_response("GET")
                return response if response.get("Content-Encoding") else None
            response = wait_until(came, "a variant in br")
        s.equal(decoded(response), body, "the decoded body")
        s.equal(response.fields.all("Vary"), ["X-Kind", "Accept-Encoding"], "Vary")


@story("RFC 9110 8.4", "a page that the origin has encoded stays in that coding")
def origins_own(s):
    fields = [("Cache-Control", "max-age=600"), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    s.answer(200, fields, text(1))
    s.miss({"Accept-Encoding": "gzip, br"})
    for _ in range(6):
        response = s.hit({"Accept-Encoding": "gzip, br"})
        s.equal((response.get("Content-Encoding"), response.get("Vary")), ("gzip", "Accept-Encoding"), "the fields")


@story("RFC 9110 12.5.3", "who takes no coding says so at the origin; who says nothing about codings does not")
def identity_is_asked_for(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    for number, (asked, wanted) in enumerate((("identity", "identity"), ("", "identity"), ("gzip;q=0", "identity"),
                                              ("deflate", "identity"), ("gzip", "gzip"), (None, None))):
        fields = {} if asked is None else {"Accept-Encoding": asked}
        request = s.miss(fields, path=f"/{s.segment}/{number}").forwarded[0]
        s.equal(request.get("Accept-Encoding"), wanted, f"Accept-Encoding at the origin for {asked!r}")
