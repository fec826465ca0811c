// A walk over the index for objects that are read often: what a caller would rather have in another form as well.

/// An object that was read often lately. Says where it was, and keeps nothing in place.
public struct PopularObject: Sendable, Equatable {
    /// Hash of its key.
    public let hash: UInt64
    /// As `ItemView.stamp`.
    public let stamp: UInt64
    /// Bytes of its body.
    public let bodyLength: Int
    /// For `Lane.view(of:)`; whether the object is still the one of its key, a lookup says.
    public let mark: Mark
}

/// Where such a walk is.
public struct PopularWalk: Sendable {
    var nextBucket = 0

    /// From the beginning.
    public init() {}
}

extension Lane {
    /// One step of a walk, about a millisecond long: objects that have at least those caller flags and that a lookup
    /// would call popular. Between two turns; for a janitor. The walk begins anew when it has come to the end.
    ///
    /// - Returns: whether this step was the last.
    public mutating func findPopular(
        _ walk: inout PopularWalk, callerFlags: UInt16, now: CacheInstant, _ found: (PopularObject) -> Void
    ) -> Bool {
        core.now = now
        Epoch(core.map, lane: index).enter()
        defer { Epoch(core.map, lane: index).leave() }
        return core.popularStep(&walk, callerFlags: callerFlags, found)
    }

    /// Tells the janitor in which forms requests would have liked popular objects: bits that mean what callers agree
    /// on. One read; where a bit is new, a write, and the janitor is woken.
    @inline(__always)
    public borrowing func noteWantedForms(_ bits: UInt64) {
        let word = unsafe mapPointer.pointee.global64(GlobalWords.wantedForms)
        guard word.relaxed & bits != bits else { return }
        word.or(bits)
        core.wakeJanitor()
    }

    /// The bits noted since the last call. For a janitor.
    public borrowing func takeWantedForms() -> UInt64 {
        unsafe mapPointer.pointee.global64(GlobalWords.wantedForms).and(0)
    }

    /// The hash function of this region's keys.
    public var keyHash: KeyHash {
        unsafe KeyHash(seed: mapPointer.pointee.hashSeed, final: mapPointer.pointee.hashFinal)
    }
}

extension LaneCore {
    /// The caller holds an epoch.
    fileprivate func popularStep(
        _ walk: inout PopularWalk, callerFlags: UInt16, _ found: (PopularObject) -> Void
    ) -> Bool {
        let end = min(Int(map.bucketCount), walk.nextBucket + PurgeSweep.bucketsPerStep)
        map.forEachSlot(inBuckets: walk.nextBucket..<end) { index in
            let slot = Slot(word: map.slot(index).acquired)
            guard slot.kind == .live, slot.frequency == 3, slot.segment < map.usableSegments else { return }
            let offset = slot.unit << map.unitShift
            guard offset + ItemHeader.size <= map.segmentSize else { return }
            let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: offset))
            guard item.gen & 255 == slot.gen,
                item.isPlausible(room: map.segmentSize - offset, chunkShift: map.chunkShift),
                item.attributes.callerFlags & callerFlags == callerFlags
            else { return }
            let mark = Mark(
                segment: UInt32(slot.segment), itemOffset: UInt32(offset), gen: item.gen, isSoftlyPurged: false)
            found(PopularObject(hash: item.hash, stamp: item.sequence, bodyLength: item.bodyLength, mark: mark))
        }
        walk.nextBucket = end == Int(map.bucketCount) ? 0 : end
        return walk.nextBucket == 0
    }
}
