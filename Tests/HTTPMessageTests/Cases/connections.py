"""Cases of whole connections: persistence, expectations, limits, request smuggling."""

from builders import H, accept, case, choice, chunked, get, post, refuse


def connections():
    rule = "RFC 9112 9.3"
    accept("two pipelined requests", "RFC 9112 9.3.2", get() + get(target="/2"), ["GET / 0", "GET /2 0"])
    accept(
        "three pipelined requests with bodies",
        "RFC 9112 9.3.2",
        post("Content-Length: 5\r\n", "hello") + chunked("2\r\nhi\r\n0\r\n\r\n") + get(),
        ["POST /p 5", "POST /p 2", "GET / 0"],
    )
    accept(
        "CRLF between requests",
        "RFC 9112 2.2",
        post("Content-Length: 5\r\n", "hello") + "\r\n" + get(),
        ["POST /p 5", "GET / 0"],
    )
    accept("Connection: close", rule, get("Connection: close\r\n") + get(target="/2"), ["GET / 0"], "close")
    accept("Connection: Close", rule, get("Connection: Close\r\n"), end="close")
    accept("Connection: keep-alive, close", rule, get("Connection: keep-alive, close\r\n"), end="close")
    accept("Connection: close twice", rule, get("Connection: close\r\nConnection: x\r\n"), end="close")
    accept("Connection: keep-alive", rule, get("Connection: keep-alive\r\n"))
    accept("Connection: closed is something else", rule, get("Connection: closed\r\n"))
    accept("HTTP/1.0 pipelined", rule, get(version="HTTP/1.0") + get(), ["GET / 0"], "close")
    accept("Connection names Host", "RFC 9110 7.6.1", get("Connection: Host\r\n"))
    accept("Connection is empty", "RFC 9110 7.6.1", get("Connection:\r\n"))
    case("good and then bad", "RFC 9112 9.3.2", get() + "BAD\r\n\r\n", ["GET / 0"], 400)
    case("good and then garbage", "RFC 9112 9.3.2", get() + "\0\0\0", ["GET / 0"], 400)
    case("good and then half", "RFC 9112 9.3.2", get() + "GET /2 HTTP/1.1\r\nHo", ["GET / 0"], "waiting")
    case("body longer than said", "RFC 9112 6.3", post("Content-Length: 5\r\n", "hello!\0"), ["POST /p 5"], 400)
    accept("Upgrade to websocket", "RFC 9110 7.8", get("Connection: Upgrade\r\nUpgrade: websocket\r\n"))
    accept(
        "Upgrade to h2c",
        "RFC 9110 7.8",
        get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    )
    accept("Upgrade without Connection", "RFC 9110 7.8", get("Upgrade: websocket\r\n"))
    accept("TE: trailers", "RFC 9110 10.1.4", get("TE: trailers\r\nConnection: TE\r\n"))


def expectations():
    rule = "RFC 9110 10.1.1"
    accept("Expect: 100-continue", rule, post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"), "POST /p 5")
    accept("Expect: 100-Continue", rule, post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "hello"), "POST /p 5")
    accept("Expect without a body", rule, get("Expect: 100-continue\r\n"))
    accept(
        "Expect in HTTP/1.0",
        rule,
        post("Expect: x\r\nContent-Length: 5\r\n", "hello", "HTTP/1.0"),
        "POST /p 5",
        "close",
    )
    for value in ["", ",", ",100-continue,", "100-continue, 100-continue"]:
        accept(f"Expect {value!r}", "RFC 9110 5.6.1", post(f"Expect: {value}\r\nContent-Length: 5\r\n", "hello"),
               "POST /p 5")
    for value in ["x", "200-ok", "100-continue, x", "100-continue; a", "100", "100-continue 100-continue"]:
        choice(f"Expect {value!r}", rule, post(f"Expect: {value}\r\nContent-Length: 5\r\n", "hello"), 417)
    choice("Expect twice, one unknown", rule, post("Expect: 100-continue\r\nExpect: y\r\n"), 417)


def limits():
    rule = "RFC 9112 3"
    line = lambda count: ["GET /", {"repeat": "a", "times": count - 14}, f" HTTP/1.1\r\n{H}\r\n"]
    accept("request line of 8000 bytes", rule, line(8000), "GET /" + "a" * 7986 + " 0")
    accept("request line of 8192 bytes", rule, line(8192), "GET /" + "a" * 8178 + " 0", level="choice")
    choice("request line of 8193 bytes", rule, line(8193), 414)
    choice("request line of 100000 bytes", rule, line(100000), 414)
    choice("target that never ends", rule, ["GET /", {"repeat": "a", "times": 20000}], 414)
    choice("query that never ends", rule, ["GET /?", {"repeat": "a=b&", "times": 5000}], 414)
    rule = "RFC 9112 5"
    accept(
        "value of 20000 bytes",
        rule,
        [f"GET / HTTP/1.1\r\n{H}X: ", {"repeat": "a", "times": 20000}, "\r\n\r\n"],
        level="choice",
    )
    choice(
        "value of 40000 bytes", rule, [f"GET / HTTP/1.1\r\n{H}X: ", {"repeat": "a", "times": 40000}, "\r\n\r\n"], 431
    )
    choice("value that never ends", rule, [f"GET / HTTP/1.1\r\n{H}X: ", {"repeat": "a", "times": 40000}], 431)
    choice("name that never ends", rule, [f"GET / HTTP/1.1\r\n{H}", {"repeat": "a", "times": 40000}], 431)
    accept("name of 256 bytes", rule, get("a" * 256 + ": b\r\n"), level="choice")
    choice("name of 257 bytes", rule, get("a" * 257 + ": b\r\n"), 431)
    accept(
        "128 fields", rule, [f"GET / HTTP/1.1\r\n{H}", {"repeat": "X: y\r\n", "times": 127}, "\r\n"], level="choice"
    )
    choice("129 fields", rule, [f"GET / HTTP/1.1\r\n{H}", {"repeat": "X: y\r\n", "times": 128}, "\r\n"], 431)
    choice("10000 fields", rule, [f"GET / HTTP/1.1\r\n{H}", {"repeat": "X: y\r\n", "times": 10000}, "\r\n"], 431)
    choice(
        "40000 spaces as a value",
        rule,
        [f"GET / HTTP/1.1\r\n{H}X:", {"repeat": " ", "times": 40000}, "\r\n\r\n"],
        431,
    )


