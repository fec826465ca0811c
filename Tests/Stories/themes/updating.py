"""How 304 and HEAD answers change what is stored (RFC 9111 sections 3.2, 4.3.4, 4.3.5)."""

from harness.story import add, story

UPDATED = ["Test-Header", "X-Test-Header", "Content-Foo", "X-Content-Foo", "Content-Disposition", "Content-Language",
           "Content-Location", "Content-Security-Policy", "Link", "Server", "X-Frame-Options", "Expires",
           "Content-Type", "Clear-Site-Data", "Set-Cookie", "Content-MD5", "Content-Foo-MD5",
           "Strict-Transport-Security"]


def _updated(name):
    first = {"Expires": "Sat, 19 Nov 2286 17:46:39 GMT"}.get(name, "first")
    second = {"Expires": "Sun, 20 Nov 2287 17:46:39 GMT"}.get(name, "second")

    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=10, public", "ETag": '"a"', name: first})
        s.answer(304, {"Cache-Control": "max-age=3600, public", "ETag": '"a"', name: second})
        s.miss()
        s.advance(11)
        response = s.validated()
        s.equal((response.status, response.get(name)), (200, second), f"status and {name}")
        s.equal(s.hit().get(name), second, f"{name} from the cache")
    return tell


for _name in UPDATED:
    add(f"updating/304_updates_{_name.lower()}", "RFC 9111 3.2", f"a 304 replaces the stored {_name}",
        _updated(_name))


def _kept(name, first, second):
    def tell(s):
        body = b"twelve bytes"
        fields = {"Cache-Control": "max-age=10", "ETag": '"a"', "Last-Modified": s.date(-999)}
        s.answer(200, {**fields, **({name: first} if first else {})}, body)
        s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"', **({name: second} if name != "ETag" else {})})
        first_response = s.miss()
        s.advance(11)
        s.validated()
        response = s.hit()
        s.equal((response.get(name), response.body), (first_response.get(name), body), f"{name} and body")
    return tell


for _name, _first, _second in [("Content-Encoding", "x-one", "x-two"), ("Content-Length", None, "99"),
                               ("Content-Range", None, "bytes 0-3/12"), ("Transfer-Encoding", None, "chunked"),
                               ("Content-Digest", "sha-256=:AAAA:", "sha-256=:BBBB:")]:
    add(f"updating/304_keeps_{_name.lower()}", "RFC 9111 3.2", f"a 304 leaves the stored {_name} alone",
        _kept(_name, _first, _second))


@story("RFC 9111 4.3.4", "a 304 makes the answer fresh again, and its body is the stored one")
def freshens(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    first = s.miss()
    s.advance(11)
    second = s.validated()
    s.equal((second.status, second.body), (200, first.body), "status and body")
    s.equal(s.hit().body, first.body, "the body from the cache")
    s.advance(11)
    s.validated()


@story("RFC 9111 4.3.4", "a 304 without Cache-Control leaves the stored lifetime, counted anew")
def freshens_with_stored_lifetime(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"ETag": '"a"'})
    s.miss()
    s.advance(11)
    s.validated()
    s.hit()


@story("RFC 9111 4.3.4", "a 304 by Last-Modified alone freshens")
def freshens_by_last_modified(s):
    date = s.date(-1000)
    s.answer(200, {"Cache-Control": "max-age=10", "Last-Modified": date})
    s.answer(304, {"Cache-Control": "max-age=10", "Last-Modified": date})
    first = s.miss()
    s.advance(11)
    response = s.validated()
    s.equal(response.forwarded[0].get("If-Modified-Since"), date, "If-Modified-Since")
    s.equal(response.body, first.body, "the body")


@story("RFC 9111 4.3.4", "a 304 with another Last-Modified is believed, and the stored one is asked about again")
def other_date_in_304(s):
    date = s.date(-1000)
    s.answer(200, {"Cache-Control": "max-age=10", "Last-Modified": date})
    s.answer(304, {"Cache-Control": "max-age=10", "Last-Modified": s.date(-990), "Foo": "2"})
    first = s.miss()
    s.advance(11)
    response = s.validated()
    s.equal((response.status, response.body, response.get("Foo")), (200, first.body, "2"), "the stored answer, updated")
    s.equal(s.hit().get("Last-Modified"), date, "Last-Modified")
    s.advance(11)
    s.equal(s.validated().forwarded[0].get("If-Modified-Since"), date, "If-Modified-Since")


@story("RFC 9111 4.3.4", "a 304 with an entity tag is not about a stored answer that has none")
def tag_added_by_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "Last-Modified": s.date(-1000)})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"b"'})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"the new body")
    s.miss()
    s.advance(11)
    s.equal(s.get().body, b"the new body", "the body")


@story("RFC 9111 4.3.3", "a 200 in answer to a validation replaces what was stored")
def replaced_by_200(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"the new body")
    s.miss()
    s.advance(11)
    s.equal(s.validated().body, b"the new body", "the body")
    response = s.hit()
    s.equal((response.body, response.get("ETag")), (b"the new body", '"b"'), "body and ETag")


