"""Families crossed with each other: every odd line end at every place, every bad request behind every good one, every
method in front of a body that is a request."""

from builders import H, accept, case, chunked, get, post, refuse

INNER = "GET /admin HTTP/1.1\r\nHost: b.example\r\n\r\n"
SIZE = len(INNER)
ODD_ENDS = [
    ("LF", "\n"), ("CR", "\r"), ("CR CR LF", "\r\r\n"), ("LF CR", "\n\r"), ("NUL CR LF", "\0\r\n"),
    ("vertical tab CR LF", "\x0b\r\n"), ("form feed", "\x0c"), ("CR NUL LF", "\r\0\n"), ("CR space LF", "\r \n"),
]


def odd_line_ends():
    for name, end in ODD_ENDS:
        rule = "RFC 9112 2.2"
        refuse(f"{name} behind the request line", rule, f"GET / HTTP/1.1{end}{H}\r\n{INNER}")
        refuse(f"{name} behind a field", rule, f"GET / HTTP/1.1\r\n{H}X-A: b{end}X-C: d\r\n\r\n{INNER}")
        refuse(f"{name} behind Host", rule, f"GET / HTTP/1.1\r\nHost: a.example{end}\r\n{INNER}")
        refuse(f"{name} behind Content-Length", rule, post(f"Content-Length: 5{end}", "hello" + INNER))
        refuse(f"{name} behind Transfer-Encoding", rule, post(f"Transfer-Encoding: chunked{end}", "0\r\n\r\n" + INNER))
        refuse(f"{name} behind a chunk's size", "RFC 9112 7.1", chunked(f"5{end}hello\r\n0\r\n\r\n{INNER}"))
        refuse(f"{name} behind a chunk's data", "RFC 9112 7.1", chunked(f"5\r\nhello{end}0\r\n\r\n{INNER}"))
        refuse(f"{name} behind the last chunk", "RFC 9112 7.1", chunked(f"0{end}\r\n{INNER}"))
        refuse(f"{name} behind a trailer", "RFC 9112 7.1.2", chunked(f"0\r\nX-A: b{end}X-C: d\r\n\r\n{INNER}"))
    for name, text in [("next line", "\x85"), ("a line separator", "\xe2\x80\xa8"),
                       ("a line feed symbol", "\xe2\x90\x8a")]:
        accept(f"{name} in a value is text", "RFC 9110 5.5", get(f"X-A: b{text}Content-Length: 5\r\n"))


GOOD = [
    ("a GET", get(), "GET / 0"),
    ("a HEAD", get(method="HEAD"), "HEAD / 0"),
    ("a body", post("Content-Length: 5\r\n", "hello"), "POST /p 5"),
    ("chunks", chunked("5\r\nhello\r\n0\r\n\r\n"), "POST /p 5"),
    ("a trailer", chunked("0\r\nX-A: b\r\n\r\n"), "POST /p 0"),
    ("an empty body", post("Content-Length: 0\r\n"), "POST /p 0"),
]
BAD = [
    ("without Host", "GET /2 HTTP/1.1\r\n\r\n", 400),
    ("with two Hosts", f"GET /2 HTTP/1.1\r\n{H}Host: b.example\r\n\r\n", 400),
    ("with both framings", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + INNER), 400),
    ("with a folded field", get("X-A: b\r\n c\r\n") + INNER, 400),
    ("with a space before a colon", get("X-A : b\r\n") + INNER, 400),
    ("of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("of HTTP/0.9", "GET /2\r\n" + INNER, 400),
    ("with a bad chunk", chunked("x\r\n" + INNER), 400),
    ("that is a response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + INNER, 400),
    ("that begins with a space", " " + INNER, 400),
]


def bad_behind_good():
    for good, first, request in GOOD:
        for bad, second, status in BAD:
            case(f"{good}, and then one {bad}", "RFC 9112 9.3.2", first + second, [request], status)


def bodies_that_are_requests():
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "get"]:
        head = f"{method} /p HTTP/1.1\r\n{H}"
        rule = "RFC 9112 6.3"
        case(f"{method} /p with a body that is a request", rule, f"{head}Content-Length: {SIZE}\r\n\r\n{INNER}",
             f"{method} /p {SIZE}", "open")
        case(f"{method} with a chunk that is a request", rule,
             f"{head}Transfer-Encoding: chunked\r\n\r\n{SIZE:x}\r\n{INNER}\r\n0\r\n\r\n", f"{method} /p {SIZE}", "open")
        case(f"{method} with length 0 and a request behind it", rule, f"{head}Content-Length: 0\r\n\r\n" + get(),
             [f"{method} /p 0", "GET / 0"], "open")
        refuse(f"{method} with both framings", rule,
               f"{head}Content-Length: {SIZE}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{INNER}")


def look_alikes():
    for name in ["Content Length", "Content-Length ", "Content-Lenght", "Content-Length-", "X-Content-Length",
                 "Transfer Encoding", "Transfer-Encoding ", "Transfer-Encodings", "TransferEncoding", "Hos t", "Ho\0st",
                 "Content\u2013Length".encode().decode("latin-1"), "Content-L\u0115ngth".encode().decode("latin-1")]:
        raw = post(f"{name}: 5\r\nContent-Length: 0\r\n") + get(target="/2")
        if all(byte.isalnum() and byte.isascii() or byte == "-" for byte in name):
            accept(f"the field {name!r} is another", "RFC 9110 5.1", raw, ["POST /p 0", "GET /2 0"])
        else:
            refuse(f"the name {name!r}", "RFC 9110 5.1", raw)
