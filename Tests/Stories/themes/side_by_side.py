"""Fetches and validations that nobody waits for: what is for one request, and requests with Authorization (RFC 9111
sections 3.5, 4 and 4.3)."""

import threading

from harness.origin import Reply
from harness.story import add, story


def _clients(s, count):
    clients = [s.client() for _ in range(count)]
    for client in clients:
        client.request("GET", s.path)
    return clients


def _reply(status, fields, body=b""):
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    length = "" if status == 304 else f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} X\r\n{lines}{length}\r\n".encode() + body


def _side_by_side(fields):
    def tell(s):
        s.answers(Reply(200, {**fields, "ETag": '"a"'}, b"body"))
        s.miss()
        arrived = threading.Barrier(6)

        def act(connection, request):
            arrived.wait(5)
            connection.send(_reply(304, {**fields, "ETag": '"a"'}))
            return True
        s.answers(Reply(act=act))
        clients = _clients(s, 6)
        s.equal([client.read_response().body for client in clients], [b"body"] * 6, "bodies")
        s.equal([request.get("If-None-Match") for request in s.seen[1:]], ['"a"'] * 6, "If-None-Match")
    return tell


for _name, _fields in (("no_cache", {"Cache-Control": "no-cache"}),
                       ("max_age_0", {"Cache-Control": "public, max-age=0"}), ("no_lifetime", {}),
                       ("expired", {"Expires": "0"}), ("aged", {"Cache-Control": "max-age=60", "Age": "100"})):
    add(f"side_by_side/{_name}", "RFC 9111 4.3",
        f"what {_fields} makes be validated each time is validated for all clients side by side",
        _side_by_side(_fields))


@story("RFC 9111 4.3", "who has waited for one validation that is of no use to him does not wait for another")
def waits_once(s):
    s.answers(Reply(200, {"Cache-Control": "max-age=10", "ETag": '"a"'}, b"body"))
    s.miss()
    s.advance(20)
    gate = threading.Event()
    arrived = threading.Barrier(5)

    def first(connection, request):
        gate.wait(10)
        connection.send(_reply(304, {"Cache-Control": "no-cache", "ETag": '"a"'}))
        return True

    def others(connection, request):
        arrived.wait(5)
        connection.send(_reply(304, {"Cache-Control": "no-cache", "ETag": '"a"'}))
        return True
    s.answers(Reply(act=first), Reply(act=others))
    one, = _clients(s, 1)
    s.await_origin(2)
    clients = _clients(s, 5)
    gate.set()
    s.equal([client.read_response().body for client in [one, *clients]], [b"body"] * 6, "bodies")
    s.equal([request.get("If-None-Match") for request in s.seen[1:]], ['"a"'] * 6, "If-None-Match")


@story("RFC 9111 4.3", "one that is asked beside another's validation may find another answer: it gets that")
def other_answer_beside(s):
    s.answers(Reply(200, {"Cache-Control": "no-cache", "ETag": '"a"'}, b"old"))
    s.miss()
    arrived = threading.Barrier(4)

    def act(connection, request):
        arrived.wait(5)
        connection.send(_reply(200, {"Cache-Control": "no-cache", "ETag": '"b"'}, b"new"))
        return True
    s.answers(Reply(act=act))
    clients = _clients(s, 4)
    s.equal({client.read_response().body for client in clients}, {b"new"}, "bodies")


@story("RFC 9111 3.5", "requests with Authorization do not wait for each other")
def personal_side_by_side(s):
    arrived = threading.Barrier(5)

    def act(connection, request):
        arrived.wait(5)
        connection.send(_reply(200, {"Cache-Control": "max-age=3600"}, request.get("Authorization").encode()))
        return True
    s.answer(act=act)
    for _ in range(2):
        clients = [s.client().request("GET", s.path, {"Authorization": str(number)}) for number in range(5)]
        s.equal([client.read_response().body for client in clients], [b"%d" % number for number in range(5)], "bodies")


@story("RFC 9111 3.5", "a request with Authorization joins the fetch of what is everybody's, once that is known")
def personal_joins_public(s):
    gate = threading.Event()

    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 8\r\n\r\nhalf")
        gate.wait(10)
        connection.send(b"half")
        return True
    s.answer(act=act)
    one = s.client().request("GET", s.path, {"Authorization": "one"})
    head = one.read_head()
    two = s.client().request("GET", s.path, {"Authorization": "two"})
    two_head = two.read_head()
    gate.set()
    s.equal((one.read_body(head).body, two.read_body(two_head).body), (b"halfhalf", b"halfhalf"), "bodies")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 3.5", "who waits behind a fetch for somebody's Authorization waits for the next one, and shares it")
def behind_personal(s):
    gate = threading.Event()

    def act(connection, request):
        who = request.get("Authorization")
        if who:
            gate.wait(10)
        connection.send(_reply(200, {"Cache-Control": "max-age=3600"}, (who or "all").encode()))
        return True
    s.answer(act=act)
    one = s.client().request("GET", s.path, {"Authorization": "one"})
    s.await_origin(1)
    clients = _clients(s, 4)
    gate.set()
    s.equal(one.read_response().body, b"one", "the body for one")
    s.equal({client.read_response().body for client in clients}, {b"all"}, "the bodies for the others")
    s.equal(len(s.seen), 2, "requests at the origin")
    s.hit()
