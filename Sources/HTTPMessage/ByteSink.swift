// Where messages are written: a caller's buffer of fixed capacity and how much of it is used. It never grows and
// never traps: what does not fit sets `overflowed`, which the caller asks about once, at the end.

/// Appends bytes, numbers and names to a caller's buffer.
@usableFromInline package struct ByteSink: ~Copyable, ~Escapable {
    @usableFromInline var storage: MutableRawSpan
    /// Bytes written so far.
    @usableFromInline package var count: Int
    /// Something did not fit; the bytes written are then not a whole message.
    @usableFromInline package var overflowed: Bool

    /// A sink over `storage`, which may already hold `count` bytes.
    @inlinable
    @_lifetime(copy storage)
    package init(_ storage: consuming MutableRawSpan, count: Int = 0) {
        self.storage = storage
        self.count = count
        self.overflowed = false
    }

    @inlinable package var capacity: Int { storage.byteCount }
    @inlinable package var remaining: Int { storage.byteCount &- count }

    /// What has been written.
    @inlinable package var written: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.bytes.extracting(0..<count) }
    }

    /// Forgets everything written after the first `length` bytes.
    @inlinable
    package mutating func truncate(to length: Int) {
        if length < count { count = length }
    }

    @inlinable
    package mutating func append(_ byte: UInt8) {
        guard count < storage.byteCount else {
            overflowed = true
            return
        }
        storage.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inlinable
    package mutating func append(_ bytes: RawSpan) {
        guard bytes.byteCount <= remaining else {
            overflowed = true
            return
        }
        storage.copy(bytes, to: count)
        count &+= bytes.byteCount
    }

    /// Appends the bytes that `extent` names in `source`.
    @inlinable
    package mutating func append(_ extent: Extent, of source: RawSpan) {
        append(source.slice(extent))
    }

    /// Always inlined: a text known when compiling becomes a few stores instead of a call that copies.
    @inlinable @inline(__always)
    package mutating func append(_ text: StaticString) {
        guard text.utf8CodeUnitCount <= remaining else {
            overflowed = true
            return
        }
        storage.copy(text, to: count)
        count &+= text.utf8CodeUnitCount
    }

    @inlinable
    package mutating func appendLineEnd() { append("\r\n") }

    /// Appends `Name: value CRLF`.
    @inlinable
    package mutating func appendField(_ name: StaticString, _ value: RawSpan) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends `Name: value CRLF`.
    @inlinable
    package mutating func appendField(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends `Name: value CRLF` with a decimal value.
    @inlinable
    package mutating func appendField(_ name: StaticString, decimal value: UInt64) {
        append(name)
        append(": ")
        appendDecimal(value)
        append("\r\n")
    }

    /// Appends the bytes with A to Z in lower case, eight at a time.
    package mutating func appendLowered(_ bytes: RawSpan) {
        guard bytes.byteCount <= remaining else {
            overflowed = true
            return
        }
        var offset = 0
        while offset &+ 8 <= bytes.byteCount {
            storeLowered(bytes.word(at: offset), at: offset)
            offset &+= 8
        }
        if bytes.byteCount >= 8, offset < bytes.byteCount {
            // The last word overlaps the one before it.
            offset = bytes.byteCount &- 8
            storeLowered(bytes.word(at: offset), at: offset)
            offset = bytes.byteCount
        }
        while offset < bytes.byteCount {
            storage.storeBytes(
                of: ByteClass.lowered(bytes.byte(at: offset)), toByteOffset: count &+ offset, as: UInt8.self)
            offset &+= 1
        }
        count &+= bytes.byteCount
    }

    @inline(__always)
    private mutating func storeLowered(_ word: UInt64, at offset: Int) {
        storage.storeBytes(of: Words.lowered(word).littleEndian, toByteOffset: count &+ offset, as: UInt64.self)
    }

    /// Appends a number in decimal, without padding: heads of hits have three, so numbers of up to eight digits are one
    /// store.
    @usableFromInline
    package mutating func appendDecimal(_ value: UInt64) {
        guard value < 100_000_000, remaining >= 8 else { return appendLongDecimal(value) }
        let digits = Words.decimal(value)
        // Leading zeros are the low bytes; the last digit stays in any case.
        let skipped = Swift.min(digits.trailingZeroBitCount >> 3, 7)
        let text = (digits | Words.all(0x30)) >> UInt64(truncatingIfNeeded: skipped &* 8)
        storage.storeBytes(of: text.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8 &- skipped
    }

    /// As `appendDecimal`, digit by digit.
    @inline(never)
    private mutating func appendLongDecimal(_ value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits &+= 1
        }
        guard digits <= remaining else {
            overflowed = true
            return
        }
        rest = value
        var position = count &+ digits
        repeat {
            position &-= 1
            storage.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 &+ rest % 10), toByteOffset: position, as: UInt8.self)
            rest /= 10
        } while rest > 0
        count &+= digits
    }

    /// Appends a number in decimal with a sign where it is negative.
    package mutating func appendDecimal(_ value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(value.magnitude)
    }

    /// Appends the last two decimal digits.
    package mutating func appendTwoDigits(_ value: Int) {
        append(UInt8(truncatingIfNeeded: 0x30 &+ (value / 10) % 10))
        append(UInt8(truncatingIfNeeded: 0x30 &+ value % 10))
    }

    /// Appends a number in lower-case hexadecimal, without padding.
    package mutating func appendHexadecimal(_ value: UInt64) {
        var shift = value == 0 ? 0 : (63 &- value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: (value >> UInt64(shift)) & 15)
            append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
            shift &-= 4
        }
    }
}
