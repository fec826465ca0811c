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

    /// Given up by another lane between the lookup and the mark: the mark is of the life that was looked at.
    @Test func aMarkOfASegmentThatIsJustGivenUpIsNotOfItsNextLife() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 2 << 20))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        lane.store(region, Sample.key(1), Sample.body(1, 900))
        let markFound = markOf(1, lane, region, givingUp: true)
        let mark = try #require(markFound)
        #expect(body(mark, lane, region) == nil)
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

    /// What a lookup found stays whole to the turn's end, also the segments that a large body has for itself.
    @Test func aLargeObjectThatIsReplacedWhileItIsReadIsReadWhole() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var reader = try region.attachLane(0)
        var other = try region.attachLane(1)
        reader.beginTurn(now: region.now())
        #expect(reader.store(region, Sample.key(1), Self.largeNoise(1)) == .committed)
        reader.endTurn()
        reader.beginTurn(now: region.now())
        let key = Sample.key(1)
        if let view = unsafe reader.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) {
            Self.replaceAndChurn(&other, region)
            let same = view.wholeBody(chunkSize: region.chunkSizeBytes) == Self.largeNoise(1)
            #expect(same)
        } else {
            Issue.record("stored, and not found")
        }
        reader.endTurn()
    }

    /// A pin keeps a large object whole as long as not too much is pinned so.
    @Test func aPinnedLargeObjectIsReadWholeAfterItsEviction() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var reader = try region.attachLane(0)
        var other = try region.attachLane(1)
        reader.beginTurn(now: region.now())
        #expect(reader.store(region, Sample.key(1), Self.largeNoise(1)) == .committed)
        guard var held = pin(1, reader, region) else {
            _ = Issue.record("not pinned")
            return
        }
        let isWhole = held.isWhole
        #expect(isWhole == true)
        reader.endTurn()
        Self.replaceAndChurn(&other, region)
        var read: [UInt8] = []
        while read.count < Self.largeBytes {
            reader.beginTurn(now: region.now())
            #expect(reader.advance(&held, to: read.count))
            let count = Self.take(reader.view(of: held), from: read.count, into: &read)
            reader.endTurn()
            reader.maintain(now: region.now())
            guard count > 0 else { break }
        }
        #expect(read == Self.largeNoise(1))
        reader.beginTurn(now: region.now())
        reader.unpin(held)
        reader.endTurn()
        #expect(region.checkInvariants() == [])
        let stillPinned = reader.core.pinnedSegments
        #expect(stillPinned == 0)
    }

    /// Beyond that a pin keeps the segment that is being read and no more; what is gone is said to be missing.
    @Test func anObjectThatIsTooLargeToBePinnedWholeLosesItsRest() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var reader = try region.attachLane(0)
        var other = try region.attachLane(1)
        let body = Sample.body(1, Self.regionBytes / 10)
        reader.beginTurn(now: region.now())
        #expect(reader.store(region, Sample.key(1), body) == .committed)
        guard var held = pin(1, reader, region) else {
            _ = Issue.record("not pinned")
            return
        }
        let isWhole = held.isWhole
        #expect(isWhole == false)
        reader.endTurn()
        reader.beginTurn(now: region.now())
        #expect(reader.advance(&held, to: 0))
        reader.endTurn()
        Self.replaceAndChurn(&other, region)
        reader.beginTurn(now: region.now())
        var read: [UInt8] = []
        let count = Self.take(reader.view(of: held), from: 0, into: &read)
        #expect(count > 0 && read[...] == body[..<count])
        #expect(!reader.advance(&held, to: body.count - 1))
        var none: [UInt8] = []
        #expect(Self.take(reader.view(of: held), from: body.count - 1, into: &none) == 0)
        reader.unpin(held)
        reader.endTurn()
        #expect(region.checkInvariants() == [])
    }

    private static let largeBytes = 400_000
    private static func largeNoise(_ n: Int) -> [UInt8] { Sample.body(n, largeBytes) }

    /// Drops the first object, and uses its segments for others if nobody keeps them.
    private static func replaceAndChurn(_ lane: inout Lane, _ region: borrowing CacheRegion) {
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), [1, 2, 3], refreshing: true) == .committed)
        lane.endTurn()
        for n in 2..<200 {
            lane.maintain(now: region.now())
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), largeNoise(n))
            lane.endTurn()
        }
    }

    /// Appends the raw piece at that offset; its length.
    private static func take(_ view: borrowing ItemView, from offset: Int, into out: inout [UInt8]) -> Int {
        guard case .raw(let span) = view.bodyPiece(at: offset) else { return 0 }
        unsafe span.withUnsafeBytes { unsafe out.append(contentsOf: $0) }
        return span.byteCount
    }

    /// Segments that are kept for slow readers are no reserve: eviction goes on beside them.
    @Test func evictionGoesOnWhileMuchIsPinned() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var reader = try region.attachLane(0)
        var writer = try region.attachLane(1)
        let body = Self.noise(1)
        var pins: [UInt32] = []
        for n in 0..<2500 where pins.count < region.map.usableSegments / 5 {
            reader.beginTurn(now: region.now())
            reader.store(region, Sample.key(n), body)
            if let pin = pin(n, reader, region) {
                // Dropped, not given back: it holds its segments for as long as the lane lives.
                if pins.last != pin.segment { pins.append(pin.segment) } else { reader.unpin(pin) }
            }
            reader.endTurn()
            reader.maintain(now: region.now())
        }
        var stored = 0
        for n in 10_000..<13_000 {
            writer.maintain(now: region.now())
            writer.beginTurn(now: region.now())
            if writer.store(region, Sample.key(n), body) == .committed { stored += 1 }
            writer.endTurn()
        }
        #expect(stored > 2_900, "\(stored) of 3,000 with \(pins.count) of \(region.map.usableSegments) segments kept")
    }

    /// Lanes share the quarter.
    @Test func allLanesTogetherPinAQuarter() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var first = try region.attachLane(0)
        var second = try region.attachLane(1)
        var third = try region.attachLane(2)
        let body = Self.noise(1)
        func pinAll(_ lane: inout Lane, _ numbers: Range<Int>) {
            for n in numbers {
                lane.beginTurn(now: region.now())
                lane.store(region, Sample.key(n), body)
                if let pin = pin(n, lane, region) { _ = consume pin }
                lane.endTurn()
                lane.maintain(now: region.now())
            }
        }
        pinAll(&first, 0..<800)
        pinAll(&second, 800..<1600)
        pinAll(&third, 1600..<2400)
        let pinned = first.core.pinnedSegments + second.core.pinnedSegments + third.core.pinnedSegments
        #expect(pinned > region.map.usableSegments / 16)
        #expect(pinned <= region.map.usableSegments / 4 + 3, "\(pinned) of \(region.map.usableSegments)")
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

    private func markOf(
        _ n: Int, _ lane: borrowing Lane, _ region: borrowing CacheRegion, givingUp: Bool = false
    ) -> Mark? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return nil
        }
        if givingUp { region.map.retire(view.place.segment, owner: 1) }
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
