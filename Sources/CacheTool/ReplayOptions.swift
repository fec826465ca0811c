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

    /// A region that holds `sizeBytes` of bodies of `objects` objects: what these need besides, and room for the
    /// tables and for the segments that are being written or kept free.
    func region(objects: Int) -> RegionOptions {
        let segments = 16 * RegionOptions.preferredSegmentSize(sizeBytes: sizeBytes)
        let besides = min(sizeBytes / 40 + segments + 1 << 17, sizeBytes * 3 / 100 + 15 << 16)
        let total = max(sizeBytes + besides + objects * ReplayOptions.metadataBytes, RegionOptions.minimumSizeBytes)
        return RegionOptions(
            sizeBytes: total, laneCount: max(2, processes),
            averageObjectBytes: min(max(64, total / max(1, objects)), 1 << 24), byteWeight: byteWeight)
    }

    /// What an object costs besides its body: header, index slot, ghost, rounding.
    static let metadataBytes = 102
}
