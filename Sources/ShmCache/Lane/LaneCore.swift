// The private memory of a lane: what only its own process needs to know. Kept alive by the lane and by every permit and
// ticket made from it; a hit never touches it.
internal import CLinux

/// What a lane is doing to shared memory. Tests read it to tell where a kill landed.
package enum LanePhase: UInt32, Sendable {
    case idle = 0
    case startFill, append, finish, commit, evict, relocate, purge, takeover, releaseFill, recover, grow
    /// Of the upkeep: moving what is left of a sparse segment, moving an object to the main queue compressed anew, and
    /// changes of the dictionaries.
    case compact, promote, dictionary
}

/// A lane's private state.
@safe
final class LaneCore {
    let mapping: Mapping
    let map: RegionMap
    let mapPointer: UnsafeMutablePointer<RegionMap>
    let lane: Int
    var now = CacheInstant(nanoseconds: 0)
    /// Open segments by class and queue (class * 2 + main), and when each was last used.
    var open = [Int](repeating: -1, count: 16)
    var openUsed = [UInt64](repeating: 0, count: 16)
    var useCounter: UInt64 = 0
    /// Own staging segments.
    var staging: [Int] = []
    var freeCursor = 0
    /// Set when segments were taken since the last look at the reserve.
    var tookSegments = true
    /// Segments taken since the last upkeep between two turns: the next turn may want as many.
    var takenSegments = 0
    /// Segments that a large body which has just begun will take.
    var expectedSegments = 0
    /// Segments to keep free beyond the usual reserve, since some were missing lately.
    var demand = 0
    var pinnedSegments = 0
    /// Whether this lane does the upkeep for all.
    var isJanitor = false
    /// Tickets of this process per fill.
    var interest: [UInt32]
    var eventDescriptors: [Int32]
    var localWake = false
    var scratch: ScratchBuffer
    let unpacker = Unpacker()
    var packingStreams: PackingStreams?
    /// Dictionaries of new items by kind, as of a version of the table.
    var knownDictionaries: [UInt32: Int] = [:]
    var knownVersion = UInt64.max
    var unpackedObjects = 0
    /// A janitor's.
    var training = TrainingMemory()
    var referenceCount = ReferenceCount()
    var sweep = PurgeSweep()
    var recompressor: Recompressor?
    var recompressedObjects: UInt64 = 0
    private(set) var isGivenBack = false

    init(mapping: Mapping, map: RegionMap, lane: Int) {
        self.mapping = mapping
        self.map = map
        self.lane = lane
        unsafe mapPointer = .allocate(capacity: 1)
        unsafe mapPointer.initialize(to: map)
        interest = [UInt32](repeating: 0, count: map.fillCount)
        eventDescriptors = [Int32](repeating: -1, count: map.laneCount)
        scratch = ScratchBuffer(count: max(map.chunkSize, Unpacker.largestBytes))
    }

    deinit {
        giveBack()
        unsafe mapPointer.deallocate()
        unpacker.deallocate()
    }

    /// A clean end leaves exactly what a death leaves, so the same code tidies up.
    func giveBack() {
        guard !isGivenBack else { return }
        isGivenBack = true
        _ = LaneRecovery(map: map, lane: lane).run()
        Liveness(map, lane: lane).release()
    }

    func word64(_ field: Int) -> SharedWord64 { map.lane64(lane, field) }

    /// Marks what the lane is doing, around a piece of work.
    @inline(__always)
    func during<R: ~Copyable>(_ phase: LanePhase, _ work: () -> R) -> R {
        let word = map.lane32(lane, LaneWords.phase)
        let before = word.relaxed
        word.release(phase.rawValue)
        defer { word.release(before) }
        return work()
    }
}

/// A private buffer of fixed size.
@safe
struct ScratchBuffer: ~Copyable {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        unsafe start = .allocate(byteCount: count, alignment: 64)
        self.count = count
    }

    deinit { unsafe start.deallocate() }
}
