// RFC 9111 section 3.1: what is kept of a head, and the layout of the block.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct StoredHeadTests {
    private let fresh = "Cache-Control: max-age=60"

    private func lines(_ fields: [String], settings: PolicySettings = PolicySettings()) -> String? {
        withStored(fields, settings: settings) { string($0.fieldLines) }
    }

    @Test("RFC 9111 section 3.1: end-to-end fields are kept as they came")
    func kept() {
        let fields = [
            fresh, "Date: \(noonText)", "Content-Type: text/plain", "X-Test: a", "x-test: b", "ETag: W/\"x\"",
            "Content-Encoding: gzip", "Expires: \(noonText)", "Content-MD5: x", "Clear-Site-Data: \"*\"", "Trailer: x",
        ]
        #expect(lines(fields) == fields.joined(separator: "\r\n") + "\r\n")
    }

    @Test(
        "RFC 9111 section 3.1: fields of the connection are not",
        arguments: [
            "Connection: x", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Proxy-Authenticate: Basic",
            "Proxy-Authentication-Info: x", "Proxy-Authorization: x", "TE: trailers", "Upgrade: h2c",
            "Age: 1", "Content-Length: 5",
        ])
    func dropped(field: String) {
        #expect(lines([fresh, "Date: \(noonText)", field]) == "\(fresh)\r\nDate: \(noonText)\r\n")
    }

    @Test("RFC 9110 section 7.6.1: Connection-listed fields are not kept")
    func listed() {
        #expect(
            lines([fresh, "Date: \(noonText)", "Connection: X-A, close", "x-a: 1", "X-B: 2"])
                == "\(fresh)\r\nDate: \(noonText)\r\nX-B: 2\r\n")
    }

    @Test("RFC 9111 sections 5.2.2.4 and 5.2.2.7: fields named by no-cache and private are not kept")
    func named() {
        let control = "Cache-Control: max-age=60, no-cache=\"X-A, x-b\", private=X-C"
        #expect(
            lines([control, "Date: \(noonText)", "x-a: 1", "X-B: 2", "X-C: 3", "X-D: 4"])
                == "\(control)\r\nDate: \(noonText)\r\nX-D: 4\r\n")
    }

    @Test("RFC 9110 section 6.6.1: Date is supplied")
    func suppliesDate() {
        #expect(lines([fresh]) == "\(fresh)\r\nDate: \(noonText)\r\n")
        #expect(lines([fresh, "Date: x"]) == "\(fresh)\r\nDate: \(noonText)\r\n")
    }

    @Test("Tag fields stay here unless told otherwise")
    func tags() {
        let fields = [fresh, "Date: \(noonText)", "Surrogate-Key: a b", "Cache-Tag: c", "Cache-Groups: \"d\""]
        #expect(lines(fields) == "\(fresh)\r\nDate: \(noonText)\r\nCache-Groups: \"d\"\r\n")
        var settings = PolicySettings()
        settings.hidesTagFields = false
        #expect(lines(fields, settings: settings) == fields.joined(separator: "\r\n") + "\r\n")
    }

    @Test("The prologue says what the head said")
    func prologue() {
        let fields = [
            "Cache-Control: max-age=60, stale-while-revalidate=7, stale-if-error=8, immutable",
            "Date: \(noonText)", "Age: 3", "ETag: \"tag\"", "Last-Modified: \(date(-100))", "Content-Type: a/b",
            "Content-Encoding: br", "Content-Length: 12345",
        ]
        withStored(fields, status: "203 Fine", cost: 77) { stored in
            #expect(stored.status == 203)
            #expect(stored.coding == .br)
            #expect(stored.freshnessSeconds == 60)
            #expect(stored.staleWhileRevalidateSeconds == 7)
            #expect(stored.staleIfErrorSeconds == 8)
            #expect(stored.fetchCostMilliseconds == 77)
            #expect(stored.declaredLength == 12345)
            #expect(stored.zeroMoment == (noon - 3) * 1000)
            #expect(stored.dateSeconds == noon)
            #expect(stored.lastModifiedSeconds == noon - 100)
            #expect(string(stored.etag) == "\"tag\"")
            #expect(string(stored.lastModified) == date(-100))
            #expect(string(stored.contentType) == "a/b")
            #expect(string(stored.date) == noonText)
            #expect(string(stored.reason) == "Fine")
            let age = stored.ageSeconds(now: (noon + 10) * 1000)
            #expect(age == 13)
            #expect(
                stored.flags.isSuperset(of: [
                    .hasETag, .strongETag, .hasLastModified, .strongLastModified, .immutable, .shareable,
                ]))
        }
    }

    @Test("RFC 9110 section 8.8: weak validators are known as such")
    func weak() {
        withStored([fresh, "ETag: W/\"a\"", "Last-Modified: \(noonText)", "Date: \(noonText)"]) { stored in
            #expect(stored.flags.contains(.hasETag) && !stored.flags.contains(.strongETag))
            #expect(stored.flags.contains(.hasLastModified) && !stored.flags.contains(.strongLastModified))
        }
        withStored([fresh, "ETag: unquoted"]) { stored in
            #expect(stored.flags.contains(.hasETag) && !stored.flags.contains(.strongETag))
        }
    }

    @Test("The layout of release 1 stays what it is")
    func golden() {
        let block = storedBlock([fresh, "Date: \(noonText)", "ETag: \"a\""], cost: 5) ?? []
        #expect(StoredHead.prologueBytes == 96)
        #expect(block.count == 96 + 27 + 37 + 11 + 2)
        #expect(Array(block[80..<96]) == Array(repeating: 0, count: 16))
        #expect(Array(block[0..<8]) == [0x11, 0, 200, 0, 0x0C, 0xA0, 1, 0])
        #expect(Array(block[32..<48]) == [60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0])
        #expect(Array(block[48..<56]) == Array(repeating: 255, count: 8))
    }

    @Test("Damaged and foreign blocks are misses")
    func damaged() {
        guard let block = storedBlock([fresh, "ETag: \"a\""]) else { return }
        for length in 0..<block.count - 2 {
            let cut = Array(block[0..<length])
            let isMiss = StoredHead(unsafe cut.span.bytes) == nil
            #expect(isMiss)
        }
        var other = block
        other[0] = 0x12
        let isMiss = StoredHead(unsafe other.span.bytes) == nil
        #expect(isMiss)
        #expect(StoredKind.of(unsafe other.span.bytes) == nil)
    }

    @Test("A head that is too large is not stored")
    func tooLarge() {
        let fields = [fresh, "X: \(String(repeating: "a", count: 9000))"]
        withResponse(fields) { head, bytes, table in
            let facts = ResponseFacts(head: head, bytes: bytes, fields: table, now: 0, settings: PolicySettings())
            let plan = StorePlan(response: facts, times: instant, settings: PolicySettings())
            var storage = [UInt8](repeating: 0, count: 4096)
            var span = storage.mutableSpan
            var target = unsafe span.mutableBytes
            let count = StoredHead.encode(
                head: head, bytes: bytes, fields: table, facts: facts, plan: plan, times: instant, isVariant: false,
                fetchCostMilliseconds: 0, into: &target)
            #expect(count == nil)
        }
    }
}
