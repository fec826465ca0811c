// What all processes of the storm share: the two regions, the texts, and when what was last purged, so that every
// reader can tell an object that a finished purge should have removed.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

/// What the processes count, in the node region, which outlives them.
enum Count: Int, CaseIterable {
    case lookups, hits, wrongReads, purgedReads, fills, joins, commits, freshened, takeovers, purges, recoveries
    case growths, rawCopies, forms, dictionaries, recompressions, upkeepEvictions
}

/// What can be purged, as an index of the shared table of times.
enum Purgeable {
    static let keys = 2500
    static let tags = 10
    static let count = keys + tags + 10 + 1

    static func key(_ key: Int) -> Int { key }
    static func tag(_ tag: Int) -> Int { keys + tag }
    /// All keys whose decimal text begins with that digit.
    static func prefix(_ digit: Int) -> Int { keys + tags + digit }
    static let everything = count - 1

    static func digit(of key: Int) -> Int {
        var digit = key
        while digit >= 10 { digit /= 10 }
        return digit
    }
}

struct World: ~Copyable {
    let region: CacheRegion
    let node: NodeRegion
    let library = Library()
    let slowReads: UInt64
    /// Keys in use: more than the region has room for.
    let keys: Int
    /// From here on lanes belong to processes that only die.
    static let firstSpareLane = 8
    static let janitorLane = 6

    init(sizeBytes: Int, lanes: Int, slowReads: UInt64) throws {
        let region = try CacheRegion.create(
            RegionOptions(sizeBytes: sizeBytes, maximumSizeBytes: sizeBytes / 2 * 3, laneCount: lanes))
        let node = try NodeRegion.create(
            laneCount: lanes, slotCount: Purgeable.count, counterCount: Count.allCases.count)
        self.region = region
        self.node = node
        self.slowReads = slowReads
        keys = min(Purgeable.keys, max(600, sizeBytes / 3300))
    }

    func count(_ count: Count) -> Int { Int(node.total(counter: count.rawValue)) }

    /// Nanoseconds, the same for all processes.
    static func time() -> UInt64 { UInt64(cl_monotonic_nanoseconds()) }

    /// Lets the other processes work for so many turns in all, or for a few milliseconds when they do not.
    func waitForOthers(turns: UInt64, but own: Int) {
        let end = World.time() + 3_000_000
        let wanted = othersTurns(but: own) + turns
        while othersTurns(but: own) < wanted, World.time() < end { sched_yield() }
    }

    private func othersTurns(but own: Int) -> UInt64 {
        var sum: UInt64 = 0
        for lane in 0..<region.laneCount where lane != own { sum += Aim.turn(region, lane) }
        return sum
    }

    /// Notes that a purge that began at `time` has returned.
    func notePurge(_ what: Int, began time: UInt64) {
        node.setSlot(
            what,
            SlotRecord(
                lane: UInt8(truncatingIfNeeded: time), state: UInt8(truncatingIfNeeded: time >> 8),
                generation: UInt16(truncatingIfNeeded: time >> 16), processID: Int32(truncatingIfNeeded: time >> 32)))
    }

    private func purged(_ what: Int) -> UInt64 {
        let record = node.slot(what)
        if record.processID == 0 { return 0 }
        return UInt64(record.lane) | UInt64(record.state) << 8 | UInt64(record.generation) << 16
            | UInt64(UInt32(bitPattern: record.processID)) << 32
    }

    /// No version of the key older than this may be found from now on.
    func oldestVersion(key: Int) -> UInt64 {
        max(
            purged(Purgeable.key(key)), purged(Purgeable.tag(key % Purgeable.tags)),
            purged(Purgeable.prefix(Purgeable.digit(of: key))), purged(Purgeable.everything))
    }
}
