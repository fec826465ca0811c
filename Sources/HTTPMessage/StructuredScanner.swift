// The grammar of structured fields (RFC 9651 section 4.2) on a place in a value: members, keys, parameters, inner
// lists. Bare items are in StructuredItems.swift.

/// A place in a structured field.
struct StructuredScanner: Sendable {
    var position: Int
    let end: Int
    private var isFirst = true

    init(_ extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    enum Place { case ready, end, malformed }

    var isAtEnd: Bool { position >= end }

    /// The byte here, 0 at the end.
    func peek(_ bytes: RawSpan) -> UInt8 { position < end ? bytes.byte(at: position) : 0 }

    /// Takes the byte if it is the one wanted.
    mutating func take(_ byte: UInt8, _ bytes: RawSpan) -> Bool {
        guard peek(bytes) == byte, position < end else { return false }
        position &+= 1
        return true
    }

    mutating func skipSpaces(_ bytes: RawSpan) {
        while position < end, bytes.byte(at: position) == 0x20 { position &+= 1 }
    }

    private mutating func skipBlanks(_ bytes: RawSpan) {
        while position < end, ByteClass.isBlank(bytes.byte(at: position)) { position &+= 1 }
    }

    /// To the next member of a list or dictionary, over the comma.
    mutating func toNextMember(_ bytes: RawSpan) -> Place {
        if isFirst {
            isFirst = false
            skipSpaces(bytes)
            return isAtEnd ? .end : .ready
        }
        skipBlanks(bytes)
        if isAtEnd { return .end }
        guard take(0x2C, bytes) else { return .malformed }
        skipBlanks(bytes)
        return isAtEnd ? .malformed : .ready
    }

    /// A key: a lower-case letter or `*`, then letters, digits and `_-.*`.
    mutating func key(_ bytes: RawSpan) -> Extent? {
        let start = position
        let first = peek(bytes)
        guard first &- 0x61 < 26 || first == 0x2A else { return nil }
        while position < end {
            let byte = bytes.byte(at: position)
            let isPart =
                byte &- 0x61 < 26 || ByteClass.isDigit(byte) || byte == 0x5F || byte == 0x2D || byte == 0x2E
                || byte == 0x2A
            guard isPart else { break }
            position &+= 1
        }
        return Extent(start: start, end: position)
    }

    mutating func itemOrInnerList(_ bytes: RawSpan) -> StructuredValue? {
        peek(bytes) == 0x28 ? innerList(bytes) : item(bytes)
    }

    /// A bare item with its parameters.
    mutating func item(_ bytes: RawSpan) -> StructuredValue? {
        guard var value = bareItem(bytes), let parameters = parameters(bytes) else { return nil }
        value.parameters = parameters
        return value
    }

    /// `( item SP item )` with parameters.
    private mutating func innerList(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        let start = position
        while !isAtEnd {
            skipSpaces(bytes)
            if peek(bytes) == 0x29 {
                let text = Extent(start: start, end: position)
                position &+= 1
                guard let parameters = parameters(bytes) else { return nil }
                return StructuredValue(type: .innerList, number: 0, text: text, parameters: parameters)
            }
            guard item(bytes) != nil, peek(bytes) == 0x20 || peek(bytes) == 0x29 else { return nil }
        }
        return nil
    }

    /// All parameters here; empty if there are none.
    mutating func parameters(_ bytes: RawSpan) -> Extent? {
        let start = position
        while peek(bytes) == 0x3B, !isAtEnd {
            guard parameter(bytes) != nil else { return nil }
        }
        return Extent(start: start, end: position)
    }

    /// `;key` or `;key=value`
    mutating func parameter(_ bytes: RawSpan) -> (key: Extent, value: StructuredValue)? {
        guard take(0x3B, bytes) else { return nil }
        skipSpaces(bytes)
        guard let key = key(bytes) else { return nil }
        guard take(0x3D, bytes) else {
            return (key, StructuredValue(type: .boolean, number: 1, text: .empty, parameters: .empty))
        }
        guard let value = bareItem(bytes) else { return nil }
        return (key, value)
    }
}
