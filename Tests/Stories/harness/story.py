"""A story: one short script of what a client and an origin say to each other through the node, and what must hold.
Stories register themselves by decorator or from tables; the runner in run.py tells them one after the other."""

import re

from .message import http_date
from .origin import Reply
from .waiting import DEADLINE_SECONDS

REGISTRY = []


class StoryFailure(AssertionError):
    """The story went otherwise than told."""


class Told:
    """A registered story."""

    def __init__(self, name, section, text, function):
        self.name = name
        self.section = section
        self.text = text
        self.function = function


def add(name, section, text, function):
    """Registers a story made from a table row. Names are `theme/what`, unique."""
    if any(told.name == name for told in REGISTRY):
        raise ValueError(f"two stories are named {name}")
    REGISTRY.append(Told(name, section, text, function))


def story(section, text):
    """Registers the decorated function as a story; names the section of the RFC that it tests."""
    def register(function):
        theme = function.__module__.rsplit(".", 1)[-1]
        add(f"{theme}/{function.__name__}", section, text, function)
        return function
    return register


class Story:
    """What a story's function gets: verbs for the origin, the client, the clock, and assertions."""

    def __init__(self, told, node, origin, number):
        self.told = told
        self.node = node
        self.origin = origin
        self.segment = f"s{number}"
        self.path = f"/{self.segment}/page"
        self.script = origin.script(self.segment, told.name)
        self.transcript = []
        self.clients = []

    # The origin's side

    def answers(self, *replies):
        """The origin's answers for every path of this story, in order; the last repeats."""
        self.script.add(*replies)
        return self

    def answer(self, *arguments, **options):
        return self.answers(Reply(*arguments, **options))

    @property
    def seen(self):
        """The requests that reached the origin."""
        return self.script.requests

    def await_origin(self, count):
        self.script.wait_for(count)

    # The clock

    def now(self):
        return self.node.now()

    def date(self, offset=0):
        """An HTTP date, offset seconds from the node's now."""
        return http_date(self.now() + offset)

    def advance(self, seconds):
        self.node.advance(seconds)
        self.transcript.append(f"clock +{seconds} s")

    # The client's side

    def client(self, **options):
        client = self.node.connect(**options)
        self.clients.append(client)
        return client

    def get(self, fields=(), path=None, method="GET", body=None, host="story.test"):
        """One request on its own connection. The response's `forwarded` lists what reached the origin meanwhile."""
        before = len(self.seen)
        with self.node.connect() as client:
            client.request(method, path or self.path, fields, body, host)
            response = client.read_response(method)
        response.forwarded = self.seen[before:]
        self.transcript.append(f"{method} {path or self.path} {dict(fields)} -> {response!r}")
        self.transcript += [f"    origin got {request!r}" for request in response.forwarded]
        if not response.complete:
            self.fail(f"a whole answer to {method}", f"a cut one: {response!r}")
        return response

    # Assertions

    def fail(self, expected, happened):
        raise StoryFailure(f"expected {expected}; got {happened}")

    def check(self, condition, expected, happened="otherwise"):
        if not condition:
            self.fail(expected, happened)

    def equal(self, actual, wanted, what):
        if actual != wanted:
            self.fail(f"{what} to be {wanted!r}", repr(actual))

    def hit(self, fields=(), **options):
        """A request that must be answered from the cache alone."""
        response = self.get(fields, **options)
        if response.forwarded:
            self.fail("an answer from the cache", f"forwarded: {response.forwarded}")
        return response

    def miss(self, fields=(), **options):
        """A request that must be forwarded, without a condition of the node's own, and answered with what came back."""
        response = self.get(fields, **options)
        if len(response.forwarded) != 1:
            self.fail("one request at the origin", f"{len(response.forwarded)}: {response!r}")
        if response.status not in (204, 304) and options.get("method") != "HEAD" and self.script.bodies[-1]:
            self.equal(response.body, self.script.bodies[-1], "the body")
        return response

    def forwarded(self, fields=(), **options):
        """A request that must reach the origin, validating or not."""
        response = self.get(fields, **options)
        if len(response.forwarded) != 1:
            self.fail("one request at the origin", f"{len(response.forwarded)}: {response!r}")
        return response

    def validated(self, fields=(), **options):
        """A request for which the node must ask the origin conditionally."""
        response = self.forwarded(fields, **options)
        if not response.forwarded[0].conditional:
            self.fail("a conditional request at the origin", repr(response.forwarded[0]))
        return response

    def cache_status(self, response):
        """The node's own member of Cache-Status as a dictionary of its parameters."""
        value = response.get("Cache-Status")
        if not value:
            self.fail("Cache-Status", repr(response))
        member = re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", value)[-1]
        found = {}
        for part in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", member)[1:]:
            name, _, text = part.strip().partition("=")
            found[name] = text.strip('"') if text else True
        return found

    def finish(self):
        for client in self.clients:
            client.close()


def deadline():
    return DEADLINE_SECONDS
