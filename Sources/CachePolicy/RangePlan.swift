// The ranges of an answer once the object's length is known. Interval arithmetic only.

package import HTTPMessage

/// Ranges of one multipart/byteranges answer.
package struct RangePlan: Sendable {
    package var ranges: InlineArray<16, ByteRange>
    package var count: Int

    package init() {
        ranges = InlineArray(repeating: ByteRange(first: 0, last: 0))
        count = 0
    }

    /// What a Range field means for an object of that length (RFC 9110 sections 14.2, 15.3.7, 15.5.17).
    ///
    /// More ranges than `maximum`, and ranges that together are longer than the object, are answered with the whole:
    /// they are either an attack or a misunderstanding (section 17.15).
    static func resolve(_ wanted: RangeSet, length: UInt64, maximum: Int) -> Selection {
        guard wanted.count <= max(1, maximum) else { return .whole }
        var plan = RangePlan()
        var total: UInt64 = 0
        for index in 0..<wanted.count {
            guard let range = wanted.specifications[index].resolved(length: length) else { continue }
            total += range.count
            guard total <= length else { return plan.count == 0 ? .range(range) : .whole }
            plan.ranges[plan.count] = range
            plan.count += 1
        }
        switch plan.count {
        case 0: return .unsatisfiable
        case 1: return .range(plan.ranges[0])
        default: return .multipart(plan)
        }
    }
}
