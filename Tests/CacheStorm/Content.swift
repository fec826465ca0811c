import Dice
// What an object of the storm contains: everything follows from its key and version, so that a reader can check each
// byte.
@unsafe @preconcurrency import Glibc
import ShmCache

/// The long texts that bodies are cut from, made once before the processes are forked.
struct Library {
    static let length = 1 << 20
    let noise: [UInt8]
    let text: [UInt8]

    init() {
        var dice = Dice(seed: 77)
        var noise: [UInt8] = []
        while noise.count < Library.length {
            let word = dice.next()
            for i in 0..<8 { noise.append(UInt8(truncatingIfNeeded: word >> UInt64(i * 8))) }
        }
        var text: [UInt8] = []
        // Few phrases in any order, so that small texts have much in common.
        let phrases = (0..<150).map { "phrase \($0) says \(dice.next() % 1_000_000) words, " }
        while text.count < Library.length { text += Array(phrases[Int(dice.next() % 150)].utf8) }
        self.noise = noise
        self.text = Array(text[0..<Library.length])
    }
}

/// One version of one object.
struct Content {
    static let maximumLength = 120_000

    var key: Int
    /// The time at which its fill began, the lane in the low byte.
    var version: UInt64

    static func keyBytes(_ key: Int) -> [UInt8] { Array("storm/object/\(key)".utf8) }

    static func formKeyBytes(_ key: Int) -> [UInt8] { Array("storm/form/\(key)".utf8) }

    /// The time since which it is known to be right: that of its fill or of its last confirmation.
    var confirmed: UInt64

    init(key: Int, version: UInt64, confirmed: UInt64? = nil) {
        self.key = key
        self.version = version
        self.confirmed = confirmed ?? version
    }

    /// Key, version and time of confirmation, and their sum: what a header block says.
    var header: [UInt8] {
        let words = [UInt64(key), version, confirmed, UInt64(key) &+ version &+ confirmed]
        return (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) }
    }

    /// What a header block names; nil if it is no header of that key.
    init?(key: Int, header: RawSpan) {
        guard header.byteCount == 32 else { return nil }
        let words = (0..<4).map { unsafe header.unsafeLoadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        guard words[0] == UInt64(key), words[0] &+ words[1] &+ words[2] == words[3] else { return nil }
        self.init(key: key, version: words[1], confirmed: words[2])
    }

    /// What a header block names, whatever the key.
    init?(header: RawSpan) {
        guard header.byteCount >= 8 else { return nil }
        self.init(key: Int(unsafe header.unsafeLoadUnaligned(as: UInt64.self)), header: header)
    }

    /// The header block of a second form of a commit of this content, and what such a one names.
    func formHeader(stamp: UInt64) -> [UInt8] {
        header + (0..<8).map { UInt8(truncatingIfNeeded: stamp >> UInt64($0 * 8)) }
    }

    static func form(_ header: RawSpan) -> (content: Content, stamp: UInt64)? {
        guard header.byteCount == 40, let content = Content(header: header.extracting(0..<32)) else { return nil }
        return (content, unsafe header.unsafeLoadUnaligned(fromByteOffset: 32, as: UInt64.self))
    }

    /// Objects that get a second form.
    static let formedFlag: UInt16 = 1

    /// Small texts of some seconds are of one kind, so that dictionaries come into use and out of it.
    var attributes: ItemAttributes {
        let season = UInt16(truncatingIfNeeded: version / 4_000_000_000 % 3)
        return ItemAttributes(
            storedSeconds: 1, contentClass: isCompressible ? 1 + season : 0,
            callerFlags: key % 4 == 0 ? Content.formedFlag : 0)
    }

    private var seed: UInt64 {
        var dice = Dice(seed: version ^ UInt64(key) << 32)
        return dice.next()
    }

    var length: Int {
        let die = seed % 100
        let more = Int(seed >> 8 & 0xff_ffff)
        if die < 75 { return more % 3000 }
        if die < 98 { return more % 20_000 }
        return more % Content.maximumLength
    }

    private var start: Int { Int(seed >> 32) % (Library.length - Content.maximumLength) }

    /// Half of the small versions, one in eight of the large ones.
    var isCompressible: Bool { seed % 100 < 75 ? seed >> 7 & 1 == 1 : seed >> 7 & 7 == 1 }

    /// A run of the body.
    @_lifetime(borrow library)
    func run(_ range: Range<Int>, _ library: borrowing Library) -> RawSpan {
        let bytes = start + range.lowerBound..<start + range.upperBound
        return unsafe isCompressible
            ? library.text.span.bytes.extracting(bytes) : library.noise.span.bytes.extracting(bytes)
    }

    func matches(_ span: RawSpan, at offset: Int, _ library: borrowing Library) -> Bool {
        guard offset + span.byteCount <= length else { return false }
        if span.byteCount == 0 { return true }
        let expected = run(offset..<offset + span.byteCount, library)
        return unsafe expected.withUnsafeBytes { a in
            unsafe span.withUnsafeBytes { b in unsafe memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 }
        }
    }
}
