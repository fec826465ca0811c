// The arguments of a query in the order of their bytes, for sites whose answers do not depend on it. Offsets only.

import HTTPMessage

struct QueryArguments {
    var count = 0
    var extents = InlineArray<64, Extent>(repeating: .empty)

    /// Divides at `&` and sorts; arguments of the same name keep their order, since it may mean something. nil when
    /// there are more than 64.
    init?(_ query: RawSpan) {
        var start = 0
        for offset in 0...query.byteCount {
            guard offset == query.byteCount || query.byte(at: offset) == UInt8(ascii: "&") else { continue }
            guard count < 64 else { return nil }
            insert(Extent(start: start, end: offset), query)
            start = offset + 1
        }
    }

    private mutating func insert(_ argument: Extent, _ query: RawSpan) {
        var place = count
        while place > 0, QueryArguments.order(query, argument, extents[place - 1]) < 0 {
            extents[place] = extents[place - 1]
            place -= 1
        }
        extents[place] = argument
        count += 1
    }

    /// Compares the names as they are written: in normal form.
    private static func order(_ query: RawSpan, _ left: Extent, _ right: Extent) -> Int {
        let leftBytes = query.slice(left)
        let rightBytes = query.slice(right)
        var leftName = NormalName()
        var rightName = NormalName()
        while true {
            let leftByte = leftName.next(leftBytes)
            let rightByte = rightName.next(rightBytes)
            if leftByte != rightByte { return leftByte - rightByte }
            if leftByte < 0 { return 0 }
        }
    }
}

/// Walks the name of an argument byte by byte in normal form.
private struct NormalName {
    private var position = 0
    private var escaped: UInt8 = 0
    private var pendingDigits = 0

    /// The next byte; -1 behind the name.
    mutating func next(_ argument: RawSpan) -> Int {
        if pendingDigits > 0 {
            pendingDigits -= 1
            return Int(TargetNormaliser.upperDigit(pendingDigits == 1 ? escaped >> 4 : escaped & 15))
        }
        guard position < argument.byteCount, argument.byte(at: position) != UInt8(ascii: "=") else { return -1 }
        let unit = TargetNormaliser.unit(argument, at: position)
        position += unit.used
        guard unit.isEscaped else { return Int(unit.value) }
        escaped = unit.value
        pendingDigits = 2
        return Int(UInt8(ascii: "%"))
    }
}
