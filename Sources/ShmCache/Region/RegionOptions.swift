// What is chosen when a region is created and never changes afterwards. No file access here.

/// The shape of a new cache region.
public struct RegionOptions: Sendable {
    /// Bytes of the whole mapping, tables included. At least `RegionOptions.minimumSizeBytes`.
    public var sizeBytes: Int
    /// Address space and tables are laid out for this size, so that `CacheRegion.grow` can reach it. Defaults to
    /// `sizeBytes`.
    public var maximumSizeBytes: Int
    /// A power of two from 16 KiB to 16 MiB; nil chooses about 1/512 of the size.
    public var segmentSizeBytes: Int?
    /// Lanes (processes that may be attached at once), 2...128.
    public var laneCount: Int
    /// The index is sized for objects that take this many stored bytes on average.
    public var averageObjectBytes: Int
    /// Bytes at which an object weighs twice a tiny one when classes compete for space; 0 saves origin requests
    /// regardless of size.
    public var byteWeight: Int

    /// The smallest region that works.
    public static let minimumSizeBytes = 1 << 19

    /// Options with defaults for everything but the size.
    public init(
        sizeBytes: Int, maximumSizeBytes: Int? = nil, segmentSizeBytes: Int? = nil, laneCount: Int = 128,
        averageObjectBytes: Int = 1024, byteWeight: Int = 0
    ) {
        self.sizeBytes = sizeBytes
        self.maximumSizeBytes = maximumSizeBytes ?? sizeBytes
        self.segmentSizeBytes = segmentSizeBytes
        self.laneCount = laneCount
        self.averageObjectBytes = averageObjectBytes
        self.byteWeight = byteWeight
    }
}

/// Where the bytes of a region live.
public enum RegionBacking: Sendable {
    /// An anonymous memory file; it lives as long as a descriptor of it is open somewhere.
    case memory
    /// A file, on /dev/shm or on a disk. Creating fails if it exists.
    case file(path: String)
}
