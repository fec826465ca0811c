"""Answers that are a part: stored, used, joined and completed (RFC 9111 sections 3.3 and 3.4)."""

from harness.origin import Reply
from harness.story import story

BODY = b"0123456789abcdefghijklmnopqrstuvwxyz"
SIZE = len(BODY)


def _partial(first, last, size=SIZE, **fields):
    return {"Cache-Control": "max-age=3600", "ETag": '"a"', "Content-Range": f"bytes {first}-{last}/{size}", **fields}


@story("RFC 9111 3.3", "a 206 never answers a request without Range")
def partial_is_not_whole(s):
    s.answer(206, _partial(0, 9), BODY[:10])
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, BODY)
    s.get({"Range": "bytes=0-9"})
    response = s.get()
    s.equal((response.status, response.body), (200, BODY), "status and body")


@story("RFC 9111 3.3", "a stored 206 answers a range inside it")
def range_inside_stored_partial(s):
    s.answer(206, _partial(4, 19), BODY[4:20])
    s.get({"Range": "bytes=4-19"})
    response = s.hit({"Range": "bytes=8-11"})
    s.equal((response.status, response.get("Content-Range"), response.body),
            (206, f"bytes 8-11/{SIZE}", BODY[8:12]), "status, Content-Range and body")


@story("RFC 9111 3.3", "a stored 206 does not answer a range outside it")
def range_outside_stored_partial(s):
    s.answer(206, _partial(4, 19), BODY[4:20])
    s.answer(206, _partial(20, 29), BODY[20:30])
    s.get({"Range": "bytes=4-19"})
    response = s.forwarded({"Range": "bytes=20-29"})
    s.equal((response.status, response.body), (206, BODY[20:30]), "status and body")


@story("RFC 9111 3.4", "two 206 under one strong ETag are combined")
def partials_combined(s):
    s.answer(206, _partial(0, 19), BODY[:20])
    s.answer(206, _partial(20, 35), BODY[20:])
    s.get({"Range": "bytes=0-19"})
    s.get({"Range": "bytes=20-35"})
    response = s.hit({"Range": "bytes=10-29"})
    s.equal((response.status, response.body), (206, BODY[10:30]), "status and body")
    whole = s.hit()
    s.equal((whole.status, whole.body, whole.get("Content-Range")), (200, BODY, None), "the whole")


@story("RFC 9111 3.4", "a 206 in front of the stored one, and one that overlaps it, are combined as well")
def partials_combined_in_front(s):
    s.answer(206, _partial(10, 19), BODY[10:20])
    s.answer(206, _partial(4, 9), BODY[4:10])
    s.answer(206, _partial(15, 29), BODY[15:30])
    s.get({"Range": "bytes=10-19"})
    response = s.get({"Range": "bytes=4-9"})
    s.equal((response.status, response.body), (206, BODY[4:10]), "the range in front")
    response = s.get({"Range": "bytes=15-29"})
    s.equal((response.status, response.get("Content-Range"), response.body),
            (206, f"bytes 15-29/{SIZE}", BODY[15:30]), "the overlapping range")
    response = s.hit({"Range": "bytes=4-29"})
    s.equal((response.status, response.body), (206, BODY[4:30]), "what is held")


@story("RFC 9111 3.4", "206 that do not touch are kept side by side, and what is between them is asked for alone")
def partials_apart(s):
    for first, last in ((20, 29), (2, 7), (10, 11)):
        s.answer(206, _partial(first, last), BODY[first:last + 1])
    s.answer(206, _partial(8, 9), BODY[8:10])
    s.answer(206, _partial(12, 19), BODY[12:20])
    for first, last in ((20, 29), (2, 7), (10, 11)):
        response = s.forwarded({"Range": f"bytes={first}-{last}"})
        s.equal((response.status, response.body), (206, BODY[first:last + 1]), "status and body")
    for first, last in ((22, 29), (2, 7), (3, 3), (10, 11), (20, 20)):
        response = s.hit({"Range": f"bytes={first}-{last}"})
        s.equal((response.status, response.get("Content-Range"), response.body),
                (206, f"bytes {first}-{last}/{SIZE}", BODY[first:last + 1]), "status, Content-Range and body")
    response = s.forwarded({"Range": "bytes=3-11"})
    s.equal((response.forwarded[0].get("Range"), response.body), ("bytes=8-9", BODY[3:12]), "Range and body")
    response = s.forwarded({"Range": "bytes=10-25"})
    s.equal((response.forwarded[0].get("Range"), response.body), ("bytes=12-19", BODY[10:26]), "Range and body")
    s.equal(s.hit({"Range": "bytes=2-29"}).body, BODY[2:30], "what is held")


