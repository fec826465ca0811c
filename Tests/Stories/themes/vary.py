"""Vary: which stored answer fits which request (RFC 9111 section 4.1)."""

from harness.story import add, story

# name, Vary lines, first request's fields, second request's fields, second answered from the cache
PAIRS = [
    ("same_value", ["Foo"], {"Foo": "1"}, {"Foo": "1"}, True),
    ("other_value", ["Foo"], {"Foo": "1"}, {"Foo": "2"}, False),
    ("omitted_second", ["Foo"], {"Foo": "1"}, {}, False),
    ("omitted_first", ["Foo"], {}, {"Foo": "1"}, False),
    ("omitted_both", ["Foo"], {}, {}, True),
    ("unlisted_differs", ["Foo"], {"Foo": "1", "Bar": "1"}, {"Foo": "1", "Bar": "2"}, True),
    ("two_same", ["Foo, Bar"], {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "a"}, True),
    ("two_one_differs", ["Foo, Bar"], {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "b"}, False),
    ("two_one_omitted", ["Foo, Bar"], {"Foo": "1", "Bar": "a"}, {"Foo": "1"}, False),
    ("two_swapped_values", ["Foo, Bar"], {"Foo": "1", "Bar": "2"}, {"Foo": "2", "Bar": "1"}, False),
    ("two_lines", ["Foo", "Bar"], {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "b"}, False),
    ("two_lines_same", ["Foo", "Bar"], {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "a"}, True),
    ("three_same", ["Foo, Bar, Baz"], {"Foo": "1", "Bar": "a", "Baz": "x"}, {"Baz": "x", "Bar": "a", "Foo": "1"}, True),
    ("three_last_differs", ["Foo, Bar, Baz"], {"Foo": "1", "Bar": "a", "Baz": "x"},
     {"Foo": "1", "Bar": "a", "Baz": "y"}, False),
    ("name_case", ["fOO"], {"Foo": "1"}, {"Foo": "1"}, True),
    ("name_case_differs", ["fOO"], {"Foo": "1"}, {"Foo": "2"}, False),
    ("repeated_name", ["Foo, Foo"], {"Foo": "1"}, {"Foo": "1"}, True),
    ("value_case_matters", ["Foo"], {"Foo": "abc"}, {"Foo": "ABC"}, False),
    ("star", ["*"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("star_in_list", ["Foo, *"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("star_on_second_line", ["Foo", "*"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("star_twice", ["*, *"], {}, {}, False),
    ("star_after_empty", [", *"], {}, {}, False),
    ("star_after_empty_line", ["", "*"], {}, {}, False),
    ("empty", [""], {"Foo": "1"}, {"Foo": "2"}, True),
    ("list_of_empties", [" , ,"], {"Foo": "1"}, {"Foo": "2"}, True),
    ("language_case", ["Accept-Language"], {"Accept-Language": "en, de"}, {"Accept-Language": "EN, De"}, True),
    ("language_spacing", ["Accept-Language"], {"Accept-Language": "en, de"}, {"Accept-Language": "en ,de"}, True),
    ("language_order", ["Accept-Language"], {"Accept-Language": "en, de"}, {"Accept-Language": "de, en"}, True),
    ("language_differs", ["Accept-Language"], {"Accept-Language": "en"}, {"Accept-Language": "de"}, False),
    ("list_spacing", ["Foo"], {"Foo": "1,2"}, {"Foo": "1 ,  2"}, True),
    ("list_order_matters", ["Foo"], {"Foo": "1, 2"}, {"Foo": "2, 1"}, False),
    ("list_empties", ["Foo"], {"Foo": "1,,2,"}, {"Foo": "1, 2"}, True),
    ("present_but_empty", ["Foo"], {"Foo": ""}, {}, False),
    ("language_weight_written_out", ["Accept-Language"], {"Accept-Language": "en;q=1.0, de;q=0.5"},
     {"Accept-Language": "de;q=0.5, en"}, True),
    ("language_weights_differ", ["Accept-Language"], {"Accept-Language": "en;q=0.5"}, {"Accept-Language": "en;q=0.8"},
     False),
    ("names_in_other_order", ["Bar, Foo"], {"Foo": "1", "Bar": "2"}, {"Bar": "2", "Foo": "1"}, True),
    ("star_before_name", ["*, Foo"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("star_on_first_line", ["*", "Foo"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("value_sub_string", ["Foo"], {"Foo": "1"}, {"Foo": "11"}, False),
    ("user_agent", ["User-Agent"], {"User-Agent": "a, b"}, {"User-Agent": "a,b"}, False),
    ("no_field_name", ["Foo;q=1"], {"Foo": "1"}, {"Foo": "1"}, False),
    ("outer_space", ["Foo"], {"Foo": "1"}, {"Foo": "  1  "}, True),
    ("type_case", ["Accept"], {"Accept": "Text/HTML;Level=1;Q=0.5"}, {"Accept": "text/html; level=1; q=0.5"}, True),
    ("parameter_case", ["Accept"], {"Accept": 'a/b;p="http://x/One"'}, {"Accept": 'a/b;p="http://x/one"'}, False),
    ("parameter_spaces", ["Accept"], {"Accept": 'a/b;p="o n e"'}, {"Accept": 'a/b;p="one"'}, False),
]


def _pair(vary, first, second, reused):
    def tell(s):
        s.answer(200, [("Cache-Control", "max-age=3600"), *(("Vary", line) for line in vary)])
        s.miss(first)
        (s.hit if reused else s.miss)(second)
    return tell


for _name, _vary, _first, _second, _reused in PAIRS:
    add(f"vary/{_name}", "RFC 9111 4.1",
        f"Vary {_vary}: {_first} and then {_second} {'share' if _reused else 'do not share'} an answer",
        _pair(_vary, _first, _second, _reused))


@story("RFC 9111 4.1", "two lines of one field equal their combination")
def lines_combined(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo"})
    s.miss([("Foo", "1"), ("Foo", "2")])
    s.hit({"Foo": "1, 2"})


@story("RFC 9111 4.1", "several variants of one URL live side by side")
def variants_side_by_side(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo"})
    bodies = {value: s.miss({"Foo": value}).body for value in ("1", "2", "3")}
    for value, body in bodies.items():
        s.equal(s.hit({"Foo": value}).body, body, f"the body for Foo: {value}")


@story("RFC 9111 4.1", "a field that a stored Vary names is forwarded")
def vary_field_forwarded(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "X-Forwarded-Scheme-Like, Foo"})
    s.miss({"Foo": "1"})
    response = s.miss({"Foo": "2"})
    s.equal(response.forwarded[0].get("Foo"), "2", "Foo at the origin")


@story("RFC 9111 4.1", "the origin may change its mind about Vary: the newest answer's Vary counts")
def vary_changes(s):
    s.answer(200, {"Cache-Control": "max-age=10", "Vary": "Foo"})
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Bar"})
    s.miss({"Foo": "1", "Bar": "1"})
    s.advance(11)
    s.miss({"Foo": "1", "Bar": "1"})
    s.hit({"Foo": "1", "Bar": "1"})


def _widened(vary, method):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=10", "Vary": "Foo", "ETag": '"a"'}, b"one")
        lasting = {"Cache-Control": "max-age=3600", "Vary": vary}
        s.answer(304 if method == "GET" else 200, {**lasting, "ETag": '"a"'}, b"one")
        s.answer(200, {**lasting, "ETag": '"b"'}, b"two")
        s.miss({"Foo": "1", "Bar": "1"})
        s.advance(20)
        s.get({"Foo": "1", "Bar": "1"}, method=method)
        s.equal(s.forwarded({"Foo": "1", "Bar": "2"}).body, b"two", "the body for another Bar")
        s.equal(s.hit({"Foo": "1", "Bar": "2"}).body, b"two", "the body from the cache")
    return tell


for _name, _vary in (("more", "Foo, Bar"), ("others", "Bar")):
    for _method in ("GET", "HEAD"):
        add(f"vary/renewal_names_{_name}_{_method.lower()}", "RFC 9111 4.1",
            f"an answer to {_method} that renews a variant and says Vary: {_vary} leaves none for other requests",
            _widened(_vary, _method))


@story("RFC 9111 4.1", "a gzip variant is never given to a client that does not accept it")
def encoding_respected(s):
    import gzip
    plain = b"some text " * 200

    def act(connection, request):
        coded = (request.get("Accept-Encoding") or "") == "gzip"
        body = gzip.compress(plain) if coded else plain
        head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nVary: Accept-Encoding\r\nContent-Type: text/plain\r\n"
        head += ("Content-Encoding: gzip\r\n" if coded else "") + f"Content-Length: {len(body)}\r\n\r\n"
        connection.send(head.encode() + body)
        return True
    s.answer(act=act)

    def read(response):
        coded = response.get("Content-Encoding") == "gzip"
        return gzip.decompress(response.body) if coded else response.body
    s.equal(read(s.get({"Accept-Encoding": "gzip"})), plain, "the text with gzip")
    response = s.get()
    s.equal((response.get("Content-Encoding"), response.body), (None, plain), "coding and text without Accept-Encoding")
    response = s.get({"Accept-Encoding": "identity"})
    s.equal((response.get("Content-Encoding"), response.body), (None, plain), "coding and text for identity")
    response = s.get({"Accept-Encoding": "gzip;q=0"})
    s.equal((response.get("Content-Encoding"), response.body), (None, plain), "coding and text for gzip;q=0")


@story("RFC 9111 4.1", "validation of one variant leaves the other alone")
def validation_of_one_variant(s):
    def act(connection, request):
        tag = b'"%s"' % request.get("Foo", "").encode()
        if request.get("If-None-Match", "").encode() == tag:
            head = b"HTTP/1.1 304 Not Modified\r\nVary: Foo\r\nCache-Control: max-age=10\r\nETag: "
            connection.send(head + tag + b"\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nVary: Foo\r\nCache-Control: max-age=10\r\nContent-Length: 3\r\nETag: "
                            + tag + b"\r\n\r\n" + tag[:3])
        return True
    s.answer(act=act)
    one = s.get({"Foo": "1"}).body
    two = s.get({"Foo": "2"}).body
    s.advance(11)
    s.equal(s.validated({"Foo": "1"}).body, one, "the first variant")
    s.equal(s.validated({"Foo": "2"}).body, two, "the second variant")
    s.equal(s.hit({"Foo": "1"}).body, one, "the first variant again")


@story("RFC 9110 12.5.3", "a coding that the origin chose unasked is for all; one that it was asked for is not")
def unasked_coding(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Encoding": "gzip"}, b"as it is")
    s.miss()
    s.hit()
    s.hit({"Accept-Encoding": "gzip"})
    s.hit({"Accept-Encoding": "identity"})
    other = s.path + "/asked"
    s.forwarded({"Accept-Encoding": "gzip, br"}, path=other)
    s.hit({"Accept-Encoding": "gzip"}, path=other)
    s.forwarded(path=other)
    s.forwarded({"Accept-Encoding": "br"}, path=other)
    s.forwarded({"Accept-Encoding": "gzip;q=0, *"}, path=other)


@story("RFC 9111 4.1", "Vary on X-Forwarded-For, which the node writes, is stored for nobody")
def on_the_client(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Accept, X-Forwarded-For"})
    s.equal(s.cache_status(s.miss())["detail"], "vary-on-client", "detail")
    s.miss()
    s.miss({"X-Forwarded-For": "192.0.2.1"})


@story("RFC 9111 4.1", "what an origin chose without a field that its Vary names is not stored under the field's value")
def on_a_guarded_field(s):
    for body in (b"plain", b"for a", b"for b", b"for nobody"):
        s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "X-Forwarded-Host"}, body)
    first = s.miss({"X-Forwarded-Host": "a"})
    s.equal(first.forwarded[0].get("X-Forwarded-Host"), None, "X-Forwarded-Host at the origin")
    s.equal(s.cache_status(first)["detail"], "vary-on-withheld", "detail")
    for host in ("a", "b"):
        request = s.miss({"X-Forwarded-Host": host}).forwarded[0]
        s.equal(request.get("X-Forwarded-Host"), host, "X-Forwarded-Host at the origin, now that it is known to matter")
    s.miss()
    s.equal(s.hit({"X-Forwarded-Host": "a"}).body, b"for a", "the body for a")
    s.equal(s.hit({"X-Forwarded-Host": "b"}).body, b"for b", "the body for b")
    s.equal(s.hit().body, b"for nobody", "the body without")


@story("RFC 9111 4.1", "Vary on X-Forwarded-Proto is a key like any other")
def on_the_scheme(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "X-Forwarded-Proto"})
    s.miss()
    s.hit()


def _alternating(one, other):
    def tell(s):
        count = [0]

        def act(connection, request):
            count[0] += 1
            vary = other if request.get("Foo") == "2" else one
            connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 4\r\n"
                            b"Vary: %s\r\n\r\n%04d" % (vary.encode(), count[0]))
            return True
        s.answer(act=act)
        requests = ({"Foo": "1", "Bar": "1"}, {"Foo": "2", "Bar": "1"}, {"Foo": "2", "Bar": "2"})
        for _ in range(2):
            bodies = [s.get(fields).body for fields in requests]
        s.equal([s.hit(fields).body for fields in requests], bodies, "bodies from the cache")
    return tell


for _name, _one, _other in (("fewer", "Foo", "Bar, Foo"), ("others", "Foo", "Foo, Bar, Baz"),
                            ("case", "FOO, bar", "Bar, Foo")):
    add(f"vary/alternating_{_name}", "RFC 9111 4.1",
        f"answers that say Vary: {_one} and Vary: {_other} by turns are all kept", _alternating(_one, _other))


@story("RFC 9111 4.1", "an answer is for requests that its own Vary matches, whatever that of others says")
def own_vary_holds(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo"}, b"one")
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Bar"}, b"two")
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Foo"}, b"three")
    s.miss({"Foo": "1", "Bar": "1"})
    s.equal(s.miss({"Foo": "2", "Bar": "1"}).body, b"two", "the second body")
    s.equal(s.miss({"Foo": "2", "Bar": "2"}).body, b"three", "the third body")
    s.equal(s.hit({"Foo": "2", "Bar": "1"}).body, b"two", "the second body from the cache")


@story("RFC 9111 4.1", "an error that varied is forgotten once it has expired and an answer without Vary has come")
def error_varied(s):
    s.answer(404, {"Cache-Control": "max-age=10", "Vary": "Cookie"})
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"page")
    s.miss({"Cookie": "1"})
    s.advance(11)
    s.miss({"Cookie": "2"})
    s.equal(s.hit({"Cookie": "3"}).body, b"page", "the body for another cookie")
    s.equal(s.hit().body, b"page", "the body for none")


def _sometimes(renewed):
    def tell(s):
        count = [0]

        def act(connection, request):
            count[0] += 1
            vary = b"Vary: Origin\r\n" if request.get("Origin") else b""
            lifetime = b"max-age=10" if renewed and count[0] == 1 else b"max-age=3600"
            start = b"304 Not Modified" if request.get("If-None-Match") else b"200 OK\r\nContent-Length: 1"
            connection.send(b'HTTP/1.1 %s\r\nCache-Control: %s\r\nETag: "a"\r\n%s\r\n' % (start, lifetime, vary))
            if start.startswith(b"200"):
                connection.send(b"%d" % count[0])
            return True
        s.answer(act=act)
        s.equal(s.miss({"Origin": "one"}).body, b"1", "the body for one")
        if renewed:
            s.advance(11)
            s.validated({"Origin": "one"})
        others = s.miss().body
        s.equal(s.hit({"Origin": "one"}).body, b"1", "the body for one, from the cache")
        s.equal(s.hit().body, others, "the body for none, from the cache")
        s.miss({"Origin": "two"})
    return tell


for _name, _renewed in (("fresh", False), ("renewed", True)):
    add(f"vary/sometimes_{_name}", "RFC 9111 4.1",
        f"an answer without Vary leaves those that vary, as long as they are fresh ({_name})", _sometimes(_renewed))
