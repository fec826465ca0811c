// Taking free segments, giving them back, and the way of a used segment back to free. Every change of state is one
// exchange of the state word.

extension LaneCore {
    /// Takes a free segment into `phase`. Nil when none is free.
    func takeSegment(_ phase: SegmentPhase, sizeClass: Int = 0, main: Bool = false) -> Int? {
        let count = map.usableSegments
        if freeCursor >= count { freeCursor = 0 }
        for step in 0..<count {
            var segment = freeCursor + step
            if segment >= count { segment -= count }
            let state = map.state(segment)
            guard state.phase == .free else { continue }
            let taken = SegmentState(phase, gen: state.gen, owner: lane, sizeClass: sizeClass, main: main)
            guard map.take(segment, as: taken, from: state) else { continue }
            freeCursor = segment + 1
            tookSegments = true
            takenSegments += 1
            return segment
        }
        return nil
    }

    /// Takes a segment for new bytes, first making used ones free if that needs no waiting. The last free ones are left
    /// for survivors of evictions.
    func takeSegmentForFill(_ phase: SegmentPhase, sizeClass: Int = 0, main: Bool = false) -> Int? {
        if let segment = takeSegment(phase, sizeClass: sizeClass, main: main) { return segment }
        // Others may have taken what this lane saw free.
        tookSegments = true
        maintain(maximumSegments: 1)
        if let segment = takeSegment(phase, sizeClass: sizeClass, main: main) { return segment }
        // What is evicted now is free only after this turn: keep more at hand from now on.
        demand = min(demand + 4, map.usableSegments / 8)
        map.global32(GlobalWords.demand).raise(to: UInt32(demand))
        wakeJanitor()
        return nil
    }
}

/// What became of a segment in limbo.
enum LimboOutcome {
    case freed
    /// A turn that began before it was given up is still under way.
    case inTurns
    /// A pin, or a reader of a fill, keeps it.
    case held
}

extension RegionMap {
    /// Puts an owned, unreachable segment into limbo: free as soon as no lane can still be reading it. The gen goes up
    /// first, then the epoch; a reader that announces the new epoch cannot have found the segment.
    func retire(_ segment: Int, owner: Int) {
        let state = state(segment)
        let next = SegmentState(.evicting, gen: state.gen &+ 1, owner: owner)
        segment64(segment, SegmentWords.state).publish(next.word)
        fullFence()
        resetFigures(segment)
        let epoch = global64(GlobalWords.epoch).add(1) &+ 1
        segment64(segment, SegmentWords.limboEpoch).relax(epoch)
        segment64(segment, SegmentWords.state).publish(SegmentState(.limbo, gen: next.gen).word)
    }

    private func resetFigures(_ segment: Int) {
        segment32(segment, SegmentWords.written).relax(0)
        segment32(segment, SegmentWords.live).relax(0)
        segment32(segment, SegmentWords.items).relax(0)
        segment32(segment, SegmentWords.latestExpiry).relax(0)
        segment32(segment, SegmentWords.extents).relax(0)
    }

    /// Frees a segment in limbo if no lane's epoch or pin and no fill's reader can still need it.
    func freeIfUnread(_ segment: Int) -> LimboOutcome {
        let state = state(segment)
        guard state.phase == .limbo else { return .inTurns }
        let needed = segment64(segment, SegmentWords.limboEpoch).relaxed
        if Faults.waitsForEpochs {
            for lane in 0..<laneCount {
                let epoch = lane64(lane, LaneWords.epoch).acquired
                if epoch != 0 && epoch < needed { return .inTurns }
            }
        }
        if Faults.scansPins {
            for lane in 0..<laneCount where pin(lane: lane, segment: segment) != 0 { return .held }
        }
        let tag = segment64(segment, SegmentWords.fillTag)
        let fillTag = tag.relaxed
        guard fillTag == 0 || !isLive(fillTag: fillTag) else { return .held }
        let free = SegmentState(.free, gen: state.gen)
        return segment64(segment, SegmentWords.state).swap(state.word, to: free.word) ? .freed : .inTurns
    }

    /// Frees a fill's own segment once the fill is over. Its gen goes up, so that a stale view of its state cannot free
    /// it twice.
    func freeIfFillEnded(_ segment: Int) -> Bool {
        let state = state(segment)
        guard state.owner == SegmentState.noOwner, state.phase == .filling || state.phase == .staging else {
            return false
        }
        if state.phase == .filling {
            guard !isLive(fillTag: segment64(segment, SegmentWords.fillTag).acquired) else { return false }
        } else {
            guard isUnused(staging: segment) else { return false }
        }
        let freed = SegmentState(.free, gen: state.gen &+ 1)
        return segment64(segment, SegmentWords.state).swap(state.word, to: freed.word)
    }

    /// Whether no block of a staging segment belongs to a living fill.
    func isUnused(staging segment: Int) -> Bool {
        for block in 0..<blocksPerSegment {
            let tag = stagingTag(segment, block).acquired
            if tag != 0 && isLive(fillTag: tag) { return false }
        }
        return true
    }
}
