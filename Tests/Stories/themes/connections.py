"""Connections: persistence, pipelining, HTTP/1.0, limits, and what is refused (RFC 9112)."""

import fcntl
import socket
import struct
import termios
import threading

from harness.message import Ended
from harness.origin import Reply
from harness.story import add, story
from harness.waiting import wait_until


def _request(s, line=None, fields=("Host: story.test",), body=b""):
    return "\r\n".join([line or f"GET {s.path} HTTP/1.1", *fields, "", ""]).encode("latin-1") + body


@story("RFC 9112 9.3", "one connection carries many requests")
def keep_alive(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    bodies = set()
    for _ in range(20):
        client.request("GET", s.path)
        bodies.add(client.read_response().body)
    s.equal(len(bodies), 1, "distinct bodies")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9112 9.3.2", "an answer that is ready does not wait for the fetch of the one behind it")
def hit_before_miss(s):
    release = threading.Event()

    def act(connection, _):
        release.wait(10)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\nslow")
        return True
    s.answers(Reply(200, {"Cache-Control": "max-age=3600"}, b"fast"), Reply(act=act))
    s.miss()
    client = s.client()
    client.send(_request(s) + _request(s, f"GET {s.path}/slow HTTP/1.1"))
    s.await_origin(2)
    try:
        s.equal(client.read_response().body, b"fast", "the first body")
    finally:
        release.set()
    s.equal(client.read_response().body, b"slow", "the second body")


@story("RFC 9112 9.3.2", "pipelined requests are answered in order, hits and misses mixed")
def pipelining(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    paths = [f"/{s.segment}/{number % 5}" for number in range(20)]
    expected = {}
    client = s.client()
    client.send(b"".join(_request(s, f"GET {path} HTTP/1.1") for path in paths))
    for path in paths:
        body = client.read_response().body
        s.equal(expected.setdefault(path, body), body, f"the body for {path}")
    s.equal(len(set(expected.values())), 5, "distinct bodies")


@story("RFC 9112 9.3.2", "a request pipelined behind a slow one waits for it, and gets its own answer")
def pipelining_behind_slow(s):
    import threading
    gate = threading.Event()

    def slow(connection, request):
        gate.wait(10)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\nslow")
        return True
    s.answers(Reply(200, {"Cache-Control": "max-age=3600"}, b"quick"), Reply(act=slow))
    s.miss(path=f"/{s.segment}/quick")
    client = s.client()
    client.send(_request(s, f"GET /{s.segment}/slow HTTP/1.1") + _request(s, f"GET /{s.segment}/quick HTTP/1.1"))
    s.await_origin(2)
    gate.set()
    s.equal(client.read_response().body, b"slow", "the first body")
    s.equal(client.read_response().body, b"quick", "the second body")


@story("RFC 9112 9.6", "Connection: close is obeyed after the answer")
def close_obeyed(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.request("GET", s.path, {"Connection": "close"})
    response = client.read_response()
    s.check("close" in (response.get("Connection") or "").lower(), "Connection: close on the answer", repr(response))
    s.check(client.at_end(), "the connection closed")


@story("RFC 9112 9.3", "HTTP/1.0 closes after the answer unless keep-alive is asked for")
def http_10(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, framing="chunked")
    client = s.client()
    client.send(_request(s, f"GET {s.path} HTTP/1.0"))
    response = client.read_response()
    s.check(response.complete and "Transfer-Encoding" not in response.fields, "a whole answer without chunks",
            repr(response))
    s.check(client.at_end(), "the connection closed")


@story("RFC 9112 9.3", "HTTP/1.0 with keep-alive may go on")
def http_10_keep_alive(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.send(_request(s, f"GET {s.path} HTTP/1.0", ("Host: story.test", "Connection: keep-alive")))
    response = client.read_response()
    s.equal(response.status, 200, "status")
    if "keep-alive" in (response.get("Connection") or "").lower():
        client.request("GET", s.path)
        s.equal(client.read_response().status, 200, "status of the second")


@story("RFC 9112 2.2", "a request that arrives byte by byte is understood")
def byte_by_byte(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    for byte in _request(s):
        client.send(bytes([byte]))
    s.equal(client.read_response().status, 200, "status")


@story("RFC 9112 2.2", "an empty line before the request line is tolerated or refused, never misread")
def leading_empty_line(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.send(b"\r\n" + _request(s))
    s.check(client.read_response().status in (200, 400), "200 or 400")


# name, the raw request (with {path}), the statuses allowed; the connection must end afterwards
REFUSED = [
    ("no_host", "GET {path} HTTP/1.1\r\n\r\n", (400,)),
    ("two_hosts", "GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
    ("two_equal_hosts", "GET {path} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", (400,)),
    ("host_with_space", "GET {path} HTTP/1.1\r\nHost: a b\r\n\r\n", (400,)),
    ("host_with_slash", "GET {path} HTTP/1.1\r\nHost: a/b\r\n\r\n", (400,)),
    ("space_before_colon", "GET {path} HTTP/1.1\r\nHost : a\r\n\r\n", (400,)),
    ("space_in_name", "GET {path} HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", (400,)),
    ("obs_fold", "GET {path} HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", (400,)),
    ("bare_lf", "GET {path} HTTP/1.1\nHost: a\n\n", (400,)),
    ("bare_cr_in_value", "GET {path} HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", (400,)),
    ("nul_in_value", "GET {path} HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n", (400,)),
    ("no_colon", "GET {path} HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", (400,)),
    ("empty_name", "GET {path} HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", (400,)),
    ("bad_version", "GET {path} HTTP/1.2.3\r\nHost: a\r\n\r\n", (400, 505)),
    ("version_two", "GET {path} HTTP/2.0\r\nHost: a\r\n\r\n", (400, 505)),
    ("lower_case_version", "GET {path} http/1.1\r\nHost: a\r\n\r\n", (400, 505)),
    ("no_version", "GET {path}\r\nHost: a\r\n\r\n", (400, 505)),
    ("two_spaces", "GET  {path} HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    ("tab_separator", "GET\t{path} HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    ("relative_target", "GET page HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    ("fragment", "GET {path}#x HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    ("two_lengths", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", (400,)),
    ("negative_length", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", (400,)),
    ("plus_length", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", (400,)),
    ("hex_length", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na", (400,)),
    ("length_list", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\na", (400,)),
    ("huge_length", "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", (400, 413)),
    ("length_and_chunked",
     "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    ("unknown_coding", "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501)),
    ("chunked_twice",
     "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("chunked_not_last",
     "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", (400, 501)),
    ("chunked_disguised",
     "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("chunked_in_10", "POST {path} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    ("bad_chunk_size",
     "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", (400, 502)),
    ("method_with_brackets", "G[E]T {path} HTTP/1.1\r\nHost: a\r\n\r\n", (400, 405, 501)),
]


def _refused(raw, statuses):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        client = s.client()
        smuggled = f"GET /{s.segment}/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send((raw.replace("{path}", s.path) + smuggled).encode("latin-1"))
        try:
            response = client.read_response()
            s.check(response.status in statuses, f"one of {statuses}", repr(response))
            s.check(client.at_end(), "the connection closed")
        except (Ended, ConnectionResetError):
            pass
        s.check(all("smuggled" not in request.target for request in s.seen), "no second request at the origin", s.seen)
        whole = [request for request in s.seen if request.method == "GET" or request.body]
        s.check(not whole, "nothing malformed at the origin", whole)
    return tell


for _name, _raw, _statuses in REFUSED:
    add(f"connections/refuses_{_name}", "RFC 9112 2-7", f"{_raw.split(chr(13))[0]!r} and so on: {_statuses}",
        _refused(_raw, _statuses))


@story("RFC 9112 3", "a target beyond the limit is 414")
def target_too_long(s):
    client = s.client()
    client.send(_request(s, f"GET {s.path}?{'a' * 200_000} HTTP/1.1"))
    try:
        s.check(client.read_response().status in (400, 414, 431), "414 or 431")
    except (Ended, ConnectionResetError):
        pass


@story("RFC 6585 5", "too many fields are 431")
def too_many_fields(s):
    client = s.client()
    client.send(_request(s, None, ["Host: story.test", *(f"X-{number}: 1" for number in range(5000))]))
    try:
        s.check(client.read_response().status in (400, 431), "431")
    except (Ended, ConnectionResetError):
        pass


@story("RFC 6585 5", "a field section beyond the limit is 431")
def fields_too_large(s):
    client = s.client()
    client.send(_request(s, None, ["Host: story.test", f"X-Big: {'b' * 300_000}"]))
    try:
        s.check(client.read_response().status in (400, 431), "431")
    except (Ended, ConnectionResetError):
        pass


@story("RFC 9112 9.5", "a client that closes half its connection after the request still gets the answer")
def half_close(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.request("GET", s.path, {"Connection": "close"})
    client.sock.shutdown(socket.SHUT_WR)
    try:
        s.equal(client.read_response().status, 200, "status")
    except (Ended, ConnectionResetError):
        s.fail("an answer", "a closed connection")


@story("RFC 9112 9.3", "an answer with an error of the node's own is well-formed and says its length")
def own_error_framed(s):
    def close(connection, request):
        connection.close()
        return False
    s.answer(act=close)
    response = s.get()
    s.equal(response.status, 502, "status")
    s.check("Content-Length" in response.fields or "Transfer-Encoding" in response.fields, "framing", repr(response))


def _outlives(*pieces):
    """The client is refused behind the last piece, reads that, and goes on sending: no reset may come of it."""
    def tell(s):
        s.answer(200, {"Cache-Control": "no-store"})
        client = s.client()
        client.request("GET", s.path)
        client.read_response()
        for piece in pieces:
            client.send(piece.replace(b"PATH", s.path.encode()))
            wait_until(lambda: _unsent(client) == 0, "the piece to arrive")
        s.equal(client.read_response().status, 400, "the status")
        s.check(client.at_end(), "the end of the connection")
        for _ in range(2):
            client.send(b"the rest")
            wait_until(lambda: _unsent(client) == 0, "the rest to arrive")
    return tell


def _unsent(client):
    """Bytes that the node's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, bytes(4)))[0]


_CHUNKED = b"POST PATH HTTP/1.1\r\nHost: story.test\r\nTransfer-Encoding: chunked\r\n\r\n"

add("connections/refused_head_is_read_on", "RFC 9112 9.6", "what follows a refused head destroys no answer",
    _outlives(b"GET PATH HTTP/1.1\r\nHost : story.test\r\n\r\n"))
add("connections/refused_body_is_read_on", "RFC 9112 9.6", "what follows a refused chunk destroys no answer",
    _outlives(_CHUNKED, b"5\r\nhello\r\n", b"0x1\r\n"))


@story("RFC 9110 7.4", "an https target is not answered on a connection without TLS")
def https_without_tls(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    client = s.client()
    client.send(f"GET https://story.test{s.path} HTTP/1.1\r\nHost: story.test\r\n\r\n".encode())
    s.equal(client.read_response().status, 421, "status")
    s.check(client.at_end(), "the connection closed")
    client = s.client()
    client.send(f"GET http://story.test{s.path} HTTP/1.1\r\nHost: story.test\r\n\r\n".encode())
    s.equal(client.read_response().status, 200, "status for http")


@story("RFC 9110 15.5.6", "405 says what is allowed")
def allow(s):
    for line in (f"TRACE {s.path} HTTP/1.1\r\nMax-Forwards: 0", "CONNECT story.test:443 HTTP/1.1"):
        client = s.client()
        client.send(f"{line}\r\nHost: story.test\r\n\r\n".encode())
        response = client.read_response()
        s.equal(response.status, 405, f"status of {line}")
        s.check("GET" in (response.get("Allow") or ""), "Allow with GET", repr(response))


@story("RFC 9112 9.6", "an answer that overtakes its request's body says that the connection will close")
def early_answer(s):
    def act(connection, request):
        connection.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")
        return False
    s.answer(act=act)
    client = s.client()
    client.request("PUT", s.path, {"Content-Length": "1000"})
    client.send(b"x" * 100)
    response = client.read_response()
    s.equal((response.status, (response.get("Connection") or "").lower()), (202, "close"), "status and Connection")


@story("RFC 9110 9.2.2", "a request whose origin has begun to answer is not sent again")
def not_again_after_interim(s):
    def act(connection, request):
        connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        connection.close()
        return False
    s.answers(Reply(200, {"Cache-Control": "no-store"}), Reply(act=act))
    client = s.client()
    for method, status in (("GET", 200), ("DELETE", 502)):
        client.request(method, s.path)
        s.equal(client.read_response().status, status, f"status of {method}")
    s.equal(len(s.seen), 2, "requests at the origin")


def _pipelined(s, requests):
    """Sends all of them at once and reads as many good answers."""
    client = s.client()
    sender = threading.Thread(target=client.send, args=(b"".join(requests),))
    sender.start()
    for number in range(len(requests)):
        response = client.read_response()
        if response.status != 200 or not response.complete:
            s.fail(f"answer {number + 1} of {len(requests)} to be good", repr(response))
    sender.join()
    client.request("GET", s.path)
    s.equal(client.read_response().body, b"ok", "the connection goes on")


@story("RFC 9112 9.3.2", "requests that come together are answered however many they are, wherever a buffer ends")
def many_pipelined(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, b"ok")
    s.get()
    for length in (0, 100, 450, 2000, 7000):
        one = f"GET {s.path} HTTP/1.1\r\nHost: story.test\r\nX: {'x' * length}\r\n\r\n".encode()
        _pipelined(s, [one] * (300_000 // len(one)))


@story("RFC 9112 9.3.2", "the same of long heads behind short requests, and of requests with bodies")
def many_pipelined_with_bodies(s):
    s.answer(200, {"Cache-Control": "no-store"}, b"ok")
    short = f"GET {s.path} HTTP/1.1\r\nHost: story.test\r\n\r\n".encode()
    long = f"GET {s.path} HTTP/1.1\r\nHost: story.test\r\nCookie: a={'x' * 18_000}\r\n\r\n".encode()
    longest = f"GET {s.path} HTTP/1.1\r\nHost: story.test\r\nCookie: a={'x' * 60_000}\r\n\r\n".encode()

    def post(size, length):
        return (f"POST {s.path} HTTP/1.1\r\nHost: story.test\r\nX: {'x' * length}\r\nContent-Length: {size}\r\n\r\n"
                .encode() + b"b" * size)
    chunked = (f"POST {s.path} HTTP/1.1\r\nHost: story.test\r\nX: {'x' * 60_000}\r\nTransfer-Encoding: chunked\r\n\r\n"
               .encode() + b"5\r\nhello\r\n0\r\n\r\n")
    _pipelined(s, [long] * 6)
    _pipelined(s, [longest] * 3)
    _pipelined(s, [short] * 300 + [longest, chunked] + [short] * 300 + [chunked])
    _pipelined(s, [post(10, 0)] * 1200)
    _pipelined(s, [post(3000, 0)] * 40)
    # A head that ends where the buffer does, with the body still to come.
    for length in range(15_000, 19_000, 127):
        _pipelined(s, [post(0, 62_000), post(100_000, length)])
