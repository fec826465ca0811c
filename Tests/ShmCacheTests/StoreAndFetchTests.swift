// Objects of all sizes go in and come out unchanged.
import Dice
import Testing

@testable import ShmCache

@Suite struct StoreAndFetchTests {
    @Test(arguments: [4 << 20, 16 << 20, 256 << 20])
    func everySizeComesBackUnchanged(regionBytes: Int) throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: regionBytes))
        var lane = try region.attachLane(0)
        let limit = region.maximumObjectBytes
        var sizes = [
            0, 1, 63, 64, 100, 1000, 4096, 5000, 20_000, 65_535, 65_536, 65_537, 200_000, 262_144, 300_000, 700_000,
        ]
        sizes += [1 << 20, (1 << 20) + 1, 3_000_000, 9_999_999]
        for (n, size) in sizes.filter({ $0 <= limit && $0 < regionBytes / 6 }).enumerated() {
            for compressible in [false, true] {
                let key = Sample.key(n * 2 + (compressible ? 1 : 0))
                let body = Sample.body(n, size, compressible: compressible)
                lane.beginTurn(now: region.now())
                #expect(lane.store(region, key, body, pieces: 30_000) == .committed, "\(size)")
                lane.endTurn()
                lane.maintain(now: region.now())
                lane.beginTurn(now: region.now())
                let isSame = lane.fetch(region, key) == body
                #expect(isSame, "\(size) \(compressible)")
                lane.endTurn()
            }
        }
        #expect(region.checkInvariants() == [])
    }

    @Test func aViewTellsWhatWasStored() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(3)
        let key = Sample.key(1)
        lane.beginTurn(now: region.now())
        #expect(
            lane.store(region, key, Array("body".utf8), header: Array("head".utf8), tags: [7, 8], expires: 99)
                == .committed)
        let hash = unsafe region.hash(key: key.span.bytes)
        #expect(lane.fetch(region, key) == Array("body".utf8))
        if let view = unsafe lane.lookup(hash: hash, key: key.span.bytes) {
            #expect(unsafe view.header.withUnsafeBytes { unsafe Array($0) } == Array("head".utf8))
            #expect(view.attributes == ItemAttributes(storedSeconds: 1, expiresSeconds: 99))
            #expect(view.tagCount == 2 && view.tag(1) == 8)
            #expect(view.bodyLength == 4 && !view.isPassMarker && !view.isSoftlyPurged)
        }
        lane.endTurn()
    }

    @Test func replacingAnObjectLeavesOneSlot() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        for round in 0..<200 {
            lane.beginTurn(now: region.now())
            let body = Sample.body(round, 3000)
            #expect(lane.store(region, Sample.key(5), body, refreshing: true) == .committed)
            let isSame = lane.fetch(region, Sample.key(5)) == body
            #expect(isSame, "\(round)")
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        #expect(region.statistics().objects == 1)
        #expect(region.checkInvariants() == [])
    }

    @Test func aFullCacheGoesOnTakingObjects() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        var dice = Dice(seed: 11)
        var stored = 0
        for n in 0..<6000 {
            let size = n % 50 == 0 ? Int(dice.next() % 200_000) : Int(dice.next() % 6000)
            lane.beginTurn(now: region.now())
            if lane.store(region, Sample.key(n), Sample.body(n, size)) == .committed { stored += 1 }
            let old = Int(dice.next() % UInt64(n + 1))
            if let body = lane.fetch(region, Sample.key(old)) {
                let isSame = body == Sample.body(old, body.count)
                #expect(isSame)
            }
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        let figures = region.statistics()
        #expect(stored > 5900, "\(stored)")
        #expect(figures.storedBytes > region.sizeBytes / 2, "\(figures)")
        #expect(region.checkInvariants() == [])
    }

    @Test func popularBodiesCanBeKeptRaw() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 64 << 20))
        var lane = try region.attachLane(0)
        for (n, size) in [3000, 5000, 60_000, 150_000, 900_000].enumerated() {
            let (key, body) = (Sample.key(n), Sample.body(n, size, compressible: true))
            lane.beginTurn(now: region.now())
            lane.store(region, key, body)
            let before = isRaw(region, lane, key)
            for _ in 0..<4 { _ = lane.fetch(region, key) }
            let kept = unsafe lane.keepRawCopy(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
            let isSame = lane.fetch(region, key) == body
            #expect(isSame && before == false)
            #expect(kept == (size >= Lane.smallestRawCopyBytes && size < region.segmentSizeBytes / 4), "\(size)")
            let after = isRaw(region, lane, key)
            #expect(after == kept)
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        #expect(region.checkInvariants() == [])
        #expect(region.verifyBodies().damaged == 0)
    }

    private func isRaw(_ region: borrowing CacheRegion, _ lane: borrowing Lane, _ key: [UInt8]) -> Bool? {
        let hash = unsafe region.hash(key: key.span.bytes)
        guard let view = unsafe lane.lookup(hash: hash, key: key.span.bytes) else { return nil }
        if case .raw = view.bodyPiece(at: 0) { return true }
        return false
    }
}

@Suite struct FullBucketTests {
    /// An index made for a fraction of the objects grows by chains; nothing is lost while there is room.
    @Test func noObjectIsLostToFullBuckets() throws {
        let options = RegionOptions(sizeBytes: 8 << 20, laneCount: 4, averageObjectBytes: 4096)
        let region = try CacheRegion.create(options)
        var lane = try region.attachLane(0)
        let count = 15_000
        for n in 0..<count {
            lane.beginTurn(now: region.now())
            #expect(lane.store(region, Sample.key(n), Sample.body(n, 40)) == .committed)
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        var found = 0
        lane.beginTurn(now: region.now())
        for n in 0..<count where lane.fetch(region, Sample.key(n)) == Sample.body(n, 40) { found += 1 }
        lane.endTurn()
        #expect(found == count)
        let figures = region.statistics()
        #expect(figures.objects == count && figures.evictedObjects == 0 && figures.segmentsIndex > 0)
        // Entries behind links are purged, replaced and evicted like others.
        lane.beginTurn(now: region.now())
        for n in stride(from: 0, to: count, by: 2) {
            let key = Sample.key(n)
            let wasThere = unsafe lane.purge(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
            #expect(wasThere)
        }
        lane.endTurn()
        lane.reclaim(now: region.now())
        let (objects, problems) = (region.statistics().objects, region.checkInvariants())
        #expect(objects == count / 2 && problems.isEmpty, "\(problems.prefix(3))")
    }

    /// A lane that evicts in the middle of looking for room appends survivors meanwhile: every segment that is open in
    /// its name is one that it knows.
    @Test func noOpenSegmentIsLostSightOf() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 1 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var dice = Dice(seed: 3)
        for n in 0..<6000 {
            lane.beginTurn(now: region.now())
            let key = Sample.key(Int(dice.next() % 300))
            lane.store(region, key, Sample.body(n, 1100 + Int(dice.next() % 2500)), refreshing: true)
            lane.endTurn()
            let open = (0..<region.map.usableSegments).count {
                let state = region.map.state($0)
                return state.phase == .open && state.owner == 0
            }
            let known = lane.core.open.count { $0 >= 0 }
            #expect(open == known, "\(n)")
            if open != known { break }
        }
    }
}
