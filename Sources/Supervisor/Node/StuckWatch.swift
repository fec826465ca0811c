// Which workers stand still: in the middle of a loop turn, where they also keep what they may be reading from being
// used again, or between two turns, where they serve nobody either. A worker that is at rest still turns its loop once
// a second, so a count of turns that stands says it. Pure: it is shown samples and says whom to end.
import ShmCache

struct StuckWatch {
    static let intervalMilliseconds: Milliseconds = 500
    /// So many regular samples without a change: five seconds in the middle of a turn, ten between two.
    static let samplesInTurn = 10
    static let samplesAtRest = 20
    /// A minute, for the janitor, which turns its loop every five seconds: what it reads is kept from being used again
    /// as well, but nobody waits for it.
    static let samplesOfJanitor = 120

    /// One lane, as it is now.
    struct Sample {
        var state: LaneState
        /// Whether its process has promised to turn its loop also when there is nothing to do.
        var beats: Bool
        /// What it does in one turn may take longer, and so may its rests.
        var samplesInTurn = StuckWatch.samplesInTurn
        var samplesAtRest = StuckWatch.samplesAtRest
    }

    struct Stuck: Equatable {
        var pid: Int32
        var text: String
    }

    private struct Sight {
        var pid: Int32
        var turn: UInt64
        var count = 0
    }

    private var sights: [Int: Sight] = [:]
    private var lastAt: Milliseconds?

    /// When the next sample is due.
    var nextAt: Milliseconds { lastAt.map { $0 + Self.intervalMilliseconds } ?? 0 }

    /// Takes a sample of some lanes; gives the processes that are stuck. After a gap nothing is known: it may have been
    /// this process, the whole node or the whole machine that stood still.
    mutating func look(_ lanes: [Int: Sample], now: Milliseconds) -> [Stuck] {
        if let lastAt, now - lastAt > 2 * Self.intervalMilliseconds { sights = [:] }
        lastAt = now
        var stuck: [Stuck] = []
        for (lane, sample) in lanes {
            guard case .live(let pid, let turn, let inTurn) = sample.state, inTurn || sample.beats else {
                sights[lane] = nil
                continue
            }
            guard var sight = sights[lane], sight.pid == pid, sight.turn == turn else {
                sights[lane] = Sight(pid: pid, turn: turn)
                continue
            }
            sight.count += 1
            sights[lane] = sight
            let limit = inTurn ? sample.samplesInTurn : sample.samplesAtRest
            guard sight.count >= limit else { continue }
            sights[lane] = nil
            let seconds = Milliseconds(limit) * Self.intervalMilliseconds / 1_000
            let text =
                inTurn
                ? "has stood still for \(seconds) s in the middle of its work"
                : "has given no sign of life for \(seconds) s"
            stuck.append(Stuck(pid: pid, text: text))
        }
        sights = sights.filter { lanes[$0.key] != nil }
        return stuck
    }
}
