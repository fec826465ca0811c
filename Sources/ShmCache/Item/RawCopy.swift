// Keeping popular bodies raw: decoding costs more than the send for bodies from some KiB on. Bounded to a share of the
// region; a raw copy replaces the compressed item by one exchange of its slot.
internal import CLZ4
internal import CLinux

extension Lane {
    /// Bodies below this decode faster than it pays to keep them raw. Measured: a compressed hit of 1 KiB of text takes
    /// 4,300 user instructions to decode, 38 % of all it takes.
    public static var smallestRawCopyBytes: Int { 512 }

    /// Stores a compressed object again with its body raw, if it is neither too small nor too large and raw copies take
    /// less than a tenth of the region. Costs a decoding and a copy: at most once a turn. Inside a turn, with no view
    /// of the object in use any more. True when later lookups find the raw body.
    public borrowing func keepRawCopy(hash: UInt64, key: RawSpan) -> Bool {
        let core = core
        guard let found = core.findWhole(hash: hash, key: key) else { return false }
        return core.during(.relocate) { core.keepRaw(found.item, at: found.slot, word: found.word) }
    }
}

extension LaneCore {
    fileprivate func keepRaw(_ item: ItemHeader, at slot: Int, word: Slot) -> Bool {
        let length = item.bodyLength
        let total = item.headerOffset + item.headerLength + length
        guard !item.flags.contains(.raw), item.extentCount == 0, length >= Lane.smallestRawCopyBytes,
            total <= map.segmentSize / 4,
            map.global64(GlobalWords.rawCopyBytes).relaxed &+ UInt64(total) <= UInt64(
                map.usableSegments << map.segmentShift) / 10
        else { return false }
        let sizeClass = SizeClass.of(itemLength: total, extents: 0, segmentSize: map.segmentSize)
        guard let place = reserve(length: total, sizeClass: sizeClass, main: true) else { return false }
        let copy = unsafe ItemHeader(map.address(segment: place.segment, offset: place.offset))
        guard writeRaw(item, to: copy, total: total, gen: map.state(place.segment).gen) else { return false }
        publish(place, expires: item.expiresSeconds, extents: 0)
        let raw = Slot(
            kind: .live, tag: word.tag, frequency: word.frequency, gen: copy.gen, segment: place.segment,
            unit: place.offset >> map.unitShift)
        // Only in place of exactly what was copied: a newer object, a move or a purge wins.
        let seen = Slot(word: map.slot(slot).acquired)
        guard seen.place == word.place, seen.kind == .live, map.slot(slot).swap(seen.word, to: raw.word) else {
            map.segment32(place.segment, SegmentWords.live).subtractClamped(UInt32(place.length))
            return false
        }
        map.global64(GlobalWords.rawCopyBytes).add(UInt64(total))
        map.segment32(word.segment, SegmentWords.live).subtractClamped(UInt32(item.itemLength))
        return true
    }

    /// Writes the item with its body decoded. False when a chunk is damaged.
    private func writeRaw(_ item: ItemHeader, to copy: ItemHeader, total: Int, gen: UInt32) -> Bool {
        if item.flags.contains(.packed) { return writeUnpacked(item, to: copy, total: total, gen: gen) }
        // The raw body has no directory: it begins where that of the compressed one lies.
        let bodyOffset = item.directoryOffset
        unsafe copy.address.copyMemory(from: item.address, byteCount: bodyOffset)
        copy.store(gen, 8)
        copy.store(itemLength: total)
        copy.store(flags: item.flags.union([.raw, .rawCopy]))
        let chunks = item.chunkCount(map.chunkShift)
        var stored = item.bodyOffset(map.chunkShift)
        var folded: UInt32 = 0
        for i in 0..<chunks {
            let start = bodyOffset + (i << map.chunkShift)
            let length = min(map.chunkSize, item.bodyLength - (i << map.chunkShift))
            let entry =
                chunks == 1
                ? ChunkEntry(storedLength: item.inlineLength(map.chunkShift), isRaw: false, checksum: 0)
                : item.load(ChunkEntry.self, item.directoryOffset + i * ChunkEntry.size)
            let target = unsafe copy.address + start
            guard unsafe decode(item.address + stored, entry, to: target, length) else { return false }
            stored += entry.storedLength
            let checksum = unsafe checksum32(target, length)
            folded = i == 0 ? checksum : ChunkEntry.fold(folded, checksum)
        }
        copy.store(bodyChecksum: folded)
        copy.seal(map.chunkShift)
        return true
    }

    /// The same for a packed item: header block and body lie one behind the other as they come out.
    private func writeUnpacked(_ item: ItemHeader, to copy: ItemHeader, total: Int, gen: UInt32) -> Bool {
        unsafe copy.address.copyMemory(from: item.address, byteCount: item.headerOffset)
        let room = item.headerLength + item.bodyLength
        guard unsafe unpacker.decode(item, map, to: copy.address + item.headerOffset, room: room) else { return false }
        copy.store(gen, 8)
        copy.store(itemLength: total)
        copy.store(flags: item.flags.subtracting([.packed, .tight]).union([.raw, .rawCopy]))
        copy.store(headerLength: item.headerLength, bodyLength: item.bodyLength)
        copy.store(extentCount: 0)
        let body = unsafe copy.address + copy.bodyOffset(map.chunkShift)
        copy.store(bodyChecksum: unsafe checksum32(body, item.bodyLength))
        copy.seal(map.chunkShift)
        return true
    }

    private func decode(
        _ source: UnsafeMutableRawPointer, _ entry: ChunkEntry, to target: UnsafeMutableRawPointer, _ length: Int
    ) -> Bool {
        if entry.isRaw {
            unsafe target.copyMemory(from: source, byteCount: length)
            return entry.storedLength == length
        }
        return unsafe LZ4_decompress_safe(
            source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self),
            Int32(entry.storedLength), Int32(length)) == Int32(length)
    }
}

extension RegionMap {
    /// Takes an item that is gone off the share of raw copies.
    func forgetRawCopy(_ item: ItemHeader) {
        guard item.flags.contains(.rawCopy) else { return }
        let word = global64(GlobalWords.rawCopyBytes)
        var seen = word.relaxed
        let bytes = UInt64(item.itemLength)
        while !word.swap(seen, to: seen > bytes ? seen - bytes : 0) { seen = word.relaxed }
    }
}
