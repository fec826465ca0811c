// The ring of prefix purges. A place in it has one writer at a time: a slow writer that was lapped by 256 others would
// overwrite a purge that has returned.

/// One prefix purge, 32 bytes:
///
///      0  clock 4 | head length 2 | prefix offset 2
///      8  prefix length 2 | soft 2 | version 4: {taken so often 16 | lane that writes it + 1, or 0 16}
///     16  hash of the key's head 8 | hash of its prefix 8
struct Ban {
    static let layoutVersion = 2
    static let count = 256

    let map: RegionMap
    let index: Int

    private var start: Int { map.bans + index * 32 }
    var clock: SharedWord32 { map.word32(start) }
    private var lengths: SharedWord32 { map.word32(start + 4) }
    private var prefixLength: SharedWord32 { map.word32(start + 8) }
    private var version: SharedWord32 { map.word32(start + 12) }

    /// Whether what is in the place makes objects stale instead of gone. For who has taken it.
    var isSoft: Bool { prefixLength.sequential >> 16 != 0 }

    /// What the ban says about a key: something if the key begins with the ban's head and has its prefix. A ban being
    /// rewritten covers every key for good: an error costs a hit.
    func covers(_ key: RawSpan) -> PurgeState {
        let before = version.acquired
        guard before & 0xffff == 0 else { return .gone }
        let headLength = Int(lengths.relaxed & 0xffff)
        let offset = Int(lengths.relaxed >> 16)
        let (length, isSoft) = (Int(prefixLength.relaxed & 0xffff), prefixLength.relaxed >> 16 != 0)
        let (head, prefix) = (map.word64(start + 16).relaxed, map.word64(start + 24).relaxed)
        let result =
            key.byteCount >= headLength && key.byteCount >= offset + length
            && map.hash(key.extracting(0..<headLength)) == head
            && map.hash(key.extracting(offset..<offset + length)) == prefix
        fullFence()
        guard version.acquired == before else { return .gone }
        return result ? isSoft ? .stale : .gone : .untouched
    }

    /// Takes the place for a lane. False when another live one is just writing it.
    func take(lane: Int) -> Bool {
        let seen = version.sequential
        let writer = Int(seen & 0xffff) - 1
        let isBusy =
            writer >= 0 && writer != lane && writer < map.laneCount && Liveness(map, lane: writer).isHeldByLiveThread
        let isFree = !isBusy || Faults.skips(.banWriter)
        return isFree && version.swap(seen, to: (seen >> 16 &+ 1) << 16 | UInt32(lane + 1))
    }

    /// Writes a taken place and gives it back. The caller has turned what was in it into a purge of everything.
    func write(clock newClock: UInt32, head: RawSpan, prefix: RawSpan, at offset: Int, soft: Bool) {
        lengths.publish(UInt32(head.byteCount) | UInt32(offset) << 16)
        prefixLength.publish(UInt32(prefix.byteCount) | (soft ? 1 << 16 : 0))
        map.word64(start + 16).publish(map.hash(head))
        map.word64(start + 24).publish(map.hash(prefix))
        clock.publish(newClock)
        version.publish(version.sequential & ~0xffff)
    }

    /// Gives the place back whoever was writing it: nobody is alive.
    func settleAll() { version.publish(version.sequential & ~0xffff) }

    /// Gives back a place that a dead lane was writing. What was in it is a purge of everything already, and the new
    /// purge has not returned: whatever is in it now does no harm.
    func settle(lane: Int) {
        let seen = version.sequential
        if Int(seen & 0xffff) == lane + 1 { _ = version.swap(seen, to: seen & ~0xffff) }
    }
}
