"""Freshness from Cache-Control and Expires: how long an answer may be used (RFC 9111 sections 4.2 and 5.2)."""

from harness.story import add, story

FRESH, NOT_FRESH = True, False

# name, fields, whether a second request may be answered from the cache
CACHE_CONTROL = [
    ("max_age", "max-age=3600", FRESH),
    ("max_age_zero", "max-age=0", NOT_FRESH),
    ("max_age_one_day", "public, max-age=86400", FRESH),
    ("max_age_largest_32_bit", "max-age=2147483647", FRESH),
    ("max_age_beyond_32_bit", "max-age=2147483648", FRESH),
    ("max_age_beyond_64_bit", "max-age=99999999999999999999999", FRESH),
    ("max_age_mixed_case", "MaX-aGe=3600", FRESH),
    ("max_age_leading_zeros", "max-age=003600", FRESH),
    ("max_age_quoted", 'max-age="3600"', FRESH),
    ("max_age_single_quoted", "max-age='3600'", NOT_FRESH),
    ("max_age_negative", "max-age=-3600", NOT_FRESH),
    ("max_age_trailing_letter", "max-age=3600a", NOT_FRESH),
    ("max_age_leading_letter", "max-age=a3600", NOT_FRESH),
    ("max_age_decimal", "max-age=3600.0", NOT_FRESH),
    ("max_age_empty", "max-age=", NOT_FRESH),
    ("max_age_without_argument", "max-age", NOT_FRESH),
    ("max_age_space_before_equals", "max-age =3600", NOT_FRESH),
    ("max_age_space_after_equals", "max-age= 3600", NOT_FRESH),
    ("max_age_among_unknown", "foo=bar, max-age=3600, baz", FRESH),
    ("max_age_inside_quoted_string", 'extension="max-age=3600", max-age=0', NOT_FRESH),
    ("max_age_inside_quoted_string_after", 'max-age=3600, extension="max-age=0"', FRESH),
    ("max_age_no_spaces", "foo,max-age=3600,bar", FRESH),
    ("max_age_empty_list_members", ",, max-age=3600,,", FRESH),
    ("max_age_twice_same", "max-age=3600, max-age=3600", FRESH),
    ("max_age_twice_stale_first", "max-age=0, max-age=3600", NOT_FRESH),
    ("max_age_twice_fresh_first", "max-age=3600, max-age=0", NOT_FRESH),
    ("s_maxage", "s-maxage=3600", FRESH),
    ("s_maxage_over_max_age", "max-age=0, s-maxage=3600", FRESH),
    ("s_maxage_zero_over_max_age", "s-maxage=0, max-age=3600", NOT_FRESH),
    ("s_maxage_mixed_case", "S-MaxAge=3600", FRESH),
    ("no_cache", "no-cache, max-age=3600", NOT_FRESH),
    ("no_cache_mixed_case", "No-CaChE, max-age=3600", NOT_FRESH),
    ("no_store", "no-store", NOT_FRESH),
    ("no_store_with_max_age", "max-age=3600, no-store", NOT_FRESH),
    ("no_store_mixed_case", "No-StOrE, max-age=3600", NOT_FRESH),
    ("private", "private, max-age=3600", NOT_FRESH),
    ("private_mixed_case", "PrIvAtE, max-age=3600", NOT_FRESH),
    ("must_revalidate_while_fresh", "max-age=3600, must-revalidate", FRESH),
    ("proxy_revalidate_while_fresh", "max-age=3600, proxy-revalidate", FRESH),
    ("must_understand_known_status", "must-understand, no-store, max-age=3600", FRESH),
    ("public_alone", "public", NOT_FRESH),
    ("immutable", "max-age=3600, immutable", FRESH),
    ("no_transform", "no-transform, max-age=3600", FRESH),
    ("no_store_in_quotes", 'foo="no-store", max-age=3600', FRESH),
    ("max_age_half", "max-age=3600.5", NOT_FRESH),
    ("max_age_exponent", "max-age=36e2", NOT_FRESH),
    ("max_age_plus", "max-age=+3600", NOT_FRESH),
    ("max_age_hexadecimal", "max-age=0xe10", NOT_FRESH),
    ("max_age_parameter", "max-age=3600;foo=1", NOT_FRESH),
    ("max_age_quoted_zero", 'max-age="0"', NOT_FRESH),
    ("max_age_quoted_negative", 'max-age="-1"', NOT_FRESH),
    ("max_age_tab_after_comma", "foo,\tmax-age=3600", FRESH),
    ("max_age_beyond_32_bit_by_one", "max-age=2147483649", FRESH),
    ("max_age_valid_then_invalid", "max-age=3600, max-age=abc", NOT_FRESH),
    ("max_age_invalid_then_valid", "max-age=abc, max-age=3600", NOT_FRESH),
    ("s_maxage_invalid_over_max_age", "s-maxage=abc, max-age=3600", NOT_FRESH),
    ("s_maxage_quoted", 's-maxage="3600"', FRESH),
    ("name_with_suffix_is_another", "xmax-age=3600, max-agex=3600", NOT_FRESH),
    ("no_store_with_argument", "no-store=1, max-age=3600", NOT_FRESH),
    ("no_cache_with_empty_argument", 'no-cache="", max-age=3600', NOT_FRESH),
    ("semicolons_do_not_separate", "foo;no-store, max-age=3600", FRESH),
    ("no_store_old_then_new", "max-age=3600, no-store, max-age=3600", NOT_FRESH),
    ("pre_and_post_check", "post-check=0, pre-check=0, max-age=3600", FRESH),
    ("unterminated_quote_hides_no_store", 'max-age=3600, foo="bar, no-store', NOT_FRESH),
    ("unterminated_quote_at_the_start_hides_no_store", 'max-age=3600, "a, no-store', NOT_FRESH),
    ("unterminated_quote_without_a_name_hides_private", 'max-age=3600, =", private', NOT_FRESH),
    ("private_with_two_words", 'max-age=3600, private="x y"', NOT_FRESH),
    ("private_with_a_semicolon", 'max-age=3600, private="a;b"', NOT_FRESH),
    ("no_cache_with_two_words", 'max-age=3600, no-cache="x y"', NOT_FRESH),
]


