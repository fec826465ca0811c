// Whole region files with flipped bytes and lost writes: never a crash, and where checksums bind never a wrong byte.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import Testing

@testable import ShmCache

/// A region's bytes, made once, and what may be found in it.
private struct Specimen {
    static let count = 60
    let bytes: [UInt8]

    static func body(_ n: Int) -> [UInt8] { Sample.body(n, n % 10 == 0 ? 40_000 : n * 97, compressible: n % 3 == 0) }
    static func older(_ n: Int) -> [UInt8] { Sample.body(n + 1000, 700) }

    /// After a clean end, or as it is while two processes work, one of them in the middle of a fill.
    init(isClean: Bool) throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 1 << 20, laneCount: 4, averageObjectBytes: 2048))
        var lane = try region.attachLane(0)
        var other = try region.attachLane(1)
        for n in 0..<Specimen.count {
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Specimen.older(n))
            lane.store(region, Sample.key(n), Specimen.body(n), tags: [UInt64(n % 7)], refreshing: true)
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        other.beginTurn(now: region.now())
        let key = Sample.key(500)
        let (head, tags, body) = ([1, 2, 3] as [UInt8], [1] as [UInt64], Specimen.body(10))
        let hash = unsafe region.hash(key: key.span.bytes)
        var permit: FillPermit?
        if !isClean, case .own(var new) = unsafe other.startFill(hash: hash, key: key.span.bytes) {
            _ = unsafe new.setHead(
                head.span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: tags.span, expectedBodyLength: nil)
            _ = unsafe new.append(body.span.bytes)
            permit = consume new
        }
        bytes = unsafe Array(region.mappedRange[0..<region.fileBytes])
        _ = consume permit
        other.endTurn()
    }

    /// Opens these bytes as a file of this boot, whose processes are dead, or of another.
    static func open(_ bytes: [UInt8], sameBoot: Bool) throws(RegionError) -> CacheRegion {
        let descriptor = unsafe cl_memfd_create("martlet-specimen")
        _ = cl_set_file_size(descriptor, Int64(bytes.count))
        unsafe pwrite(descriptor, bytes, bytes.count, 0)
        let boot = sameBoot ? currentBootID() : (1, UInt64.random(in: 0 ... .max))
        let region = try RegionFile.open(descriptor: OwnedDescriptor(descriptor), path: nil, bootID: boot)
        if sameBoot { region.noteDeath(ofThread: cl_gettid()) }
        return region
    }
}

@Suite struct DamagedRegionTests {
    /// Everything that a node and the tools do with a region. True when all that was read was right.
    private func use(_ region: borrowing CacheRegion) -> Bool {
        region.recoverDeadLanes()
        guard var lane = try? region.attachAnyLane() else { return true }
        var isRight = true
        lane.beginTurn(now: region.now())
        for n in 0..<Specimen.count {
            guard let got = lane.fetch(region, Sample.key(n)) else { continue }
            // The older version may come back when the newer one is damaged.
            if got != Specimen.body(n), got != Specimen.older(n) { isRight = false }
        }
        lane.endTurn()
        for n in 500..<504 {
            lane.maintain(now: region.now())
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Sample.body(n, 3000))
            _ = lane.fetch(region, Sample.key(n))
            lane.endTurn()
        }
        lane.beginTurn(now: region.now())
        lane.purge(tag: 1)
        let key = Sample.key(3)
        unsafe lane.purge(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        lane.endTurn()
        lane.reclaim(now: region.now())
        _ = consume lane
        _ = region.checkInvariants()
        _ = region.verifyBodies()
        _ = region.statistics()
        _ = region.accounting()
        return isRight
    }

