// Starting fills.

extension Lane {
    /// What to do about a miss: own the fetch, or read from whoever fetches already. Inside a turn. `refreshing` is for
    /// the revalidation of an object that is still stored. `born` is the purge clock when the origin was asked, if that
    /// was earlier: for an answer that turns out to belong under another key than it was asked for.
    public borrowing func startFill(
        hash: UInt64, key: RawSpan, refreshing: Bool = false, born: UInt32? = nil
    ) -> FillStart {
        guard key.byteCount > 0, key.byteCount <= core.map.blockSize, key.byteCount < 65536 else { return .unavailable }
        let core = core
        switch core.during(.startFill, { core.claimFill(hash: hash, key: key) }) {
        case .busy: return .retryNextTurn
        case .full: return .unavailable
        case .running(let fill, let gen):
            guard core.join(fill, gen: gen) else { return .retryNextTurn }
            return .join(FillTicket(joined: core, fill: fill, gen: gen))
        case .claimed(let fill, let gen):
            guard core.during(.startFill, { core.openFill(fill, gen: gen, hash: hash, key: key, born: born) }) else {
                return .unavailable
            }
            let permit = FillPermit(core: core, fill: fill, gen: gen)
            // Somebody may have stored it between the caller's lookup and the claim.
            if !refreshing, let found = core.findWhole(hash: hash, key: key), core.map.purgeState(found.item) != .gone,
                core.canRead(found.item)
            {
                return .appeared
            }
            return .own(permit)
        }
    }
}

extension LaneCore {
    /// Fills in a claimed entry. False, with the claim given back, when there is no block for the key.
    func openFill(_ fill: Int, gen: UInt32, hash: UInt64, key: RawSpan, born: UInt32?) -> Bool {
        guard let block = takeBlocks(1, tag: map.fillTag(fill, gen: gen)) else {
            map.clearWay(fill, from: FillWay.claimed(lane: lane, hash: hash))
            return false
        }
        unsafe key.withUnsafeBytes {
            unsafe map.blockAddress(block).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        map.fill64(fill, FillWords.hash).relax(hash)
        for field in [FillWords.waitersLow, FillWords.waitersHigh, FillWords.bytesReady] {
            map.fill64(fill, field).relax(0)
        }
        for field in [
            FillWords.flags, FillWords.tagCount, FillWords.headerLength, FillWords.failure, FillWords.blockCount,
        ] { map.fill32(fill, field).relax(0) }
        map.fill32(fill, FillWords.firstWhole).relax(UInt32.max)
        map.fill64(fill, FillWords.wholes).relax(0)
        map.fill64(fill, FillWords.expectedLength).relax(UInt64.max)
        map.fill32(fill, FillWords.keyLength).relax(UInt32(key.byteCount))
        map.fill32(fill, FillWords.headBlocks).relax(1)
        map.fill32(fill, FillWords.headBlock).relax(block)
        map.fill32(fill, FillWords.born).relax(born ?? map.purgeClock)
        map.fill64(fill, FillWords.state).publish(FillStateWord(.waiting, owner: lane, gen: gen).word)
        return true
    }

    /// Tells every lane that reads a fill that there is news.
    func wakeReaders(of fill: Int) {
        // Separates the news from the look at who waits; a waiter sets its bit, then looks at the news.
        fullFence()
        for half in 0..<2 {
            var bits = map.fill64(fill, half == 0 ? FillWords.waitersLow : FillWords.waitersHigh).sequential
            while bits != 0 {
                let bit = bits.trailingZeroBitCount
                bits &= bits - 1
                wake(lane: half * 64 + bit)
            }
        }
    }

    func wake(lane other: Int) {
        if other == lane {
            localWake = true
        } else if other < map.laneCount, map.lane32(other, LaneWords.wakePending).exchange(1) == 0 {
            EventSignal.send(eventDescriptors[other])
        }
    }
}
