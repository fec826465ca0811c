// Answers that are a part (206): which ranges are held, which are missing, and when parts may be joined (RFC 9111
// sections 3.3 and 3.4). Interval arithmetic; the bytes are the cache's business.

package import HTTPMessage

/// Sorted, disjoint, non-adjacent byte ranges: what is held of an object. At most 32 runs.
package struct HeldRanges: Sendable {
    package static let maximum = 32
    package private(set) var count = 0
    private var runs: InlineArray<32, ByteRange>

    package init() { runs = InlineArray(repeating: ByteRange(first: 0, last: 0)) }

    package subscript(_ index: Int) -> ByteRange { runs[index] }

    /// Whether every byte of `range` is held.
    package func covers(_ range: ByteRange) -> Bool { false }

    /// The first run of `range` that is not held, nil when all is.
    package func firstMissing(in range: ByteRange) -> ByteRange? { nil }

    /// Adds a run, joining what touches; false when there would be too many runs (nothing is changed then).
    package mutating func insert(_ range: ByteRange) -> Bool { false }
}
