// The purge clock and the words that say up to when something is purged. A hit reads a few of them; only purges write.

extension RegionMap {
    /// The purge clock now. An origin request that starts now is younger than every purge so far.
    var purgeClock: UInt32 { global32(GlobalWords.purgeClock).sequential }

    /// One tick of the purge clock; objects born before the result are purged by whoever records it.
    func nextPurge() -> UInt32 { global32(GlobalWords.purgeClock).add(1) &+ 1 }

    @inline(__always)
    func hardTag(_ hash: UInt64) -> SharedWord32 { word32(hardTags + Int(truncatingIfNeeded: hash & wordMask) * 4) }
    @inline(__always)
    func softTag(_ hash: UInt64) -> SharedWord32 { word32(softTags + Int(truncatingIfNeeded: hash & wordMask) * 4) }
    func addressWord(_ hash: UInt64) -> SharedWord32 {
        word32(addresses + Int(truncatingIfNeeded: hash >> 20 & wordMask) * 4)
    }

    /// What purges say about an item.
    @inline(__always)
    func purgeState(_ item: ItemHeader) -> PurgeState {
        let born = item.born
        if global32(GlobalWords.everythingHard).acquired.isAfter(born) { return .gone }
        if global32(GlobalWords.newestTagHard).acquired.isAfter(born), tagged(item, born: born, hard: true) {
            return .gone
        }
        if global32(GlobalWords.newestBan).acquired.isAfter(born) {
            if isBanned(key: item, born: born) { return .gone }
            // A ban that was overwritten during the look is in this word since before.
            if global32(GlobalWords.everythingHard).acquired.isAfter(born) { return .gone }
        }
        if global32(GlobalWords.everythingSoft).acquired.isAfter(born) { return .stale }
        if global32(GlobalWords.newestTagSoft).acquired.isAfter(born), tagged(item, born: born, hard: false) {
            return .stale
        }
        return .untouched
    }

    private func tagged(_ item: ItemHeader, born: UInt32, hard: Bool) -> Bool {
        for i in 0..<item.tagCount {
            let tag = item.tag(i)
            if (hard ? hardTag(tag) : softTag(tag)).acquired.isAfter(born) { return true }
        }
        return false
    }

    private func isBanned(key item: ItemHeader, born: UInt32) -> Bool {
        unsafe isBanned(
            key: RawSpan(_unsafeStart: item.address + ItemHeader.size, byteCount: item.keyLength), born: born)
    }

    /// Whether a prefix purge after `born` covers the key.
    func isBanned(key: RawSpan, born: UInt32) -> Bool {
        let count = min(256, Int(global32(GlobalWords.bansWritten).acquired))
        for i in 0..<count {
            let ban = Ban(map: self, index: i)
            if ban.clock.acquired.isAfter(born), ban.covers(key) { return true }
        }
        return false
    }
}

/// What purges say about an object.
enum PurgeState {
    case untouched
    case stale
    case gone
}

/// One prefix purge, 32 bytes:
///
///      0  clock 4 | head length 2 | prefix offset 2
///      8  prefix length 2 | 0 2 | version 4          (even when stable)
///     16  hash of the key's head 8 | hash of its prefix 8
struct Ban {
    let map: RegionMap
    let index: Int

    private var start: Int { map.bans + index * 32 }
    var clock: SharedWord32 { map.word32(start) }
    private var lengths: SharedWord32 { map.word32(start + 4) }
    private var prefixLength: SharedWord32 { map.word32(start + 8) }
    private var version: SharedWord32 { map.word32(start + 12) }

    /// Whether the key begins with the ban's head and has its prefix. A ban being rewritten covers every key: an error
    /// costs a hit.
    func covers(_ key: RawSpan) -> Bool {
        let before = version.acquired
        guard before & 1 == 0 else { return true }
        let headLength = Int(lengths.relaxed & 0xffff)
        let offset = Int(lengths.relaxed >> 16)
        let length = Int(prefixLength.relaxed)
        let (head, prefix) = (map.word64(start + 16).relaxed, map.word64(start + 24).relaxed)
        let result =
            key.byteCount >= headLength && key.byteCount >= offset + length
            && map.hash(key.extracting(0..<headLength)) == head
            && map.hash(key.extracting(offset..<offset + length)) == prefix
        fullFence()
        return version.acquired == before ? result : true
    }

    func write(clock newClock: UInt32, head: RawSpan, prefix: RawSpan, at offset: Int) {
        version.publish(version.sequential | 1)
        lengths.publish(UInt32(head.byteCount) | UInt32(offset) << 16)
        prefixLength.publish(UInt32(prefix.byteCount))
        map.word64(start + 16).publish(map.hash(head))
        map.word64(start + 24).publish(map.hash(prefix))
        clock.publish(newClock)
        version.publish((version.sequential | 1) &+ 1)
    }
}