@story("RFC 9110 15.5.17", "a 416 that may be stored is no answer to a request without Range")
def unsatisfiable_not_stored(s):
    size = 100 << 20
    s.answer(206, _partial(0, 9, size), BODY[:10])
    s.answer(416, {"Cache-Control": "max-age=3600", "Content-Range": "bytes */5"})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, BODY)
    s.get({"Range": "bytes=0-9"})
    s.equal(s.forwarded({"Range": "bytes=1000-1009"}).status, 416, "status")
    response = s.get()
    s.equal((response.status, response.body), (200, BODY), "status and body")


@story("RFC 9111 3.4", "an origin that sends less than the rest it was asked for is asked for the whole")
def rest_too_short(s):
    s.answer(206, _partial(0, 19), BODY[:20])
    s.answer(206, _partial(20, 24), BODY[20:25])
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, BODY)
    s.get({"Range": "bytes=0-19"})
    response = s.get()
    s.equal((response.status, response.body), (200, BODY), "status and body")


@story("RFC 9111 3.4", "206 under the same weak ETag are not combined")
def weak_partials_not_combined(s):
    s.answer(206, {**_partial(0, 19), "ETag": 'W/"a"'}, BODY[:20])
    s.answer(206, {**_partial(20, 35), "ETag": 'W/"a"'}, BODY[20:])
    s.get({"Range": "bytes=0-19"})
    s.get({"Range": "bytes=20-35"})
    s.forwarded({"Range": "bytes=10-29"})


@story("RFC 9111 3.4", "206 under one old Last-Modified and no ETag are combined")
def partials_combined_by_date(s):
    date = s.date(-86400)
    for first, last in ((0, 19), (20, 35)):
        s.answer(206, {"Cache-Control": "max-age=3600", "Last-Modified": date,
                       "Content-Range": f"bytes {first}-{last}/{SIZE}"}, BODY[first:last + 1])
    s.get({"Range": "bytes=0-19"})
    s.get({"Range": "bytes=20-35"})
    s.equal(s.hit().body, BODY, "the whole")


@story("RFC 9111 3.4", "the fields of a newer 206 replace those of the stored one")
def combined_fields(s):
    s.answer(206, {**_partial(0, 19), "X-Field": "first", "X-Old": "1"}, BODY[:20])
    s.answer(206, {**_partial(20, 35), "X-Field": "second"}, BODY[20:])
    s.get({"Range": "bytes=0-19"})
    s.get({"Range": "bytes=20-35"})
    response = s.hit()
    s.equal((response.get("X-Field"), response.get("X-Old")), ("second", "1"), "the fields")


def _honest(s, tag='"a"'):
    """An origin that answers Range and If-Range as it should."""
    def act(connection, request):
        asked = request.get("Range")
        body = BODY
        status = "200 OK"
        if asked and request.get("If-Range") in (None, tag):
            first, last = asked.partition("=")[2].split("-")
            first, last = int(first), int(last) if last else SIZE - 1
            body = BODY[first:last + 1]
            status = f"206 Partial Content\r\nContent-Range: bytes {first}-{last}/{SIZE}"
        head = f"HTTP/1.1 {status}\r\nETag: {tag}\r\nCache-Control: max-age=3600\r\n"
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True
    s.answers(Reply(act=act))


@story("RFC 9111 3.4", "a stored beginning is completed by asking for the rest alone, under If-Range")
def completed_by_rest(s):
    s.answer(206, _partial(0, 19), BODY[:20])
    _honest(s)
    s.get({"Range": "bytes=0-19"})
    response = s.get()
    s.equal((response.status, response.body), (200, BODY), "status and body")
    request = response.forwarded[0]
    s.equal((request.get("Range"), request.get("If-Range")), ("bytes=20-35", '"a"'), "Range and If-Range")
    s.equal(s.hit().body, BODY, "the body from the cache")


