"""`martlet purge`: what is purged for good is fetched anew, what is purged softly is asked about again."""

import threading
import time

from cases.restarts import command
from harness.client import Client
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet


def site(context):
    """Pages with a validator; those under /vary/ in two languages. Gives the origin and what it was asked."""
    asked = []

    def act(connection, request):
        condition = request.get("If-None-Match")
        asked.append((request.target.split("docs/", 1)[1], condition))
        head = b"Cache-Control: max-age=3600\r\nETag: \"v1\"\r\n"
        if "vary" in request.target:
            head += b"Vary: Accept-Language\r\n"
        if condition == '"v1"':
            connection.send(b"HTTP/1.1 304 Not Modified\r\n" + head + b"\r\n")
        else:
            content = (request.get("Accept-Language") or "any").encode()
            connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
        return True
    origin = context.origin()
    origin.script("docs", "purging").add(Reply(act=act))
    return origin, asked


def get(client, path, language=None):
    client.request("GET", f"/docs/{path}", fields=[("Accept-Language", language)] if language else [])
    answer = client.read_response()
    expect(answer.status == 200 and answer.body == (language or "any").encode(), f"{path}: {answer!r}")


def all_pages(client):
    for path in ("a/1", "a/2", "b/1"):
        get(client, path)
    for language in ("de", "en"):
        get(client, "vary", language)


def after(client, asked):
    """What the origin is asked when every page is read twice."""
    asked.clear()
    all_pages(client)
    first = list(asked)
    all_pages(client)
    expect(asked == first, f"asked again for what had just been confirmed: {asked[len(first):]}")
    return first


@case("a URL with its variants, a prefix, a host and everything: purged for good or softly, for all workers at once")
def kinds(context):
    origin, asked = site(context)
    node = context.node(origin.url)
    place = "http://story.test/docs"
    clients = [node.connect(worker) for worker in node.workers()]
    for client in clients:
        all_pages(client)
    expect(len(asked) == 5, f"{asked}")
    everything = ["a/1", "a/2", "b/1", "vary", "vary"]
    for words, pages in ((["--url", f"{place}/a/1"], ["a/1"]), (["--url", f"{place}/vary"], ["vary", "vary"]),
                         (["--prefix", f"{place}/a/"], ["a/1", "a/2"]), (["--all"], everything),
                         (["--host", "story.test"], everything)):
        for soft in (True, False):
            said = command(node, "purge", *words, *(["--soft"] if soft else []))
            expect("purged" in said and "not stored" not in said, f"soft {soft}: {said}")
            seen = after(clients[0], asked)
            expect(seen == [(page, '"v1"' if soft else None) for page in pages], f"{words}, soft {soft}: {seen}")
            expect(after(clients[1], asked) == [], f"{words}: the other worker asked {asked}")
    for client in clients:
        client.close()


@case("what was purged softly while it was fresh answers for an origin that fails or is gone, where stale may")
def soft_and_failing(context):
    gone = threading.Event()

    def act(connection, request):
        lifetime, _, kind = request.target.split("/")[2].partition(".")
        if gone.is_set():
            if kind == "gone":
                connection.close()
                return False
            connection.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops")
            return True
        value = {"plain": b"max-age=3600", "error": b"max-age=3600, stale-if-error=3600",
                 "must": b"max-age=3600, must-revalidate"}[lifetime]
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: " + value
                        + b"\r\nETag: \"v1\"\r\nContent-Length: 4\r\n\r\nbody")
        return True
    origin = context.origin()
    origin.script("docs", "soft").add(Reply(act=act))
    node = context.node(origin.url)

    def is_hit(client, target):
        client.request("GET", target)
        return "; hit" in client.read_response().get("cache-status")
    expected = {"error.500": 200, "error.gone": 200, "plain.500": 500, "must.500": 500, "must.gone": 504}
    with Client(node.address) as client:
        for name in expected:
            wait_until(lambda name=name: is_hit(client, f"/docs/{name}"), f"{name} stored")
        command(node, "purge", "--all", "--soft")
        gone.set()
        for name, status in expected.items():
            client.request("GET", f"/docs/{name}")
            answer = client.read_response()
            expect((answer.status, answer.body == b"body") == (status, status == 200),
                   f"{name}: {answer.status} {answer.get('cache-status')}")


