"""Answers and requests at random, judged by a second reading of the rules, written without a look at the node's
(RFC 9111 sections 3, 3.5 and 4.2, RFC 9213, RFC 9110 sections 13 and 14). A failure names its seed; MARTLET_SEED
repeats it."""

import os
import random

from harness.message import http_date
from harness.story import story

HEURISTIC = {200, 203, 300, 301, 404, 410}
DIRECTIVES = ["no-store", "no-cache", "private", "must-revalidate", "public", "proxy-revalidate", "immutable"]
BODY = bytes(range(48, 123))


def _dice():
    seed = int(os.environ.get("MARTLET_SEED", random.randrange(1 << 32)))
    return seed, random.Random(seed)


class Answer:
    """One answer of the origin's, and what it means."""

    def __init__(self, s, dice):
        self.status = dice.choice([200, 200, 200, 404, 302, 500, 410, 203])
        self.max_age = dice.choice([None, None, 0, 10, 100, 1000])
        self.shared = dice.choice([None, None, None, 0, 20, 300])
        self.flags = {name for name in DIRECTIVES if dice.random() < 0.1}
        self.date = dice.choice([0, 0, 0, -30, 30, -500, "nonsense"])
        self.expires = dice.choice([None, None, -50, 50, 500, "0"])
        self.age = dice.choice([None, None, None, 0, 20, 200, "x"])
        self.modified = dice.choice([None, None, -1000, -100000])
        self.targeted = dice.choice([None] * 6 + ["max-age=50", "max-age=0", "no-store", "private", "max-age=50,,"])
        self.authorized = dice.random() < 0.1
        directives = [f"max-age={self.max_age}"] * (self.max_age is not None)
        directives += [f"s-maxage={self.shared}"] * (self.shared is not None) + sorted(self.flags)
        dice.shuffle(directives)
        cut = dice.randrange(len(directives) + 1)
        lines = [("Cache-Control", dice.choice([", ", ",", " , "]).join(part))
                 for part in (directives[:cut], directives[cut:]) if part]
        for name, value in (("Date", self.date), ("Expires", self.expires), ("Last-Modified", self.modified)):
            if value is not None:
                lines.append((name, s.date(value) if isinstance(value, int) else value))
        lines += [("Age", str(self.age))] * (self.age is not None)
        lines += [("CDN-Cache-Control", self.targeted)] * (self.targeted is not None)
        dice.shuffle(lines)
        self.lines = lines + [("Location", "/x")] * (self.status == 302)

    def is_targeted(self):
        return self.targeted is not None and not self.targeted.endswith(",,")

    def stated(self):
        """The stated lifetime; None without one."""
        if self.is_targeted():
            return int(self.targeted[8:]) if self.targeted.startswith("max-age") else None
        if self.shared is not None:
            return self.shared
        if self.max_age is not None:
            return self.max_age
        if self.expires is None:
            return None
        return self.expires - (self.date if isinstance(self.date, int) else 0) if isinstance(self.expires, int) else 0

    def lifetime(self):
        """Seconds of freshness; None when the answer may not be stored."""
        flags = set() if self.is_targeted() else self.flags
        if flags & {"no-store", "private"} or (self.is_targeted() and self.targeted in ("no-store", "private")):
            return None
        shared = self.shared is not None and not self.is_targeted()
        if self.authorized and not (flags & {"public", "must-revalidate"} or shared):
            return None
        if self.stated() is not None:
            return -1 if "no-cache" in flags else self.stated()
        if self.status not in HEURISTIC and "public" not in flags:
            return None
        guess = 10 if self.status in (404, 410) else 0
        if self.modified is not None:
            guess = ((self.date if isinstance(self.date, int) else 0) - self.modified) // 10
        return -1 if "no-cache" in flags else guess

    def initial_age(self):
        apparent = -self.date if isinstance(self.date, int) else 0
        return max(0, apparent, self.age if isinstance(self.age, int) else 0)


@story("RFC 9111 4.2", "120 random answers are reused exactly as long as a second reading of the rules says")
def freshness(s):
    seed, dice = _dice()
    for number in range(120):
        s.script.replies, path = [], f"/{s.segment}/{number}"
        answer = Answer(s, dice)
        s.answer(answer.status, answer.lines)
        fields = {"Authorization": "x"} if answer.authorized else {}
        s.get(fields, path=path)
        pause = dice.choice([0, 5, 30, 95, 400])
        if pause:
            s.advance(pause)
        lifetime, age = answer.lifetime(), answer.initial_age() + pause
        response = s.get(fields, path=path)
        if lifetime is not None and abs(lifetime - age) <= 2:
            continue
        s.equal(not response.forwarded, lifetime is not None and lifetime > age,
                f"reuse after {pause} s of {answer.status} {answer.lines} (seed {seed}, number {number})")


