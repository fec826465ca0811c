"""Cache-Control and Pragma in requests: advisory, heeded, and unable to aim more than one request a second and object
at the origin (RFC 9111 sections 5.2.1 and 5.4)."""

import threading

from harness.origin import Reply
from harness.story import add, story

# What a client says that would not have the fresh answer of 100 seconds ago.
DEMANDS = [
    ("no_cache", {"Cache-Control": "no-cache"}),
    ("no_cache_mixed_case", {"Cache-Control": "foo, No-Cache"}),
    ("pragma_no_cache", {"Pragma": "no-cache"}),
    ("max_age_zero", {"Cache-Control": "max-age=0"}),
    ("max_age_below_age", {"Cache-Control": "max-age=99"}),
    ("max_age_quoted", {"Cache-Control": 'max-age="99"'}),
    ("max_age_invalid", {"Cache-Control": "max-age=x"}),
    ("max_age_and_max_stale", {"Cache-Control": "max-age=50, max-stale=30"}),
    ("min_fresh_above_rest", {"Cache-Control": "min-fresh=3501"}),
    ("min_fresh_above_lifetime", {"Cache-Control": "min-fresh=7200"}),
]
# What says nothing against it.
CONTENT = [
    ("unknown", {"Cache-Control": "foo=bar"}),
    ("pragma_unknown", {"Pragma": "foo"}),
    ("pragma_beside_cache_control", {"Pragma": "no-cache", "Cache-Control": "foo"}),
    ("max_age_above_age", {"Cache-Control": "max-age=3600"}),
    ("max_age_made_up_by_max_stale", {"Cache-Control": "max-age=50, max-stale=60"}),
    ("min_fresh_below_rest", {"Cache-Control": "min-fresh=3400"}),
    ("no_store", {"Cache-Control": "no-store"}),
    ("no_transform", {"Cache-Control": "no-transform"}),
    ("max_stale", {"Cache-Control": "max-stale=0"}),
]


def _demanded(fields):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
        s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
        first = s.miss()
        s.advance(100)
        response = s.validated(fields)
        s.equal((response.status, response.body), (200, first.body), "status and body")
        # Whoever demands the same in this second gets what was just confirmed.
        for _ in range(3):
            s.hit(fields)
        s.advance(100)
        s.validated(fields)
    return tell


def _content(fields):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
        s.miss()
        s.advance(100)
        s.hit(fields)
    return tell


for _name, _fields in DEMANDS:
    add(f"request_directives/{_name}", "RFC 9111 5.2.1", f"{_fields} asks the origin, once a second",
        _demanded(_fields))
for _name, _fields in CONTENT:
    add(f"request_directives/{_name}_takes_the_stored", "RFC 9111 5.2.1", f"{_fields} takes what is stored",
        _content(_fields))


@story("RFC 9111 5.2.1.4", "HEAD with no-cache asks the origin once a second as well")
def no_cache_of_head(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.miss()
    s.advance(100)
    s.forwarded({"Cache-Control": "no-cache"}, method="HEAD")
    for method in ("HEAD", "GET", "HEAD"):
        s.hit({"Cache-Control": "no-cache"}, method=method)
    s.advance(2)
    s.forwarded({"Cache-Control": "no-cache"}, method="HEAD")


@story("RFC 9111 5.2.1.4", "no-cache fetches anew where there is nothing to validate with")
def no_cache_fetches(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"first")
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"second")
    s.miss()
    s.equal(s.miss({"Cache-Control": "no-cache"}).body, b"second", "the body")
    s.equal(s.hit().body, b"second", "the body for all")
    s.equal(s.hit({"Cache-Control": "no-cache"}).body, b"second", "the body for the next who demands")


