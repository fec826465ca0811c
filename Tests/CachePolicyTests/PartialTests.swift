// RFC 9111 sections 3.3 and 3.4: parts of objects.
import Dice
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct PartialTests {
    @Test("RFC 9111 section 3.4: held ranges against a bitmap")
    func heldRanges() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
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
            let places = map.indices.filter { map[$0] }.map { UInt64($0) }
            for offset in 0...places.count {
                let place = held.place(ofBodyOffset: UInt64(offset))
                #expect(place == (offset < places.count ? places[offset] : nil), "seed \(seed)")
            }
        }
        var full = HeldRanges()
        for index in 0..<32 as Range<UInt64> { _ = full.insert(ByteRange(first: index * 10, last: index * 10)) }
        let oneMore = full.insert(ByteRange(first: 5, last: 5))
        let bridge = full.insert(ByteRange(first: 1, last: 9))
        #expect(!oneMore && bridge && full.count == 31)
    }

    private let fresh = ["Cache-Control: max-age=60", "Date: \(noonText)", "ETag: \"a\""]

    private func part(_ fields: [String], request: [String] = ["Range: bytes=0-1"]) -> StoreDecision {
        decide(fields, status: "206 X", requestFields: request)
    }

    @Test("RFC 9111 section 3.3: which 206 may be stored")
    func decides() {
        let plan = part(fresh + ["Content-Range: bytes 2-4/9", "Content-Length: 3"]).plan
        #expect(plan?.flags.contains(.isPartial) == true)
        #expect(plan?.flags.contains(.shareable) == false)
        let whole = part(fresh + ["Content-Range: bytes 0-8/9", "Content-Length: 9"]).plan
        #expect(whole?.flags.contains(.isPartial) == false)
        #expect(whole?.flags.contains(.shareable) == true)
        for range in ["bytes 2-4/*", "bytes 2-9/9", "bytes */9", "items 2-4/9", "nonsense"] {
            let fields = fresh + ["Content-Range: \(range)", "Content-Length: 3"]
            #expect(part(fields).refusal == .partialContent, "\(range)")
        }
        #expect(part(fresh + ["Content-Range: bytes 2-4/9", "Content-Length: 4"]).refusal == .partialContent)
        // Chunked: the length is checked when the body has ended.
        #expect(part(fresh + ["Content-Range: bytes 2-4/9"]).plan?.flags.contains(.isPartial) == true)
        #expect(part(fresh).refusal == .partialContent)
        let plain = fresh + ["Content-Range: bytes 2-4/9", "Content-Length: 3"]
        #expect(part(plain, request: []).refusal == .partialContent)
        #expect(part(["Cache-Control: no-store"] + plain.dropFirst()).refusal == .noStore)
    }

    private func withPart<Result>(_ fields: [String], _ body: (borrowing StoredHead) -> Result) -> Result? {
        withStored(fields, status: "206 Partial", requestFields: ["Range: bytes=0-1"]) { body($0) }
    }

    /// What a stored part of bytes 10 to 19 of 100 answers.
    private func select(_ request: [String], method: String = "GET") -> String? {
        let fields = fresh + ["Content-Range: bytes 10-19/100", "Content-Length: 10", "X-A: b"]
        let answer: String?? = withPart(fields) { stored in
            #expect(!string(stored.fieldLines).contains("Content-Range"))
            return withRequest("\(method) /", request) { head, bytes, fields in
                let found = Selection.decidePart(
                    stored: stored, method: head.method, bytes: bytes, fields: fields, now: noon * 1000,
                    settings: PolicySettings())
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
        return answer ?? nil
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

    @Test("RFC 9111 section 3.3: a part is never validated, used stale, waited for or taken for the whole")
    func limits() {
        let fields = [
            "Cache-Control: max-age=60, stale-while-revalidate=60, stale-if-error=60", "ETag: \"a\"",
            "Content-Range: bytes 10-19/100", "Content-Length: 10",
        ]
        withPart(fields) { stored in
            #expect(stored.heldRanges?.count == 1 && stored.heldBytes == 10)
            #expect(stored.heldRanges?[0] == ByteRange(first: 10, last: 19))
            #expect(stored.declaredLength == 100)
            #expect(stored.status == 200)
            let plain = stored.isPlain(now: noon * 1000)
            #expect(!plain)
            for request in [[], ["Cache-Control: max-stale"]] {
                let late = Reuse.decide(
                    stored: stored, request: requestFacts("GET /", request), now: (noon + 61) * 1000, random: 1,
                    settings: PolicySettings())
                #expect(late.verdict == .validate && !late.mayValidate && late.fallback == .never)
            }
            let shared = CollapsePolicy.mayUse(stored: stored, request: requestFacts(), settings: PolicySettings())
            #expect(!shared)
        }
    }

    @Test("RFC 9111 section 3.4: parts are joined under an equal strong validator and length only")
    func joins() {
        func mayJoin(_ stored: [String], _ new: [String], storedLength: Int = 9) -> Bool? {
            let control = ["Cache-Control: max-age=60", "Date: \(noonText)"]
            let first = control + stored + ["Content-Range: bytes 0-1/\(storedLength)", "Content-Length: 2"]
            let second = control + new + ["Content-Range: bytes 2-4/9", "Content-Length: 3"]
            return withPart(first) { head in
                withResponse(second, status: "206 X") { _, bytes, table in
                    head.mayJoin(response: responseFacts(second, status: "206 X"), bytes: bytes, fields: table)
                }
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

    /// What is asked for beside a stored part of bytes 10 to 19 of 100.
    private func ask(
        _ request: [String], of validator: String = "ETag: \"a\"", storable: UInt64 = 100,
        settings: PolicySettings = PolicySettings()
    ) -> PartRequest? {
        let fields =
            ["Cache-Control: max-age=60", "Date: \(noonText)", validator]
            + ["Content-Range: bytes 10-19/100", "Content-Length: 10"]
        return withPart(fields) { stored in
            withRequest("GET /", request) { head, bytes, fields in
                PartRequest.decide(
                    stored: stored, method: head.method, bytes: bytes, fields: fields, now: noon * 1000,
                    storableBytes: storable, settings: settings)
            }
        }
    }

    @Test("What cannot be stored with the part, or whole, is asked for by the client's own range")
    func beyondWhatIsStored() {
        let rest = PartRequest.rest(ByteRange(first: 20, last: 29))
        #expect(ask(["Range: bytes=15-29"], storable: 20) == rest)
        #expect(ask(["Range: bytes=15-29"], storable: 19) == .asAsked)
        var settings = PolicySettings()
        settings.maximumJoinedBytes = 9
        #expect(ask(["Range: bytes=15-29"], settings: settings) == .asAsked)
        #expect(ask(["Range: bytes=40-49"], storable: 99) == .asAsked)
        #expect(ask(["Range: bytes=0-1,15-29"], storable: 99) == .asAsked)
        #expect(ask([], storable: 99) == .whole)
    }

    @Test("RFC 9111 section 3.4: only what is missing beside a stored part is asked for")
    func rest() {
        #expect(ask(["Range: bytes=15-29"]) == .rest(ByteRange(first: 20, last: 29)))
        #expect(ask(["Range: bytes=5-12"]) == .rest(ByteRange(first: 5, last: 9)))
        #expect(ask(["Range: bytes=20-29"]) == .rest(ByteRange(first: 20, last: 29)))
        #expect(ask(["Range: bytes=10-"]) == .rest(ByteRange(first: 20, last: 99)))
        // On both sides, apart from it, several, or all: the whole.
        for request in [["Range: bytes=5-29"], ["Range: bytes=40-49"], ["Range: bytes=0-1,15-29"], []] {
            #expect(ask(request) == .whole, "\(request)")
        }
    }

    @Test("RFC 9111 section 3.4: a part of several runs is read back, and answers what is in one of them")
    func severalRuns() {
        let fields = fresh + ["Content-Range: bytes 10-19/100", "Content-Length: 10"]
        let more = ["ETag: \"a\"", "Cache-Control: max-age=60", "Content-Range: bytes 40-49/100", "Content-Length: 10"]
        let block: [UInt8]?? = withPart(fields) { stored in
            guard let union = stored.union(with: ByteRange(first: 40, last: 49)) else { return nil }
            return renewed(stored, by: more, status: "206 X", times: instant, join: union)?.block
        }
        guard let block = block ?? nil, let stored = StoredHead(unsafe block.span.bytes) else {
            Issue.record("not joined")
            return
        }
        #expect(stored.heldBytes == 20 && stored.declaredLength == 100 && stored.status == 200)
        #expect(stored.heldRanges?.count == 2)
        #expect(stored.heldRanges?[1] == ByteRange(first: 40, last: 49))
        #expect(stored.heldRanges?.offset(of: ByteRange(first: 42, last: 49)) == 12)
        #expect(stored.heldRanges?.offset(of: ByteRange(first: 15, last: 42)) == nil)
        #expect(stored.heldRanges?.offset(of: ByteRange(first: 50, last: 51)) == nil)
        #expect(stored.heldRanges?.run(touching: ByteRange(first: 30, last: 40)) == ByteRange(first: 40, last: 49))
        #expect(stored.heldRanges?.run(touching: nil) == ByteRange(first: 10, last: 19))
        #expect(stored.union(with: ByteRange(first: 20, last: 39))?.count == 1)
        #expect(!string(stored.fieldLines).contains("\u{0}"))
        // A table that is cut, or disagrees with the number of bytes, is no table.
        for cut in [1, 16, 34] {
            let short = Array(block.dropLast(cut))
            if let head = StoredHead(unsafe short.span.bytes) { #expect(head.heldRanges?.count == nil, "\(cut)") }
        }
    }

    @Test("RFC 9111 section 3.4: without a strong validator nothing is completed")
    func restNeedsStrongValidator() {
        #expect(ask(["Range: bytes=15-29"], of: "ETag: W/\"a\"") == .whole)
        #expect(ask(["Range: bytes=15-29"], of: "X-A: b") == .whole)
        #expect(
            ask(["Range: bytes=15-29"], of: "Last-Modified: \(date(-1000))")
                == .rest(ByteRange(first: 20, last: 29)))
    }

    @Test("a range of an object over the set size is fetched by itself")
    func rangeOnly() {
        var settings = PolicySettings()
        settings.rangeOnlyBytes = 99
        #expect(ask(["Range: bytes=40-49"], settings: settings) == .asAsked)
        #expect(ask(["Range: bytes=0-1,40-49"], settings: settings) == .asAsked)
        #expect(ask(["Range: bytes=15-29"], settings: settings) == .rest(ByteRange(first: 20, last: 29)))
        #expect(ask([], settings: settings) == .whole)
        settings.rangeOnlyBytes = 100
        #expect(ask(["Range: bytes=40-49"], settings: settings) == .whole)
        settings.rangeOnlyBytes = 0
        #expect(ask(["Range: bytes=40-49"], settings: settings) == .whole)
    }
}
