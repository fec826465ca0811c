// Who holds which lane of a region: taking one, and making good what a dead holder left behind.
internal import CLinux

extension CacheRegion {
    /// Takes a lane for the calling thread, which from then on must be the only one to use it. A lane left by a dead
    /// process is recovered first.
    public func attachLane(_ index: Int) throws(RegionError) -> Lane {
        guard index >= 0, index < laneCount else { throw .noSuchLane(lane: index, laneCount: laneCount) }
        guard takeLane(index) else {
            throw .laneInUse(lane: index, processID: Int32(bitPattern: map.lane32(index, LaneWords.processID).relaxed))
        }
        _ = LaneRecovery(map: map, lane: index).run()
        if map.isClean { map.setClean(false) }
        map.lane32(index, LaneWords.processID).relax(UInt32(bitPattern: cl_process_id()))
        return Lane(core: LaneCore(mapping: mapping, map: map, lane: index))
    }

    /// Takes the liveness word; waits up to a second for another process that is just recovering the lane. A recoverer
    /// holds the word a moment before it says so.
    private func takeLane(_ index: Int) -> Bool {
        for attempt in 0..<1000 {
            if Liveness(map, lane: index).take() { return true }
            let isRecovering = map.lane32(index, LaneWords.phase).acquired == LanePhase.recover.rawValue
            guard isRecovering || attempt < 50 else { return false }
            cl_sleep_microseconds(1000)
        }
        return false
    }

    /// Takes the first lane that is free or whose process is dead.
    public func attachAnyLane() throws(RegionError) -> Lane {
        for index in 0..<laneCount where !Liveness(map, lane: index).isHeldByLiveThread {
            if let lane = try? attachLane(index) { return lane }
        }
        throw .noSuchLane(lane: laneCount, laneCount: laneCount)
    }

    /// Who holds a lane.
    public func laneState(_ index: Int) -> LaneState {
        guard index >= 0, index < laneCount else { return .free }
        let liveness = Liveness(map, lane: index)
        let pid = Int32(bitPattern: map.lane32(index, LaneWords.processID).relaxed)
        if liveness.isFree { return .free }
        if liveness.isDead { return .dead(processID: pid) }
        return .live(
            processID: pid, turn: map.lane64(index, LaneWords.turn).relaxed,
            inTurn: map.lane64(index, LaneWords.epoch).relaxed != 0)
    }

    /// Makes good what a dead process left behind in its lane: fills become orphans, open segments are sealed, pins are
    /// dropped. Does nothing (and says so) unless the kernel says that the lane's thread is dead. Any process may call
    /// it, at any time; it may be killed at any instruction and run again.
    @discardableResult
    public func recoverLane(_ index: Int) -> RecoveryOutcome {
        guard index >= 0, index < laneCount else { return .nothingToDo }
        return LaneRecovery.recoverIfDead(map, lane: index)
    }

    /// What a lane is doing to the shared memory, or was when its process died. For tests.
    package func lanePhase(_ index: Int) -> LanePhase {
        guard index >= 0, index < laneCount else { return .idle }
        return LanePhase(rawValue: map.lane32(index, LaneWords.phase).relaxed) ?? .idle
    }

    /// Where that word is. For a test's signal handler.
    package func lanePhaseWord(_ index: Int) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(map.lane32(index, LaneWords.phase).address)
    }

    /// Recovers every lane whose thread is dead. Returns how many.
    @discardableResult
    public func recoverDeadLanes() -> Int {
        var count = 0
        for index in 0..<laneCount {
            if case .recovered = recoverLane(index) { count += 1 }
        }
        return count
    }
}

/// Who holds a lane.
public enum LaneState: Equatable, Sendable {
    /// Nobody; nothing is left of earlier holders.
    case free
    /// A live thread. `turn` counts its loop turns; `inTurn` says that it holds an epoch.
    case live(processID: Int32, turn: UInt64, inTurn: Bool)
    /// Its thread died; it waits to be recovered.
    case dead(processID: Int32)
}

/// What `recoverLane` found.
public enum RecoveryOutcome: Equatable, Sendable {
    /// The lane was free.
    case nothingToDo
    /// A live thread holds it, or another process is recovering it.
    case heldByLiveThread
    /// Recovered.
    case recovered(orphanedFills: Int, sealedSegments: Int)
}
