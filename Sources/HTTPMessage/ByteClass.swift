// What each byte may be part of, as one table of bits. Grammar only; the parsers say what follows from it.

/// The classes of a byte; a bit each.
@usableFromInline enum ByteClass {
    /// Part of a token (RFC 9110 section 5.6.2).
    static let token: UInt8 = 1
    /// Part of a path that needs no closer look: visible ASCII without `"#<>?%` and backslash.
    static let path: UInt8 = 2
    /// Part of a query: visible ASCII without `"#<>`.
    static let query: UInt8 = 4
    /// Part of a host name: unreserved characters (RFC 3986 section 2.3).
    static let host: UInt8 = 8
    static let digit: UInt8 = 16
    static let hexadecimal: UInt8 = 32
    /// Part of a field value: no control character but tab (RFC 9110 section 5.5).
    static let value: UInt8 = 64
    /// Part of an opaque entity tag (RFC 9110 section 8.8.3).
    static let etag: UInt8 = 128

    @inline(__always)
    static func of(_ byte: UInt8) -> UInt8 { byteClasses[Int(byte)] }

    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool { byteClasses[Int(byte)] & token != 0 }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Space or tab.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inline(__always)
    static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit, 255 for any other byte.
    @inline(__always)
    static func hexadecimalValue(_ byte: UInt8) -> UInt8 {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let lower = byte | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x57 : 255
    }
}

/// One entry per byte value, sixteen a line.
private let byteClasses: InlineArray<256, UInt8> = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    64, 199, 64, 193, 199, 197, 199, 199, 198, 198, 199, 199, 198, 207, 207, 198,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 198, 198, 192, 198, 192, 196,
    198, 239, 239, 239, 239, 239, 239, 207, 207, 207, 207, 207, 207, 207, 207, 207,
    207, 207, 207, 207, 207, 207, 207, 207, 207, 207, 207, 198, 196, 198, 199, 207,
    199, 239, 239, 239, 239, 239, 239, 207, 207, 207, 207, 207, 207, 207, 207, 207,
    207, 207, 207, 207, 207, 207, 207, 207, 207, 207, 207, 198, 199, 198, 207, 0,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
]
