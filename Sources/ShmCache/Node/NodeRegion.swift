// The node region: counters, slots and what else lives exactly as long as the node. Always a memory file.

/// One process's mapping of the node region.
public struct NodeRegion: ~Copyable, Sendable {
    /// Creates an empty node region.
    public static func create(laneCount: Int, slotCount: Int, counterCount: Int) throws(RegionError) -> NodeRegion {
        fatalError("being written")
    }

    /// Maps the node region behind a descriptor received from another process. The descriptor is duplicated.
    public static func attach(descriptor: Int32) throws(RegionError) -> NodeRegion { fatalError("being written") }

    /// A descriptor of the region, to pass on. Owned by the region.
    public var descriptor: Int32 { fatalError("being written") }
    public var laneCount: Int { fatalError("being written") }
    public var slotCount: Int { fatalError("being written") }
    public var counterCount: Int { fatalError("being written") }

    /// A lane's counters, to be written by that lane only. They are never reset: a successor goes on adding.
    public func counters(lane: Int) -> LaneCounters { fatalError("being written") }
    /// A counter's sum over all lanes.
    public func total(counter: Int) -> UInt64 { fatalError("being written") }
    /// One lane's value of a counter.
    public func value(counter: Int, lane: Int) -> UInt64 { fatalError("being written") }

    /// Who serves a slot.
    public func slot(_ index: Int) -> SlotRecord { fatalError("being written") }
    /// Sets who serves a slot (one atomic store; the supervisor or an adopting worker).
    public func setSlot(_ index: Int, _ record: SlotRecord) { fatalError("being written") }
}

/// A lane's row of counters. Single writer, so that adding is a plain load and store.
public struct LaneCounters: ~Copyable {
    /// Adds to a counter. `counter` must be below the region's `counterCount`.
    public borrowing func add(_ counter: Int, _ amount: UInt64 = 1) { fatalError("being written") }
    /// Sets a gauge.
    public borrowing func set(_ counter: Int, _ value: UInt64) { fatalError("being written") }
}

/// Who serves a slot: 64 bits, read and written at once.
public struct SlotRecord: Sendable, Equatable, BitwiseCopyable {
    /// The worker's lane; 255 for none.
    public var lane: UInt8
    /// What is going on with the slot (the supervisor's and worker's own numbering).
    public var state: UInt8
    /// The generation, truncated to 16 bits.
    public var generation: UInt16
    /// The worker's process id, 0 for none.
    public var processID: Int32

    public init(lane: UInt8 = 255, state: UInt8 = 0, generation: UInt16 = 0, processID: Int32 = 0) {
        self.lane = lane
        self.state = state
        self.generation = generation
        self.processID = processID
    }
}
