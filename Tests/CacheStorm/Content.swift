// What an object of the storm contains: everything follows from its key and version, so that a reader can check each byte.

/// A seeded generator (SplitMix64).
struct Dice {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// One version of one object.
struct Content {
    var key: Int
    var version: UInt64
    var length: Int

    static func keyBytes(_ key: Int) -> [UInt8] { Array("storm/object/\(key)".utf8) }

    /// Version, then a repetition of it: what a header block says.
    var header: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: version >> UInt64($0 % 8 * 8)) }
    }

    init(key: Int, version: UInt64) {
        self.key = key
        self.version = version
        length = Content.length(key, version)
    }

    /// The version that a header block names; nil if it is no header of ours.
    init?(key: Int, header: [UInt8]) {
        guard header.count == 16 else { return nil }
        var version: UInt64 = 0
        for i in 0..<8 {
            guard header[i] == header[i + 8] else { return nil }
            version |= UInt64(header[i]) << UInt64(i * 8)
        }
        self.init(key: key, version: version)
    }

    /// Mostly small, sometimes larger than a segment.
    private static func length(_ key: Int, _ version: UInt64) -> Int {
        var dice = Dice(seed: version ^ UInt64(key))
        let die = dice.next() % 100
        if die < 70 { return Int(dice.next() % 3000) }
        if die < 97 { return Int(dice.next() % 20_000) }
        return Int(dice.next() % 120_000)
    }

    /// The word at a multiple of 8. Compressible for odd versions.
    private func word(_ index: Int) -> UInt64 {
        if version & 1 == 1 { return UInt64(index / 8) &* 0x0101_0101_0101_0101 ^ version }
        let mixed = (UInt64(index) &+ version) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 29
    }

    func byte(at offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: word(offset / 8) >> UInt64(offset % 8 * 8)) }

    func bytes(_ range: Range<Int>) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            count = range.count
            var i = 0
            while i < count {
                let at = range.lowerBound + i
                if at % 8 == 0, i + 8 <= count {
                    unsafe UnsafeMutableRawPointer(buffer.baseAddress! + i).storeBytes(of: word(at / 8), as: UInt64.self)
                    i += 8
                } else {
                    unsafe buffer[i] = byte(at: at)
                    i += 1
                }
            }
        }
    }

    func matches(_ span: RawSpan, at offset: Int) -> Bool {
        guard offset + span.byteCount <= length else { return false }
        var i = 0
        while i < span.byteCount {
            let at = offset + i
            if at % 8 == 0, i + 8 <= span.byteCount {
                guard unsafe span.unsafeLoadUnaligned(fromByteOffset: i, as: UInt64.self) == word(at / 8) else { return false }
                i += 8
            } else {
                guard unsafe span.unsafeLoad(fromByteOffset: i, as: UInt8.self) == byte(at: at) else { return false }
                i += 1
            }
        }
        return true
    }
}
