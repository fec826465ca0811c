"""Interim responses, Expect, trailers (RFC 9110 sections 10.1.1, 15.2 and 6.5)."""

import threading

from harness.origin import Reply
from harness.story import add, story


def _passed_on(status):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"}, interim=[(status, [("X-Early", "1")])])
        response = s.miss()
        s.equal([(one.status, one.get("X-Early")) for one in response.interim], [(status, "1")], "interim responses")
    return tell


for _status in (100, 102, 103, 199):
    add(f"interim/{_status}_passed_on", "RFC 9110 15.2", f"a {_status} is passed on before the final answer",
        _passed_on(_status))


@story("RFC 9110 15.2", "several interim responses come in order")
def several(s):
    s.answer(200, interim=[(103, [("Link", "</a>; rel=preload")]), (103, [("Link", "</b>; rel=preload")])])
    s.equal([one.get("Link") for one in s.miss().interim], ["</a>; rel=preload", "</b>; rel=preload"], "Link lines")


@story("RFC 9111 3", "interim responses are not stored, nor their fields")
def not_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, interim=[(103, [("X-Early", "1")])])
    s.check(s.miss().get("X-Early") is None, "no X-Early on the final answer")
    response = s.hit()
    s.equal((response.interim, response.get("X-Early")), ([], None), "interim responses and X-Early from the cache")


@story("RFC 9110 15.2", "a client that speaks HTTP/1.0 gets no interim response")
def none_for_http_10(s):
    s.answer(200, interim=[(103, [("X-Early", "1")])])
    client = s.client()
    client.send(f"GET {s.path} HTTP/1.0\r\nHost: story.test\r\n\r\n".encode())
    s.equal(client.read_response().interim, [], "interim responses")


@story("RFC 9110 10.1.1", "100-continue: the client is told to go on, and its body arrives")
def expect_continue(s):
    s.answer(200, {"Cache-Control": "no-store"})
    client = s.client()
    client.request("POST", s.path, {"Expect": "100-continue", "Content-Length": "5"})
    first = client.reader.until(b"\r\n\r\n")
    s.check(first.startswith(b"HTTP/1.1 100"), "100 Continue", first)
    client.send(b"hello")
    s.equal(client.read_response().status, 200, "status")
    s.equal(s.seen[0].body, b"hello", "the body at the origin")


