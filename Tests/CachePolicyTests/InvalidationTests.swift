// RFC 9111 section 4.4: invalidation; RFC 9875: groups; tags; partial objects (RFC 9111 sections 3.3, 3.4).
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct InvalidationTests {
    private func decide(_ method: Method, _ fields: [String] = [], status: String = "200 OK") -> Invalidation {
        withResponse(fields, status: status) { head, _, table in
            Invalidation.decide(method: method, status: head.status, fields: table)
        }
    }

    @Test("RFC 9111 section 4.4: unsafe and unknown methods invalidate, safe ones do not")
    func methods() {
        for method in [.post, .put, .delete, .patch, .other] as [Method] { #expect(decide(method).target) }
        for method in [.get, .head, .options, .trace] as [Method] { #expect(decide(method).isEmpty) }
    }

    @Test("RFC 9111 section 4.4: only non-error answers invalidate")
    func statuses() {
        for status in ["200 X", "201 X", "204 X", "303 X"] { #expect(decide(.put, status: status).target) }
        for status in ["400 X", "404 X", "500 X", "503 X"] { #expect(decide(.put, status: status).isEmpty) }
    }

    @Test("RFC 9111 section 4.4: Location and Content-Location")
    func locations() {
        let found = decide(.post, ["Location: /a", "Content-Location: /b", "Cache-Group-Invalidation: \"x\""])
        #expect(found.location != nil && found.contentLocation != nil && found.groups)
        #expect(decide(.post).location == nil)
    }

    private func tags(_ fields: [String], _ walker: TagWalker = .ofAnswer()) -> [String] {
        withResponse(fields) { _, bytes, table in
            var walker = walker
            var result: [String] = []
            while let tag = walker.next(bytes: bytes, fields: table) {
                result.append((tag.kind == .group ? "g:" : "t:") + string(bytes.slice(tag.text)))
            }
            return result
        }
    }

    @Test("RFC 9875 section 2: groups are a list of strings; tags are words")
    func tagWalk() {
        #expect(tags(["Surrogate-Key: a b  c", "Cache-Tag: d,e ,f", "Surrogate-Key: g"])
            == ["t:a", "t:b", "t:c", "t:g", "t:d", "t:e", "t:f"])
        #expect(tags(["Cache-Groups: \"one\", \"two\";x=1, tok", "Cache-Groups: \"three\""]) == ["g:one", "g:two", "g:three"])
        #expect(tags(["Cache-Groups: \"one\", &"]) == [])
        #expect(tags(["Surrogate-Key:", "Cache-Tag: ,,"]) == [])
        #expect(tags(["Cache-Group-Invalidation: \"a\", \"b\"", "Cache-Groups: \"c\""], .invalidated()) == ["g:a", "g:b"])
    }

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
            for index in 1..<max(1, held.count) { #expect(held[index].first > held[index - 1].last + 1, "seed \(seed)") }
        }
        var full = HeldRanges()
        for index in 0..<32 as Range<UInt64> { _ = full.insert(ByteRange(first: index * 10, last: index * 10)) }
        let oneMore = full.insert(ByteRange(first: 5, last: 5))
        let bridge = full.insert(ByteRange(first: 1, last: 9))
        #expect(!oneMore && bridge && full.count == 31)
    }

    @Test("RFC 9111 sections 3.3 and 3.4: what to do with a 206")
    func partial() {
        func outcome(_ fields: [String]) -> PartialDecision {
            withResponse(fields, status: "206 X") { head, bytes, table in
                let facts = ResponseFacts(
                    head: head, bytes: bytes, fields: table, now: noon * 1000, settings: PolicySettings())
                return PartialDecision.decide(
                    response: facts, bytes: bytes, fields: table, stored: nil, storedLength: 0)
            }
        }
        #expect(outcome(["Content-Range: bytes 2-4/9", "Content-Length: 3"])
            == .store(range: ByteRange(first: 2, last: 4), length: 9))
        #expect(outcome(["Content-Range: bytes 0-8/9"]) == .complete)
        #expect(outcome(["Content-Range: bytes 2-4/*"]) == .pass)
        #expect(outcome(["Content-Range: bytes 2-9/9"]) == .pass)
        #expect(outcome(["Content-Range: bytes 2-4/9", "Content-Length: 4"]) == .pass)
        #expect(outcome(["Content-Range: items 2-4/9"]) == .pass)
        #expect(outcome([]) == .pass)
    }
}
