// What happens to a region found after a reboot of the machine. Runs before anybody else is attached.
internal import CLinux

enum Reboot {
    /// Makes the region usable under the new boot id. Lanes of the old boot are all dead. Without a clean end
    /// only what can be verified in the segments is kept.
    static func adopt(_ map: RegionMap, bootID: (UInt64, UInt64)) {
        let clean = map.isClean
        // On disk before anything else changes: with the power cut a second time nothing may be trusted.
        if clean { map.setClean(false) }
        for index in 0..<Ban.count { Ban(map: map, index: index).settleAll() }
        for lane in 0..<map.laneCount {
            map.clear(map.lanes + lane * LaneWords.size, count: LaneWords.size)
            map.clear(map.pins + lane * map.pinStride, count: map.pinStride)
        }
        map.adoptDictionaries(verifying: !clean)
        if !clean { Rebuild(map: map).run() }
        CacheClock.setOffset(map)
        map.global64(GlobalWords.bootLow).relax(bootID.0)
        map.global64(GlobalWords.bootHigh).release(bootID.1)
    }
}

extension RegionMap {
    /// Whether everything was written before the last process left.
    var isClean: Bool { global32(GlobalWords.clean).relaxed == 1 }

    /// Notes whether everything is written; on a disk, in the file when this returns.
    func setClean(_ isClean: Bool) {
        global32(GlobalWords.clean).release(isClean ? 1 : 0)
        guard global32(GlobalWords.durable).relaxed == 1 else { return }
        _ = unsafe cl_sync_mapping(base + globals, RegionLayout.pageSize)
    }
}
