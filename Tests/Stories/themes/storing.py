"""Which fields are stored with an answer, which are stripped, and what keeps an answer from being stored
(RFC 9111 sections 3, 3.1, 5.2.2.4, 5.2.2.7)."""

from harness.origin import Reply
from harness.story import add, story

STORED = [
    ("Test-Header", "a value"), ("X-Test-Header", "a value"), ("Content-Foo", "a value"),
    ("X-Content-Foo", "a value"), ("Content-Encoding", "x-custom"), ("Content-Location", "/other"),
    ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="), ("Content-Security-Policy", "default-src 'self'"),
    ("Content-Type", "text/plain;charset=utf-8"), ("Content-Language", "de"),
    ("Content-Disposition", "attachment; filename=a.txt"), ("Clear-Site-Data", '"cookies"'), ("ETag", '"abcd"'),
    ("Expires", "Sat, 19 Nov 2286 17:46:39 GMT"), ("Last-Modified", "Tue, 03 Jan 2023 10:00:00 GMT"),
    ("Link", "</style.css>; rel=preload"), ("P3P", 'CP="all"'), ("Server", "Origin/1.0"),
    ("Server-Timing", "db;dur=53"), ("Strict-Transport-Security", "max-age=1"), ("Warning", '199 - "about this"'),
    ("Trailer", "X-Sum"), ("X-Frame-Options", "DENY"), ("X-XSS-Protection", "1"), ("Access-Control-Allow-Origin", "*"),
    ("Accept-Ranges", "bytes"), ("Cache-Control", "max-age=3600, foo"),
]
STRIPPED = [
    ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authenticate", "Basic"),
    ("Proxy-Authentication-Info", "a"), ("TE", "trailers"), ("Upgrade", "h2c"),
]


def _stored(name, value):
    def tell(s):
        lines = [("Cache-Control", "max-age=3600")] if name != "Cache-Control" else []
        s.answer(200, [*lines, (name, value)])
        s.equal(s.miss().get(name), value, f"{name} on the miss")
        s.equal(s.hit().get(name), value, f"{name} on the hit")
    return tell


def _stripped(name, value):
    def tell(s):
        s.answer(200, [("Cache-Control", "max-age=3600"), (name, value)])
        s.miss()
        s.check(value not in (s.hit().get(name) or ""), f"no {name} of the origin's on the hit")
    return tell


for _name, _value in STORED:
    add(f"storing/stores_{_name.lower()}", "RFC 9111 3.1", f"{_name} is stored and sent again", _stored(_name, _value))
for _name, _value in STRIPPED:
    add(f"storing/strips_{_name.lower()}", "RFC 9111 3.1", f"{_name} of the origin's is not sent from the cache",
        _stripped(_name, _value))


@story("RFC 9110 7.6.1", "fields that Connection names are neither forwarded nor stored")
def connection_listed(s):
    s.answer(200, [("Cache-Control", "max-age=3600"), ("Connection", "a, b"), ("A", "1"), ("B", "2"), ("C", "3")])
    for response in (s.miss(), s.hit()):
        s.equal((response.get("A"), response.get("B"), response.get("C")), (None, None, "3"), "fields A, B and C")


@story("RFC 9110 7.6.1", "Connection on several lines, in any case, with odd spacing")
def connection_listed_on_lines(s):
    s.answer(200, [("Cache-Control", "max-age=3600"), ("Connection", "ALPHA ,"), ("connection", " , beta"),
                   ("Alpha", "1"), ("Beta", "2")])
    for response in (s.miss(), s.hit()):
        s.equal((response.get("Alpha"), response.get("Beta")), (None, None), "fields Alpha and Beta")


@story("RFC 9110 7.6.1", "a Connection that names Cache-Control removes it only on the way out, not from the decision")
def connection_lists_cache_control(s):
    s.answer(200, [("Cache-Control", "no-store"), ("Connection", "cache-control")])
    s.miss()
    s.forwarded()


