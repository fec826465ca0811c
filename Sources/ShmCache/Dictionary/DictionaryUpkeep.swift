// Taking dictionaries out of use: counted over the whole index, freed when no item needs them any more, a grace period
// and every turn of before have passed. Even then an item that was missed is only a miss: it names its dictionary's
// stamp.

/// A count of dictionaries' items under way, a part of the index at a time.
struct ReferenceCount {
    var counts: [UInt64] = []
    var nextBucket = 0
    var isRunning = false
    var notBefore = CacheInstant(nanoseconds: 0)

    static let bucketsPerStep = 8192
    static let graceSeconds: UInt32 = 60
    static let pauseNanoseconds: Int64 = 600_000_000_000
    static let retiringPauseNanoseconds: Int64 = 60_000_000_000
}

extension Lane {
    /// One step of counting what items need which dictionary, and of freeing those that none needs. Between two turns;
    /// for a janitor. False when there is nothing to count now.
    public mutating func countDictionaries(now: CacheInstant) -> Bool {
        core.now = now
        return core.countDictionaries()
    }
}

extension LaneCore {
    fileprivate func countDictionaries() -> Bool {
        guard map.dictionaryCount > 0 else { return false }
        if !referenceCount.isRunning {
            during(.dictionary) { freeUnreadDictionaries() }
            let rests = referenceCount.notBefore.isAhead(of: now, longest: ReferenceCount.pauseNanoseconds)
            guard !rests, (0..<map.dictionaryCount).contains(where: isInUse) else {
                return false
            }
            referenceCount.counts = [UInt64](repeating: 0, count: map.dictionaryCount)
            referenceCount.nextBucket = 0
            referenceCount.isRunning = true
        }
        Epoch(map, lane: lane).enter()
        let end = min(Int(map.bucketCount), referenceCount.nextBucket + ReferenceCount.bucketsPerStep)
        map.forEachItem(inBuckets: referenceCount.nextBucket..<end) { _, item in
            if item.flags.contains(.packed), item.dictionary < referenceCount.counts.count {
                referenceCount.counts[item.dictionary] += 1
            }
        }
        Epoch(map, lane: lane).leave()
        referenceCount.nextBucket = end
        if end == Int(map.bucketCount) { during(.dictionary) { endCount() } }
        return referenceCount.isRunning
    }

    private func isInUse(_ id: Int) -> Bool { map.dictionaryState(id).isReadable }

    /// A whole count is there.
    private func endCount() {
        referenceCount.isRunning = false
        var isOneRetiring = false
        for id in 0..<map.dictionaryCount {
            let state = map.dictionaryState(id)
            guard state.isReadable else { continue }
            let references = referenceCount.counts[id]
            map.dictionary64(id, DictionaryWords.references).relax(references)
            let since = map.dictionary32(id, DictionaryWords.since)
            // The clock may have been set back.
            if Int32(bitPattern: now.seconds &- since.relaxed) < 0 { since.relax(now.seconds) }
            let age = now.seconds &- since.relaxed
            switch state.phase {
            case .live where references == 0 && Int64(age) > 2 * ReferenceCount.pauseNanoseconds / 1_000_000_000:
                // Nobody sends such objects any more.
                change(id, state, to: .retiring)
                isOneRetiring = true
            case .retiring where references == 0 && age > ReferenceCount.graceSeconds: putInLimbo(id, state)
            case .retiring: isOneRetiring = true
            default: break
            }
        }
        let pause = isOneRetiring ? ReferenceCount.retiringPauseNanoseconds : ReferenceCount.pauseNanoseconds
        referenceCount.notBefore = CacheInstant(nanoseconds: now.nanoseconds + pause)
    }

    private func change(_ id: Int, _ state: DictionaryState, to phase: DictionaryPhase) {
        map.dictionary32(id, DictionaryWords.since).relax(now.seconds)
        _ = map.dictionary64(id, DictionaryWords.state).swap(state.word, to: state.with(phase).word)
        map.announceDictionaries()
    }

    /// Unreadable from here on; a reader that has just looked at the state is in a turn that is waited for.
    private func putInLimbo(_ id: Int, _ state: DictionaryState) {
        guard map.dictionary64(id, DictionaryWords.state).swap(state.word, to: state.with(.limbo).word) else { return }
        fullFence()
        let epoch = map.global64(GlobalWords.epoch).add(1) &+ 1
        map.dictionary64(id, DictionaryWords.limboEpoch).release(epoch)
        map.announceDictionaries()
    }

    private func freeUnreadDictionaries() {
        for id in 0..<map.dictionaryCount {
            let state = map.dictionaryState(id)
            guard state.phase == .limbo else { continue }
            let needed = map.dictionary64(id, DictionaryWords.limboEpoch).acquired
            let isRead = (0..<map.laneCount).contains { lane in
                let epoch = map.lane64(lane, LaneWords.epoch).acquired
                return epoch != 0 && (needed == 0 || epoch < needed)
            }
            if isRead { continue }
            map.dictionary64(id, DictionaryWords.limboEpoch).relax(0)
            map.dictionary32(id, DictionaryWords.stamp).relax(0)
            _ = map.dictionary64(id, DictionaryWords.state).swap(state.word, to: state.with(.free).word)
        }
    }
}
