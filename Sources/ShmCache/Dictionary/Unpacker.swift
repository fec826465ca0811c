// Reading small objects that are stored packed: header block and body in one LZ4 block, made with a dictionary. They
// are decoded into a little private memory of the lane, in turn, so that a hit allocates nothing.
internal import CLZ4
internal import CLinux

/// A lane's memory for packed objects being read. Owned by its `LaneCore`.
///
///       0  objects decoded so far 8
///      64  for each dictionary: its stamp, once its text was seen to be whole, 4
///    1088  places, one after the other in turn
@safe
struct Unpacker {
    /// Views of packed objects that can be in use at once.
    static let places = 8
    /// Header block and body of a packed object are never longer together.
    static let largestBytes = 8192 - 512
    private static let placeBytes = 8192
    private static let stampsOffset = 64
    private static let placesOffset = 64 + 256 * 4
    static let mostDictionaries = 255

    private let start: UnsafeMutableRawPointer

    init() {
        let size = Unpacker.placesOffset + Unpacker.places * Unpacker.placeBytes
        unsafe start = .allocate(byteCount: size, alignment: 64)
        unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: Unpacker.placesOffset)
    }

    func deallocate() { unsafe start.deallocate() }

    private var decoded: UInt64 {
        get { unsafe start.load(as: UInt64.self) }
        nonmutating set { unsafe start.storeBytes(of: newValue, as: UInt64.self) }
    }

    /// Decodes a packed object into the next place. Nil when its dictionary is missing or damaged, or the object is.
    @inline(never)
    func unpack(_ item: ItemHeader, _ map: RegionMap) -> Unpacked? {
        let number = decoded &+ 1
        decoded = number
        let place =
            unsafe start + Unpacker.placesOffset
            + Int(truncatingIfNeeded: number % UInt64(Unpacker.places)) * Unpacker.placeBytes
        guard unsafe decode(item, map, to: place, room: Unpacker.placeBytes) else { return nil }
        return unsafe Unpacked(bytes: place, number: number, unpacker: self)
    }

    /// Decodes header block and body to `target`.
    func decode(_ item: ItemHeader, _ map: RegionMap, to target: UnsafeMutableRawPointer, room: Int) -> Bool {
        let id = item.dictionary
        let length = item.headerLength + item.bodyLength
        let stored = item.inlineLength(map.chunkShift)
        guard length <= room, (0...map.segmentSize).contains(stored), isUsable(id, stamp: item.dictionaryStamp, map)
        else { return false }
        let count = unsafe LZ4_decompress_safe_usingDict(
            (item.address + item.headerOffset).assumingMemoryBound(to: CChar.self),
            target.assumingMemoryBound(to: CChar.self), Int32(stored), Int32(length),
            map.dictionaryText(id).assumingMemoryBound(to: CChar.self), Int32(map.dictionaryLength(id)))
        return Int(count) == length
    }

    /// Whether a dictionary is the one that an item was made with, and whole. Its text is looked at once.
    func isUsable(_ id: Int, stamp: UInt32, _ map: RegionMap) -> Bool {
        guard id < map.dictionaryCount, map.dictionaryState(id).isReadable,
            map.dictionary32(id, DictionaryWords.stamp).relaxed == stamp
        else { return false }
        let offset = Unpacker.stampsOffset + id * 4
        if unsafe start.load(fromByteOffset: offset, as: UInt32.self) == stamp { return true }
        guard map.computeStamp(id) == stamp else { return false }
        unsafe start.storeBytes(of: stamp, toByteOffset: offset, as: UInt32.self)
        return true
    }

    /// Whether a place still holds what was decoded as that number.
    @inline(__always)
    func holds(_ number: UInt64) -> Bool { decoded &- number < UInt64(Unpacker.places) }
}

/// A packed object, decoded.
@safe
struct Unpacked {
    let bytes: UnsafeMutableRawPointer
    let number: UInt64
    let unpacker: Unpacker

    /// False once so many others have been decoded since that the place was needed again.
    @inline(__always)
    var isThere: Bool { unpacker.holds(number) }
}

extension LaneCore {
    /// Whether lookups would give an object out.
    func canRead(_ item: ItemHeader) -> Bool {
        !item.flags.contains(.packed) || unpacker.unpack(item, map) != nil
    }
}