def held_answers(context, fields=b""):
    """An origin that holds its first answer to each target until its gate opens, and answers with the number of the
    request. Gives a node before it, what was asked, and the gates."""
    gates, asked = {}, []

    def act(connection, request):
        asked.append(request.target)
        body = b"%d" % asked.count(request.target)
        if body == b"1":
            gates[request.target].wait(20)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n" + fields
                        + b"Content-Length: 1\r\n\r\n" + body)
        return True
    origin = context.origin()
    origin.script("docs", "held").add(Reply(act=act))
    return context.node(origin.url), asked, gates


def purge_during_a_fetch(node, asked, gates, client, kind, words, soft, fields=()):
    """Asks for a page of its own, and purges as the words say while the origin holds its answer. Gives the target."""
    path = f"p{kind}{'s' if soft else 'h'}"
    target = f"/docs/{path}"
    gates[target] = threading.Event()
    client.request("GET", target, fields=fields)
    wait_until(lambda: target in asked, "the first request at the origin")
    command(node, "purge", *[word.format(path) for word in words], *(["--soft"] if soft else []))
    return target


@case("a purge while the origin answers, for good or soft: who comes after it gets no answer of before, and what "
      "the later fetch stored stays")
def during_a_fetch(context):
    node, asked, gates = held_answers(context)
    workers = node.workers()
    for kind, words in enumerate((["--url", "http://story.test/docs/{}"], ["--prefix", "http://story.test/docs/"],
                                  ["--host", "story.test"], ["--all"])):
        for soft in (False, True):
            early, late = node.connect(workers[0]), node.connect(workers[1])
            target = purge_during_a_fetch(node, asked, gates, early, kind, words, soft)
            late.request("GET", target)
            # Which tags an answer has, its host among them, is known when its head is there.
            if words[0] == "--host":
                gates[target].set()
            expect(late.read_response().body == b"2", f"{words}, soft {soft}: the later request")
            gates[target].set()
            expect(early.read_response().body == b"1", f"{words}, soft {soft}: the earlier request")
            for client in (early, late):
                client.request("GET", target)
                expect(client.read_response().body == b"2", f"{words}, soft {soft}: afterwards")
                client.close()
            expect(asked.count(target) == 2, f"{words}, soft {soft}: asked {asked}")


@case("a purge while the origin gives its first answer for a URL that varies, by tag, URL, host and so on: the answer "
      "of before is not used")
def during_a_varying_fetch(context):
    node, asked, gates = held_answers(context, b"Vary: Accept-Language\r\nCache-Tag: t\r\n")
    language = [("Accept-Language", "de")]
    with Client(node.address) as client:
        for kind, words in enumerate((["--tag", "t"], ["--url", "http://story.test/docs/{}"], ["--host", "story.test"],
                                      ["--prefix", "http://story.test/docs/"], ["--all"])):
            for soft in (False, True):
                target = purge_during_a_fetch(node, asked, gates, client, kind, words, soft, language)
                gates[target].set()
                expect(client.read_response().body == b"1", f"{words}, soft {soft}: the request of before")
                for number in (2, 3):
                    client.request("GET", target, fields=language)
                    expect(client.read_response().body == b"2", f"{words}, soft {soft}: request {number}")
                expect(asked.count(target) == 2, f"{words}, soft {soft}: asked {asked}")


TAGS = {"Surrogate-Key": "red blue", "Cache-Tag": "green, grey", "Cache-Groups": '"one", "two"'}
GROUPS = ("one", "two", "three")
# What renews the answer, its tag fields, and tags that count for it afterwards, and that do not.
RENEWALS = [
    ("304", {}, ["red", "blue", "green", "grey", "one", "two"], []),
    ("304", {"Surrogate-Key": "blue pink"}, ["blue", "pink", "green", "one"], ["red"]),
    ("304", {"Cache-Tag": "grey, pink"}, ["red", "grey", "pink", "two"], ["green"]),
    ("304", {"Cache-Groups": '"two", "three"'}, ["red", "green", "two", "three"], ["one"]),
    ("304", {"Surrogate-Key": "", "Cache-Tag": ""}, ["one"], ["red", "green"]),
    ("304 vary", {}, ["red", "green", "one"], ["other"]),
    ("304 vary", {"Cache-Tag": "pink"}, ["blue", "pink", "two"], ["green"]),
    ("HEAD", {}, ["red", "green", "one"], ["other"]),
    ("HEAD", {"Surrogate-Key": "pink"}, ["pink", "grey", "two"], ["red"]),
    ("206", {}, ["red", "green", "one"], ["other"]),
]


