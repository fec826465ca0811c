// Finding and changing slots of the index. Each change is one exchange of one word; losing a race means looking again.
internal import CLinux

extension RegionMap {
    /// First slots of the two buckets where a hash may be.
    @inline(__always)
    func buckets(_ hash: UInt64) -> (Int, Int) {
        let first = (hash >> 32 &* bucketCount) >> 32
        let second = ((hash &* 0xD6E8_FEB8_6659_FD93) >> 32 &* bucketCount) >> 32
        return (Int(truncatingIfNeeded: first) &* 8, Int(truncatingIfNeeded: second) &* 8)
    }

    /// The item that a slot names, if it is this key's. The caller holds an epoch, or owns the segment.
    @inline(__always)
    func item(_ slot: Slot, hash: UInt64, key: RawSpan) -> ItemHeader? {
        guard slot.segment < segmentCount else { return nil }
        let offset = slot.unit << unitShift
        guard offset &+ ItemHeader.size &+ key.byteCount <= segmentSize else { return nil }
        let header = unsafe ItemHeader(address(segment: slot.segment, offset: offset))
        guard header.hash == hash, header.gen & 255 == slot.gen, header.keyLength == key.byteCount else { return nil }
        let same = unsafe key.withUnsafeBytes {
            unsafe cl_equal(header.address + ItemHeader.size, $0.baseAddress!, $0.count)
        }
        return same ? header : nil
    }

    /// The slot and item of a key, live or pending.
    @inline(__always)
    func find(hash: UInt64, key: RawSpan, pendingToo: Bool = false) -> (slot: Int, word: Slot, item: ItemHeader)? {
        let (first, second) = buckets(hash)
        let tag = Slot.tag(hash)
        for bucket in 0..<2 {
            let start = bucket == 0 ? first : second
            for index in start..<start &+ 8 {
                let slot = Slot(word: self.slot(index).acquired)
                guard slot.tag == tag, slot.kind == .live || (pendingToo && slot.kind == .pending) else { continue }
                if let item = item(slot, hash: hash, key: key) { return (index, slot, item) }
            }
        }
        return nil
    }

    /// The slot that names a place.
    func find(place: UInt64, hash: UInt64) -> (slot: Int, word: Slot)? {
        let (first, second) = buckets(hash)
        for start in [first, second] {
            for index in start..<start + 8 {
                let slot = Slot(word: self.slot(index).acquired)
                if slot.place == place, slot.kind != .empty { return (index, slot) }
            }
        }
        return nil
    }

    /// Where a new slot of this hash goes: an empty slot, or the least used one of both buckets.
    func roomForSlot(hash: UInt64) -> (slot: Int, word: Slot)? {
        let (first, second) = buckets(hash)
        var worst: (slot: Int, word: Slot)?
        for start in [first, second] {
            for index in start..<start + 8 {
                let slot = Slot(word: self.slot(index).acquired)
                if slot.isEmpty { return (index, slot) }
                guard slot.kind == .live else { continue }
                if let known = worst, slot.frequency >= known.word.frequency { continue }
                worst = (index, slot)
            }
        }
        return worst
    }
}
