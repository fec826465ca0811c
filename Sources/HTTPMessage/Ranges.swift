// Byte ranges: the Range and Content-Range fields (RFC 9110 section 14). What to do with them is policy.

/// A run of bytes of a representation, both ends included.
@usableFromInline package struct ByteRange: Equatable, Sendable {
    @usableFromInline package var first: UInt64
    @usableFromInline package var last: UInt64
    @inlinable package init(first: UInt64, last: UInt64) {
        self.first = first
        self.last = last
    }
    @inlinable package var count: UInt64 { last &- first &+ 1 }
}

/// One element of a Range field before the representation's length is known.
package enum RangeSpecification: Equatable, Sendable {
    /// `first-last`
    case closed(first: UInt64, last: UInt64)
    /// `first-`
    case from(UInt64)
    /// `-count`
    case suffix(UInt64)

    /// The bytes it selects of a representation of that length, nil if none.
    package func resolved(length: UInt64) -> ByteRange? { nil }
}

/// A parsed Range field: at most `maximum` ranges, in the order of the field.
package struct RangeSet: Sendable {
    package static let maximum = 16
    package var specifications: InlineArray<16, RangeSpecification>
    package var count: Int

    /// What the Range field at `value` asks for; nil if it must be ignored: another unit, a malformed range, or more
    /// than `maximum` ranges (section 14.2 lets a server ignore those).
    package static func parse(_ bytes: RawSpan, _ value: Extent) -> RangeSet? { nil }
}

/// A Content-Range field.
package enum ContentRange: Equatable, Sendable {
    /// `bytes first-last/length`; the length is nil for `*`.
    case bytes(ByteRange, length: UInt64?)
    /// `bytes */length`
    case unsatisfied(length: UInt64)

    /// nil if it is malformed or has another unit.
    package static func parse(_ bytes: RawSpan, _ value: Extent) -> ContentRange? { nil }

    /// Writes `bytes first-last/length`.
    package static func write(_ range: ByteRange, length: UInt64, into sink: inout ByteSink) {
        sink.append("bytes ")
        sink.appendDecimal(range.first)
        sink.append("-")
        sink.appendDecimal(range.last)
        sink.append("/")
        sink.appendDecimal(length)
    }
}
