// One element of an Accept-like list: `name;param;q=0.5` (RFC 9110 section 12.4.2). Offsets only.

import HTTPMessage

/// An element split at its weight.
struct WeightedItem {
    /// What stands before the first `;`, without white space.
    var name: Extent
    /// Weight in thousandths; 1000 when there is none, 0 when it is malformed.
    var thousandths: UInt16

    var isAcceptable: Bool { thousandths > 0 }

    init(_ element: Extent, in bytes: RawSpan) {
        thousandths = 1000
        var position = WeightedItem.semicolon(in: bytes, from: element.lower, to: element.upper)
        name = WeightedItem.trimmed(element.lower..<position, in: bytes)
        while position < element.upper {
            let end = WeightedItem.semicolon(in: bytes, from: position + 1, to: element.upper)
            let parameter = WeightedItem.trimmed(position + 1..<end, in: bytes)
            if parameter.length >= 2, bytes.byte(at: parameter.lower) | 0x20 == UInt8(ascii: "q"),
                bytes.byte(at: parameter.lower + 1) == UInt8(ascii: "=")
            {
                thousandths = WeightedItem.weight(bytes.extracting(parameter.lower + 2..<parameter.upper))
            }
            position = end
        }
    }

    /// `0`, `0.5`, `1.000`; 0 for anything else.
    static func weight(_ text: RawSpan) -> UInt16 {
        guard text.byteCount >= 1, text.byteCount <= 5, text.byteCount != 2 || text.byte(at: 1) == 0x2E else {
            return 0
        }
        let whole = text.byte(at: 0)
        guard whole == 0x30 || whole == 0x31 else { return 0 }
        guard text.byteCount > 1 else { return whole == 0x31 ? 1000 : 0 }
        guard text.byte(at: 1) == 0x2E else { return 0 }
        var value: UInt16 = whole == 0x31 ? 1000 : 0
        var unit: UInt16 = 100
        for offset in 2..<text.byteCount {
            let byte = text.byte(at: offset)
            guard byte >= 0x30, byte <= 0x39 else { return 0 }
            value += UInt16(byte - 0x30) * unit
            unit /= 10
        }
        return value <= 1000 ? value : 0
    }

    private static func semicolon(in bytes: RawSpan, from start: Int, to end: Int) -> Int {
        var position = start
        while position < end, bytes.byte(at: position) != UInt8(ascii: ";") { position += 1 }
        return min(position, end)
    }

    static func trimmed(_ range: Range<Int>, in bytes: RawSpan) -> Extent {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isSpace(bytes.byte(at: start)) { start += 1 }
        while end > start, isSpace(bytes.byte(at: end - 1)) { end -= 1 }
        return Extent(start: start, end: end)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
