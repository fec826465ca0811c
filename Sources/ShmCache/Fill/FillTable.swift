// The table of running fills: claiming an entry for a key, joining and leaving one, and giving entries back. One entry
// per key can run at a time; that rests on one exchange of a bucket's word.

/// What claiming an entry led to.
enum FillClaim {
    case claimed(fill: Int, gen: UInt32)
    case running(fill: Int, gen: UInt32)
    case busy
    case full
}

extension LaneCore {
    /// Claims an entry for a key, or finds the one that runs.
    func claimFill(hash: UInt64, key: RawSpan) -> FillClaim {
        let bucket = Int(truncatingIfNeeded: (hash >> 32 &* UInt64(map.fillBucketCount)) >> 32)
        let word = map.fillBucket(bucket)
        var tries = 0
        while true {
            let seen = word.acquired
            var freeWay = -1
            var unsettled = false
            for way in 0..<4 {
                let value = FillWay.at(seen, way)
                if value == 0 {
                    if freeWay < 0 { freeWay = way }
                    continue
                }
                guard value & 0xff == FillWay.fingerprint(hash) else { continue }
                let fill = bucket * 4 + way
                let state = map.fillState(fill)
                switch state.state {
                case .free, .releasing: unsettled = true
                case .waiting, .streaming, .committing, .orphaned:
                    let isThis = map.fill64(fill, FillWords.hash).acquired == hash && map.fillKeyEquals(fill, key)
                    if isThis, !map.isPurged(fill: fill, key: key) { return .running(fill: fill, gen: state.gen) }
                case .done, .failed: break
                }
            }
            if unsettled {
                tries += 1
                if tries > 200 { return .busy }
                continue
            }
            guard freeWay >= 0 else { return reclaimWay(bucket) ? claimFill(hash: hash, key: key) : .full }
            let claimed = FillWay.setting(seen, freeWay, to: FillWay.claimed(lane: lane, hash: hash))
            if word.swap(seen, to: claimed) {
                let fill = bucket * 4 + freeWay
                return .claimed(fill: fill, gen: map.fillState(fill).gen)
            }
        }
    }

    /// Gives back an entry of the bucket that is over and has no readers any more.
    private func reclaimWay(_ bucket: Int) -> Bool {
        for way in 0..<4 {
            let state = map.fillState(bucket * 4 + way)
            if state.state.isOver, releaseFill(bucket * 4 + way, gen: state.gen) { return true }
        }
        return false
    }

    /// Notes that this lane reads a fill. False if it has been given back meanwhile.
    func join(_ fill: Int, gen: UInt32) -> Bool {
        if interest[fill] == 0 { waiters(fill).or(laneBit) }
        interest[fill] += 1
        // Either this look sees the release, or the release sees the bit.
        let state = FillStateWord(word: map.fill64(fill, FillWords.state).sequential)
        if state.gen == gen, state.state != .free, state.state != .releasing { return true }
        leave(fill, gen: gen)
        return false
    }

    /// Ends one reader's interest.
    func leave(_ fill: Int, gen: UInt32) {
        interest[fill] -= 1
        guard interest[fill] == 0 else { return }
        waiters(fill).and(~laneBit)
        let state = map.fillState(fill)
        guard state.gen == gen else { return }
        if state.state == .orphaned, !map.hasWaiters(fill) {
            // Nobody is left to take it over.
            map.fill32(fill, FillWords.failure).relax(UInt32(FillFailure.ownerLost.rawValue))
            _ = map.fill64(fill, FillWords.state).swap(state.word, to: state.with(.failed).word)
        }
        if map.fillState(fill).state.isOver { _ = releaseFill(fill, gen: gen) }
    }

    var laneBit: UInt64 { 1 << UInt64(lane & 63) }
    func waiters(_ fill: Int) -> SharedWord64 {
        map.fill64(fill, lane < 64 ? FillWords.waitersLow : FillWords.waitersHigh)
    }

    /// Gives an entry back, if it is over and nobody reads it.
    func releaseFill(_ fill: Int, gen: UInt32) -> Bool {
        during(.releaseFill) { map.releaseFill(fill, gen: gen, lane: lane) }
    }
}

extension RegionMap {
    func hasWaiters(_ fill: Int) -> Bool {
        fill64(fill, FillWords.waitersLow).sequential | fill64(fill, FillWords.waitersHigh).sequential != 0
    }

    /// Gives an entry back: first under this lane's name, so that a death in between is found by its recovery.
    func releaseFill(_ fill: Int, gen: UInt32, lane: Int) -> Bool {
        let word = fill64(fill, FillWords.state)
        while true {
            let state = fillState(fill)
            guard state.gen == gen, state.state.isOver, !hasWaiters(fill) else { return false }
            guard word.swap(state.word, to: state.with(.releasing, owner: lane).word) else { return false }
            if !hasWaiters(fill) {
                finishRelease(fill, lane: lane)
                return true
            }
            // Somebody wants to read it. If that one saw the release and has left again already, nobody else gives the
            // entry back: look once more.
            word.publish(state.word)
        }
    }

    /// The second half of a release; may be run again after a death.
    func finishRelease(_ fill: Int, lane: Int) {
        let bucket = fillBucket(fill / 4)
        let way = fill % 4
        var seen = bucket.acquired
        var value: UInt64 = 0
        while true {
            value = FillWay.at(seen, way) & 0xff | 0x8000 | UInt64(lane) << 8
            if bucket.swap(seen, to: FillWay.setting(seen, way, to: value)) { break }
            seen = bucket.acquired
        }
        let state = fillState(fill)
        fill64(fill, FillWords.state).publish(
            FillStateWord(.free, owner: SegmentState.noOwner, gen: state.gen &+ 1).word)
        clearWay(fill, from: value)
    }

    /// Clears a way if it still holds what the caller put there or saw. Nobody clears another lane's claim.
    func clearWay(_ fill: Int, from value: UInt64) {
        let bucket = fillBucket(fill / 4)
        var seen = bucket.acquired
        while FillWay.at(seen, fill % 4) == value {
            if bucket.swap(seen, to: FillWay.setting(seen, fill % 4, to: 0)) { return }
            seen = bucket.acquired
        }
    }

    /// Whether a purge since its start covers a fill.
    func isPurged(fill: Int, key: RawSpan) -> Bool {
        let born = fill32(fill, FillWords.born).relaxed
        if global32(GlobalWords.everythingHard).sequential.isAfter(born) { return true }
        if addressWord(fill64(fill, FillWords.hash).relaxed).sequential.isAfter(born) { return true }
        if global32(GlobalWords.newestBan).sequential.isAfter(born) {
            if isBanned(key: key, born: born) { return true }
            if global32(GlobalWords.everythingHard).sequential.isAfter(born) { return true }
        }
        guard fill32(fill, FillWords.flags).acquired & FillWords.hasHead != 0 else { return false }
        guard global32(GlobalWords.newestTagHard).sequential.isAfter(born) else { return false }
        let tags = min(64, Int(fill32(fill, FillWords.tagCount).relaxed))
        for i in 0..<tags where hardTag(fillTagHash(fill, i)).sequential.isAfter(born) { return true }
        return false
    }

    /// A purge tag of a fill's head.
    func fillTagHash(_ fill: Int, _ i: Int) -> UInt64 {
        let block = fill32(fill, FillWords.headBlock).acquired
        let offset = Int(fill32(fill, FillWords.keyLength).relaxed) + i * 8
        guard let head = unsafe headAddress(block, bytes: offset + 8) else { return 0 }
        return unsafe head.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
