"""Stale answers: when they may be used and when never (RFC 9111 section 4.2.4, RFC 5861)."""

import random

from harness.origin import Reply
from harness.story import add, story
from harness.waiting import wait_until


def _close(connection, request):
    connection.close()
    return False


DOWN = Reply(act=_close)
FAILING = Reply(503, {"Cache-Control": "no-store"}, b"failing")

# name, Cache-Control of the stored answer, whether a stale answer may stand in for an origin that closes
CLOSING = [
    ("must_revalidate", "max-age=10, must-revalidate", False),
    ("proxy_revalidate", "max-age=10, proxy-revalidate", False),
    ("s_maxage", "s-maxage=10", False),
    ("no_cache", "max-age=10, no-cache", False),
    ("if_error", "max-age=10, stale-if-error=3600", True),
    ("if_error_zero", "max-age=10, stale-if-error=0", False),
    ("if_error_with_must_revalidate", "max-age=10, must-revalidate, stale-if-error=3600", False),
]


def _closing(value, served):
    def tell(s):
        s.answers(Reply(200, {"Cache-Control": value}), DOWN)
        first = s.miss()
        s.advance(20)
        response = s.get()
        if served:
            s.equal((response.status, response.body), (200, first.body), "status and body")
        else:
            s.check(response.status == 504 or "no-cache" in value and response.status == 502, "504", repr(response))
    return tell


for _name, _value, _served in CLOSING:
    add(f"stale/closing_{_name}", "RFC 9111 4.2.4",
        f"Cache-Control: {_value}, origin closes: stale is {'served' if _served else 'not served'}",
        _closing(_value, _served))


