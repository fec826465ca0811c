// How a hit finds its object. Everything else finds with `RegionMap.find`, which also looks behind links and at commits
// under way. Nothing here writes.
internal import CLinux

/// The few of a region map's words that a hit needs: the whole map is too large to be handed about for each request.
///
/// Most of what a lookup in a large cache costs is waiting, twice in a row: for the bucket and for the item. Meanwhile
/// a processor begins the reads of the next lookups, but only up to a branch that it guesses wrong. So no branch here
/// depends on where in its two buckets an entry is, and both are read at once.
@safe
struct Probe: @unchecked Sendable {
    private let index, data, globals: UnsafeMutableRawPointer
    private let bucketCount: UInt64
    private let segmentShift, unitShift: Int
    let chunkShift: Int

    init(_ map: RegionMap) {
        unsafe index = map.slot(0).address
        unsafe data = map.address(segment: 0, offset: 0)
        unsafe globals = map.base + map.globals
        bucketCount = map.bucketCount
        (segmentShift, unitShift) = (map.segmentShift, map.unitShift)
        chunkShift = map.chunkShift
    }

    /// The item of a key, if a live slot of one of its buckets names it. The caller holds an epoch.
    @inline(__always)
    func find(hash: UInt64, key: RawSpan) -> Hit? {
        let (first, second) = RegionMap.buckets(hash, of: bucketCount)
        let wanted = Slot.wanted(hash)
        let candidates = unsafe cl_match8x2(
            index + first &* 8, index + second &* 8, UInt32(truncatingIfNeeded: Slot.wantedMask >> 32),
            UInt32(truncatingIfNeeded: wanted >> 32))
        guard candidates != 0 else { return nil }
        let way = Int(truncatingIfNeeded: candidates.trailingZeroBitCount)
        let number = (first &+ (second &- first) & (0 &- way &>> 3)) &+ way & 7
        let address = unsafe SharedWord64(index + number &* 8)
        // Read again: in one piece, and before the item.
        let slot = Slot(word: address.acquired)
        guard slot.word & Slot.wantedMask == wanted, isUsable(slot.segment) else { return nil }
        let offset = slot.unit &<< unitShift
        let room = 1 &<< segmentShift &- offset
        guard ItemHeader.size &+ key.byteCount <= room else { return nil }
        let item = unsafe ItemHeader(data + (slot.segment &<< segmentShift &+ offset))
        return item.isOf(hash: hash, key: key, slot) ? Hit(word: slot, address: address, item: item, room: room) : nil
    }

    /// Whether the file goes as far as a segment: more are laid out, and a damaged slot may name one of those. Asked
    /// behind the slot's word: who put that there had seen the segment usable, so a cache that grows hides nothing.
    @inline(__always)
    private func isUsable(_ segment: Int) -> Bool {
        unsafe UInt64(truncatingIfNeeded: segment) < SharedWord64(globals + GlobalWords.usableSegments).relaxed
    }

    /// Whether no purge at all is younger than that.
    @inline(__always)
    func isUntouched(born: UInt32) -> Bool {
        func word(_ field: Int) -> UInt32 { unsafe SharedWord32(globals + field).acquired }
        return
            !(word(GlobalWords.everythingHard).isAfter(born) || word(GlobalWords.newestTagHard).isAfter(born)
            || word(GlobalWords.newestBan).isAfter(born) || word(GlobalWords.everythingSoft).isAfter(born)
            || word(GlobalWords.newestTagSoft).isAfter(born))
    }
}

/// An entry of the index and its item.
struct Hit {
    let word: Slot
    let address: SharedWord64
    let item: ItemHeader
    /// Bytes from the item to the end of its segment.
    let room: Int
}
