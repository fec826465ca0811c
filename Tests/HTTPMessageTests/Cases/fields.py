"""Cases of field lines and line ends."""

from builders import H, accept, byte_name, choice, get, post, refuse

TOKEN = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def field_lines():
    rule = "RFC 9112 5"
    for byte in sorted(set(range(256)) - TOKEN - {0x3A}):
        if byte in (0x20, 0x09) or byte < 0x20 or byte in b'"(),/;<=>?@[\\]{}' or byte in (0x7F, 0x80, 0xE9, 0xFF):
            refuse(f"field name with {byte_name(byte)}", "RFC 9110 5.6.2", get(f"X{chr(byte)}Y: z\r\n"))
    for byte in b"!#$%&'*+-.^_`|~9":
        accept(f"field name with {byte_name(byte)}", "RFC 9110 5.6.2", get(f"X{chr(byte)}Y: z\r\n"))
    for byte in [*range(0x20), 0x7F]:
        if byte != 9:
            refuse(
                f"field value with {byte_name(byte)}",
                "RFC 9110 5.5",
                get(f"X: a{chr(byte)}b\r\n"),
                level="must" if byte in (0, 10, 13) else "choice",
            )
    for byte in [0x09, 0x20, 0x21, 0x7E, 0x80, 0xA0, 0xFF]:
        accept(f"field value with {byte_name(byte)}", "RFC 9110 5.5", get(f"X: a{chr(byte)}b\r\n"))
    refuse("value ends in NUL", "RFC 9110 5.5", get("X: a\0\r\n"))
    refuse("value is NUL", "RFC 9110 5.5", get("X: \0\r\n"))
    refuse("space before the colon", "RFC 9112 5.1", get("X : y\r\n"))
    refuse("tab before the colon", "RFC 9112 5.1", get("X\t: y\r\n"))
    refuse("space before Content-Length's colon", "RFC 9112 5.1", post("Content-Length : 5\r\n", "hello"))
    refuse(
        "space before Transfer-Encoding's colon", "RFC 9112 5.1", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")
    )
    refuse(
        "tab before Transfer-Encoding's colon", "RFC 9112 5.1", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")
    )
    refuse("space before Host's colon", "RFC 9112 5.1", "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n")
    refuse("no colon", rule, get("Nocolon\r\n"))
    refuse("no name", rule, get(": x\r\n"))
    refuse("colon alone", rule, get(":\r\n"))
    refuse("second request line as a field", rule, get("GET /x HTTP/1.1\r\n"))
    accept("empty value", rule, get("X:\r\n"))
    accept("value of white space", rule, get("X:  \t \r\n"))
    accept("white space around the value", rule, get("X: \t y \t\r\n"))
    accept("colons in the value", rule, get("X: a:b::c\r\n"))
    accept("the same field twice", rule, get("X: a\r\nX: b\r\n"))
    accept("name of one byte, value of none", rule, get("a:\r\n"))
    rule = "RFC 9112 2.2"
    refuse("space before the first field", rule, f"GET / HTTP/1.1\r\n {H}\r\n")
    refuse("tab before the first field", rule, f"GET / HTTP/1.1\r\n\t{H}\r\n")
    refuse("white space alone before the first field", rule, f"GET / HTTP/1.1\r\n \r\n{H}\r\n")
    refuse("white space line as the end", rule, f"GET / HTTP/1.1\r\n{H} \r\n\r\n")
    rule = "RFC 9112 5.2"
    refuse("folded field", rule, get("X: a\r\n b\r\n"))
    refuse("folded with a tab", rule, get("X: a\r\n\tb\r\n"))
    refuse("folded with nothing", rule, get("X: a\r\n \r\n"))
    refuse("folded Host", rule, "GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n")
    refuse("folded Content-Length", rule, post("Content-Length:\r\n 5\r\n", "hello"))
    refuse("folded Transfer-Encoding", rule, post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"))
    refuse("folded Transfer-Encoding with a tab", rule, post("Transfer-Encoding:\r\n\tchunked\r\n", "0\r\n\r\n"))
    refuse("chunked folded after a comma", rule, post("Transfer-Encoding: x,\r\n chunked\r\n", "0\r\n\r\n"))


def line_ends():
    rule = "RFC 9112 2.2"
    choice("LF after the request line", rule, f"GET / HTTP/1.1\n{H}\r\n")
    choice("LF after a field", rule, "GET / HTTP/1.1\r\nHost: a.example\n\r\n")
    choice("LF as the empty line", rule, f"GET / HTTP/1.1\r\n{H}\n")
    choice("LF everywhere", rule, "GET / HTTP/1.1\nHost: a.example\n\n")
    refuse("CR after the request line", rule, f"GET / HTTP/1.1\r{H}\r\n")
    refuse("CR after a field", rule, "GET / HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n")
    refuse("CR everywhere", rule, "GET / HTTP/1.1\rHost: a.example\r\r")
    refuse("CR before CRLF", rule, "GET / HTTP/1.1\r\nHost: a.example\r\r\n\r\n")
    refuse("CR CR LF after the request line", rule, f"GET / HTTP/1.1\r\r\n{H}\r\n")
    refuse("LF CR", rule, "GET / HTTP/1.1\n\rHost: a.example\n\r\n\r")
    refuse("CR hides a field", rule, get("X: y\rContent-Length: 5\r\n"))
    refuse("LF hides a field", rule, get("X: y\nTransfer-Encoding: chunked\r\n"))
    refuse("CR in a field name", rule, get("X\rY: z\r\n"))
    refuse("CR then space", rule, get("X: y\r \r\n"))
    refuse("bare CR as the empty line", rule, f"GET / HTTP/1.1\r\n{H}\rX\r\n\r\n")
    refuse("NEL as the line end", rule, "GET / HTTP/1.1\x85Host: a.example\x85\x85")
