"""Conditional requests: answered from the cache, and made towards the origin (RFC 9110 section 13, RFC 9111 4.3)."""

from harness.story import add, story

LAST_MODIFIED = "Mon, 02 Jan 2023 10:00:00 GMT"

# name, stored ETag, If-None-Match, answered 304
ETAGS = [
    ("strong_same", '"abc"', '"abc"', True),
    ("strong_other", '"abc"', '"abd"', False),
    ("weak_stored", 'W/"abc"', 'W/"abc"', True),
    ("weak_request_strong_stored", '"abc"', 'W/"abc"', True),
    ("weak_stored_strong_request", 'W/"abc"', '"abc"', True),
    ("star", '"abc"', "*", True),
    ("list_first", '"abc"', '"abc", "def"', True),
    ("list_second", '"def"', '"abc", "def", "ghi"', True),
    ("list_last", '"ghi"', '"abc","def","ghi"', True),
    ("list_none", '"xyz"', '"abc", "def"', False),
    ("comma_inside", '"a,b"', '"x", "a,b"', True),
    ("comma_inside_is_no_list", '"a"', '"a,b"', False),
    ("case_differs", '"abc"', '"ABC"', False),
    ("empty_tag", '""', '""', True),
    ("obs_text", '"caf\xe9"', '"caf\xe9"', True),
    ("odd_spacing", '"abc"', ' "x" ,,  "abc" ', True),
    ("weak_list", 'W/"b"', '"a", W/"b", "c"', True),
    ("lower_case_weak_is_no_tag", '"abc"', 'w/"abc"', False),
    ("weak_without_slash_is_no_tag", '"abc"', 'W"abc"', False),
    ("unquoted_is_no_tag", '"abc"', "abc", False),
    ("backslash_is_a_character", '"a\\"', '"a\\"', True),
    ("star_in_quotes_is_a_tag", '"abc"', '"*"', False),
    ("star_in_list_is_malformed", '"abc"', '"x", *', False),
    ("half_open_quotes", '"abc"', '"abc', False),
    ("malformed_alike", '"a b"', '"a b"', True),
]


def _etag(stored, asked, match):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600", "ETag": stored, "X-Field": "1"})
        first = s.miss()
        response = s.hit({"If-None-Match": asked})
        s.equal(response.status, 304 if match else 200, "status")
        s.equal(response.get("ETag"), stored, "ETag")
        if not match:
            s.equal(response.body, first.body, "the body")
    return tell


for _name, _stored, _asked, _match in ETAGS:
    add(f"conditional/etag_{_name}", "RFC 9110 13.1.2",
        f"If-None-Match: {_asked} against {_stored} from the cache is {304 if _match else 200}",
        _etag(_stored, _asked, _match))

# name, If-Modified-Since, answered 304
DATES = [
    ("same", "Mon, 02 Jan 2023 10:00:00 GMT", True),
    ("later", "Tue, 03 Jan 2023 10:00:00 GMT", True),
    ("earlier", "Sun, 01 Jan 2023 10:00:00 GMT", False),
    ("rfc850", "Monday, 02-Jan-23 10:00:00 GMT", True),
    ("asctime", "Mon Jan  2 10:00:00 2023", True),
    ("invalid", "last Monday", False),
    ("empty", "", False),
    ("zero", "0", False),
    ("far_future", "Sat, 19 Nov 2286 17:46:39 GMT", True),
    ("one_second_earlier", "Mon, 02 Jan 2023 09:59:59 GMT", False),
    ("lower_case", "mon, 02 jan 2023 10:00:00 gmt", True),
    ("other_zone", "Mon, 02 Jan 2023 10:00:00 CET", False),
]


def _date(asked, match):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600", "Last-Modified": LAST_MODIFIED})
        s.miss()
        s.equal(s.hit({"If-Modified-Since": asked}).status, 304 if match else 200, "status")
    return tell


for _name, _asked, _match in DATES:
    add(f"conditional/modified_since_{_name}", "RFC 9110 13.1.3",
        f"If-Modified-Since: {_asked} from the cache is {304 if _match else 200}", _date(_asked, _match))


