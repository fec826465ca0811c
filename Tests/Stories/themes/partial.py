"""Ranges and partial answers (RFC 9110 section 14, RFC 9111 sections 3.3 and 3.4)."""

from harness.story import add, story

BODY = b"0123456789abcdefghijklmnopqrstuvwxyz"
SIZE = len(BODY)

# name, Range, the part it selects or None for 416 or "whole"
SINGLE = [
    ("first_ten", "bytes=0-9", (0, 9)),
    ("middle", "bytes=10-19", (10, 19)),
    ("open_end", "bytes=30-", (30, SIZE - 1)),
    ("suffix", "bytes=-5", (SIZE - 5, SIZE - 1)),
    ("suffix_longer_than_body", "bytes=-500", (0, SIZE - 1)),
    ("end_beyond_body", "bytes=30-500", (30, SIZE - 1)),
    ("one_byte", "bytes=7-7", (7, 7)),
    ("unit_case", "Bytes=0-9", (0, 9)),
    ("start_beyond_body", "bytes=36-40", None),
    ("suffix_zero", "bytes=-0", None),
    ("huge_numbers", "bytes=99999999999999999999-", None),
    ("backwards", "bytes=9-2", "whole"),
    ("no_numbers", "bytes=-", "whole"),
    ("letters", "bytes=a-b", "whole"),
    ("unknown_unit", "items=0-9", "whole"),
    ("missing_equals", "bytes 0-9", "whole"),
    ("empty", "bytes=", "whole"),
]


def _stored(s, **fields):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Accept-Ranges": "bytes", **fields}, BODY)
    s.miss()


def _single(asked, part):
    def tell(s):
        _stored(s)
        response = s.hit({"Range": asked})
        if part == "whole":
            s.check(response.status in (200, 416), "200 or 416 for a Range that is not one", response.status)
            if response.status == 200:
                s.equal(response.body, BODY, "the body")
        elif part is None:
            s.equal((response.status, response.get("Content-Range")), (416, f"bytes */{SIZE}"), "the answer")
        else:
            first, last = part
            s.equal((response.status, response.get("Content-Range"), response.body),
                    (206, f"bytes {first}-{last}/{SIZE}", BODY[first:last + 1]), "status, Content-Range and body")
            s.equal(response.get("ETag"), '"a"', "ETag")
    return tell


for _name, _asked, _part in SINGLE:
    add(f"partial/{_name}", "RFC 9110 14.2", f"Range: {_asked} from a stored whole answer", _single(_asked, _part))


def _parts(response):
    """The parts of a multipart/byteranges body as (Content-Range, bytes)."""
    boundary = response.get("Content-Type").partition("boundary=")[2].strip('"').encode()
    found = []
    for piece in response.body.split(b"--" + boundary)[1:-1]:
        head, _, data = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        found.append(({name.lower(): value for name, value in lines.items()}[b"content-range"].decode(), data[:-2]))
    return found


@story("RFC 9110 14.6", "several ranges come as multipart/byteranges from a stored answer")
def several(s):
    _stored(s)
    response = s.hit({"Range": "bytes=0-4, 10-14, -3"})
    s.equal(response.status, 206, "status")
    kind = response.get("Content-Type", "")
    s.check(kind.startswith("multipart/byteranges"), "multipart", kind)
    s.equal(_parts(response), [("bytes 0-4/36", b"01234"), ("bytes 10-14/36", b"abcde"), ("bytes 33-35/36", b"xyz")],
            "the parts")


@story("RFC 9110 14.2", "of several ranges those that cannot be satisfied are left out")
def several_one_unsatisfiable(s):
    _stored(s)
    response = s.hit({"Range": "bytes=0-4,100-200"})
    s.equal(response.status, 206, "status")
    if response.get("Content-Type", "").startswith("multipart/"):
        s.equal(_parts(response), [("bytes 0-4/36", b"01234")], "the parts")
    else:
        s.equal(response.body, b"01234", "the body")


@story("RFC 9110 14.2", "many overlapping ranges do not make the answer larger than a few times the body")
def overlapping(s):
    _stored(s)
    response = s.hit({"Range": "bytes=" + ",".join(["0-"] * 200)})
    s.check(response.status in (200, 206, 416), "200, 206 or 416", response.status)
    s.check(len(response.body) < 4096, "a bounded body", len(response.body))


@story("RFC 9110 13.1.5", "If-Range with the stored strong ETag gives the range")
def if_range_matches(s):
    _stored(s)
    s.equal(s.hit({"Range": "bytes=0-4", "If-Range": '"a"'}).status, 206, "status")


