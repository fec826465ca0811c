// The table of running fills: claiming an entry for a key, joining and leaving one, and giving entries back. One entry
// per key can run at a time; that rests on one exchange of a bucket's word.

/// What claiming an entry led to.
enum FillClaim {
    case claimed(fill: Int, gen: UInt32)
    case running(fill: Int, gen: UInt32)
    case busy
    case full
}

/// What a bucket has for a key.
enum FillRival {
    case none
    /// Claimed and not yet begun, or being given back.
    case unsettled
    case running(fill: Int, gen: UInt32)
}

extension LaneCore {
    private static var claimTries: Int { 200 }

    /// Claims an entry for a key, or finds the one that runs. A key has two buckets and goes to the one with more room,
    /// so that the table fills evenly and no key is turned away by a few others. Within a bucket one exchange of its
    /// word decides. Between the two, whoever has claimed looks into the other bucket afterwards: of two that claim at
    /// once at least one sees the other, and gives way (Tests/Model/claim.pml).
    func claimFill(hash: UInt64, key: RawSpan) -> FillClaim {
        let (first, second) = map.fillBuckets(of: hash)
        var tries = 0
        while tries < Self.claimTries {
            let (one, two) = (map.fillBucket(first).sequential, map.fillBucket(second).sequential)
            var rival = map.rival(first, one, hash, key)
            if case .none = rival { rival = map.rival(second, two, hash, key) }
            if case .running(let fill, let gen) = rival { return .running(fill: fill, gen: gen) }
            if case .unsettled = rival {
                tries += 1
                continue
            }
            let inFirst = FillWay.freeCount(one) >= FillWay.freeCount(two)
            let (bucket, seen) = inFirst ? (first, one) : (second, two)
            guard let way = FillWay.firstFree(seen) else {
                if reclaimWay(first) || reclaimWay(second) { continue }
                return .full
            }
            let claimed = FillWay.setting(seen, way, to: FillWay.claimed(lane: lane, hash: hash))
            guard map.fillBucket(bucket).swap(seen, to: claimed) else { continue }
            let fill = bucket * 4 + way
            switch lookAcross(inFirst ? second : first, holdsOn: inFirst, hash, key) {
            case .none: return .claimed(fill: fill, gen: map.fillState(fill).gen)
            case .unsettled: tries += 1
            case .running: break
            }
            map.clearWay(fill, from: FillWay.claimed(lane: lane, hash: hash))
        }
        return .busy
    }

    /// After a claim: whether somebody has one in the key's other bucket. In the second bucket one gives way at once;
    /// in the first one waits a while for the other to do so, or to turn out to have been earlier.
    private func lookAcross(_ bucket: Int, holdsOn: Bool, _ hash: UInt64, _ key: RawSpan) -> FillRival {
        var rival = FillRival.none
        for _ in 0..<(holdsOn ? Self.claimTries : 1) {
            rival = map.rival(bucket, map.fillBucket(bucket).sequential, hash, key)
            guard case .unsettled = rival else { break }
        }
        return rival
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
        leave(fill)
        return false
    }

