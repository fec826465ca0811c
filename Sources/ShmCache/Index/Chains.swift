// Buckets beyond the index section: a full bucket's last slot becomes a link to one more bucket, so that the index
// grows where it is needed and no object is lost to a full one. Links stay until the region is made anew.
internal import CLinux

extension RegionMap {
    /// The first slot of a hash's buckets, chains included, that `matches` accepts. Each slot is read once, so that an
    /// entry that moves behind a link meanwhile is seen in one place or the other.
    @inline(__always)
    func firstSlot(_ hash: UInt64, where matches: (Int, Slot) -> Bool) -> (slot: Int, word: Slot)? {
        let (first, second) = buckets(hash)
        for bucket in 0..<2 {
            var start = bucket == 0 ? first : second
            for _ in 0..<Slot.longestChain {
                var next = -1
                for index in start..<start &+ 8 {
                    let slot = Slot(word: self.slot(index).acquired)
                    if slot.kind == .link, index == start &+ 7 {
                        next = slot.linked
                    } else if matches(index, slot) {
                        return (index, slot)
                    }
                }
                guard next >= 0, isBucket(next) else { break }
                start = next
            }
        }
        return nil
    }

    /// Every slot of the index, chains included. Links too.
    func forEachSlot(_ body: (Int) -> Void) { forEachSlot(inBuckets: 0..<Int(bucketCount), body) }

    /// The same for some buckets and their chains.
    func forEachSlot(inBuckets buckets: Range<Int>, _ body: (Int) -> Void) {
        for bucket in buckets {
            var start = bucket * 8
            for _ in 0..<Slot.longestChain {
                for index in start..<start + 8 { body(index) }
                let last = Slot(word: slot(start + 7).acquired)
                guard last.kind == .link, isBucket(last.linked) else { break }
                start = last.linked
            }
        }
    }

    /// Hangs one more bucket on the end of a bucket's chain. The entry of the last slot moves into the new bucket and
    /// the slot becomes the link in one exchange, so that nobody ever sees the entry twice or not at all. False when
    /// that slot is taken by a commit under way, or when there is no room for a bucket.
    func extend(_ bucket: Int, lane: Int) -> Bool {
        var start = bucket
        for _ in 1..<Slot.longestChain {
            let last = Slot(word: slot(start + 7).acquired)
            switch last.kind {
            case .link:
                guard isBucket(last.linked) else { return false }
                start = last.linked
            case .live:
                guard let new = takeSpareBucket(lane: lane) else { return false }
                slot(new).relax(last.word)
                // Counting a hit changes the word: the copy follows.
                var seen = last
                while !slot(start + 7).swap(seen.word, to: Slot(linkTo: new).word) {
                    seen = Slot(word: slot(start + 7).acquired)
                    guard seen.kind == .live else {
                        slot(new).relax(0)
                        return false
                    }
                    slot(new).relax(seen.word)
                }
                return true
            case .empty: return true
            case .pending: return false
            }
        }
        return false
    }

    /// Whether a number is that of a bucket's first slot: one of the section's or in a segment of the index.
    func isBucket(_ first: Int) -> Bool {
        // Only a damaged file names one beyond all segments.
        guard first >= 0, first & 7 == 0, first < 1 << 46 else { return false }
        if first < (Int(bucketCount) + spareBuckets) * 8 { return true }
        let offset = index + first * 8 - data
        guard offset >= 0, offset >> segmentShift < usableSegments else { return false }
        return state(offset >> segmentShift).phase == .index
    }

    /// Whether a number is that of a slot.
    func isSlot(_ number: Int) -> Bool { number >= 0 && isBucket(number & ~7) }