def smuggling():
    inner = "GET /admin HTTP/1.1\r\nHost: b.example\r\n\r\n"
    rule = "RFC 9112 11.2"
    refuse("CL.TE", rule, post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), level="choice")
    refuse(
        "CL.TE with a request inside",
        rule,
        post(f"Content-Length: {len(inner) + 5}\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + inner),
        level="choice",
    )
    refuse(
        "TE.CL",
        rule,
        post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"),
        level="choice",
    )
    for name, line in [
        ("xchunked", "Transfer-Encoding: xchunked"),
        ("a space", "Transfer-Encoding : chunked"),
        ("a tab value", "Transfer-Encoding:\x0bchunked"),
        ("a leading line fold", "X: y\r\n Transfer-Encoding: chunked"),
        ("a bare LF", "X: y\nTransfer-Encoding: chunked"),
        ("a bare CR", "X: y\rTransfer-Encoding: chunked"),
        ("a NUL", "Transfer-Encoding: chunked\0"),
        ("quotes", 'Transfer-Encoding: "chunked"'),
        ("a long s", "Transfer-Encoding: \xc5\xbfchunked"),
        ("a case trick", "tRANSFER-ENCODING: cHUNKED"),
        ("two lines", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
        ("a soft hyphen", "Transfer\xadEncoding: chunked"),
        ("an underscore", "Transfer_Encoding: chunked"),
        ("a parameter", "Transfer-Encoding: chunked;x"),
        ("nothing", "Transfer-Encoding:"),
        ("a comma", "Transfer-Encoding: ,chunked"),
    ]:
        refuse(
            f"TE.TE with {name} beside Content-Length",
            rule,
            post(f"Content-Length: 4\r\n{line}\r\n", f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"),
        )


def hidden_requests():
    inner = "GET /admin HTTP/1.1\r\nHost: b.example\r\n\r\n"
    rule = "RFC 9112 11.2"
    refuse("CL.CL", rule, post(f"Content-Length: 0\r\nContent-Length: {len(inner)}\r\n", inner))
    case(
        "CL.0: the body is a request",
        rule,
        post(f"Content-Length: {len(inner)}\r\n", inner),
        [f"POST /p {len(inner)}"],
        "open",
    )
    case(
        "chunk that holds a request",
        rule,
        chunked(f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"),
        [f"POST /p {len(inner)}"],
        "open",
    )
    refuse("TERM.EXT: LF in a chunk extension", rule, chunked(f"5;\nhello\r\n0\r\n\r\n{inner}"))
    refuse("EXT.TERM: CR in a chunk extension", rule, chunked(f"5;a\rX\r\nhello\r\n0\r\n\r\n{inner}"))
    refuse("TERM.SPILL: data longer by the line end", rule, chunked(f"5\r\nhelloXX\r\n0\r\n\r\n{inner}"))
    refuse("ONE.TWO: one byte for the line end", rule, chunked("5\r\nhello\n22\r\nx\r\n0\r\n\r\n"))
    refuse("0.CL: request line in a field", rule, get("Content-Length : 7\r\n") + inner)
    refuse("header injection by a bare CR", rule, get("X: y\rHost: b.example\r\n"))
    refuse("request after a bad chunk size", rule, chunked("0x0\r\n\r\n" + inner))
    refuse("request after a signed chunk size", rule, chunked("-0\r\n\r\n" + inner))
    refuse("chunk size that wraps to 5", rule, chunked("10000000000000005\r\nhello\r\n0\r\n\r\n" + inner))
    refuse("Content-Length that wraps to 5", rule, post("Content-Length: 18446744073709551621\r\n", "hello" + inner))
    refuse("trailers that are a request", rule, chunked("0\r\n" + inner))
    case("request after the last chunk", rule, chunked("0\r\n\r\n" + inner), ["POST /p 0", "GET /admin 0"], "open")
    case(
        "GET with a body that is a request",
        rule,
        get(f"Content-Length: {len(inner)}\r\n") + inner,
        [f"GET / {len(inner)}"],
        "open",
    )
    accept("Host by absolute form and by Host: the first decides", rule, get(target="http://b.example/admin"),
           "GET http://b.example/admin 0")
    refuse(
        "absolute form with a user that is our host", rule, get(target="http://a.example@b.example/"), level="choice"
    )
    refuse("Host with two names", rule, "GET / HTTP/1.1\r\nHost: a.example b.example\r\n\r\n")
    refuse("second Host folded", rule, f"GET / HTTP/1.1\r\n{H} Host: b.example\r\n\r\n")
