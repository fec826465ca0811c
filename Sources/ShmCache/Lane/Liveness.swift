// Whether the thread that holds a lane still runs, as the kernel says it: a robust futex word.
internal import CLinux

/// A lane's liveness word.
struct Liveness {
    let map: RegionMap
    let lane: Int

    init(_ map: RegionMap, lane: Int) {
        self.map = map
        self.lane = lane
    }

    private var word: SharedWord32 { map.lane32(lane, LaneWords.liveness) }
    private var node: Int { map.lanes + lane * LaneWords.size + LaneWords.robust }

    var isFree: Bool { word.acquired == 0 }
    var isDead: Bool { word.acquired & UInt32(CL_OWNER_DIED) != 0 }
    var isHeldByLiveThread: Bool {
        let value = word.acquired
        return value != 0 && value & UInt32(CL_OWNER_DIED) == 0
    }

    /// Takes the word for the calling thread if it is free or its holder is dead. The taker of a dead lane must recover
    /// it; if it dies meanwhile the word says so again.
    func take() -> Bool {
        let seen = word.acquired
        guard seen == 0 || seen & UInt32(CL_OWNER_DIED) != 0 else { return false }
        return unsafe cl_robust_acquire(map.base + node, seen)
    }

    /// Takes the word only from a dead holder.
    func takeFromDead() -> Bool {
        let seen = word.acquired
        guard seen & UInt32(CL_OWNER_DIED) != 0 else { return false }
        return unsafe cl_robust_acquire(map.base + node, seen)
    }

    func release() { unsafe cl_robust_release(map.base + node) }
}
