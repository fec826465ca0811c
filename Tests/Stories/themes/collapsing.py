"""Many clients, one fetch: collapsed forwarding, streaming to waiters, hit-for-miss (RFC 9111 section 4)."""

import threading

from harness.message import Ended
from harness.origin import Reply
from harness.story import story

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: %d\r\n\r\n"


def _clients(s, count):
    clients = [s.client() for _ in range(count)]
    for client in clients:
        client.request("GET", s.path)
    return clients


@story("RFC 9111 4", "fifty clients missing at once make one request at the origin, over both workers")
def one_fetch(s):
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        connection.send(HEAD % 5 + b"hello")
        return True
    s.answer(act=act)
    clients = _clients(s, 50)
    s.await_origin(1)
    gate.set()
    s.equal({client.read_response().body for client in clients}, {b"hello"}, "bodies")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 4", "waiters stream: each gets the first bytes before the origin has sent the last")
def waiters_stream(s):
    gate = threading.Event()
    body = b"first half, " + b"second half."

    def act(connection, request):
        connection.send(HEAD % len(body) + body[:12])
        gate.wait(10)
        connection.send(body[12:])
        return True
    s.answer(act=act)
    clients = _clients(s, 20)
    heads = [client.read_head() for client in clients]
    for client in clients:
        while len(client.reader.buffer) < 12:
            client.reader.fill()
        s.equal(client.reader.buffer[:12], body[:12], "the first bytes")
    gate.set()
    for client, head in zip(clients, heads):
        s.equal(client.read_body(head).body, body, "the whole body")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 4", "a client that comes when half the body is there gets all of it")
def late_joiner(s):
    gate = threading.Event()
    body = b"x" * 300_000 + b"y" * 300_000

    def act(connection, request):
        connection.send(HEAD % len(body) + body[:300_000])
        gate.wait(10)
        connection.send(body[300_000:])
        return True
    s.answer(act=act)
    first, = _clients(s, 1)
    head = first.read_head()
    while len(first.reader.buffer) < 300_000:
        first.reader.fill()
    late = _clients(s, 10)
    late_heads = [client.read_head() for client in late]
    gate.set()
    for client, one in zip([first, *late], [head, *late_heads]):
        s.check(client.read_body(one).body == body, "the whole body")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 4", "an uncacheable answer is not shared, and its waiters do not queue behind each other")
def uncacheable_not_shared(s):
    gate = threading.Event()
    count = [0]
    lock = threading.Lock()

    def act(connection, request):
        with lock:
            count[0] += 1
            number = count[0]
        gate.wait(10)
        body = b"private %04d" % number
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True
    s.answer(act=act)
    clients = _clients(s, 20)
    s.await_origin(1)
    gate.set()
    bodies = [client.read_response().body for client in clients]
    s.equal(len(set(bodies)), 20, "distinct bodies")


@story("RFC 9111 4", "hit-for-miss: once known as uncacheable, requests go to the origin side by side")
def hit_for_miss(s):
    s.answers(Reply(200, {"Cache-Control": "no-store"}))
    s.miss()
    arrived = threading.Barrier(5)

    def act(connection, request):
        arrived.wait(10)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok")
        return True
    s.answers(Reply(act=act))
    clients = _clients(s, 5)
    s.equal([client.read_response().body for client in clients], [b"ok"] * 5, "bodies")


@story("RFC 9111 4", "hit-for-miss: an answer that may be stored again is stored, whatever the one before it said")
def stored_after_uncacheable(s):
    s.answers(Reply(200, {"Cache-Control": "no-store"}), Reply(200, {"Cache-Control": "max-age=3600"}))
    s.miss()
    s.miss()
    s.hit()


@story("RFC 9111 4", "hit-for-miss: a range of what is not stored goes to the origin as a range")
def range_of_uncacheable(s):
    s.answers(Reply(200, {"Cache-Control": "no-store"}),
              Reply(206, {"Cache-Control": "no-store", "Content-Range": "bytes 0-3/9"}, b"0123"))
    s.miss()
    response = s.forwarded({"Range": "bytes=0-3"})
    s.equal((response.status, response.forwarded[0].get("Range")), (206, "bytes=0-3"), "status and Range")


@story("RFC 9111 4", "the client that caused the fetch may leave; the others get the whole body")
def first_client_leaves(s):
    gate = threading.Event()
    body = b"z" * 200_000

    def act(connection, request):
        connection.send(HEAD % len(body) + body[:1000])
        gate.wait(10)
        connection.send(body[1000:])
        return True
    s.answer(act=act)
    first, = _clients(s, 1)
    s.await_origin(1)
    first.read_head()
    others = _clients(s, 5)
    heads = [client.read_head() for client in others]
    first.reset()
    gate.set()
    for client, head in zip(others, heads):
        s.check(client.read_body(head).body == body, "the whole body")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 4", "a fetch whose only client leaves does no harm: the next request gets the whole body")