def _cache_control(value, fresh):
    def tell(s):
        s.answer(200, {"Cache-Control": value})
        s.miss()
        (s.hit if fresh else s.forwarded)()
    return tell


for _name, _value, _fresh in CACHE_CONTROL:
    add(f"freshness/{_name}", "RFC 9111 5.2.2",
        f"Cache-Control: {_value} {'lets' if _fresh else 'does not let'} the answer be reused",
        _cache_control(_value, _fresh))

# name, Expires as an offset from now or as text, other fields, reusable
EXPIRES = [
    ("future", 3600, {}, FRESH),
    ("past", -3600, {}, NOT_FRESH),
    ("now", 0, {}, NOT_FRESH),
    ("far_future", 10 * 365 * 86400, {}, FRESH),
    ("zero", "0", {}, NOT_FRESH),
    ("minus_one", "-1", {}, NOT_FRESH),
    ("empty", "", {}, NOT_FRESH),
    ("garbage", "tomorrow at noon", {}, NOT_FRESH),
    ("past_but_max_age_fresh", -3600, {"Cache-Control": "max-age=3600"}, FRESH),
    ("future_but_max_age_zero", 3600, {"Cache-Control": "max-age=0"}, NOT_FRESH),
    ("future_but_s_maxage_zero", 3600, {"Cache-Control": "s-maxage=0"}, NOT_FRESH),
    ("invalid_but_max_age_fresh", "0", {"Cache-Control": "max-age=3600"}, FRESH),
    ("future_but_no_store", 3600, {"Cache-Control": "no-store"}, NOT_FRESH),
    ("future_but_age_beyond", 3600, {"Age": "7200"}, NOT_FRESH),
    ("future_with_age_below", 3600, {"Age": "10"}, FRESH),
    ("future_with_other_directive", 3600, {"Cache-Control": "no-transform"}, FRESH),
]


def _expires(value, others, fresh):
    def tell(s):
        text = s.date(value) if isinstance(value, int) else value
        s.answer(200, {"Expires": text, "Date": s.date(), **others})
        s.miss()
        (s.hit if fresh else s.forwarded)()
    return tell


for _name, _value, _others, _fresh in EXPIRES:
    add(f"freshness/expires_{_name}", "RFC 9111 5.3",
        f"Expires {_value!r} with {_others} {'lets' if _fresh else 'does not let'} the answer be reused",
        _expires(_value, _others, _fresh))

