// The janitor's upkeep: the reserve is ahead, expired segments come back, and nobody depends on it.
import Testing

@testable import ShmCache

@Suite struct UpkeepTests {
    /// What a janitor puts off is not put off for as long as the clock was set back.
    @Test func aRestEndsWhenTheClockIsSetBack() {
        let then = CacheInstant(nanoseconds: 100_000)
        #expect(then.isAhead(of: CacheInstant(nanoseconds: 99_000), longest: 1_000))
        #expect(!then.isAhead(of: CacheInstant(nanoseconds: 98_999), longest: 1_000))
        #expect(!then.isAhead(of: then, longest: 1_000))
        #expect(!then.isAhead(of: CacheInstant(nanoseconds: 100_001), longest: 1_000))
    }

    private static func fill(
        _ region: borrowing CacheRegion, _ lane: inout Lane, _ numbers: Range<Int>, expires: UInt32 = .max,
        between: (inout Lane) -> Void = { _ in }
    ) -> Int {
        var stored = 0
        for n in numbers {
            lane.beginTurn(now: region.now())
            if lane.store(region, Sample.key(n), Sample.body(n, 2000), expires: expires) == .committed { stored += 1 }
            lane.endTurn()
            between(&lane)
        }
        return stored
    }

    @Test func aJanitorKeepsTheReserveAndTheWorkersLeaveItToIt() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var worker = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        janitor.becomeJanitor()
        #expect(region.map.hasJanitor)
        var evicted = 0
        let stored = Self.fill(region, &worker, 0..<8000) { worker in
            worker.maintain(now: region.now())
            evicted += janitor.keepUp(now: region.now(), maximumSegments: 4).evictedSegments
        }
        #expect(stored == 8000)
        #expect(evicted > 100, "\(evicted)")
        // The worker has evicted nothing by itself: what it dropped is counted on its own lane.
        #expect(region.map.lane64(0, LaneWords.evicted).relaxed == 0)
        let outcome = janitor.keepUp(now: region.now(), maximumSegments: 100)
        #expect(outcome.freeSegments + outcome.limboSegments >= region.map.usableSegments / 64)
        #expect(region.checkInvariants() == [])
    }

    @Test func withoutItsJanitorALaneEvictsForItself() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var worker = try region.attachLane(0)
        do {
            var janitor = try region.attachLane(3)
            janitor.becomeJanitor()
        }
        #expect(!region.map.hasJanitor)
        let stored = Self.fill(region, &worker, 0..<8000) { $0.maintain(now: region.now()) }
        #expect(stored == 8000)
        #expect(region.map.lane64(0, LaneWords.evicted).relaxed > 0)
        #expect(region.checkInvariants() == [])
    }

    @Test func aJanitorThatDoesNothingIsNotWaitedFor() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var worker = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        janitor.becomeJanitor()
        let stored = Self.fill(region, &worker, 0..<8000) { $0.maintain(now: region.now()) }
        #expect(stored > 7900, "\(stored)")
        #expect(region.checkInvariants() == [])
    }

    @Test func whatHasExpiredIsGivenBackAlthoughThereIsRoom() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var worker = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        janitor.becomeJanitor()
        let now = region.now()
        #expect(Self.fill(region, &worker, 0..<1000, expires: now.seconds + 10) == 1000)
        let before = janitor.keepUp(now: now, maximumSegments: 1000)
        #expect(before.evictedSegments == 0)
        let later = CacheInstant(seconds: now.seconds + 60)
        var given = 0
        while true {
            let outcome = janitor.keepUp(now: later, maximumSegments: 8)
            given += outcome.evictedSegments
            guard outcome.wantsMore else { break }
        }
        #expect(given > 100 && region.statistics().objects < 50, "\(given)")
        #expect(region.checkInvariants() == [])
    }
}
