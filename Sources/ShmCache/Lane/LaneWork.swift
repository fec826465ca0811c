// Work on the region that no request needs, done under a lane's name so that a test sees where it was cut short.

extension Lane {
    /// Recovers every other lane whose thread is dead.
    package borrowing func recoverOthers() { core.recoverBlockers() }

    /// Grows the region as a supervisor does.
    package borrowing func grow(_ region: borrowing CacheRegion, toBytes bytes: Int) throws(RegionError) {
        let phase = core.map.lane32(index, LaneWords.phase)
        phase.release(LanePhase.grow.rawValue)
        defer { phase.release(LanePhase.idle.rawValue) }
        try region.grow(toBytes: bytes)
    }
}