# Forms of one and the same future date. Reusable or not; the obsolete forms must be understood.
DATE_FORMS = [
    ("imf_fixdate", "Sat, 19 Nov 2286 17:46:39 GMT", FRESH),
    ("asctime", "Tue Nov 19 17:46:39 2286", FRESH),
    ("lower_case", "sat, 19 nov 2286 17:46:39 gmt", None),
    ("no_comma", "Sat 19 Nov 2286 17:46:39 GMT", NOT_FRESH),
    ("dashes_long_year", "Sat, 19-Nov-2286 17:46:39 GMT", NOT_FRESH),
    ("other_zone", "Sat, 19 Nov 2286 17:46:39 AEST", NOT_FRESH),
    ("utc_instead_of_gmt", "Sat, 19 Nov 2286 17:46:39 UTC", NOT_FRESH),
    ("one_digit_hour", "Sat, 19 Nov 2286 7:46:39 GMT", NOT_FRESH),
    ("double_space", "Sat, 19  Nov 2286 17:46:39 GMT", NOT_FRESH),
    ("no_zone", "Sat, 19 Nov 2286 17:46:39", NOT_FRESH),
    ("two_digit_year", "Sat, 19 Nov 86 17:46:39 GMT", NOT_FRESH),
    ("hour_25", "Sat, 19 Nov 2286 25:46:39 GMT", NOT_FRESH),
    ("day_32", "Sat, 32 Nov 2286 17:46:39 GMT", NOT_FRESH),
    ("trailing_garbage", "Sat, 19 Nov 2286 17:46:39 GMT x", NOT_FRESH),
]


def _date_form(value, fresh):
    def tell(s):
        s.answer(200, {"Expires": value})
        s.miss()
        if fresh is not None:
            (s.hit if fresh else s.forwarded)()
    return tell


for _name, _value, _fresh in DATE_FORMS:
    add(f"freshness/expires_form_{_name}", "RFC 9110 5.6.7", f"Expires: {_value} read as a date or as expired",
        _date_form(_value, _fresh))


@story("RFC 9110 5.6.7", "Expires in the RFC 850 form is understood")
def expires_rfc850(s):
    import time
    s.answer(200, {"Expires": time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(s.now() + 86400))})
    s.miss()
    s.hit()


@story("RFC 9111 4.2", "an answer is fresh until its lifetime ends, and not a second longer")
def lifetime_ends(s):
    s.answer(200, {"Cache-Control": "max-age=100"})
    s.miss()
    s.advance(90)
    s.hit()
    s.advance(11)
    s.forwarded()


@story("RFC 9111 4.2.1", "Expires counts from the origin's Date, not from the node's clock")
def expires_counts_from_date(s):
    s.answer(200, {"Date": s.date(-7200), "Expires": s.date(-3600), "Cache-Control": "public"})
    s.miss()
    s.forwarded()


@story("RFC 9111 4.2.3", "an old Date makes a response older than its max-age")
def old_date_ages(s):
    s.answer(200, {"Date": s.date(-7200), "Cache-Control": "max-age=3600"})
    s.miss()
    s.forwarded()


@story("RFC 9111 5.3", "two Expires lines that disagree are treated as expired")
def expires_twice(s):
    s.answer(200, [("Expires", s.date(3600)), ("Expires", s.date(-3600))])
    s.miss()
    s.forwarded()


@story("RFC 9111 4.2.1", "max-age on two lines, one of them stale: the shorter lifetime holds")
def max_age_on_two_lines(s):
    s.answer(200, [("Cache-Control", "max-age=3600"), ("Cache-Control", "max-age=0")])
    s.miss()
    s.forwarded()


@story("RFC 9111 5.2", "directives on several Cache-Control lines count together")
def directives_on_two_lines(s):
    s.answer(200, [("Cache-Control", "max-age=3600"), ("Cache-Control", "no-store")])
    s.miss()
    s.forwarded()


@story("RFC 9111 3", "no-store keeps what was stored before from being replaced, and is not stored itself")
def no_store_after_stored(s):
    s.answer(200, {"Cache-Control": "max-age=10", "ETag": '"a"'})
    s.answer(200, {"Cache-Control": "no-store"})
    s.miss()
    s.advance(20)
    s.forwarded()
    s.forwarded()


@story("RFC 9111 4.2", "without lifetime and without Last-Modified nothing is reused")
def no_lifetime(s):
    s.answer(200)
    s.miss()
    s.forwarded()


@story("RFC 9111 4.2.2", "with ETag alone there is no lifetime; the node validates")
def etag_alone_validates(s):
    s.answer(200, {"ETag": '"a"', "Cache-Control": "public"})
    s.answer(304, {"ETag": '"a"'})
    first = s.miss()
    second = s.forwarded()
    s.equal(second.body if second.status == 200 else b"", first.body, "the body after validation")
