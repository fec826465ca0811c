// Bare items of structured fields (RFC 9651 sections 4.2.3.1 to 4.2.10): their bytes are checked, not decoded.

extension StructuredScanner {
    /// The bare item here, nil if it is malformed.
    mutating func bareItem(_ bytes: RawSpan) -> StructuredValue? {
        let first = peek(bytes)
        switch first {
        case 0x2D, 0x30...0x39: return number(bytes)
        case 0x22: return string(bytes)
        case 0x3A: return byteSequence(bytes)
        case 0x3F: return boolean(bytes)
        case 0x40: return date(bytes)
        case 0x25: return displayString(bytes)
        case 0x2A, 0x41...0x5A, 0x61...0x7A: return token(bytes)
        default: return nil
        }
    }

    private func value(_ type: StructuredType, _ start: Int, _ end: Int, number: Int64 = 0) -> StructuredValue {
        StructuredValue(type: type, number: number, text: Extent(start: start, end: end), parameters: .empty)
    }

    /// At most 15 digits, or at most 12 with one to three behind a point.
    private mutating func number(_ bytes: RawSpan) -> StructuredValue? {
        let start = position
        let isNegative = take(0x2D, bytes)
        var magnitude: Int64 = 0
        var digits = 0
        while ByteClass.isDigit(peek(bytes)), !isAtEnd {
            digits &+= 1
            guard digits <= 15 else { return nil }
            magnitude = magnitude &* 10 &+ Int64(peek(bytes) &- 0x30)
            position &+= 1
        }
        guard digits > 0 else { return nil }
        guard peek(bytes) == 0x2E, !isAtEnd else {
            return value(.integer, start, position, number: isNegative ? -magnitude : magnitude)
        }
        guard digits <= 12 else { return nil }
        position &+= 1
        var places = 0
        while ByteClass.isDigit(peek(bytes)), !isAtEnd {
            places &+= 1
            guard places <= 3 else { return nil }
            magnitude = magnitude &* 10 &+ Int64(peek(bytes) &- 0x30)
            position &+= 1
        }
        guard places > 0 else { return nil }
        for _ in places..<3 { magnitude &*= 10 }
        return value(.decimal, start, position, number: isNegative ? -magnitude : magnitude)
    }

    /// `"..."`, visible ASCII and spaces; only `\"` and `\\` are escapes.
    private mutating func string(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        let start = position
        while !isAtEnd {
            let byte = bytes.byte(at: position)
            position &+= 1
            if byte == 0x22 { return value(.string, start, position &- 1) }
            if byte == 0x5C {
                guard peek(bytes) == 0x22 || peek(bytes) == 0x5C, !isAtEnd else { return nil }
                position &+= 1
            } else if byte < 0x20 || byte > 0x7E {
                return nil
            }
        }
        return nil
    }

    private mutating func token(_ bytes: RawSpan) -> StructuredValue? {
        let start = position
        while !isAtEnd {
            let byte = bytes.byte(at: position)
            guard ByteClass.isToken(byte) || byte == 0x3A || byte == 0x2F else { break }
            position &+= 1
        }
        return value(.token, start, position)
    }

    /// `:base64:`
    private mutating func byteSequence(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        let start = position
        var padding = 0
        while !isAtEnd {
            let byte = bytes.byte(at: position)
            position &+= 1
            if byte == 0x3A { return value(.byteSequence, start, position &- 1) }
            if byte == 0x3D {
                padding &+= 1
                guard padding <= 2 else { return nil }
                continue
            }
            let isAlphabet = (byte | 0x20) &- 0x61 < 26 || ByteClass.isDigit(byte) || byte == 0x2B || byte == 0x2F
            guard isAlphabet, padding == 0 else { return nil }
        }
        return nil
    }

    private mutating func boolean(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        let start = position
        guard peek(bytes) == 0x30 || peek(bytes) == 0x31, !isAtEnd else { return nil }
        position &+= 1
        return value(.boolean, start, position, number: bytes.byte(at: start) == 0x31 ? 1 : 0)
    }

    /// `@` and an integer.
    private mutating func date(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        guard var result = number(bytes), result.type == .integer else { return nil }
        result.type = .date
        return result
    }

    /// `%"..."`: visible ASCII, everything else as `%` and two lower-case hexadecimal digits of UTF-8.
    private mutating func displayString(_ bytes: RawSpan) -> StructuredValue? {
        position &+= 1
        guard take(0x22, bytes) else { return nil }
        let start = position
        var utf8 = UTF8Check()
        while !isAtEnd {
            let byte = bytes.byte(at: position)
            position &+= 1
            if byte == 0x22 { return utf8.isWhole ? value(.displayString, start, position &- 1) : nil }
            guard byte >= 0x20, byte <= 0x7E else { return nil }
            var decoded = byte
            if byte == 0x25 {
                guard end &- position >= 2, let high = lowerHexadecimal(bytes.byte(at: position)),
                    let low = lowerHexadecimal(bytes.byte(at: position &+ 1))
                else { return nil }
                decoded = high << 4 | low
                position &+= 2
            }
            guard utf8.take(decoded) else { return nil }
        }
        return nil
    }

    private func lowerHexadecimal(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        return byte &- 0x61 < 6 ? byte &- 0x57 : nil
    }
}

/// Checks UTF-8 byte by byte (RFC 3629 section 4).
struct UTF8Check {
    private var pending = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// No character is incomplete.
    var isWhole: Bool { pending == 0 }

    /// Takes the next byte; false if it cannot be there.
    mutating func take(_ byte: UInt8) -> Bool {
        if pending > 0 {
            guard byte >= lower, byte <= upper else { return false }
            (lower, upper) = (0x80, 0xBF)
            pending -= 1
            return true
        }
        switch byte {
        case 0..<0x80: return true
        case 0xC2...0xDF: pending = 1
        case 0xE0: (pending, lower) = (2, 0xA0)
        case 0xED: (pending, upper) = (2, 0x9F)
        case 0xE1...0xEF: pending = 2
        case 0xF0: (pending, lower) = (3, 0x90)
        case 0xF1...0xF3: pending = 3
        case 0xF4: (pending, upper) = (3, 0x8F)
        default: return false
        }
        return true
    }
}
