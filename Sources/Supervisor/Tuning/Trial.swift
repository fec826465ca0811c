// What one setting did while traffic flowed, and which setting to recommend. Pure: who measures is TuneCommand.

/// A worker count and a backend of the event loop.
struct TuneSetting: Equatable, Hashable, Sendable {
    var workers: Int
    /// As `--io` names it.
    var io: String
}

/// A measurement of one setting.
struct Trial: Equatable, Sendable {
    var setting: TuneSetting
    var seconds: Double
    /// Requests that the node answered meanwhile.
    var requests: UInt64
    /// Processor time of all workers together.
    var cpuSeconds: Double
    /// Of self-made requests only, in microseconds; nil under live traffic.
    var p50: Double?
    var p99: Double?

    var requestsPerSecond: Double { Double(requests) / seconds }
    var cpuMicrosecondsPerRequest: Double { requests > 0 ? cpuSeconds * 1e6 / Double(requests) : 0 }
    /// How busy the workers were, each a share of one CPU.
    var busyShare: Double { cpuSeconds / seconds / Double(max(setting.workers, 1)) }
}

enum Recommendation {
    /// Settings that differ by less are equal; then fewer workers, and the backend that was tried first, win.
    static let tolerance = 0.05
    /// Workers that are busier than this under live traffic have no room for a peak.
    static let busyLimit = 0.7

    /// Under self-made traffic the one with the most requests per second; under live traffic, which is as much as it
    /// is, the one that spends the least on a request among those with room for a peak. Nil when nothing was answered.
    static func best(of trials: [Trial], isLive: Bool) -> Trial? {
        let answered = trials.filter { $0.requests > 0 }
        guard isLive else { return choose(answered, \.requestsPerSecond, moreIsBetter: true) }
        let roomy = answered.filter { $0.busyShare <= busyLimit }
        if roomy.isEmpty { return answered.min { $0.busyShare < $1.busyShare } }
        return choose(roomy, \.cpuMicrosecondsPerRequest, moreIsBetter: false)
    }

    private static func choose(_ trials: [Trial], _ figure: (Trial) -> Double, moreIsBetter: Bool) -> Trial? {
        guard let best = moreIsBetter ? trials.map(figure).max() : trials.map(figure).min() else { return nil }
        let close = trials.filter {
            moreIsBetter ? figure($0) >= best * (1 - tolerance) : figure($0) <= best * (1 + tolerance)
        }
        guard let fewest = close.map(\.setting.workers).min() else { return nil }
        return close.first { $0.setting.workers == fewest }
    }
}