    /// A number of segments that no integer holds, too few, too many: refused.
    @Test(arguments: [UInt64.max, 1 << 63, 0, 1 << 40])
    func aFileWithAnImpossibleNumberOfSegmentsIsRefused(count: UInt64) throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 1 << 20, laneCount: 4))
        var bytes = unsafe Array(region.mappedRange[0..<region.fileBytes])
        bytes.put(count, at: region.map.globals + GlobalWords.usableSegments)
        #expect(throws: RegionError.self) { _ = try Specimen.open(bytes, sameBoot: true).sizeBytes }
    }

    @Test(arguments: [true, false], [true, false])
    func flippedBytesAnywhereDoNoHarm(isClean: Bool, sameBoot: Bool) throws {
        let seed = UInt64.random(in: 1...1_000_000)
        var dice = Dice(seed: seed)
        let specimen = try Specimen(isClean: isClean)
        let tables = 80_000
        for round in 0..<150 {
            var bytes = specimen.bytes
            for _ in 0..<(1 + dice.next() % 40) {
                // Tables are small and matter more. The first page is another test's.
                let range = dice.next() % 2 == 0 ? 4096..<tables : 4096..<bytes.count
                let at = range.lowerBound + Int(dice.next() % UInt64(range.count))
                bytes[at] = dice.next() % 2 == 0 ? bytes[at] ^ 1 << UInt8(dice.next() % 8) : UInt8(dice.next() % 256)
            }
            guard let region = try? Specimen.open(bytes, sameBoot: sameBoot) else { continue }
            let isRight = use(region)
            // Within one boot the mapping is trusted; after another one everything was verified.
            #expect(isRight || sameBoot, "seed \(seed), round \(round)")
        }
    }

    /// A power cut: pages written lately are lost, each for itself.
    @Test func lostWritesAreNoticedAfterAReboot() throws {
        let seed = UInt64.random(in: 1...1_000_000)
        var dice = Dice(seed: seed)
        let specimen = try Specimen(isClean: false)
        let page = RegionLayout.pageSize
        for round in 0..<100 {
            var bytes = specimen.bytes
            let share = 1 + dice.next() % 60
            for start in stride(from: 2 * page, to: bytes.count - page, by: page) where dice.next() % 100 < share {
                for i in start..<start + page { bytes[i] = 0 }
            }
            guard let region = try? Specimen.open(bytes, sameBoot: false) else { continue }
            let problems = region.checkInvariants()
            let isRight = use(region)
            #expect(isRight && problems.isEmpty, "seed \(seed), round \(round): \(problems.prefix(2))")
        }
    }

    /// The clean flag vouches for the whole file until somebody attaches.
    @Test func onlyACleanEndIsTrustedAfterAReboot() throws {
        let path = "/tmp/martlet-clean-\(getpid())"
        defer { unsafe unlink(path) }
        let options = RegionOptions(sizeBytes: 2 << 20, laneCount: 4)
        do {
            let region = try CacheRegion.open(path: path, creating: options)
            var lane = try region.attachLane(0)
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(1), Sample.body(1, 900))
            lane.endTurn()
        }
        func reopen() throws -> CacheRegion {
            let descriptor = unsafe Glibc.open(path, O_RDWR)
            return try RegionFile.open(
                descriptor: OwnedDescriptor(descriptor), path: path, bootID: (1, .random(in: 0 ... .max)))
        }
        do {
            let region = try CacheRegion.open(path: path, creating: options)
            let lane = try region.attachLane(1)
            let whileHeld = region.markClean()
            _ = consume lane
            let isSaid = region.markClean()
            let isClean = region.map.isClean
            #expect(!whileHeld && isSaid && isClean)
        }
        do {
            // Trusted as it is: nothing is read, so even a damaged body would be kept.
            let region = try reopen()
            let (objects, isClean, history) = (region.statistics().objects, region.map.isClean, region.history)
            #expect(objects == 1 && !isClean && history == .cleanReboot, "taken back before anything changes")
            region.markClean()
            _ = try region.attachLane(0).index
            let afterAttaching = region.map.isClean
            #expect(!afterAttaching)
        }
        let region = try reopen()
        let (objects, problems, history) = (region.statistics().objects, region.checkInvariants(), region.history)
        #expect(objects == 1 && problems.isEmpty && history == .uncleanReboot)
    }

    /// The live slot of a key and its item.
    private func find(
        _ key: [UInt8], in region: borrowing CacheRegion
    ) throws -> (slot: Int, word: Slot, item: ItemHeader) {
        let found = unsafe region.map.find(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        return try #require(found)
    }

    /// Segments are laid out for the largest size, and the file ends before them.
    @Test func aSlotThatNamesASegmentBeyondTheFileIsNoHit() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 1 << 20, maximumSizeBytes: 16 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        let key = Sample.key(1)
        lane.beginTurn(now: region.now())
        lane.store(region, key, Sample.body(1, 900))
        let found = try find(key, in: region)
        let beyond = region.map.segmentCount - 1
        #expect(beyond >= region.map.usableSegments)
        let damaged = Slot(
            kind: .live, tag: found.word.tag, frequency: 3, gen: found.word.gen, segment: beyond, unit: found.word.unit)
        region.map.slot(found.slot).publish(damaged.word)
        #expect(lane.fetch(region, key) == nil)
        #expect(unsafe region.map.find(hash: region.hash(key: key.span.bytes), key: key.span.bytes) == nil)
        let counted = region.statistics().objects
        #expect(counted == 0)
        #expect(lane.store(region, key, Sample.body(2, 900)) == .committed)
        #expect(lane.fetch(region, key) == Sample.body(2, 900))
        lane.endTurn()
    }

    /// What a lookup does not believe must not keep the key from being fetched.
    @Test func anItemThatMakesNoSenseIsFetchedAnew() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 1 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        let key = Sample.key(1)
        lane.beginTurn(now: region.now())
        lane.store(region, key, Sample.body(1, 900), tags: [7])
        let damaged = try find(key, in: region)
        damaged.item.store(itemLength: damaged.item.itemLength + 8)
        #expect(lane.fetch(region, key) == nil)
        #expect(lane.store(region, key, Sample.body(2, 900)) == .committed)
        #expect(lane.fetch(region, key) == Sample.body(2, 900))
        let again = try find(key, in: region)
        again.item.store(itemLength: 1 << 30)
        #expect(lane.store(region, key, Sample.body(3, 900), refreshing: true) == .committed)
        #expect(lane.fetch(region, key) == Sample.body(3, 900))
        lane.endTurn()
    }
}