def _tagged(kind, renewed):
    """An origin's action: answers with all tags, renews with those."""
    def act(connection, request):
        if request.method == "POST":
            group = request.target.rsplit("/", 1)[1]
            connection.send(f'HTTP/1.1 204 No Content\r\nCache-Group-Invalidation: "{group}"\r\n\r\n'.encode())
            return True
        lines = [("Cache-Control", "max-age=3600"), ("ETag", '"v1"'), *([("Vary", "Foo")] if "vary" in kind else [])]
        tags, status, body = TAGS, "200 OK", b"0123456789"
        if kind == "206":
            first, last = request.get("Range", "bytes=0-9")[6:].split("-")
            status, body = "206 Partial Content", body[int(first):int(last) + 1]
            lines.append(("Content-Range", f"bytes {first}-{last}/10"))
            tags = TAGS if first == "0" else renewed
        elif request.get("If-None-Match"):
            tags, status, body = renewed, "304 Not Modified", b""
        elif request.method == "HEAD":
            tags = renewed
        if not status.startswith("304"):
            lines.append(("Content-Length", len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in [*lines, *tags.items()])
        connection.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + (b"" if request.method == "HEAD" else body))
        return True
    return act


@case("an answer that renews a stored one replaces the tags of the fields that it has, and leaves those of the others")
def renewed_tags(context):
    origin = context.origin()
    node = context.node(origin.url, config="\npolicy:\n  range-only: 1b\n")
    with Client(node.address) as client:
        def ask(target, fields=(), method="GET"):
            client.request(method, target, fields)
            return client.read_response(method)
        for number, (kind, renewed, counting, others) in enumerate(RENEWALS):
            origin.script(f"renewal{number}", kind).add(Reply(act=_tagged(kind, renewed)))
            for tag in counting + others:
                target = f"/renewal{number}/{tag}"
                if kind == "206":
                    ask(target, [("Range", "bytes=0-3")])
                    ask(target, [("Range", "bytes=4-9")])
                else:
                    ask(target)
                    node.advance(2)
                    ask(target, [("Cache-Control", "no-cache")], "HEAD" if kind == "HEAD" else "GET")
                last = [("Range", "bytes=2-5")] if kind == "206" else []
                expect("hit" in (ask(target, last).get("Cache-Status") or ""), f"{kind} {renewed}: not stored")
                if tag in GROUPS:
                    ask(f"/renewal{number}/invalidates/{tag}", method="POST")
                else:
                    command(node, "purge", "--tag", tag)
                is_hit = "hit" in (ask(target, last).get("Cache-Status") or "")
                expect(is_hit == (tag in others), f"{kind} {renewed}: {tag} purged, a hit {is_hit}")


