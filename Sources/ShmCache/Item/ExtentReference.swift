// How an item names the whole segments that hold parts of its body, and how it is known that they still do.

/// A whole segment that holds part of a body. Stored as {segment 20 bits, gen 12 bits | stored bytes 4 | first chunk
/// 4}; of a raw body only the first word: its segments are full, but for the last, and follow on what lies in the item.
struct ExtentReference {
    var segment: UInt32
    /// The segment's gen, of which an item keeps the lower bits. The segment itself says whose it is.
    var gen: UInt32
    var storedLength: UInt32
    var firstChunk: UInt32

    static func size(inRaw isRaw: Bool) -> Int { isRaw ? 4 : 12 }

    private static let genMask: UInt32 = 0xfff

    /// Segment and gen as an item keeps them.
    var word: UInt32 { segment | gen << 20 }

    @inline(__always)
    func isOf(gen other: UInt32) -> Bool { (gen ^ other) & ExtentReference.genMask == 0 }
}

extension ItemHeader {
    @inline(__always)
    func extent(_ i: Int, _ map: RegionMap) -> ExtentReference {
        let isRaw = flags.contains(.raw)
        let at = extentsOffset(map.chunkShift) + i * ExtentReference.size(inRaw: isRaw)
        let word = load(UInt32.self, at)
        var extent = ExtentReference(segment: word & 0xfffff, gen: word >> 20, storedLength: 0, firstChunk: 0)
        if isRaw {
            let offset = map.blockBytes + i << map.segmentShift
            extent.storedLength = UInt32(clamping: min(map.segmentSize, bodyLength - offset))
            extent.firstChunk = UInt32(clamping: offset >> map.chunkShift)
        } else {
            extent.storedLength = load(UInt32.self, at + 4)
            extent.firstChunk = load(UInt32.self, at + 8)
        }
        return extent
    }

    /// For an item that nobody can find yet, whose flags and count of extents are set.
    func store(extents: [ExtentReference], _ chunkShift: Int) {
        let isRaw = flags.contains(.raw)
        var at = extentsOffset(chunkShift)
        for extent in extents {
            store(extent.word, at)
            if !isRaw {
                store(extent.storedLength, at + 4)
                store(extent.firstChunk, at + 8)
            }
            at += ExtentReference.size(inRaw: isRaw)
        }
    }

    /// What tells the body from any other of the same key, and stays when the object is confirmed.
    var bodyMark: UInt64 { UInt64(bodyChecksum) | UInt64(truncatingIfNeeded: bodyLength) << 32 }
}

extension RegionMap {
    /// Whether a whole segment still is the extent that an item names; if so, its state. The few bits of the gen would
    /// come round while a slow client reads: key and body must be the item's too.
    func holds(_ extent: ExtentReference, of item: ItemHeader) -> SegmentState? {
        guard extent.segment < UInt32(usableSegments) else { return nil }
        let segment = Int(extent.segment)
        let state = state(segment)
        guard state.phase == .whole, extent.isOf(gen: state.gen), isOwned(segment, by: item) else { return nil }
        // Read again: the words are those of this state.
        return segment64(segment, SegmentWords.state).acquired == state.word ? state : nil
    }

    /// Whether a segment still has an extent's bytes, for a reader that keeps it from being freed: the object may have
    /// been dropped meanwhile.
    func keeps(_ extent: ExtentReference, of item: ItemHeader) -> Bool {
        guard extent.segment < UInt32(usableSegments), isOwned(Int(extent.segment), by: item) else { return false }
        let state = state(Int(extent.segment))
        if extent.isOf(gen: state.gen) { return state.phase == .whole || state.phase == .evicting }
        return extent.isOf(gen: state.gen &- 1) && (state.phase == .evicting || state.phase == .limbo)
    }

    private func isOwned(_ segment: Int, by item: ItemHeader) -> Bool {
        segment64(segment, SegmentWords.ownerHash).acquired == item.hash
            && segment64(segment, SegmentWords.ownerBody).acquired == item.bodyMark
    }

    /// Makes a segment that is about to be whole an item's.
    func own(_ segment: Int, by item: ItemHeader) {
        segment64(segment, SegmentWords.ownerHash).relax(item.hash)
        segment64(segment, SegmentWords.ownerBody).relax(item.bodyMark)
    }
}
