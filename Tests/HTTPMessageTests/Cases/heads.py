"""Cases of request heads: request line, targets, Host."""

from builders import H, accept, byte_name, case, choice, get, refuse

TOKEN = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def methods():
    rule = "RFC 9110 9.1"
    for name in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PATCH", "PURGE", "PROPFIND", "M-SEARCH", "QUERY"]:
        accept(f"method {name}", rule, get(method=name), f"{name} / 0")
    accept("methods are case-sensitive: get is another method", rule, get(method="get"), "get / 0", level="choice")
    for byte in b"!#$%&'*+-.^_`|~7":
        accept(f"method with {byte_name(byte)}", "RFC 9110 5.6.2", get(method="G" + chr(byte)), f"G{chr(byte)} / 0")
    for byte in sorted(set(range(256)) - TOKEN - {0x20}):
        refuse(f"method with {byte_name(byte)}", "RFC 9110 5.6.2", get(method="GE" + chr(byte) + "T"))
    accept("method of 32 bytes", rule, get(method="A" * 32), "A" * 32 + " / 0", level="choice")
    choice("method of 33 bytes", "RFC 9112 3", get(method="A" * 33), 501)
    choice("method that never ends", "RFC 9112 3", [{"repeat": "A", "times": 5000}], 501)
    choice("CONNECT", "RFC 9110 9.3.6", f"CONNECT a.example:443 HTTP/1.1\r\n{H}\r\n", 405)
    choice("CONNECT with a path", "RFC 9110 9.3.6", get(method="CONNECT"), 405)
    trace = lambda fields, method="TRACE": get(fields, method=method)
    choice("TRACE with a body", "RFC 9110 9.3.8", trace("Content-Length: 2\r\n") + "hi")
    choice("TRACE with a chunked body", "RFC 9110 9.3.8", trace("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n")
    refuse("TRACE that may not be forwarded", "RFC 9110 7.6.2", trace("Max-Forwards: 0\r\n"), 405)
    accept("TRACE that may be forwarded", "RFC 9110 7.6.2", trace("Max-Forwards: 1\r\n"), "TRACE / 0")
    accept("OPTIONS that may be forwarded", "RFC 9110 7.6.2", trace("Max-Forwards: 9\r\n", "OPTIONS"), "OPTIONS / 0")
    accept("Max-Forwards with GET", "RFC 9110 7.6.2", get("Max-Forwards: 0\r\n"))
    choice("Max-Forwards is no number", "RFC 9110 7.6.2", trace("Max-Forwards: -1\r\n"))
    choice("Max-Forwards twice", "RFC 9110 7.6.2", trace("Max-Forwards: 1\r\nMax-Forwards: 2\r\n"))
    refuse("no method", "RFC 9112 3", f" / HTTP/1.1\r\n{H}\r\n")


def request_lines():
    rule = "RFC 9112 3"
    accept("plain request", rule, get())
    choice("two spaces before the target", rule, f"GET  / HTTP/1.1\r\n{H}\r\n")
    choice("two spaces before the version", rule, f"GET /  HTTP/1.1\r\n{H}\r\n")
    choice("tab before the target", rule, f"GET\t/ HTTP/1.1\r\n{H}\r\n")
    choice("tab before the version", rule, f"GET /\tHTTP/1.1\r\n{H}\r\n")
    choice("form feed before the target", rule, f"GET\f/ HTTP/1.1\r\n{H}\r\n")
    choice("vertical tab before the version", rule, f"GET /\vHTTP/1.1\r\n{H}\r\n")
    choice("CR before the version", rule, f"GET /\rHTTP/1.1\r\n{H}\r\n")
    choice("space after the version", rule, f"GET / HTTP/1.1 \r\n{H}\r\n")
    choice("tab after the version", rule, f"GET / HTTP/1.1\t\r\n{H}\r\n")
    choice("space before the method", rule, f" GET / HTTP/1.1\r\n{H}\r\n")
    refuse("no target", rule, f"GET HTTP/1.1\r\n{H}\r\n")
    refuse("empty target", rule, f"GET  HTTP/1.1\r\n{H}\r\n")
    refuse("four words", rule, f"GET / x HTTP/1.1\r\n{H}\r\n")
    refuse("method alone", rule, f"GET\r\n{H}\r\n")
    refuse("HTTP/0.9 without a version", "RFC 9112 2.3", "GET /\r\n\r\n")
    refuse("HTTP/0.9 with a space", "RFC 9112 2.3", "GET / \r\n\r\n")
    refuse("a response", rule, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    refuse("TLS client hello", rule, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    refuse("binary", rule, "\x00\x01\x02\x03\x04")
    refuse("JSON", rule, '{"a":1}\r\n\r\n')
    case("nothing", rule, "", [], "open")
    case("incomplete request line", rule, "GET / HT", [], "waiting")
    case("request line alone", rule, "GET / HTTP/1.1\r\n", [], "waiting")
    case("head without its empty line", rule, f"GET / HTTP/1.1\r\n{H}", [], "waiting")
    case("head cut in a field", rule, "GET / HTTP/1.1\r\nHost: a.exa", [], "waiting")
    rule = "RFC 9112 2.2"
    accept("one leading CRLF", rule, "\r\n" + get())
    choice("two leading CRLFs", rule, "\r\n\r\n" + get())
    choice("leading LF", rule, "\n" + get())
    choice("leading CR", rule, "\r" + get())
    choice("leading spaces and CRLF", rule, "  \r\n" + get())
    choice("UTF-8 byte order mark", rule, "\xef\xbb\xbf" + get())


def versions():
    rule = "RFC 9112 2.3"
    accept("HTTP/1.0 without Host", rule, "GET / HTTP/1.0\r\n\r\n", end="close")
    accept("HTTP/1.0 with Host", rule, get(version="HTTP/1.0"), end="close")
    accept("HTTP/1.0 kept alive", rule, get("Connection: keep-alive\r\n", version="HTTP/1.0"))
    accept("HTTP/1.2", "RFC 9110 2.5", get(version="HTTP/1.2"))
    accept("HTTP/1.9", "RFC 9110 2.5", get(version="HTTP/1.9"))
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"]:
        refuse(version, "RFC 9110 15.6.6", get(version=version), 505)
    choice("HTTP/2 preface", rule, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
    for version in [
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/1.10",
        "HTTP/11.1",
        "HTTP/01.1",
        "HTTP/1.01",
        "HTTP/1,1",
        "HTTP/1.1.1",
        "HTTP/-1.1",
        "HTTP/+1.1",
        "HTTP/1.x",
        "HTTP/a.1",
        "http/1.1",
        "Http/1.1",
        "HTTP 1.1",
        "HTTP/ 1.1",
        "HTTP/1 .1",
        "HTTP/1. 1",
        "HTTPS/1.1",
        "HTP/1.1",
        "HTTP1.1",
        "HTTP\\1.1",
        "HTTP//1.1",
        "1.1",
        "HTTP",
        "HTTP/",
        "FTP/1.1",
        "ICY/1.1",
        "HTTP/1.1\x00",
        "HTTP/\xb9.1",
        "SIP/2.0",
    ]:
        refuse(f"version {version!r}", rule, get(version=version))


def targets():
    rule = "RFC 9112 3.2"
    for target in [
        "/a",
        "/a/b/../c",
        "//x",
        "/?",
        "/?a=b",
        "/a?b?c",
        "/%41",
        "/%e2%82%ac",
        "/a;b=c",
        "/a:b@c",
        "/!$&'()*+,;=",
        "/~._-",
        "/a//b",
        "/.",
        "/?a=%zz",
        "/?100%",
        "/?\\",
        "/?%00",
    ]:
        accept(
            f"target {target}",
            rule,
            get(target=target),
            f"GET {target} 0",
            level="must" if "%" not in target else "choice",
        )
    for target in ["/{x}", "/a|b", "/a^b", "/a`b", "/[x]", "/?[]=1", "/?{}|^`"]:
        accept(
            f"target {target}: not in RFC 3986, but what browsers send",
            rule,
            get(target=target),
            f"GET {target} 0",
            level="choice",
        )


def refused_targets():
    for target in [
        "/%",
        "/%4",
        "/%4g",
        "/%zz",
        "/a%",
        "/%00",
        "/a%00b",
        "/%-1",
        "/a\\b",
        "/\\",
        "/#f",
        "/a?b#c",
        "/?#",
        '/"',
        '/?"',
        "/<x>",
        "/?<",
        "/?>",
    ]:
        choice(f"target {target}", "RFC 3986 3.3", get(target=target))
    for byte in [*range(0, 0x20), 0x7F, 0x80, 0xA0, 0xC0, 0xE9, 0xFF]:
        choice(f"path with {byte_name(byte)}", "RFC 9112 3.2", get(target="/a" + chr(byte) + "b"))
    for byte in [0, 1, 9, 0x0B, 0x0D, 0x1F, 0x7F, 0x80, 0xFF]:
        choice(f"query with {byte_name(byte)}", "RFC 9112 3.2", get(target="/?a" + chr(byte) + "b"))
    choice("space in the path", "RFC 9112 3", get(target="/a b"))
    choice("space in the query", "RFC 9112 3", get(target="/?a b"))


def absolute_targets():
    rule = "RFC 9112 3.2.2"
    accept("absolute form", rule, get(target="http://a.example/x?y"), "GET http://a.example/x?y 0")
    accept("absolute form, scheme in capitals", rule, get(target="HTTP://a.example/"), "GET HTTP://a.example/ 0")
    accept("absolute form, host in capitals", rule, get(target="http://A.EXAMPLE/"), "GET http://A.EXAMPLE/ 0")
    accept("absolute form without path", rule, get(target="http://a.example"), "GET http://a.example 0")
    accept("absolute form, query without path", rule, get(target="http://a.example?q"), "GET http://a.example?q 0")
    accept("absolute form with default port", rule, get(target="http://a.example:80/"), "GET http://a.example:80/ 0")
    accept(
        "absolute form in HTTP/1.0 without Host",
        rule,
        "GET http://a.example/ HTTP/1.0\r\n\r\n",
        "GET http://a.example/ 0",
        "close",
    )
    accept("absolute form overrules Host", rule, get(target="http://b.example/"), "GET http://b.example/ 0")
    accept("absolute form overrules the port", rule, get(target="http://a.example:81/"), "GET http://a.example:81/ 0")
    accept("absolute form, Host empty", rule, "GET http://a.example/ HTTP/1.1\r\nHost:\r\n\r\n",
           "GET http://a.example/ 0")
    case("absolute form overrules Host, with a body that is a request", rule,
         f"POST http://b.example/p HTTP/1.1\r\n{H}Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
         "POST http://b.example/p 18", "open")
    for value in ["a b", "u@a.example", "a.example:x", "[::1", "a,b"]:
        refuse(f"absolute form, Host {value!r}", "RFC 9112 3.2",
               f"GET http://a.example/ HTTP/1.1\r\nHost: {value}\r\n\r\n")
    refuse("absolute form without Host", "RFC 9112 3.2", "GET http://a.example/ HTTP/1.1\r\n\r\n")
    refuse("absolute form, two Hosts", "RFC 9112 3.2", get("Host: a.example\r\n", target="http://a.example/"))
    for target in [
        "http:///x",
        "http://",
        "http:/a.example/",
        "http:a.example",
        "http://u@a.example/",
        "http://u:p@a.example/",
        "http://a.example:x/",
        "http://a.example:99999/",
        "http://a b/",
        "http://a.example\\@b/",
        "http://[::1/",
        "//a.example",
        "ftp://a.example/",
        "file:///etc/passwd",
        "ws://a.example/",
        "javascript:alert(1)",
        "x",
    ]:
        if target == "//a.example":
            continue
        choice(f"target {target}", rule, get(target=target))
    whole = get(target="http://a.example", method="OPTIONS")
    accept("OPTIONS of a whole server", "RFC 9112 3.2.4", whole, "OPTIONS http://a.example 0")
    accept("asterisk form", "RFC 9112 3.2.4", get(target="*", method="OPTIONS"), "OPTIONS * 0")
    choice("asterisk form with GET", "RFC 9112 3.2.4", get(target="*"))
    choice("asterisk and more", "RFC 9112 3.2.4", get(target="*x", method="OPTIONS"))
    choice("authority form with GET", "RFC 9112 3.2.3", get(target="a.example:80"))


def hosts():
    rule = "RFC 9112 3.2"
    one = lambda value: f"GET / HTTP/1.1\r\nHost: {value}\r\n\r\n"
    refuse("HTTP/1.1 without Host", rule, "GET / HTTP/1.1\r\n\r\n")
    refuse("HTTP/1.2 without Host", rule, "GET / HTTP/1.2\r\n\r\n")
    refuse("two Hosts, alike", rule, f"GET / HTTP/1.1\r\n{H}{H}\r\n")
    refuse("two Hosts, different", rule, f"GET / HTTP/1.1\r\n{H}Host: b.example\r\n\r\n")
    refuse("two Hosts in different case", rule, f"GET / HTTP/1.1\r\n{H}hOST: b.example\r\n\r\n")
    refuse("two Hosts, one empty", rule, f"GET / HTTP/1.1\r\nHost:\r\n{H}\r\n")
    refuse("two Hosts apart", rule, f"GET / HTTP/1.1\r\n{H}Accept: x\r\nHost: b.example\r\n\r\n")
    refuse("two Hosts in HTTP/1.0", rule, f"GET / HTTP/1.0\r\n{H}{H}\r\n")
    choice("Host is empty", rule, one(""))
    choice("Host is white space", rule, one("  \t "))
    for value in [
        "a",
        "A.Example",
        "a.example.",
        "a.example:80",
        "a.example:8080",
        "a.example:",
        "a_b",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:80",
        "[2001:db8::1]",
        "xn--bcher-kva.example",
        " a.example",
        "a.example \t",
        "1.2.3",
    ]:
        accept(f"Host {value!r}", "RFC 9110 7.2", one(value))


def refused_hosts():
    rule = "RFC 9112 3.2"
    one = lambda value: f"GET / HTTP/1.1\r\nHost: {value}\r\n\r\n"
    for value in [
        "a b",
        "a,b",
        "a.example, b.example",
        "a/b",
        "a.example/",
        "/",
        "u@a.example",
        "u:p@a.example",
        "a?b",
        "a#b",
        "a\\b",
        "http://a.example",
        "a.example:port",
        "a.example:-1",
        "a.example:+80",
        "a.example:80:80",
        "a.example:99999",
        "a.example:80a",
        "a.example: 80",
        "a.example :80",
        ":80",
        "[::1",
        "::1",
        "[::g]",
        "[]",
        "[::1]x",
        "[1:2:3]",
        "<a>",
        '"a"',
        "a;b",
        "a|b",
        "a^b",
        "{a}",
        "a`b",
        "a\x80",
        "a\xe9.example",
        "\xff",
    ]:
        refuse(f"Host {value!r}", "RFC 9112 3.2", one(value))
    for value in [
        "a%20b",
        "a%00",
        "a%41",
        "a!b",
        "a$b",
        "a&b",
        "(a)",
        "a*b",
        "a+b",
        "a=b",
        "a'b",
        "[::1%25lo]",
        "[v1.a]",
        "a.example:0",
        "a.example:080",
    ]:
        choice(f"Host {value!r}", "RFC 3986 3.2.2", one(value))
    choice("Host of 256 bytes", "RFC 9112 3.2", one("a" * 256))
    accept("Host of 255 bytes", "RFC 9112 3.2", one("a" * 255))
    accept("Host is not the first field", rule, f"GET / HTTP/1.1\r\nAccept: x\r\n{H}\r\n")
    accept("Host without a space", rule, "GET / HTTP/1.1\r\nHost:a.example\r\n\r\n")
    accept("HOST", rule, "GET / HTTP/1.1\r\nHOST: a.example\r\n\r\n")
