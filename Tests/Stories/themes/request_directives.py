"""Cache-Control and Pragma in requests: advisory, and by default unable to aim load at the origin
(RFC 9111 sections 5.2.1 and 5.4)."""

from harness.story import add, story

# Requests that may or may not bypass the cache elsewhere; here the default is that they do not.
IGNORED = [
    ("no_cache", {"Cache-Control": "no-cache"}),
    ("max_age_zero", {"Cache-Control": "max-age=0"}),
    ("pragma_no_cache", {"Pragma": "no-cache"}),
    ("unknown", {"Cache-Control": "foo=bar"}),
    ("pragma_unknown", {"Pragma": "foo"}),
]


def _ignored(fields):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        s.miss()
        s.hit(fields)
    return tell


for _name, _fields in IGNORED:
    add(f"request_directives/{_name}_does_not_bypass", "RFC 9111 5.2.1", f"{_fields} does not bypass the cache",
        _ignored(_fields))


@story("RFC 9111 5.2.1.5", "an answer to a request with no-store is not stored")
def no_store_not_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss({"Cache-Control": "no-store"})
    s.forwarded({"Cache-Control": "no-store"})


@story("RFC 9111 5.2.1.7", "only-if-cached with nothing stored is 504, and the origin hears nothing")
def only_if_cached_miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    response = s.hit({"Cache-Control": "only-if-cached"})
    s.equal(response.status, 504, "status")


@story("RFC 9111 5.2.1.7", "only-if-cached with a fresh answer is that answer")
def only_if_cached_hit(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    s.equal(s.hit({"Cache-Control": "only-if-cached"}).status, 200, "status")


@story("RFC 9111 5.2.1.2", "max-stale lets the client have an answer that is not too stale")
def max_stale(s):
    s.answer(200, {"Cache-Control": "max-age=10"})
    s.miss()
    s.advance(20)
    s.equal(s.hit({"Cache-Control": "max-stale=3600"}).status, 200, "status")
    s.equal(s.hit({"Cache-Control": "max-stale"}).status, 200, "status without an argument")


@story("RFC 9111 5.2.1.3", "min-fresh that a new answer can satisfy is heeded; one that none can is not")
def min_fresh(s):
    s.answer(200, {"Cache-Control": "max-age=1000"})
    s.miss()
    s.advance(600)
    s.hit({"Cache-Control": "min-fresh=300"})
    s.hit({"Cache-Control": "min-fresh=2000"})
    s.forwarded({"Cache-Control": "min-fresh=500"})
    s.hit({"Cache-Control": "min-fresh=500"})


@story("RFC 9111 5.2.1.2", "max-stale that is exceeded is validated")
def max_stale_exceeded(s):
    s.answer(200, {"Cache-Control": "max-age=10"})
    s.miss()
    s.advance(100)
    s.forwarded({"Cache-Control": "max-stale=30"})


@story("RFC 9111 5.4", "Pragma in an answer means nothing")
def pragma_in_answer(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Pragma": "no-cache"})
    s.miss()
    s.hit()


@story("RFC 9111 5.2.1", "the client's Cache-Control is forwarded on a miss")
def forwarded_on_miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    request = s.miss({"Cache-Control": "no-transform, foo=bar"}).forwarded[0]
    s.equal(request.get("Cache-Control"), "no-transform, foo=bar", "Cache-Control at the origin")
