"""Encoded forms of hot text: real clients decode them, every kind of purge takes them away, and a dying janitor harms
nobody."""

import hashlib
import os
import random
import signal
import subprocess

from cases.janitor import working
from harness.client import Client
from harness.codings import decoded
from harness.origin import Reply
from harness.waiting import wait_until
from support import case, expect, martlet

WORDS = "mountain river forest valley lantern harbour window garden winter market bridge".split()


CODINGS = ("br", "gzip", "zstd")


def text(number, size):
    dice = random.Random(number)
    count = size // 5 + 1
    return " ".join(dice.choice(WORDS) + str(dice.randrange(1000)) for _ in range(count)).encode()[:size]


def site(context, bodies):
    """An origin whose pages are those bodies; and what was asked of its first page."""
    origin = context.origin()
    scripts = []
    for number, body in enumerate(bodies):
        fields = {"Cache-Control": "max-age=3600", "Content-Type": "text/html", "ETag": f'"{number}"',
                  "Surrogate-Key": "all-pages"}
        scripts.append(origin.script(f"p{number}", "encoded").add(Reply(200, fields, body)))
    return origin, scripts[0].requests


def ask(client, number, accept=None):
    client.request("GET", f"/p{number}/page", {"Accept-Encoding": accept} if accept else ())
    return client.read_response()


def await_form(client, number, coding):
    def came():
        response = ask(client, number, coding)
        return response if response.get("Content-Encoding") == coding else None
    return wait_until(came, f"page {number} in {coding}", 20)


def offered(response):
    return response if response.get("Content-Encoding") else None


def made(node):
    known = node.admin("GET", "/v1/status")[1].get("janitor")
    return known["counters"]["janitor_encodings"] if known else 0


@case("curl --compressed and Python decode what a hot page comes as, from 512 bytes to 3 MiB; the hashes are the same")
def decoders(context):
    sizes = [600, 3000, 10_240, 102_400, 1 << 20, 3 << 20]
    bodies = [text(number, size) for number, size in enumerate(sizes)]
    node = context.node(site(context, bodies)[0].url, flags=["--cache-size", "128MiB"])
    url = f"http://127.0.0.1:{node.port}"
    saved = []
    with Client(node.address, 30.0) as client:
        for number, body in enumerate(bodies):
            for _ in range(5):
                expect(ask(client, number).body == body, f"page {number} as stored")
            for coding in CODINGS:
                ask(client, number, coding)
        for number, body in enumerate(bodies):
            for coding in CODINGS:
                response = await_form(client, number, coding)
                expect(decoded(response) == body, f"page {number} in {coding}")
            saved.append(f"{len(response.body) / len(body):.2f}")
            page = subprocess.run(
                ["curl", "--silent", "--show-error", "--compressed", f"{url}/p{number}/page"],
                capture_output=True, check=True, timeout=30).stdout
            expect(hashlib.sha256(page).digest() == hashlib.sha256(body).digest(), f"curl's page {number}")
            expect(ask(client, number).body == body, f"page {number} as stored, afterwards")
    return f"zstd of the sizes: {', '.join(saved)}"


@case("every kind of purge takes the forms away with the page")
def purges(context):
    bodies = [text(0, 5000)]
    origin, fetched = site(context, bodies)
    node = context.node(origin.url)
    host = "story.test"
    kinds = (["--url", f"http://{host}/p0/page"], ["--prefix", f"http://{host}/p0/"], ["--host", host],
             ["--tag", "all-pages"], ["--all"])
    with Client(node.address) as client:
        for words in kinds:
            for _ in range(5):
                expect(ask(client, 0).body == bodies[0], "the page")
            await_form(client, 0, "br")
            seen = len(fetched)
            code, out, error = martlet("purge", *words, "--runtime-dir", node.runtime)
            expect(code == 0, f"{words}: {out!r} {error!r}")
            response = ask(client, 0, "br")
            expect(response.get("Content-Encoding") is None and len(fetched) == seen + 1, f"{words}: {response!r}")
            expect(response.body == bodies[0], "the page, fetched again")


@case("a janitor killed again and again while it encodes: every answer is right, and its successor finishes the work")
def killed(context):
    bodies = [text(number, 400_000) for number in range(24)]
    node = context.node(site(context, bodies)[0].url, flags=["--cache-size", "128MiB"])
    with Client(node.address, 30.0) as client:
        for number, body in enumerate(bodies):
            for _ in range(5):
                expect(ask(client, number).body == body, f"page {number}")
        killed_ones, kills = set(), 0
        while kills < 3:
            victim = working(node, besides=killed_ones)
            ask(client, kills, "br")
            wait_until(lambda: made(node) > kills, "the janitor encodes", 20)
            os.kill(victim, signal.SIGKILL)
            killed_ones.add(victim)
            kills += 1
            for number, body in enumerate(bodies):
                expect(decoded(ask(client, number, "br, gzip, zstd")) == body, f"page {number} after a kill")
        working(node, besides=killed_ones)
        for number in (0, 11, 23):
            expect(decoded(await_form(client, number, "br")) == bodies[number], f"page {number} in br")
    return f"{made(node)} forms made"


@case("forms are made in the coding that clients would like best, and in no other; for those who accept none, none")
def as_asked(context):
    bodies = [text(number, 5000) for number in range(2)]
    node = context.node(site(context, bodies)[0].url)
    with Client(node.address) as client:
        for number in (0, 1):
            for _ in range(5):
                ask(client, number)
        walked = lambda: node.admin("GET", "/v1/status")[1]["janitor"]["counters"]["janitor_wakes"]  # noqa: E731
        seen = walked()
        wait_until(lambda: walked() > seen, "the janitor looks", 30)
        expect(made(node) == 0, f"nobody asked: {made(node)} forms made")
        response = wait_until(lambda: offered(ask(client, 0, "gzip, br")), "page 0 in some coding", 20)
        expect(response.get("Content-Encoding") == "br", f"{response!r}")
        await_form(client, 1, "br")
        expect(made(node) == 2, f"br of two pages: {made(node)} forms made")
        await_form(client, 0, "gzip")


@case("policy.encoded-variants: none makes none and says nothing in Vary; gzip makes only gzip")
def setting(context):
    bodies = [text(0, 5000), text(1, 5000)]
    for value, codings in (("none", []), ("[gzip]", ["gzip"])):
        config = f"policy:\n  encoded-variants: {value}\n"
        node = context.node(site(context, bodies)[0].url, config=config)
        with Client(node.address) as client:
            for _ in range(5):
                ask(client, 0)
            for coding in codings:
                expect(decoded(await_form(client, 0, coding)) == bodies[0], f"the page in {coding}")
            response = ask(client, 0, "br, zstd")
            expect(response.get("Content-Encoding") is None, f"{value}: {response!r}")
            expect(response.get("Vary") == ("Accept-Encoding" if codings else None), f"{value}: {response!r}")
        expect(made(node) == len(codings), f"{value}: {made(node)} forms made")
        node.stop()
