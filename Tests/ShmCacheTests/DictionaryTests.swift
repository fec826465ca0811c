// Small objects of one kind are stored with a dictionary: less room, the same bytes, and only a miss when it is gone.
import Dice
import Testing

@testable import ShmCache

/// Documents that have much in common, as the answers of one API have.
enum Document {
    static func header(_ n: Int) -> [UInt8] {
        Array(
            """
            Content-Type: application/json\r
            Cache-Control: public, max-age=3600, stale-while-revalidate=60\r
            ETag: "\(n * 7919 % 1_000_003)-\(n)"\r
            Server: example\r
            Strict-Transport-Security: max-age=31536000; includeSubDomains\r
            X-Request-Id: \(n * 104_729 % 999_983)\r

            """.utf8)
    }

    static func body(_ n: Int) -> [UInt8] {
        var dice = Dice(seed: UInt64(n))
        let words = ["river", "lantern", "harbour", "market", "bridge", "winter", "letters", "swallow", "morning"]
        var text = "{\"id\":\(n),\"title\":\"The \(words[Int(dice.next() % 9)])\",\"description\":\""
        while text.utf8.count < 700 { text += words[Int(dice.next() % 9)] + " and the " }
        text +=
            "\",\"price\":{\"amount\":\(dice.next() % 900),\"currency\":\"EUR\"},\"state\":\"available\",\"stock\":\(n % 50)}"
        return Array(text.utf8)
    }
}

@Suite struct DictionaryTests {
    static let kind: UInt16 = 77

    /// Lets a janitor make a dictionary from the first 400 documents.
    private func train(_ region: borrowing CacheRegion, _ lane: inout Lane, _ janitor: inout Lane) {
        janitor.becomeJanitor()
        store(region, &lane, 0..<400)
        let wanted = janitor.wantsTraining(now: region.now()).wanted
        #expect(wanted)
        let outcome = janitor.trainDictionaries(now: region.now())
        #expect(outcome.published == 1 && outcome.refused == 0 && outcome.samples == Samples.most, "\(outcome)")
    }

    private func store(_ region: borrowing CacheRegion, _ lane: inout Lane, _ numbers: Range<Int>) {
        for n in numbers {
            lane.beginTurn(now: region.now())
            let outcome = lane.store(
                region, Sample.key(n), Document.body(n), header: Document.header(n), tags: [1], contentClass: Self.kind)
            #expect(outcome == .committed)
            lane.endTurn()
            lane.maintain(now: region.now())
        }
    }

