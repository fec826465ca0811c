// Random answers, stored, read back, freshened and rendered; and damaged blocks, which must never trap (RFC 9111
// sections 3.1, 3.2 and 4.3.4). A failure prints its seed.
import Dice
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct RandomTests {
    private static let pool = [
        "Cache-Control: max-age=60", "Cache-Control: public, stale-while-revalidate=5", "Date: \(noonText)", "Age: 5",
        "ETag: \"a\"", "ETag: W/\"b\"", "Last-Modified: \(date(-500))", "Content-Type: text/plain", "X-A: 1", "x-a: 2",
        "Connection: X-B, close", "X-B: 3", "Content-Encoding: gzip", "Content-Length: 10", "Link: </x>", "X-Empty:",
        "Expires: \(date(100))", "Vary: Accept-Encoding", "Surrogate-Key: k", "Keep-Alive: 5",
        "Cache-Control: no-cache=\"X-A\"",
    ]

    private func answer(_ generator: inout Dice) -> [String] {
        (0..<Int.random(in: 1...10, using: &generator)).map { _ in
            Self.pool[Int.random(in: 0..<Self.pool.count, using: &generator)]
        }
    }

    @Test("RFC 9111 section 3.1: stored lines are end-to-end lines of the answer, in order, and a Date")
    func roundTrip() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
        for _ in 0..<300 {
            let fields = answer(&generator).filter { !$0.hasPrefix("Content-Length") }
            guard decide(fields).plan != nil, let block = storedBlock(fields) else { continue }
            guard let stored = StoredHead(unsafe block.span.bytes) else {
                Issue.record("seed \(seed): \(fields)")
                continue
            }
            var lines = string(stored.fieldLines).components("\r\n").dropLast().map { String($0) }
            let dates = lines.filter { $0.hasPrefix("Date: ") }
            #expect(dates == ["Date: \(noonText)"], "seed \(seed): \(fields)")
            lines.removeAll { $0.hasPrefix("Date: ") }
            var rest = fields[...]
            for line in lines {
                let name = line == "X-Empty: " ? "X-Empty:" : line
                let place = rest.firstIndex(of: name)
                #expect(place != nil, "seed \(seed): \(line) of \(fields)")
                if let place { rest = rest[(place + 1)...] }
                #expect(!["Connection", "Keep-Alive", "Age", "X-B: 3 "].contains(String(line.prefix { $0 != ":" })))
            }
        }
    }

    @Test("RFC 9111 section 3.2: a 304 that says nothing changes nothing but the Date")
    func emptyUpdate() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
        let later = ExchangeTimes(requestMilliseconds: noon * 1000, responseMilliseconds: (noon + 1) * 1000)
        for _ in 0..<200 {
            let fields = answer(&generator)
            guard decide(fields).plan != nil, let block = storedBlock(fields),
                let stored = StoredHead(unsafe block.span.bytes)
            else { continue }
            let before = string(stored.fieldLines).components("\r\n").dropLast().filter { !$0.hasPrefix("Date: ") }
            let after = freshened(stored, by: ["Date: \(date(1))"], times: later)?.lines
                .filter { !$0.hasPrefix("Date: ") }
            // An answer that was only storable as it came (a lifetime counted from an old Date) may be gone.
            if let after { #expect(after == before, "seed \(seed): \(fields)") }
        }
    }

    @Test("Damaged blocks are read without a trap")
    func damage() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
        let fields = ["Cache-Control: max-age=60", "ETag: \"a\"", "Last-Modified: \(date(-9))", "Content-Length: 100"]
        guard let block = storedBlock(fields), let record = record(["Foo, Bar"])?.block else { return }
        for _ in 0..<2000 {
            var broken = block
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                broken[Int.random(in: 1..<broken.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            read(broken)
            var brokenRecord = record
            brokenRecord[Int.random(in: 1..<brokenRecord.count, using: &generator)] =
                UInt8.random(in: 0...255, using: &generator)
            readRecord(brokenRecord)
        }
    }

    private func read(_ block: [UInt8]) {
        guard let stored = StoredHead(unsafe block.span.bytes) else { return }
        withRequest("GET /", ["If-None-Match: \"a\"", "Range: bytes=0-5", "If-Range: \"a\""]) { head, bytes, table in
            let reuse = Reuse.decide(
                stored: stored, request: RequestFacts(head: head, bytes: bytes, fields: table), now: noon * 1000,
                random: 5, settings: PolicySettings())
            #expect(reuse.ageSeconds < .max)
            var storage = [UInt8](repeating: 0, count: 65536 * 2)
            var span = storage.mutableSpan
            var sink = unsafe ByteSink(span.mutableBytes)
            let selections: [Selection] = [.whole, .notModified, .range(ByteRange(first: 0, last: 5)), .unsatisfiable]
            for selection in selections {
                ClientHead.write(
                    stored: stored, selection: selection, length: 100, now: noon * 1000,
                    delivery: Delivery(framing: .length(100), keepAlive: true), boundary: 1,
                    report: .hit(ttlSeconds: 1), key: RawSpan(), settings: PolicySettings(), into: &sink)
            }
            _ = Selection.decidePart(
                stored: stored, method: .get, bytes: bytes, fields: table, now: noon * 1000, settings: PolicySettings())
        }
    }

    private func readRecord(_ block: [UInt8]) {
        guard let record = VaryRecord(unsafe block.span.bytes) else { return }
        withRequest("GET /", ["Foo: 1"]) { _, bytes, table in
            withBytes("base") { base in
                var storage = [UInt8](repeating: 0, count: 4096)
                var span = storage.mutableSpan
                var sink = unsafe ByteSink(span.mutableBytes)
                _ = record.writeKey(base: base, requestBytes: bytes, requestFields: table, into: &sink)
                _ = record.contains(base)
            }
        }
    }
}
