// How an item names its whole segments, and when it is not believed.
import Testing

@testable import ShmCache

@Suite struct ExtentTests {
    private static let regionBytes = 8 << 20

    /// Long enough for several whole segments and a tail.
    @Test(arguments: [false, true]) func aBodyOfSeveralSegmentsIsNamedInFewBytes(compressible: Bool) throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var lane = try region.attachLane(0)
        let body = Sample.body(1, 7 * region.segmentSizeBytes + 1000, compressible: compressible)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), body) == .committed)
        #expect(lane.fetch(region, Sample.key(1)) == body)
        let map = region.map
        let key = Sample.key(1)
        let found = unsafe map.find(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        let item = try #require(found?.item)
        #expect(item.extentCount > 2)
        #expect(
            item.bodyOffset(map.chunkShift) - item.extentsOffset(map.chunkShift)
                == item.extentCount * (compressible ? 12 : 4))
        for i in 0..<item.extentCount {
            let extent = item.extent(i, map)
            #expect(map.holds(extent, of: item)?.gen == map.state(Int(extent.segment)).gen)
            #expect(extent.storedLength > 0 && extent.storedLength <= UInt32(map.segmentSize))
        }
        lane.endTurn()
        #expect(region.checkInvariants() == [])
    }

    /// A reader that stays for 4,096 lives of a segment finds the bits of its gen again.
    @Test func aSegmentOfAnotherBodyIsNotTakenForTheItems() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: Self.regionBytes))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), Sample.body(1, 5 * region.segmentSizeBytes)) == .committed)
        let map = region.map
        let key = Sample.key(1)
        let found = unsafe map.find(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        let item = try #require(found?.item)
        let extent = item.extent(0, map)
        let segment = Int(extent.segment)
        let state = map.state(segment)
        func isBelieved(gen: UInt32, hash: UInt64, body: UInt64) -> Bool {
            map.segment64(segment, SegmentWords.state).relax(SegmentState(.whole, gen: gen).word)
            map.segment64(segment, SegmentWords.ownerHash).relax(hash)
            map.segment64(segment, SegmentWords.ownerBody).relax(body)
            return map.holds(extent, of: item) != nil
        }
        #expect(!isBelieved(gen: state.gen &+ 1, hash: item.hash, body: item.bodyMark))
        #expect(!isBelieved(gen: state.gen &+ 4096, hash: item.hash, body: item.bodyMark &+ 1))
        #expect(!isBelieved(gen: state.gen &+ 4096, hash: item.hash &+ 1, body: item.bodyMark))
        #expect(isBelieved(gen: state.gen, hash: item.hash, body: item.bodyMark))
        map.segment64(segment, SegmentWords.state).relax(state.word)
        lane.endTurn()
        #expect(region.checkInvariants() == [])
    }
}

@Suite struct ProbeTests {
    /// What a hit's own search finds at once is what everybody else's finds, and it finds nearly everything.
    @Test func findsWhatIsInTheIndex() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20, averageObjectBytes: 200))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        let objects = 30_000
        for n in 0..<objects { lane.store(region, Sample.key(n), [1]) }
        let probe = Probe(region.map)
        var atOnce = 0
        for n in 0..<objects + 1000 {
            let key = Sample.key(n)
            let hash = unsafe region.hash(key: key.span.bytes)
            let slow = unsafe region.map.find(hash: hash, key: key.span.bytes)
            let quick = unsafe probe.find(hash: hash, key: key.span.bytes)
            if let quick {
                #expect(quick.word == slow?.word)
                atOnce += 1
            }
            #expect(slow != nil || n >= objects)
        }
        #expect(atOnce > objects - objects / 100)
        lane.endTurn()
    }
}