@story("RFC 5861 4", "stale-if-error serves stale for a 503")
def if_error_503(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-if-error=3600"}), FAILING)
    first = s.miss()
    s.advance(20)
    response = s.get()
    s.equal((response.status, response.body), (200, first.body), "status and body")


@story("RFC 5861 4", "stale-if-error holds for HEAD too")
def if_error_head(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-if-error=3600", "ETag": '"a"'}), FAILING)
    s.miss()
    s.advance(20)
    response = s.get(method="HEAD")
    s.equal((response.status, response.get("ETag")), (200, '"a"'), "status and ETag")
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 9111 5.2.2.2", "a HEAD that must be validated and cannot be is 504, as a GET is")
def head_unreachable(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, must-revalidate"}), DOWN)
    s.miss()
    s.advance(20)
    s.equal([s.get(method=method).status for method in ("GET", "HEAD")], [504, 504], "statuses")


@story("RFC 5861 4", "stale-if-error ends when its time is over")
def if_error_over(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-if-error=30"}), FAILING)
    s.miss()
    s.advance(60)
    s.equal(s.forwarded().status, 503, "status")


@story("RFC 5861 4", "stale-if-error does not hide a 404")
def if_error_404(s):
    s.answer(200, {"Cache-Control": "max-age=10, stale-if-error=3600"})
    s.answer(404, {"Cache-Control": "no-store"})
    s.miss()
    s.advance(20)
    s.equal(s.forwarded().status, 404, "status")


@story("RFC 5861 4", "a 5xx during validation under stale-if-error leaves the stored answer in place")
def if_error_keeps(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-if-error=3600", "ETag": '"a"'}), FAILING,
              Reply(304, {"ETag": '"a"'}))
    first = s.miss()
    s.advance(20)
    s.equal(s.get().body, first.body, "the body while failing")
    s.advance(60)
    s.equal(s.get().body, first.body, "the body afterwards")


@story("RFC 5861 3", "stale-while-revalidate answers at once and refreshes in the background")
def while_revalidate(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-while-revalidate=3600"}),
              Reply(200, {"Cache-Control": "max-age=3600"}, b"the new body"))
    first = s.miss()
    s.advance(20)
    s.equal(s.get().body, first.body, "the body while stale")
    s.await_origin(2)
    response = s.get()
    s.check(response.body in (first.body, b"the new body"), "old or new body", repr(response))
    wait_until(lambda: s.get().body == b"the new body", "the refreshed body")
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 5861 3", "stale-while-revalidate of a body too long for one go: the refresh begins with it all the same")
def while_revalidate_long(s):
    long = random.Random(1).randbytes(1_000_000)
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-while-revalidate=3600", "Content-Type": "image/png"},
                    long),
              Reply(200, {"Cache-Control": "max-age=3600"}, b"the new body"))
    s.miss()
    wait_until(lambda: s.get({"Cache-Control": "only-if-cached"}, method="HEAD").status == 200, "the long body stored")
    s.advance(20)
    s.check(s.get().body == long, "the long body while stale")
    s.await_origin(2)
    wait_until(lambda: s.get().body == b"the new body", "the refreshed body")
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 5861 3", "one background refresh, however many ask meanwhile")
def while_revalidate_once(s):
    import threading
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 3\r\n\r\nnew")
        return True
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-while-revalidate=3600"}), Reply(act=act))
    first = s.miss()
    s.advance(20)
    for _ in range(10):
        s.equal(s.get().body, first.body, "the body")
    s.await_origin(2)
    gate.set()
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 5861 3", "past the stale-while-revalidate window the answer is validated first")
def while_revalidate_over(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-while-revalidate=30"}),
              Reply(200, {"Cache-Control": "max-age=3600"}, b"the new body"))
    s.miss()
    s.advance(100)
    s.equal(s.forwarded().body, b"the new body", "the body")


@story("RFC 5861 3", "stale-while-revalidate yields to must-revalidate")
def while_revalidate_must(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, must-revalidate, stale-while-revalidate=3600"}),
              Reply(200, {"Cache-Control": "max-age=3600"}, b"the new body"))
    s.miss()
    s.advance(20)
    s.equal(s.forwarded().body, b"the new body", "the body")


@story("RFC 9111 5.2.1.2", "a client's max-stale never overrides must-revalidate")
def max_stale_must_revalidate(s):
    s.answer(200, {"Cache-Control": "max-age=10, must-revalidate"})
    s.miss()
    s.advance(20)
    s.forwarded({"Cache-Control": "max-stale=3600"})


@story("RFC 9111 4.2.4", "Age of a stale answer tells how old it really is")
def stale_age(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-if-error=3600"}), FAILING)
    s.miss()
    s.advance(60)
    s.check((s.get().age or 0) >= 60, "Age of at least 60")


@story("RFC 9111 4.3.3", "a 5xx that replaces a stale answer without permission to serve it reaches the client")
def failing_reaches_client(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, must-revalidate", "ETag": '"a"'}), FAILING)
    s.miss()
    s.advance(20)
    s.check(s.forwarded().status in (503, 504), "503, or 504")


@story("RFC 9111 4.3.3", "a 5xx to a validation leaves what is stored: the next request validates it again")
def failing_keeps_stored(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}), FAILING,
              Reply(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'}))
    first = s.miss()
    s.advance(20)
    s.equal(s.validated().status, 503, "status while failing")
    response = s.validated()
    s.equal((response.status, response.body), (200, first.body), "status and body afterwards")
    s.hit()


@story("RFC 9111 4.2.4", "a 5xx to a validation leaves what is stored: it serves when the origin goes away after that")
def failing_then_closing(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}), FAILING, DOWN)
    first = s.miss()
    s.advance(20)
    s.equal(s.forwarded().status, 503, "status while failing")
    response = s.get()
    s.equal((response.status, response.body), (200, first.body), "status and body while closing")


@story("RFC 5861 3", "a background refresh that gets a 5xx leaves what is stored")
def while_revalidate_failing(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10, stale-while-revalidate=3600"}), FAILING)
    first = s.miss()
    s.advance(20)
    for number in (2, 3, 4):
        # A refresh whose answer is still on its way is not begun again: asked until one more has begun.
        wait_until(lambda: s.get().body == first.body and len(s.seen) >= number, f"refresh {number}")
        s.equal(s.get().body, first.body, "the body")


@story("RFC 9111 3", "an answer that is not an error replaces what is stored, also where it may not be stored itself")
def uncacheable_replaces(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}), Reply(200, {"Cache-Control": "no-store"}),
              DOWN)
    s.miss()
    s.advance(20)
    s.validated()
    s.check(s.get().status in (502, 504), "502 or 504")


@story("RFC 9111 5.2.2.2", "an origin that reads a validation and closes is not asked twice: 504, and not stale")
def closing_is_not_asked_twice(s):
    other = Reply(200, {"Cache-Control": "no-store"}, b"to whom it may concern")
    for number, value in enumerate(("max-age=10, must-revalidate", "max-age=10, proxy-revalidate", "s-maxage=10")):
        s.script.replies, s.script.requests[:] = [Reply(200, {"Cache-Control": value, "ETag": '"a"'})], []
        path = f"/{s.segment}/{number}"
        s.miss(path=path)
        s.advance(11)
        # Connections that wait in the pools of both workers would be asked again if they were dead.
        s.script.replies.append(other)
        for _ in range(8):
            s.get(path=f"{path}/other")
        s.script.replies = [other] * 9 + [DOWN, other]
        response = s.get(path=path)
        s.equal((response.status, len(response.forwarded)), (504, 1), "status and requests at the origin")


WHILE = {"Cache-Control": "max-age=10, stale-while-revalidate=3600", "ETag": '"a"'}
RENEWED = Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"the new body")


