// Requests: what is taken from a head, how parsing is resumed, and each limit. The grammar's many wrong forms are
// cases in Cases/requests.json.
import HTTPMessage
import Testing

@Suite struct RequestParserTests {
    @Test func plainGet() {
        let request = parseRequest("GET /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\n\r\nrest")
        #expect(request.progress == .complete(headLength: request.bytes.count - 4))
        #expect(request.head.method == .get)
        #expect(request.text(request.head.target) == "/a/b?c=d&e")
        #expect(request.text(request.head.path) == "/a/b")
        #expect(request.text(request.head.query) == "c=d&e")
        #expect(request.head.hasQuery)
        #expect(request.text(request.head.authority) == "example.com:8080")
        #expect(request.text(request.head.host) == "example.com")
        #expect(request.head.port == 8080)
        #expect(request.head.framing == .none)
        #expect(request.head.keepAlive)
        #expect(request.forwarded == ["Accept: */*"])
    }

    @Test(arguments: [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PURGE", "QUERY", "get", "COPY",
    ])
    func methods(_ name: String) {
        let request = parseRequest("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(request.isComplete)
        #expect(request.text(request.head.methodText) == name)
        let expected: [String: HTTPMessage.Method] = [
            "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "OPTIONS": .options,
            "TRACE": .trace, "PATCH": .patch, "PURGE": .purge, "QUERY": .otherSafe,
        ]
        #expect(request.head.method == expected[name] ?? .other)
    }

    @Test func aMethodThatNeverEndsIsRefusedHoweverItArrives() {  // RFC 9112 section 3
        let bytes = [UInt8](repeating: UInt8(ascii: "A"), count: 5000)
        for step in [1, 7, 40, 4990] {
            var parser = RequestParser()
            var fields = FieldTable(capacity: 8)
            var progress = RequestProgress.needMore
            var count = 10
            while progress == .needMore, count <= bytes.count {
                progress = unsafe parser.parse(bytes.span.extracting(0..<count).bytes, into: &fields)
                count += step
            }
            #expect(progress == .rejected(.methodTooLong), "in steps of \(step)")
        }
    }

    @Test func absoluteForm() {  // RFC 9112 section 3.2.2
        let request = parseRequest("GET http://Example.com/x?y HTTP/1.1\r\nHost: example.COM:80\r\n\r\n")
        #expect(request.isComplete)
        #expect(request.head.form == .absolute)
        #expect(request.head.scheme == .http)
        #expect(request.text(request.head.path) == "/x")
        #expect(request.text(request.head.authority) == "Example.com")
        for host in ["b", "a:81", ""] {
            let overruled = parseRequest("GET http://a/ HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(overruled.isComplete && overruled.text(overruled.head.host) == "a")
        }
        #expect(parseRequest("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n").rejection == .invalidHost)
        #expect(parseRequest("GET https://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n").isComplete)
        let bare = parseRequest("OPTIONS http://a?q HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bare.isComplete && bare.head.path.isEmpty && bare.text(bare.head.query) == "q")
    }

    @Test func otherForms() {
        let whole = parseRequest("OPTIONS http://a.b:81 HTTP/1.1\r\nHost: a.b:81\r\n\r\n")
        #expect(whole.head.form == .asterisk && whole.text(whole.head.authority) == "a.b:81")
        #expect(parseRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head.form == .asterisk)
        #expect(parseRequest("GET * HTTP/1.1\r\nHost: a\r\n\r\n").rejection == .unsupportedTargetForm)
        #expect(parseRequest("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n").rejection == .connectRefused)
        #expect(parseRequest("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n").rejection == .unsupportedTargetForm)
        #expect(parseRequest("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n").rejection == .unsupportedTargetForm)
    }

    @Test func persistence() {  // RFC 9112 section 9.3
        func keepAlive(_ version: String, _ connection: String) -> Bool {
            parseRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(connection)\r\n").head.keepAlive
        }
        #expect(keepAlive("1.1", ""))
        #expect(!keepAlive("1.1", "Connection: close\r\n"))
        #expect(!keepAlive("1.1", "Connection: foo, CLOSE\r\n"))
        #expect(!keepAlive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"))
        #expect(!keepAlive("1.0", ""))
        #expect(keepAlive("1.0", "Connection: Keep-Alive\r\n"))
        #expect(keepAlive("1.9", ""))
        #expect(!keepAlive("1.1", "Connection: bro ken\r\n"))
        #expect(!keepAlive("1.1", "Connection: connection\r\nConnection: close\r\n"))
    }

    @Test func hopByHopFields() {  // RFC 9110 section 7.6.1
        let request = parseRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-one, Two, Cookie\r\nX-One: 1\r\ntwo: 2\r\nKeep-Alive: 5\r\n"
                + "Cookie: kept\r\nTE: trailers\r\nProxy-Connection: x\r\n"
                + "Upgrade: h2c\r\nThree: 3\r\nX_Forwarded_For: 9\r\n"
                + "\r\n"
        )
        #expect(request.isComplete)
        #expect(request.forwarded == ["Cookie: kept", "Three: 3"])
        #expect(request.head.acceptsTrailers)
        #expect(!request.head.upgrade)
    }

    @Test func bodies() {  // RFC 9112 section 6
        func post(_ fields: String, version: String = "1.1") -> ParsedRequest {
            parseRequest("POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n")
        }
        #expect(post("").head.framing == .none)
        #expect(post("Content-Length: 42\r\n").head.framing == .length(42))
        #expect(post("Content-Length: 42\r\nContent-Length: 42\r\n").head.framing == .length(42))
        #expect(post("Content-Length: 42\r\n").forwarded == [])
        #expect(post("Transfer-Encoding: Chunked\r\n").head.framing == .chunked)
        #expect(post("Content-Length: 1\r\nContent-Length: 2\r\n").rejection == .contentLengthsDiffer)
        #expect(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n").rejection == .lengthAndTransferEncoding)
        #expect(post("Transfer-Encoding: chunked\r\n", version: "1.0").rejection == .transferEncodingInOldVersion)
        #expect(post("Transfer-Encoding: gzip, chunked\r\n").rejection == .unknownTransferCoding)
        for last in ["gzip", "chunked, gzip", "chunked, identity", "chunked, gzip, chunked", "xchunked"] {
            #expect(post("Transfer-Encoding: \(last)\r\n").rejection == .invalidTransferEncoding)
        }
        #expect(
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").rejection == .invalidTransferEncoding)
        #expect(post("Content_Length: 4\r\n").rejection == .ambiguousFieldName)
        #expect(post("Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n").head.framing == .chunked)
    }

    @Test func expectations() {  // RFC 9110 section 10.1.1
        let waiting = parseRequest("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n")
        #expect(waiting.head.expectContinue && waiting.forwarded == [])
        let old = parseRequest("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: x\r\n\r\n")
        #expect(old.isComplete && !old.head.expectContinue && old.forwarded == [])
        #expect(!parseRequest("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").head.expectContinue)
        let unknown = parseRequest("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")
        #expect(unknown.rejection == .unknownExpectation && unknown.rejection?.status == 417)
    }

    @Test func forwardsLeft() {  // RFC 9110 section 7.6.2
        let request = parseRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n")
        #expect(request.head.maxForwards == 3 && request.forwarded == [])
        let other = parseRequest("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n")
        #expect(other.head.maxForwards == nil && other.forwarded == ["Max-Forwards: 3"])
        #expect(parseRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").head.maxForwards == 0)
        #expect(
            parseRequest("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").rejection == .noForwardsLeft)
    }

    @Test func upgrade() {
        let request = parseRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket\r\n"
                + "HTTP2-Settings: x\r\n\r\n"
        )
        #expect(request.head.upgrade)
        #expect(request.forwarded == [])
    }

