"""Cache-Status says truthfully what happened and why (RFC 9211)."""

from harness.origin import Reply
from harness.story import add, story


@story("RFC 9211 2.2", "a miss: fwd=uri-miss, fwd-status and stored")
def miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    status = s.cache_status(s.miss())
    s.equal(status.get("fwd"), "uri-miss", "fwd")
    s.check("hit" not in status, "no hit", status)


@story("RFC 9211 2.1", "a hit: hit and ttl, no fwd")
def hit(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    status = s.cache_status(s.hit())
    s.check(status.get("hit") is True and "fwd" not in status, "hit without fwd", status)
    s.check(3590 <= int(status.get("ttl", -1)) <= 3600, "a ttl of about 3600", status)


@story("RFC 9211 2.4", "ttl shrinks with age")
def ttl_shrinks(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    s.advance(1000)
    ttl = int(s.cache_status(s.hit()).get("ttl", -1))
    s.check(2590 <= ttl <= 2600, "a ttl of about 2600", ttl)


@story("RFC 9211 2.2", "another variant: fwd=vary-miss")
def vary_miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo"})
    s.miss({"Foo": "1"})
    s.equal(s.cache_status(s.miss({"Foo": "2"})).get("fwd"), "vary-miss", "fwd")


@story("RFC 9211 2.2", "a validated stale answer: fwd=stale and fwd-status=304")
def stale(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}), Reply(304, {"ETag": '"a"'}))
    s.miss()
    s.advance(20)
    status = s.cache_status(s.validated())
    s.equal((status.get("fwd"), status.get("fwd-status")), ("stale", "304"), "fwd and fwd-status")


@story("RFC 9211 2.2", "a POST: fwd=method")
def method(s):
    s.answer(200, {"Cache-Control": "no-store"})
    s.equal(s.cache_status(s.forwarded(method="POST", body=b"")).get("fwd"), "method", "fwd")


NOT_STORED = [
    ("no_store", {"Cache-Control": "no-store"}),
    ("private", {"Cache-Control": "private, max-age=3600"}),
    ("set_cookie", {"Cache-Control": "max-age=3600", "Set-Cookie": "a=1"}),
    ("vary_star", {"Cache-Control": "max-age=3600", "Vary": "*"}),
    ("no_lifetime", {}),
]


def _not_stored(fields):
    def tell(s):
        s.answer(200, fields)
        status = s.cache_status(s.miss())
        s.check(status.get("stored") is not True, "no stored", status)
        s.check(status.get("detail"), "a detail that names the reason", status)
    return tell


for _name, _fields in NOT_STORED:
    add(f"cache_status/detail_for_{_name}", "RFC 9211 2.8", f"{_fields}: not stored, and detail says why",
        _not_stored(_fields))


@story("RFC 9211 2", "an error of the node's own carries Cache-Status as well")
def on_own_error(s):
    def close(connection, request):
        connection.close()
        return False
    s.answer(act=close)
    response = s.get()
    s.equal(response.status, 502, "status")
    s.check(s.cache_status(response) is not None, "Cache-Status")


@story("RFC 9211 2", "members of caches before this one are kept in front")
def appended(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Cache-Status": "OriginCache; hit; ttl=1100"})
    for response in (s.miss(), s.hit()):
        value = response.get("Cache-Status")
        s.check(value.startswith("OriginCache"), "the origin's member first", value)
        s.check(value.count(",") >= 1, "the node's member after it", value)


@story("RFC 9211 2.1", "a stale answer served for an error says which forward failed, and is no hit")
def stale_served(s):
    s.answer(200, {"Cache-Control": "max-age=10, stale-if-error=3600"})
    s.answer(503, {"Cache-Control": "no-store"})
    s.miss()
    s.advance(20)
    status = s.cache_status(s.get())
    s.check("hit" not in status and int(status.get("ttl", 0)) < 0, "no hit, and a negative ttl", status)
    s.equal((status.get("fwd"), status.get("fwd-status")), ("stale", "503"), "fwd and fwd-status")


@story("RFC 9211 2.2", "a fresh answer that a client would not have is fwd=request, not fwd=stale")
def demanded(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.miss()
    s.advance(10)
    status = s.cache_status(s.validated({"Cache-Control": "no-cache"}))
    s.equal((status.get("fwd"), status.get("fwd-status")), ("request", "304"), "fwd and fwd-status")