@story("RFC 9111 5.2.2.4", "no-cache with a field name: that field is not sent from the cache without validation")
def no_cache_field(s):
    s.answer(200, {"Cache-Control": 'max-age=3600, no-cache="secret"', "Secret": "1", "Open": "2"})
    s.miss()
    response = s.get()
    if not response.forwarded:
        s.equal((response.get("Secret"), response.get("Open")), (None, "2"), "fields Secret and Open")


@story("RFC 9111 5.2.2.4", "no-cache with several field names")
def no_cache_fields(s):
    s.answer(200, {"Cache-Control": 'max-age=3600, no-cache="one, two"', "One": "1", "Two": "2", "Three": "3"})
    s.miss()
    response = s.get()
    if not response.forwarded:
        s.equal((response.get("One"), response.get("Two"), response.get("Three")), (None, None, "3"), "the fields")


@story("RFC 9111 5.2.2.7", "private with a field name: that field is not stored, the rest may be")
def private_field(s):
    s.answer(200, {"Cache-Control": 'max-age=3600, private="secret"', "Secret": "1", "Open": "2"})
    s.miss()
    response = s.get()
    if not response.forwarded:
        s.equal((response.get("Secret"), response.get("Open")), (None, "2"), "fields Secret and Open")


@story("RFC 9111 7.3", "Set-Cookie without public or s-maxage: not stored")
def set_cookie_not_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Set-Cookie": "a=1"})
    s.miss()
    s.forwarded()


@story("RFC 9111 7.3", "Set-Cookie that no-cache or private names is left out, and the rest is stored")
def set_cookie_named(s):
    for directive in ("no-cache", "private"):
        s.script.replies = [Reply(200, {"Cache-Control": f'max-age=3600, {directive}="Set-Cookie"', "Set-Cookie": "a=1",
                                        "X-Field": "1"})]
        path = f"/{s.segment}/{directive}"
        response = s.miss(path=path)
        s.equal((response.get("Set-Cookie"), response.get("X-Field")), ("a=1", "1"), "the fields for who asked")
        response = s.hit(path=path)
        s.equal((response.get("Set-Cookie"), response.get("X-Field")), (None, "1"), "the fields")


@story("RFC 9111 7.3", "Set-Cookie with public is stored")
def set_cookie_public(s):
    s.answer(200, {"Cache-Control": "public, max-age=3600", "Set-Cookie": "a=1"})
    s.miss()
    s.hit()


@story("RFC 9111 7.3", "Set-Cookie with s-maxage is stored")
def set_cookie_s_maxage(s):
    s.answer(200, {"Cache-Control": "s-maxage=3600", "Set-Cookie": "a=1"})
    s.miss()
    s.hit()


@story("RFC 9111 3", "a Cookie in the request does not keep the answer from being stored")
def cookie_in_request(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss({"Cookie": "a=1"})
    s.hit({"Cookie": "a=1"})
    s.hit()


@story("RFC 9111 3.1", "field lines keep their order and number")
def order_is_kept(s):
    s.answer(200, [("Cache-Control", "max-age=3600"), ("X-A", "1"), ("X-B", "2"), ("X-A", "3")])
    for response in (s.miss(), s.hit()):
        s.equal([line for line in response.fields if line[0].startswith("X-")],
                [("X-A", "1"), ("X-B", "2"), ("X-A", "3")], "the lines")


@story("RFC 9110 5.5", "octets beyond ASCII in a field value arrive as they were")
def obs_text_kept(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "X-Text": "caf\xe9"})
    for response in (s.miss(), s.hit()):
        s.equal(response.get("X-Text"), "caf\xe9", "X-Text")


@story("RFC 9110 5.5", "an empty field value arrives as an empty one")
def empty_value_kept(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "X-Empty": ""})
    for response in (s.miss(), s.hit()):
        s.equal(response.get("X-Empty"), "", "X-Empty")


