"""Cases of bodies: Content-Length, Transfer-Encoding, chunks, trailers."""

from builders import accept, case, choice, chunked, get, post, refuse

# Not `1*DIGIT`, one after each bar.
WRONG_LENGTHS = (
    "-5|-0|+5|5.0|5,|,5|0x5|5e0|5a|a|five|5 5|5\t5|5;|\"5\"|'5'|5_0|1_000|0b1"
    "|0o5|\xb2|\xd9\xa5|5\x0b|\x0c5|5\x00|5\x85|\xa05|NaN|Infinity|--5|5-|5/1|(5)|{5}|5%|$5|5=5|5:5"
).split("|")


def content_lengths():
    rule = "RFC 9112 6.3"
    body = lambda value, text="hello": post(f"Content-Length: {value}\r\n", text)
    for value in ["5", " 5", "5 ", "\t5\t", "  5  "]:
        accept(f"Content-Length {value!r}", rule, body(value), "POST /p 5")
    accept("Content-Length 005", "RFC 9110 8.6", body("005"), "POST /p 5", level="choice")
    accept("Content-Length 0", rule, body("0", ""), "POST /p 0")
    accept("no body", rule, post(""), "POST /p 0")
    accept("GET with a body", rule, get("Content-Length: 2\r\n") + "hi", "GET / 2")
    accept("HEAD with a body", rule, get("Content-Length: 2\r\n", method="HEAD") + "hi", "HEAD / 2")
    accept("OPTIONS with a body", rule, get("Content-Length: 2\r\n", method="OPTIONS") + "hi", "OPTIONS / 2")
    accept(
        "Content-Length in HTTP/1.0", rule, post("Content-Length: 5\r\n", "hello", "HTTP/1.0"), "POST /p 5", "close"
    )
    accept("Content-Length in capitals", rule, post("CONTENT-LENGTH: 5\r\n", "hello"), "POST /p 5")
    accept(
        "two Content-Lengths, alike",
        rule,
        post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        "POST /p 5",
        level="choice",
    )
    accept(
        "body that looks like a request", rule, body("27", "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"[:27]), "POST /p 27"
    )
    case("body too short", rule, body("6"), [], "waiting")


