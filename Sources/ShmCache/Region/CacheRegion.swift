// The mapped cache region: creating, opening and attaching it, its clock and its key hash. The engine's parts work on
// the same mapping through Lane; no policy and no sockets here.

/// One process's mapping of a cache region. Dropping it unmaps it, once no lane, permit or ticket made from it is left.
public struct CacheRegion: ~Copyable, Sendable {
    /// Creates a new, empty region.
    public static func create(_ options: RegionOptions, backing: RegionBacking = .memory) throws(RegionError) -> CacheRegion {
        fatalError("being written")
    }

    /// Opens an existing region file, or creates it when there is none. An existing file that cannot be used is left
    /// untouched. When `options.sizeBytes` differs from an existing file's size the file's size wins.
    public static func open(path: String, creating options: RegionOptions) throws(RegionError) -> CacheRegion {
        fatalError("being written")
    }

    /// Maps the region behind a descriptor received from another process. The descriptor is duplicated.
    public static func attach(descriptor: Int32) throws(RegionError) -> CacheRegion {
        fatalError("being written")
    }

    /// A descriptor of the region, to pass to other processes. Owned by the region.
    public var descriptor: Int32 { fatalError("being written") }
    /// Bytes of the mapping in use.
    public var sizeBytes: Int { fatalError("being written") }
    /// Number of lanes.
    public var laneCount: Int { fatalError("being written") }
    /// Bytes of one segment.
    public var segmentSizeBytes: Int { fatalError("being written") }
    /// Raw bytes of one compressed chunk of a body: what a buffer must hold for `CompressedChunk.decode`.
    public var chunkSizeBytes: Int { fatalError("being written") }
    /// Objects with a longer body are never stored.
    public var maximumObjectBytes: Int { fatalError("being written") }
    /// Whether this process's open found the region and its contents (false for one just created).
    public var wasWarm: Bool { fatalError("being written") }

    /// The keyed 64-bit hash of a key text, of a tag or of a host. Differs from region to region.
    public func hash(key: RawSpan) -> UInt64 { fatalError("being written") }

    /// The cache clock.
    public func now() -> CacheInstant { fatalError("being written") }

    /// Moves the cache clock of all processes. For tests and for the supervisor's re-basing.
    public func shiftClock(nanoseconds: Int64) { fatalError("being written") }

    /// Takes a lane for the calling thread, which from then on must be the only one to use it. A lane left by a dead
    /// process is recovered first.
    public func attachLane(_ index: Int) throws(RegionError) -> Lane { fatalError("being written") }

    /// Takes the first lane that is free or whose process is dead.
    public func attachAnyLane() throws(RegionError) -> Lane { fatalError("being written") }

    /// Who holds a lane.
    public func laneState(_ index: Int) -> LaneState { fatalError("being written") }

    /// Makes good what a dead process left behind in its lane: fills become orphans, open segments are sealed, pins are
    /// dropped. Does nothing (and says so) unless the kernel says that the lane's thread is dead. Any process may call
    /// it, at any time; it may be killed at any instruction and run again.
    @discardableResult
    public func recoverLane(_ index: Int) -> RecoveryOutcome { fatalError("being written") }

    /// Recovers every lane whose thread is dead. Returns how many.
    @discardableResult
    public func recoverDeadLanes() -> Int { fatalError("being written") }

    /// Figures of the region: walks the tables, so for operators and not for a hit.
    public func statistics() -> RegionStatistics { fatalError("being written") }

    /// Every invariant that is broken, one line each. Only meaningful while no process changes the region.
    public func checkInvariants() -> [String] { fatalError("being written") }
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
