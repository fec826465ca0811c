// The fixed header in front of every stored object, and where the parts behind it lie.
internal import CLinux

/// An item's header, 64 bytes, 8-byte aligned in its segment (more in segments above 2 MiB):
///
///       0  key hash 8                            32  stored seconds 4 | expires seconds 4
///       8  gen 4 | born 4                        40  body checksum 4 | header checksum 4
///      16  item length 4                         48  site 2 | fetch cost 2 | content class 2 | caller flags 2
///      20  key length 2 | tags 1 | flags 1       56  commit sequence 6 | extents 2
///      24  header length 3 | body length 5
///
/// then: key text | tags, 8 each | header block | chunk directory, 8 a chunk if there is more than one and not all are
/// raw | extents, 12 each, of a raw body 4 | inline body bytes. The gen is outside the header checksum, so that a copy
/// keeps it.
///
/// A packed item has neither header block nor directory nor extents: its inline bytes are header block and body,
/// compressed as one with the dictionary that it names. Both are short, so that the stamp of the dictionary fits:
///
///      24  header length 2 | body length 2 | dictionary stamp 4          62  dictionary 2
///
/// The header length is that of the header block as the caller gave it.
@safe
struct ItemHeader {
    static let size = 64
    /// Changes with the meaning of a field.
    static let layoutVersion = 4

    let address: UnsafeMutableRawPointer

    @inline(__always)
    init(_ address: UnsafeMutableRawPointer) { unsafe self.address = address }

    @inline(__always)
    func load<T: BitwiseCopyable>(_ type: T.Type, _ offset: Int) -> T {
        unsafe address.loadUnaligned(fromByteOffset: offset, as: type)
    }
    @inline(__always)
    func store<T: BitwiseCopyable>(_ value: T, _ offset: Int) {
        unsafe address.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// No chunk is compressed: the body's bytes lie raw in the inline part and the extents.
        static let raw = Flags(rawValue: 1)
        /// A note that requests for this key should not be collapsed.
        static let passMarker = Flags(rawValue: 2)
        /// Raw although it could be compressed, since it is read often.
        static let rawCopy = Flags(rawValue: 4)
        /// Header block and body are one block, compressed with a dictionary.
        static let packed = Flags(rawValue: 8)
        /// Compressed as well as the janitor can.
        static let tight = Flags(rawValue: 16)
    }

    var hash: UInt64 { load(UInt64.self, 0) }
    var gen: UInt32 { load(UInt32.self, 8) }
    var born: UInt32 { load(UInt32.self, 12) }
    var itemLength: Int { Int(load(UInt32.self, 16)) }
    var keyLength: Int { Int(load(UInt16.self, 20)) }
    var tagCount: Int { Int(load(UInt8.self, 22)) }
    var flags: Flags { Flags(rawValue: load(UInt8.self, 23)) }
    private var lengths: UInt64 { load(UInt64.self, 24) }
    private var isPacked: Bool { flags.contains(.packed) }
    var headerLength: Int { Int(truncatingIfNeeded: lengths & (isPacked ? 0xffff : 0xff_ffff)) }
    var bodyLength: Int { Int(truncatingIfNeeded: isPacked ? lengths >> 16 & 0xffff : lengths >> 24) }
    /// Of a packed item: its dictionary, and the stamp of that.
    var dictionary: Int { Int(load(UInt16.self, 62)) }
    var dictionaryStamp: UInt32 { load(UInt32.self, 28) }
    var extentCount: Int { isPacked ? 0 : Int(load(UInt16.self, 62)) }
    var storedSeconds: UInt32 { load(UInt32.self, 32) }
    var expiresSeconds: UInt32 { load(UInt32.self, 36) }
    var bodyChecksum: UInt32 { load(UInt32.self, 40) }
    var headerChecksum: UInt32 { load(UInt32.self, 44) }

    var sequence: UInt64 { load(UInt64.self, 56) & 0xffff_ffff_ffff }

    var attributes: ItemAttributes {
        ItemAttributes(
            storedSeconds: storedSeconds, expiresSeconds: expiresSeconds, site: load(UInt16.self, 48),
            fetchCostMilliseconds: load(UInt16.self, 50), contentClass: load(UInt16.self, 52),
            callerFlags: load(UInt16.self, 54))
    }

