// Files that are no region, or another version's, or damaged, are refused with a reason and left alone.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import Testing

@testable import ShmCache

@Suite struct RegionFileTests {
    private func temporaryPath() -> String { "/tmp/martlet-test-\(getpid())-\(UInt64.random(in: 0 ... .max))" }

    private func read(_ path: String) -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 16 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes[0..<count])
    }

    private func write(_ path: String, _ bytes: [UInt8]) {
        guard let file = unsafe fopen(path, "w") else { return }
        unsafe fwrite(bytes, 1, bytes.count, file)
        unsafe fclose(file)
    }

    @Test func aFileKeepsItsObjects() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        do {
            let region = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 4 << 20))
            let history = region.history
            #expect(history == .new)
            var lane = try region.attachLane(0)
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(1), Sample.body(1, 5000))
            lane.endTurn()
        }
        do {
            let seen = try CacheRegion.inspect(path: path)
            var keys: [[UInt8]] = []
            seen.forEachObject { keys.append($0.key) }
            #expect(keys == [Sample.key(1)])
            let (objects, damaged) = seen.verifyBodies()
            #expect(objects == 1 && damaged == 0)
        }
        let region = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 9 << 20))
        let (history, size) = (region.history, region.sizeBytes)
        #expect(history == .sameBoot && size <= 4 << 20)
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        let isSame = lane.fetch(region, Sample.key(1)) == Sample.body(1, 5000)
        #expect(isSame)
        lane.endTurn()
    }

    @Test func foreignAndOtherVersionsAreRefusedUntouched() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        _ = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 2 << 20)).sizeBytes
        let good = read(path)
        let damages: [(String, ([UInt8]) -> [UInt8])] = [
            ("foreign", { _ in Array("#!/bin/sh\necho hello\n".utf8) }),
            ("empty", { _ in [] }),
            (
                "newer",
                {
                    var b = $0
                    b[8] = 9
                    return b
                }
            ),
            (
                "feature",
                {
                    var b = $0
                    b[16] = 1
                    return b
                }
            ),
            (
                "byte order",
                {
                    var b = $0
                    b[12...15].reverse()
                    return b
                }
            ),
            (
                "layout",
                {
                    var b = $0
                    b[33] ^= 1
                    return b
                }
            ),
            (
                "checksum",
                {
                    var b = $0
                    b[130] ^= 1
                    return b
                }
            ),
            ("truncated", { Array($0[0..<300_000]) }),
            ("cut short", { Array($0[0..<($0.count - 100_000)]) }),
        ]
        for (name, damage) in damages {
            let bytes = damage(good)
            write(path, bytes)
            do {
                _ = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 2 << 20)).sizeBytes
                Issue.record("\(name) was accepted")
            } catch {
                #expect(!error.description.contains("\n") && error.description.contains(path), "\(error)")
            }
            let isUntouched = read(path) == bytes
            #expect(isUntouched, "\(name)")
        }
    }

    @Test func everyFlippedBitOfTheFirstPageIsNoticedOrHarmless() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        _ = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 2 << 20)).sizeBytes
        var page = Array(read(path)[0..<4096])
        for byte in 0..<700 {
            page[byte] ^= 0x10
            #expect(throws: RegionError.self, "byte \(byte)") {
                try Superblock(page: page, fileSize: 2 << 20, path: path)
            }
            page[byte] ^= 0x10
        }
    }

    /// Marks a region file as written before a reboot, and opens it.
    private func reopenAfterReboot(_ path: String) throws -> CacheRegion {
        let number = unsafe open(path, O_RDWR)
        return try RegionFile.open(
            descriptor: OwnedDescriptor(number), path: path, bootID: (1, .random(in: 0 ... .max)))
    }

    @Test func afterAnUncleanRebootOnlyVerifiedObjectsAreServed() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        let count = 300
        func body(_ n: Int) -> [UInt8] { Sample.body(n, n % 60 == 0 ? 400_000 : n * 37, compressible: n % 2 == 0) }
        do {
            let region = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 16 << 20))
            var lane = try region.attachLane(0)
            for n in 0..<count {
                lane.beginTurn(now: region.now())
                lane.store(region, Sample.key(n), Sample.body(n + 1, 700))
                lane.store(region, Sample.key(n), body(n), tags: [UInt64(n % 7)], refreshing: true)
                lane.endTurn()
                lane.maintain(now: region.now())
            }
            lane.beginTurn(now: region.now())
            lane.purge(tag: 3)
            unsafe lane.purge(hash: region.hash(key: Sample.key(8).span.bytes), key: Sample.key(8).span.bytes)
            lane.endTurn()
        }
        var served = [Bool](repeating: false, count: count)
        do {
            let region = try reopenAfterReboot(path)
            #expect(region.checkInvariants() == [])
            var lane = try region.attachLane(0)
            lane.beginTurn(now: region.now())
            for n in 0..<count {
                let got = lane.fetch(region, Sample.key(n))
                served[n] = got != nil
                let isRight = got == nil || got == body(n)
                #expect(isRight, "\(n)")
                // The word of the purged address may be shared with others; they go with it.
                let word = unsafe region.map.addressWord(region.hash(key: Sample.key(n).span.bytes)).relaxed
                #expect((got == nil) == (n % 7 == 3 || word > 1), "\(n)")
            }
            lane.endTurn()
        }
        var bytes = read(path)
        var dice = Dice(seed: 5)
        for _ in 0..<40 { bytes[600_000 + Int(dice.next() % UInt64(bytes.count - 600_000))] ^= 0x55 }
        write(path, bytes)
        let region = try reopenAfterReboot(path)
        #expect(region.checkInvariants() == [])
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        var kept = 0
        for n in 0..<count {
            guard let got = lane.fetch(region, Sample.key(n)) else { continue }
            kept += 1
            // An older version may come back when the newer one's header is damaged; a wrong byte may not.
            let isRight = got == body(n) || got == Sample.body(n + 1, 700)
            #expect(isRight, "\(n)")
        }
        #expect(kept > count / 4, "\(kept)")
        lane.endTurn()
    }

    /// Killed before the first page was written, at any step: the file is made anew. Anything else in it stays.
    @Test func aFileWhoseMakingWasCutShortIsMadeAnew() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        let options = RegionOptions(sizeBytes: 2 << 20)
        _ = try CacheRegion.open(path: path, creating: options, isAlone: true).sizeBytes
        var begun = read(path)
        for i in 0..<4096 { begun[i] = 0 }
        let zeros = [UInt8](repeating: 0, count: begun.count)
        for unbegun in [zeros, begun] {
            write(path, unbegun)
            #expect(throws: RegionError.self) { _ = try CacheRegion.open(path: path, creating: options).sizeBytes }
            let region = try CacheRegion.open(path: path, creating: options, isAlone: true)
            let history = region.history
            #expect(history == .new)
            var lane = try region.attachLane(0)
            lane.beginTurn(now: region.now())
            #expect(lane.store(region, Sample.key(1), Sample.body(1, 5000)) == .committed)
            lane.endTurn()
            #expect(region.checkInvariants() == [])
        }
        for at in [0, 4095, 4096 + 1, 4096 + GlobalWords.everythingHard, 9000, zeros.count - 1] {
            var other = begun
            other[at] = 1
            write(path, other)
            #expect(throws: RegionError.foreign(path: path), "\(at)") {
                _ = try CacheRegion.open(path: path, creating: options, isAlone: true).sizeBytes
            }
            let isUntouched = read(path) == other
            #expect(isUntouched)
        }
        for other in [[], Array(zeros[0..<300_000]), zeros + [0]] {
            write(path, other)
            #expect(throws: RegionError.self) {
                _ = try CacheRegion.open(path: path, creating: options, isAlone: true).sizeBytes
            }
            let isUntouched = read(path) == other
            #expect(isUntouched)
        }
    }

    /// Raw copies that a rebuild does not find again are not counted for ever.
    @Test func aRebuildCountsRawCopiesAnew() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        do {
            let region = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 8 << 20))
            region.map.global64(GlobalWords.rawCopyBytes).relax(1 << 30)
        }
        let region = try reopenAfterReboot(path)
        let counted = region.map.global64(GlobalWords.rawCopyBytes).relaxed
        #expect(counted == 0)
    }

    @Test func aRegionGrowsWhileItIsUsed() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20, maximumSizeBytes: 12 << 20))
        var lane = try region.attachLane(0)
        for n in 0..<4000 {
            if n == 2000 { try region.grow(toBytes: 12 << 20) }
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Sample.body(n, 2000))
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        let figures = region.statistics()
        #expect(figures.regionBytes > 11 << 20 && figures.bodyBytes > 5 << 20, "\(figures)")
        #expect(region.checkInvariants() == [])
    }

    /// Four times as many objects as the index was made for, after objects had to go already: none is lost to full
    /// buckets, since the index grows with the region.
    @Test func theIndexGrowsWithTheRegion() throws {
        let region = try CacheRegion.create(
            RegionOptions(sizeBytes: 4 << 20, maximumSizeBytes: 32 << 20, laneCount: 4, averageObjectBytes: 1024))
        var lane = try region.attachLane(0)
        func store(_ numbers: Range<Int>) {
            for n in numbers {
                lane.beginTurn(now: region.now())
                lane.store(region, Sample.key(n), Sample.body(n, 300))
                lane.endTurn()
                lane.maintain(now: region.now())
            }
        }
        store(0..<15000)
        let before = region.statistics()
        #expect(before.objects < 15000, "something had to go")
        // In steps, of which the smallest is a segment.
        try region.grow(toBytes: 32 << 20, stepBytes: 1)
        store(15000..<50000)
        let after = region.statistics()
        #expect(after.objects == before.objects + 35000, "\(before.objects), then \(after.objects)")
        #expect(after.segmentsIndex > 0)
        #expect(region.checkInvariants() == [])
    }

    @Test(arguments: [RegionBacking.memory, .file(path: "/tmp/martlet-growing-\(getpid())")])
    func aRegionThatMayGrowTakesNoMoreThanItWasGiven(_ backing: RegionBacking) throws {
        let options = RegionOptions(sizeBytes: 4 << 20, maximumSizeBytes: 16 << 20)
        let region = try CacheRegion.create(options, backing: backing)
        // A file system counts blocks of its own, which say where the file's lie, as the file's.
        var allowance = 0
        if case .file(let path) = backing {
            unsafe unlink(path)
            allowance = 256 << 10
        }
        var lane = try region.attachLane(0)
        func fill() {
            for n in 0..<9000 {
                lane.beginTurn(now: region.now())
                lane.store(region, Sample.key(n), Sample.body(n, 2000))
                lane.endTurn()
                lane.maintain(now: region.now())
            }
        }
        for size in [4 << 20, 7 << 20, 16 << 20] {
            try region.grow(toBytes: size, stepBytes: 1 << 20)
            fill()
            let (held, claimed) = (region.heldBytes, region.sizeBytes)
            #expect(claimed <= size && claimed > size - (1 << 19), "\(claimed) of \(size)")
            #expect(held <= size + allowance && held > claimed / 10 * 9, "\(held) of \(claimed)")
            #expect(region.checkInvariants() == [])
        }
        #expect(throws: Never.self) { try region.grow(toBytes: 64 << 20) }
        let most = region.largestSizeBytes
        let reached = region.sizeBytes
        #expect(reached == most)
    }

    /// More than any machine has: refused before a byte is claimed, with the figures, and everything goes on as it was.
    @Test(arguments: [RegionBacking.memory, .file(path: "/tmp/martlet-refused-\(getpid())")])
    func aGrowthThatThereIsNoRoomForLosesNothing(_ backing: RegionBacking) throws {
        let tooMuch = 1 << 38
        let options = RegionOptions(
            sizeBytes: 256 << 20, maximumSizeBytes: tooMuch, segmentSizeBytes: 1 << 20, laneCount: 2)
        let region = try CacheRegion.create(options, backing: backing)
        var isInMemory = true
        if case .file(let path) = backing {
            isInMemory = false
            unsafe unlink(path)
        }
        let room = isInMemory ? cl_available_memory() : cl_file_system_room(region.descriptor)
        guard room < tooMuch else { return }
        var lane = try region.attachLane(0)
        func store(_ numbers: Range<Int>) -> Int {
            numbers.count { n in
                lane.beginTurn(now: region.now())
                defer { lane.endTurn() }
                return lane.store(region, Sample.key(n), Sample.body(n, 500)) == .committed
            }
        }
        let first = store(0..<1000)
        let (size, file, before) = (region.sizeBytes, region.fileBytes, region.statistics())
        for _ in 0..<2 {
            do {
                try region.grow(toBytes: tooMuch, stepBytes: tooMuch)
                Issue.record("grown to \(region.sizeBytes) bytes")
            } catch {
                guard case .noRoom(let text) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(text.contains("more bytes") && text.contains(where: \.isNumber), "\(text)")
            }
        }
        #expect(first == 1000 && region.sizeBytes == size && region.fileBytes == file)
        #expect(region.statistics() == before)
        let more = store(1000..<1100)
        let objects = region.statistics().objects
        #expect(more == 100 && objects == 1100)
        #expect(region.checkInvariants() == [])
    }

    @Test func aSecondProcessCannotTakeAHeldLane() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 2 << 20))
        let lane = try region.attachLane(4)
        #expect(throws: RegionError.self) { _ = try region.attachLane(4).index }
        #expect(throws: RegionError.self) { _ = try region.attachLane(999).index }
        let other = try CacheRegion.attach(descriptor: region.descriptor)
        let first = try other.attachAnyLane().index
        #expect(first == 0)
        _ = consume lane
        let again = try region.attachLane(4).index
        #expect(again == 4)
        let state = region.laneState(4)
        #expect(state == .free)
    }
}
