// RFC 9111 sections 3.3 and 3.4: parts of objects.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct PartialTests {
    @Test("RFC 9111 section 3.4: held ranges against a bitmap")
    func heldRanges() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix(state: seed)
        for _ in 0..<200 {
            var held = HeldRanges()
            var map = [Bool](repeating: false, count: 200)
            for _ in 0..<20 {
                let first = Int.random(in: 0..<200, using: &generator)
                let last = min(199, first + Int.random(in: 0..<20, using: &generator))
                let fits = held.insert(ByteRange(first: UInt64(first), last: UInt64(last)))
                #expect(fits)
                for index in first...last { map[index] = true }
                let low = Int.random(in: 0..<200, using: &generator)
                let high = Int.random(in: low..<200, using: &generator)
                let asked = ByteRange(first: UInt64(low), last: UInt64(high))
                #expect(held.covers(asked) == map[low...high].allSatisfy { $0 }, "seed \(seed)")
                let missing = held.firstMissing(in: asked)
                #expect(missing.map { Int($0.first) } == (low...high).first { !map[$0] }, "seed \(seed)")
                if let missing {
                    #expect((Int(missing.first)...Int(missing.last)).allSatisfy { !map[$0] }, "seed \(seed)")
                    #expect(Int(missing.last) == high || map[Int(missing.last) + 1], "seed \(seed)")
                }
            }
            for index in 1..<max(1, held.count) {
                #expect(held[index].first > held[index - 1].last + 1, "seed \(seed)")
            }
        }
        var full = HeldRanges()
        for index in 0..<32 as Range<UInt64> { _ = full.insert(ByteRange(first: index * 10, last: index * 10)) }
        let oneMore = full.insert(ByteRange(first: 5, last: 5))
        let bridge = full.insert(ByteRange(first: 1, last: 9))
        #expect(!oneMore && bridge && full.count == 31)
    }

    private let fresh = ["Cache-Control: max-age=60", "Date: \(noonText)", "ETag: \"a\""]

    private func plan(_ fields: [String]) -> PartPlan? {
        PartPlan.decide(
            request: requestFacts(), response: responseFacts(fields, status: "206 X"), times: instant,
            settings: PolicySettings())
    }

    @Test("RFC 9111 section 3.3: which 206 may be stored")
    func decides() {
        let part = plan(fresh + ["Content-Range: bytes 2-4/9", "Content-Length: 3"])
        #expect(part?.range == ByteRange(first: 2, last: 4))
        #expect(part?.length == 9)
        #expect(part?.plan.flags.contains(.isPartial) == true)
        let whole = plan(fresh + ["Content-Range: bytes 0-8/9"])
        #expect(whole?.isWhole == true && whole?.plan.flags.contains(.isPartial) == false)
        for range in ["bytes 2-4/*", "bytes 2-9/9", "bytes */9", "items 2-4/9", "nonsense"] {
            #expect(plan(fresh + ["Content-Range: \(range)"]) == nil, "\(range)")
        }
        #expect(plan(fresh + ["Content-Range: bytes 2-4/9", "Content-Length: 4"]) == nil)
        #expect(plan(fresh) == nil)
        #expect(plan(["Cache-Control: no-store", "Content-Range: bytes 2-4/9"]) == nil)
    }

    @Test("RFC 9111 section 3.4: parts are joined under an equal strong validator and length only")
    func joins() {
        func mayJoin(_ stored: [String], _ new: [String], storedLength: Int = 9) -> Bool? {
            let control = ["Cache-Control: max-age=60", "Date: \(noonText)"]
            let first = control + stored + ["Content-Range: bytes 0-1/\(storedLength)"]
            let second = control + new + ["Content-Range: bytes 2-4/9"]
            guard let firstPart = plan(first), let secondPart = plan(second) else { return nil }
            let block = withResponse(first, status: "206 X") { head, bytes, table in
                var storage = [UInt8](repeating: 0, count: 4096)
                var span = storage.mutableSpan
                var target = unsafe span.mutableBytes
                let count = StoredHead.encodePart(
                    head: head, bytes: bytes, fields: table,
                    facts: responseFacts(first, status: "206 X"), part: firstPart, times: instant, isVariant: false,
                    fetchCostMilliseconds: 0, into: &target)
                return Array(storage[0..<(count ?? 0)])
            }
            guard let head = StoredHead(unsafe block.span.bytes) else { return nil }
            return withResponse(second, status: "206 X") { _, bytes, table in
                secondPart.mayJoin(head, bytes: bytes, fields: table)
            }
        }
        let old = "Last-Modified: \(date(-100))"
        #expect(mayJoin(["ETag: \"a\""], ["ETag: \"a\""]) == true)
        #expect(mayJoin(["ETag: \"a\""], ["ETag: \"b\""]) == false)
        #expect(mayJoin(["ETag: W/\"a\""], ["ETag: W/\"a\""]) == false)
        #expect(mayJoin(["ETag: \"a\""], ["ETag: \"a\""], storedLength: 8) == false)
        #expect(mayJoin([old], [old]) == true)
        #expect(mayJoin([old], ["Last-Modified: \(date(-99))"]) == false)
        #expect(mayJoin([old], [old, "ETag: \"a\""]) == false)
        #expect(mayJoin(["Last-Modified: \(noonText)"], ["Last-Modified: \(noonText)"]) == false)
    }

    /// What a stored part of bytes 10 to 19 of 100 answers.
    private func select(_ request: [String], method: String = "GET") -> String? {
        let fields = fresh + ["Content-Range: bytes 10-19/100", "Content-Length: 10", "X-A: b"]
        guard let part = plan(fields) else { return nil }
        return withResponse(fields, status: "206 Partial") { head, bytes, table in
            let facts = ResponseFacts(
                head: head, bytes: bytes, fields: table, now: noon * 1000, settings: PolicySettings())
            var storage = [UInt8](repeating: 0, count: 4096)
            var span = storage.mutableSpan
            var target = unsafe span.mutableBytes
            let count = StoredHead.encodePart(
                head: head, bytes: bytes, fields: table, facts: facts, part: part, times: instant, isVariant: false,
                fetchCostMilliseconds: 0, into: &target)
            let block = Array(storage[0..<(count ?? 0)])
            guard let stored = StoredHead(unsafe block.span.bytes) else { return nil }
            #expect(!string(stored.fieldLines).contains("Content-Range"))
            return withRequest("\(method) /", request) { head, bytes, fields in
                let found = Selection.decidePart(
                    stored: stored, bodyLength: 10, method: head.method, bytes: bytes, fields: fields,
                    now: noon * 1000, settings: PolicySettings())
                guard let found else { return nil }
                return text {
                    ClientHead.write(
                        stored: stored, selection: found.selection, length: stored.declaredLength, now: noon * 1000,
                        delivery: Delivery(framing: .none, keepAlive: true), boundary: 0, report: .hit(ttlSeconds: 1),
                        key: RawSpan(), settings: PolicySettings(), into: &$0)
                    $0.append("at ")
                    $0.appendDecimal(found.bodyOffset)
                }
            }
        }
    }

    @Test("RFC 9111 section 3.3: a part answers what lies inside it")
    func uses() {
        let inside = select(["Range: bytes=12-14"])
        #expect(inside?.hasPrefix("HTTP/1.1 206 Partial Content\r\n") == true)
        #expect(inside?.contains("\r\nContent-Range: bytes 12-14/100\r\nContent-Length: 3\r\n") == true)
        #expect(inside?.hasSuffix("at 2") == true)
        #expect(select(["Range: bytes=10-19"])?.hasSuffix("at 0") == true)
        #expect(select(["Range: bytes=10-20"]) == nil)
        #expect(select(["Range: bytes=9-12"]) == nil)
        #expect(select(["Range: bytes=-5"]) == nil)
        #expect(select([]) == nil)
        #expect(select(["Range: bytes=10-11, 13-14"]) == nil)
        #expect(select(["Range: bytes=200-"])?.hasPrefix("HTTP/1.1 416") == true)
        #expect(select(["If-None-Match: \"a\""])?.hasPrefix("HTTP/1.1 304") == true)
        #expect(select(["Range: bytes=12-14", "If-Range: \"b\""]) == nil)
        #expect(select(["Range: bytes=12-14", "If-Range: \"a\""])?.hasSuffix("at 2") == true)
    }
}