@story("RFC 9110 13.1.5", "If-Range with another ETag gives the whole")
def if_range_differs(s):
    _stored(s)
    response = s.hit({"Range": "bytes=0-4", "If-Range": '"b"'})
    s.equal((response.status, response.body), (200, BODY), "status and body")


@story("RFC 9110 13.1.5", "If-Range with a weak ETag never matches")
def if_range_weak(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": 'W/"a"'}, BODY)
    s.miss()
    s.equal(s.hit({"Range": "bytes=0-4", "If-Range": 'W/"a"'}).status, 200, "status")


@story("RFC 9110 13.1.5", "If-Range with the stored Last-Modified, old enough to be strong, gives the range")
def if_range_date(s):
    date = s.date(-86400)
    s.answer(200, {"Cache-Control": "max-age=3600", "Last-Modified": date}, BODY)
    s.miss()
    s.equal(s.hit({"Range": "bytes=0-4", "If-Range": date}).status, 206, "status")
    s.equal(s.hit({"Range": "bytes=0-4", "If-Range": s.date(-90000)}).status, 200, "status for another date")


@story("RFC 9110 13.2.2", "a condition is tried before the range: 304")
def condition_before_range(s):
    _stored(s)
    s.equal(s.hit({"Range": "bytes=0-4", "If-None-Match": '"a"'}).status, 304, "status")


@story("RFC 9110 14.2", "Range on HEAD is ignored")
def head_with_range(s):
    _stored(s)
    response = s.hit({"Range": "bytes=0-4"}, method="HEAD")
    s.equal((response.status, response.get("Content-Length")), (200, str(SIZE)), "status and length")


@story("RFC 9110 14.2", "Range on a stored 404 is ignored")
def range_on_404(s):
    s.answer(404, {"Cache-Control": "max-age=3600"}, BODY)
    s.miss()
    response = s.hit({"Range": "bytes=0-4"})
    s.equal((response.status, response.body), (404, BODY), "status and body")


@story("RFC 9111 3.3", "a range that misses: the client gets its range, and the next one comes from the cache")
def range_miss(s):
    def act(connection, request):
        asked = request.get("Range")
        head = "HTTP/1.1 200 OK\r\n"
        body = BODY
        if asked:
            first, last = (int(number) for number in asked.partition("=")[2].split("-"))
            body = BODY[first:last + 1]
            head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{SIZE}\r\n"
        head += f'ETag: "a"\r\nCache-Control: max-age=3600\r\nContent-Length: {len(body)}\r\n\r\n'
        connection.send(head.encode() + body)
        return True
    s.answer(act=act)
    response = s.get({"Range": "bytes=5-9"})
    s.equal((response.status, response.body), (206, BODY[5:10]), "status and body")
    response = s.hit({"Range": "bytes=5-9"})
    s.equal((response.status, response.body), (206, BODY[5:10]), "status and body from the cache")


@story("RFC 9110 15.3.7", "a 206 from the cache has the fields of the stored answer")
def fields_of_206(s):
    _stored(s, **{"X-Field": "1", "Content-Type": "text/css", "Vary": "X-V"})
    response = s.hit({"Range": "bytes=0-4"})
    s.equal((response.get("X-Field"), response.get("Content-Type"), response.get("Vary")), ("1", "text/css", "X-V"),
            "the fields")
    s.equal(response.get("Content-Length"), "5", "Content-Length")


@story("RFC 9110 14.2", "a range of a large stored body, deep inside it")
def deep_range(s):
    import random
    body = random.Random(11).randbytes(2_000_000)
    text = b"".join(b"line %08d\n" % number for number in range(200_000))
    s.answer(200, {"Cache-Control": "max-age=3600"}, body)
    s.get()
    for first, last in ((0, 0), (65535, 65536), (999_999, 1_500_000), (1_999_999, 1_999_999)):
        s.equal(s.hit({"Range": f"bytes={first}-{last}"}).body == body[first:last + 1], True, f"bytes {first}-{last}")
    other = f"/{s.segment}/other"
    s.script.replies.append(s.script.replies[0].__class__(200, {"Cache-Control": "max-age=3600"}, text))
    s.get(path=other)
    for first, last in ((0, 99), (65530, 65600), (1_200_000, 1_300_000), (2_799_999, 2_799_999)):
        s.equal(s.hit({"Range": f"bytes={first}-{last}"}, path=other).body == text[first:last + 1], True,
                f"bytes {first}-{last} of text")


@story("RFC 9110 13.1.5", "Connection cannot take If-Range away from its Range")
def if_range_named_by_connection(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"0123456789")
    s.miss()
    response = s.hit({"Range": "bytes=0-1", "If-Range": '"b"', "Connection": "If-Range"})
    s.equal((response.status, response.body), (200, b"0123456789"), "status and body")
