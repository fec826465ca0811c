// The purge clock goes round; what it could no longer tell from the new is gone before.
import Testing

@testable import ShmCache

@Suite struct PurgeSweepTests {
    private func isThere(_ region: borrowing CacheRegion, _ lane: inout Lane, _ n: Int) -> Bool {
        lane.beginTurn(now: region.now())
        defer { lane.endTurn() }
        return lane.fetch(region, Sample.key(n)) == Sample.body(n, 500)
    }

    @Test func pointsOfTheClockCompareAcrossItsEnd() {
        #expect(UInt32(5).isAfter(4) && !UInt32(4).isAfter(4) && !UInt32(4).isAfter(5))
        #expect(UInt32(3).isAfter(UInt32.max - 3) && !(UInt32.max - 3).isAfter(3))
    }

    /// Twice round the clock, a quarter of 2^30 at a time.
    @Test func theClockGoesRoundAndNoPurgedObjectComesBack() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        for step in 0..<34 {
            for n in [step * 2, step * 2 + 1] {
                lane.beginTurn(now: region.now())
                #expect(lane.store(region, Sample.key(n), Sample.body(n, 500), tags: [UInt64(n)]) == .committed)
                lane.endTurn()
            }
            lane.beginTurn(now: region.now())
            lane.purge(tag: UInt64(step * 2 + 1))
            lane.endTurn()
            region.map.global32(GlobalWords.purgeClock).add(1 << 28)
            while janitor.sweepPurged(now: region.now()) {}
            // The last three steps' objects are there, those of before are not, and no purged one is.
            for earlier in 0...step {
                let (kept, purged) = (isThere(region, &lane, earlier * 2), isThere(region, &lane, earlier * 2 + 1))
                #expect(kept == (step - earlier < 3), "step \(step), object of step \(earlier)")
                #expect(!purged, "step \(step), purged object of step \(earlier)")
            }
        }
        #expect(region.statistics().objects <= 10)
        #expect(region.checkInvariants() == [])
    }

    @Test func withoutAJanitorThePurgeItselfSweeps() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), Sample.body(1, 500)) == .committed)
        lane.endTurn()
        for _ in 0..<3 {
            region.map.global32(GlobalWords.purgeClock).add(1 << 30)
            lane.beginTurn(now: region.now())
            lane.purge(tag: 99)
            lane.endTurn()
        }
        #expect(!isThere(region, &lane, 1))
        #expect(region.statistics().objects == 0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(2), Sample.body(2, 500)) == .committed)
        lane.endTurn()
        #expect(isThere(region, &lane, 2))
    }
}
