// What the processes of a replay count, in a node region that all of them map, and the lookup times as a histogram
// there.
import ShmCache

/// Counters of a replay.
enum ReplayCount: Int, CaseIterable {
    case requests, hits, requestBytes, hitBytes, joined, declined, wrong
    /// Lookups by duration start here.
    case histogram
}

/// Durations in buckets: one nanosecond wide up to 256 ns, then sixteen to a doubling.
enum Histogram {
    static let buckets = 512
    static let linear = 256

    static func bucket(_ nanoseconds: Int64) -> Int {
        let value = Int(max(0, nanoseconds))
        guard value >= linear else { return value }
        let doubling = Int.bitWidth - 1 - value.leadingZeroBitCount
        return min(buckets - 1, linear + (doubling - 8) * 16 + (value >> (doubling - 4)) & 15)
    }

    static func lowerBound(_ bucket: Int) -> Int {
        guard bucket >= linear else { return bucket }
        let (doubling, part) = ((bucket - linear) / 16 + 8, (bucket - linear) % 16)
        return 1 << doubling + part << (doubling - 4)
    }
}

extension ReplayCount {
    static var total: Int { histogram.rawValue + Histogram.buckets }
}

extension NodeRegion {
    func total(_ count: ReplayCount) -> Int { Int(total(counter: count.rawValue)) }

    /// The duration below which this share of the lookups took.
    func lookupNanoseconds(share: Double) -> Int {
        var counts: [Int] = []
        for i in 0..<Histogram.buckets { counts.append(Int(total(counter: ReplayCount.histogram.rawValue + i))) }
        let wanted = Double(counts.reduce(0, +)) * share
        var below = 0.0
        for (i, count) in counts.enumerated() {
            below += Double(count)
            if below >= wanted { return Histogram.lowerBound(i) }
        }
        return 0
    }
}
