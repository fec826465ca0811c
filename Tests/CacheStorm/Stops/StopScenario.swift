// What the exhaustive test does while it is stopped at every write: one scenario per kind of change.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

struct StopScenario {
    /// Runs in the child: prepares itself, calls its argument, then does what is examined.
    typealias Play = (Stage, () -> Void) throws -> Void

    /// A key and the ranks that may be found under it, in the order in which they may follow each other.
    struct Watched {
        var key: Int
        var ranks: [Int]

        init(_ key: Int, _ ranks: [Int]) {
            self.key = key
            self.ranks = ranks
        }
    }

    let name: String
    var options = RegionOptions(sizeBytes: 1 << 20, averageObjectBytes: 2048)
    var watched: [Watched]
    /// Keys that survivors fetch anew and purge at every stop.
    var targets: [Int] = []
    /// Nearly full: survivors may have to serve uncached.
    var isTight = false
    /// Phases that the scenario is there for.
    var phases: [LanePhase] = []
    var prepare: (Stage) throws -> Void = { $0.store(StopScenario.others) }
    let play: Play

    /// Objects that nothing in a scenario concerns.
    static let others = (20..<24).map { Content.ranked($0, 1, 400..<900, compressible: $0 % 2 == 0) }
    static let untouched = others.map { Watched($0.key, [1]) }

    /// Something that a lane does, after something that is not examined.
    static func lane(
        after before: @escaping (Stage, inout Lane) -> Void = { _, _ in }, _ work: @escaping (Stage, inout Lane) -> Void
    ) -> Play {
        { stage, offer in
            var lane = try stage.region.attachLane(Stage.victim)
            before(stage, &lane)
            offer()
            // Giving the lane back is examined too.
            work(stage, &lane)
        }
    }

    /// Something that a lane does in one turn, and what follows between turns.
    static func turn(_ work: @escaping (Stage, borrowing Lane) -> Void) -> Play {
        lane { stage, lane in
            lane.beginTurn(now: stage.region.now())
            work(stage, lane)
            lane.endTurn()
            lane.maintain(now: stage.region.now())
        }
    }

    static var all: [StopScenario] { fills + takeovers + changes + purges + room }
}

// Fills.
extension StopScenario {
    static let small = 400..<900
    static let chunked = 6000..<12_000
    static let large = 30_000..<60_000

    static var fills: [StopScenario] {
        [
            storing("insert", was: nil, small), storing("insert compressed", was: nil, 2000..<3000, compressible: true),
            storing("insert in chunks", was: nil, chunked, compressible: true),
            storing("insert large", was: nil, large),
            storing("insert large compressed", was: nil, 13_000..<20_000, compressible: true),
            storing("replace", was: small, small), storing("replace large", was: large, large),
            confirming("freshen", small), confirming("freshen large", large), streaming, givingUp, marking,
        ]
    }

    private static func storing(_ name: String, was: Range<Int>?, _ lengths: Range<Int>, compressible: Bool = false)
        -> StopScenario
    {
        StopScenario(
            name: name, watched: [Watched(1, was == nil ? [0, 2] : [1, 0, 2])] + untouched, targets: [1],
            phases: [.startFill, .append, .commit],
            prepare: { stage in
                stage.store(others)
                if let was { stage.store([Content.ranked(1, 1, was)]) }
            },
            play: turn { stage, lane in
                stage.store(Content.ranked(1, 2, lengths, compressible: compressible), lane)
            })
    }

    private static func confirming(_ name: String, _ lengths: Range<Int>) -> StopScenario {
        StopScenario(
            name: name, watched: [Watched(1, [1, 0, 2])] + untouched, targets: [1], phases: [.commit],
            prepare: { $0.store(others + [Content.ranked(1, 1, lengths)]) },
            play: turn { stage, lane in stage.confirm(1, rank: 2, lane) })
    }

    /// In pieces, with a reader in the same process, over several turns.
    private static var streaming: StopScenario {
        StopScenario(
            name: "fill", watched: [Watched(1, [0, 2])] + untouched, targets: [1], phases: [.append, .commit],
            play: lane { stage, lane in
                let content = Content.ranked(1, 2, 9000..<20_000)
                lane.beginTurn(now: stage.region.now())
                guard var permit = stage.start(1, lane) else { return }
                let ticket = permit.ticket()
                _ = stage.finish(&permit, content, piece: 5000)
                lane.endTurn()
                lane.beginTurn(now: stage.region.now())
                _ = consume ticket
                lane.endTurn()
            })
    }

    private static var givingUp: StopScenario {
        StopScenario(
            name: "give up", watched: [Watched(1, [1])] + untouched, targets: [1], phases: [.releaseFill],
            prepare: { $0.store(others + [Content.ranked(1, 1, small)]) },
            play: turn { stage, lane in
                if let permit = stage.start(1, lane) { permit.fail(.originFailed) }
                if var permit = stage.start(1, lane) { _ = stage.setHead(&permit, Content.ranked(1, 2, small)) }
            })
    }

    private static var marking: StopScenario {
        StopScenario(
            name: "note not to collapse", watched: [Watched(1, [0, Content.markerRank])] + untouched, targets: [1],
            phases: [.commit],
            play: turn { stage, lane in
                if let permit = stage.start(1, lane) { permit.fail(.pass, markerSeconds: 60) }
            })
    }
}

