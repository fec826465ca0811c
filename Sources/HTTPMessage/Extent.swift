// A place in somebody else's bytes: offset and length, four bytes each. No bytes live here, and nothing here
// knows which span is meant; the caller hands span and extent around together.

/// A run of bytes inside a message head or a field value, as offsets into the span that was parsed.
@usableFromInline package struct Extent: Equatable, Sendable {
    /// Offset of the first byte.
    @usableFromInline package var start: UInt32
    /// Number of bytes.
    @usableFromInline package var count: UInt32

    @inlinable
    package init(start: Int, end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: end &- start)
    }

    @inlinable
    package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// No bytes, at offset 0.
    @inlinable package static var empty: Extent { Extent(start: 0 as UInt32, count: 0) }

    @inlinable package var lower: Int { Int(start) }
    @inlinable package var upper: Int { Int(start) &+ Int(count) }
    @inlinable package var length: Int { Int(count) }
    @inlinable package var isEmpty: Bool { count == 0 }
    @inlinable package var range: Range<Int> { lower..<upper }

    /// The same bytes, seen from a span that begins `offset` bytes earlier.
    @inlinable
    package func shifted(by offset: Int) -> Extent {
        Extent(start: UInt32(truncatingIfNeeded: lower &+ offset), count: count)
    }
}
