// Rebuilding the index from the segments alone, after a boot that ended without a clean stop. Every item is verified in
// full, bodies included; nobody else is attached yet.
internal import CLinux

/// The rebuilding of one region.
struct Rebuild {
    let map: RegionMap

    func run() {
        map.clear(map.index, count: (Int(map.bucketCount) + map.spareBuckets) * 64)
        map.global64(GlobalWords.spareBucket).relax(0)
        map.global64(GlobalWords.rawCopyBytes).relax(0)
        map.clear(map.fillBuckets, count: map.fillBucketCount * 8)
        map.clear(map.fills, count: map.fillCount * FillWords.size)
        map.clear(map.stagingTags, count: map.segmentCount * map.blocksPerSegment * 8)
        for segment in 0..<map.usableSegments {
            map.segment64(segment, SegmentWords.fillTag).relax(0)
            let state = map.state(segment)
            switch state.phase {
            case .open, .parked, .sealed, .evicting: break
            case .whole: map.segment64(segment, SegmentWords.state).relax(state.with(.whole).word)
            case .free, .limbo, .staging, .filling, .index: free(segment, state)
            }
        }
        // Only then, since the index may take free segments.
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            if [.open, .parked, .sealed, .evicting].contains(state.phase) { collect(segment, state) }
        }
        // Only now, so that a purged or damaged newest item does not bring back an older one.
        dropUnverified()
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            if state.phase == .sealed, map.segment32(segment, SegmentWords.live).relaxed == 0 { free(segment, state) }
        }
        dropUnreferenced()
    }

    private func free(_ segment: Int, _ state: SegmentState) {
        // The generation first: killed in between, nothing in the segment may seem to be of the one to come.
        map.segment64(segment, SegmentWords.state).relax(SegmentState(.free, gen: state.gen &+ 1).word)
        map.clear(map.segments + segment * SegmentWords.size + 8, count: SegmentWords.size - 8)
    }

    /// Gives slots to the items of one segment, up to the first that is not whole.
    private func collect(_ segment: Int, _ state: SegmentState) {
        let unit = 1 << map.unitShift
        var (offset, items) = (0, 0)
        while offset + ItemHeader.size <= map.segmentSize {
            let item = unsafe ItemHeader(map.address(segment: segment, offset: offset))
            guard item.gen == state.gen, item.isPlausible(room: map.segmentSize - offset, chunkShift: map.chunkShift),
                item.computeChecksum(map.chunkShift) == item.headerChecksum
            else { break }
            map.global32(GlobalWords.purgeClock).raise(toPurge: item.born)
            let sequence = map.global64(GlobalWords.commitSequence)
            if sequence.relaxed <= item.sequence { sequence.relax(item.sequence &+ 1) }
            insert(item, segment: segment, offset: offset)
            items += 1
            offset += (item.itemLength + unit - 1) & ~(unit - 1)
        }
        let seal = map.global64(GlobalWords.sealSequence)
        let sealed = map.segment64(segment, SegmentWords.sealSequence)
        // In a segment that was not closed yet, or had no items, the word says something else.
        if items == 0 || state.phase == .open { sealed.relax(seal.relaxed) }
        if seal.relaxed <= sealed.relaxed { seal.relax(sealed.relaxed &+ 1) }
        for field in [SegmentWords.live, SegmentWords.extents, SegmentWords.latestExpiry] {
            map.segment32(segment, field).relax(0)
        }
        map.segment32(segment, SegmentWords.written).relax(UInt32(offset))
        map.segment32(segment, SegmentWords.items).relax(UInt32(items))
        let sizeClass = min(state.sizeClass, SizeClass.count - 1)
        let word = SegmentState(.sealed, gen: state.gen, sizeClass: sizeClass, main: state.isMain).word
        map.segment64(segment, SegmentWords.state).relax(word)
    }

    /// Clears the slots of items that a purge covers or whose body is damaged, and counts the others.
    private func dropUnverified() {
        map.forEachSlot { index in
            let slot = Slot(word: map.slot(index).relaxed)
            guard slot.kind == .live else { return }
            let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: slot.unit << map.unitShift))
            guard isWhole(item) else {
                map.slot(index).relax(0)
                return
            }
            map.segment32(slot.segment, SegmentWords.live).add(UInt32(item.itemLength))
            if item.flags.contains(.rawCopy) { map.global64(GlobalWords.rawCopyBytes).add(UInt64(item.itemLength)) }
            map.segment32(slot.segment, SegmentWords.extents).add(UInt32(item.extentCount))
            map.segment32(slot.segment, SegmentWords.latestExpiry).raise(to: item.expiresSeconds)
        }
    }

    /// Whether no purge covers the item, and every chunk of its body has its checksum.
    private func isWhole(_ item: ItemHeader) -> Bool {
        map.purgeState(item) != .gone && !map.addressWord(item.hash).relaxed.isAfter(item.born) && map.isBodyWhole(item)
    }

    /// Gives the item its slot, unless a newer one of its key has it.
    private func insert(_ item: ItemHeader, segment: Int, offset: Int) {
        let key = unsafe RawSpan(_unsafeStart: item.address + item.keyOffset, byteCount: item.keyLength)
        guard map.hash(key) == item.hash else { return }
        let slot = Slot(
            kind: .live, tag: Slot.tag(item.hash), frequency: 0, gen: item.gen, segment: segment,
            unit: offset >> map.unitShift)
        if let other = map.find(hash: item.hash, key: key) {
            if item.sequence > other.item.sequence { map.slot(other.slot).relax(slot.word) }
        } else if let room = map.roomForSlot(hash: item.hash, lane: SegmentState.noOwner), room.word.isEmpty {
            map.slot(room.slot).relax(slot.word)
        }
    }

    /// Whole segments that no accepted object has are free.
    private func dropUnreferenced() {
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            guard state.phase == .whole else { continue }
            let hash = map.segment64(segment, SegmentWords.ownerHash).relaxed
            if !map.isReferenced(whole: segment, gen: state.gen, hash: hash) { free(segment, state) }
        }
    }
}

