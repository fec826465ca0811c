// Whether a large object is worth what it would push out: once the cache is full, only if it is asked for again.

extension LaneCore {
    /// Bodies up to this length are stored when they are first seen.
    static let freelyAdmittedBytes = 1 << 20

    /// Whether a fill may be stored. A large one that would have to push others out is noted the first time, and taken
    /// when it comes again, is waited for by others as well, or replaces what is stored.
    func admits(_ fill: Int, bytes: Int) -> Bool {
        guard bytes > LaneCore.freelyAdmittedBytes, !hasRoom(for: bytes) else { return true }
        let hash = map.fill64(fill, FillWords.hash).relaxed
        if isWaitedForByOthers(fill) || map.isGhost(hash) || isStored(fill, hash) { return true }
        let sight = hash ^ 0x9E37_79B9_7F4A_7C15
        if map.takeGhost(sight) { return true }
        map.rememberGhost(sight)
        return false
    }

    /// Makes the next upkeep free the segments that a large body will take.
    func expect(bytes: Int) {
        guard bytes > LaneCore.freelyAdmittedBytes else { return }
        expectedSegments = min(map.usableSegments / 8, bytes >> map.segmentShift + 4)
        tookSegments = true
    }

    private func isWaitedForByOthers(_ fill: Int) -> Bool {
        let own = lane < 64 ? (laneBit, 0) : (0, laneBit)
        let low = map.fill64(fill, FillWords.waitersLow).sequential & ~own.0
        let high = map.fill64(fill, FillWords.waitersHigh).sequential & ~own.1
        return interest[fill] > 1 || low | high != 0
    }

    private func isStored(_ fill: Int, _ hash: UInt64) -> Bool {
        let key = unsafe RawSpan(
            _unsafeStart: map.blockAddress(map.fill32(fill, FillWords.headBlock).relaxed),
            byteCount: Int(map.fill32(fill, FillWords.keyLength).relaxed))
        return map.find(hash: hash, key: key) != nil
    }

    /// Whether that many bytes fit without pushing anything out.
    private func hasRoom(for bytes: Int) -> Bool {
        var free = 0
        for segment in 0..<map.usableSegments where map.state(segment).phase == .free { free += 1 }
        return (free - reserveSegments) << map.segmentShift >= bytes
    }
}
