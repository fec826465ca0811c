// Heads to clients: RFC 9110 sections 6.6.1, 7.6.3, 15.3.7, 15.4.5, 15.5.17; RFC 9111 section 5.1; RFC 9211.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct ClientHeadTests {
    private let fields = [
        "Cache-Control: max-age=60", "Date: \(noonText)", "Content-Type: text/plain", "ETag: \"a\"",
        "Last-Modified: \(date(-1000))", "Content-Encoding: gzip", "Content-Length: 100", "X-A: b", "Vary: Foo",
        "Content-Location: /x", "Content-Language: en",
    ]

    private func head(
        _ selection: Selection, fields: [String]? = nil, status: String = "200 OK", report: CacheStatus? = nil,
        delivery: Delivery = Delivery(framing: .length(100), keepAlive: true),
        settings: PolicySettings = PolicySettings()
    ) -> String {
        withStored(fields ?? self.fields, status: status) { stored in
            text { sink in
                withBytes("M1\nx\n\"\\") { key in
                    ClientHead.write(
                        stored: stored, selection: selection, length: 100, now: (noon + 7) * 1000, delivery: delivery,
                        boundary: 0xABC, report: report ?? .hit(ttlSeconds: 53), key: key, settings: settings,
                        into: &sink)
                }
            }
        } ?? ""
    }

    private func lines(_ text: String) -> [String] {
        text.components("\r\n")
    }

    @Test("A plain hit, byte by byte (RFC 9111 section 5.1, RFC 9110 section 7.6.3, RFC 9211)")
    func plain() {
        let short = ["Cache-Control: max-age=60", "Date: \(noonText)", "Content-Length: 100"]
        let expected = """
            HTTP/1.1 200 OK
            Cache-Control: max-age=60
            Date: \(noonText)
            Content-Length: 100
            Age: 7
            Via: 1.1 martlet
            Cache-Status: martlet; hit; ttl=53


            """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        let hit = withStored(short) { stored in
            text {
                ClientHead.writeHit(
                    stored: stored, bodyLength: 100, objectLength: 100, coding: .identity, now: (noon + 7) * 1000,
                    keepAlive: true, minorVersion: 1, settings: PolicySettings(), into: &$0)
            }
        }
        #expect(hit == expected)
        #expect(head(.whole, fields: short) == expected)
    }

    @Test("RFC 9112 section 9.3: Connection says whether it goes on")
    func connection() {
        func hit(_ keepAlive: Bool, _ minor: UInt8) -> String? {
            withStored(fields) { stored in
                text {
                    ClientHead.writeHit(
                        stored: stored, bodyLength: 1, objectLength: 1, coding: .identity, now: noon * 1000,
                        keepAlive: keepAlive, minorVersion: minor, settings: PolicySettings(), into: &$0)
                }
            }
        }
        #expect(hit(true, 1)?.contains("Connection") == false)
        #expect(hit(false, 1)?.contains("\r\nConnection: close\r\n") == true)
        #expect(hit(true, 0)?.contains("\r\nConnection: keep-alive\r\n") == true)
        let open = head(.whole, delivery: Delivery(framing: .untilClose, keepAlive: true))
        #expect(open.contains("\r\nConnection: close\r\n") && !open.contains("Content-Length"))
        #expect(
            head(.whole, delivery: Delivery(framing: .chunked, keepAlive: true))
                .contains("\r\nTransfer-Encoding: chunked\r\n"))
    }

    @Test("RFC 9110 section 8.6: 204 has no Content-Length")
    func noContent() {
        #expect(!head(.whole, status: "204 No Content").contains("Content-Length"))
        #expect(head(.whole, status: "404 Nope").hasPrefix("HTTP/1.1 404 Nope\r\n"))
        #expect(head(.whole, status: "404 ").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
    }

    @Test("A 304 leaves the same lines out, wherever they stand", arguments: [0, 1, 2, 3, 4, 5])
    func simpleNotModified(turn: Int) {
        let tag = "ETag: \"a\""
        let others = [
            "Content-Type: text/plain", "Last-Modified: \(date(-1000))", tag, "X-A: b", "Vary: Foo", "X-C: d",
        ]
        let turned = Array(others[turn...] + others[..<turn])
        let found = lines(head(.notModified, fields: ["Cache-Control: max-age=60"] + turned + ["Date: \(noonText)"]))
        let kept = turned.filter { !$0.hasPrefix("Content-Type") && !$0.hasPrefix("Last-Modified") }
        #expect(Array(found[1..<7]) == ["Cache-Control: max-age=60"] + kept + ["Date: \(noonText)"])
        #expect(found[7].hasPrefix("Age: "))
        let part = lines(head(.range(ByteRange(first: 0, last: 9)), fields: turned))
        #expect(Set(turned).isSubset(of: part) && part.contains("Content-Range: bytes 0-9/100"))
    }

    @Test("RFC 9110 section 15.4.5: 304")
    func notModified() {
        let found = lines(head(.notModified))
        #expect(found.first == "HTTP/1.1 304 Not Modified")
        for kept in [0, 1, 3, 7, 8, 9] { #expect(found.contains(fields[kept]), "\(fields[kept])") }
        for left in [2, 4, 5, 6, 10] { #expect(!found.contains(fields[left]), "\(fields[left])") }
        #expect(found.contains("Age: 7"))
        let untagged = lines(head(.notModified, fields: ["Cache-Control: max-age=60", fields[4]]))
        #expect(untagged.contains(fields[4]))
    }

    @Test("RFC 9110 section 15.3.7: one range")
    func range() {
        let found = lines(head(.range(ByteRange(first: 5, last: 9))))
        #expect(found.first == "HTTP/1.1 206 Partial Content")
        #expect(found.contains("Content-Range: bytes 5-9/100"))
        #expect(found.contains("Content-Length: 5"))
        for kept in [2, 3, 4, 5] { #expect(found.contains(fields[kept])) }
    }

    @Test("RFC 9110 section 15.3.7.2: several ranges")
    func multipart() {
        var plan = RangePlan()
        plan.count = 2
        plan.ranges[0] = ByteRange(first: 0, last: 1)
        plan.ranges[1] = ByteRange(first: 9, last: 9)
        let found = lines(head(.multipart(plan)))
        #expect(found.contains("Content-Type: multipart/byteranges; boundary=martlet-0000000000000abc"))
        #expect(!found.contains("Content-Type: text/plain"))
        #expect(!found.contains { $0.hasPrefix("Content-Range") })
        let part = text { sink in
            withBytes("text/plain") { type in
                MultipartRanges.writePartHead(
                    plan: plan, index: 1, length: 100, contentType: type, boundary: 0xABC, into: &sink)
            }
        }
        #expect(
            part == "\r\n--martlet-0000000000000abc\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/100\r\n\r\n"
        )
    }

    @Test("RFC 9110 section 15.5.17: 416 tells the length")
    func unsatisfiable() {
        let found = lines(head(.unsatisfiable))
        #expect(found.first == "HTTP/1.1 416 Range Not Satisfiable")
        #expect(found.contains("Content-Range: bytes */100"))
        #expect(found.contains("Content-Length: 0"))
    }

    @Test("RFC 9211: what happened, in order")
    func cacheStatus() {
        var report = CacheStatus()
        report.forward = .uriMiss
        report.forwardStatus = 200
        report.isStored = true
        report.isCollapsed = true
        report.ttlSeconds = 60
        #expect(
            head(.whole, report: report)
                .contains("Cache-Status: martlet; fwd=uri-miss; fwd-status=200; ttl=60; stored; collapsed\r\n"))
        report = CacheStatus()
        report.forward = .stale
        report.refusal = .noStore
        #expect(head(.whole, report: report).contains("Cache-Status: martlet; fwd=stale; detail=no-store\r\n"))
        report = .hit(ttlSeconds: -4)
        report.note = .staleWhileRevalidate
        #expect(head(.whole, report: report).contains("martlet; hit; ttl=-4; detail=stale-while-revalidate\r\n"))
        var settings = PolicySettings()
        settings.showsKeyInCacheStatus = true
        settings.explainsInCacheStatus = false
        settings.nodeName = ShortName("edge-1") ?? .standard
        #expect(
            head(.whole, report: report, settings: settings)
                .contains("Cache-Status: edge-1; hit; ttl=-4; key=\"M1?x?\\\"\\\\\"\r\n"))
    }

    @Test("Names of nodes are tokens")
    func names() {
        for name in ["", "1a", "a b", "a,b", "\u{e9}", String(repeating: "a", count: 33)] {
            #expect(ShortName(name) == nil, "\(name)")
        }
        #expect(ShortName("a.b-C_1") != nil)
    }

    @Test("RFC 9110 section 7.6: relayed heads")
    func relayed() {
        func relay(_ fields: [String], status: String = "200 OK", framing: BodyFraming = .chunked) -> String {
            withResponse(fields, status: status) { head, bytes, table in
                text {
                    var report = CacheStatus()
                    report.forward = .method
                    ClientHead.writeRelayed(
                        head: head, bytes: bytes, fields: table, now: noon * 1000,
                        delivery: Delivery(framing: framing, keepAlive: true), report: report, key: RawSpan(),
                        settings: PolicySettings(), into: &$0)
                }
            }
        }
        #expect(
            relay(["A: b", "Connection: x-c", "X-C: d", "Age: 4", "Transfer-Encoding: chunked", "Set-Cookie: e=f"])
                == [
                    "HTTP/1.1 200 OK", "A: b", "Age: 4", "Set-Cookie: e=f", "Date: \(noonText)",
                    "Transfer-Encoding: chunked", "Via: 1.1 martlet", "Cache-Status: martlet; fwd=method", "", "",
                ].joined(separator: "\r\n"))
        #expect(relay(["Link: </a>"], status: "103 Early Hints") == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        #expect(relay(["Content-Length: 9"], status: "304 X", framing: .none).contains("Content-Length: 9\r\n"))
        #expect(!relay(["Content-Length: 9"], status: "304 X").contains("Transfer-Encoding"))
    }

    @Test("RFC 9110 section 15.6.5: the node's own answers")
    func own() {
        var report = CacheStatus()
        report.note = .onlyIfCached
        let found = text {
            ClientHead.writeOwn(
                status: 504, bodyLength: 3, now: noon * 1000, delivery: Delivery(framing: .none, keepAlive: true),
                report: report, settings: PolicySettings(), into: &$0)
        }
        #expect(found.hasPrefix("HTTP/1.1 504 Gateway Timeout\r\nDate: \(noonText)\r\n"))
        #expect(found.contains("Content-Length: 3\r\n"))
        #expect(found.contains("Cache-Status: martlet; detail=only-if-cached\r\n"))
        report.note = .lastHop
        let allowed = text {
            ClientHead.writeOwn(
                status: 204, bodyLength: 0, now: noon * 1000, delivery: Delivery(framing: .none, keepAlive: true),
                report: report, settings: PolicySettings(), into: &$0)
        }
        #expect(allowed.contains("Allow: GET, HEAD") && !allowed.contains("Content-"))
        #expect(allowed.contains("Cache-Status: martlet; detail=max-forwards\r\n"))
    }
}

extension String {
    /// The pieces between separators.
    func components(_ separator: String) -> [String] {
        var result: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            result.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        result.append(String(rest))
        return result
    }
}
