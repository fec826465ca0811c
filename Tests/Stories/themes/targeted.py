"""CDN-Cache-Control, a structured field that goes before Cache-Control, and how it fails (RFC 9213, RFC 9651)."""

from harness.story import add, story

# name, CDN-Cache-Control lines, Cache-Control or None, reusable
ROWS = [
    ("max_age", ["max-age=3600"], None, True),
    ("max_age_zero_over_fresh", ["max-age=0"], "max-age=3600", False),
    ("max_age_over_stale", ["max-age=3600"], "max-age=0", True),
    ("max_age_over_no_store", ["max-age=3600"], "no-store", True),
    ("max_age_over_private", ["max-age=3600"], "private, max-age=0", True),
    ("no_store_over_fresh", ["no-store"], "max-age=3600", False),
    ("no_cache_over_fresh", ["no-cache"], "max-age=3600", False),
    ("private_over_fresh", ["private"], "max-age=3600", False),
    ("unknown_member", ["foo, max-age=3600"], "max-age=0", True),
    ("parameter_ignored", ["max-age=3600;foo=bar"], "max-age=0", True),
    ("two_lines", ["foo=1", "max-age=3600"], "max-age=0", True),
    ("last_of_repeated_wins", ["max-age=0, max-age=3600"], "no-store", True),
    ("largest_integer", ["max-age=999999999999999"], "max-age=0", True),
    # What does not parse as a dictionary is ignored as a whole; Cache-Control decides.
    ("upper_case_key_fails_stale", ["MAX-AGE=3600"], "max-age=0", False),
    ("upper_case_key_fails_fresh", ["MAX-AGE=0"], "max-age=3600", True),
    ("space_before_equals_fails", ["max-age =0"], "max-age=3600", True),
    ("trailing_comma_fails", ["max-age=0,"], "max-age=3600", True),
    ("unterminated_string_fails", ['foo="bar, max-age=0'], "max-age=3600", True),
    ("bad_character_fails", ["max-age=0, &"], "max-age=3600", True),
    ("integer_too_long_fails", ["max-age=9999999999999999"], "max-age=3600", True),
    ("empty_ignored", [""], "max-age=3600", True),
    ("empty_line_between_fails", ["foo", "", "max-age=3600"], "no-store", False),
    ("empty_line_first_fails", ["", "max-age=3600"], "no-store", False),
    # A member of the wrong type is treated as if it were not there.
    ("string_for_max_age", ['max-age="0"'], "max-age=3600", None),
    ("decimal_for_max_age", ["max-age=0.0"], "max-age=3600", None),
]


def _row(lines, cache_control, fresh):
    def tell(s):
        others = [("Cache-Control", cache_control)] if cache_control else []
        s.answer(200, others + [("CDN-Cache-Control", line) for line in lines])
        s.miss()
        if fresh is not None:
            (s.hit if fresh else s.forwarded)()
    return tell


for _name, _lines, _cache_control, _fresh in ROWS:
    add(f"targeted/{_name}", "RFC 9213 2.2", f"CDN-Cache-Control {_lines} with Cache-Control {_cache_control}",
        _row(_lines, _cache_control, _fresh))


@story("RFC 9213 2.2", "Expires is ignored beside a CDN-Cache-Control that applies")
def over_expires(s):
    s.answer(200, {"CDN-Cache-Control": "max-age=3600", "Expires": s.date(-3600)})
    s.miss()
    s.hit()


@story("RFC 9213 2.2", "the lifetime is CDN-Cache-Control's, to the second")
def lifetime(s):
    s.answer(200, {"CDN-Cache-Control": "max-age=100", "Cache-Control": "max-age=10"})
    s.miss()
    s.advance(90)
    s.hit()
    s.advance(20)
    s.forwarded()


@story("RFC 9213 2.1", "Age counts against CDN-Cache-Control's lifetime")
def age_counts(s):
    s.answer(200, {"CDN-Cache-Control": "max-age=3600", "Age": "7200"})
    s.miss()
    s.forwarded()


@story("RFC 9213 3.1", "CDN-Cache-Control is passed on, for caches further down")
def passed_on(s):
    s.answer(200, {"CDN-Cache-Control": "max-age=3600", "Cache-Control": "max-age=5"})
    s.equal(s.miss().get("CDN-Cache-Control"), "max-age=3600", "the field on the miss")
    s.equal(s.hit().get("CDN-Cache-Control"), "max-age=3600", "the field on the hit")


@story("RFC 9213 2.2", "CDN-Cache-Control: must-revalidate forbids stale")
def must_revalidate(s):
    s.answer(200, {"CDN-Cache-Control": "max-age=10, must-revalidate", "Cache-Control": "stale-if-error=3600"})
    s.answer(503, {"Cache-Control": "no-store"})
    s.miss()
    s.advance(20)
    s.check(s.forwarded().status in (503, 504), "503 or 504")
