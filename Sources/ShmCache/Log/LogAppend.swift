// Appending items to the lane's open segments. An item counts once the segment's written length covers it; what a death
// leaves behind that is never looked at.

/// A place for an item in an open segment of this lane.
struct LogPlace {
    var segment: Int
    var offset: Int
    var length: Int
}

extension LaneCore {
    /// Finds room for an item of `length` bytes in the log of a class and queue.
    func reserve(length: Int, sizeClass: Int, main: Bool, forSurvivor: Bool = false) -> LogPlace? {
        let unit = 1 << map.unitShift
        let rounded = (length + unit - 1) & ~(unit - 1)
        guard rounded <= map.segmentSize else { return nil }
        let position = sizeClass * 2 + (main ? 1 : 0)
        useCounter += 1
        if open[position] >= 0 {
            if let place = room(in: open[position], rounded) {
                openUsed[position] = useCounter
                return place
            }
            closeOpen(position)
        }
        guard let segment = openSegment(sizeClass: sizeClass, main: main, room: rounded, forSurvivor: forSurvivor)
        else {
            return nil
        }
        // To make room survivors may have been moved to this very place: what was opened for them is not lost sight of.
        closeOpen(position)
        open[position] = segment
        openUsed[position] = useCounter
        parkExcess(keeping: position)
        return room(in: segment, rounded)
    }

    private func room(in segment: Int, _ length: Int) -> LogPlace? {
        let written = Int(map.segment32(segment, SegmentWords.written).relaxed)
        guard written + length <= map.segmentSize else { return nil }
        return LogPlace(segment: segment, offset: written, length: length)
    }

    /// Makes the item at a place part of its segment. Its bytes are complete.
    func publish(_ place: LogPlace, expires: UInt32, extents: Int) {
        let expiry = map.segment32(place.segment, SegmentWords.latestExpiry)
        if expiry.relaxed < expires { expiry.relax(expires) }
        let items = map.segment32(place.segment, SegmentWords.items)
        items.relax(items.relaxed &+ 1)
        map.segment32(place.segment, SegmentWords.live).add(UInt32(place.length))
        if extents > 0 { map.segment32(place.segment, SegmentWords.extents).add(UInt32(extents)) }
        map.segment32(place.segment, SegmentWords.written).release(UInt32(place.offset + place.length))
        word64(LaneWords.written).bumpOwn(UInt64(place.length))
    }

    /// Ends an open segment: sealed when nearly full, else parked for whoever has a smaller item.
    func closeOpen(_ position: Int) {
        let segment = open[position]
        guard segment >= 0 else { return }
        open[position] = -1
        map.closeSegment(segment)
    }

    /// A segment to append to: a parked one of the class with room, else a free one.
    private func openSegment(sizeClass: Int, main: Bool, room: Int, forSurvivor: Bool) -> Int? {
        if let parked = adoptParked(sizeClass: sizeClass, main: main, room: room) { return parked }
        if forSurvivor { return takeSegment(.open, sizeClass: sizeClass, main: main) }
        return takeSegmentForFill(.open, sizeClass: sizeClass, main: main)
    }

    private func adoptParked(sizeClass: Int, main: Bool, room: Int) -> Int? {
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            guard state.phase == .parked, state.sizeClass == sizeClass, state.isMain == main,
                Int(map.segment32(segment, SegmentWords.written).acquired) + room <= map.segmentSize
            else { continue }
            if map.segment64(segment, SegmentWords.state).swap(state.word, to: state.with(.open, owner: lane).word) {
                return segment
            }
        }
        return nil
    }

    /// Keeps this lane's open segments within its part of a tenth of the region.
    private func parkExcess(keeping position: Int) {
        let allowance = max(4, map.usableSegments / 10 / max(1, map.heldLanes))
        while open.count(where: { $0 >= 0 }) > allowance {
            var oldest = -1
            for i in 0..<open.count where open[i] >= 0 && i != position {
                if oldest < 0 || openUsed[i] < openUsed[oldest] { oldest = i }
            }
            guard oldest >= 0 else { return }
            closeOpen(oldest)
        }
    }
}

extension RegionMap {
    /// An item of a segment cannot be found any more.
    func subtractLive(_ segment: Int, length: Int, extents: Int) {
        segment32(segment, SegmentWords.live).subtractClamped(UInt32(length))
        if extents > 0 { segment32(segment, SegmentWords.extents).subtractClamped(UInt32(extents)) }
    }

    /// Lanes that somebody holds.
    var heldLanes: Int {
        var count = 0
        for lane in 0..<laneCount where lane32(lane, LaneWords.liveness).relaxed != 0 { count += 1 }
        return count
    }

    /// Lanes that serve: all that somebody holds but the janitor's.
    var readingLanes: Int { heldLanes - (janitorLane >= 0 ? 1 : 0) }

    /// Seals or parks a segment that its owner is done with.
    func closeSegment(_ segment: Int) {
        let state = state(segment)
        guard state.phase == .open else { return }
        let written = Int(segment32(segment, SegmentWords.written).acquired)
        segment64(segment, SegmentWords.sealSequence).relax(global64(GlobalWords.sealSequence).add(1))
        let isFull = written > segmentSize - segmentSize / 4
        segment64(segment, SegmentWords.state).publish(state.with(isFull ? .sealed : .parked).word)
    }
}
