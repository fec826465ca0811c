"""Age: how it is read, summed and sent (RFC 9111 sections 4.2.3 and 5.1)."""

from harness.story import add, story

# name, Age lines, reusable under max-age=3600
LINES = [
    ("below_lifetime", ["1800"], True),
    ("equal_to_lifetime", ["3600"], False),
    ("beyond_lifetime", ["7200"], False),
    ("zero", ["0"], True),
    ("leading_zeros", ["007200"], False),
    ("largest_32_bit", ["2147483647"], False),
    ("beyond_32_bit", ["2147483648"], False),
    ("beyond_64_bit", ["99999999999999999999"], False),
    ("first_of_list_fresh", ["0, 7200"], True),
    ("first_of_list_stale", ["7200, 0"], False),
    ("first_of_lines_fresh", ["0", "7200"], True),
    ("first_of_lines_stale", ["7200", "0"], False),
    ("negative_ignored", ["-7200"], True),
    ("letters_ignored", ["abc"], True),
    ("leading_letter_ignored", ["a7200"], True),
    ("empty_ignored", [""], True),
    ("decimal_ignored", ["7200.0"], True),
    ("parameter_ignored", ["7200;foo=111"], True),
    ("quoted_ignored", ['"7200"'], True),
    ("plus_ignored", ["+7200"], True),
    ("inner_space_ignored", ["72 00"], True),
    ("first_invalid_second_stale", ["abc, 7200"], True),
    ("first_stale_second_invalid", ["7200, abc"], False),
    ("twice_stale", ["7200, 7200"], False),
    ("lines_first_invalid", ["abc", "7200"], True),
    ("lines_second_invalid", ["7200", "abc"], False),
    ("one_below_32_bit", ["2147483646"], False),
]


def _line(lines, fresh):
    def tell(s):
        s.answer(200, [("Cache-Control", "max-age=3600"), *(("Age", line) for line in lines)])
        s.miss()
        (s.hit if fresh else s.forwarded)()
    return tell


for _name, _lines, _fresh in LINES:
    add(f"age/{_name}", "RFC 9111 5.1", f"Age {_lines} under max-age=3600 is {'fresh' if _fresh else 'stale'}",
        _line(_lines, _fresh))


@story("RFC 9111 5.1", "an answer from the cache carries Age; a forwarded one need not")
def sent_on_hit(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    response = s.hit()
    s.check(response.age is not None and response.age <= 2, "Age between 0 and 2", response.get("Age"))


@story("RFC 9111 5.1", "an answer the origin has just given, or just confirmed, carries no Age of the node's")
def none_on_forwarded(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(304, {"ETag": '"a"'})
    s.equal(s.miss().get("Age"), None, "Age of a miss")
    s.advance(11)
    s.equal(s.validated().get("Age"), None, "Age of a confirmed answer")


@story("RFC 9111 5.1", "the Age an answer came with is passed on when it is stored on its way")
def kept_on_miss(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Age": "50"})
    s.check(50 <= (s.miss().age or 0) <= 52, "Age of about 50")


@story("RFC 9111 4.2.3", "Age grows with the time an answer lies in the cache")
def grows(s):
    s.answer(200, {"Cache-Control": "max-age=3600"})
    s.miss()
    s.advance(100)
    response = s.hit()
    s.check(response.age in (100, 101, 102), "Age of about 100", response.get("Age"))


@story("RFC 9111 4.2.3", "the Age an answer came with is added to")
def adds_to_upstream_age(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Age": "50"})
    s.miss()
    s.advance(100)
    response = s.hit()
    s.check(response.age in (150, 151, 152), "Age of about 150", response.get("Age"))


@story("RFC 9111 4.2.3", "a Date in the past counts as apparent age")
def apparent_age(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Date": s.date(-500)})
    s.miss()
    response = s.hit()
    s.check(500 <= (response.age or 0) <= 503, "Age of about 500", response.get("Age"))


@story("RFC 9111 4.2.3", "of apparent age and Age the larger counts")
def larger_of_date_and_age(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Date": s.date(-100), "Age": "900"})
    s.miss()
    response = s.hit()
    s.check(900 <= (response.age or 0) <= 903, "Age of about 900", response.get("Age"))


@story("RFC 9111 4.2.3", "a Date in the future does not make an answer younger than new")
def date_in_future(s):
    s.answer(200, {"Cache-Control": "max-age=100", "Date": s.date(50)})
    s.miss()
    s.advance(101)
    s.forwarded()


@story("RFC 9111 5.1", "one Age line is sent, in plain decimal")
def one_line(s):
    s.answer(200, {"Cache-Control": "max-age=3600", "Age": "10, 20"})
    s.miss()
    response = s.hit()
    s.equal(len(response.fields.all("Age")), 1, "the number of Age lines")
    s.check(response.age is not None, "a decimal Age", response.get("Age"))


@story("RFC 9111 4.2.3", "Age starts anew when a 304 has validated the answer")
def restarts_after_validation(s):
    s.answer(200, {"Cache-Control": "max-age=100", "ETag": '"a"'})
    s.answers()
    s.answer(304, {"Cache-Control": "max-age=100", "ETag": '"a"'})
    s.miss()
    s.advance(150)
    s.validated()
    response = s.hit()
    s.check((response.age or 0) <= 2, "Age of about 0", response.get("Age"))


@story("RFC 9111 5.1", "Age with Expires: the lifetime is Expires minus Date, the age counts against it")
def against_expires(s):
    s.answer(200, {"Date": s.date(), "Expires": s.date(3600), "Age": "3590"})
    s.miss()
    s.hit()
    s.advance(20)
    s.forwarded()


@story("RFC 9110 6.6.1", "Date is the origin's, on a miss and on a hit")
def date_is_kept(s):
    date = s.date(-30)
    s.answer(200, {"Cache-Control": "max-age=3600", "Date": date})
    s.equal(s.miss().get("Date"), date, "Date on the miss")
    s.advance(10)
    s.equal(s.hit().get("Date"), date, "Date on the hit")


@story("RFC 9110 6.6.1", "a missing Date is supplied")
def date_is_supplied(s):
    s.answer(200, {"Cache-Control": "max-age=3600"}, date=False)
    s.check(s.miss().get("Date"), "a Date on the miss")
    s.check(s.hit().get("Date"), "a Date on the hit")


@story("RFC 9111 4.2.3", "an invalid Date does not make the answer fresh for ever")
def invalid_date(s):
    s.answer(200, {"Cache-Control": "max-age=100", "Date": "yesterday"})
    s.miss()
    s.advance(101)
    s.forwarded()
