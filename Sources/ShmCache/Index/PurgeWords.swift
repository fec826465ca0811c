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
        var isStale = false
        if global32(GlobalWords.newestBan).acquired.isAfter(born) {
            switch bans(key: item, born: born) {
            case .gone: return .gone
            case .stale: isStale = true
            case .untouched: break
            }
            // A ban that was overwritten during the look is in this word since before.
            if global32(GlobalWords.everythingHard).acquired.isAfter(born), !Faults.skips(.secondLook) { return .gone }
        }
        // After the look at the ring: a soft ban that was overwritten meanwhile is in this word.
        if isStale || global32(GlobalWords.everythingSoft).acquired.isAfter(born) { return .stale }
        if global32(GlobalWords.newestTagSoft).acquired.isAfter(born),
            softTag(item.hash).acquired.isAfter(born) || tagged(item, born: born, hard: false)
        {
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

    private func bans(key item: ItemHeader, born: UInt32) -> PurgeState {
        unsafe bans(
            key: RawSpan(_unsafeStart: item.address + ItemHeader.size, byteCount: item.keyLength), born: born)
    }

    /// What prefix purges after `born` say about the key.
    func bans(key: RawSpan, born: UInt32) -> PurgeState {
        var isStale = false
        let count = min(Ban.count, Int(global32(GlobalWords.bansWritten).acquired))
        for i in 0..<count {
            let ban = Ban(map: self, index: i)
            guard ban.clock.acquired.isAfter(born) else { continue }
            switch ban.covers(key) {
            case .gone: return .gone
            case .stale: isStale = true
            case .untouched: break
            }
        }
        return isStale ? .stale : .untouched
    }
}

/// What purges say about an object.
enum PurgeState {
    case untouched
    case stale
    case gone
}