    /// An unused bucket, empty: of the section's spare ones first, then of a segment taken for the index. A death in
    /// between wastes one.
    private func takeSpareBucket(lane: Int) -> Int? {
        let word = global64(GlobalWords.spareBucket)
        while true {
            let seen = word.acquired
            let (segment, used) = (Int(seen >> 32) - 1, Int(seen & 0xffff_ffff))
            let count = segment < 0 ? spareBuckets : segmentSize / 64
            // Only a damaged file names another one.
            guard segment < usableSegments, segment < 0 || state(segment).phase == .index else { return nil }
            if used < count {
                guard word.swap(seen, to: seen &+ 1) else { continue }
                let offset =
                    segment < 0 ? index + (Int(bucketCount) + used) * 64 : data + segment << segmentShift + used * 64
                clear(offset, count: 64)
                return (offset - index) / 8
            }
            guard let fresh = takeSegmentForIndex(lane: lane) else { return nil }
            // A full one is nobody's before it is replaced: what then still has an owner was never brought in.
            if segment >= 0 { disown(indexSegment: segment) }
            if !word.swap(seen, to: UInt64(fresh + 1) << 32) {
                // Another lane brought one in.
                giveBack(indexSegment: fresh, state(fresh))
            }
        }
    }

    private var nothingEvicted: Bool { (0..<laneCount).allSatisfy { lane64($0, LaneWords.evicted).relaxed == 0 } }

    /// Whether the index section is at least as large as a segment: otherwise one would more than double it, for a few
    /// full buckets.
    private var isAsLargeAsSegment: Bool { (Int(bucketCount) + spareBuckets) * 64 >= segmentSize }

    /// Notes that an object went because its buckets were full.
    func countDisplaced() { global64(GlobalWords.displaced).add(1) }

    /// Whether as many objects were displaced as a segment has buckets, and these were one in a hundred of those
    /// committed; one in ten where a segment is more than the whole index.
    private func displacementPays() -> Bool {
        let displaced = global64(GlobalWords.displaced).relaxed
        guard displaced &* 64 >= UInt64(segmentSize) else { return false }
        var committed: UInt64 = 0
        for lane in 0..<laneCount { committed &+= lane64(lane, LaneWords.committed).relaxed }
        let before = global64(GlobalWords.committedThen).relaxed
        global64(GlobalWords.displaced).relax(0)
        global64(GlobalWords.committedThen).relax(committed)
        return displaced &* (isAsLargeAsSegment ? 100 : 10) >= committed &- before
    }

    /// Whether the region has grown since the index was made, and the index, which holds that many segments, has not
    /// grown as much, or much of what came is still free: nothing has to go for the index then.
    private func isDueToGrowth(held: Int, free: Int) -> Bool {
        let first = Int(global32(GlobalWords.firstSegments).relaxed)
        guard first > 0, usableSegments > first else { return false }
        if free * 4 > usableSegments { return true }
        let madeFor = (Int(bucketCount) + spareBuckets) * (usableSegments - first) / first
        return held * segmentSize / 64 < madeFor
    }

    private func disown(indexSegment segment: Int) {
        let state = state(segment)
        guard state.phase == .index else { return }
        _ = segment64(segment, SegmentWords.state).swap(state.word, to: state.with(.index).word)
    }

    private func giveBack(indexSegment segment: Int, _ state: SegmentState) {
        let freed = SegmentState(.free, gen: state.gen &+ 1)
        _ = segment64(segment, SegmentWords.state).swap(state.word, to: freed.word)
    }

    /// Makes good a death between the taking of a segment for the index and bringing it in.
    func settle(indexSegment segment: Int, _ state: SegmentState) {
        if Int(global64(GlobalWords.spareBucket).acquired >> 32) - 1 == segment {
            disown(indexSegment: segment)
        } else {
            giveBack(indexSegment: segment, state)
        }
    }

    /// A free segment, as long as the index has less than an eighth of all: while nothing had to go yet and a segment
    /// is not more than the whole index, or when full buckets cost so many objects that a segment pays.
    private func takeSegmentForIndex(lane: Int) -> Int? {
        var (candidate, held, free) = (-1, 0, 0)
        for segment in 0..<usableSegments {
            switch state(segment).phase {
            case .index: held += 1
            case .free:
                candidate = segment
                free += 1
            default: break
            }
        }
        guard candidate >= 0, held * 8 < usableSegments else { return nil }
        let isCheap = nothingEvicted && isAsLargeAsSegment
        guard isCheap || isDueToGrowth(held: held, free: free) || displacementPays() else { return nil }
        let state = state(candidate)
        guard state.phase == .free else { return nil }
        let taken = SegmentState(.index, gen: state.gen, owner: lane)
        return take(candidate, as: taken, from: state) ? candidate : nil
    }
}
