// From the bytes of a field name to its number: the name is loaded as up to four words in lower case, hashed to the
// one slot it can be in, and compared whole. A name that is found is thereby also known to be a valid token.

extension KnownField {
    /// The number of a name, without regard to case; `.other` if it is not known.
    package static func recognise(_ name: RawSpan) -> KnownField {
        recognise(name, 0, name.byteCount)
    }

    /// The number of the name of `count` bytes at `start`.
    static func recognise(_ bytes: RawSpan, _ start: Int, _ count: Int, underscores: Bool = false) -> KnownField {
        guard count > 0, count <= 32 else { return .other }
        var first = Words.lowered(Words.load(bytes, start, count: count))
        var last = count <= 8 ? first : Words.lowered(bytes.word(at: start &+ count &- 8))
        if underscores {
            first = Words.hyphenated(first)
            last = Words.hyphenated(last)
        }
        let mixed = (first ^ (last &* 0x9E37_79B9_7F4A_7C15)) &+ UInt64(truncatingIfNeeded: count)
        let slot = Int(truncatingIfNeeded: (mixed &* knownFieldMultiplier) >> 54)
        let number = Int(knownFieldSlots[slot])
        guard Int(knownFieldLengths[number]) == count, knownFieldWords[number &* 4] == first else { return .other }
        if count > 8 {
            let index = number &* 4
            if count <= 16 {
                guard knownFieldWords[index &+ 1] == last else { return .other }
            } else {
                guard sameMiddle(bytes, start, count, index, underscores),
                    knownFieldWords[index &+ (count > 24 ? 3 : 2)] == last
                else { return .other }
            }
        }
        return KnownField(rawValue: UInt8(truncatingIfNeeded: number))
    }

    /// Whether bytes 8 to 16 (and to 24 of the longest names) are those of the name at `index`.
    @inline(__always)
    private static func sameMiddle(
        _ bytes: RawSpan, _ start: Int, _ count: Int, _ index: Int, _ underscores: Bool
    ) -> Bool {
        var second = Words.lowered(bytes.word(at: start &+ 8))
        if underscores { second = Words.hyphenated(second) }
        guard knownFieldWords[index &+ 1] == second else { return false }
        guard count > 24 else { return true }
        var third = Words.lowered(bytes.word(at: start &+ 16))
        if underscores { third = Words.hyphenated(third) }
        return knownFieldWords[index &+ 2] == third
    }

    /// The bytes of the name in lower case, at most 32, to write or compare; 0 bytes for `.other`.
    package func writeName(into sink: inout ByteSink) {
        guard Int(rawValue) <= KnownField.count else { return }
        let count = Int(knownFieldLengths[Int(rawValue)])
        for offset in 0..<count { sink.append(lowerByte(at: offset, of: count)) }
    }

    /// The byte at `offset` of the name, which has `count` bytes.
    private func lowerByte(at offset: Int, of count: Int) -> UInt8 {
        let index = Int(rawValue) * 4
        let wordCount = (count + 7) / 8
        let isLast = offset / 8 == wordCount - 1 && count > 8
        let word = knownFieldWords[index + offset / 8]
        let shift = isLast ? offset - (count - 8) : offset % 8
        return UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))
    }
}
