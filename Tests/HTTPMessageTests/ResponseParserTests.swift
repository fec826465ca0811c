// Responses from origins: status lines, framing by status and method, what makes them 502 (RFC 9112 section 4, 6.3).
import HTTPMessage
import Testing

@Suite struct ResponseParserTests {
    @Test func plain() {
        let response = parseResponse(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\nConnection: keep-alive\r\n\r\nhello")
        #expect(response.progress == .complete(headLength: response.bytes.count - 5))
        #expect(response.head.status == 200 && response.text(response.head.reason) == "OK")
        #expect(response.head.framing == .length(5) && response.head.keepAlive)
        #expect(response.forwarded == ["Server: x"])
    }

    @Test func framing() {
        func framing(_ status: Int, _ fields: String, _ method: HTTPMessage.Method = .get) -> BodyFraming {
            parseResponse("HTTP/1.1 \(status) X\r\n\(fields)\r\n", to: method).head.framing
        }
        #expect(framing(200, "") == .untilClose)
        #expect(framing(200, "Transfer-Encoding: chunked\r\n") == .chunked)
        #expect(framing(200, "Content-Length: 9\r\n", .head) == .none)
        #expect(framing(204, "Content-Length: 9\r\n") == .none)
        #expect(framing(304, "Content-Length: 9\r\n") == .none)
        #expect(framing(100, "") == .none)
        #expect(framing(404, "Content-Length: 0\r\n") == .length(0))
        #expect(parseResponse("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n").head.declaredLength == 9)
        #expect(!parseResponse("HTTP/1.1 200 X\r\n\r\n").head.keepAlive)
        // Who promises a body where none may be may send it as well.
        for promise in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
            #expect(!parseResponse("HTTP/1.1 204 X\r\n\(promise)\r\n\r\n").head.keepAlive)
        }
        #expect(parseResponse("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n").head.keepAlive)
        #expect(parseResponse("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n").head.keepAlive)
        #expect(!parseResponse("HTTP/1.0 200 X\r\nContent-Length: 1\r\n\r\n").head.keepAlive)
        #expect(parseResponse("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n").head.isInterim)
    }

    @Test(arguments: [
        "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200 a\tb \u{e9}\r\n\r\n", "HTTP/1.0 599 x\r\n\r\n",
        "HTTP/1.1 999 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ])
    func accepted(_ text: String) { #expect(parseResponse(text).isComplete, "\(text)") }

    @Test(arguments: [
        "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 000 OK\r\n\r\n", "HTTP/1.1 200 O\u{0}K\r\n\r\n", "HTTP/1.1 200 OK\n\r\n",
        "HTTP/1.1 200\tOK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: ,\r\n\r\n",
        "garbage that is long enough\r\n",
    ])
    func refused(_ text: String) { #expect(parseResponse(text).rejection != nil, "\(text)") }

    @Test func resumption() {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n".utf8)
        var parser = ResponseParser()
        var table = FieldTable(capacity: 8)
        for length in 0..<bytes.count {
            #expect(parser.parse(bytes.raw.extracting(0..<length), into: &table) == .needMore)
        }
        #expect(parser.parse(bytes.raw, into: &table) == .complete(headLength: bytes.count))
        #expect(table.count == 2 && parser.head.framing == .length(5))
    }
}
