// The walk for popular objects, and the stamp by which a caller ties one item to another.
import Testing

@testable import ShmCache

@Suite struct PopularObjectsTests {
    private static func popular(_ region: borrowing CacheRegion, _ lane: inout Lane, flags: UInt16) -> [PopularObject] {
        var walk = PopularWalk()
        var found: [PopularObject] = []
        while !lane.findPopular(&walk, callerFlags: flags, now: region.now(), { found.append($0) }) {}
        return found
    }

    private static func stamp(_ region: borrowing CacheRegion, _ lane: inout Lane, _ key: [UInt8]) -> UInt64? {
        lane.beginTurn(now: region.now())
        defer { lane.endTurn() }
        return unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes)?.stamp
    }

    @Test func findsWhatIsReadOftenAndHasTheFlags() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        for n in 0..<300 {
            lane.beginTurn(now: region.now())
            let outcome = lane.store(
                region, Sample.key(n), Sample.body(n, 1000, compressible: true), callerFlags: n % 2 == 0 ? 3 : 1)
            #expect(outcome == .committed)
            for _ in 0..<(n < 100 ? 4 : 2) { _ = lane.fetch(region, Sample.key(n)) }
            lane.endTurn()
        }
        let found = Self.popular(region, &lane, flags: 2)
        let wanted = Set(stride(from: 0, to: 100, by: 2).map { unsafe region.hash(key: Sample.key($0).span.bytes) })
        #expect(Set(found.map(\.hash)) == wanted)
        #expect(found.count == wanted.count)
        #expect(found.allSatisfy { $0.bodyLength == 1000 })
        #expect(Self.popular(region, &lane, flags: 1).count == 100)
        #expect(Self.popular(region, &lane, flags: 4).isEmpty)
        lane.beginTurn(now: region.now())
        for object in found {
            let view = lane.view(of: object.mark)
            #expect(view?.stamp == object.stamp)
        }
        lane.endTurn()
    }

    @Test func wantedFormsAreTakenOnceByWhomeverLooks() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        let worker = try region.attachLane(0)
        let other = try region.attachLane(1)
        let janitor = try region.attachLane(2)
        #expect(janitor.takeWantedForms() == 0)
        worker.noteWantedForms(2)
        worker.noteWantedForms(2)
        other.noteWantedForms(5)
        #expect(janitor.takeWantedForms() == 7)
        #expect(janitor.takeWantedForms() == 0)
    }

    @Test func theStampStaysThroughMovesAndEndsWithTheCommit() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        let key = Sample.key(0)
        let body = Sample.body(0, 1500, compressible: true)
        lane.beginTurn(now: region.now())
        lane.store(region, key, body)
        lane.endTurn()
        let first = try #require(Self.stamp(region, &lane, key))
        lane.beginTurn(now: region.now())
        let isKept = unsafe lane.keepRawCopy(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        lane.endTurn()
        #expect(isKept)
        #expect(Self.stamp(region, &lane, key) == first)
        // Others push it through the queues, which moves it as long as it is read.
        for n in 1..<6000 {
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Sample.body(n, 2000))
            _ = lane.fetch(region, key)
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        #expect(Self.stamp(region, &lane, key) == first)
        lane.beginTurn(now: region.now())
        lane.store(region, key, body, refreshing: true)
        lane.endTurn()
        let second = try #require(Self.stamp(region, &lane, key))
        #expect(second != first)
    }
}