    @Test func limits() {
        var limits = MessageLimits()
        limits.startLineBytes = 40
        limits.headBytes = 200
        limits.fieldCount = 3
        limits.fieldNameBytes = 20
        limits.bodyBytes = 10
        func rejection(_ text: String) -> Rejection? { parseRequest(text, limits: limits).rejection }
        let path = String(repeating: "a", count: 26)
        #expect(rejection("GET /\(path) HTTP/1.1\r\nHost: a\r\n\r\n") == nil)
        #expect(rejection("GET /\(path)a HTTP/1.1\r\nHost: a\r\n\r\n") == .targetTooLong)
        #expect(rejection("GET /" + String(repeating: "a", count: 60)) == .targetTooLong)
        #expect(rejection(String(repeating: "A", count: 33) + " / HTTP/1.1\r\n") == .methodTooLong)
        #expect(
            rejection("GET / HTTP/1.1\r\nHost: a\r\nB: " + String(repeating: "b", count: 200) + "\r\n\r\n")
                == .headTooLong)
        #expect(rejection("GET / HTTP/1.1\r\nHost: a\r\nB: " + String(repeating: "b", count: 200)) == .headTooLong)
        #expect(rejection("GET / HTTP/1.1\r\nHost: a\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n") == .tooManyFields)
        #expect(
            rejection("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "b", count: 21) + ": 1\r\n\r\n")
                == .fieldNameTooLong)
        #expect(rejection("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n") == .bodyTooLong)
    }

    /// A head cut anywhere, or dripped byte by byte, comes to the same as in one piece.
    @Test(arguments: [
        "GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nCookie: a=b;\tc\r\n\r\n",
        "\r\nPOST http://h:80/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{1}c\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    ])
    func resumption(_ message: String) {
        let bytes = Array(message.utf8)
        let reference = parseRequest(bytes)
        for cut in 0...bytes.count {
            var parser = RequestParser()
            var table = FieldTable(capacity: 32)
            var progress = parser.parse(bytes.raw.extracting(0..<cut), into: &table)
            if progress == .needMore || progress == .routable { progress = parser.parse(bytes.raw, into: &table) }
            #expect(progress == reference.progress, "cut at \(cut)")
        }
        var parser = RequestParser()
        var table = FieldTable(capacity: 32)
        var progress = RequestProgress.needMore
        var routable = 0
        for length in 1...bytes.count where progress == .needMore || progress == .routable {
            progress = parser.parse(bytes.raw.extracting(0..<length), into: &table)
            if progress == .routable { routable += 1 }
        }
        #expect(progress == reference.progress)
        #expect(routable <= 1)
    }

    @Test func routableBeforeTheEnd() {
        var parser = RequestParser()
        var table = FieldTable(capacity: 32)
        let bytes = Array("GET /x HTTP/1.1\r\nHost: a.b:81\r\nCookie: long".utf8)
        #expect(parser.parse(bytes.raw, into: &table) == .routable)
        #expect(parser.head.method == .get)
        #expect(text(bytes, parser.head.host) == "a.b")
        #expect(parser.head.port == 81)
        let longer = bytes + [0x61]
        #expect(parser.parse(longer.raw, into: &table) == .needMore)
    }

    @Test func parserIsReusable() {
        var parser = RequestParser()
        var table = FieldTable(capacity: 8)
        let first = Array("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n".utf8)
        #expect(parser.parse(first.raw, into: &table) == .complete(headLength: first.count))
        parser.reset()
        let second = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect(parser.parse(second.raw, into: &table) == .complete(headLength: second.count))
        #expect(parser.head.framing == .none)
        #expect(table.count == 1 && !table.contains(.contentLength))
    }
}
