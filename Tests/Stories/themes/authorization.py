"""Answers to requests with Authorization (RFC 9111 section 3.5)."""

from harness.story import add, story

ASKING = {"Authorization": "Basic dXNlcjpwYXNz"}
RULES = [
    ("max_age_alone", "max-age=3600", False),
    ("public", "max-age=3600, public", True),
    ("must_revalidate", "max-age=3600, must-revalidate", True),
    ("s_maxage", "s-maxage=3600", True),
    ("private", "private, max-age=3600", False),
    ("no_store", "public, no-store", False),
    ("proxy_revalidate", "max-age=3600, proxy-revalidate", False),
]


def _rule(value, stored):
    def tell(s):
        s.answer(200, {"Cache-Control": value})
        s.miss(ASKING)
        (s.hit if stored else s.forwarded)()
    return tell


for _name, _value, _stored in RULES:
    add(f"authorization/{_name}", "RFC 9111 3.5",
        f"Cache-Control: {_value} {'lets' if _stored else 'does not let'} an answer to Authorization be stored",
        _rule(_value, _stored))


@story("RFC 9111 3.5", "Authorization reaches the origin")
def forwarded(s):
    s.answer(200, {"Cache-Control": "no-store"})
    s.equal(s.miss(ASKING).forwarded[0].get("Authorization"), ASKING["Authorization"], "Authorization")


@story("RFC 9111 3.5", "an answer to one user's Authorization never reaches another user")
def not_shared(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss(ASKING)
    s.miss({"Authorization": "Basic b3RoZXI6b3RoZXI="})


@story("RFC 9111 3.5", "an answer to one user's Authorization is not shared while it is being fetched, either")
def not_collapsed(s):
    import threading
    gate = threading.Event()

    def act(connection, request):
        gate.wait(10)
        who = request.get("Authorization", "nobody").encode()
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: %d\r\n\r\n" % len(who)
        connection.send(head + who)
        return True
    s.answer(act=act)
    one, two = s.client(), s.client()
    one.request("GET", s.path, {"Authorization": "one"})
    two.request("GET", s.path, {"Authorization": "two"})
    s.await_origin(1)
    gate.set()
    s.equal(one.read_response().body, b"one", "the first user's answer")
    s.equal(two.read_response().body, b"two", "the second user's answer")
