// Evicting a whole segment: survivors are copied, the rest is forgotten. A killed eviction is simply started again by
// whoever recovers the lane, since each item moves by one exchange of its slot.
internal import CLinux

extension LaneCore {
    /// Evicts the segment that is worth least. False when there is none.
    func evictOne(_ scan: TableScan) -> Bool {
        if scan.expired >= 0, evict(scan.expired, rule: .dropAll) { return true }
        if scan.sparsest >= 0, evict(scan.sparsest, rule: .keepAll) { return true }
        decayGhostFigures()
        for sizeClass in victimClasses(scan) {
            let small = scan.queues[sizeClass * 2]
            let main = scan.queues[sizeClass * 2 + 1]
            let fromSmall =
                small.oldest >= 0 && (small.segments * 10 >= small.segments + main.segments || main.oldest < 0)
            let victim = fromSmall ? small.oldest : main.oldest
            guard victim >= 0 else { continue }
            if evict(victim, rule: fromSmall ? .small : .main) { return true }
        }
        return false
    }

    /// Classes from the one that misses its evicted bytes least.
    private func victimClasses(_ scan: TableScan) -> [Int] {
        let held = (0..<SizeClass.count).filter {
            scan.queues[$0 * 2].oldest >= 0 || scan.queues[$0 * 2 + 1].oldest >= 0
        }
        func regret(_ c: Int) -> Double {
            let segments = scan.queues[c * 2].segments + scan.queues[c * 2 + 1].segments
            return (Double(map.ghostHits(c).relaxed) + 1) / Double(segments)
        }
        return held.sorted { regret($0) < regret($1) }
    }

    /// Moves or drops every item of a sealed segment and puts it into limbo.
    func evict(_ segment: Int, rule: EvictionRule) -> Bool {
        let state = map.state(segment)
        guard state.phase == .sealed || state.phase == .parked else { return false }
        let word = map.segment64(segment, SegmentWords.state)
        guard word.swap(state.word, to: state.with(.evicting, owner: lane).word) else { return false }
        during(rule == .keepAll ? .compact : .evict) {
            let written = min(map.segmentSize, Int(map.segment32(segment, SegmentWords.written).acquired))
            var offset = 0
            while offset + ItemHeader.size <= written {
                let item = unsafe ItemHeader(map.address(segment: segment, offset: offset))
                guard item.isPlausible(room: written - offset, chunkShift: map.chunkShift) else { break }
                if item.gen == state.gen { move(item, segment: segment, offset: offset, rule, state) }
                let unit = 1 << map.unitShift
                offset += (item.itemLength + unit - 1) & ~(unit - 1)
            }
            map.retire(segment, owner: lane)
        }
        tookSegments = true
        return true
    }

    private func move(_ item: ItemHeader, segment: Int, offset: Int, _ rule: EvictionRule, _ state: SegmentState) {
        let place = Slot(
            kind: .live, tag: 0, frequency: 0, gen: state.gen, segment: segment, unit: offset >> map.unitShift
        ).place
        guard let found = map.find(place: place, hash: item.hash) else { return }
        let expired = item.expiresSeconds < now.seconds || map.purgeState(item) == .gone
        if !expired, let frequency = rule.survives(found.word.frequency, inMain: state.isMain) {
            let isCopied = during(phase(of: rule)) { copy(item, place: place, frequency: frequency, rule, state) }
            if isCopied { return }
        }
        drop(item, place: place, ghost: rule == .small && !expired, state)
    }

    /// What moving a survivor is.
    private func phase(of rule: EvictionRule) -> LanePhase {
        if rule == .keepAll { return .compact }
        return isJanitor && rule == .small ? .promote : .relocate
    }

    /// Copies a survivor and turns its slot to the copy. False when there is no room for it.
    private func copy(
        _ item: ItemHeader, place: UInt64, frequency: Int, _ rule: EvictionRule, _ state: SegmentState
    ) -> Bool {
        let form = rule == .small ? formForPromotion(of: item) : item
        let length = form.itemLength
        let main = rule == .keepAll ? state.isMain : true
        guard
            let target = reserve(length: length, sizeClass: state.sizeClass, main: main, forSurvivor: true)
        else { return false }
        let gen = map.state(target.segment).gen
        let copy = unsafe ItemHeader(map.address(segment: target.segment, offset: target.offset))
        unsafe copy.address.copyMemory(from: form.address, byteCount: length)
        copy.store(gen, 8)
        publish(target, expires: item.expiresSeconds, extents: item.extentCount)
        // The slot may count a hit meanwhile, or move behind a link: looked for until it names the place no more.
        while let seen = map.find(place: place, hash: item.hash) {
            let moved = Slot(
                kind: .live, tag: seen.word.tag, frequency: frequency, gen: gen, segment: target.segment,
                unit: target.offset >> map.unitShift)
            if map.slot(seen.slot).swap(seen.word.word, to: moved.word) { return true }
        }
        map.subtractLive(target.segment, length: target.length, extents: item.extentCount)
        return true
    }

    private func drop(_ item: ItemHeader, place: UInt64, ghost: Bool, _ state: SegmentState) {
        repeat {
            guard let seen = map.find(place: place, hash: item.hash) else { return }
            if map.slot(seen.slot).swap(seen.word.word, to: 0) { break }
        } while true
        word64(LaneWords.evicted).bumpOwn(1)
        countEvicted(sizeClass: state.sizeClass, bytes: item.itemLength)
        map.forgetRawCopy(item)
        if ghost { map.rememberGhost(item.hash) }
        releaseExtents(of: item)
    }

    /// Frees the whole segments of an object that can no longer be found.
    func releaseExtents(of item: ItemHeader) {
        for i in 0..<item.extentCount {
            let extent = item.extent(i, map)
            guard let state = map.holds(extent, of: item) else { continue }
            map.retire(whole: Int(extent.segment), state, owner: lane)
        }
    }
}

extension RegionMap {
    /// Puts one whole segment into limbo, unless its state has changed.
    func retire(whole segment: Int, _ state: SegmentState, owner: Int) {
        guard state.phase == .whole,
            segment64(segment, SegmentWords.state).swap(state.word, to: state.with(.evicting, owner: owner).word)
        else { return }
        retire(segment, owner: owner)
    }
}

/// Who survives an eviction.
enum EvictionRule: Equatable {
    /// The small queue: read twice or more goes to main.
    case small
    /// The main queue: read since the last round stays, one count poorer.
    case main
    /// Compaction: everything live stays where it was.
    case keepAll
    /// Everything has expired.
    case dropAll

    /// The frequency that a survivor keeps, or nil.
    func survives(_ frequency: Int, inMain: Bool) -> Int? {
        switch self {
        case .small: frequency >= 2 ? 0 : nil
        case .main: frequency >= 1 ? frequency - 1 : nil
        case .keepAll: frequency
        case .dropAll: nil
        }
    }
}
