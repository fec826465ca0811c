// Making good what a lane left behind. Run by whoever holds the lane's liveness word, under the lane's own name; every
// step may be repeated, so a recoverer may itself be killed anywhere.

/// The recovery of one lane.
struct LaneRecovery {
    let map: RegionMap
    let lane: Int

    /// Recovers a lane if the kernel says that its thread is dead, and gives it back.
    static func recoverIfDead(_ map: RegionMap, lane: Int) -> RecoveryOutcome {
        let liveness = Liveness(map, lane: lane)
        if liveness.isFree { return .nothingToDo }
        guard liveness.isDead else { return .heldByLiveThread }
        guard liveness.takeFromDead() else { return .heldByLiveThread }
        let result = LaneRecovery(map: map, lane: lane).run()
        liveness.release()
        return .recovered(orphanedFills: result.fills, sealedSegments: result.segments)
    }

    /// All steps. The caller holds the liveness word.
    func run() -> (fills: Int, segments: Int) {
        map.lane32(lane, LaneWords.phase).relax(LanePhase.recover.rawValue)
        let incarnation = map.lane32(lane, LaneWords.incarnation)
        incarnation.relax(incarnation.relaxed &+ 1)
        map.forgetJanitor(lane)
        map.settleDictionaries(of: lane)
        if !Faults.skips(.pending) { clearPending() }
        if !Faults.skips(.pins) { clearPins() }
        for index in 0..<Ban.count { Ban(map: map, index: index).settle(lane: lane) }
        let segments = settleSegments()
        let fills = settleFills()
        map.lane64(lane, LaneWords.epoch).release(0)
        map.lane32(lane, LaneWords.wakePending).release(0)
        map.lane32(lane, LaneWords.phase).relax(LanePhase.idle.rawValue)
        return (fills, segments)
    }

    /// A commit cut short: its slot is emptied. The item behind it is dead space.
    private func clearPending() {
        let noted = map.lane64(lane, LaneWords.pendingSlot)
        let slot = Int(clamping: noted.relaxed) - 1
        if map.isSlot(slot) {
            let pending = map.lane64(lane, LaneWords.pendingValue).relaxed
            if Slot(word: pending).kind == .pending { _ = map.slot(slot).swap(pending, to: 0) }
        }
        noted.release(0)
    }

    private func clearPins() {
        for segment in 0..<map.segmentCount where map.pin(lane: lane, segment: segment) != 0 {
            map.setPin(lane: lane, segment: segment, 0)
        }
    }

