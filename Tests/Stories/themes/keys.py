"""Which requests share a stored answer: host, path, query, and how they are normalised (RFC 9111 section 2,
RFC 9110 section 4.2.3)."""

from harness.story import add, story

# name, first path after the story's segment, second, shared
PATHS = [
    ("same", "/page", "/page", True),
    ("other_path", "/page", "/other", False),
    ("path_case", "/page", "/Page", False),
    ("trailing_slash", "/page", "/page/", False),
    ("same_query", "/page?a=1", "/page?a=1", True),
    ("other_query", "/page?a=1", "/page?a=2", False),
    ("query_or_none", "/page", "/page?a=1", False),
    ("empty_query", "/page", "/page?", False),
    ("query_order", "/page?a=1&b=2", "/page?b=2&a=1", False),
    ("unreserved_escaped", "/page", "/%70age", True),
    ("escape_case", "/p%c3%a9", "/p%C3%A9", True),
    ("dot_segment", "/page", "/./page", True),
    ("dot_dot_segment", "/page", "/x/../page", True),
    ("escaped_slash_is_no_slash", "/a/b", "/a%2Fb", False),
    ("double_slash", "/a/b", "/a//b", False),
    ("plus_in_query", "/page?a=+", "/page?a=%20", False),
]


def _paths(first, second, shared):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        s.miss(path=f"/{s.segment}{first}")
        (s.hit if shared else s.miss)(path=f"/{s.segment}{second}")
    return tell


for _name, _first, _second, _shared in PATHS:
    add(f"keys/{_name}", "RFC 9110 4.2.3", f"{_first} and {_second} {'share' if _shared else 'do not share'} an answer",
        _paths(_first, _second, _shared))

HOSTS = [
    ("other_host", "a.test", "b.test", False),
    ("host_case", "a.test", "A.TEST", True),
    ("default_port", "a.test", "a.test:80", True),
    ("other_port", "a.test", "a.test:8080", False),
]


def _hosts(first, second, shared):
    def tell(s):
        s.answer(200, {"Cache-Control": "max-age=3600"})
        s.miss(host=first)
        (s.hit if shared else s.miss)(host=second)
    return tell


for _name, _first, _second, _shared in HOSTS:
    add(f"keys/{_name}", "RFC 9110 4.2.3", f"Host {_first} and {_second} {'share' if _shared else 'do not share'}",
        _hosts(_first, _second, _shared))


@story("RFC 9110 4.2.3", "what is forwarded equals what was keyed")
def forwarded_equals_keyed(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    request = s.miss(path=f"/{s.segment}/x/../%70age").forwarded[0]
    s.equal(request.target, f"/{s.segment}/page", "the target at the origin")


@story("RFC 9112 3.2", "a long target with query reaches the origin whole")
def long_target(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    path = f"/{s.segment}/page?" + "&".join(f"name{number}=value" for number in range(200))
    s.equal(s.miss(path=path).forwarded[0].target, path, "the target")
    s.hit(path=path)


@story("RFC 9111 4", "dot segments cannot climb out of the root")
def climbing(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    client = s.client()
    client.send(f"GET /../../{s.segment}/page HTTP/1.1\r\nHost: story.test\r\n\r\n".encode())
    status = client.read_response().status
    s.check(status == 400 or s.seen[0].target == f"/{s.segment}/page", "400 or the target without dots", status)
