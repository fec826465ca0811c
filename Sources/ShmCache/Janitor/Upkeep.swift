// What a janitor does for everybody: keeps the free reserve ahead, so that a fill never waits for an eviction, and
// gives back what has expired. A region without one works as well: then its lanes evict when they run short.

/// What one round of upkeep did and left.
public struct UpkeepOutcome: Sendable, Equatable {
    /// Segments evicted in this round.
    public var evictedSegments = 0
    /// Segments that are free, and those that only wait for readers to leave.
    public var freeSegments = 0
    public var limboSegments = 0
    /// Objects compressed anew in this round.
    public var recompressedObjects: UInt64 = 0
    /// There was more to do than the round was allowed.
    public var wantsMore = false

    /// Nothing done.
    public init() {}
}

extension Lane {
    /// Makes this lane the region's janitor until it ends: others wake it by its eventfd when the reserve runs low, and
    /// leave evicting to it as long as they can. At most one at a time; the last one to say so is it.
    public mutating func becomeJanitor() {
        core.isJanitor = true
        core.map.global32(GlobalWords.janitor).release(UInt32(index + 1))
    }

    /// One round of upkeep, between two turns: frees what nobody reads any more, evicts up to `maximumSegments`
    /// segments of which everything has expired or that the reserve is short of.
    public mutating func keepUp(now: CacheInstant, maximumSegments: Int) -> UpkeepOutcome {
        core.now = now
        return core.keepUp(maximumSegments: maximumSegments)
    }
}

extension LaneCore {
    fileprivate func keepUp(maximumSegments: Int) -> UpkeepOutcome {
        var outcome = UpkeepOutcome()
        let recompressedBefore = recompressedObjects
        var scan = scanTable()
        // Ahead of the mark at which others wake it: a janitor that is woken for every segment wakes too often.
        let wanted = reserveSegments + reserveSegments / 4 + 1
        var isShort = scan.provided < reserveSegments
        while isShort || scan.expired >= 0 {
            guard outcome.evictedSegments < maximumSegments else {
                outcome.wantsMore = true
                break
            }
            let evicted = isShort ? evictOne(scan) : evict(scan.expired, rule: .dropAll)
            guard evicted else { break }
            outcome.evictedSegments += 1
            scan = scanTable()
            isShort = scan.provided < wanted
        }
        if scan.limbo + scan.held > 0, scan.free < 2 { recoverBlockers() }
        if !isShort, outcome.evictedSegments == 0 { map.easeDemand() }
        outcome.recompressedObjects = recompressedObjects - recompressedBefore
        outcome.freeSegments = scan.free
        outcome.limboSegments = scan.limbo + scan.held
        return outcome
    }

    /// Tells the janitor, if there is one, that there is something to do.
    func wakeJanitor() {
        let janitor = map.janitorLane
        if janitor >= 0, janitor != lane { wake(lane: janitor) }
    }
}

extension RegionMap {
    /// Segments that a janitor keeps free; below that it is woken. In a small region it needs more of a start.
    var janitorReserve: Int { max(min(8, usableSegments / 16), usableSegments / 64) + sharedDemand }

    /// Segments that lanes were short of lately.
    var sharedDemand: Int { min(Int(global32(GlobalWords.demand).relaxed), usableSegments / 8) }

    /// A round without need: the next needs a little less.
    func easeDemand() {
        let word = global32(GlobalWords.demand)
        let seen = word.relaxed
        if seen > 0 { _ = word.swap(seen, to: seen - 1) }
    }

    /// The lane of the janitor, -1 without one.
    var janitorLane: Int {
        let noted = Int(global32(GlobalWords.janitor).acquired) - 1
        return noted < laneCount ? noted : -1
    }

    /// Whether a janitor lives: the kernel says so of the thread that holds its lane.
    var hasJanitor: Bool {
        let lane = janitorLane
        return lane >= 0 && Liveness(self, lane: lane).isHeldByLiveThread
    }

    /// A lane ends: if it was the janitor's, there is none now.
    func forgetJanitor(_ lane: Int) {
        _ = global32(GlobalWords.janitor).swap(UInt32(lane + 1), to: 0)
    }
}
