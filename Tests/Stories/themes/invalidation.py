"""Invalidation by unsafe methods (RFC 9111 section 4.4) and by groups (RFC 9875)."""

from harness.origin import Reply
from harness.story import add, story

STORED = {"Cache-Control": "max-age=3600"}


def _by_method(method, status, invalidates):
    def tell(s):
        s.answer(200, STORED)
        s.answer(status, {"Cache-Control": "no-store", **({"Location": "/x"} if status == 303 else {})}, b"done")
        s.answer(200, STORED)
        s.miss()
        s.hit()
        s.forwarded(method=method, body=b"a=1")
        (s.miss if invalidates else s.hit)()
    return tell


for _method in ("POST", "PUT", "DELETE", "PATCH", "M-SEARCH"):
    add(f"invalidation/{_method.lower()}_invalidates", "RFC 9111 4.4", f"a {_method} that succeeds invalidates its URL",
        _by_method(_method, 200, True))
    add(f"invalidation/{_method.lower()}_that_fails_does_not", "RFC 9111 4.4",
        f"a {_method} answered 500 invalidates nothing", _by_method(_method, 500, False))
for _status, _invalidates in ((201, True), (204, True), (303, True), (400, False), (404, False), (503, False)):
    add(f"invalidation/post_answered_{_status}", "RFC 9111 4.4",
        f"a POST answered {_status} {'invalidates' if _invalidates else 'does not invalidate'}",
        _by_method("POST", _status, _invalidates))
for _method in ("OPTIONS", "PROPFIND", "REPORT", "SEARCH", "QUERY"):
    add(f"invalidation/{_method.lower()}_does_not", "RFC 9111 4.4", f"a {_method} is safe and invalidates nothing",
        _by_method(_method, 200, False))


def _by_field(field, absolute, same_host):
    def tell(s):
        other = f"/{s.segment}/other"
        host = "story.test" if same_host else "elsewhere.test"
        target = f"http://{host}{other}" if absolute else other
        s.answer(200, STORED)
        s.answer(200, {"Cache-Control": "no-store", field: target}, b"done")
        s.answer(200, STORED)
        s.miss(path=other)
        s.hit(path=other)
        s.forwarded(method="POST", body=b"a=1")
        (s.miss if same_host else s.hit)(path=other)
    return tell


for _field in ("Location", "Content-Location"):
    add(f"invalidation/{_field.lower()}_path", "RFC 9111 4.4", f"{_field} of a POST's answer is invalidated too",
        _by_field(_field, False, True))
    add(f"invalidation/{_field.lower()}_absolute", "RFC 9111 4.4", f"an absolute {_field} on the same host as well",
        _by_field(_field, True, True))
    add(f"invalidation/{_field.lower()}_of_other_host", "RFC 9111 4.4", f"a {_field} on another host is left alone",
        _by_field(_field, True, False))


@story("RFC 9111 4.4", "invalidation takes all variants of the URL")
def all_variants(s):
    s.answer(200, {**STORED, "Vary": "Foo"})
    s.answer(200, {**STORED, "Vary": "Foo"})
    s.answer(200, {"Cache-Control": "no-store"}, b"done")
    s.answer(200, {**STORED, "Vary": "Foo"})
    s.miss({"Foo": "1"})
    s.miss({"Foo": "2"})
    s.forwarded(method="POST", body=b"")
    s.miss({"Foo": "1"})
    s.miss({"Foo": "2"})


@story("RFC 9111 4.4", "invalidation leaves other URLs alone")
def other_urls(s):
    other = f"/{s.segment}/other"
    s.answer(200, STORED)
    s.miss()
    s.miss(path=other)
    s.forwarded(method="POST", body=b"")
    s.hit(path=other)


@story("RFC 9875 3", "Cache-Group-Invalidation on an unsafe answer invalidates the members of the group")
def by_group(s):
    members = [f"/{s.segment}/{name}" for name in ("one", "two", "three")]
    group = f'"{s.segment}-group"'
    s.answers(Reply(200, {**STORED, "Cache-Groups": group}), Reply(200, {**STORED, "Cache-Groups": f'"x", {group}'}),
              Reply(200, {**STORED, "Cache-Groups": '"another"'}),
              Reply(200, {"Cache-Control": "no-store", "Cache-Group-Invalidation": group}, b"done"), Reply(200, STORED))
    for member in members:
        s.miss(path=member)
    s.forwarded(path=f"/{s.segment}/form", method="POST", body=b"")
    s.miss(path=members[0])
    s.miss(path=members[1])
    s.hit(path=members[2])


@story("RFC 9875 3", "Cache-Group-Invalidation on a safe answer is ignored")
def by_group_on_get(s):
    group = f'"{s.segment}-group"'
    s.answers(Reply(200, {**STORED, "Cache-Groups": group}),
              Reply(200, {"Cache-Control": "no-store", "Cache-Group-Invalidation": group}), Reply(200, STORED))
    s.miss()
    s.miss(path=f"/{s.segment}/other")
    s.hit()
