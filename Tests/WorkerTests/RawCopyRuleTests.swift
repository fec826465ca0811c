// Which hits turn a popular compressed body into a raw copy.

import Testing

@testable import ShmCache
@testable import Worker

struct RawCopyRuleTests {
    private static func store(
        _ body: [UInt8], _ key: [UInt8], _ region: borrowing CacheRegion, _ lane: borrowing Lane
    ) {
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .own(var permit) = lane.startFill(hash: hash, key: unsafe key.span.bytes) else {
            Issue.record("the fill was not ours")
            return
        }
        let attributes = ItemAttributes(storedSeconds: region.now().seconds)
        _ = unsafe permit.setHead(key.span.bytes, attributes: attributes, tags: Span(), expectedBodyLength: body.count)
        _ = unsafe permit.append(body.span.bytes)
        while permit.finish(budgetBytes: 1 << 20) == .again {}
    }

    /// How many of 4,096 hits of an object, one for each random number, want the copy.
    private static func wanting(_ key: [UInt8], _ region: borrowing CacheRegion, _ lane: borrowing Lane) -> Int? {
        let hash = unsafe region.hash(key: key.span.bytes)
        guard let view = unsafe lane.lookup(hash: hash, key: key.span.bytes) else { return nil }
        var count = 0
        for random in UInt64(0)..<4096 {
            let moment = Moment(now: 0, random: random, turn: 0)
            if moment.wantsRawCopy(of: view, length: view.bodyLength) { count += 1 }
        }
        return count
    }

    @Test func oneHitInEightOfALargeBodyAndOneInSixtyFourOfASmallOne() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        for (name, size, expected) in [("large", 10_240, 512), ("least", 4096, 512), ("small", 2000, 64)] {
            let key = Array(name.utf8)
            Self.store(Array(repeating: 97, count: size), key, region, lane)
            let seldom = Self.wanting(key, region, lane)
            for _ in 0..<4 { _ = Self.wanting(key, region, lane) }
            let often = Self.wanting(key, region, lane)
            #expect(seldom == 0, "\(name) is not popular yet")
            #expect(often == expected, "\(name)")
        }
        lane.endTurn()
    }

    @Test func aBodyThatLiesRawIsNotCopiedAgain() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 64 << 20))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        let key = Array("object".utf8)
        Self.store(Array(repeating: 97, count: 10_240), key, region, lane)
        for _ in 0..<5 { _ = Self.wanting(key, region, lane) }
        let kept = unsafe lane.keepRawCopy(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        let again = Self.wanting(key, region, lane)
        #expect(kept && again == 0)
        lane.endTurn()
    }
}
