// One process's presence in the cache: epochs and lookups. Hits only read the mapping here; fills and purges are in
// their own folders as extensions.
internal import CLinux

/// A process's access to the cache. Belongs to the thread that attached it. Views borrow it, so that the compiler
/// refuses to end a turn while one is in use.
@safe
public struct Lane: ~Copyable {
    let core: LaneCore
    let mapPointer: UnsafePointer<RegionMap>
    let probe: Probe
    let unpacker: Unpacker
    /// The lane's index.
    public let index: Int

    /// Objects with a longer body are not stored.
    public var maximumObjectBytes: Int { core.maximumObjectBytes }

    init(core: LaneCore) {
        self.core = core
        unsafe mapPointer = UnsafePointer(core.mapPointer)
        probe = Probe(core.map)
        unpacker = core.unpacker
        index = core.lane
    }

    var map: RegionMap {
        @inline(__always) get { unsafe mapPointer.pointee }
    }

    /// Opens a loop turn: from now to `endTurn()` nothing that a lookup returns is reused. Call once per turn, not per
    /// request.
    public mutating func beginTurn(now: CacheInstant) {
        guard !core.isGivenBack else { return }
        core.now = now
        Epoch(core.map, lane: index).enter()
    }

    /// Closes the turn: call before blocking.
    public mutating func endTurn() {
        guard !core.isGivenBack else { return }
        Epoch(core.map, lane: index).leave()
    }

    /// Background work of a loop turn, between `endTurn()` and `beginTurn`: keeps some segments free so that a fill
    /// never waits. Evicts at most `maximumSegments`, or as many as the turn took. Cheap when there is nothing to do.
    public mutating func maintain(now: CacheInstant, maximumSegments: Int = 4) {
        guard !core.isGivenBack else { return }
        core.now = now
        // Most turns took nothing: then this is all.
        guard core.tookSegments else { return }
        core.maintain(maximumSegments: max(maximumSegments, 2 * core.takenSegments, core.expectedSegments))
        core.takenSegments = 0
        core.expectedSegments = 0
    }

    /// Frees every segment that can be freed and puts the reserve in order, however long that takes. For a janitor, and
    /// between two turns only.
    public mutating func reclaim(now: CacheInstant) {
        core.now = now
        core.tookSegments = true
        core.maintain(maximumSegments: Int.max)
    }

    /// Gives the lane back before its holder ends, so that another process may take it. For a holder without any view,
    /// pin, permit or ticket that will look nothing up any more: from now on only `isGivenBack` may be asked, and turns
    /// do nothing. Ends the turn that is under way.
    public mutating func giveBack() {
        endTurn()
        core.giveBack()
    }

    /// Whether `giveBack` was called.
    public var isGivenBack: Bool { core.isGivenBack }

    /// Finds an object by its key. No allocation, no lock, and no shared write once the object is known to be popular.
    /// Valid inside a turn.
    @_lifetime(borrow self)
    public borrowing func lookup(hash: UInt64, key: RawSpan) -> ItemView? {
        guard let found = probe.find(hash: hash, key: key) ?? findElsewhere(hash: hash, key: key),
            // Whatever a damaged file says, nothing outside of the item's segment is read.
            found.item.isPlausible(room: found.room, chunkShift: probe.chunkShift)
        else { return nil }
        let purge = probe.isUntouched(born: found.item.born) ? .untouched : purgeState(found.item)
        guard purge != .gone else { return nil }
        if found.word.frequency < 3 {
            // Losing this exchange costs a count, nothing else.
            _ = found.address.swapRelaxed(found.word.word, to: found.word.word &+ Slot.frequencyUnit)
        }
        let view = unsafe ItemView(
            found.item.address, mapPointer, softlyPurged: purge == .stale, popular: found.word.frequency == 3,
            kept: .all, lane: self)
        return view.isReadable ? view : nil
    }

    @inline(never)
    private borrowing func findElsewhere(hash: UInt64, key: RawSpan) -> Hit? {
        let map = unsafe mapPointer.pointee
        guard let found = map.find(hash: hash, key: key) else { return nil }
        return Hit(
            word: found.word, address: map.slot(found.slot), item: found.item,
            room: map.segmentSize - found.word.unit << map.unitShift)
    }

    @inline(never)
    private borrowing func purgeState(_ item: ItemHeader) -> PurgeState { unsafe mapPointer.pointee.purgeState(item) }

    /// The cache clock, read now.
    public borrowing func clock() -> CacheInstant {
        unsafe CacheClock.now(mapPointer.pointee)
    }

    /// The cache clock at a moment that CLOCK_BOOTTIME has already been read at.
    public borrowing func instant(sinceBootNanoseconds: Int64) -> CacheInstant {
        let offset = unsafe mapPointer.pointee.global64(GlobalWords.clockOffset).relaxed
        return CacheInstant(nanoseconds: sinceBootNanoseconds &+ Int64(bitPattern: offset))
    }

    /// Tells which descriptor of this process wakes a lane (eventfd). Not owned.
    public mutating func setEventDescriptor(_ descriptor: Int32, forLane lane: Int) {
        guard lane >= 0, lane < core.eventDescriptors.count else { return }
        core.eventDescriptors[lane] = descriptor
    }

    /// To be called when this lane's eventfd was readable (after reading it), before looking at tickets.
    public borrowing func acknowledgeWake() {
        core.map.lane32(index, LaneWords.wakePending).publish(0)
    }

    /// True once after a fill of this same lane made progress or ended: tickets of this process should be looked at
    /// although no eventfd was written.
    public borrowing func takeLocalWake() -> Bool {
        let woken = core.localWake
        core.localWake = false
        return woken
    }
}

/// A lane's announcement of what it may still be reading.
struct Epoch {
    let map: RegionMap
    let lane: Int

    init(_ map: RegionMap, lane: Int) {
        self.map = map
        self.lane = lane
    }

    /// Announces the epoch; the one fence of a turn separates it from the turn's slot loads.
    @inline(__always)
    func enter() {
        map.lane64(lane, LaneWords.epoch).release(map.global64(GlobalWords.epoch).acquired)
        fullFence()
        map.lane64(lane, LaneWords.turn).bumpOwn(1)
    }

    @inline(__always)
    func leave() { map.lane64(lane, LaneWords.epoch).release(0) }

    var isEntered: Bool { map.lane64(lane, LaneWords.epoch).relaxed != 0 }
}