@story("RFC 9111 4.3.4", "a 304 with another strong ETag does not freshen what is stored")
def other_etag_in_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"b"'})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"the new body")
    s.miss()
    s.advance(11)
    response = s.get()
    s.check(response.get("ETag") != '"b"' or response.body == b"the new body",
            "the body that belongs to its ETag", repr(response))


@story("RFC 9111 4.3.5", "a HEAD whose validators agree updates the stored fields")
def head_updates(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-Field": "first"}, b"body")
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "X-Field": "second"}, b"body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    response = s.get()
    s.equal(response.get("X-Field"), "second", "X-Field")


@story("RFC 9111 4.3.5", "a HEAD with another ETag makes the stored answer unusable")
def head_invalidates(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body")
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'}, b"body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.forwarded()


@story("RFC 9111 4.3.5", "a HEAD with another Content-Length makes the stored answer unusable")
def head_other_length(s):
    s.answer(200, {"Cache-Control": "max-age=10", "Last-Modified": s.date(-1000)}, b"body")
    s.answer(200, {"Cache-Control": "max-age=3600", "Last-Modified": s.date(-1000)}, b"longer body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.forwarded()


@story("RFC 9110 9.3.2", "HEAD is answered from a stored GET, with its fields and no body")
def head_from_get(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "X-Field": "1"}, b"nine byte")
    s.miss()
    response = s.hit(method="HEAD")
    s.equal((response.status, response.get("Content-Length"), response.get("X-Field")), (200, "9", "1"), "the head")


@story("RFC 9111 4", "a stored HEAD never answers a GET")
def get_after_head(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"the body")
    s.forwarded(method="HEAD")
    response = s.get()
    s.equal(response.body, b"the body", "the body")


@story("RFC 9111 3.2", "all stored fields that a 304 does not name stay")
def unnamed_fields_stay(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-One": "1", "X-Two": "2"})
    s.answer(304, {"ETag": '"a"', "X-Two": "3"})
    s.miss()
    s.advance(11)
    response = s.validated()
    s.equal((response.get("X-One"), response.get("X-Two")), ("1", "3"), "X-One and X-Two")


@story("RFC 9111 4.3.4", "Date is updated by a 304")
def date_updated(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
    first = s.miss().get("Date")
    s.advance(11)
    s.validated()
    s.check(s.hit().get("Date") != first, "a newer Date", first)


@story("RFC 9111 4.3.5", "a HEAD that finds the resource gone makes the stored answer unusable")
def head_gone(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(410, {"Cache-Control": "no-store"})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"'})
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    response = s.miss()
    s.check(not response.forwarded[0].conditional, "no condition on what is gone", response.forwarded[0])


@story("RFC 9111 3.2", "a field that a 304 adds is stored, one it leaves out stays")
def adds_fields(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-Old": "1"})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"', "X-New": "2"})
    s.miss()
    s.advance(11)
    for response in (s.validated(), s.hit()):
        s.equal((response.get("X-Old"), response.get("X-New")), ("1", "2"), "the fields")


@story("RFC 9111 3.2", "several lines of one field are replaced by the lines of the 304")
def replaces_lines(s):
    s.answer(200, [("Cache-Control", "max-age=10"), ("ETag", '"a"'), ("X-A", "1"), ("X-A", "2"), ("X-A", "3")])
    s.answer(304, [("Cache-Control", "max-age=3600"), ("ETag", '"a"'), ("X-A", "4"), ("X-A", "5")])
    s.miss()
    s.advance(11)
    s.validated()
    s.equal(s.hit().fields.all("X-A"), ["4", "5"], "X-A")


@story("RFC 9111 3.1", "hop-by-hop fields and those that Connection names are not taken from a 304")
def no_hop_by_hop(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-A": "1"})
    s.answer(304, [("Cache-Control", "max-age=3600"), ("ETag", '"a"'), ("Connection", "X-A"), ("X-A", "2"),
                   ("Keep-Alive", "timeout=9")])
    s.miss()
    s.advance(11)
    s.validated()
    response = s.hit()
    s.equal((response.get("X-A"), response.get("Keep-Alive")), ("1", None), "X-A and Keep-Alive")


@story("RFC 9111 4.3.4", "a 304 that says no-store: the client gets the body, and the next one asks again")
def no_store_in_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "no-store", "ETag": '"a"'})
    s.answer(200, {"Cache-Control": "no-store", "ETag": '"a"'})
    first = s.miss()
    s.advance(11)
    s.equal(s.validated().body, first.body, "the body")
    s.forwarded()


@story("RFC 9111 4.3.4", "a 304 without validators freshens what was asked about")
def bare_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600"})
    first = s.miss()
    s.advance(11)
    s.validated()
    s.equal(s.hit().body, first.body, "the body")


@story("RFC 9111 4.3.4", "a 304 with the tag made weak, or strong, is about the same answer")
def weakened_304(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": 'W/"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": 'W/"a"', "X-Field": "2"})
    first = s.miss()
    s.advance(11)
    s.validated()
    response = s.hit()
    s.equal((response.body, response.get("X-Field")), (first.body, "2"), "body and X-Field")


@story("RFC 9111 4.3.3", "a 404 in answer to a validation replaces what was stored")
def replaced_by_404(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(404, {"Cache-Control": "max-age=3600"}, b"gone")
    s.miss()
    s.advance(11)
    s.equal(s.validated().status, 404, "status")
    s.equal(s.hit().status, 404, "status from the cache")


@story("RFC 9111 4.3.5", "a HEAD with another Content-Length makes the stored answer unusable")
def head_longer(s):
    s.answer(200, {"Cache-Control": "max-age=10"}, b"body")
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"longer body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.miss()


@story("RFC 9111 4.3.5", "a HEAD answered 500 says nothing about the stored answer")
def head_failing(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(500, {"Cache-Control": "no-store"})
    s.answer(304, {"ETag": '"a"'})
    first = s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.equal(s.validated().body, first.body, "the body")


@story("RFC 9111 4.3.5", "the answer to a HEAD alone is not stored as an answer to GET")
def head_not_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"body")
    s.forwarded(method="HEAD")
    s.equal(s.miss().body, b"body", "the body")


@story("RFC 9111 4.1", "a 304 that is the first to say Vary: what is stored is not for requests that differ")
def not_modified_adds_vary(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"Cache-Control": "max-age=3600", "ETag": '"a"', "Vary": "X"})
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"b"', "Vary": "X"}, b"for two")
    first = s.miss({"X": "1"})
    s.advance(20)
    s.equal(s.validated({"X": "1"}).body, first.body, "the body that was validated")
    s.equal(s.forwarded({"X": "2"}).body, b"for two", "the body for another X")
    s.equal(s.hit({"X": "2"}).body, b"for two", "the body for another X again")


NAMED = [
    ("private", 'max-age=10, private="Secret"', 'max-age=9, private="Secret"'),
    ("no_cache", 'max-age=10, no-cache="Secret"', 'max-age=10, no-cache="Secret"'),
    ("the_stored", 'max-age=10, private="Secret"', None),
    ("the_304", "max-age=10", 'max-age=10, private="Secret"'),
]


def _named(first, second):
    def tell(s):
        s.answer(200, {"Cache-Control": first, "ETag": '"a"'})
        s.answer(304, {"ETag": '"a"', "Secret": "1", "Open": "2", **({"Cache-Control": second} if second else {})})
        body = s.miss().body
        s.advance(11)
        for response, secret in ((s.validated(), "1"), (s.hit(), None)):
            s.equal((response.body, response.get("Secret"), response.get("Open")), (body, secret, "2"), "the answer")
    return tell


for _name, _first, _second in NAMED:
    add(f"updating/304_with_field_named_by_{_name}", "RFC 9111 5.2.2.7",
        "a field of a 304 that is not stored because it is named goes to who caused the validation, and to nobody else",
        _named(_first, _second))

FOR_ONE = [
    ("no_store", {"Cache-Control": "no-store"}, {}),
    ("private", {"Cache-Control": "private, max-age=60"}, {}),
    ("vary_star", {"Cache-Control": "max-age=60", "Vary": "*"}, {}),
    ("set_cookie", {"Cache-Control": "max-age=60", "Set-Cookie": "a=1"}, {}),
    ("first_vary", {"Cache-Control": "max-age=60", "Vary": "X"}, {}),
    ("no_store_of_request", {"Cache-Control": "max-age=60"}, {"Cache-Control": "no-store"}),
]


def _for_one(fields, asking):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"', "X-Field": "first"}, b"the body")
        s.answer(304, {**fields, "ETag": '"a"', "X-Field": "second"})
        s.miss()
        s.advance(11)
        response = s.validated(asking)
        s.equal((response.status, response.body, response.get("X-Field")), (200, b"the body", "second"), "the answer")
        for name, value in fields.items():
            s.equal(response.get(name), value, name)
        s.check(response.age in (None, 0), "no Age, or 0", response.get("Age"))
        s.forwarded()
    return tell


for _name, _fields, _asking in FOR_ONE:
    add(f"updating/304_not_to_be_stored_{_name}", "RFC 9111 4.3.4",
        f"who caused a validation gets the fields of the 304 ({_fields}), although it may not be stored",
        _for_one(_fields, _asking))


@story("RFC 9111 4.3.5", "a HEAD with another Content-Length than what was stored from chunks makes it unusable")
def head_other_length_than_chunks(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body", framing="chunked")
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'}, b"longer body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.miss()


@story("RFC 9111 4.3.5", "a HEAD with the Content-Length of what was stored from chunks updates it")
def head_same_length_as_chunks(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body", framing="chunked")
    s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"', "X-Field": "2"}, b"body")
    s.miss()
    s.advance(11)
    s.forwarded(method="HEAD")
    s.equal(s.hit().get("X-Field"), "2", "X-Field")