def _refreshed_by(s, fields, method="GET", expected=b"the new body"):
    _stale_while(s)
    s.equal(s.get(fields, method=method).status, 200, "status while stale")
    s.await_origin(2)
    refresh = s.seen[1]
    s.equal(refresh.method, "GET", "method of the refresh")
    s.equal([refresh.get(name) for name in ("Cache-Control", "Pragma")], [None, None], "what one client wants")
    wait_until(lambda: s.get().body == expected, "the refreshed body")
    s.equal(s.hit({"Cache-Control": "only-if-cached"}).body, expected, "what is stored")
    s.equal(len(s.seen), 2, "requests at the origin")


@story("RFC 5861 3", "a HEAD in the stale-while-revalidate window refreshes what is stored by a GET")
def refreshed_by_head(s):
    _refreshed_by(s, {}, method="HEAD")


@story("RFC 5861 3", "a background refresh is the cache's own: it takes over neither no-store nor only-if-cached")
def refreshed_by_no_store(s):
    _refreshed_by(s, {"Cache-Control": "no-store"})


@story("RFC 9111 5.2.1.7", "only-if-cached in the stale-while-revalidate window is not passed on by the refresh")
def refreshed_by_only_if_cached(s):
    _refreshed_by(s, {"Cache-Control": "only-if-cached"})


def _stale_while(s):
    s.answers(Reply(200, WHILE, b"the old body"), RENEWED)
    s.miss()
    s.advance(20)


@story("RFC 9111 5.2.1.1", "a request with max-age and no max-stale gets nothing stale, stale-while-revalidate or not")
def while_revalidate_max_age(s):
    _stale_while(s)
    s.equal(s.validated({"Cache-Control": "max-age=100"}).body, b"the new body", "the body")


@story("RFC 9111 5.2.1.2", "a request with max-stale gets nothing staler than that, stale-while-revalidate or not")
def while_revalidate_max_stale(s):
    _stale_while(s)
    s.equal(s.hit({"Cache-Control": "max-stale=100"}).body, b"the old body", "the body within max-stale")
    s.equal(s.validated({"Cache-Control": "max-stale=3"}).body, b"the new body", "the body beyond it")


def _kept_after(status):
    def tell(s):
        s.answers(Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"the old body"),
                  Reply(status, {}, b"not now"))
        s.miss()
        s.equal(s.get({"Cache-Control": "max-age=0"}).status, status, "status of the reload")
        s.equal(s.hit().body, b"the old body", "what is stored")
    return tell


for _status in (408, 421, 429):
    add(f"stale/kept_after_{_status}", "RFC 9111 4.3.3", f"a {_status} to one client's reload leaves what is stored",
        _kept_after(_status))