@story("RFC 9111 5.2.1.4", "a condition beside no-cache asks the cache: fetch() adds no-cache to every condition")
def no_cache_with_condition(s):
    date = s.date(-1000)
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Last-Modified": date}, b"0123456789")
    s.miss()
    for condition, status in (({"If-None-Match": '"a"'}, 304), ({"If-None-Match": '"b"'}, 200),
                              ({"If-Modified-Since": date}, 304), ({"If-Range": '"a"', "Range": "bytes=0-1"}, 206)):
        s.equal(s.hit({**condition, "Cache-Control": "no-cache", "Pragma": "no-cache"}).status, status, "status")


@story("RFC 9111 5.2.1.4", "twenty clients that say no-cache at once cause one request")
def no_cache_collapsed(s):
    gate = threading.Event()

    def slowly(connection, request):
        gate.wait(5)
        connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nCache-Control: max-age=3600\r\n\r\n')
        return True
    s.answers(Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"the page"), Reply(act=slowly))
    s.miss()
    clients = [s.client() for _ in range(20)]
    for client in clients:
        client.request("GET", s.path, {"Cache-Control": "no-cache"})
    s.await_origin(2)
    gate.set()
    for client in clients:
        s.equal(client.read_response().body, b"the page", "the body")
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 9111 5.2.1.4", "no-cache while the origin fails or is gone: the fresh answer stands")
def no_cache_while_failing(s):
    def gone(connection, request):
        connection.close()
        return False
    s.answers(Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}), Reply(503, {}, b"failing"), Reply(act=gone))
    first = s.miss()
    for _ in range(2):
        response = s.forwarded({"Cache-Control": "no-cache"})
        s.equal((response.status, response.body), (200, first.body), "status and body")


@story("RFC 8246 2.1", "max-age=0 does not ask again for what is immutable and fresh; no-cache does")
def immutable(s):
    s.answer(200, {"Cache-Control": "max-age=3600, immutable", "ETag": '"a"'})
    s.answer(304, {"ETag": '"a"'})
    s.miss()
    s.hit({"Cache-Control": "max-age=0"})
    s.validated({"Cache-Control": "no-cache"})


@story("RFC 9111 4.3.5", "HEAD with no-cache goes to the origin and updates what is stored")
def head_no_cache(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "X-Field": "first"}, b"body")
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "X-Field": "second"}, b"body")
    s.miss()
    s.equal(s.forwarded({"Cache-Control": "no-cache"}, method="HEAD").forwarded[0].method, "HEAD", "the method")
    s.equal(s.hit().get("X-Field"), "second", "X-Field")


@story("RFC 9111 5.2.1.5", "an answer to a request with no-store is not stored")
def no_store_not_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss({"Cache-Control": "no-store"})
    s.forwarded({"Cache-Control": "no-store"})