    private func isWhole(_ region: borrowing CacheRegion, _ lane: borrowing Lane, _ n: Int) -> Bool? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return nil
        }
        return same(view, n, region.chunkSizeBytes)
    }

    private func same(_ view: borrowing ItemView, _ n: Int, _ chunkSize: Int) -> Bool {
        let header = unsafe view.header.withUnsafeBytes { unsafe Array($0) }
        return header == Document.header(n) && view.wholeBody(chunkSize: chunkSize) == Document.body(n)
            && view.bodyLength == Document.body(n).count
    }

    @Test func documentsTakeHalfTheRoomAndComeBackUnchanged() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        train(region, &lane, &janitor)
        let before = region.statistics()
        #expect(before.packedObjects == 0 && before.dictionaries == 1)
        store(region, &lane, 400..<2400)
        let after = region.statistics()
        #expect(after.packedObjects == 2000)
        let perObject = (after.storedBytes - before.storedBytes) / 2000
        let without = before.storedBytes / 400
        #expect(perObject * 2 < without, "\(perObject) bytes instead of \(without)")
        for n in 0..<2400 {
            lane.beginTurn(now: region.now())
            let own = isWhole(region, lane, n)
            lane.endTurn()
            janitor.beginTurn(now: region.now())
            let others = isWhole(region, janitor, n)
            janitor.endTurn()
            #expect(own == true && others == true, "\(n)")
        }
        #expect(region.checkInvariants() == [])
        #expect(region.verifyBodies().damaged == 0 && region.damagedObjects() == 0)
        let bill = region.accounting()
        let own = bill.itemBytes - bill.keyBytes - bill.headerBytes - bill.storedBodyBytes
        #expect(own >= 64 * bill.objects && own <= 80 * bill.objects, "\(bill)")
    }

    @Test func packedObjectsAreKeptRawFreshenedPinnedAndPurgedLikeOthers() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        train(region, &lane, &janitor)
        store(region, &lane, 400..<420)
        lane.beginTurn(now: region.now())
        // Raw copy.
        let key = Sample.key(400)
        let hash = unsafe region.hash(key: key.span.bytes)
        for _ in 0..<4 { _ = isWhole(region, lane, 400) }
        let isKept = unsafe lane.keepRawCopy(hash: hash, key: key.span.bytes)
        let afterwards = isWhole(region, lane, 400)
        #expect(isKept && afterwards == true)
        // Freshening: another header block, the same body.
        let renewed = freshen(region, lane, 401, header: Document.header(9401))
        #expect(renewed == .committed)
        let other = Sample.key(401)
        if let view = unsafe lane.lookup(hash: region.hash(key: other.span.bytes), key: other.span.bytes) {
            #expect(unsafe view.header.withUnsafeBytes { unsafe Array($0) } == Document.header(9401))
            let body = view.wholeBody(chunkSize: region.chunkSizeBytes)
            #expect(body == Document.body(401))
        } else {
            Issue.record("gone after freshening")
        }
        // A pin over turns.
        let pin = pinned(region, lane, 402)
        lane.endTurn()
        lane.beginTurn(now: region.now())
        if let pin {
            let isSame = same(lane.view(of: pin), 402, region.chunkSizeBytes)
            #expect(isSame)
            lane.unpin(pin)
        }
        let third = Sample.key(403)
        let wasThere = unsafe lane.purge(hash: region.hash(key: third.span.bytes), key: third.span.bytes)
        let gone = isWhole(region, lane, 403)
        #expect(wasThere && gone == nil)
        lane.endTurn()
        #expect(region.checkInvariants() == [] && region.verifyBodies().damaged == 0)
    }

    private func freshen(
        _ region: borrowing CacheRegion, _ lane: borrowing Lane, _ n: Int, header: [UInt8]
    ) -> FinishOutcome? {
        let key = Sample.key(n)
        let hash = unsafe region.hash(key: key.span.bytes)
        guard let old = unsafe lane.lookup(hash: hash, key: key.span.bytes),
            case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes, refreshing: true)
        else { return nil }
        let attributes = ItemAttributes(storedSeconds: 2, contentClass: Self.kind)
        return unsafe permit.freshen(old, header: header.span.bytes, attributes: attributes, tags: [UInt64]().span)
    }

    private func pinned(_ region: borrowing CacheRegion, _ lane: borrowing Lane, _ n: Int) -> Pin? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return nil
        }
        return lane.pin(view)
    }

    @Test func aDamagedDictionaryMakesItsObjectsMisses() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        train(region, &lane, &janitor)
        store(region, &lane, 400..<410)
        let text = unsafe region.map.dictionaryText(0)
        unsafe text.storeBytes(of: ~text.load(fromByteOffset: 100, as: UInt8.self), toByteOffset: 100, as: UInt8.self)
        // A process that has not looked at it yet.
        var other = try region.attachLane(1)
        other.beginTurn(now: region.now())
        let missing = isWhole(region, other, 405)
        let plain = isWhole(region, other, 5)
        #expect(missing == nil && plain == true)
        // It can be fetched again: the fill is not told that it is there.
        store(region, &other, 405..<406)
        let again = isWhole(region, other, 405)
        #expect(again == true)
        other.endTurn()
        #expect(region.statistics().packedObjects == 9)
    }

    @Test func aDictionaryThatNothingNeedsIsFreedAfterItsGrace() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        train(region, &lane, &janitor)
        store(region, &lane, 400..<410)
        var now = region.now()
        pass(0, &now, &janitor)
        #expect(region.map.dictionary64(0, DictionaryWords.references).relaxed == 10)
        lane.beginTurn(now: region.now())
        lane.purgeEverything()
        lane.endTurn()
        for n in 400..<410 {
            let key = Sample.key(n)
            lane.beginTurn(now: region.now())
            _ = unsafe lane.purge(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
            lane.endTurn()
        }
        pass(1300, &now, &janitor)
        #expect(region.map.dictionaryState(0).phase == .retiring)
        // No new object uses it.
        store(region, &lane, 500..<501)
        #expect(region.statistics().packedObjects == 0)
        lane.beginTurn(now: region.now())
        pass(100, &now, &janitor)
        #expect(region.map.dictionaryState(0).phase == .limbo)
        pass(100, &now, &janitor)
        // A turn of before is still open.
        #expect(region.map.dictionaryState(0).phase == .limbo)
        lane.endTurn()
        pass(100, &now, &janitor)
        #expect(region.map.dictionaryState(0).phase == .free)
    }

    private func pass(_ seconds: Int64, _ now: inout CacheInstant, _ janitor: inout Lane) {
        now = CacheInstant(nanoseconds: now.nanoseconds + seconds * 1_000_000_000)
        while janitor.countDictionaries(now: now) {}
    }

    @Test func aJanitorThatDiesWhileItBuildsLeavesAFreePlace() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20, laneCount: 4))
        do {
            let janitor = try region.attachLane(3)
            let state = DictionaryState(.building, owner: janitor.index, gen: 1)
            region.map.dictionary64(4, DictionaryWords.state).relax(state.word)
        }
        #expect(region.map.dictionaryState(4).phase == .free)
    }

    @Test func promotionCompressesAgainAndChangesNoByte() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var janitor = try region.attachLane(3)
        janitor.becomeJanitor()
        store(region, &lane, 0..<400)
        #expect(janitor.trainDictionaries(now: region.now()).published == 1)
        var (recompressed, wrong, found) = (UInt64(0), 0, 0)
        // Some are asked for again and again: they are promoted when their segment goes.
        for round in 1..<30 {
            let first = 400 + round * 700
            for n in first..<first + 700 {
                lane.beginTurn(now: region.now())
                _ = lane.store(
                    region, Sample.key(n), n % 5 == 0 ? Sample.body(n, 9000, compressible: true) : Document.body(n),
                    header: Document.header(n), contentClass: Self.kind)
                if n % 5 != 0, n > first + 3, let whole = isWhole(region, lane, n - n % 3) {
                    found += 1
                    if !whole, (n - n % 3) % 5 != 0 { wrong += 1 }
                }
                if n % 5 == 0 {
                    for _ in 0..<3 where lane.fetch(region, Sample.key(n)) != Sample.body(n, 9000, compressible: true) {
                        wrong += 1
                    }
                }
                lane.endTurn()
                lane.maintain(now: region.now())
                recompressed += janitor.keepUp(now: region.now(), maximumSegments: 4).recompressedObjects
            }
        }
        #expect(wrong == 0 && found > 1000 && recompressed > 100, "\(recompressed), \(found), \(wrong)")
        var (tight, damaged) = (0, 0)
        region.map.forEachItem { _, item in
            if item.flags.contains(.tight) { tight += 1 }
        }
        for n in 0..<21_400 where n % 5 == 0 {
            lane.beginTurn(now: region.now())
            let wanted = Sample.body(n, 9000, compressible: true)
            if n >= 1100, let body = lane.fetch(region, Sample.key(n)), body != wanted { damaged += 1 }
            lane.endTurn()
        }
        #expect(tight > 50 && damaged == 0, "\(tight), \(damaged)")
        #expect(region.checkInvariants() == [] && region.verifyBodies().damaged == 0)
    }
}