    private func settleSegments() -> Int {
        var sealed = 0
        // The lane's epoch protects the items that the sweep reads.
        Epoch(map, lane: lane).enter()
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            let isOurs = state.owner == lane
            switch state.phase {
            case .open where isOurs && !Faults.skips(.segments):
                map.closeSegment(segment)
                sealed += 1
            case .evicting where isOurs && !Faults.skips(.evictions): restartEviction(segment, state)
            case .staging where isOurs, .filling where isOurs:
                map.segment64(segment, SegmentWords.state).publish(state.with(state.phase).word)
                _ = map.freeIfFillEnded(segment)
            case .index where isOurs && !Faults.skips(.indexSegments): map.settle(indexSegment: segment, state)
            case .whole where (isOurs || state.owner == SegmentState.noOwner) && !Faults.skips(.wholes):
                settleWhole(segment, state)
            default: break
            }
        }
        Epoch(map, lane: lane).leave()
        return sealed
    }

    /// An eviction cut short: what is left of it is evicted again later; if nothing is left, it only has to be freed.
    private func restartEviction(_ segment: Int, _ state: SegmentState) {
        if map.segment32(segment, SegmentWords.written).acquired == 0 {
            map.retire(segment, owner: lane)
        } else {
            map.segment64(segment, SegmentWords.state).publish(state.with(.sealed).word)
        }
    }

    /// A whole segment belongs to a findable object, or to nobody.
    private func settleWhole(_ segment: Int, _ state: SegmentState) {
        let hash = map.segment64(segment, SegmentWords.ownerHash).relaxed
        if map.isReferenced(whole: segment, gen: state.gen, hash: hash) {
            let word = map.segment64(segment, SegmentWords.state)
            if state.owner == lane { _ = word.swap(state.word, to: state.with(.whole).word) }
            return
        }
        if state.owner == lane, map.isLive(fillTag: map.segment64(segment, SegmentWords.fillTag).relaxed) {
            // The commit did not happen; the fill's next owner may try again.
            map.segment64(segment, SegmentWords.state).publish(state.with(.filling).word)
            return
        }
        map.retire(whole: segment, state, owner: lane)
    }

    private func settleFills() -> Int {
        var orphans = 0
        let bit: UInt64 = 1 << UInt64(lane & 63)
        for fill in 0..<map.fillCount {
            let waiters = map.fill64(fill, lane < 64 ? FillWords.waitersLow : FillWords.waitersHigh)
            // A joiner that died has set its bit before; most lanes read no fill at all.
            if waiters.sequential & bit != 0 { waiters.and(~bit) }
            let state = map.fillState(fill)
            if state.owner == lane, !Faults.skips(.fills) {
                switch state.state {
                case .waiting, .streaming, .committing:
                    map.fill64(fill, FillWords.state).publish(state.with(.orphaned, owner: SegmentState.noOwner).word)
                    orphans += 1
                case .releasing:
                    // Somebody may have joined after the first look at the readers: over again, and given back below if
                    // nobody reads it. A whole body counts as one still.
                    map.fill64(fill, FillWords.state).publish(state.with(.failed, owner: lane).word)
                default: break
                }
            }
            if !Faults.skips(.ended) { settleEnded(fill) }
        }
        if !Faults.skips(.claims) { clearClaims() }
        return orphans
    }

    /// Orphans that nobody waits for have failed; what is over and unread is given back.
    private func settleEnded(_ fill: Int) {
        let state = map.fillState(fill)
        if state.state == .orphaned, !map.hasWaiters(fill) {
            map.fill32(fill, FillWords.failure).relax(UInt32(FillFailure.ownerLost.rawValue))
            _ = map.fill64(fill, FillWords.state).swap(state.word, to: state.with(.failed).word)
        }
        if map.fillState(fill).state.isOver { _ = map.releaseFill(fill, gen: state.gen, lane: lane) }
    }

    /// Claims that never became a fill.
    private func clearClaims() {
        for bucket in 0..<map.fillBucketCount {
            let word = map.fillBucket(bucket).acquired
            guard word != 0 else { continue }
            for way in 0..<4 {
                let value = FillWay.at(word, way)
                guard value & 0x8000 != 0, Int(value >> 8 & 0x7f) == lane else { continue }
                // Only what was seen: a fill of this lane's that another one took over may just be given back.
                let fill = bucket * 4 + way
                guard map.fillState(fill).state == .free else { continue }
                let isAny = Faults.skips(.ownClaims)
                map.clearWay(fill, from: isAny ? FillWay.at(map.fillBucket(bucket).acquired, way) : value)
            }
        }
    }
}

extension RegionMap {
    /// Whether a findable object of that hash has this whole segment. The caller holds an epoch.
    func isReferenced(whole segment: Int, gen: UInt32, hash: UInt64) -> Bool {
        firstSlot(hash) { _, slot in
            // A confirmation under way has the older item's segments too.
            let isThere = slot.kind == .live || (slot.kind == .pending && !Faults.skips(.pendingSegments))
            guard isThere, slot.tag == Slot.tag(hash), slot.segment < usableSegments else { return false }
            let offset = slot.unit << unitShift
            guard offset + ItemHeader.size <= segmentSize else { return false }
            let item = unsafe ItemHeader(address(segment: slot.segment, offset: offset))
            guard item.hash == hash, item.isPlausible(room: segmentSize - offset, chunkShift: chunkShift) else {
                return false
            }
            for i in 0..<item.extentCount {
                let extent = item.extent(i, self)
                if extent.segment == UInt32(segment), extent.isOf(gen: gen) { return true }
            }
            return false
        } != nil
    }
}
