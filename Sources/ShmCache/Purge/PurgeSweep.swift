// The purge clock counts on for ever in 32 bits: two points of it can be told apart as long as they are less than 2^31
// purges apart. So what is older than 2^30 purges goes, objects and words, every 2^28 purges.

extension UInt32 {
    /// Whether this point of the purge clock comes after that one.
    @inline(__always)
    func isAfter(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) > 0 }
}

extension SharedWord32 {
    /// Raises a purge word to at least `clock`.
    func raise(toPurge clock: UInt32) {
        var seen = sequential
        while clock.isAfter(seen) && !swap(seen, to: clock) { seen = sequential }
    }
}

/// A sweep under way, a part of the index at a time.
struct PurgeSweep {
    static let period: UInt32 = 1 << 28
    static let oldest: UInt32 = 1 << 30
    static let bucketsPerStep = 8192

    var nextBucket = 0
    var clock: UInt32 = 0
    var isRunning = false
}

extension Lane {
    /// One step of dropping what the purge clock will soon be unable to tell from the new. Between two turns; for a
    /// janitor. False when nothing is due.
    public mutating func sweepPurged(now: CacheInstant) -> Bool {
        core.now = now
        guard core.sweep.isRunning || core.isSweepDue(after: PurgeSweep.period) else { return false }
        Epoch(core.map, lane: index).enter()
        core.sweepStep()
        Epoch(core.map, lane: index).leave()
        return core.sweep.isRunning
    }
}

extension LaneCore {
    /// One tick of the purge clock. Where no janitor sweeps, whoever purges does it before it would be too late.
    func nextPurge() -> UInt32 {
        if isSweepDue(after: PurgeSweep.oldest) {
            repeat { sweepStep() } while sweep.isRunning
        }
        return map.nextPurge()
    }

    fileprivate func isSweepDue(after purges: UInt32) -> Bool {
        map.purgeClock &- map.global32(GlobalWords.sweptClock).relaxed >= purges
    }

    /// The caller holds an epoch.
    fileprivate func sweepStep() {
        if !sweep.isRunning {
            sweep = PurgeSweep(nextBucket: 0, clock: map.purgeClock, isRunning: true)
            // From here on nobody sees what the sweep is going to drop.
            map.global32(GlobalWords.everythingHard).raise(toPurge: sweep.clock &- PurgeSweep.oldest)
        }
        let horizon = sweep.clock &- PurgeSweep.oldest
        let end = min(Int(map.bucketCount), sweep.nextBucket + PurgeSweep.bucketsPerStep)
        map.forEachSlot(inBuckets: sweep.nextBucket..<end) { index in
            let slot = Slot(word: map.slot(index).acquired)
            guard slot.kind == .live, slot.segment < map.usableSegments else { return }
            let offset = slot.unit << map.unitShift
            guard offset + ItemHeader.size <= map.segmentSize else { return }
            let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: offset))
            guard item.gen & 255 == slot.gen, horizon.isAfter(item.born) else { return }
            if map.slot(index).swap(slot.word, to: 0) { forget(slot) }
        }
        sweep.nextBucket = end
        if end == Int(map.bucketCount) { endSweep(horizon) }
    }

    /// No object is older than the horizon: a word that is can be put there without changing what it says.
    private func endSweep(_ horizon: UInt32) {
        for word in [
            GlobalWords.everythingSoft, GlobalWords.newestTagHard, GlobalWords.newestTagSoft, GlobalWords.newestBan,
        ] { map.global32(word).raise(toPurge: horizon) }
        for i in 0...Int(map.wordMask) {
            for table in [map.hardTags, map.softTags, map.addresses] {
                let word = map.word32(table + i * 4)
                if horizon.isAfter(word.relaxed) { word.raise(toPurge: horizon) }
            }
        }
        for i in 0..<Ban.count { Ban(map: map, index: i).clock.raise(toPurge: horizon) }
        map.global32(GlobalWords.sweptClock).release(sweep.clock)
        sweep.isRunning = false
    }
}
