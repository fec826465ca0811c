"""Methods: what the cache answers and what passes through (RFC 9110 section 9, RFC 9111 section 4)."""

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


@story("RFC 9110 9.3.4", "an upload of 4 MiB arrives whole")
def large_upload(s):
    import random
    body = random.Random(3).randbytes(4 << 20)
    s.answer(200, {"Cache-Control": "no-store"})
    s.equal(s.forwarded(method="PUT", body=body).status, 200, "status")
    s.check(s.seen[0].body == body, "the same bytes at the origin")