@story("RFC 9110 13.2.2", "If-None-Match goes before If-Modified-Since: no match, though unmodified, is 200")
def none_match_first(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Last-Modified": LAST_MODIFIED})
    s.miss()
    s.equal(s.hit({"If-None-Match": '"b"', "If-Modified-Since": LAST_MODIFIED}).status, 200, "status")


@story("RFC 9110 13.2.2", "If-None-Match goes before If-Modified-Since: a match, though modified, is 304")
def none_match_first_matching(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Last-Modified": LAST_MODIFIED})
    s.miss()
    fields = {"If-None-Match": '"a"', "If-Modified-Since": "Sun, 01 Jan 2023 10:00:00 GMT"}
    s.equal(s.hit(fields).status, 304, "status")


@story("RFC 9111 4.3.2", "If-Modified-Since without a stored Last-Modified is compared with the stored Date")
def modified_since_against_date(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Date": s.date(-60)})
    s.miss()
    s.equal(s.hit({"If-Modified-Since": s.date(-10)}).status, 304, "status")


@story("RFC 9110 15.4.5", "a 304 has Cache-Control, Content-Location, Date, ETag, Expires, Vary as the 200 would")
def fields_of_304(s):
    fields = {"Cache-Control": "max-age=3600", "Content-Location": "/x", "ETag": '"a"', "Vary": "X-V",
              "Expires": s.date(3600)}
    s.answer(200, fields)
    s.miss()
    response = s.hit({"If-None-Match": '"a"'})
    for name, value in fields.items():
        s.equal(response.get(name), value, name)
    s.check(response.get("Date"), "Date", None)
    s.check(response.get("Content-Length") in (None, "0") or response.body == b"", "no body", repr(response))


@story("RFC 9110 13.1.2", "HEAD with a matching If-None-Match is 304 as well")
def head_conditional(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.miss()
    s.equal(s.hit({"If-None-Match": '"a"'}, method="HEAD").status, 304, "status")


@story("RFC 9111 4.3.1", "the node validates with the stored ETag")
def validates_with_etag(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"abc"'})
    s.answer(304, {"ETag": '"abc"'})
    s.miss()
    s.advance(11)
    s.equal(s.validated().forwarded[0].get("If-None-Match"), '"abc"', "If-None-Match")


@story("RFC 9111 4.3.1", "a weak ETag is sent as it was, with its W/")
def validates_with_weak_etag(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": 'W/"abc"'})
    s.answer(304, {"ETag": 'W/"abc"'})
    s.miss()
    s.advance(11)
    s.equal(s.validated().forwarded[0].get("If-None-Match"), 'W/"abc"', "If-None-Match")


@story("RFC 9111 4.3.1", "the node validates with the stored Last-Modified")
def validates_with_last_modified(s):
    s.answer(200, {"Cache-Control": "max-age=10", "Last-Modified": LAST_MODIFIED})
    s.answer(304)
    s.miss()
    s.advance(11)
    s.equal(s.validated().forwarded[0].get("If-Modified-Since"), LAST_MODIFIED, "If-Modified-Since")


@story("RFC 9111 4.3.1", "no-cache lets an answer be stored and validated before each use")
def no_cache_validates(s):
    s.answer(200, {"Cache-Control": "no-cache", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "no-cache", "ETag": '"a"'})
    first = s.miss()
    for _ in range(2):
        response = s.validated()
        s.equal((response.status, response.body), (200, first.body), "status and body")


@story("RFC 9111 4.3.1", "max-age=0 with ETag is validated before each use")
def max_age_zero_validates(s):
    s.answer(200, {"Cache-Control": "max-age=0", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=0", "ETag": '"a"'})
    first = s.miss()
    s.equal(s.validated().body, first.body, "the body")


@story("RFC 9111 4.3.1", "a client's If-None-Match on a miss: a right answer, and the next client gets the whole body")
def condition_on_miss(s):
    def act(connection, request):
        if request.get("If-None-Match") == '"a"':
            connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nCache-Control: max-age=3600\r\n\r\n')
        else:
            head = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nCache-Control: max-age=3600\r\nContent-Length: 4\r\n\r\n'
            connection.send(head + b"body")
        return True
    s.answer(act=act)
    s.equal(s.forwarded({"If-None-Match": '"a"'}).status, 304, "status")
    response = s.get()
    s.equal((response.status, response.body), (200, b"body"), "status and body without a condition")


@story("RFC 9111 4.3.2", "a stale answer validated for a conditional client is 304 when the client's tag matches")
def conditional_client_on_stale(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.miss()
    s.advance(11)
    s.equal(s.validated({"If-None-Match": '"a"'}).status, 304, "status")


@story("RFC 9111 4.3.2", "a stale answer validated for a client with another tag is 200 with the stored body")
def other_tag_on_stale(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    first = s.miss()
    s.advance(11)
    response = s.forwarded({"If-None-Match": '"zzz"'})
    s.equal((response.status, response.body), (200, first.body), "status and body")


@story("RFC 9110 13.1.1", "If-Match that fails against the stored strong ETag does not get the stored body as 200")
def if_match_fails(s):
    def act(connection, request):
        failed = request.get("If-Match") == '"b"'
        head = b"412 Precondition Failed" if failed else b"200 OK"
        fields = b'ETag: "a"\r\nCache-Control: max-age=3600\r\nContent-Length: 2\r\n\r\n'
        connection.send(b"HTTP/1.1 " + head + b"\r\n" + fields + b"ok")
        return True
    s.answer(act=act)
    s.miss()
    s.equal(s.get({"If-Match": '"b"'}).status, 412, "status")


@story("RFC 9110 13.1.4", "If-Unmodified-Since before the stored Last-Modified is 412, or left to the origin")
def if_unmodified_since(s):
    def act(connection, request):
        head = b"412 Precondition Failed" if request.get("If-Unmodified-Since") else b"200 OK"
        connection.send(b"HTTP/1.1 " + head + b"\r\nLast-Modified: " + LAST_MODIFIED.encode()
                        + b"\r\nCache-Control: max-age=3600\r\nContent-Length: 2\r\n\r\nok")
        return True
    s.answer(act=act)
    s.miss()
    s.equal(s.get({"If-Unmodified-Since": "Sun, 01 Jan 2023 10:00:00 GMT"}).status, 412, "status")


@story("RFC 9110 8.8.3", "an unquoted ETag is kept and its match answered as the client wrote it")
def unquoted_etag(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": "abc"})
    s.miss()
    response = s.get({"If-None-Match": "abc"})
    s.check(response.status in (200, 304), "200 or 304", response.status)
    s.equal(s.hit().get("ETag"), "abc", "ETag")


@story("RFC 9110 13.2.1", "a condition is ignored when the stored status is not a success")
def condition_on_404(s):
    s.answer(404, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    s.miss()
    s.equal(s.get({"If-None-Match": '"a"'}).status, 404, "status")


@story("RFC 9111 4.3.1", "the node validates with both validators when it has both")
def validates_with_both(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"abc"', "Last-Modified": LAST_MODIFIED})
    s.answer(304, {"ETag": '"abc"'})
    s.miss()
    s.advance(11)
    request = s.validated().forwarded[0]
    s.equal((request.get("If-None-Match"), request.get("If-Modified-Since")), ('"abc"', LAST_MODIFIED), "validators")


@story("RFC 9111 4.3.1", "the node's validators replace the client's when it validates")
def validators_are_the_nodes(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"abc"'})
    s.answer(304, {"ETag": '"abc"'})
    s.miss()
    s.advance(11)
    request = s.forwarded({"If-None-Match": '"other"', "If-Modified-Since": LAST_MODIFIED}).forwarded[0]
    s.equal((request.fields.all("If-None-Match"), request.get("If-Modified-Since")), (['"abc"'], None), "validators")


FETCH = {"Accept": "*/*", "Accept-Language": "*", "Sec-Fetch-Mode": "cors", "User-Agent": "node",
         "Accept-Encoding": "br, gzip, deflate"}


@story("RFC 9111 5.2.1.4", "a fetch() with a condition says no-cache too; it is answered 304 from the cache")
def fetch_client_condition(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"abc"'})
    s.miss(FETCH)
    fields = {**FETCH, "If-None-Match": '"abc"', "Pragma": "no-cache", "Cache-Control": "no-cache"}
    s.equal(s.hit(fields).status, 304, "status")


@story("RFC 9110 14.2", "a fetch() for a range asks for identity; a stored plain answer gives it")
def fetch_client_range(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"0123456789")
    s.miss(FETCH)
    response = s.hit({**FETCH, "Range": "bytes=2-4", "Accept-Encoding": "identity"})
    s.equal((response.status, response.body), (206, b"234"), "status and body")
