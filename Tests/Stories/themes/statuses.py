"""Which final statuses are stored with explicit freshness, which by heuristics (RFC 9111 sections 3 and 4.2.2,
RFC 9110 section 15.1)."""

from harness.story import add, story

# Every final status may be stored with an explicit lifetime. 206 and 304 have rules of their own.
EXPLICIT = [200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 399, 400, 403, 404, 405, 410, 414, 418, 451, 499,
            500, 501, 502, 503, 504, 599, 600, 999]
# Cacheable by default, so that a Last-Modified long ago gives a lifetime.
HEURISTIC = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
NOT_HEURISTIC = [201, 202, 302, 303, 307, 400, 403, 418, 500, 502, 503, 504, 599, 999]


def _fields(status, fields):
    return {**fields, "Location": "/elsewhere"} if 300 <= status < 400 else fields


def _explicit_fresh(status):
    def tell(s):
        s.answer(status, _fields(status, {"Cache-Control": "max-age=3600"}))
        first = s.miss()
        second = s.hit()
        s.equal((second.status, second.body), (status, first.body), "status and body")
    return tell


def _explicit_stale(status):
    def tell(s):
        s.answer(status, _fields(status, {"Cache-Control": "max-age=10"}))
        s.miss()
        s.advance(11)
        response = s.forwarded()
        s.equal(response.status, status, "status")
    return tell


def _heuristic(status, stored):
    def tell(s):
        s.answer(status, _fields(status, {"Last-Modified": s.date(-100 * 86400)}))
        s.miss()
        (s.hit if stored else s.forwarded)()
    return tell


for _status in EXPLICIT:
    add(f"statuses/{_status}_explicit_fresh", "RFC 9111 3", f"{_status} with max-age is stored and reused",
        _explicit_fresh(_status))
for _status in (200, 204, 299, 301, 307, 400, 404, 410, 500, 503, 599):
    add(f"statuses/{_status}_explicit_stale", "RFC 9111 4.2", f"{_status} past its max-age is not reused",
        _explicit_stale(_status))
for _status in HEURISTIC:
    add(f"statuses/{_status}_heuristic", "RFC 9111 4.2.2", f"{_status} is heuristically cacheable",
        _heuristic(_status, True))
for _status in NOT_HEURISTIC:
    add(f"statuses/{_status}_no_heuristic", "RFC 9111 4.2.2", f"{_status} is not heuristically cacheable",
        _heuristic(_status, False))


def _public_heuristic(status):
    def tell(s):
        s.answer(status, {"Last-Modified": s.date(-100 * 86400), "Cache-Control": "public"})
        s.miss()
        s.hit()
    return tell


for _status in (201, 403, 599):
    add(f"statuses/{_status}_heuristic_when_public", "RFC 9111 4.2.2", f"public lets {_status} be kept by heuristics",
        _public_heuristic(_status))


@story("RFC 9111 4.2.2", "the heuristic lifetime is a tenth of the time since Last-Modified")
def heuristic_is_a_tenth(s):
    s.answer(200, {"Last-Modified": s.date(-1000)})
    s.miss()
    s.advance(80)
    s.hit()
    s.advance(25)
    s.forwarded()


@story("RFC 9111 4.2.2", "Last-Modified in the future gives no heuristic lifetime")
def heuristic_last_modified_in_future(s):
    s.answer(200, {"Last-Modified": s.date(1000)})
    s.miss()
    s.forwarded()


@story("RFC 9111 4.2.2", "an invalid Last-Modified gives no heuristic lifetime")
def heuristic_last_modified_invalid(s):
    s.answer(200, {"Last-Modified": "last week"})
    s.miss()
    s.forwarded()


@story("RFC 9111 4.2.2", "explicit freshness goes before heuristics")
def explicit_before_heuristic(s):
    s.answer(200, {"Last-Modified": s.date(-100 * 86400), "Cache-Control": "max-age=10"})
    s.miss()
    s.advance(11)
    s.forwarded()


@story("RFC 9111 4.2.2", "an invalid Expires is expired and not replaced by heuristics")
def invalid_expires_before_heuristic(s):
    s.answer(200, {"Last-Modified": s.date(-100 * 86400), "Expires": "0"})
    s.miss()
    s.forwarded()


@story("RFC 9111 5.2.2.3", "must-understand with a status the node does not know: not stored")
def must_understand_unknown(s):
    s.answer(299, {"Cache-Control": "must-understand, max-age=3600"})
    s.miss()
    s.forwarded()


@story("RFC 9111 3", "a 304 without a stored answer is passed on and not stored")
def unasked_304(s):
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.equal(s.get({"If-None-Match": '"a"'}).status, 304, "status")
    s.forwarded({"If-None-Match": '"a"'})


@story("RFC 9110 15.4", "a redirect from the cache keeps its Location")
def redirect_keeps_location(s):
    s.answer(301, {"Cache-Control": "max-age=3600", "Location": "/elsewhere"})
    s.miss()
    s.equal(s.hit().get("Location"), "/elsewhere", "Location")


@story("RFC 9110 15.3.5", "a 204 from the cache has no body and no Content-Length")
def no_content_framing(s):
    s.answer(204, {"Cache-Control": "max-age=3600"})
    s.miss()
    response = s.hit()
    s.equal((response.status, response.get("Content-Length"), response.get("Transfer-Encoding")), (204, None, None),
            "status and framing")
