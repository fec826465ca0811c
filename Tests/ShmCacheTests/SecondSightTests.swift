// A large object that would push others out is stored when it is asked for again.
import Testing

@testable import ShmCache

@Suite struct SecondSightTests {
    private static let large = 22 * 50_000

    private func fillUp(_ region: borrowing CacheRegion, _ lane: inout Lane) {
        for n in 0..<700 {
            lane.beginTurn(now: region.now())
            lane.store(region, Sample.key(n), Sample.body(n, 50_000))
            lane.endTurn()
            lane.maintain(now: region.now())
        }
    }

    /// A fetch as it comes over a network, with turns in between. How many pieces of 50,000 bytes were taken, and what
    /// came of it.
    private func fetch(
        _ region: borrowing CacheRegion, _ lane: inout Lane, _ n: Int, pieces: Int, isLengthKnown: Bool = true
    ) -> (pieces: Int, outcome: FinishOutcome?) {
        let (key, body) = (Sample.key(n), Sample.body(n, pieces * 50_000))
        for _ in 0..<4 { lane.maintain(now: region.now(), maximumSegments: 50) }
        lane.beginTurn(now: region.now())
        defer { lane.endTurn() }
        let start = unsafe lane.startFill(
            hash: region.hash(key: key.span.bytes), key: key.span.bytes, refreshing: true)
        guard case .own(var permit) = start else { return (0, nil) }
        let taken = unsafe permit.setHead(
            [UInt8(1)].span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: [UInt64]().span,
            expectedBodyLength: isLengthKnown ? body.count : nil)
        guard taken == .accepted else { return (0, nil) }
        for piece in 0..<pieces {
            lane.endTurn()
            lane.maintain(now: region.now(), maximumSegments: 8)
            lane.beginTurn(now: region.now())
            let bytes = unsafe body.span.bytes.extracting(piece * 50_000..<(piece + 1) * 50_000)
            guard permit.append(bytes) == .accepted else { return (piece, nil) }
        }
        while true {
            let outcome = permit.finish(budgetBytes: 1 << 16)
            guard outcome == .again else { return (pieces, outcome) }
        }
    }

    @Test func aFullCacheTakesALargeObjectTheSecondTime() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        // There is room: at once.
        #expect(fetch(region, &lane, 9000, pieces: 22).outcome == .committed)
        fillUp(region, &lane)
        var outcomes: [FinishOutcome?] = []
        for n in [9001, 9001, 9002, 9001, 9002] {
            let outcome = fetch(region, &lane, n, pieces: 22).outcome
            outcomes.append(outcome)
        }
        // The second is stored, and what is stored is replaced without another sight.
        #expect(outcomes == [nil, .committed, nil, .committed, .committed])
        // Up to 1 MiB nothing is asked.
        #expect(fetch(region, &lane, 9003, pieces: 20).outcome == .committed)
        lane.beginTurn(now: region.now())
        let isSame = lane.fetch(region, Sample.key(9002)) == Sample.body(9002, 22 * 50_000)
        #expect(isSame)
        lane.endTurn()
        #expect(region.checkInvariants() == [])
    }

    @Test func whatOthersWaitForIsStoredAtOnce() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        var other = try region.attachLane(1)
        fillUp(region, &lane)
        lane.beginTurn(now: region.now())
        other.beginTurn(now: region.now())
        let key = Sample.key(9001)
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes),
            case .join(let ticket) = unsafe other.startFill(hash: hash, key: key.span.bytes)
        else {
            Issue.record("no fill")
            return
        }
        let outcome = unsafe permit.setHead(
            [UInt8(1)].span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: [UInt64]().span,
            expectedBodyLength: Self.large)
        #expect(outcome == .accepted)
        _ = consume ticket
        permit.fail(.originFailed)
        lane.endTurn()
        other.endTurn()
    }

    @Test func aBodyOfUnknownLengthIsAskedWhenItBecomesLarge() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20, laneCount: 4))
        var lane = try region.attachLane(0)
        fillUp(region, &lane)
        let first = fetch(region, &lane, 9001, pieces: 22, isLengthKnown: false)
        let second = fetch(region, &lane, 9001, pieces: 22, isLengthKnown: false)
        #expect(first.pieces == 20 && first.outcome == nil)
        #expect(second.pieces == 22 && second.outcome == .committed)
    }
}
