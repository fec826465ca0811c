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

    /// Compares the names.
    private static func order(_ query: RawSpan, _ left: Extent, _ right: Extent) -> Int {
        var offset = 0
        while true {
            let leftByte = nameByte(query, left, offset)
            let rightByte = nameByte(query, right, offset)
            if leftByte != rightByte { return leftByte - rightByte }
            if leftByte < 0 { return 0 }
            offset += 1
        }
    }

    private static func nameByte(_ query: RawSpan, _ argument: Extent, _ offset: Int) -> Int {
        guard offset < argument.count else { return -1 }
        let byte = query.byte(at: argument.lower + offset)
        return byte == UInt8(ascii: "=") ? -1 : Int(byte)
    }
}
