// What a configuration that asks for another cache size may do to a cache in use.
import Testing

@testable import Supervisor

struct CacheSizingTests {
    private let sizing = CacheSizing(sizeBytes: 99 << 20, largestBytes: 398 << 20, segmentBytes: 1 << 18)

    private func complaint(_ asked: UInt64, before: UInt64?) -> String {
        do {
            return "\(try sizing.verdict(asked: asked, before: before))"
        } catch {
            return "\(error)"
        }
    }

    @Test func growsUpToWhatItWasLaidOutFor() throws {
        #expect(try sizing.verdict(asked: 100 << 20, before: 100 << 20) == .same)
        #expect(try sizing.verdict(asked: 200 << 20, before: 100 << 20) == .grow)
        #expect(try sizing.verdict(asked: 398 << 20, before: nil) == .grow)
        #expect(complaint(1 << 30, before: 100 << 20).contains("cache.max-size"))
    }

    /// Whole segments are a little less than what was asked for.
    @Test func whatIsAFewSegmentsAwayIsTheSame() throws {
        #expect(try sizing.verdict(asked: 99 << 20 + 400_000, before: nil) == .same)
        #expect(try sizing.verdict(asked: 99 << 20 - 400_000, before: nil) == .same)
    }

    @Test func shrinkingIsRefusedWithAWayOut() throws {
        #expect(complaint(50 << 20, before: 100 << 20).contains("start the node anew"))
        // The region was larger than asked for from the start: nothing that this change could be refused for.
        #expect(try sizing.verdict(asked: 50 << 20, before: 50 << 20) == .same)
        guard case .keep(let text) = try sizing.verdict(asked: 50 << 20, before: nil) else {
            Issue.record("kept")
            return
        }
        #expect(text.contains("does not shrink"))
    }
}
