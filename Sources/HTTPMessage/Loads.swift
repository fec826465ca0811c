// The target's only unsafe expressions: bounds-checked loads from spans, and copies into them. Every load names an
// integer type, so that no byte pattern is invalid; everything else in this target is built on these few lines. The
// bounds are checked here, with fewer instructions than by the checked loads of the standard library.

extension RawSpan {
    /// The byte at `offset`.
    @inlinable @inline(__always)
    package func byte(at offset: Int) -> UInt8 {
        precondition(UInt(bitPattern: offset) < UInt(bitPattern: byteCount))
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Eight bytes at `offset`, the first one lowest.
    @inlinable @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= byteCount &- 8)
        return UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Four bytes at `offset`, the first one lowest.
    @inlinable @inline(__always)
    package func halfWord(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= byteCount &- 4)
        return UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    /// Two bytes at `offset`, the first one lowest.
    @inlinable @inline(__always)
    package func pair(at offset: Int) -> UInt16 {
        precondition(offset >= 0 && offset <= byteCount &- 2)
        return UInt16(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
    }

    /// The bytes of `extent`.
    @inlinable @inline(__always)
    @_lifetime(copy self)
    package func slice(_ extent: Extent) -> RawSpan {
        extracting(extent.range)
    }
}

extension MutableRawSpan {
    /// Copies all of `source` to `offset`; both must fit.
    @inlinable
    package mutating func copy(_ source: RawSpan, to offset: Int) {
        let count = source.byteCount
        precondition(offset >= 0 && count <= byteCount &- offset)
        unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
                unsafe (to + offset).copyMemory(from: from, byteCount: count)
            }
        }
    }

    /// Copies the text to `offset`; it must fit.
    @inlinable @inline(__always)
    package mutating func copy(_ text: StaticString, to offset: Int) {
        let count = text.utf8CodeUnitCount
        precondition(text.hasPointerRepresentation && offset >= 0 && count <= byteCount &- offset)
        unsafe withUnsafeMutableBytes { target in
            guard let to = target.baseAddress else { return }
            unsafe (to + offset).copyMemory(from: text.utf8Start, byteCount: count)
        }
    }
}

extension StaticString {
    /// The text's byte at `offset`.
    @inlinable
    package func byte(at offset: Int) -> UInt8 {
        precondition(hasPointerRepresentation && offset >= 0 && offset < utf8CodeUnitCount)
        return unsafe utf8Start[offset]
    }
}
