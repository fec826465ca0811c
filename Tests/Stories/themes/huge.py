"""Ranges of objects that are too large to be fetched whole for them (RFC 9111 section 4, RFC 9110 section 14.2)."""

import threading

from harness.origin import Reply
from harness.story import story


HUGE = 1 << 30


def _huge_origin(gate, whole_first):
    """Answers with ranges of a huge object; those behind the first 1000 bytes wait at the gate."""
    def act(connection, request):
        asked = request.get("Range")
        head = b'HTTP/1.1 %s\r\nETag: "a"\r\nCache-Control: max-age=3600\r\nContent-Length: %d\r\n%s\r\n'
        if asked is None:
            whole_first.append(request)
            connection.send(head % (b"200 OK", HUGE, b"") + b"x" * 100)
            return True
        first, last = (int(number) for number in asked.partition("=")[2].split("-"))
        if first >= 1000:
            gate()
        place = f"Content-Range: bytes {first}-{last}/{HUGE}\r\n".encode()
        connection.send(head % (b"206 Partial Content", last - first + 1, place) + _bytes(first, last))
        return True
    return act


def _bytes(first, last):
    return bytes(number % 251 for number in range(first, last + 1))


@story("RFC 9111 4", "different ranges of an object over the set size are fetched side by side, and all stored")
def different_ranges(s):
    arrived = threading.Barrier(6)
    s.answers(Reply(act=_huge_origin(lambda: arrived.wait(5), [])))
    s.get({"Range": "bytes=0-99"})
    places = [(number * 1000000, number * 1000000 + 99) for number in range(1, 7)]
    clients = [s.client().request("GET", s.path, {"Range": f"bytes={first}-{last}"}) for first, last in places]
    for client, (first, last) in zip(clients, places):
        response = client.read_response()
        s.equal((response.status, response.body), (206, _bytes(first, last)), "status and bytes")
    for first, last in places:
        s.equal(s.hit({"Range": f"bytes={first + 1}-{last}"}).body, _bytes(first + 1, last), "bytes from the cache")


@story("RFC 9111 4", "one range of an object over the set size is fetched once for all who ask for it meanwhile")
def same_range(s):
    gate = threading.Event()
    s.answers(Reply(act=_huge_origin(lambda: gate.wait(10), [])))
    s.get({"Range": "bytes=0-99"})
    before = len(s.seen)
    clients = [s.client().request("GET", s.path, {"Range": "bytes=7000-7999"}) for _ in range(8)]
    s.await_origin(before + 1)
    gate.set()
    for client in clients:
        response = client.read_response()
        s.equal((response.status, response.body), (206, _bytes(7000, 7999)), "status and bytes")
    s.equal(len(s.seen), before + 1, "requests at the origin")
