// Pins keep an object in place; marks only remember where it was.
import Testing

@testable import ShmCache

/// A holder that needs its lane no longer gives it back and goes on without.
@Suite struct GivenBackLaneTests {
    @Test func somebodyElseMayTakeIt() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var first = try region.attachLane(0)
        first.beginTurn(now: region.now())
        first.store(region, Sample.key(1), [1, 2, 3])
        first.giveBack()
        let isGivenBack = first.isGivenBack
        #expect(isGivenBack)
        var second = try region.attachLane(0)
        second.beginTurn(now: region.now())
        // What the first one does with its turns is nobody's business any more.
        first.endTurn()
        first.beginTurn(now: region.now())
        first.endTurn()
        #expect(region.laneState(0).isInTurn)
        #expect(second.fetch(region, Sample.key(1)) == [1, 2, 3])
        _ = consume first
        #expect(region.laneState(0).isInTurn)
        second.endTurn()
        #expect(region.checkInvariants() == [])
    }
}

extension LaneState {
    fileprivate var isInTurn: Bool { if case .live(_, _, true) = self { true } else { false } }
}

@Suite struct PinTests {
    private static let regionBytes = 16 << 20
    /// Small enough to lie in one segment with its item.
    private static let bodyBytes = 12_000

    private static func noise(_ n: Int) -> [UInt8] { Sample.body(n, bodyBytes) }

    @Test func aMarkedObjectIsReadInALaterTurn() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), Self.noise(1)) == .committed)
        let markFound = markOf(1, lane, region)
        let mark = try #require(markFound)
        lane.endTurn()
        lane.maintain(now: region.now())
        lane.beginTurn(now: region.now())
        let later = body(mark, lane, region)
        #expect(later == Self.noise(1))
        lane.endTurn()
    }

    /// A pin survives any number of fills; a mark without one is told from the segment's reuse, never believed.
    @Test func aMarkOfAnEvictedObjectIsEmptyAndAPinnedOneStays() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), Self.noise(1)) == .committed)
        #expect(lane.store(region, Sample.key(2), Self.noise(2)) == .committed)
        let looseFound = markOf(1, lane, region)
        let loose = try #require(looseFound)
        let taken = pin(2, lane, region)
        let hasPin = taken != nil
        #expect(hasPin)
        lane.endTurn()
        for n in 3..<4000 {
            lane.maintain(now: region.now())
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Self.noise(n))
            let read = body(loose, lane, region)
            #expect(read == nil || read == Self.noise(1), "never another object's bytes")
            lane.endTurn()
        }
        lane.beginTurn(now: region.now())
        let gone = body(loose, lane, region)
        #expect(gone == nil, "evicted long ago")
        if let taken {
            let same = lane.view(of: taken).wholeBody(chunkSize: region.chunkSizeBytes) == Self.noise(2)
            #expect(same)
            lane.unpin(taken)
        }
        lane.endTurn()
    }

    /// A quarter of the cache can be pinned, no more.
    @Test func pinsAreRefusedBeyondAQuarter() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var lane = try region.attachLane(0)
        var pinnedBytes = 0
        var refused = 0
        for n in 0..<1000 {
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Self.noise(n))
            if let pin = pin(n, lane, region) {
                pinnedBytes += Self.bodyBytes
                _ = consume pin
            } else {
                refused += 1
            }
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        #expect(refused > 0)
        #expect(pinnedBytes > Self.regionBytes / 8)
    }

    private func markOf(_ n: Int, _ lane: borrowing Lane, _ region: borrowing CacheRegion) -> Mark? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return nil
        }
        return lane.mark(view)
    }

    private func pin(_ n: Int, _ lane: borrowing Lane, _ region: borrowing CacheRegion) -> Pin? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return nil
        }
        return lane.pin(view)
    }

    private func body(_ mark: Mark, _ lane: borrowing Lane, _ region: borrowing CacheRegion) -> [UInt8]? {
        guard let view = lane.view(of: mark) else { return nil }
        return view.wholeBody(chunkSize: region.chunkSizeBytes)
    }
}
