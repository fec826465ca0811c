"""Cases of newer families: requests hidden behind Expect, upgrades, early ends, and bytes that proxies mend."""

from builders import H, accept, case, choice, chunked, get, post, refuse

INNER = "GET /admin HTTP/1.1\r\nHost: b.example\r\n\r\n"
SIZE = len(INNER)


def behind_expect():
    rule = "RFC 9110 10.1.1"
    length = f"Content-Length: {SIZE}\r\n"
    case("Expect and a body that is a request", rule, post("Expect: 100-continue\r\n" + length, INNER),
         f"POST /p {SIZE}", "open")
    case("Expect on GET and a body that is a request", rule, get("Expect: 100-continue\r\n" + length) + INNER,
         f"GET / {SIZE}", "open")
    case("Expect and a chunked body that is a request", rule,
         post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", f"{SIZE:x}\r\n{INNER}\r\n0\r\n\r\n"),
         f"POST /p {SIZE}", "open")
    accept("Expect twice, alike", rule, post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 0\r\n"),
           "POST /p 0")
    for value in ("y 100-continue", "100-continue;", "100-continue\t100", "=100-continue", "\"100-continue\""):
        choice(f"Expect {value!r} and a body that is a request", rule, post(f"Expect: {value}\r\n{length}", INNER), 417)
    refuse("Expect folded", rule, post(f"Expect:\r\n 100-continue\r\n{length}", INNER))
    refuse("Expect and both framings", "RFC 9112 6.3",
           post(f"Expect: 100-continue\r\n{length}Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + INNER))
    refuse("Expect in HTTP/1.0 and chunked", "RFC 9112 6.1",
           post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + INNER, "HTTP/1.0"))


def behind_upgrades():
    rule = "RFC 9110 7.8"
    for protocol in ("h2c", "H2C", "HTTP/2.0", "TLS/1.0", "websocket, h2c"):
        accept(f"Upgrade {protocol!r} and a request behind it", rule,
               get(f"Connection: Upgrade\r\nUpgrade: {protocol}\r\n") + get(target="/2"), ["GET / 0", "GET /2 0"])
    accept("Upgrade in HTTP/1.0", rule, get("Connection: Upgrade\r\nUpgrade: websocket\r\n", version="HTTP/1.0"),
           end="close")
    case("Upgrade with a body that is a request", rule,
         post(f"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: {SIZE}\r\n", INNER), f"POST /p {SIZE}",
         "open")
    refuse("Upgrade folded", rule, get("Connection: Upgrade\r\nUpgrade: websocket\r\n , h2c\r\n"))


def ends_of_bodies():
    rule = "RFC 9112 7.1"
    case("TE.0: a last chunk and a request", rule, chunked("0\r\n\r\n" + INNER), ["POST /p 0", "GET /admin 0"], "open")
    accept("last chunk of many zeros", rule, chunked("0000\r\n\r\n"), "POST /p 0")
    accept("last chunk with an extension", rule, chunked("0;a=b\r\n\r\n"), "POST /p 0")
    accept("quoted extension with obs-text", rule, chunked('5;a="caf\xe9"\r\nhello\r\n0\r\n\r\n'), "POST /p 5")
    accept("quoted extension with quotes in it", rule, chunked('5;a="b;c=\\"d\\""\r\nhello\r\n0\r\n\r\n'), "POST /p 5")
    for name, body in [
        ("empty line in front of the size", "\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("empty line behind the size", "5\r\n\r\nhello\r\n0\r\n\r\n"),
        ("two line ends behind data", "5\r\nhello\r\n\r\n0\r\n\r\n"),
        ("LF LF behind data", "5\r\nhello\n\n0\r\n\r\n"),
        ("vertical tab behind the size", "5\x0b\r\nhello\r\n0\r\n\r\n"),
        ("NUL behind the size", "5\0\r\nhello\r\n0\r\n\r\n"),
        ("extension cut by LF", "5;a=b\nhello\r\n0\r\n\r\n"),
        ("quoted extension cut by LF", '5;a="b\nc"\r\nhello\r\n0\r\n\r\n'),
        ("quoted extension cut by CR LF", '5;a="b\r\nc"\r\nhello\r\n0\r\n\r\n'),
        ("CR as the size line's end", "5\rhello\r\n0\r\n\r\n"),
        ("minus zero", "-0\r\n\r\n"),
        ("zero with sign", "+0\r\n\r\n"),
        ("zero x", "0x\r\n\r\n"),
        ("size in full-width digits", "\xef\xbc\x95\r\nhello\r\n0\r\n\r\n"),
        ("trailer cut by LF", "0\r\nX: y\n\r\n"),
        ("LF LF as the end", "0\r\n\n"),
        ("LF alone as the end", "0\n\n"),
    ]:
        refuse(f"chunked: {name}", rule, chunked(body + INNER))


def mended_heads():
    for name, rule, line in [
        ("colon on the next line", "RFC 9112 5.2", "Content-Length\r\n : 5"),
        ("coding on the next line", "RFC 9112 5.2", "Transfer-Encoding:\r\n chunked"),
        ("coding on the next line, by a tab", "RFC 9112 5.2", "Transfer-Encoding:\r\n\tchunked"),
        ("coding behind LF", "RFC 9112 2.2", "Transfer-Encoding:\nchunked"),
        ("name cut by NUL", "RFC 9110 5.1", "Content-\0Length: 5"),
        ("name ends in NUL", "RFC 9110 5.1", "Content-Length\0: 5"),
        ("name begins with a space", "RFC 9112 2.2", " Content-Length: 5"),
        ("name with a no-break space", "RFC 9110 5.1", "Content-Length\xa0: 5"),
        ("name with a byte order mark", "RFC 9110 5.1", "\xef\xbb\xbfContent-Length: 5"),
        ("name with a zero-width space", "RFC 9110 5.1", "Content-Length\xe2\x80\x8b: 5"),
        ("length with a thousands comma", "RFC 9110 8.6", "Content-Length: 1,000"),
        ("length with an inner NUL", "RFC 9110 8.6", "Content-Length: 5\x000"),
        ("length with an inner tab", "RFC 9110 8.6", "Content-Length: 5\t0"),
        ("length in Arabic digits", "RFC 9110 8.6", "Content-Length: \xd9\xa5"),
        ("length with a comment", "RFC 9110 8.6", "Content-Length: 5 (five)"),
        ("length twice by case", "RFC 9112 6.3", "Content-Length: 5\r\ncontent-length: 0"),
        ("length and an empty length", "RFC 9112 6.3", "Content-Length: 5\r\nContent-Length:"),
        ("length and a signed length", "RFC 9112 6.3", "Content-Length: 5\r\nContent-Length: +5"),
        ("coding and a length of 0", "RFC 9112 6.3", "Transfer-Encoding: chunked\r\nContent-Length: 0"),
        ("coding chunked with a space inside", "RFC 9112 6.1", "Transfer-Encoding: chun ked"),
        ("coding with a semicolon in front", "RFC 9112 6.1", "Transfer-Encoding: ;chunked"),
    ]:
        refuse(f"head: {name}", rule, post(line + "\r\n", "hello" + INNER))
    for name, rule, raw in [
        ("target and version divided by a no-break space", "RFC 9112 3", f"GET /\xa0HTTP/1.1\r\n{H}\r\n"),
        ("method behind a NUL", "RFC 9112 3", f"\0GET / HTTP/1.1\r\n{H}\r\n"),
        ("two versions", "RFC 9112 3", f"GET / HTTP/1.1 HTTP/1.1\r\n{H}\r\n"),
        ("target with a line end in it", "RFC 9112 3", f"GET /a\r\nHost: x HTTP/1.1\r\n{H}\r\n"),
        ("Host with an at sign and our name", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: b.example@a.example\r\n\r\n"),
        ("Host with a path", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a.example/../b\r\n\r\n"),
        ("Host with a space behind and a name", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a.example b\r\n\r\n"),
        ("Host with a NUL", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a.example\0.b\r\n\r\n"),
        ("Host behind Host with a space", "RFC 9112 5.1", f"GET / HTTP/1.1\r\n{H}Host : b.example\r\n\r\n"),
        ("Host in another case, another name", "RFC 9112 3.2", f"GET / HTTP/1.1\r\n{H}hOST: b.example\r\n\r\n"),
    ]:
        refuse(f"head: {name}", rule, raw)
    accept("Host with the other default port", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
    accept("obs-text in a value", "RFC 9110 5.5", get("X-Text: caf\xc3\xa9\r\n"))
    accept("a long list of Connection options", "RFC 9110 7.6.1", get("Connection: " + "x, " * 50 + "y\r\n"))
