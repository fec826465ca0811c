// Blocks for the bytes of running fills, cut from staging segments of this lane. A block carries the tag of its fill
// and is free again when that fill is over: nobody has to give it back.

extension LaneCore {
    /// Takes `count` blocks in a row for a fill, right behind `previous` if possible. The place of the first, or nil.
    func takeBlocks(_ count: Int, tag: UInt64, after previous: UInt32? = nil) -> UInt32? {
        if let previous {
            let segment = Int(previous) / map.blocksPerSegment
            if staging.contains(segment),
                let place = takeRun(segment, from: Int(previous) % map.blocksPerSegment + 1, count, tag)
            {
                return place
            }
        }
        for segment in staging.reversed() {
            if let place = searchRun(segment, count, tag) { return place }
        }
        guard let segment = takeSegmentForFill(.staging) else { return nil }
        staging.append(segment)
        return searchRun(segment, count, tag)
    }

    private func searchRun(_ segment: Int, _ count: Int, _ tag: UInt64) -> UInt32? {
        var start = 0
        while start + count <= map.blocksPerSegment {
            if let place = takeRun(segment, from: start, count, tag) { return place }
            start += 1
        }
        return nil
    }

    /// Takes exactly these blocks, if all are free.
    private func takeRun(_ segment: Int, from start: Int, _ count: Int, _ tag: UInt64) -> UInt32? {
        guard start + count <= map.blocksPerSegment else { return nil }
        for block in start..<start + count {
            let held = map.stagingTag(segment, block).relaxed
            if held != 0 && map.isLive(fillTag: held) { return nil }
        }
        for block in start..<start + count { map.stagingTag(segment, block).release(tag) }
        return UInt32(segment * map.blocksPerSegment + start)
    }

    /// Takes a whole segment for a fill's body.
    func takeWhole(tag: UInt64) -> Int? {
        guard let segment = takeSegmentForFill(.filling) else { return nil }
        map.segment64(segment, SegmentWords.fillTag).release(tag)
        map.segment32(segment, SegmentWords.next).relax(UInt32.max)
        // From here on the fill's tag alone keeps it.
        map.segment64(segment, SegmentWords.state).publish(map.state(segment).with(.filling).word)
        return segment
    }
}