def _selected(asked, length):
    """The byte range that a Range value selects; "whole" where it is none, None where it cannot be satisfied."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:
        count = int(last)
        return (max(0, length - count), length - 1) if count else None
    if last and int(last) < int(first):
        return "whole"
    return (int(first), min(int(last or length), length - 1)) if int(first) < length else None


@story("RFC 9110 13.2.2", "200 random conditions and ranges on a stored answer select what a second reading selects")
def selection(s):
    seed, dice = _dice()
    began = s.now()
    earlier, modified, later = (http_date(began + offset) for offset in (-5001, -5000, -4999))
    for tag in ('"a"', 'W/"a"'):
        path = f"/{s.segment}/{'weak' if tag[0] == 'W' else 'strong'}"
        s.script.replies = []
        s.answer(200, {"Cache-Control": "max-age=9999", "ETag": tag, "Last-Modified": modified}, BODY)
        s.get(path=path)
        for _ in range(100):
            fields, unmodified = {}, False
            if dice.random() < 0.4:
                tags = dice.sample(['"a"', 'W/"a"', '"b"', 'W/"c"', '"a,b"', '"A"'], dice.randint(1, 3))
                fields["If-None-Match"] = dice.choice([", ", ",", " ,, "]).join(tags)
                unmodified = bool({'"a"', 'W/"a"'} & set(tags))
            if dice.random() < 0.3:
                fields["If-Modified-Since"] = dice.choice([earlier, modified, later])
                if "If-None-Match" not in fields:
                    unmodified = fields["If-Modified-Since"] != earlier
            wanted = "whole"
            if dice.random() < 0.6:
                first, last = dice.choice(["", 0, 5, 74, 75, 200]), dice.choice(["", 0, 3, 70, 74, 500])
                if first != "" or last != "":
                    fields["Range"] = f"bytes={first}-{last}"
                    wanted = _selected(fields["Range"], len(BODY))
                    if dice.random() < 0.5:
                        fields["If-Range"] = dice.choice(['"a"', 'W/"a"', '"b"', modified, later])
                        holds = fields["If-Range"] == modified or (fields["If-Range"] == '"a"' and tag == '"a"')
                        wanted = wanted if holds else "whole"
            response = s.hit(fields, path=path)
            if unmodified:
                expected = (304, b"")
            elif wanted is None:
                expected = (416, b"")
            else:
                expected = (200, BODY) if wanted == "whole" else (206, BODY[wanted[0]:wanted[1] + 1])
            s.equal((response.status, response.body), expected, f"the answer to {fields} for {tag} (seed {seed})")


def _versioned(s, size, state):
    """An origin whose object changes; it gives a part where X-Want asks for one, and heeds Range and If-Range."""
    def act(connection, request):
        tag, body = f'"{state["version"]}"', state["bodies"][state["version"]]
        asked = request.get("Range") if request.get("If-Range") in (None, tag) else None
        asked = asked or request.get("X-Want")
        head = "200 OK"
        if asked:
            first, last = _selected(asked, size)
            head, body = f"206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}", body[first:last + 1]
        if request.get("If-None-Match") == tag:
            head, body = "304 Not Modified", b""
        chunks = state["dice"].random() < 0.3 and body
        framing = "Transfer-Encoding: chunked" if chunks else f"Content-Length: {len(body)}"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunks else body
        lines = "" if head.startswith("304") else framing + "\r\n"
        connection.send(f"HTTP/1.1 {head}\r\nETag: {tag}\r\nCache-Control: max-age=50\r\n{lines}\r\n".encode() + body)
        return True
    s.answer(act=act)


@story("RFC 9111 3.4", "300 random ranges of objects that change: what comes is of one version and in its place")
def parts(s):
    seed, dice = _dice()
    size = 300
    state = {"version": 0, "dice": dice, "bodies": [dice.randbytes(size) for _ in range(40)]}
    _versioned(s, size, state)
    for number in range(300):
        path = f"/{s.segment}/{dice.randrange(4)}"
        fields = {}
        if dice.random() < 0.9:
            first = dice.randrange(size)
            fields["Range"] = "bytes=" + dice.choice([f"{first}-", f"{first}-{min(size, first + 60)}", f"-{first + 1}"])
            fields["X-Want"] = fields["Range"]
        if dice.random() < 0.05 and state["version"] < 39:
            state["version"] += 1
        if dice.random() < 0.05:
            s.advance(dice.choice([30, 60]))
        response = s.get(fields, path=path)
        body = state["bodies"][int(response.get("ETag").strip('"'))]
        if response.status == 206:
            place, _, length = response.get("Content-Range").removeprefix("bytes ").partition("/")
            first, last = (int(text) for text in place.split("-"))
            body = body[first:last + 1]
            s.equal((length, (first, last)), (str(size), _selected(fields["Range"], size)),
                    f"the range for {fields} (seed {seed}, number {number})")
        s.check(response.status in (200, 206) and response.body == body,
                f"bytes of version {response.get('ETag')} for {fields} (seed {seed}, number {number})", repr(response))
