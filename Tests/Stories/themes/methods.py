"""Methods: what the cache answers and what passes through (RFC 9110 section 9, RFC 9111 section 4)."""

from harness.origin import Reply
from harness.story import add, story


def _passes(method):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        body = None if method in ("OPTIONS", "TRACE") else b"some=body"
        for _ in range(2):
            response = s.forwarded(method=method, body=body)
            request = response.forwarded[0]
            s.equal((request.method, request.body), (method, body or b""), "method and body")
    return tell


for _method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "BREW"):
    add(f"methods/{_method.lower()}_passes_through", "RFC 9110 9.1", f"{_method} is forwarded each time",
        _passes(_method))


@story("RFC 9110 9.3.3", "a POST's answer is not used for a GET unless it says so by Content-Location")
def post_then_get(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.forwarded(method="POST", body=b"a=1")
    s.miss()


@story("RFC 9110 9.3.3", "a POST's answer with its own URL in Content-Location and a lifetime answers later GETs")
def post_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Location": s.path})
    first = s.forwarded(method="POST", body=b"a=1")
    response = s.hit()
    s.equal((response.status, response.body), (200, first.body), "status and body")
    s.equal(s.hit(method="HEAD").get("Content-Length"), str(len(first.body)), "Content-Length of HEAD")
    s.forwarded(method="POST", body=b"a=2")


@story("RFC 9110 9.3.3", "an absolute Content-Location will do, another path, host or scheme will not")
def post_stored_by_absolute_location(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Location": f"http://story.test{s.path}"})
    s.forwarded(method="POST", body=b"a=1")
    s.hit()
    for location in (s.path + "x", f"http://other.test{s.path}", f"https://story.test{s.path}"):
        s.script.replies.append(Reply(200, {"Cache-Control": "max-age=3600", "Content-Location": location}))
        s.forwarded(method="POST", body=b"a=1")
        s.script.replies.append(Reply(200, {"Cache-Control": "no-store"}))
        s.forwarded()


@story("RFC 9110 9.3.3", "without explicit freshness, or with no-store, a POST's answer is not kept")
def post_without_freshness(s):
    for fields in ({"Last-Modified": s.date(-999999)}, {"Cache-Control": "no-store, max-age=3600"}, {}):
        s.script.replies = [Reply(200, {**fields, "Content-Location": s.path})]
        s.forwarded(method="POST", body=b"a=1")
        s.forwarded()


@story("RFC 9110 9.3.3", "a POST's answer is not kept where the request said what a GET could not say to the origin: "
       "another URL, or a coding that no key knows")
def post_of_its_own(s):
    deflated = {"Vary": "Accept-Encoding", "Content-Encoding": "deflate"}
    for fields, answered in (({"X-Forwarded-Host": "evil.example"}, {}), ({"Accept-Encoding": "deflate"}, deflated)):
        s.script.replies = [Reply(200, {**answered, "Cache-Control": "max-age=3600", "Content-Location": s.path})]
        request = s.forwarded(fields, method="POST", body=b"a=1").forwarded[0]
        for name, value in fields.items():
            s.equal(request.get(name), value, f"{name} at the origin")
        s.script.replies = [Reply(200, {"Cache-Control": "no-store"})]
        s.forwarded()


@story("RFC 9110 9.3.3", "a POST's new answer replaces what a GET had stored")
def post_replaces(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"old")
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Location": s.path}, b"new", framing="chunked")
    s.miss()
    s.equal(s.forwarded(method="POST", body=b"a=1").body, b"new", "the answer to POST")
    s.equal(s.hit().body, b"new", "the answer to GET")


@story("RFC 9110 9.3.3", "a large answer to POST arrives whole while it is stored")
def post_large(s):
    body = b"0123456789abcdef" * 40_000
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Location": s.path}, body)
    s.check(s.forwarded(method="POST", body=b"a=1").body == body, "the body")
    s.check(s.hit().body == body, "the body from the cache")


@story("RFC 9110 9.2.2", "a POST is sent once, even if its answer breaks off while it is stored")
def post_cut(s):
    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Location: " + s.path.encode()
                        + b"\r\nContent-Length: 100\r\n\r\nonly this")
        connection.close()
        return False
    s.answer(act=act)
    with s.node.connect() as client:
        client.request("POST", s.path, body=b"a=1")
        s.check(not client.read_response("POST").complete, "a visible cut")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9110 9.1", "method names are case-sensitive: get is not GET")
def lower_case_get(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    response = s.get(method="get")
    s.check(response.status >= 400 or len(response.forwarded) == 1, "a refusal or a forwarded request", repr(response))


@story("RFC 9110 9.3.6", "CONNECT is refused")
def connect_refused(s):
    client = s.client()
    client.send(b"CONNECT story.test:443 HTTP/1.1\r\nHost: story.test:443\r\n\r\n")
    s.check(client.read_response().status in (400, 405, 501), "400, 405 or 501")


@story("RFC 9110 9.3.7", "OPTIONS * is answered or passed on")
def options_star(s):
    client = s.client()
    client.send(b"OPTIONS * HTTP/1.1\r\nHost: story.test\r\n\r\n")
    s.check(client.read_response().status in (200, 204, 404, 405), "an answer")


@story("RFC 9110 9.3.1", "a GET with a body is passed with its body or refused, and never leaves bytes behind")
def get_with_body(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.request("GET", s.path, body=b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    status = client.read_response().status
    s.check(status in (200, 400, 413), "200, 400 or 413", status)
    s.check(all("/smuggled" not in request.target for request in s.seen + s.origin.strays), "no smuggled request")


@story("RFC 9110 9.3.2", "a HEAD that misses has no body and keeps the connection usable")
def head_miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"a body of twenty-odd bytes")
    client = s.client()
    client.request("HEAD", s.path)
    s.equal(client.read_response("HEAD").status, 200, "status")
    client.request("GET", s.path)
    s.equal(client.read_response().body, b"a body of twenty-odd bytes", "the body")


@story("RFC 9110 9.3.3", "a chunked upload arrives whole")
def chunked_upload(s):
    s.answer(200, {"Cache-Control": "no-store"})
    client = s.client()
    client.request("POST", s.path, {"Transfer-Encoding": "chunked"})
    for piece in (b"hello ", b"chunked ", b"world"):
        client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    client.send(b"0\r\n\r\n")
    s.equal(client.read_response().status, 200, "status")
    s.equal(s.seen[0].body, b"hello chunked world", "the body at the origin")


@story("RFC 9112 7.1", "of a chunked body that is malformed and came with its head the origin sees nothing")
def malformed_upload(s):
    def early(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: no-store\r\n\r\nearly")
        return True
    s.answers(Reply(act=early))
    for _ in range(8):
        # The connections that are left in the pools would take the head at once.
        s.get()
    head = f"POST {s.path} HTTP/1.1\r\nHost: story.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in ("x\r\n", "5\r\nhello\r\n-1\r\n", "5\r\nhello0\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n"):
        with s.node.connect() as client:
            client.send((head + body).encode())
            s.equal(client.read_response("POST").status, 400, f"status of {body!r}")
            s.check(client.at_end(), "a closed connection")
    s.equal({request.method for request in s.seen}, {"GET"}, "methods at the origin")


@story("RFC 9110 9.3.4", "an upload of 4 MiB arrives whole")
def large_upload(s):
    import random
    body = random.Random(3).randbytes(4 << 20)
    s.answer(200, {"Cache-Control": "no-store"})
    s.equal(s.forwarded(method="PUT", body=body).status, 200, "status")
    s.check(s.seen[0].body == body, "the same bytes at the origin")
