// Which workers stand still in the middle of a loop turn: they serve nobody, and as long as they hold their epoch
// nothing that they may be reading can be used again. Pure: it is shown samples and says whom to end.
import ShmCache

struct StuckWatch {
    static let intervalMilliseconds: Milliseconds = 500
    /// So many regular samples without a change: five seconds.
    static let samples = 10

    private struct Sight {
        var pid: Int32
        var turn: UInt64
        var count: Int
    }

    private var sights: [Int: Sight] = [:]
    private var lastAt: Milliseconds?

    /// When the next sample is due.
    var nextAt: Milliseconds { lastAt.map { $0 + Self.intervalMilliseconds } ?? 0 }

    /// Takes a sample of some lanes; gives the processes that are stuck. After a gap nothing is known: it may have been
    /// this process, or the whole machine, that stood still.
    mutating func look(_ lanes: [Int: LaneState], now: Milliseconds) -> [Int32] {
        if let lastAt, now - lastAt > 2 * Self.intervalMilliseconds { sights = [:] }
        lastAt = now
        var stuck: [Int32] = []
        for (lane, state) in lanes {
            guard case .live(let pid, let turn, inTurn: true) = state else {
                sights[lane] = nil
                continue
            }
            var sight = sights[lane] ?? Sight(pid: pid, turn: turn, count: -1)
            if sight.pid != pid || sight.turn != turn { sight = Sight(pid: pid, turn: turn, count: -1) }
            sight.count += 1
            if sight.count >= Self.samples {
                stuck.append(pid)
                sights[lane] = nil
            } else {
                sights[lane] = sight
            }
        }
        sights = sights.filter { lanes[$0.key] != nil }
        return stuck
    }
}
