// What happens to a region found after a reboot of the machine. Runs before anybody else is attached.

enum Reboot {
    /// Makes the region usable under the new boot id. Lanes of the old boot are all dead. Without a clean end
    /// only what can be verified in the segments is kept.
    static func adopt(_ map: RegionMap, bootID: (UInt64, UInt64)) {
        let clean = map.global32(GlobalWords.clean).relaxed == 1
        for lane in 0..<map.laneCount {
            map.clear(map.lanes + lane * LaneWords.size, count: LaneWords.size)
            map.clear(map.pins + lane * map.pinStride, count: map.pinStride)
        }
        map.adoptDictionaries(verifying: !clean)
        if !clean { Rebuild(map: map).run() }
        CacheClock.setOffset(map)
        map.global32(GlobalWords.clean).relax(0)
        map.global64(GlobalWords.bootLow).relax(bootID.0)
        map.global64(GlobalWords.bootHigh).release(bootID.1)
    }
}
