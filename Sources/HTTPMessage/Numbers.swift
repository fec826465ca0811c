// Numbers in field values: decimals with and without an upper bound.

package enum Numbers {
    /// Decimal digits: any number of them.
    static func isDigits(_ bytes: RawSpan) -> Bool {
        for offset in 0..<bytes.byteCount where !ByteClass.isDigit(bytes.byte(at: offset)) { return false }
        return bytes.byteCount > 0
    }

    /// A plain decimal: digits only, at most 2^63 - 1; nil otherwise.
    package static func decimal(_ bytes: RawSpan) -> UInt64? {
        guard isDigits(bytes) else { return nil }
        var value: UInt64 = 0
        for offset in 0..<bytes.byteCount {
            guard value <= UInt64(Int64.max) / 10 else { return nil }
            value = value &* 10 &+ UInt64(bytes.byte(at: offset) &- 0x30)
            guard value <= UInt64(Int64.max) else { return nil }
        }
        return value
    }

    /// delta-seconds (RFC 9111 section 1.2.2): digits only; more than 2^31 reads as 2^31. nil if not digits or empty.
    package static func deltaSeconds(_ bytes: RawSpan) -> UInt32? {
        guard isDigits(bytes) else { return nil }
        var value: UInt64 = 0
        for offset in 0..<bytes.byteCount {
            value = value &* 10 &+ UInt64(bytes.byte(at: offset) &- 0x30)
            if value > 1 << 31 { return 1 << 31 }
        }
        return UInt32(truncatingIfNeeded: value)
    }
}
