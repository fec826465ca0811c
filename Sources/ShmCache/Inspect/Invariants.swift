// Checks a region against the engine's invariants. Reads only, and only means something while nobody changes the
// region.

extension CacheRegion {
    /// Every invariant that is broken, one line each. Only meaningful while no process changes the region.
    public func checkInvariants() -> [String] {
        var broken: [String] = []
        checkSlots(&broken)
        checkSegments(&broken)
        checkFills(&broken)
        checkLanes(&broken)
        return broken
    }

    private func checkSlots(_ broken: inout [String]) {
        var seen: [UInt64: Int] = [:]
        map.forEachSlot { index in
            let slot = Slot(word: map.slot(index).acquired)
            if slot.isEmpty { return }
            if slot.kind == .link { return checkLink(slot, at: index, &broken) }
            if slot.kind == .pending {
                let isNoted = (0..<laneCount).contains {
                    map.lane64($0, LaneWords.pendingSlot).relaxed == UInt64(index + 1)
                }
                if !isNoted { broken.append("slot \(index) is pending and no lane knows it") }
                return
            }
            if let problem = problem(of: slot, at: index) {
                broken.append("slot \(index): \(problem)")
                return
            }
            let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: slot.unit << map.unitShift))
            if let other = seen[item.hash] { broken.append("slots \(other) and \(index) hold the same key") }
            seen[item.hash] = index
        }
    }

    private func checkLink(_ link: Slot, at index: Int, _ broken: inout [String]) {
        guard index & 7 == 7, map.isBucket(link.linked) else {
            return broken.append("slot \(index) links to no bucket")
        }
    }

    private func problem(of slot: Slot, at index: Int) -> String? {
        guard slot.segment < map.usableSegments else { return "names segment \(slot.segment)" }
        let state = map.state(slot.segment)
        guard [.open, .parked, .sealed, .evicting].contains(state.phase) else {
            return "names a segment that is \(state.phase)"
        }
        guard state.gen & 255 == slot.gen else { return "has gen \(slot.gen) of a segment at \(state.gen)" }
        let offset = slot.unit << map.unitShift
        let written = min(map.segmentSize, Int(map.segment32(slot.segment, SegmentWords.written).relaxed))
        let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: offset))
        guard offset + ItemHeader.size <= written,
            item.isPlausible(room: written - offset, chunkShift: map.chunkShift)
        else { return "names no whole item" }
        guard item.gen == state.gen else { return "names an item of gen \(item.gen) in a segment at \(state.gen)" }
        guard item.computeChecksum(map.chunkShift) == item.headerChecksum else { return "item fails its checksum" }
        guard map.find(place: slot.place, hash: item.hash)?.slot == index else { return "is in the wrong bucket" }
        guard slot.tag == Slot.tag(item.hash) else { return "has the wrong tag" }
        for i in 0..<item.extentCount where map.holds(item.extent(i, map), of: item) == nil {
            return "extent \(i) is gone"
        }
        return nil
    }

    private func checkSegments(_ broken: inout [String]) {
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            if Int(map.segment32(segment, SegmentWords.written).relaxed) > map.segmentSize {
                broken.append("segment \(segment) has more written than its size")
            }
            let owned: Set<SegmentPhase> = [.open, .evicting, .index]
            let isNobodys = state.owner == SegmentState.noOwner && state.phase == .index
            if owned.contains(state.phase), !isNobodys,
                state.owner >= laneCount || Liveness(map, lane: state.owner).isFree
            {
                broken.append("segment \(segment) is \(state.phase) and its lane \(state.owner) is nobody's")
            }
            if state.phase == .whole, state.owner == SegmentState.noOwner {
                let hash = map.segment64(segment, SegmentWords.ownerHash).relaxed
                if !map.isReferenced(whole: segment, gen: state.gen, hash: hash) {
                    broken.append("segment \(segment) is whole and no object has it")
                }
            }
            if state.word & 15 > SegmentPhase.index.rawValue { broken.append("segment \(segment) has no known state") }
        }
    }

    private func checkFills(_ broken: inout [String]) {
        for fill in 0..<map.fillCount {
            let state = map.fillState(fill)
            let way = FillWay.at(map.fillBucket(fill / 4).relaxed, fill % 4)
            if state.state == .free, way != 0 {
                let claimer = Int(way >> 8 & 0x7f)
                if claimer >= laneCount || Liveness(map, lane: claimer).isFree {
                    broken.append("fill \(fill) is free and claimed by nobody's lane \(claimer)")
                }
            }
            if state.state != .free, way == 0 { broken.append("fill \(fill) is \(state.state) and not claimed") }
            if state.state.isRunning, state.state != .orphaned,
                state.owner >= laneCount || Liveness(map, lane: state.owner).isFree
            {
                broken.append("fill \(fill) is \(state.state) and its lane \(state.owner) is nobody's")
            }
            if state.state.isOver, !map.hasWaiters(fill) {
                broken.append("fill \(fill) is over, unread and not given back")
            }
        }
    }

    private func checkLanes(_ broken: inout [String]) {
        for lane in 0..<laneCount where Liveness(map, lane: lane).isFree {
            if map.lane64(lane, LaneWords.epoch).relaxed != 0 { broken.append("free lane \(lane) holds an epoch") }
            if map.lane64(lane, LaneWords.pendingSlot).relaxed != 0 {
                broken.append("free lane \(lane) has a pending slot")
            }
            for segment in 0..<map.usableSegments where map.pin(lane: lane, segment: segment) != 0 {
                broken.append("free lane \(lane) pins segment \(segment)")
            }
        }
    }
}
