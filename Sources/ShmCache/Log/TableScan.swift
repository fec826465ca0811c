// One walk over the segment table: what is free, what can be freed, and which segment each queue would give up next.

/// What a walk over the segment table found.
struct TableScan {
    /// The state of one log queue (a class's small or main one).
    struct Queue {
        var segments = 0
        var oldest = -1
        var oldestSequence = UInt64.max
        /// The word of the oldest segment's state, as seen.
        var state = SegmentState(word: 0)
    }

    var free = 0
    /// Free as soon as turns under way are over.
    var limbo = 0
    /// Evicted, and kept by pins or by readers of a fill for as long as their clients take.
    var held = 0
    /// Segments of the region.
    var all = 0
    /// By class * 2 + main.
    var queues = [Queue](repeating: Queue(), count: SizeClass.count * 2)
    /// A segment in which everything has expired.
    var expired = -1
    /// The segment with the fewest live bytes, if under half are.
    var sparsest = -1
    var sparsestLive = Int.max

    /// What need not be evicted. Of segments that readers hold, those beyond a third of the cache count as well: it is
    /// not emptied for the sake of what they will give back.
    var provided: Int { free + limbo + max(0, held - all / 3) }

    mutating func note(_ segment: Int, _ state: SegmentState, _ map: RegionMap, now: UInt32) {
        let position = min(state.sizeClass * 2 + (state.isMain ? 1 : 0), queues.count - 1)
        queues[position].segments += 1 + Int(map.segment32(segment, SegmentWords.extents).relaxed)
        guard state.phase != .open else { return }
        let sequence = map.segment64(segment, SegmentWords.sealSequence).relaxed
        if sequence < queues[position].oldestSequence {
            queues[position].oldestSequence = sequence
            queues[position].oldest = segment
            queues[position].state = state
        }
        if map.segment32(segment, SegmentWords.latestExpiry).relaxed < now { expired = segment }
        let live = Int(map.segment32(segment, SegmentWords.live).relaxed)
        let written = Int(map.segment32(segment, SegmentWords.written).relaxed)
        if state.phase == .sealed, live < written / 2, live < sparsestLive {
            sparsestLive = live
            sparsest = segment
        }
    }
}

extension LaneCore {
    /// Walks the table; frees what can be freed on the way.
    func scanTable() -> TableScan {
        var scan = TableScan()
        scan.all = map.usableSegments
        let now = now.seconds
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            switch state.phase {
            case .free: scan.free += 1
            case .limbo:
                switch map.freeIfUnread(segment) {
                case .freed: scan.free += 1
                case .inTurns: scan.limbo += 1
                case .held: scan.held += 1
                }
            case .filling, .staging: if map.freeIfFillEnded(segment) { scan.free += 1 }
            case .open, .parked, .sealed: scan.note(segment, state, map, now: now)
            case .evicting, .whole, .index: break
            }
        }
        return scan
    }

    /// Segments to keep free: for bursts within one turn, and for survivors.
    var reserveSegments: Int { isJanitor ? map.janitorReserve : max(3, map.usableSegments / 64) + demand }

    /// Segments below which a lane evicts by itself although a janitor lives.
    var ownReserve: Int { max(2, map.usableSegments / 256) }

    /// Keeps the reserve: frees what nobody reads, evicts what is missing. Where a janitor does that, only what it is
    /// late with.
    func maintain(maximumSegments: Int) {
        guard tookSegments else { return }
        freeOwnStaging()
        var scan = scanTable()
        var evicted = 0
        let hasHelp = !isJanitor && map.hasJanitor
        if hasHelp, scan.provided < map.janitorReserve { wakeJanitor() }
        // A large body takes many segments in each of its turns: whoever takes them evicts them, a janitor may be late.
        let taken = takenSegments > 2 ? min(2 * takenSegments, map.usableSegments / 8) : 0
        let mark = max(expectedSegments, hasHelp ? max(ownReserve, taken) : reserveSegments)
        while scan.provided < mark, evicted < maximumSegments {
            guard evictOne(scan) else { break }
            evicted += 1
            scan = scanTable()
        }
        if scan.limbo + scan.held > 0, scan.free < 2 { recoverBlockers() }
        tookSegments = hasHelp ? scan.free < mark : scan.limbo > 0 || scan.free < mark
        if demand > 0, scan.free >= reserveSegments { demand -= 1 }
    }

    /// A dead lane's epoch or pins keep segments from being freed: make it good.
    func recoverBlockers() {
        for other in 0..<map.laneCount where other != lane && Liveness(map, lane: other).isDead {
            _ = during(.recover) { LaneRecovery.recoverIfDead(map, lane: other) }
        }
    }

    private func freeOwnStaging() {
        guard staging.count > 1 else { return }
        for segment in staging.dropFirst(0) where staging.count > 1 && map.isUnused(staging: segment) {
            let state = map.state(segment)
            let freed = SegmentState(.free, gen: state.gen &+ 1)
            staging.removeAll { $0 == segment }
            _ = map.segment64(segment, SegmentWords.state).swap(state.word, to: freed.word)
        }
    }
}