@story("RFC 9111 5.2.1.5", "no-store on a validation keeps the 304 from being stored, and leaves what is stored")
def no_store_on_validation(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-Field": "first"})
    s.answer(304, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-Field": "second"})
    s.answer(304, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    first = s.miss()
    s.advance(20)
    s.equal(s.validated({"Cache-Control": "no-store"}).body, first.body, "the body")
    response = s.validated()
    s.equal((response.status, response.body, response.get("X-Field")), (200, first.body, "first"), "what is stored")


@story("RFC 9111 5.2.1.5", "clients that miss together do not wait for one that says no-store")
def no_store_waited_for_by_nobody(s):
    gate = threading.Event()

    def act(connection, request):
        if request.get("Cache-Control"):
            gate.wait(10)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 5\r\n\r\nhello")
        return True
    s.answers(Reply(act=act))
    hidden = s.client().request("GET", s.path, {"Cache-Control": "no-store"})
    s.await_origin(1)
    clients = [s.client().request("GET", s.path) for _ in range(10)]
    s.equal({client.read_response().body for client in clients}, {b"hello"}, "bodies")
    gate.set()
    s.equal(hidden.read_response().body, b"hello", "the body for who said no-store")
    s.equal(len(s.seen), 2, "requests at the origin")


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


@story("RFC 9111 5.2.1.4", "no-cache for one variant validates that one; the others stay as they are")
def no_cache_of_variant(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo", "ETag": '"1"'})
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo", "ETag": '"2"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "Vary": "Foo", "ETag": '"2"'})
    bodies = [s.miss({"Foo": value}).body for value in "12"]
    response = s.validated({"Foo": "2", "Cache-Control": "no-cache"})
    s.equal((response.body, response.forwarded[0].get("If-None-Match")), (bodies[1], '"2"'), "body and If-None-Match")
    s.equal([s.hit({"Foo": value}).body for value in "12"], bodies, "bodies from the cache")
    s.hit({"Foo": "2", "Cache-Control": "no-cache"})


@story("RFC 9111 5.2.1.4", "no-cache with a Range validates the whole and sends the range of it")
def no_cache_with_range(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"0123456789")
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"abcdefghij")
    s.miss()
    for body in (b"234", b"cde"):
        response = s.validated({"Range": "bytes=2-4", "Cache-Control": "no-cache"})
        s.equal((response.status, response.body), (206, body), "status and body")
        s.advance(5)


@story("RFC 9111 5.2.1.4", "no-cache for a range of a stored part asks for it again")
def no_cache_of_part(s):
    def part(tag, body):
        s.answer(206, {"Cache-Control": "max-age=3600", "ETag": tag, "Content-Range": "bytes 2-5/10"}, body)
    part('"a"', b"2345")
    part('"b"', b"cdef")
    s.get({"Range": "bytes=2-5"})
    s.equal(s.forwarded({"Range": "bytes=2-5", "Cache-Control": "no-cache"}).body, b"cdef", "the new part")
    s.equal(s.hit({"Range": "bytes=3-4"}).body, b"de", "a range of the new part")


@story("RFC 9111 5.2.1.4", "no-cache is not satisfied by a stale answer that is being refreshed")
def no_cache_beside_stale_while_revalidate(s):
    s.answer(200, {"Cache-Control": "max-age=10, stale-while-revalidate=100", "ETag": '"a"'}, b"first")
    s.answer(200, {"Cache-Control": "max-age=10, stale-while-revalidate=100", "ETag": '"b"'}, b"second")
    s.miss()
    s.advance(20)
    s.equal(s.validated({"Cache-Control": "no-cache"}).body, b"second", "the body")


@story("RFC 9111 5.2.1.7", "only-if-cached beside a stored part: what is in it, 504 for anything else")
def only_if_cached_part(s):
    s.answer(206, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Content-Range": "bytes 2-5/10"}, b"2345")
    s.get({"Range": "bytes=2-5"})
    cached = {"Cache-Control": "only-if-cached"}
    s.equal(s.hit({**cached, "Range": "bytes=3-4"}).body, b"34", "the range inside it")
    for fields in ({"Range": "bytes=4-7"}, {"Range": "bytes=8-9"}, {}):
        s.equal(s.hit({**cached, **fields}).status, 504, f"status with {fields}")


@story("RFC 9111 4.3.5", "a HEAD with no-cache whose answer says no-store or private ends what is stored")
def head_no_cache_ends_stored(s):
    for number, value in enumerate(("no-store", "private, max-age=60")):
        path = f"/{s.segment}/{number}"
        s.script.replies, s.script.requests[:] = [Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"x"),
                                                  Reply(200, {"Cache-Control": value, "ETag": '"a"'}, b"x")], []
        s.miss(path=path)
        demand = {"Cache-Control": "no-cache"}
        s.forwarded({**demand, "Authorization": "Basic eA=="}, path=path, method="HEAD")
        s.hit(path=path)
        s.forwarded(demand, path=path, method="HEAD")
        s.forwarded(path=path)


@story("RFC 9111 5.2.1.7", "only-if-cached is 504 for a GET with content too")
def only_if_cached_with_content(s):
    s.answer(200, {"Cache-Control": "no-store"})
    response = s.get({"Cache-Control": "only-if-cached"}, body=b"x")
    s.equal((response.status, len(s.seen)), (504, 0), "status and requests at the origin")
