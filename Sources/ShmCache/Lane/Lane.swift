// One process's presence in the cache: epochs, lookups and pins. Hits only read the mapping here; fills and purges are
// in their own folders as extensions.

/// A process's access to the cache. Belongs to the thread that attached it. Views borrow it, so that the compiler
/// refuses to end a turn while one is in use.
public struct Lane: ~Copyable {
    /// The lane's index.
    public var index: Int { fatalError("being written") }

    /// Opens a loop turn: from now to `endTurn()` nothing that a lookup returns is reused. Call once per turn, not per
    /// request.
    public mutating func beginTurn(now: CacheInstant) { fatalError("being written") }

    /// Closes the turn: call before blocking.
    public mutating func endTurn() { fatalError("being written") }

    /// Background work of a loop turn, between `endTurn()` and `beginTurn`: keeps some segments free so that a fill
    /// never waits. Evicts at most `maximumSegments`. Cheap when there is nothing to do.
    public mutating func maintain(now: CacheInstant, maximumSegments: Int = 2) { fatalError("being written") }

    /// Finds an object by its key. No allocation, no lock, and no shared write once the object is known to be popular.
    /// Valid inside a turn.
    @_lifetime(borrow self)
    public borrowing func lookup(hash: UInt64, key: RawSpan) -> ItemView? { fatalError("being written") }

    /// Fetches the cache lines that `lookup` of this hash will read.
    public borrowing func prefetch(hash: UInt64) { fatalError("being written") }

    /// Keeps an object in place beyond this turn. Nil when too much is pinned already: copy instead.
    public borrowing func pin(_ view: borrowing ItemView) -> Pin? { fatalError("being written") }

    /// The pinned object. Valid inside a turn.
    @_lifetime(borrow self)
    public borrowing func view(of pin: borrowing Pin) -> ItemView { fatalError("being written") }

    /// For bodies of several extents: lets go of the extent pinned so far and pins the one that contains `offset`.
    /// False when that extent is gone or too much is pinned.
    @discardableResult
    public borrowing func advance(_ pin: inout Pin, to offset: Int) -> Bool { fatalError("being written") }

    /// Ends a pin.
    public borrowing func unpin(_ pin: consuming Pin) { fatalError("being written") }

    /// Tells which descriptor of this process wakes a lane (eventfd). Not owned.
    public mutating func setEventDescriptor(_ descriptor: Int32, forLane lane: Int) { fatalError("being written") }

    /// To be called when this lane's eventfd was readable (after reading it), before looking at tickets.
    public borrowing func acknowledgeWake() { fatalError("being written") }

    /// True once after a fill of this same lane made progress or ended: tickets of this process should be looked at
    /// although no eventfd was written.
    public borrowing func takeLocalWake() -> Bool { fatalError("being written") }
}
