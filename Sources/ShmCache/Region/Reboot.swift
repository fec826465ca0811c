// What happens to a region found after a reboot of the machine. Runs before anybody else is attached.

enum Reboot {
    /// Makes the region usable under the new boot id. Lanes of the old boot are all dead. Without a clean end nothing
    /// but the purge clock is trusted, and the region starts empty.
    static func adopt(_ map: RegionMap, bootID: (UInt64, UInt64)) {
        let clean = map.global32(GlobalWords.clean).relaxed == 1
        for lane in 0..<map.laneCount {
            map.clear(map.lanes + lane * LaneWords.size, count: LaneWords.size)
            map.clear(map.pins + lane * map.pinStride, count: map.pinStride)
        }
        if !clean { empty(map) }
        CacheClock.setOffset(map)
        map.global32(GlobalWords.clean).relax(0)
        map.global64(GlobalWords.bootLow).relax(bootID.0)
        map.global64(GlobalWords.bootHigh).release(bootID.1)
    }

    /// Forgets every object. Generations go on counting, so that nothing of before can be mistaken for new.
    static func empty(_ map: RegionMap) {
        map.clear(map.index, count: Int(map.bucketCount) * 64)
        map.clear(map.fillBuckets, count: map.fillBucketCount * 8)
        map.clear(map.fills, count: map.fillCount * FillWords.size)
        map.clear(map.stagingTags, count: map.segmentCount * map.blocksPerSegment * 8)
        for segment in 0..<map.segmentCount {
            let gen = map.state(segment).gen &+ 1
            map.clear(map.segments + segment * SegmentWords.size, count: SegmentWords.size)
            map.segment64(segment, SegmentWords.state).relax(SegmentState(.free, gen: gen).word)
        }
    }
}