def refused_content_lengths():
    rule = "RFC 9112 6.3"
    body = lambda value, text="hello": post(f"Content-Length: {value}\r\n", text)
    for value in WRONG_LENGTHS:
        refuse(f"Content-Length {value!r}", rule, body(value))
    choice("Content-Length is empty", rule, body("", ""), 400)
    for value in ["5, 5", "5,5", "5, 5, 5"]:
        choice(f"Content-Length {value!r}", rule, body(value))
    for value in ["5, 6", "5,6", "0,5"]:
        refuse(f"Content-Length {value!r}", rule, body(value))
    for value in [
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999999",
        "1" + "0" * 300,
    ]:
        refuse(f"Content-Length {value[:24]}", "RFC 9110 8.6", body(value))
    case("Content-Length 9223372036854775807", "RFC 9110 8.6", body("9223372036854775807"), [], "waiting", "choice")
    refuse("two Content-Lengths, different", rule, post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"))
    refuse("two Content-Lengths, 0 first", rule, post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"))
    refuse("two Content-Lengths, one invalid", rule, post("Content-Length: 5\r\nContent-Length: x\r\n", "hello"))
    refuse("two Content-Lengths, one empty", rule, post("Content-Length: 5\r\nContent-Length:\r\n", "hello"))
    refuse(
        "two Content-Lengths in different case, different",
        rule,
        post("Content-Length: 5\r\ncontent-length: 6\r\n", "hello"),
    )
    refuse(
        "two Content-Lengths apart, different",
        rule,
        post("Content-Length: 5\r\nX: y\r\nContent-Length: 4\r\n", "hello"),
    )
    refuse("Content-Length 0 on GET and again 5", rule, get("Content-Length: 0\r\nContent-Length: 5\r\n") + "hello")
    choice("Content_Length", "RFC 9112 11.2", post("Content_Length: 5\r\n", "hello"))
    choice(
        "content_LENGTH beside Content-Length",
        "RFC 9112 11.2",
        post("Content-Length: 5\r\ncontent_LENGTH: 6\r\n", "hello"),
    )
    accept(
        "Content-Length-X is another field",
        rule,
        post("Content-Length-X: 6\r\nContent-Length: 5\r\n", "hello"),
        "POST /p 5",
    )
    accept(
        "X-Content-Length is another field",
        rule,
        post("X-Content-Length: 6\r\nContent-Length: 5\r\n", "hello"),
        "POST /p 5",
    )
    accept(
        "Connection names Content-Length",
        "RFC 9110 7.6.1",
        post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        "POST /p 5",
    )


def transfer_encodings():
    rule = "RFC 9112 6.1"
    end = "5\r\nhello\r\n0\r\n\r\n"
    line = lambda value: post(f"Transfer-Encoding: {value}\r\n", end)
    for value in ["chunked", "Chunked", "CHUNKED", " chunked", "chunked ", "\tchunked\t", "   chunked   "]:
        accept(f"Transfer-Encoding {value!r}", rule, line(value), "POST /p 5")
    accept("transfer-encoding", rule, post("transfer-encoding: chunked\r\n", end), "POST /p 5")
    accept("Transfer-Encoding without a space", rule, post("Transfer-Encoding:chunked\r\n", end), "POST /p 5")
    accept("GET with a chunked body", rule, get("Transfer-Encoding: chunked\r\n") + end, "GET / 5")
    for value in ["gzip, chunked", "deflate, gzip, chunked", "identity, chunked"]:
        refuse(f"Transfer-Encoding {value!r}", rule, line(value), 501)


def unending_transfer_encodings():
    """Where chunked is not the last coding, nothing says where the body ends."""
    rule = "RFC 9112 6.3"
    end = "5\r\nhello\r\n0\r\n\r\n"
    line = lambda value: post(f"Transfer-Encoding: {value}\r\n", end)
    for value in [
        "xchunked",
        "chunkedx",
        "chunke",
        "identity",
        "gzip",
        "deflate",
        "x",
        "cow",
        "chunked, identity",
        "chunked, gzip",
        "chunked, x",
        "chunked, gzip, chunked",
        "gzip, chunked, chunked",
        "chunk",
        "chunked-foo",
        "x-chunked",
        "chunked2",
        "br",
    ]:
        refuse(f"Transfer-Encoding {value!r}", rule, line(value))


def malformed_transfer_encodings():
    rule = "RFC 9112 6.1"
    end = "5\r\nhello\r\n0\r\n\r\n"
    line = lambda value: post(f"Transfer-Encoding: {value}\r\n", end)
    for value in [
        "chunked, chunked",
        "chunked,chunked",
        "chunked;q=1",
        "chunked; q=1",
        "chunked;",
        "chunked =x",
        '"chunked"',
        "'chunked",
        "chunked chunked",
        "chunked,\tx y",
        "\x0bchunked",
        "chunked\x0b",
        "\x0cchunked",
        "chunked\x00",
        "\x00chunked",
        "chun\x00ked",
        "chunked\x85",
        "\xa0chunked",
        "chu\xadnked",
        "chunk\xe9d",
        "[chunked]",
        "chunked@",
        "chunked/1",
        "(chunked)",
        "chunked:",
        "=chunked",
        "{chunked}",
        "\\chunked",
    ]:
        refuse(f"Transfer-Encoding {value!r}", rule, line(value))
    for value in ["", " ", ",", ", ,", ",chunked", "chunked,", ", chunked", "chunked, ", ", chunked, ,"]:
        choice(f"Transfer-Encoding {value!r}", rule, line(value))


def repeated_transfer_encodings():
    rule = "RFC 9112 6.1"
    end = "5\r\nhello\r\n0\r\n\r\n"
    two = lambda first, second: post(f"Transfer-Encoding: {first}\r\nTransfer-Encoding: {second}\r\n", end)
    refuse("Transfer-Encoding twice: chunked, chunked", rule, two("chunked", "chunked"))
    refuse("Transfer-Encoding twice: chunked, identity", rule, two("chunked", "identity"))
    refuse("Transfer-Encoding twice: identity, chunked", rule, two("identity", "chunked"), 501)
    refuse("Transfer-Encoding twice: chunked, cow", rule, two("chunked", "cow"))
    refuse("Transfer-Encoding twice: chunked and nothing", rule, two("chunked", ""))
    refuse("Transfer-Encoding twice: nothing and chunked", rule, two("", "chunked"))
    refuse(
        "Transfer-Encoding twice in different case",
        rule,
        post("Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n", end),
    )
    choice("Transfer_Encoding", "RFC 9112 11.2", post("Transfer_Encoding: chunked\r\n", end))
    refuse("Transfer-Encoding with a bad name byte", rule, post("Transfer-Encoding\x00: chunked\r\n", end))
    refuse("Transfer-Encoding after a bare CR", rule, post("X: y\rTransfer-Encoding: chunked\r\n", end))
    refuse(
        "Transfer-Encoding after a bare LF", rule, post("X: y\nTransfer-Encoding: chunked\r\n", end), level="choice"
    )
    refuse("space before Transfer-Encoding", rule, post(" Transfer-Encoding: chunked\r\n", end))
    refuse("colon twice in the name", rule, post("Transfer-Encoding:: chunked\r\n", end))
    accept("X-Transfer-Encoding is another field", rule, post("X-Transfer-Encoding: chunked\r\n"), "POST /p 0")
    accept("Transfer-Encodin is another field", rule, post("Transfer-Encodin: chunked\r\n"), "POST /p 0")
    accept(
        "Connection names Transfer-Encoding",
        "RFC 9110 7.6.1",
        post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", end),
        "POST /p 5",
    )
    refuse(
        "Transfer-Encoding in HTTP/1.0", rule, post("Transfer-Encoding: chunked\r\n", end, "HTTP/1.0"), level="choice"
    )
    refuse(
        "Transfer-Encoding in HTTP/1.0, kept alive",
        rule,
        post("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", end, "HTTP/1.0"),
        level="choice",
    )
    rule = "RFC 9112 6.3"
    for first, second in [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 0", "Transfer-Encoding: chunked"),
        ("content-length: 6", "TRANSFER-ENCODING: CHUNKED"),
        ("Content-Length: 5", "Transfer-Encoding: identity"),
        ("Content-Length: 5", "Transfer-Encoding: x"),
        ("Content-Length: 5", "Transfer-Encoding:"),
        ("Content-Length: x", "Transfer-Encoding: chunked"),
        ("Content-Length:", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked", "Content-Length: 5"),
    ]:
        choice(f"{first} and {second}", rule, post(f"{first}\r\n{second}\r\n", end))
    choice("both in HTTP/1.0", rule, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", end, "HTTP/1.0"))


def chunks():
    rule = "RFC 9112 7.1"
    good = lambda name, body, count, level="must": accept(
        f"chunks: {name}", rule, chunked(body), f"POST /p {count}", level=level
    )
    good("one", "5\r\nhello\r\n0\r\n\r\n", 5)
    good("none", "0\r\n\r\n", 0)
    good("several", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 3)
    good("upper-case size", "A\r\n0123456789\r\n0\r\n\r\n", 10)
    good("lower-case size", "a\r\n0123456789\r\n0\r\n\r\n", 10)
    good("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", 5)
    good("data with line ends", "4\r\n\r\n\r\n\r\n0\r\n\r\n", 4)
    good("data that looks like the last chunk", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", 5)
    good("extension", "5;a\r\nhello\r\n0\r\n\r\n", 5)
    good("extension with a value", "5;a=b\r\nhello\r\n0;c=d\r\n\r\n", 5)
    good("extension with a quoted value", '5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n', 5)
    good("two extensions", "5;a=b;c\r\nhello\r\n0\r\n\r\n", 5)
    good("extension with bad white space", "5 ; a = b\r\nhello\r\n0\r\n\r\n", 5, "choice")
    good("size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", 5)
    good("size of 40 digits, nearly all of them zeros", "0" * 39 + "5\r\nhello\r\n" + "0" * 20 + "\r\n\r\n", 5)
    good("size of 512 digits", "0" * 511 + "5\r\nhello\r\n0\r\n\r\n", 5, "choice")
    case("chunks: incomplete size", rule, chunked("5"), [], "waiting")
    case("chunks: incomplete data", rule, chunked("5\r\nhel"), [], "waiting")
    case("chunks: no last chunk", rule, chunked("5\r\nhello\r\n"), [], "waiting")
    case("chunks: no final empty line", rule, chunked("5\r\nhello\r\n0\r\n"), [], "waiting")
    case("chunks: CR alone at the end", rule, chunked("5\r\nhello\r\n0\r\n\r"), [], "waiting")


def refused_chunk_sizes():
    rule = "RFC 9112 7.1"
    bad = lambda name, body, status=400, level="must": refuse(f"chunks: {name}", rule, chunked(body), status, level)
    for name, body in [
        ("negative size", "-5\r\nhello\r\n0\r\n\r\n"),
        ("plus sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("0X", "0X5\r\nhello\r\n0\r\n\r\n"),
        ("underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("leading space", " 5\r\nhello\r\n0\r\n\r\n"),
        ("leading tab", "\t5\r\nhello\r\n0\r\n\r\n"),
        ("no size", "\r\nhello\r\n0\r\n\r\n"),
        ("letters", "xyz\r\nhello\r\n0\r\n\r\n"),
        ("g", "g\r\nhello\r\n0\r\n\r\n"),
        ("comma", "5,5\r\nhello\r\n0\r\n\r\n"),
        ("point", "5.0\r\nhello\r\n0\r\n\r\n"),
        ("quotes", '"5"\r\nhello\r\n0\r\n\r\n'),
        ("NUL", "5\0\r\nhello\r\n0\r\n\r\n"),
        ("high byte", "5\xff\r\nhello\r\n0\r\n\r\n"),
        ("hash", "#5\r\nhello\r\n0\r\n\r\n"),
        ("suffix h", "5h\r\nhello\r\n0\r\n\r\n"),
        ("colon", "5:\r\nhello\r\n0\r\n\r\n"),
        ("vertical tab", "5\x0b\r\nhello\r\n0\r\n\r\n"),
        ("form feed", "\x0c5\r\nhello\r\n0\r\n\r\n"),
        ("two sizes", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("semicolon without a size", ";a\r\nhello\r\n0\r\n\r\n"),
        ("equals", "5=a\r\nhello\r\n0\r\n\r\n"),
    ]:
        bad(f"size with {name}", body)
    for size in [
        "10000000000000000",
        "ffffffffffffffff",
        "8000000000000000",
        "fffffffffffffffff",
        "100000000000000005",
        "f" * 100,
    ]:
        bad(f"size {size[:20]}", f"{size}\r\nhello\r\n0\r\n\r\n")
    case("chunks: size 7fffffffffffffff", rule, chunked("7fffffffffffffff\r\nhello"), [], "waiting", "choice")
    choice("chunks: sizes that add up to too much", rule, chunked("5\r\nhello\r\n7fffffffffffffff\r\nx"), 413)
    bad("trailing space", "5 \r\nhello\r\n0\r\n\r\n")
    bad("trailing tab", "5\t\r\nhello\r\n0\r\n\r\n")
    bad("trailing space on the last size", "0 \r\n\r\n")


def refused_chunks():
    rule = "RFC 9112 7.1"
    bad = lambda name, body, status=400, level="must": refuse(f"chunks: {name}", rule, chunked(body), status, level)
    for name, extension in [
        ("nothing", ";"),
        ("nothing twice", ";;"),
        ("no name", ";=b"),
        ("no value", ";a="),
        ("unclosed quotes", ';a="b'),
        ("text behind quotes", ';a="b"c'),
        ("a NUL", ";a\0"),
        ("a control character", ";a\x01"),
        ("a high byte", ";\xe9"),
        ("a bare CR", ";a\rb"),
        ("a CR in quotes", ';a="b\rc"'),
        ("a space in a value", ";a=b c"),
        ("a trailing space", ";a "),
        ("a slash", ";a/b"),
        ("an at sign", ";@"),
        ("two equals", ";a==b"),
        ("a control character in quotes", ';a="\x01"'),
    ]:
        bad(f"extension with {name}", f"5{extension}\r\nhello\r\n0\r\n\r\n")
    bad("LF after the size", "5\nhello\r\n0\r\n\r\n")
    bad("CR after the size", "5\rhello\r\n0\r\n\r\n")
    bad("CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n")
    bad("LF after an extension", "5;a\nhello\r\n0\r\n\r\n")
    bad("LF in quotes", '5;a="\nX"\r\nhello\r\n0\r\n\r\n')
    bad("LF after the last size", "0\n\r\n")
    bad("LF as the final empty line", "0\r\n\n")
    bad("LF after data", "5\r\nhello\n0\r\n\r\n")
    bad("CR after data", "5\r\nhello\r0\r\n\r\n")
    bad("nothing after data", "5\r\nhello0\r\n\r\n")
    bad("longer data than said", "5\r\nhello!\r\n0\r\n\r\n")
    bad("shorter data than said", "6\r\nhello\r\n0\r\n\r\n")
    bad("two bytes for the line end", "5\r\nhelloXX0\r\n\r\n")
    bad("LF CR after data", "5\r\nhello\n\r0\r\n\r\n")
    bad("not chunked at all", "hello world")
    bad("LF everywhere", "5\nhello\n0\n\n")
    choice("chunks: extension of 600 bytes", rule, chunked("5;" + "a" * 600 + "\r\nhello\r\n0\r\n\r\n"))
    choice("chunks: extension that never ends", rule, [chunked("5;"), {"repeat": "a", "times": 5000}])
    choice(
        "chunks: 20000 bytes of extensions in all",
        rule,
        [chunked(""), {"repeat": "1;" + "a" * 98 + "\r\nx\r\n", "times": 200}],
    )
    choice("chunks: endless zeros as a size", rule, [chunked(""), {"repeat": "0", "times": 1000}])


def trailers():
    rule = "RFC 9112 7.1.2"
    end = lambda fields: chunked(f"5\r\nhello\r\n0\r\n{fields}\r\n")
    accept("trailer", rule, end("X: y\r\n"), "POST /p 5")
    accept("two trailers", rule, end("X: y\r\nZ: \r\n"), "POST /p 5")
    accept(
        "trailer that is dropped",
        "RFC 9110 6.5.1",
        end("Cache-Control: no-store\r\nAuthorization: x\r\n"),
        "POST /p 5",
        level="choice",
    )
    for name in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: b.example",
        "content-length: 0",
        "Content_Length: 5",
    ]:
        choice(f"trailer {name}", "RFC 9110 6.5.1", end(name + "\r\n"))
    refuse("folded trailer", rule, end("X: y\r\n z\r\n"))
    refuse("trailer with a space before the colon", rule, end("X : y\r\n"))
    refuse("trailer without a colon", rule, end("X\r\n"))
    refuse("trailer without a name", rule, end(": y\r\n"))
    refuse("trailer with NUL", rule, end("X: a\0b\r\n"))
    refuse("trailer with a bare CR", rule, end("X: a\rb\r\n"))
    refuse("trailer with a bare LF", rule, end("X: a\nY: b\r\n"))
    refuse("trailer with a bad name", rule, end("X(Y): z\r\n"))
    refuse("request line as a trailer", rule, end("GET /x HTTP/1.1\r\nHost: b.example\r\n"))
    refuse("space as a trailer", rule, end(" \r\n"))
    choice("trailers of 9000 bytes", rule, [chunked("0\r\nX: "), {"repeat": "a", "times": 9000}, "\r\n\r\n"], 431)
    choice("33 trailers", rule, [chunked("0\r\n"), {"repeat": "X: y\r\n", "times": 33}, "\r\n"], 431)
