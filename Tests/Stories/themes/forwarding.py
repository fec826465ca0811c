"""What is forwarded: hop-by-hop fields, Via, Forwarded, Host (RFC 9110 section 7)."""

from harness.story import add, story

HOP_BY_HOP = [("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "gzip"), ("Upgrade", "foo"),
              ("Proxy-Authorization", "Basic eA=="), ("Trailer", "X")]


def _removed(name, value):
    def tell(s):
        s.answer(200, {"Cache-Control": "no-store"})
        request = s.miss({name: value}).forwarded[0]
        s.check(value not in (request.get(name) or ""), f"no {name} at the origin", repr(request))
    return tell


for _name, _value in HOP_BY_HOP:
    if _name != "Trailer":
        add(f"forwarding/removes_{_name.lower()}", "RFC 9110 7.6.1", f"{_name} of the client's is not forwarded",
            _removed(_name, _value))


@story("RFC 9110 7.6.1", "fields that a request's Connection names are not forwarded")
def connection_listed(s):
    s.answer(200, {"Cache-Control": "no-store"})
    request = s.miss({"Connection": "X-Hop, keep-alive", "X-Hop": "1", "X-End": "2"}).forwarded[0]
    s.equal((request.get("X-Hop"), request.get("X-End")), (None, "2"), "X-Hop and X-End at the origin")


@story("RFC 9110 7.6.1", "Connection cannot hide its own further lines")
def connection_lists_itself(s):
    s.answer(200, {"Cache-Control": "no-store"})
    client = s.client()
    client.send(f"GET {s.path} HTTP/1.1\r\nHost: story.test\r\nConnection: connection\r\n"
                "Connection: X-Secret, close\r\nX-Secret: 1\r\n\r\n".encode())
    s.equal(client.read_response().status, 200, "status")
    s.equal(s.seen[0].get("X-Secret"), None, "X-Secret at the origin")
    s.check(client.at_end(), "the connection closed")


@story("RFC 9110 7.6.1", "Connection cannot strip Host or framing from what is forwarded")
def connection_lists_host(s):
    s.answer(200, {"Cache-Control": "no-store"})
    response = s.get({"Connection": "host, content-length"}, method="POST", body=b"hello")
    if response.forwarded:
        s.check(response.forwarded[0].get("Host"), "a Host at the origin", repr(response.forwarded[0]))
        s.equal(response.forwarded[0].body, b"hello", "the body at the origin")
    else:
        s.equal(response.status, 400, "status")


@story("RFC 9110 7.6.3", "Via is added to requests and answers")
def via(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    response = s.miss()
    s.check("1.1 " in response.forwarded[0].get("Via", ""), "Via at the origin", response.forwarded[0])
    s.check("1.1 " in response.get("Via", ""), "Via on the miss", repr(response))
    s.check("1.1 " in s.hit().get("Via", ""), "Via on the hit")


@story("RFC 9110 7.6.3", "Via says in which version the request came here")
def via_of_http_10(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.send(f"GET {s.path} HTTP/1.0\r\nHost: story.test\r\n\r\n".encode())
    s.equal(client.read_response().status, 200, "status")
    s.check(s.seen[0].get("Via", "").startswith("1.0 "), "Via: 1.0 at the origin", s.seen[0])


@story("RFC 9110 7.6.3", "Via of others is kept in front")
def via_appended(s):
    s.answer(200, {"Cache-Control": "no-store", "Via": "1.1 upstream"})
    response = s.miss({"Via": "1.0 client-side"})
    s.check(response.forwarded[0].get("Via").startswith("1.0 client-side, 1.1 "), "the client's Via first",
            response.forwarded[0].get("Via"))
    s.check(response.get("Via").startswith("1.1 upstream, 1.1 "), "the origin's Via first", response.get("Via"))


@story("RFC 7239 4", "X-Forwarded-For names the client and is not believed from an untrusted one")
def forwarded_for(s):
    s.answer(200, {"Cache-Control": "no-store"})
    request = s.miss({"X-Forwarded-For": "6.6.6.6"}).forwarded[0]
    value = request.get("X-Forwarded-For") or request.get("Forwarded") or ""
    s.check("6.6.6.6" not in value, "no address that the client made up", value)
    s.check("127.0.0.1" in value, "the client's address", value)


@story("RFC 9110 7.2", "the client's Host reaches the origin")
def host(s):
    s.answer(200, {"Cache-Control": "no-store"})
    s.equal(s.miss(host="some.example:8080").forwarded[0].get("Host"), "some.example:8080", "Host")


@story("RFC 9112 3.2.2", "an absolute-form target is forwarded as its path, with its authority as Host")
def absolute_form(s):
    s.answer(200, {"Cache-Control": "no-store"})
    client = s.client()
    client.send(f"GET http://abs.example{s.path}?q=1 HTTP/1.1\r\nHost: abs.example\r\n\r\n".encode())
    s.equal(client.read_response().status, 200, "status")
    s.equal(s.seen[0].get("Host"), "abs.example", "Host at the origin")
    s.check(s.seen[0].target in (f"{s.path}?q=1", f"http://abs.example{s.path}?q=1"), "the target", s.seen[0].target)


@story("RFC 9112 3.2.2", "an absolute-form target overrules a Host that says otherwise: at the origin and in the cache")
def absolute_form_other_host(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    for host in ("other.example", "", "abs.example:81"):
        client.send(f"GET http://abs.example{s.path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        s.equal(client.read_response().status, 200, "status")
    s.equal([request.fields.all("Host") for request in s.seen], [["abs.example"]], "the Host of the one request")
    s.hit(host="abs.example")
    s.forwarded(host="other.example")


@story("RFC 9110 7.7", "unknown end-to-end fields and odd values pass unchanged")
def end_to_end(s):
    s.answer(200, {"Cache-Control": "no-store"})
    fields = {"X-Strange": "a;b=\"c, d\" \t e", "User-Agent": "story/1", "Accept": "*/*", "Cookie": "a=b; c=d",
              "Referer": "http://x.test/y", "Origin": "http://x.test", "Accept-Language": "de"}
    request = s.miss(fields).forwarded[0]
    for name, value in fields.items():
        s.equal(request.get(name), value, f"{name} at the origin")


@story("RFC 9110 7.6.2", "OPTIONS with Max-Forwards: 0 is answered by the node itself, with what it allows")
def max_forwards(s):
    s.answer(200, {"Cache-Control": "no-store"})
    for target in (s.path, "*"):
        client = s.client()
        for _ in range(2):
            client.send(f"OPTIONS {target} HTTP/1.1\r\nHost: story.test\r\nMax-Forwards: 0\r\n\r\n".encode())
            response = client.read_response("OPTIONS")
            s.equal((response.status, response.get("Content-Length")), (204, None), "status and length")
            s.check("GET" in (response.get("Allow") or ""), "Allow with GET", repr(response))
    s.equal(len(s.seen), 0, "requests at the origin")


GUARDED = ["X-Forwarded-Host", "X-Forwarded-Scheme", "X-Forwarded-Prefix", "X-Host", "X-Original-URL",
           "X-Rewrite-URL", "X-HTTP-Method", "X-HTTP-Method-Override"]


def _guarded(name):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        request = s.miss({name: "evil.example"}).forwarded[0]
        s.check("evil.example" not in (request.get(name) or ""), f"no {name} at the origin", repr(request))
    return tell


for _name in GUARDED:
    add(f"forwarding/guard_{_name.lower()}", "RFC 9111 7.1", f"{_name} of a client's cannot poison a cacheable answer",
        _guarded(_name))


def _guarded_head(name):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600", "ETag": '"a"'})
        s.miss()
        s.advance(2)
        request = s.forwarded({"Cache-Control": "no-cache", name: "evil.example"}, method="HEAD").forwarded[0]
        s.check("evil.example" not in (request.get(name) or ""), f"no {name} at the origin", repr(request))
    return tell


for _name in GUARDED:
    add(f"forwarding/guard_head_{_name.lower()}", "RFC 9111 7.1",
        f"{_name} of a HEAD, whose answer changes what is stored, cannot poison that", _guarded_head(_name))


@story("RFC 9110 12.5.3", "a HEAD asks for the codings of its key: its answer is compared with what is stored there")
def head_codings(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Vary": "Accept-Encoding"})
    request = s.forwarded({"Accept-Encoding": "deflate, gzip"}, method="HEAD").forwarded[0]
    s.equal(request.get("Accept-Encoding"), "gzip", "Accept-Encoding at the origin")


@story("RFC 9112 3.3", "HTTP/1.0 without Host: the origin gets its own name for one")
def without_host(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.send(f"GET {s.path} HTTP/1.0\r\n\r\n".encode())
    s.equal(client.read_response().status, 200, "status")
    s.check((s.seen[0].get("Host") or "").startswith("127.0.0.1:"), "the origin's address in Host", repr(s.seen[0]))


@story("RFC 9111 7.1", "cache deception: an HTML page under an image's name is not stored")
def deception_guard(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Type": "text/html"})
    path = f"/{s.segment}/account/photo.jpg"
    s.miss(path=path)
    s.miss(path=path)


@story("RFC 9111 7.1", "an image under an image's name is stored")
def deception_guard_lets_pass(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Content-Type": "image/jpeg"})
    path = f"/{s.segment}/account/photo.jpg"
    s.miss(path=path)
    s.hit(path=path)


@story("RFC 9110 7.6.3", "Via says in which version the answer came here, from the cache too")
def via_of_http_10_answer(s):
    s.answer(raw=b"HTTP/1.0 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 2\r\n\r\nok")
    for response in (s.miss(), s.hit(), s.hit({"Range": "bytes=0-0"})):
        s.check((response.get("Via") or "").startswith("1.0 "), "Via: 1.0", repr(response))
