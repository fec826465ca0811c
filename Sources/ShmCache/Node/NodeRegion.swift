// The node region: counters, slots and what else lives exactly as long as the node. Always a memory file.
internal import CLinux

/// One process's mapping of the node region.
@safe
public struct NodeRegion: ~Copyable, Sendable {
    let mapping: Mapping
    let layout: NodeLayout

    /// Creates an empty node region.
    public static func create(laneCount: Int, slotCount: Int, counterCount: Int) throws(RegionError) -> NodeRegion {
        let layout = try NodeLayout(laneCount: laneCount, slotCount: slotCount, counterCount: counterCount)
        let number = unsafe cl_memfd_create("martlet-node")
        guard number >= 0 else { throw .system(call: "memfd_create", errno: cl_errno(), path: nil) }
        let descriptor = OwnedDescriptor(number)
        guard cl_set_file_size(descriptor.number, Int64(layout.length)) == 0 else {
            throw .system(call: "ftruncate", errno: cl_errno(), path: nil)
        }
        _ = cl_memfd_seal_shrink(descriptor.number)
        let mapping = try Mapping(descriptor: descriptor.take(), reserved: layout.length, path: nil)
        let page = layout.encoded()
        unsafe page.withUnsafeBytes { unsafe mapping.address.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        let region = NodeRegion(mapping: mapping, layout: layout)
        for slot in 0..<slotCount { region.setSlot(slot, SlotRecord()) }
        return region
    }

    /// Maps the node region behind a descriptor received from another process. The descriptor is duplicated.
    public static func attach(descriptor: Int32) throws(RegionError) -> NodeRegion {
        let number = cl_duplicate(descriptor)
        guard number >= 0 else { throw .system(call: "fcntl", errno: cl_errno(), path: nil) }
        let owned = OwnedDescriptor(number)
        let layout = try NodeLayout(page: readFirstPage(owned.number), fileSize: Int(cl_file_size(owned.number)))
        return NodeRegion(
            mapping: try Mapping(descriptor: owned.take(), reserved: layout.length, path: nil), layout: layout)
    }

    init(mapping: Mapping, layout: NodeLayout) {
        self.mapping = mapping
        self.layout = layout
    }

    /// A descriptor of the region, to pass on. Owned by the region.
    public var descriptor: Int32 { mapping.descriptor }
    /// Number of lanes, each with a row of counters.
    public var laneCount: Int { layout.laneCount }
    /// Number of slots.
    public var slotCount: Int { layout.slotCount }
    /// Counters in a row.
    public var counterCount: Int { layout.counterCount }

    /// A lane's counters, to be written by that lane only. They are never reset: a successor goes on adding.
    public func counters(lane: Int) -> LaneCounters {
        precondition(lane >= 0 && lane < laneCount, "no such lane")
        return unsafe LaneCounters(
            mapping: mapping, row: mapping.address + layout.counters + lane * layout.rowLength, count: counterCount)
    }

    /// A counter's sum over all lanes.
    public func total(counter: Int) -> UInt64 {
        var sum: UInt64 = 0
        for lane in 0..<laneCount { sum &+= value(counter: counter, lane: lane) }
        return sum
    }

    /// One lane's value of a counter.
    public func value(counter: Int, lane: Int) -> UInt64 {
        guard counter >= 0, counter < counterCount, lane >= 0, lane < laneCount else { return 0 }
        return word(layout.counters + lane * layout.rowLength + counter * 8).relaxed
    }

    /// Who serves a slot.
    public func slot(_ index: Int) -> SlotRecord {
        guard index >= 0, index < slotCount else { return SlotRecord() }
        return SlotRecord(word: word(layout.slots + index * 8).acquired)
    }

    /// Sets who serves a slot (one atomic store; the supervisor or an adopting worker).
    public func setSlot(_ index: Int, _ record: SlotRecord) {
        guard index >= 0, index < slotCount else { return }
        word(layout.slots + index * 8).release(record.word)
    }

    /// A lane's holder says that it turns its loop at least once a second as long as it lives;
    /// the janitor, every five.
    public func promiseBeat(lane: Int, processID: Int32) {
        guard layout.beats > 0, lane >= 0, lane < laneCount else { return }
        word(layout.beats + lane * 8).release(UInt64(UInt32(bitPattern: processID)))
    }

    /// Whether that process has promised it of that lane. One of an earlier release never has.
    public func hasPromisedBeat(lane: Int, processID: Int32) -> Bool {
        guard layout.beats > 0, lane >= 0, lane < laneCount else { return false }
        return word(layout.beats + lane * 8).acquired == UInt64(UInt32(bitPattern: processID))
    }

    private func word(_ offset: Int) -> SharedWord64 { unsafe SharedWord64(mapping.address + offset) }
}

/// A lane's row of counters. Single writer, so that adding is a plain load and store.
@safe
public struct LaneCounters: ~Copyable {
    private let mapping: Mapping
    private let row: UnsafeMutableRawPointer
    private var count: Int

    init(mapping: Mapping, row: UnsafeMutableRawPointer, count: Int) {
        self.mapping = mapping
        unsafe self.row = row
        self.count = count
    }

    /// Adds to a counter. Ignored unless `counter` is below the region's `counterCount`.
    public borrowing func add(_ counter: Int, _ amount: UInt64 = 1) {
        guard counter >= 0, counter < count else { return }
        unsafe SharedWord64(row + counter * 8).bumpOwn(amount)
    }

    /// From now on nothing is counted: the row is somebody else's.
    public mutating func giveBack() { count = 0 }

    /// Sets a gauge.
    public borrowing func set(_ counter: Int, _ value: UInt64) {
        guard counter >= 0, counter < count else { return }
        unsafe SharedWord64(row + counter * 8).relax(value)
    }
}

/// Who serves a slot: 64 bits {process 32 | generation 16 | state 8 | lane 8}, read and written at once.
public struct SlotRecord: Sendable, Equatable, BitwiseCopyable {
    /// The worker's lane; 255 for none.
    public var lane: UInt8
    /// What is going on with the slot (the supervisor's and worker's own numbering).
    public var state: UInt8
    /// The generation, truncated to 16 bits.
    public var generation: UInt16
    /// The worker's process id, 0 for none.
    public var processID: Int32

    /// A record; nobody serves the slot by default.
    public init(lane: UInt8 = 255, state: UInt8 = 0, generation: UInt16 = 0, processID: Int32 = 0) {
        self.lane = lane
        self.state = state
        self.generation = generation
        self.processID = processID
    }

    init(word: UInt64) {
        lane = UInt8(truncatingIfNeeded: word)
        state = UInt8(truncatingIfNeeded: word >> 8)
        generation = UInt16(truncatingIfNeeded: word >> 16)
        processID = Int32(truncatingIfNeeded: word >> 32)
    }

    var word: UInt64 {
        UInt64(lane) | UInt64(state) << 8 | UInt64(generation) << 16 | UInt64(UInt32(bitPattern: processID)) << 32
    }
}
