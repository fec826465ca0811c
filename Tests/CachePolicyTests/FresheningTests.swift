// RFC 9111 sections 3.2, 4.3.4 and 4.3.5: what validation does to what is stored.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct FresheningTests {
    private let base = [
        "Cache-Control: max-age=2", "Date: \(noonText)", "ETag: \"a\"", "Last-Modified: \(date(-1000))",
    ]
    private let later = ExchangeTimes(requestMilliseconds: (noon + 10) * 1000, responseMilliseconds: (noon + 10) * 1000)

    private func judge(_ fields: [String], status: String = "304 X", stored: [String]? = nil) -> Freshening.Outcome? {
        withStored(stored ?? base) { stored in
            withResponse(fields, status: status) { head, bytes, table in
                Freshening.judge(stored: stored, status: head.status, bytes: bytes, fields: table, now: noon * 1000)
            }
        }
    }

    private func freshen(_ fields: [String], stored: [String] = []) -> Freshened? {
        withStored(base + stored) { freshened($0, by: fields, times: later) } ?? nil
    }

    @Test("RFC 9111 section 4.3.4: which stored answer a 304 is about")
    func selects() {
        #expect(judge([]) == .update)
        #expect(judge(["ETag: \"a\""]) == .update)
        #expect(judge(["ETag: W/\"a\""]) == .update)
        #expect(judge(["ETag: \"b\""]) == .mismatch)
        #expect(judge(["ETag: W/\"b\""]) == .mismatch)
        #expect(judge(["Last-Modified: \(date(-1000))"]) == .update)
        #expect(judge(["Last-Modified: \(date(-999))"]) == .update)
        #expect(judge(["ETag: \"a\"", "Last-Modified: \(date(-1))"]) == .update)
        #expect(judge(["ETag: \"a\""], stored: [base[0], "ETag: W/\"a\""]) == .mismatch)
        #expect(judge(["ETag: abc"], stored: [base[0], "ETag: abc"]) == .update)
        let dated = [base[0], base[3]]
        #expect(judge([date(-1000), date(-999)].map { "Last-Modified: \($0)" }, stored: dated) == .update)
        #expect(judge(["ETag: \"a\"", base[3]], stored: dated) == .update)
        #expect(judge(["ETag: \"a\"", "Last-Modified: \(date(-999))"], stored: dated) == .mismatch)
        #expect(judge(["ETag: \"a\""], stored: dated) == .mismatch)
    }

    @Test("RFC 9111 section 4.3.3: errors may be covered, anything else replaces")
    func others() {
        for status in ["500 X", "502 X", "503 X", "504 X"] { #expect(judge([], status: status) == .failed) }
        for status in ["200 X", "404 X", "301 X", "501 X"] { #expect(judge([], status: status) == .replaced) }
    }

    @Test(
        "RFC 9111 section 3.2: fields of the 304 replace stored ones",
        arguments: [
            "Test-Header", "X-Test-Header", "Content-Foo", "X-Content-Foo", "Content-Location",
            "Content-Security-Policy", "Content-Type", "Clear-Site-Data", "Public-Key-Pins", "X-Frame-Options",
            "X-XSS-Protection", "Link", "Content-MD5",
        ])
    func replaces(name: String) {
        let lines = freshen(["\(name): new", "ETag: \"a\""], stored: ["\(name): old", "\(name.lowercased()): older"])?
            .lines
        #expect(lines?.contains("\(name): new") == true)
        #expect(lines?.contains { $0.hasSuffix(": old") || $0.hasSuffix(": older") } == false)
    }

    @Test(
        "RFC 9111 section 3.2: fields that a 304 does not touch",
        arguments: ["Content-Encoding", "Content-Range", "Content-Digest"])
    func keeps(name: String) {
        let lines = freshen(["\(name): x-new"], stored: ["\(name): x-old"])?.lines
        #expect(lines?.contains("\(name): x-old") == true)
        #expect(lines?.contains("\(name): x-new") == false)
    }

    @Test("RFC 9111 section 3.2: new fields are added, connection fields are not")
    func adds() {
        let lines = freshen(["X-New: 1", "Connection: X-Hop", "X-Hop: 1", "Age: 0", "Content-Length: 7"])?.lines
        #expect(lines?.contains("X-New: 1") == true)
        #expect(
            lines?.contains { $0.hasPrefix("X-Hop") || $0.hasPrefix("Age") || $0.hasPrefix("Content-Length") } == false)
    }

    @Test("RFC 9111 section 4.3.4: freshness is computed anew")
    func freshness() {
        let longer = freshen(["Cache-Control: max-age=500", "Date: \(date(10))"])
        #expect(longer?.plan.freshnessSeconds == 500)
        #expect(longer?.plan.zeroMoment == (noon + 10) * 1000)
        let same = freshen(["Date: \(date(10))"])
        #expect(same?.plan.freshnessSeconds == 2)
        #expect(same?.plan.isFresh(at: (noon + 11) * 1000) == true)
        #expect(freshen(["Date: \(date(10))", "Age: 1"])?.plan.zeroMoment == (noon + 9) * 1000)
        #expect(freshen(["Cache-Control: max-age=500"])?.lines.contains("Date: \(date(10))") == true)
    }

    @Test("RFC 9111 section 5.2.2.5: a 304 with no-store ends it; only who caused the validation gets the new fields")
    func noStore() {
        #expect(freshen(["Cache-Control: no-store"]) == nil)
        #expect(freshen(["Cache-Control: private"]) == nil)
    }

    @Test("RFC 9111 section 4.3.5: HEAD updates or invalidates")
    func head() {
        func outcome(_ fields: [String], status: String = "200 OK") -> Freshening.HeadOutcome? {
            withStored(base + ["Content-Length: 5"]) { stored in
                withResponse(fields, status: status, method: .head) { head, bytes, table in
                    Freshening.judgeHead(
                        stored: stored, length: 5, head: head, bytes: bytes, fields: table, now: noon * 1000)
                }
            }
        }
        #expect(outcome(["ETag: \"a\"", "Content-Length: 5"]) == .update)
        #expect(outcome([]) == .update)
        #expect(outcome(["ETag: \"b\""]) == .invalidate)
        #expect(outcome(["Content-Length: 6"]) == .invalidate)
        #expect(outcome(["Last-Modified: \(date(-5))"]) == .invalidate)
        #expect(outcome([], status: "410 Gone") == .invalidate)
        #expect(outcome([], status: "503 X") == .ignore)
        #expect(outcome([], status: "301 X") == .ignore)
    }
}
