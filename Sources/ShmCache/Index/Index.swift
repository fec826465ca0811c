// Finding and changing slots of the index. Each change is one exchange of one word; losing a race means looking again.
internal import CLinux

extension RegionMap {
    /// First slots of the two buckets where a hash may be.
    func buckets(_ hash: UInt64) -> (Int, Int) { RegionMap.buckets(hash, of: bucketCount) }

    @inline(__always)
    static func buckets(_ hash: UInt64, of count: UInt64) -> (Int, Int) {
        let first = (hash &>> 32 &* count) &>> 32
        let second = ((hash &* 0xD6E8_FEB8_6659_FD93) &>> 32 &* count) &>> 32
        return (Int(truncatingIfNeeded: first) &* 8, Int(truncatingIfNeeded: second) &* 8)
    }

    /// The item that a slot names, if it is this key's. The caller holds an epoch, or owns the segment.
    func item(_ slot: Slot, hash: UInt64, key: RawSpan) -> ItemHeader? {
        guard slot.segment < usableSegments else { return nil }
        let offset = slot.unit << unitShift
        guard offset &+ ItemHeader.size &+ key.byteCount <= segmentSize else { return nil }
        let header = unsafe ItemHeader(address(segment: slot.segment, offset: offset))
        return header.isOf(hash: hash, key: key, slot) ? header : nil
    }

    /// The slot and item of a key, live or pending. What a `Probe` does not see is here, if anywhere.
    @inline(never)
    func find(
        hash: UInt64, key: RawSpan, pendingToo: Bool = false, besides own: Int = -1
    ) -> (slot: Int, word: Slot, item: ItemHeader)? {
        let tag = Slot.tag(hash)
        let found = firstSlot(hash) { index, slot in
            index != own && slot.tag == tag && (slot.kind == .live || (pendingToo && slot.kind == .pending))
                && item(slot, hash: hash, key: key) != nil
        }
        // What the word names is still there: the caller holds an epoch, or owns the segment.
        guard let found, let item = item(found.word, hash: hash, key: key) else { return nil }
        return (found.slot, found.word, item)
    }

    /// The slot that names a place.
    func find(place: UInt64, hash: UInt64) -> (slot: Int, word: Slot)? {
        firstSlot(hash) { _, slot in slot.place == place && (slot.kind == .live || slot.kind == .pending) }
    }

    /// Where a new slot of this hash goes: an empty slot, a place made by one more bucket, or at worst the least used
    /// slot of all. Nil when there is no place that may be taken now.
    func roomForSlot(hash: UInt64, lane: Int) -> (slot: Int, word: Slot)? {
        let (first, second) = buckets(hash)
        let (inFirst, inSecond) = (emptySlots(first), emptySlots(second))
        // Most stay in their first bucket, which a lookup reads first.
        if inFirst.count >= 3 || (inFirst.count > 0 && inFirst.count >= inSecond.count) {
            return (inFirst.at, Slot(word: 0))
        }
        if inSecond.count > 0 { return (inSecond.at, Slot(word: 0)) }
        if let empty = firstSlot(hash, where: { _, slot in slot.isEmpty }) { return empty }
        if extend(first, lane: lane) || extend(second, lane: lane),
            let empty = firstSlot(hash, where: { _, slot in slot.isEmpty })
        {
            return empty
        }
        return leastUsed(hash)
    }

    private func emptySlots(_ bucket: Int) -> (count: Int, at: Int) {
        var (count, at) = (0, -1)
        for index in bucket..<bucket + 8 where slot(index).acquired == 0 {
            count += 1
            if at < 0 { at = index }
        }
        return (count, at)
    }

    private func leastUsed(_ hash: UInt64) -> (slot: Int, word: Slot)? {
        var worst: (slot: Int, word: Slot)?
        _ = firstSlot(hash) { index, slot in
            guard slot.kind == .live else { return false }
            if let known = worst, slot.frequency >= known.word.frequency { return false }
            worst = (index, slot)
            return false
        }
        return worst
    }
}

extension LaneCore {
    /// The slot and item of a key, for who believes what the item says of itself. One that makes no sense, as only a
    /// damaged file has it, goes at once: it would be in the way of what is fetched in its place.
    func findWhole(
        hash: UInt64, key: RawSpan, pendingToo: Bool = false, besides own: Int = -1
    ) -> (slot: Int, word: Slot, item: ItemHeader)? {
        while let found = map.find(hash: hash, key: key, pendingToo: pendingToo, besides: own) {
            let room = map.segmentSize - found.word.unit << map.unitShift
            if found.item.isPlausible(room: room, chunkShift: map.chunkShift) { return found }
            _ = map.slot(found.slot).swap(found.word.word, to: 0)
        }
        return nil
    }
}