@story("RFC 9111 3.4", "a range that overlaps the stored one is completed likewise")
def range_completed_by_rest(s):
    s.answer(206, _partial(10, 19), BODY[10:20])
    _honest(s)
    s.get({"Range": "bytes=10-19"})
    response = s.get({"Range": "bytes=15-24"})
    s.equal((response.status, response.body), (206, BODY[15:25]), "status and body")
    s.equal(response.forwarded[0].get("Range"), "bytes=20-24", "Range")
    response = s.get({"Range": "bytes=5-12"})
    s.equal((response.status, response.body), (206, BODY[5:13]), "status and body in front")
    s.equal(s.hit({"Range": "bytes=5-24"}).body, BODY[5:25], "what is held")


@story("RFC 9111 3.4", "the rest of another version is a 200 by If-Range, and replaces the part")
def rest_of_other_version(s):
    s.answer(206, {**_partial(0, 19), "ETag": '"old"'}, b"O" * 20)
    _honest(s, '"new"')
    s.get({"Range": "bytes=0-19"})
    response = s.get()
    s.equal((response.status, response.body, response.get("ETag")), (200, BODY, '"new"'), "the new version")
    s.equal(s.hit().body, BODY, "the body from the cache")


@story("RFC 9111 3.4", "an origin that sends a 206 of another version in spite of If-Range is asked for the whole")
def rest_with_other_etag(s):
    s.answer(206, _partial(0, 19), b"O" * 20)
    s.answer(206, {**_partial(20, 35), "ETag": '"b"'}, BODY[20:])
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, BODY)
    s.get({"Range": "bytes=0-19"})
    response = s.get()
    s.equal((response.status, response.body), (200, BODY), "status and body")


@story("RFC 9112 8", "a chunked 206 is stored if it is as long as it says, and never if it is not")
def chunked_partial(s):
    s.answer(206, _partial(4, 19), BODY[4:20], framing="chunked")
    s.get({"Range": "bytes=4-19"})
    s.equal(s.hit({"Range": "bytes=8-11"}).body, BODY[8:12], "a range inside it")


@story("RFC 9112 8", "a chunked 206 that is shorter than its Content-Range is 502 or cut, and not stored")
def short_chunked_partial(s):
    s.answer(206, _partial(4, 19), BODY[4:15], framing="chunked")
    s.answer(206, _partial(4, 19), BODY[4:20])
    with s.node.connect() as client:
        client.request("GET", s.path, {"Range": "bytes=4-19"})
        response = client.read_response()
    s.check(response.status == 502 or not response.complete, "502 or a visible cut", repr(response))
    s.forwarded({"Range": "bytes=4-19"})


@story("RFC 9111 3.4", "206 under different ETags are never combined")
def partials_of_different_versions(s):
    s.answer(206, _partial(0, 19), b"A" * 20)
    s.answer(206, {**_partial(20, 35), "ETag": '"b"'}, b"B" * 16)
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"B" * 36)
    s.get({"Range": "bytes=0-19"})
    s.get({"Range": "bytes=20-35"})
    response = s.get()
    s.equal((response.status, response.body), (200, b"B" * 36), "status and body")


@story("RFC 9111 3.3", "a 206 that was not asked for is not passed to a client without Range as a whole answer")
def unasked_206(s):
    s.answer(206, _partial(0, 9), BODY[:10])
    s.check(s.get().status in (206, 502), "206 as it came or 502")


