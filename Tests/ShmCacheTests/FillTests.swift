// Fills shared by several lanes: joining, streaming, failing, taking over, purges that race with them.
import CLinux
import Testing

@testable import ShmCache

@Suite struct FillTests {
    let attributes = ItemAttributes(storedSeconds: 5)

    @Test func aSecondMissJoinsAndStreams() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20))
        var owner = try region.attachLane(0)
        var reader = try region.attachLane(1)
        let key = Sample.key(1)
        let hash = unsafe region.hash(key: key.span.bytes)
        let body = Sample.body(1, 300_000)
        owner.beginTurn(now: region.now())
        reader.beginTurn(now: region.now())
        guard case .own(var permit) = unsafe owner.startFill(hash: hash, key: key.span.bytes),
            case .join(let ticket) = unsafe reader.startFill(hash: hash, key: key.span.bytes)
        else { throw Failure() }
        #expect(ticket.phase == .waiting)
        let head = Array("header".utf8)
        let noTags: [UInt64] = []
        #expect(
            unsafe permit.setHead(
                head.span.bytes, attributes: attributes, tags: noTags.span, expectedBodyLength: nil) == .accepted)
        #expect(ticket.phase == .streaming)
        #expect(unsafe ticket.header.withUnsafeBytes { unsafe Array($0) } == head)
        for start in stride(from: 0, to: body.count, by: 7777) {
            let end = min(body.count, start + 7777)
            #expect(unsafe permit.append(body.span.bytes.extracting(start..<end)) == .accepted)
            #expect(ticket.bytesReady == end)
        }
        permit.complete()
        #expect(ticket.phase == .complete)
        let streamed = ticket.readAll() == body
        #expect(streamed)
        while permit.finish(budgetBytes: 65536) == .again {}
        let afterwards = ticket.readAll() == body
        #expect(afterwards)
        let stored = reader.fetch(region, key) == body
        #expect(stored)
        owner.endTurn()
        reader.endTurn()
    }

    /// Who is slow goes on with the stored object: the very one, and only while it is there.
    @Test func aReaderFindsWhatTheFillWasStoredAs() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20))
        var owner = try region.attachLane(0)
        var reader = try region.attachLane(1)
        for (n, length) in [(1, 300_000), (2, 900), (3, 0)] {
            let key = Sample.key(n)
            let hash = unsafe region.hash(key: key.span.bytes)
            let body = Sample.body(n, length)
            owner.beginTurn(now: region.now())
            reader.beginTurn(now: region.now())
            guard case .own(var permit) = unsafe owner.startFill(hash: hash, key: key.span.bytes),
                case .join(let ticket) = unsafe reader.startFill(hash: hash, key: key.span.bytes)
            else { throw Failure() }
            let head = Array("header".utf8)
            let noTags: [UInt64] = []
            #expect(
                unsafe permit.setHead(
                    head.span.bytes, attributes: attributes, tags: noTags.span, expectedBodyLength: nil) == .accepted)
            #expect(unsafe permit.append(body.span.bytes) == .accepted)
            permit.complete()
            #expect(Self.stored(by: ticket, reader, region) == nil, "not yet")
            while permit.finish(budgetBytes: 65536) == .again {}
            #expect(Self.stored(by: ticket, reader, region) == body)
            // The same bytes stored once more are another object.
            #expect(owner.store(region, key, body, refreshing: true) == .committed)
            #expect(Self.stored(by: ticket, reader, region) == nil, "replaced")
            #expect(ticket.readAll() == body, "the fill itself stays")
            owner.endTurn()
            reader.endTurn()
        }
    }

    private static func stored(
        by ticket: borrowing FillTicket, _ lane: borrowing Lane, _ region: borrowing CacheRegion
    ) -> [UInt8]? {
        guard let view = lane.stored(by: ticket) else { return nil }
        return view.wholeBody(chunkSize: region.chunkSizeBytes)
    }

    /// A cold start: hundreds of objects are fetched at once, and each of them once.
    @Test func manyFillsRunAtOnce() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20))
        let owner = try region.attachLane(0)
        let reader = try region.attachLane(1)
        let count = region.map.fillCount * 2 / 5
        var permits = InlineArray<512, FillPermit?> { _ in nil }
        try #require(count <= 512)
        var refused = 0
        for n in 0..<count {
            let key = Sample.key(n)
            switch unsafe owner.startFill(hash: region.hash(key: key.span.bytes), key: key.span.bytes) {
            case .own(let permit): permits[n] = consume permit
            default: refused += 1
            }
        }
        #expect(refused == 0, "of \(count)")
        var alone = 0
        for n in 0..<count {
            let key = Sample.key(n)
            switch unsafe reader.startFill(hash: region.hash(key: key.span.bytes), key: key.span.bytes) {
            case .join: break
            default: alone += 1
            }
        }
        #expect(alone == 0, "of \(count)")
        for n in 0..<count { permits[n] = nil }
        #expect(region.checkInvariants() == [])
    }

    /// The owner's client goes on from the origin where the fill ends: no byte of a declined piece is in it.
    @Test func aDeclinedPieceIsNotReadableInPart() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var owner = try region.attachLane(0)
        var reader = try region.attachLane(1)
        let piece = Sample.body(1, 70_001)
        let noTags: [UInt64] = []
        var permits = InlineArray<16, FillPermit?> { _ in nil }
        var partly = 0
        owner.beginTurn(now: region.now())
        reader.beginTurn(now: region.now())
        for n in 0..<16 {
            let key = Sample.key(n)
            let hash = unsafe region.hash(key: key.span.bytes)
            guard case .own(var permit) = unsafe owner.startFill(hash: hash, key: key.span.bytes),
                case .join(let ticket) = unsafe reader.startFill(hash: hash, key: key.span.bytes)
            else { throw Failure() }
            let taken = unsafe permit.setHead(
                [UInt8(1)].span.bytes, attributes: attributes, tags: noTags.span, expectedBodyLength: nil)
            guard taken == .accepted else { continue }
            for count in 0..<10 {
                let outcome = unsafe permit.append(piece.span.bytes)
                if outcome == .accepted { continue }
                #expect(outcome == .declined(.noSpace))
                #expect(ticket.bytesReady == count * piece.count)
                partly += 1
                break
            }
            permits[n] = consume permit
        }
        #expect(partly > 0, "no piece was declined")
        for n in 0..<16 { permits[n] = nil }
        owner.endTurn()
        reader.endTurn()
        #expect(region.checkInvariants() == [])
    }

    @Test func whoMayWaitIsAskedToOfferTheSameBytesAgain() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        for n in 0..<400 {
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Sample.body(n, 10_000))
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        // All in one turn: what is evicted for it is free only when the turn is over.
        let (body, key, noTags) = (Sample.body(7, 900_000), Sample.key(9999), [UInt64]())
        let hash = unsafe region.hash(key: key.span.bytes)
        lane.beginTurn(now: region.now())
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes) else { throw Failure() }
        let head = unsafe permit.setHead(
            [UInt8(1)].span.bytes, attributes: attributes, tags: noTags.span, expectedBodyLength: nil)
        #expect(head == .accepted)
        var (done, waits) = (0, 0)
        while done < body.count, waits < 100 {
            let end = min(body.count, done + 50_000)
            switch unsafe permit.append(body.span.bytes.extracting(done..<end), mayWait: true) {
            case .accepted: done = end
            case .full:
                #expect(permit.bytesReady == done)
                waits += 1
                lane.endTurn()
                lane.maintain(now: region.now())
                lane.beginTurn(now: region.now())
            case .declined(let reason):
                Issue.record("declined: \(reason)")
                return
            }
        }
        #expect(done == body.count && waits > 0, "\(done) bytes after \(waits) waits")
        var outcome = permit.finish(budgetBytes: .max)
        while outcome == .again { outcome = permit.finish(budgetBytes: .max) }
        #expect(outcome == .committed)
        let stored = lane.fetch(region, key)
        #expect(stored == body)
        lane.endTurn()
        #expect(region.checkInvariants() == [])
    }

    @Test func aDroppedPermitFailsItsReaders() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var owner = try region.attachLane(0)
        var reader = try region.attachLane(1)
        owner.beginTurn(now: region.now())
        reader.beginTurn(now: region.now())
        let key = Sample.key(1)
        let hash = unsafe region.hash(key: key.span.bytes)
        let ticket = try drop(&owner, &reader, hash, key)
        #expect(ticket.phase == .failed(.abandoned))
        owner.endTurn()
        reader.endTurn()
    }

    private func drop(_ owner: inout Lane, _ reader: inout Lane, _ hash: UInt64, _ key: [UInt8]) throws -> FillTicket {
        guard case .own(let permit) = unsafe owner.startFill(hash: hash, key: key.span.bytes),
            case .join(let ticket) = unsafe reader.startFill(hash: hash, key: key.span.bytes)
        else { throw Failure() }
        _ = consume permit
        return ticket
    }

    /// A fill with a head, a tag and a body of four bytes, to be finished.
    private func filled(_ lane: borrowing Lane, _ hash: UInt64, _ key: [UInt8], tag: UInt64) throws -> FillPermit {
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes) else { throw Failure() }
        let (tags, bytes) = ([tag], [1, 2, 3, 4] as [UInt8])
        #expect(
            unsafe permit.setHead(bytes.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: 4)
                == .accepted)
        #expect(unsafe permit.append(bytes.span.bytes) == .accepted)
        return permit
    }

    /// Purges in one of four ways that all cover the key.
    private func purge(
        _ lane: borrowing Lane, _ hash: UInt64, _ key: [UInt8], tag: UInt64, kind: Int, soft: Bool = false
    ) {
        switch kind {
        case 0: unsafe lane.purge(hash: hash, key: key.span.bytes, soft: soft)
        case 1: lane.purge(tag: tag, soft: soft)
        case 2:
            unsafe lane.purge(
                keyHead: key.span.bytes.extracting(0..<6), prefix: key.span.bytes.extracting(7..<12), at: 7, soft: soft)
        default: lane.purgeEverything(soft: soft)
        }
    }

    @Test func aPurgeDuringTheFillForbidsTheCommit() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        let tag: UInt64 = 0xabcdef
        for kind in 0..<4 {
            lane.beginTurn(now: region.now())
            let key = Sample.key(kind)
            let hash = unsafe region.hash(key: key.span.bytes)
            var permit = try filled(lane, hash, key, tag: tag)
            purge(lane, hash, key, tag: tag, kind: kind)
            #expect(permit.finish(budgetBytes: .max) == .rejected(.purged), "\(kind)")
            #expect(lane.fetch(region, key) == nil)
            lane.endTurn()
        }
        #expect(region.checkInvariants() == [])
    }

    /// A fill that a purge has overtaken ends after a later one of the same key: what the later one stored stays, and
    /// so it does with a soft purge, after which the first one's answer would be stale.
    @Test func anOvertakenFillLeavesTheLaterObject() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        for kind in 0..<8 {
            lane.beginTurn(now: region.now())
            let key = Sample.key(kind)
            let hash = unsafe region.hash(key: key.span.bytes)
            var permit = try filled(lane, hash, key, tag: 77)
            purge(lane, hash, key, tag: 77, kind: kind % 4, soft: kind >= 4)
            #expect(lane.store(region, key, [9]) == .committed, "\(kind)")
            #expect(permit.finish(budgetBytes: .max) == .rejected(.purged), "\(kind)")
            #expect(lane.fetch(region, key) == [9], "\(kind)")
            lane.endTurn()
        }
        #expect(region.checkInvariants() == [])
    }

    @Test func purgesReachStoredObjects() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        for n in 0..<8 { lane.store(region, Sample.key(n), [1], tags: [UInt64(n)]) }
        let first = unsafe region.hash(key: Sample.key(0).span.bytes)
        #expect(unsafe lane.purge(hash: first, key: Sample.key(0).span.bytes))
        #expect(lane.fetch(region, Sample.key(0)) == nil)
        lane.purge(tag: 1)
        #expect(lane.fetch(region, Sample.key(1)) == nil)
        lane.purge(tag: 2, soft: true)
        let key = Sample.key(2)
        let hash = unsafe region.hash(key: key.span.bytes)
        if let view = unsafe lane.lookup(hash: hash, key: key.span.bytes) {
            let isSoft = view.isSoftlyPurged
            #expect(isSoft)
        } else {
            Issue.record("gone")
        }
        let prefix = Sample.key(3)
        unsafe lane.purge(
            keyHead: prefix.span.bytes.extracting(0..<7), prefix: prefix.span.bytes.extracting(7..<prefix.count), at: 7)
        #expect(lane.fetch(region, Sample.key(3)) == nil)
        #expect(lane.fetch(region, Sample.key(4)) != nil)
        lane.purgeEverything()
        #expect(lane.fetch(region, Sample.key(4)) == nil)
        lane.store(region, Sample.key(4), [2])
        #expect(lane.fetch(region, Sample.key(4)) == [2])
        lane.endTurn()
    }

    /// What is purged softly is there and says so; an object that carries the key's hash as a tag goes with the key,
    /// and what is stored afterwards is fresh again.
    @Test func softPurgesOfKeysAndPrefixes() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 4 << 20))
        var lane = try region.attachLane(0)
        func isSoft(_ n: Int) -> Bool? {
            let key = Sample.key(n)
            return unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes)?.isSoftlyPurged
        }
        func purgePrefix(_ key: [UInt8], soft: Bool) -> Bool {
            unsafe lane.purge(
                keyHead: key.span.bytes.extracting(0..<7), prefix: key.span.bytes.extracting(7..<key.count), at: 7,
                soft: soft)
        }
        lane.beginTurn(now: region.now())
        let first = Sample.key(1)
        let hash = unsafe region.hash(key: first.span.bytes)
        for n in 1..<8 { lane.store(region, Sample.key(n), [1], tags: n == 2 ? [hash] : []) }
        let wasStored = unsafe lane.purge(hash: hash, key: first.span.bytes, soft: true)
        let missing = Sample.key(99)
        let wasMissing = unsafe lane.purge(
            hash: region.hash(key: missing.span.bytes), key: missing.span.bytes, soft: true)
        #expect(wasStored && !wasMissing)
        #expect([isSoft(1), isSoft(2), isSoft(3)] == [true, true, false])
        _ = purgePrefix(Sample.key(4), soft: true)
        #expect([isSoft(4), isSoft(5)] == [true, false])
        lane.store(region, Sample.key(4), [2], refreshing: true)
        #expect(isSoft(4) == false)
        // A hard one over a soft one, and the other way round.
        _ = purgePrefix(Sample.key(5), soft: true)
        _ = purgePrefix(Sample.key(5), soft: false)
        #expect(isSoft(5) == nil)
        // The ring is overwritten: what was soft makes everything of before stale, and nothing gone.
        for n in 5...6 { lane.store(region, Sample.key(n), [2], refreshing: true) }
        _ = purgePrefix(Sample.key(6), soft: true)
        lane.store(region, Sample.key(8), [2])
        var overwritten = false
        for n in 0..<260 { overwritten = purgePrefix(Sample.key(1000 + n), soft: true) || overwritten }
        #expect(overwritten && isSoft(6) == true && isSoft(7) == nil && isSoft(5) == true)
        #expect(isSoft(8) == true, "older than some that were overwritten")
        lane.endTurn()
    }

    @Test func aConfirmedObjectKeepsItsBody() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 32 << 20))
        var lane = try region.attachLane(0)
        for (n, size) in [0, 50, 3000, 200_000, 1_500_000].enumerated() {
            for compressible in [false, true] {
                lane.beginTurn(now: region.now())
                let key = Sample.key(n)
                let body = Sample.body(n, size, compressible: compressible)
                #expect(lane.store(region, key, body, refreshing: true) == .committed)
                try confirm(region, lane, key, body)
                lane.endTurn()
                lane.maintain(now: region.now())
            }
        }
        #expect(region.checkInvariants() == [])
    }

    private func confirm(_ region: borrowing CacheRegion, _ lane: borrowing Lane, _ key: [UInt8], _ body: [UInt8])
        throws
    {
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes, refreshing: true),
            let view = unsafe lane.lookup(hash: hash, key: key.span.bytes)
        else { throw Failure() }
        let (header, tags) = ([9, 9] as [UInt8], [] as [UInt64])
        let outcome = unsafe permit.freshen(
            view, header: header.span.bytes, attributes: ItemAttributes(storedSeconds: 77), tags: tags.span)
        #expect(outcome == .committed)
        let isSame = lane.fetch(region, key) == body
        #expect(isSame, "\(body.count)")
        if let view = unsafe lane.lookup(hash: hash, key: key.span.bytes) {
            let (stored, length) = (view.attributes.storedSeconds, view.header.byteCount)
            #expect(stored == 77 && length == 2)
        }
    }
}

struct Failure: Error {}