extension RegionMap {
    /// Whether every chunk of an item's body is there and has its checksum.
    func isBodyWhole(_ item: ItemHeader) -> Bool {
        let start = unsafe item.address + item.bodyOffset(chunkShift)
        let chunks = item.chunkCount(chunkShift)
        let inline = item.inlineLength(chunkShift)
        if item.flags.contains(.packed) { return unsafe checksum32(start, inline) == item.bodyChecksum }
        if chunks == 0 { return true }
        if chunks == 1, item.extentCount == 0 {
            return unsafe checksum32(start, inline) == item.bodyChecksum
        }
        return unsafe areChunksWhole(item, start, chunks)
    }

    private func areChunksWhole(_ item: ItemHeader, _ start: UnsafeMutableRawPointer, _ chunks: Int) -> Bool {
        var (inlineAt, extentIndex, extentAt) = (0, -1, 0)
        let isRaw = item.flags.contains(.raw)
        var folded: UInt32?
        func isRight(_ checksum: UInt32, _ entry: ChunkEntry) -> Bool {
            if isRaw { folded = folded.map { ChunkEntry.fold($0, checksum) } ?? checksum }
            return isRaw || checksum == entry.checksum
        }
        for i in 0..<chunks {
            let entry = self.chunk(i, of: item)
            if extentIndex + 1 < item.extentCount, Int(item.extent(extentIndex + 1, self).firstChunk) == i {
                extentIndex += 1
                extentAt = 0
                guard holds(item.extent(extentIndex, self), of: item) != nil else { return false }
            }
            if extentIndex >= 0, extentAt + entry.storedLength <= Int(item.extent(extentIndex, self).storedLength) {
                let place = unsafe address(segment: Int(item.extent(extentIndex, self).segment), offset: extentAt)
                guard isRight(unsafe checksum32(place, entry.storedLength), entry) else { return false }
                extentAt += entry.storedLength
                continue
            }
            guard inlineAt + entry.storedLength <= item.inlineLength(chunkShift),
                isRight(unsafe checksum32(start + inlineAt, entry.storedLength), entry)
            else { return false }
            inlineAt += entry.storedLength
        }
        return !isRaw || folded == item.bodyChecksum
    }

    /// A chunk's entry; that of a raw body follows from its length.
    private func chunk(_ i: Int, of item: ItemHeader) -> ChunkEntry {
        if !item.flags.contains(.raw) { return item.load(ChunkEntry.self, item.directoryOffset + i * ChunkEntry.size) }
        return ChunkEntry(storedLength: min(chunkSize, item.bodyLength - i << chunkShift), isRaw: true, checksum: 0)
    }
}