@story("RFC 9110 10.1.1", "100-continue: the origin is asked, and its 100 reaches the client once")
def expect_forwarded(s):
    def act(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("PUT", s.path, {"Expect": "100-continue", "Content-Length": "5"})
    s.await_origin(1)
    s.equal(s.seen[0].fields.all("Expect"), ["100-continue"], "Expect at the origin")
    s.check(client.reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100"), "100 Continue")
    client.send(b"hello")
    response = client.read_response()
    s.equal((response.status, response.interim), (200, []), "the answer, and nothing interim before it")
    s.equal(s.seen[0].body, b"hello", "the body at the origin")


@story("RFC 9110 10.1.1", "100-continue: an origin that waits for the body without a word gets it")
def expect_unanswered(s):
    def act(connection, request):
        connection.reader.sized_body(request.fields, lambda piece: None)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("PUT", s.path, {"Expect": "100-continue", "Content-Length": "5"})
    s.check(client.reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100"), "100 Continue")
    client.send(b"hello")
    s.equal(client.read_response().status, 200, "status")


@story("RFC 9110 10.1.1", "100-continue: an origin that refuses is heard before the body is sent")
def expect_refused(s):
    def act(connection, request):
        connection.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return False
    s.answer(act=act)
    client = s.client()
    client.request("POST", s.path, {"Expect": "100-continue", "Content-Length": "5"})
    response = client.read_head()
    if response.status == 413:
        return
    s.fail("413", repr(response))


@story("RFC 9110 10.1.1", "an unknown expectation is 417")
def unknown_expectation(s):
    s.answer(200)
    s.equal(s.get({"Expect": "a-miracle"}).status, 417, "status")


@story("RFC 9110 6.5", "trailers of an answer reach the client")
def response_trailers(s):
    s.answer(200, {"Cache-Control": "no-store", "Trailer": "X-Sum"}, framing="chunked", trailers=[("X-Sum", "42")])
    s.equal(s.miss({"TE": "trailers"}).trailers.get("X-Sum"), "42", "X-Sum")


@story("RFC 9110 6.5", "trailers of an answer that is stored reach the client that it was fetched for")
def trailers_of_what_is_stored(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Trailer": "X-Sum"}, b"a body", framing="chunked",
             trailers=[("X-Sum", "42"), ("Max-Forwards", "3")])
    first = s.miss({"TE": "trailers"})
    s.equal((first.body, list(first.trailers)), (b"a body", [("X-Sum", "42")]), "body and trailers")
    again = s.hit()
    s.equal((again.body, list(again.trailers or ())), (b"a body", []), "body and trailers from the cache")


@story("RFC 9110 6.5", "the same when the body comes in pieces, and for a validation that brings another body")
def trailers_of_a_slow_body(s):
    pause = threading.Event()

    def slow(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n2\r\na \r\n")
        pause.wait(10)
        connection.send(b"4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n")
        return True
    s.answers(Reply(act=slow), Reply(200, {"Cache-Control": "max-age=3600"}, b"another", framing="chunked",
                                     trailers=[("X-Sum", "43")]))
    client = s.client()
    client.request("GET", s.path, {"TE": "trailers"})
    head = client.read_head()
    pause.set()
    first = client.read_body(head)
    s.equal((first.body, list(first.trailers)), (b"a body", [("X-Sum", "42")]), "body and trailers")
    s.advance(3601)
    second = s.get({"TE": "trailers"})
    s.equal((second.body, list(second.trailers)), (b"another", [("X-Sum", "43")]), "body and trailers of another")


@story("RFC 9110 6.5", "trailers of a request reach the origin")
def request_trailers(s):
    s.answer(200, {"Cache-Control": "no-store"})
    client = s.client()
    client.request("POST", s.path, {"Transfer-Encoding": "chunked", "Trailer": "X-Sum"})
    client.send(b"5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")
    s.equal(client.read_response().status, 200, "status")
    s.equal((s.seen[0].body, s.seen[0].trailers.get("X-Sum")), (b"hello", "42"), "body and trailer at the origin")


@story("RFC 9110 6.5.1", "a trailer cannot smuggle framing or cache fields into the stored head")
def trailers_stay_trailers(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=3600"}, framing="chunked",
                    trailers=[("Cache-Control", "no-store"), ("Content-Length", "1"), ("X-Evil", "1")]))
    s.get({"TE": "trailers"})
    # Not storing such an answer, or refusing it, is as good.
    response = s.get()
    s.check("X-Evil" not in response.fields, "no trailer in the head", repr(response))
    s.check(response.status == 502 or response.get("Cache-Control") == "max-age=3600", "its own head", repr(response))


@story("RFC 9110 6.5.1", "trailers that may not be merged are dropped; the body is good, and stored")
def forbidden_response_trailers(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"a body", framing="chunked",
             trailers=[("Content-Length", "3"), ("Cache-Control", "no-store"), ("X-Sum", "42")])
    response = s.miss({"TE": "trailers"})
    s.equal((response.body, response.trailers.get("Content-Length")), (b"a body", None), "body and trailers")
    s.equal(s.hit().body, b"a body", "the body from the cache")


@story("RFC 9110 6.5.1", "trailers that route, authenticate or frame are dropped, in both directions")
def routing_trailers(s):
    dropped = [("Max-Forwards", "1"), ("HTTP2-Settings", "x"), ("Proxy-Authentication-Info", "x"), ("X-Real-IP", "1"),
               ("X-Method-Override", "PUT"), ("WWW-Authenticate", "x"), ("Via", "1.1 x"), ("Set-Cookie", "a=b")]
    s.answer(200, {"Cache-Control": "no-store"}, b"ok", framing="chunked", trailers=[*dropped, ("X-Sum", "42")])
    for name, value in dropped:
        client = s.client()
        client.request("POST", s.path, {"Transfer-Encoding": "chunked", "TE": "trailers"})
        client.send(b"5\r\nhello\r\n0\r\n%b: %b\r\n\r\n" % (name.encode(), value.encode()))
        response = client.read_response()
        s.equal((response.body, list(response.trailers)), (b"ok", [("X-Sum", "42")]), "trailers at the client")
        s.equal((s.seen[-1].body, list(s.seen[-1].trailers)), (b"hello", []), f"{name} at the origin")


@story("RFC 9110 7.6.1", "a trailer that Connection names goes no further, from either side")
def trailers_for_one_connection(s):
    def act(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: X-Hop\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Hop: 1\r\n\r\n")
        return True
    s.answer(act=act)
    client = s.client()
    client.request("POST", s.path, {"Transfer-Encoding": "chunked", "TE": "trailers", "Connection": "TE, X-Hop"})
    client.send(b"5\r\nhello\r\n0\r\nX-Hop: 1\r\n\r\n")
    response = client.read_response()
    s.equal((response.body, response.trailers.get("X-Hop")), (b"ok", None), "body and trailer at the client")
    s.equal((s.seen[0].body, s.seen[0].trailers.get("X-Hop")), (b"hello", None), "body and trailer at the origin")


@story("RFC 9110 5.6.1", "Expect is a list: empty elements and repetition say nothing new")
def expect_is_a_list(s):
    s.answer(200, {"Cache-Control": "no-store"})
    for value in (",100-continue", "100-continue, 100-continue", "100-Continue ,"):
        client = s.client()
        client.request("POST", s.path, {"Expect": value, "Content-Length": "5"})
        s.check(client.reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100"), f"100 for {value!r}")
        client.send(b"hello")
        s.equal(client.read_response().status, 200, f"status for {value!r}")
    for value in ("", ","):
        client = s.client()
        client.request("POST", s.path, {"Expect": value, "Content-Length": "5"})
        client.send(b"hello")
        s.equal(client.read_response().status, 200, f"status for {value!r}")
    client = s.client()
    client.request("POST", s.path, {"Expect": "100-continue, x", "Content-Length": "5"})
    s.equal(client.read_response().status, 417, "status for something else beside it")