@case("a purge waits for nobody, and many at once do not keep the status waiting")
def quick(context):
    origin, _ = site(context)
    node = context.node(origin.url)
    # With the janitor, whose lane is not one to wait for.
    wait_until(lambda: node.admin("GET", "/v1/status")[1].get("janitor", {}).get("state") == "working", "the janitor")

    def seconds(function, *arguments):
        began = time.monotonic()
        expect(function(*arguments)[0] == 200, "an answer")
        return time.monotonic() - began

    def purge(number):
        return node.admin("POST", "/v1/purge", {"tag": f"t{number}"}, 60)
    alone = min(seconds(purge, number) for number in range(20))
    expect(alone < 0.02, f"one takes {alone * 1000:.1f} ms")
    threads = [threading.Thread(target=purge, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    status = seconds(node.admin, "GET", "/v1/status", None, 60)
    for thread in threads:
        thread.join()
    expect(status < 1.5, f"status took {status:.2f} s")
    return f"one {alone * 1000:.1f} ms, status beside 100 {status * 1000:.0f} ms"


@case("a purge of a URL, or a PUT to it, while the origin answers for one of its variants: that answer is not used "
      "later, whatever is stored of the others before or after")
def during_a_further_variant(context):
    gate, held = threading.Event(), []

    def act(connection, request):
        if request.method == "PUT":
            connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        language = request.get("Accept-Language")
        late = language == "de" and request.target not in held
        if late:
            held.append(request.target)
            gate.wait(20)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nVary: Accept-Language\r\n"
                        b"Content-Length: 3\r\n\r\n" + (b"old" if late else b"new"))
        return True
    origin = context.origin()
    origin.script("docs", "variants").add(Reply(act=act))
    node = context.node(origin.url)

    def ask(client, target, language):
        client.request("GET", target, fields=[("Accept-Language", language)])
    with Client(node.address) as early, Client(node.address) as late:
        for way in ("purge", "put"):
            for others in ("none", "before", "after", "both"):
                gate.clear()
                target = f"/docs/{way}-{others}"
                if others in ("before", "both"):
                    ask(late, target, "fr")
                    late.read_response()
                ask(early, target, "de")
                wait_until(lambda target=target: target in held, "the request at the origin")
                if way == "purge":
                    command(node, "purge", "--url", f"http://story.test{target}")
                else:
                    late.request("PUT", target, {"Content-Length": "0"})
                    expect(late.read_response().status == 204, "put")
                if others in ("after", "both"):
                    ask(late, target, "fr")
                    late.read_response()
                gate.set()
                expect(early.read_response().body == b"old", f"{target}: the request of before")
                ask(late, target, "de")
                expect(late.read_response().body == b"new", f"{target}: afterwards")


@case("soft purges one after the other while bodies are coming: who comes then reads the last one, and nobody dies "
      "of it")
def soft_again_and_again(context):
    gate, asked = threading.Event(), []

    def act(connection, request):
        asked.append(request.target)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\nhalf")
        gate.wait(20)
        connection.send(b"rest")
        return True
    origin = context.origin()
    origin.script("docs", "halves").add(Reply(act=act))
    node = context.node(origin.url, workers=1)
    before = node.workers()
    clients = []
    for _ in range(6):
        client = Client(node.address)
        context.closers.append(client.close)
        client.request("GET", "/docs/page")
        clients.append((client, client.read_head()))
        command(node, "purge", "--url", "http://story.test/docs/page", "--soft")
    gate.set()
    for client, head in clients:
        expect(client.read_body(head).body == b"halfrest", "the whole body")
    expect(node.workers() == before, "by the worker that there was")
    expect(len(asked) < 6, f"not each for itself: {len(asked)}")


@case("what is purged softly is not what only-if-cached may be given without asking")
def soft_and_only_if_cached(context):
    origin, asked = site(context)
    node = context.node(origin.url)
    with Client(node.address) as client:
        get(client, "a/1")
        command(node, "purge", "--all", "--soft")
        client.request("GET", "/docs/a/1", fields=[("Cache-Control", "only-if-cached")])
        expect(client.read_response().status == 504 and len(asked) == 1, f"504 without a request: {asked}")
        get(client, "a/1")
        expect(asked[1:] == [("a/1", '"v1"')], f"validated: {asked}")


@case("what is no URL, no host or more than one thing is refused with exit code 2 and the right form")
def wrong_usage(context):
    origin, asked = site(context)
    node = context.node(origin.url)
    with Client(node.address) as client:
        all_pages(client)
        for words, hint in ((["--url", "foo:bar"], "http://HOST/PATH"), (["--url", "/docs/a/1"], "http://HOST/PATH"),
                            (["--prefix", "ftp://x/"], "http://HOST/PATH"), (["--host", "a/b"], "example.com:8080"),
                            (["--url", "http://a/", "--all"], "one of"), ([], "one of")):
            code, _, said = martlet("purge", "--runtime-dir", node.runtime, *words)
            expect(code == 2 and hint in said and len(said.strip().splitlines()) == 1, f"{words}: {code} {said!r}")
        status, answer = node.admin("POST", "/v1/purge", {"url": "foo:bar"})
        expect(status == 400 and "http://HOST/PATH" in answer["error"]["message"], f"{status} {answer}")
        expect(after(client, asked) == [], f"nothing was purged: {asked}")