@story("RFC 9111 3.1", "an answer with chunked framing comes from the cache whole, framed anew")
def chunked_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"some text " * 1000, framing="chunked")
    s.miss()
    response = s.hit()
    s.equal(response.body, b"some text " * 1000, "the body")


@story("RFC 9112 8", "an answer ended by close is stored only when that cannot be truncation, and comes whole")
def close_framed(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"until close", framing="close")
    s.equal(s.get().body, b"until close", "the body")
    s.equal(s.get().body, b"until close", "the body again")


@story("RFC 9111 3", "an empty body is stored and comes back empty")
def empty_body(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"")
    s.miss()
    response = s.hit()
    s.equal((response.body, response.get("Content-Length")), (b"", "0"), "the body and its length")


@story("RFC 9111 3", "a body of 3 MiB that does not compress comes back byte for byte")
def large_incompressible(s):
    import random
    body = random.Random(7).randbytes(3 << 20)
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Type": "application/octet-stream"}, body)
    s.miss()
    s.equal(s.hit().body == body, True, "body equality")


@story("RFC 9111 3", "a body of 3 MiB that compresses comes back byte for byte")
def large_compressible(s):
    body = b"".join(b"line %d of a long text\n" % number for number in range(130000))
    s.answer(200, {"Cache-Control": "max-age=3600"}, body)
    s.miss()
    s.equal(s.hit().body == body, True, "body equality")


@story("RFC 9111 5.2.2.7", "the field that private names goes to who asked, with every line of it, and to nobody else")
def private_field_for_who_asked(s):
    for framing in ("length", "chunked"):
        path = f"/{s.segment}/{framing}"
        s.script.replies = [Reply(200, [
            ("Cache-Control", 'max-age=3600, private="Secret, Set-Cookie"'), ("Secret", "1"), ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"), ("Open", "2")], framing=framing)]
        first = s.miss(path=path)
        s.equal((first.get("Secret"), first.get("Open")), ("1", "2"), "the fields for who asked")
        s.equal(first.fields.all("Set-Cookie"), ["a=1", "b=2"], "the cookies for who asked")
        s.equal(len(first.fields.all("Open")), 1, "lines of Open")
        second = s.hit(path=path)
        s.equal((second.get("Secret"), second.get("Set-Cookie"), second.get("Open")), (None, None, "2"), "the fields")


@story("RFC 9111 5.2.2.7", "a waiter does not get the field that private names")
def private_field_for_waiters(s):
    import threading
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        connection.send(b'HTTP/1.1 200 OK\r\nCache-Control: max-age=3600, private="Secret"\r\nSecret: 1\r\n'
                        b"Content-Length: 3\r\n\r\nnew")
        return True
    s.answers(Reply(act=act))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(s.get())) for _ in range(5)]
    for thread in threads:
        thread.start()
    s.await_origin(1)
    gate.set()
    for thread in threads:
        thread.join()
    s.equal(len(s.seen), 1, "requests at the origin")
    s.equal(sorted(answer.get("Secret") or "" for answer in answers), ["", "", "", "", "1"], "Secret for each")


def _essential(directive, field, value):
    def tell(s):
        s.answer(200, {"Cache-Control": f'max-age=3600, {directive}="X-Other, {field}"', field: value, "X-Other": "1"})
        for _ in range(2):
            s.equal(s.forwarded({"Accept-Encoding": "gzip"}).get(field), value, field)
    return tell


for _directive in ("no-cache", "private"):
    for _field, _value in (("Content-Encoding", "gzip"), ("Content-Type", "text/css"), ("Vary", "Accept-Encoding")):
        add(f"storing/{_directive.replace('-', '_')}_names_{_field.lower().replace('-', '_')}",
            "RFC 9111 5.2.2.4" if _directive == "no-cache" else "RFC 9111 5.2.2.7",
            f'{_directive}="{_field}" counts for the whole answer, which cannot be understood without',
            _essential(_directive, _field, _value))