@story("RFC 9110 14.4", "a 206 of unknown length is passed on and not stored")
def partial_of_unknown_length(s):
    s.answer(206, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Content-Range": "bytes 0-9/*"}, BODY[:10])
    for _ in range(2):
        response = s.forwarded({"Range": "bytes=0-9"})
        s.equal((response.status, response.get("Content-Range"), response.body), (206, "bytes 0-9/*", BODY[:10]),
                "the answer")


@story("RFC 9110 14.6", "a multipart/byteranges of the origin's is passed on and not stored")
def origin_multipart(s):
    kind = "multipart/byteranges; boundary=x"
    body = b"--x\r\nContent-Range: bytes 0-1/36\r\n\r\n01\r\n--x--\r\n"
    s.answer(206, {"Cache-Control": "max-age=3600", "Content-Type": kind}, body)
    for _ in range(2):
        response = s.forwarded({"Range": "bytes=0-1,4-5"})
        s.equal((response.status, response.get("Content-Type"), response.body), (206, kind, body), "the answer")


@story("RFC 9111 3.3", "a 206 without a validator is stored, and answers ranges inside it")
def partial_without_validator(s):
    s.answer(206, {"Cache-Control": "max-age=3600", "Content-Range": "bytes 4-19/36"}, BODY[4:20])
    s.get({"Range": "bytes=4-19"})
    for asked, part in (("bytes=4-19", BODY[4:20]), ("bytes=6-8", BODY[6:9]), ("bytes=19-19", BODY[19:20])):
        response = s.hit({"Range": asked})
        s.equal((response.status, response.body), (206, part), f"status and body of {asked}")


@story("RFC 9111 3.3", "a 206 of the end of an object answers open and suffix ranges")
def partial_end(s):
    s.answer(206, _partial(26, 35), BODY[26:])
    s.get({"Range": "bytes=-10"})
    for asked, part in (("bytes=-10", BODY[26:]), ("bytes=-3", BODY[33:]), ("bytes=30-", BODY[30:])):
        response = s.hit({"Range": asked})
        s.equal((response.status, response.body), (206, part), f"status and body of {asked}")
    s.forwarded({"Range": "bytes=-11"})


@story("RFC 9111 3.3", "a 206 that holds all of the object is stored as the whole")
def partial_that_is_whole(s):
    s.answer(206, _partial(0, SIZE - 1), BODY)
    s.get({"Range": "bytes=0-"})
    response = s.hit()
    s.equal((response.status, response.body, response.get("Content-Range")), (200, BODY, None), "the whole")


@story("RFC 9111 3.3", "an expired 206 is not used, and one with no-store is not stored")
def partial_expired(s):
    s.answer(206, {**_partial(0, 9), "Cache-Control": "max-age=10"}, BODY[:10])
    s.get({"Range": "bytes=0-9"})
    s.hit({"Range": "bytes=0-9"})
    s.advance(11)
    s.forwarded({"Range": "bytes=0-9"})
    s.script.replies = [Reply(206, {**_partial(0, 9), "Cache-Control": "no-store"}, BODY[:10])]
    other = {"path": f"/{s.segment}/other"}
    s.forwarded({"Range": "bytes=0-9"}, **other)
    s.forwarded({"Range": "bytes=0-9"}, **other)


@story("RFC 9110 15.5.17", "a 416 of the origin's is passed on")
def origin_416(s):
    s.answer(416, {"Cache-Control": "no-store", "Content-Range": "bytes */36"}, b"no")
    response = s.forwarded({"Range": "bytes=50-"})
    s.equal((response.status, response.get("Content-Range")), (416, "bytes */36"), "status and Content-Range")


@story("RFC 9111 3.4", "a stored whole answer is not replaced by a 206 of the same version")
def whole_not_replaced(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, BODY)
    s.answer(206, _partial(0, 9), BODY[:10])
    s.miss()
    s.equal(s.hit({"Range": "bytes=0-9"}).body, BODY[:10], "the range")
    s.equal(s.hit().body, BODY, "the whole")


@story("RFC 9111 3.3", "multiple ranges inside a stored part go to the origin")
def several_in_part(s):
    s.answer(206, _partial(0, 19), BODY[:20])
    s.answer(200, {"Cache-Control": "no-store"}, BODY)
    s.get({"Range": "bytes=0-19"})
    response = s.get({"Range": "bytes=0-1,4-5"})
    s.equal((response.status, response.forwarded[-1].get("Range")), (200, "bytes=0-1,4-5"), "status and Range")


@story("RFC 9110 14.2", "a range of what may not be stored: asked for as such, first behind the whole, then at once")
def range_of_uncacheable(s):
    def act(connection, request):
        first, last = 0, SIZE - 1
        place = ""
        if request.get("Range"):
            first, last = map(int, request.get("Range").removeprefix("bytes=").split("-"))
            place = f"Content-Range: bytes {first}-{last}/{SIZE}\r\n"
        connection.send(f"HTTP/1.1 {206 if place else 200} OK\r\nCache-Control: no-store\r\n{place}"
                        f"Content-Length: {last + 1 - first}\r\n\r\n".encode() + BODY[first:last + 1])
        return True
    s.answer(act=act)
    for number, (first, last) in enumerate(((4, 9), (10, 19), (0, SIZE - 1), (SIZE - 1, SIZE - 1))):
        response = s.get({"Range": f"bytes={first}-{last}"})
        s.equal((response.status, response.body), (206, BODY[first:last + 1]), "status and body")
        s.equal(len(response.forwarded), 2 if number == 0 else 1, f"requests for range {number}")
    s.equal((s.get().status, s.get().body), (200, BODY), "the whole")


@story("RFC 9110 14.2", "a range beside a stored part that may not be joined with it: the client gets its own")
def rest_that_may_not_be_stored(s):
    def act(connection, request):
        first, last = map(int, request.get("Range").removeprefix("bytes=").split("-"))
        connection.send(
            f"HTTP/1.1 206 OK\r\nCache-Control: no-store\r\nETag: \"a\"\r\nContent-Length: {last + 1 - first}\r\n"
            f"Content-Range: bytes {first}-{last}/{SIZE}\r\n\r\n".encode() + BODY[first:last + 1])
        return True
    s.answers(Reply(206, _partial(0, 19), BODY[:20]), Reply(act=act))
    s.get({"Range": "bytes=0-19"})
    response = s.get({"Range": "bytes=10-29"})
    s.equal((response.status, response.get("Content-Range"), response.body),
            (206, f"bytes 10-29/{SIZE}", BODY[10:30]), "status, Content-Range and body")


@story("RFC 9110 14.2", "a range of an object over the set size is fetched by itself, and so is the next one")
def range_of_huge_object(s):
    size = 1 << 30

    def act(connection, request):
        asked = request.get("Range")
        if asked is None:
            connection.send(f'HTTP/1.1 200 OK\r\nETag: "a"\r\nCache-Control: max-age=3600\r\n'
                            f"Content-Length: {size}\r\n\r\n".encode() + b"x" * 100)
            return True
        first, last = (int(number) for number in asked.partition("=")[2].split("-"))
        connection.send(f'HTTP/1.1 206 Partial Content\r\nETag: "a"\r\nCache-Control: max-age=3600\r\n'
                        f"Content-Range: bytes {first}-{last}/{size}\r\nContent-Length: {last - first + 1}\r\n\r\n"
                        .encode() + bytes(number % 251 for number in range(first, last + 1)))
        return True
    s.answers(Reply(act=act))
    for first, last, asked in ((1000, 1999, [None, "bytes=1000-1999"]), (1500, 1600, []),
                               (9000, 9009, ["bytes=9000-9009"]), (9005, 9014, ["bytes=9010-9014"]),
                               (9000, 9014, [])):
        response = s.get({"Range": f"bytes={first}-{last}"})
        s.equal((response.status, response.get("Content-Range")), (206, f"bytes {first}-{last}/{size}"), "the answer")
        s.check(response.body == bytes(number % 251 for number in range(first, last + 1)), "the bytes")
        s.equal([request.get("Range") for request in response.forwarded], asked, "ranges at the origin")


@story("RFC 9111 4.3.5", "HEAD with the validator and length of a stored part leaves it; with others it drops it")
def head_beside_a_part(s):
    whole = {"Cache-Control": "max-age=3600", "ETag": '"a"'}
    s.answers(Reply(206, _partial(0, 4), BODY[:5]), Reply(200, whole, BODY),
              Reply(200, {**whole, "ETag": '"b"'}, BODY), Reply(206, _partial(0, 1, ETag='"b"'), BODY[:2]))
    s.forwarded({"Range": "bytes=0-4"})
    s.forwarded(method="HEAD")
    s.equal(s.hit({"Range": "bytes=0-1"}).body, b"01", "bytes of the part")
    s.forwarded(method="HEAD")
    s.forwarded({"Range": "bytes=0-1"})