    /// Ends one reader's interest. Also in an entry that has become another fill meanwhile: while the bit was set, that
    /// one may have ended and not been given back because of it.
    func leave(_ fill: Int) {
        interest[fill] -= 1
        guard interest[fill] == 0 else { return }
        waiters(fill).and(~laneBit)
        // Either this look sees the end, or the end sees no bit.
        let state = FillStateWord(word: map.fill64(fill, FillWords.state).sequential)
        if state.state == .orphaned, !map.hasWaiters(fill) {
            // Nobody is left to take it over.
            map.fill32(fill, FillWords.failure).relax(UInt32(FillFailure.ownerLost.rawValue))
            _ = map.fill64(fill, FillWords.state).swap(state.word, to: state.with(.failed).word)
        }
        let last = map.fillState(fill)
        if last.state.isOver { _ = releaseFill(fill, gen: last.gen) }
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
    /// The two buckets of a key.
    func fillBuckets(of hash: UInt64) -> (Int, Int) {
        let first = Int(truncatingIfNeeded: (hash >> 32 &* UInt64(fillBucketCount)) >> 32)
        let distance = 1 + Int(truncatingIfNeeded: hash & 0xff_ffff) % (fillBucketCount - 1)
        return (first, (first + distance) % fillBucketCount)
    }

    /// What runs for a key in a bucket whose word was `seen`.
    func rival(_ bucket: Int, _ seen: UInt64, _ hash: UInt64, _ key: RawSpan) -> FillRival {
        var unsettled = false
        var overtaken: [(fill: Int, gen: UInt32, born: UInt32)] = []
        for way in 0..<4 {
            let value = FillWay.at(seen, way)
            guard value != 0, value & 0xff == FillWay.fingerprint(hash) else { continue }
            let fill = bucket * 4 + way
            let state = fillState(fill)
            switch state.state {
            case .free, .releasing: unsettled = true
            case .waiting, .streaming, .committing, .orphaned:
                guard fill64(fill, FillWords.hash).acquired == hash, fillKeyEquals(fill, key) else { break }
                switch purgeState(fill: fill, key: key) {
                case .untouched: return .running(fill: fill, gen: state.gen)
                case .stale: overtaken.append((fill, state.gen, fill32(fill, FillWords.born).relaxed))
                case .gone: break
                }
            case .done, .failed: break
            }
        }
        if !unsettled, overtaken.count >= Self.overtakenAtOnce,
            let last = overtaken.max(by: { $1.born.isAfter($0.born) })
        {
            return .running(fill: last.fill, gen: last.gen)
        }
        return unsettled ? .unsettled : .none
    }

    /// So many fills of a key that soft purges have overtaken may run in a bucket. Where such purges come faster than
    /// the origin answers, whoever comes then joins the last of them: there is nothing better to be had.
    private static var overtakenAtOnce: Int { 2 }

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

    /// What purges since its start say about a fill, as far as is known of it: tags are, when its head is there.
    func purgeState(fill: Int, key: RawSpan) -> PurgeState {
        let (born, hash) = (fill32(fill, FillWords.born).relaxed, fill64(fill, FillWords.hash).relaxed)
        func isCovered(by word: SharedWord32) -> Bool { word.sequential.isAfter(born) }
        if isCovered(by: global32(GlobalWords.everythingHard)) || isCovered(by: addressWord(hash)) { return .gone }
        var isStale = false
        if isCovered(by: global32(GlobalWords.newestBan)) {
            switch bans(key: key, born: born) {
            case .gone: return .gone
            case .stale: isStale = true
            case .untouched: break
            }
            // A ban that was overwritten during the look is in this word since before.
            if isCovered(by: global32(GlobalWords.everythingHard)) { return .gone }
        }
        let hasHead = fill32(fill, FillWords.flags).acquired & FillWords.hasHead != 0
        let tags = hasHead ? min(64, Int(fill32(fill, FillWords.tagCount).relaxed)) : 0
        if isCovered(by: global32(GlobalWords.newestTagHard)) {
            for i in 0..<tags where isCovered(by: hardTag(fillTagHash(fill, i))) { return .gone }
        }
        if isStale || isCovered(by: global32(GlobalWords.everythingSoft)) { return .stale }
        if isCovered(by: global32(GlobalWords.newestTagSoft)) {
            if isCovered(by: softTag(hash)) { return .stale }
            for i in 0..<tags where isCovered(by: softTag(fillTagHash(fill, i))) { return .stale }
        }
        return .untouched
    }

    /// A purge tag of a fill's head.
    func fillTagHash(_ fill: Int, _ i: Int) -> UInt64 {
        let block = fill32(fill, FillWords.headBlock).acquired
        let offset = Int(fill32(fill, FillWords.keyLength).relaxed) + i * 8
        guard let head = unsafe headAddress(block, bytes: offset + 8) else { return 0 }
        return unsafe head.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
