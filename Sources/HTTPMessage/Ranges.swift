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
    package func resolved(length: UInt64) -> ByteRange? {
        guard length > 0 else { return nil }
        switch self {
        case .closed(let first, let last):
            return first < length ? ByteRange(first: first, last: Swift.min(last, length &- 1)) : nil
        case .from(let first):
            return first < length ? ByteRange(first: first, last: length &- 1) : nil
        case .suffix(let count):
            guard count > 0 else { return nil }
            return ByteRange(first: count < length ? length &- count : 0, last: length &- 1)
        }
    }
}

/// A parsed Range field: at most `maximum` ranges, in the order of the field.
package struct RangeSet: Sendable {
    package static let maximum = 16
    package var specifications: InlineArray<16, RangeSpecification>
    package var count: Int

    /// What the Range field at `value` asks for; nil if it must be ignored: another unit, a malformed range, or more
    /// than `maximum` ranges (section 14.2 lets a server ignore those).
    package static func parse(_ bytes: RawSpan, _ value: Extent) -> RangeSet? {
        guard value.count > 6, equalIgnoringCase(bytes.slice(Extent(start: value.start, count: 6)), "bytes=") else {
            return nil
        }
        var set = RangeSet(specifications: InlineArray(repeating: .from(0)), count: 0)
        var list = ListWalker(Extent(start: value.lower &+ 6, end: value.upper))
        while let element = list.next(in: bytes) {
            guard set.count < maximum, let specification = specification(bytes, element) else { return nil }
            set.specifications[set.count] = specification
            set.count &+= 1
        }
        return set.count > 0 ? set : nil
    }

    /// The one range of a Range field that has no more, without the room for sixteen; nil for any other value.
    package static func single(_ bytes: RawSpan, _ value: Extent) -> RangeSpecification? {
        guard value.count > 6, equalIgnoringCase(bytes.slice(Extent(start: value.start, count: 6)), "bytes=") else {
            return nil
        }
        return specification(bytes, Extent(start: value.lower &+ 6, end: value.upper))
    }

    /// `first-last`, `first-` or `-count`. Numbers that do not fit are beyond every representation.
    private static func specification(_ bytes: RawSpan, _ element: Extent) -> RangeSpecification? {
        var dash = element.lower
        guard let first = number(bytes, &dash, element.upper), dash < element.upper, bytes.byte(at: dash) == 0x2D else {
            guard element.count > 1, bytes.byte(at: element.lower) == 0x2D else { return nil }
            var at = element.lower &+ 1
            guard let count = number(bytes, &at, element.upper), at == element.upper else { return nil }
            return .suffix(count)
        }
        var at = dash &+ 1
        if at == element.upper { return .from(first) }
        guard let last = number(bytes, &at, element.upper), at == element.upper, last >= first else { return nil }
        return .closed(first: first, last: last)
    }

    /// The digits at `at`, which is moved behind them; nil if there are none. Saturates at 2^63 - 1.
    static func number(_ bytes: RawSpan, _ at: inout Int, _ end: Int) -> UInt64? {
        let start = at
        var value: UInt64 = 0
        while at < end, ByteClass.isDigit(bytes.byte(at: at)) {
            value = value > (1 << 63) / 10 - 1 ? UInt64(Int64.max) : value &* 10 &+ UInt64(bytes.byte(at: at) &- 0x30)
            at &+= 1
        }
        return at > start ? value : nil
    }
}

/// A Content-Range field.
package enum ContentRange: Equatable, Sendable {
    /// `bytes first-last/length`; the length is nil for `*`.
    case bytes(ByteRange, length: UInt64?)
    /// `bytes */length`
    case unsatisfied(length: UInt64)

    /// nil if it is malformed or has another unit.
    package static func parse(_ bytes: RawSpan, _ value: Extent) -> ContentRange? {
        guard value.count > 6, equalIgnoringCase(bytes.slice(Extent(start: value.start, count: 6)), "bytes ") else {
            return nil
        }
        var at = value.lower &+ 6
        let end = value.upper
        if bytes.byte(at: at) == 0x2A {
            guard at &+ 2 < end, bytes.byte(at: at &+ 1) == 0x2F else { return nil }
            let length = Numbers.decimal(bytes.slice(Extent(start: at &+ 2, end: end)))
            return length.map { .unsatisfied(length: $0) }
        }
        guard let first = RangeSet.number(bytes, &at, end), at < end, bytes.byte(at: at) == 0x2D else { return nil }
        at &+= 1
        guard let last = RangeSet.number(bytes, &at, end), at &+ 1 < end, bytes.byte(at: at) == 0x2F, last >= first,
            last < UInt64(Int64.max)
        else { return nil }
        let range = ByteRange(first: first, last: last)
        let rest = bytes.slice(Extent(start: at &+ 1, end: end))
        if equalIgnoringCase(rest, "*") { return .bytes(range, length: nil) }
        guard let length = Numbers.decimal(rest), length > last else { return nil }
        return .bytes(range, length: length)
    }

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