// Going on with what a dead process began, with a reader in a third one.
extension StopScenario {
    static var takeovers: [StopScenario] {
        [
            takingOver("take over before the head", head: false, bytes: 0),
            takingOver("take over in the body", head: true, bytes: 5000),
            takingOver("take over at the end", head: true, bytes: .max),
        ]
    }

    private static func takingOver(_ name: String, head: Bool, bytes: Int) -> StopScenario {
        let content = Content.ranked(1, 2, 9000..<20_000)
        return StopScenario(
            name: name, watched: [Watched(1, [0, 2])] + untouched, targets: [1],
            phases: [.takeover, .commit, .releaseFill],
            prepare: { stage in
                stage.store(others)
                stage.die { stage, lane in
                    guard var permit = stage.start(1, lane) else { Storm.fail("no fill to leave behind") }
                    if head { _ = stage.setHead(&permit, content) }
                    let (part, library) = (min(bytes, content.length), stage.library)
                    if part > 0 { _ = permit.append(content.run(0..<part, library)) }
                    if bytes == .max { permit.complete() }
                    Glibc.kill(getpid(), SIGKILL)
                    // Dies with the permit in its hands.
                    _ = permit.bytesReady
                }
                stage.turn { lane in stage.ticket = stage.join(1, lane) }
            },
            play: turn { stage, lane in
                guard let ticket = stage.join(1, lane) else { Storm.fail("no fill to take over") }
                // What is whole already is read to its end; nobody has to store it.
                guard var permit = ticket.takeOver() else { Storm.fail("not taken over") }
                _ = stage.finish(&permit, content)
            })
    }
}

// Reading, and changes of what is stored.
extension StopScenario {
    static var changes: [StopScenario] {
        [
            StopScenario(
                name: "read and join", watched: [Watched(1, [1]), Watched(2, [1])] + untouched, targets: [2],
                prepare: { stage in
                    stage.store(others + [Content.ranked(1, 1, large), Content.ranked(2, 1, small)])
                    stage.turn { lane in
                        guard var permit = stage.start(7, lane) else { return }
                        let (content, library) = (Content.ranked(7, 2, chunked), stage.library)
                        _ = stage.setHead(&permit, content)
                        _ = permit.append(content.run(0..<3000, library))
                        stage.permit = consume permit
                    }
                },
                play: turn { stage, lane in
                    stage.holdOn(1, lane)
                    _ = stage.join(7, lane)
                }),
            StopScenario(
                name: "keep raw", watched: [Watched(1, [1])] + untouched, targets: [1], phases: [.relocate],
                prepare: { $0.store(others + [Content.ranked(1, 1, 2000..<3000, compressible: true)]) },
                play: turn { stage, lane in
                    let bytes = Content.keyBytes(1)
                    _ = unsafe lane.keepRawCopy(hash: stage.hash(1), key: bytes.span.bytes)
                }),
        ]
    }
}

extension Stage {
    func start(_ key: Int, _ lane: borrowing Lane) -> FillPermit? {
        let bytes = Content.keyBytes(key)
        switch unsafe lane.startFill(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes, refreshing: true)
        {
        case .own(let permit): return permit
        default: return nil
        }
    }

    func join(_ key: Int, _ lane: borrowing Lane) -> FillTicket? {
        let bytes = Content.keyBytes(key)
        switch unsafe lane.startFill(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes, refreshing: true)
        {
        case .join(let ticket): return ticket
        default: return nil
        }
    }

    /// Confirms what is stored.
    @discardableResult
    func confirm(_ key: Int, rank: Int, _ lane: borrowing Lane) -> FinishOutcome? {
        guard var permit = start(key, lane) else { return nil }
        return confirm(&permit, key, rank: rank, lane)
    }

    func confirm(_ permit: inout FillPermit, _ key: Int, rank: Int, _ lane: borrowing Lane) -> FinishOutcome? {
        let bytes = Content.keyBytes(key)
        guard let view = unsafe lane.lookup(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes),
            var content = Content(key: key, header: view.header)
        else { return nil }
        content.confirmed = UInt64(rank) << 32
        let (header, tags) = (content.header, [UInt64(key % Purgeable.tags)])
        return unsafe permit.freshen(
            view, header: header.span.bytes, attributes: ItemAttributes(storedSeconds: 2), tags: tags.span)
    }

    /// Reads an object with a pin, as a slow client does.
    func holdOn(_ key: Int, _ lane: borrowing Lane) {
        let bytes = Content.keyBytes(key)
        guard let view = unsafe lane.lookup(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes),
            var pin = lane.pin(view)
        else { return }
        for offset in stride(from: 0, to: view.bodyLength, by: 9000) { lane.advance(&pin, to: offset) }
        lane.unpin(pin)
    }

    /// Lets another process do something and die of it.
    func die(_ work: (Stage, borrowing Lane) -> Void) {
        let pid = cl_fork()
        if pid == 0 {
            do {
                var lane = try region.attachLane(Stage.dead)
                lane.beginTurn(now: region.now())
                work(self, lane)
                Storm.fail("it should have died")
            } catch { Storm.fail("\(error)") }
        }
        let status = cl_wait(pid)
        if status & 0x7f != SIGKILL { Storm.fail("it ended with status \(status)") }
    }
}
