// What must hold after a death at any instruction: looks at a copy of the region as the death leaves it.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

/// Which rank each watched key was last found with. Ranks may only follow each other as a scenario says.
struct Tracker {
    private var keys: [StopScenario.Watched]
    private var positions: [Int]

    /// Keys of a crowd that are not stored from the beginning are not watched.
    init(_ keys: [StopScenario.Watched], start: [Int?]) {
        self.keys = zip(keys, start).filter { $0.key < StopScenario.crowdBegins || $1 != 0 }.map { $0.0 }
        positions = [Int](repeating: 0, count: self.keys.count)
    }

    var watched: [Int] { keys.map(\.key) }

    mutating func note(_ ranks: [Int?]) -> [String] {
        var problems: [String] = []
        for (i, rank) in ranks.enumerated() {
            guard let rank else {
                problems.append("key \(keys[i].key): a wrong or missing byte")
                continue
            }
            if let position = keys[i].ranks[positions[i]...].firstIndex(of: rank) {
                positions[i] = position
            } else {
                problems.append("key \(keys[i].key): rank \(rank) after \(keys[i].ranks[positions[i]])")
            }
        }
        return problems
    }

    /// Keys that are not what they should be when all is done.
    var unfinished: [String] {
        zip(keys, positions).filter { $0.key < StopScenario.crowdBegins && $1 != $0.ranks.count - 1 }
            .map { "key \($0.key): rank \($0.ranks[$1]) in the end" }
    }

    /// Nothing may change any more.
    var frozen: [StopScenario.Watched] {
        zip(keys, positions).map { StopScenario.Watched($0.key, [$0.ranks[$1]]) }
    }
}

extension StopScenario {
    static let crowdBegins = 100
}

/// Lets a survivor loose on a region that a process died in.
struct Examiner {
    /// The region; everything is done to it itself.
    let stage: Stage
    let targets: [Int]
    let isTight: Bool
    /// Whether somebody recovers the dead lanes first, or whoever comes across them does.
    let recoversFirst: Bool

    static func ranks(_ stage: Stage, _ keys: [Int]) throws -> [Int?] {
        var lane = try stage.region.attachLane(Stage.examiner)
        lane.beginTurn(now: stage.region.now())
        let found = keys.map { stage.rank($0, lane) }
        lane.endTurn()
        return found
    }

    func examine(_ tracker: inout Tracker) throws -> [String] {
        let keys = tracker.watched
        // Readers do not wait for anybody's recovery.
        let before = try Examiner.ranks(stage, keys)
        var problems = tracker.note(before)
        if recoversFirst { stage.region.recoverDeadLanes() }
        var lane = try stage.region.attachLane(Stage.examiner)
        lane.beginTurn(now: stage.region.now())
        if recoversFirst, keys.map({ stage.rank($0, lane) }) != before { problems.append("recovery changed an object") }
        for key in targets { problems += goOn(key, lane) }
        lane.endTurn()
        _ = consume lane
        // In the end everybody is dead, and nothing may be left over.
        stage.region.noteDeath(ofThread: getpid())
        problems += try Storm.settle(stage.region, with: Stage.lanes - 1)
        return problems
    }

    /// A survivor fetches the object anew, or goes on with the dead process's fill, and then purges it.
    private func goOn(_ key: Int, _ lane: borrowing Lane) -> [String] {
        var problems: [String] = []
        for attempt in 0..<2 {
            let outcome = fetch(key, lane)
            if outcome == nil { break }
            if attempt == 1 || recoversFirst {
                if !isTight, let outcome { problems.append("key \(key): \(outcome)") }
            } else {
                stage.region.recoverDeadLanes()
            }
        }
        stage.purge(key, lane)
        if stage.rank(key, lane) != 0 { problems.append("key \(key) survives its purge") }
        return problems
    }

    /// Nil when all is well.
    private func fetch(_ key: Int, _ lane: borrowing Lane) -> String? {
        let bytes = Content.keyBytes(key)
        let fresh = Content.ranked(key, 9, 400..<900)
        let hash = stage.hash(key)
        switch unsafe lane.startFill(hash: hash, key: bytes.span.bytes, refreshing: true) {
        case .own(var permit):
            return verdict(stage.finish(&permit, fresh), key, rank: 9, lane)
        case .join(let ticket):
            let expected = Content(key: key, header: ticket.header)
            if let expected, !holds(ticket, expected) { return "wrong bytes of a fill left behind" }
            if ticket.phase == .complete { return ticket.bytesReady == expected?.length ? nil : "not whole" }
            guard ticket.phase == .orphaned else { return "a fill that is \(ticket.phase)" }
            guard var permit = ticket.takeOver() else { return "the fill cannot be taken over" }
            return verdict(stage.finish(&permit, expected ?? fresh), key, rank: expected?.rank ?? 9, lane)
        case .appeared: return "appeared"
        case .retryNextTurn: return "claimed by the dead"
        case .unavailable: return "no room for a fill"
        }
    }

    private func verdict(_ outcome: FinishOutcome?, _ key: Int, rank: Int, _ lane: borrowing Lane) -> String? {
        guard outcome == .committed else { return "not stored: \(outcome.map { "\($0)" } ?? "declined")" }
        let found = stage.rank(key, lane)
        return found == rank ? nil : "stored rank \(rank), found \(found.map { "\($0)" } ?? "wrong bytes")"
    }

    private func holds(_ ticket: borrowing FillTicket, _ content: Content) -> Bool {
        var done = 0
        while done < ticket.bytesReady {
            let span = ticket.read(at: done)
            guard span.byteCount > 0, content.matches(span, at: done, stage.library) else { return false }
            done += span.byteCount
        }
        return true
    }
}
