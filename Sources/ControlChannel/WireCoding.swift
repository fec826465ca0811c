// The byte encoding under every message and snapshot: little-endian integers and length-prefixed text.
// Nothing here knows a message; reading checks every length, so a hostile or torn input can only throw.

/// Appends values to a byte array.
package struct WireWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package mutating func put<I: FixedWidthInteger & UnsignedInteger>(_ value: I) {
        var rest = value
        for _ in 0..<MemoryLayout<I>.size {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest = rest >> 8
        }
    }

    package mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func put(_ value: Int32) { put(UInt32(bitPattern: value)) }
    package mutating func put(_ value: Int64) { put(UInt64(bitPattern: value)) }

    package mutating func put(_ text: String) { put(Array(text.utf8)) }

    /// Bytes with a 32-bit length in front.
    package mutating func put(_ block: [UInt8]) {
        put(UInt32(block.count))
        bytes.append(contentsOf: block)
    }

    /// A list with a 16-bit count in front; longer lists are refused when the configuration is checked.
    package mutating func put<Element>(list: [Element], _ putOne: (inout WireWriter, Element) -> Void) {
        precondition(list.count <= Int(UInt16.max))
        put(UInt16(list.count))
        for element in list { putOne(&self, element) }
    }

    /// Bytes without a length, for a checksummed frame around them.
    package mutating func append(_ block: [UInt8]) { bytes.append(contentsOf: block) }
}

/// Takes values from a byte array, front to back.
package struct WireReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    package init(_ bytes: [UInt8], from start: Int = 0, upTo end: Int? = nil) {
        self.bytes = bytes
        self.end = Swift.min(end ?? bytes.count, bytes.count)
        self.position = Swift.min(start, self.end)
    }

    package var remaining: Int { end - position }

    package mutating func take<I: FixedWidthInteger & UnsignedInteger>(_: I.Type = I.self) throws(ControlError) -> I {
        guard remaining >= MemoryLayout<I>.size else { throw .malformed("ends inside an integer") }
        var value: I = 0
        for index in 0..<MemoryLayout<I>.size {
            value |= I(truncatingIfNeeded: bytes[position + index]) << I(truncatingIfNeeded: 8 * index)
        }
        position += MemoryLayout<I>.size
        return value
    }

    package mutating func takeBool() throws(ControlError) -> Bool { try take(UInt8.self) != 0 }
    package mutating func takeInt32() throws(ControlError) -> Int32 { Int32(bitPattern: try take(UInt32.self)) }
    package mutating func takeInt64() throws(ControlError) -> Int64 { Int64(bitPattern: try take(UInt64.self)) }

    package mutating func takeBytes() throws(ControlError) -> [UInt8] {
        let length = Int(try take(UInt32.self))
        guard length <= remaining else { throw .malformed("ends inside a block") }
        defer { position += length }
        return Array(bytes[position..<position + length])
    }

    package mutating func takeText() throws(ControlError) -> String {
        String(decoding: try takeBytes(), as: UTF8.self)
    }

    package mutating func takeList<Element>(
        _ takeOne: (inout WireReader) throws(ControlError) -> Element
    ) throws(ControlError) -> [Element] {
        let count = Int(try take(UInt16.self))
        var list: [Element] = []
        for _ in 0..<count { list.append(try takeOne(&self)) }
        return list
    }

    /// An enumeration by its raw byte.
    package mutating func takeCase<E: RawRepresentable>(_: E.Type = E.self) throws(ControlError) -> E
    where E.RawValue == UInt8 {
        let raw = try take(UInt8.self)
        guard let value = E(rawValue: raw) else { throw .malformed("unknown value \(raw) of \(E.self)") }
        return value
    }
}
