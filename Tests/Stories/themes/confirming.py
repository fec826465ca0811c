"""304 answers that are not for everybody, and those that nobody asked for (RFC 9111 section 4.3.4)."""

from harness.story import story


@story("RFC 9111 4.3.4", "a 304 with a cookie is for its client: it gets both, and what is stored stays, without")
def cookie_in_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body")
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Set-Cookie": "who=one"})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.miss()
    s.advance(11)
    response = s.validated()
    s.equal((response.status, response.body, response.get("Set-Cookie")), (200, b"body", "who=one"), "the first answer")
    response = s.validated()
    s.equal((response.status, response.body, response.get("Set-Cookie")), (200, b"body", None), "the second answer")
    s.equal(s.hit().get("Set-Cookie"), None, "Set-Cookie from the cache")


@story("RFC 9111 3.5", "a 304 to Authorization that lets nobody share it leaves what is stored to be validated")
def personal_304(s):
    s.answer(200, {"Cache-Control": "public, max-age=10", "ETag": '"a"'}, b"body")
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "public, max-age=3600", "ETag": '"a"'})
    s.miss()
    s.advance(11)
    s.equal(s.validated({"Authorization": "one"}).body, b"body", "the body for one")
    s.equal(s.validated().body, b"body", "the body")
    s.hit()


@story("RFC 9111 4.3.4", "a 304 that says private leaves nothing stored")
def private_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body")
    s.answer(304, {"Cache-Control": "private", "ETag": '"a"'})
    s.answer(200, {"Cache-Control": "private"}, b"other")
    s.miss()
    s.advance(11)
    s.equal(s.validated().body, b"body", "the body")
    s.equal(s.miss().body, b"other", "the next body")


@story("RFC 9110 15.4.5", "a 304 to a request without a condition is a broken origin's: 502")
def unasked_304(s):
    s.answer(304, {"ETag": '"a"'})
    s.equal(s.get().status, 502, "status")
    s.equal(s.get(method="HEAD").status, 502, "status of HEAD")
    s.equal(s.get({"If-None-Match": '"a"'}).status, 304, "status of a request with a condition")


@story("RFC 5861 4", "a 304 that answers nothing is an error, which stale-if-error covers")
def unasked_304_covered(s):
    s.answer(200, {"Cache-Control": "max-age=10, stale-if-error=60", "ETag": '"a"'}, b"body")
    s.answer(304, {"ETag": '"b"'})
    s.miss()
    s.advance(11)
    response = s.get()
    s.equal((response.status, response.body), (200, b"body"), "status and body")