    /// Whether the item is this key's and the one that the slot meant. The caller has checked that there is room.
    @inline(__always)
    func isOf(hash: UInt64, key: RawSpan, _ slot: Slot) -> Bool {
        guard self.hash == hash, gen & 255 == slot.gen, keyLength == key.byteCount else { return false }
        return unsafe key.withUnsafeBytes { unsafe cl_equal(address + ItemHeader.size, $0.baseAddress!, $0.count) }
    }

    var keyOffset: Int { ItemHeader.size }
    /// The key's bytes in the mapping.
    @unsafe
    var key: RawSpan {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(RawSpan(_unsafeStart: address + keyOffset, byteCount: keyLength), copying: ()) }
    }
    var tagsOffset: Int { keyOffset + keyLength }
    var headerOffset: Int { tagsOffset + tagCount * 8 }
    var directoryOffset: Int { headerOffset + (flags.contains(.packed) ? 0 : headerLength) }
    func chunkCount(_ chunkShift: Int) -> Int { (bodyLength + (1 << chunkShift) - 1) >> chunkShift }
    func directoryLength(_ chunkShift: Int) -> Int {
        // A raw body needs no directory: its one checksum covers those of its chunks.
        if !flags.isDisjoint(with: [.raw, .packed]) { return 0 }
        let chunks = chunkCount(chunkShift)
        return chunks > 1 ? chunks * 8 : 0
    }
    func extentsOffset(_ chunkShift: Int) -> Int { directoryOffset + directoryLength(chunkShift) }
    func bodyOffset(_ chunkShift: Int) -> Int {
        extentsOffset(chunkShift) + extentCount * ExtentReference.size(inRaw: flags.contains(.raw))
    }

    /// Stored bytes of the body that lie in the item itself: all that is behind the rest.
    func inlineLength(_ chunkShift: Int) -> Int { itemLength - bodyOffset(chunkShift) }

    func tag(_ i: Int) -> UInt64 { load(UInt64.self, tagsOffset + i * 8) }

    /// Checks the lengths against each other and against the bytes that are there. In few instructions for most items:
    /// the fewer there are, the more lookups a processor works on at a time.
    @inline(__always)
    func isPlausible(room: Int, chunkShift: Int) -> Bool {
        let length = itemLength
        guard length <= room else { return false }
        let fixed = ItemHeader.size &+ keyLength &+ tagCount &* 8
        switch flags.rawValue & (Flags.raw.rawValue | Flags.packed.rawValue) {
        case Flags.packed.rawValue: return fixed <= length
        case Flags.raw.rawValue where load(UInt16.self, 62) == 0:
            let lengths = lengths
            return fixed &+ Int(lengths & 0xff_ffff) &+ Int(lengths >> 24) == length
        default: return isPlausibleInDetail(room: room, chunkShift: chunkShift)
        }
    }

    @inline(never)
    private func isPlausibleInDetail(room: Int, chunkShift: Int) -> Bool {
        let length = itemLength
        return length >= ItemHeader.size && length <= room && bodyLength >> chunkShift < 1 << 24
            && bodyOffset(chunkShift) <= length
            && (!flags.contains(.raw) || extentCount > 0 || bodyLength == inlineLength(chunkShift))
    }

    /// Checksum of everything but the body's bytes and the gen.
    func computeChecksum(_ chunkShift: Int) -> UInt32 {
        let end = bodyOffset(chunkShift)
        let first = unsafe hash64(RawSpan(_unsafeStart: address, byteCount: 8), seed: 0)
        let second = unsafe hash64(RawSpan(_unsafeStart: address + 12, byteCount: 32), seed: first)
        return UInt32(
            truncatingIfNeeded: unsafe hash64(RawSpan(_unsafeStart: address + 48, byteCount: end - 48), seed: second))
    }
}

/// A chunk's directory entry: {checksum 32, raw 1, unused 7, stored length 24}.
struct ChunkEntry: BitwiseCopyable {
    static let size = 8
    var word: UInt64

    init(storedLength: Int, isRaw: Bool, checksum: UInt32) {
        word = UInt64(storedLength) | (isRaw ? 1 << 24 : 0) | UInt64(checksum) << 32
    }

    /// One checksum of several in a row; that of a single one is itself.
    static func fold(_ checksum: UInt32, _ next: UInt32) -> UInt32 {
        let mixed = (UInt64(checksum) << 32 | UInt64(next)) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }

    var storedLength: Int { Int(word & 0xff_ffff) }
    var isRaw: Bool { word >> 24 & 1 == 1 }
    var checksum: UInt32 { UInt32(word >> 32) }
}