def only_client_leaves(s):
    gate = threading.Event()
    body = b"w" * 100_000

    def act(connection, request):
        connection.send(HEAD % len(body) + body[:1000])
        gate.wait(10)
        connection.send(body[1000:])
        return True
    s.answer(act=act)
    first, = _clients(s, 1)
    first.read_head()
    first.reset()
    gate.set()
    s.check(s.get().body == body, "the whole body")


@story("RFC 9111 4", "when the fetch fails, every waiter gets an error or a cut answer, and none a whole one")
def fetch_fails(s):
    gate = threading.Event()

    def act(connection, request):
        connection.send(HEAD % 1000 + b"only this")
        gate.wait(10)
        connection.close()
        return False
    s.answers(Reply(act=act))
    clients = _clients(s, 10)
    s.await_origin(1)
    gate.set()
    for client in clients:
        try:
            response = client.read_response()
            s.check(not response.complete or response.status in (502, 504), "a cut answer or 502", repr(response))
        except (Ended, ConnectionResetError):
            pass


@story("RFC 9111 4", "a slow reader does not hold up the others")
def slow_reader(s):
    body = b"0123456789abcdef" * 250_000
    s.answer(200, {"Cache-Control": "max-age=3600"}, body)
    slow = s.client(receive_buffer=4096)
    slow.request("GET", s.path)
    head = slow.read_head()
    quick = s.get()
    s.check(quick.body == body, "the whole body for the quick reader")
    s.check(slow.read_body(head).body == body, "the whole body for the slow reader")
    s.equal(len(s.seen), 1, "requests at the origin")


@story("RFC 9111 4", "a slow origin does not hold up other requests")
def slow_origin(s):
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        connection.send(HEAD % 4 + b"slow")
        return True
    s.answers(Reply(200, {"Cache-Control": "max-age=3600"}, b"quick"), Reply(act=act))
    quick = f"/{s.segment}/quick"
    s.miss(path=quick)
    clients = _clients(s, 5)
    s.await_origin(2)
    for _ in range(20):
        s.equal(s.hit(path=quick).body, b"quick", "the quick body")
    gate.set()
    s.equal({client.read_response().body for client in clients}, {b"slow"}, "slow bodies")


@story("RFC 9111 4", "HEAD of a page that is being fetched waits or is forwarded, and is right")
def head_during_fetch(s):
    gate = threading.Event()

    def act(connection, request):
        if request.method == "HEAD":
            connection.send(HEAD % 5)
            return True
        gate.wait(10)
        connection.send(HEAD % 5 + b"hello")
        return True
    s.answer(act=act)
    one, = _clients(s, 1)
    s.await_origin(1)
    two = s.client()
    two.request("HEAD", s.path)
    gate.set()
    s.equal(two.read_response("HEAD").get("Content-Length"), "5", "Content-Length")
    s.equal(one.read_response().body, b"hello", "the body")


@story("RFC 9111 4", "clients of both workers find what either fetched")
def across_workers(s):
    workers = s.node.workers()
    s.answer(200, {"Cache-Control": "max-age=3600"})
    bodies = set()
    for worker in workers:
        with s.node.connect(worker) as client:
            client.request("GET", s.path)
            bodies.add(client.read_response().body)
    s.equal((len(bodies), len(s.seen)), (1, 1), "distinct bodies and requests at the origin")


@story("RFC 9111 3", "hundreds of different answers that are fetched at once are all stored")
def many_at_once(s):
    gate = threading.Event()

    def act(connection, request):
        gate.wait(20)
        connection.send(HEAD % 5 + b"hello")
        return True
    s.answer(act=act)
    paths = [f"/{s.segment}/{number}" for number in range(700)]
    clients = [s.client().request("GET", path) for path in paths]
    s.await_origin(len(paths))
    gate.set()
    s.equal({client.read_response().body for client in clients}, {b"hello"}, "bodies")
    for path in paths:
        s.hit(path=path)


@story("RFC 9111 4.4", "who waits for an answer that is invalidated meanwhile waits for the next one, and for one only")
def invalidated_meanwhile(s):
    gate = threading.Event()

    def held(connection, request):
        gate.wait(10)
        connection.send(HEAD % 3 + b"old")
        return True

    def changed(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True
    s.answers(Reply(act=held), Reply(act=changed), Reply(200, {"Cache-Control": "max-age=3600"}, b"new"))
    first = s.client()
    first.request("GET", s.path)
    s.await_origin(1)
    clients = _clients(s, 20)
    s.equal(s.get(method="PUT", body=b"x").status, 204, "status of the PUT")
    gate.set()
    first.read_response()
    s.equal({client.read_response().body for client in clients}, {b"new"}, "bodies of those who waited")
    s.equal(len(s.seen), 3, "requests at the origin")
    s.hit()


@story("RFC 9110 15.6.5", "a fetch that fails is told in the same words to all who waited for it")
def same_failure(s):
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        connection.close()
        return False
    s.answers(Reply(200, {"Cache-Control": "max-age=10, must-revalidate", "ETag": '"a"'}), Reply(act=act))
    s.miss()
    s.advance(20)
    clients = _clients(s, 10)
    s.await_origin(2)
    gate.set()
    s.equal({client.read_response().status for client in clients}, {504}, "statuses")
