// What `replay` was asked for, and how large a region that takes.
import ShmCache

struct ReplayOptions {
    var trace: String
    var sizeBytes: Int
    var processes: Int
    var byteWeight: Int
    var compressible: Bool
    var json: Bool

    init(_ arguments: [String]) throws {
        var words = Words(arguments)
        guard let size = try words.size("--size") else { throw ToolFailure.usage("replay needs --size BYTES") }
        sizeBytes = size
        processes = try words.number("--processes", in: 1...64) ?? 1
        byteWeight = try words.number("--byte-weight", in: 0...(1 << 40)) ?? 0
        compressible = words.flag("--compressible")
        json = words.flag("--json")
        trace = try words.only("trace")
    }

    /// A region that holds `sizeBytes` of bodies: what the objects need besides, and room for the tables and for the
    /// segments that are being written or kept free. That is within 3 % and 1 MiB; a little is left of it, as the
    /// objects are not quite as many as expected.
    func region(_ objects: ReplayObjects) -> RegionOptions {
        let segments = 16 * RegionOptions.preferredSegmentSize(sizeBytes: sizeBytes)
        let allowed = sizeBytes * 29 / 1000 + 14 << 16 - objects.atEnd
        let besides = min(sizeBytes / 40 + segments + 1 << 17, max(0, allowed))
        let needed = objects.atEnd * ReplayOptions.itemBytes + objects.most * ReplayOptions.tableBytes
        let total = max(sizeBytes + besides + needed, RegionOptions.minimumSizeBytes)
        return RegionOptions(
            sizeBytes: total, laneCount: max(2, processes),
            averageObjectBytes: min(max(64, total / max(1, objects.most)), 1 << 24), byteWeight: byteWeight)
    }

    /// What an object costs besides its body in the log: header and rounding.
    private static let itemBytes = 66
    /// And in the tables: index and ghosts.
    private static let tableBytes = 15
}

/// How many objects a replay holds.
struct ReplayObjects {
    /// When the trace is over.
    var atEnd: Int
    /// At any time.
    var most: Int
}
