// Which bytes of an object are held and which are missing (RFC 9111 section 3.4). Interval arithmetic; the bytes are
// the cache's business.

package import HTTPMessage

/// Sorted, disjoint, non-adjacent byte ranges: what is held of an object. At most 32 runs.
package struct HeldRanges: Sendable {
    package static let maximum = 32
    /// Most runs of a stored part.
    package static let maximumStored = 16
    package private(set) var count = 0
    private var runs: InlineArray<32, ByteRange>

    package init() { runs = InlineArray(repeating: ByteRange(first: 0, last: 0)) }

    package subscript(_ index: Int) -> ByteRange { runs[index] }

    /// Bytes of all runs together.
    package var byteCount: UInt64 { bytes(before: .max) }

    /// Bytes of the runs that are in front of a place in the object: where the place is in a body that holds the runs
    /// one behind the other.
    package func bytes(before place: UInt64) -> UInt64 {
        var total: UInt64 = 0
        for index in 0..<count where runs[index].first < place {
            total += min(runs[index].last + 1, place) - runs[index].first
        }
        return total
    }

    /// Which place of the object lies at an offset of such a body; nil behind its end.
    package func place(ofBodyOffset offset: UInt64) -> UInt64? {
        var before: UInt64 = 0
        for index in 0..<count {
            if offset - before < runs[index].count { return runs[index].first + offset - before }
            before += runs[index].count
        }
        return nil
    }

    /// Where such a body has `range`; nil where some of it is not held.
    package func offset(of range: ByteRange) -> UInt64? {
        for index in 0..<count where runs[index].first <= range.first {
            if range.last <= runs[index].last { return bytes(before: range.first) }
        }
        return nil
    }

    /// The first run that has bytes of `range`, or the first of all.
    package func run(touching range: ByteRange?) -> ByteRange? {
        for index in 0..<count {
            if let range, runs[index].last >= range.first, runs[index].first <= range.last { return runs[index] }
        }
        return count > 0 ? runs[0] : nil
    }

    /// Whether every byte of `range` is held.
    package func covers(_ range: ByteRange) -> Bool { firstMissing(in: range) == nil }

    /// The first run of `range` that is not held, nil when all is.
    package func firstMissing(in range: ByteRange) -> ByteRange? {
        var first = range.first
        for index in 0..<count {
            let run = runs[index]
            if run.last < first { continue }
            if run.first > first { return ByteRange(first: first, last: min(range.last, run.first - 1)) }
            if run.last >= range.last { return nil }
            first = run.last + 1
        }
        return ByteRange(first: first, last: range.last)
    }

    /// Adds a run, joining what touches; false when there would be too many runs (nothing is changed then).
    package mutating func insert(_ range: ByteRange) -> Bool {
        guard range.first <= range.last, range.last < .max else { return false }
        var joined = range
        var kept = InlineArray<32, ByteRange>(repeating: ByteRange(first: 0, last: 0))
        var keptCount = 0
        var place = 0
        for index in 0..<count {
            let run = runs[index]
            if run.last + 1 >= joined.first, run.first <= joined.last + 1 {
                joined = ByteRange(first: min(run.first, joined.first), last: max(run.last, joined.last))
            } else {
                kept[keptCount] = run
                keptCount += 1
                if run.last < joined.first { place = keptCount }
            }
        }
        guard keptCount < HeldRanges.maximum else { return false }
        var index = keptCount
        while index > place {
            kept[index] = kept[index - 1]
            index -= 1
        }
        kept[place] = joined
        runs = kept
        count = keptCount + 1
        return true
    }
}
