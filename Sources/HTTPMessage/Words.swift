// Eight bytes at a time: which bytes of a word match, and lower case. Pure arithmetic; loads are in Loads.swift.

extension RawSpan {
    /// Where `byte` first is at or after `start`; the end of the span if it is not there.
    package func firstIndex(of byte: UInt8, from start: Int) -> Int {
        let wanted = Words.all(byte)
        var at = start
        while at &+ 8 <= byteCount {
            let mask = Words.equal(word(at: at), wanted)
            if mask != 0 { return at &+ Words.first(mask) }
            at &+= 8
        }
        while at < byteCount, self.byte(at: at) != byte { at &+= 1 }
        return at
    }
}

/// Arithmetic on eight bytes in a word, the first byte lowest. The masks have the top bit of each matching byte; of
/// several bits only the lowest is exact, which is the first match.
enum Words {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The same byte eight times.
    @inline(__always)
    static func all(_ byte: UInt8) -> UInt64 { UInt64(byte) &* ones }

    /// Bytes equal to the byte that `repeated` holds eight times.
    @inline(__always)
    static func equal(_ word: UInt64, _ repeated: UInt64) -> UInt64 {
        let difference = word ^ repeated
        return (difference &- ones) & ~difference & tops
    }

    /// Bytes below 0x20, and 0x7F.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        ((word &- all(0x20)) & ~word & tops) | equal(word, all(0x7F))
    }

    /// Index of the first byte of a mask that is not 0.
    @inline(__always)
    static func first(_ mask: UInt64) -> Int { mask.trailingZeroBitCount >> 3 }

    /// The word with A to Z in lower case and all other bytes as they are.
    @inline(__always)
    static func lowered(_ word: UInt64) -> UInt64 {
        let low = word & ~tops
        let fromA = low &+ all(0x80 - 0x41)
        let beyondZ = low &+ all(0x7F - 0x5A)
        return word | (((fromA ^ beyondZ) & ~word & tops) >> 2)
    }

    /// The eight decimal digits of a number below 100,000,000 as values 0 to 9, the first digit in the lowest byte:
    /// halves, then pairs, then digits, each step for all at once.
    @inline(__always)
    static func decimal(_ value: UInt64) -> UInt64 {
        let halves = value / 10_000 | (value % 10_000) << 32
        let hundreds = ((halves &* 10_486) >> 20) & 0x7F_0000_007F
        let pairs = hundreds | (halves &- hundreds &* 100) << 16
        let tens = ((pairs &* 103) >> 10) & 0x000F_000F_000F_000F
        return tens | (pairs &- tens &* 10) << 8
    }

    /// The word with each `_` replaced by `-`.
    @inline(__always)
    static func hyphenated(_ word: UInt64) -> UInt64 {
        let difference = word ^ all(0x5F)
        let nonZero = ((difference & ~tops) &+ ~tops) | difference
        let matches = (~nonZero & tops) >> 7
        return word ^ (matches &* (0x5F ^ 0x2D))
    }

    /// Up to eight bytes at `offset`, of which `count` are wanted; the others are 0.
    @inline(__always)
    static func load(_ bytes: RawSpan, _ offset: Int, count: Int) -> UInt64 {
        if offset &+ 8 <= bytes.byteCount {
            let word = bytes.word(at: offset)
            return count >= 8 ? word : word & ((1 << UInt64(truncatingIfNeeded: count &* 8)) &- 1)
        }
        return tail(bytes, offset, count: count)
    }

    /// As `load`, where fewer than eight bytes are left.
    @inline(never)
    static func tail(_ bytes: RawSpan, _ offset: Int, count: Int) -> UInt64 {
        var word: UInt64 = 0
        var index = Swift.min(count, 8, bytes.byteCount &- offset)
        while index > 0 {
            index &-= 1
            word = word << 8 | UInt64(bytes.byte(at: offset &+ index))
        }
        return word
    }
}
