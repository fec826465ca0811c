// Figures about a region, for status pages and tools. Filled by walking the tables.

/// A snapshot of a region's contents; concurrent changes make it approximate.
public struct RegionStatistics: Sendable, Equatable {
    /// Live objects.
    public var objects = 0
    /// Bytes that live objects take in the log (headers, keys, stored bodies), extents included.
    public var storedBytes = 0
    /// Bytes of live objects' bodies before compression.
    public var bodyBytes = 0
    /// Live objects that are stored with a dictionary, and dictionaries.
    public var packedObjects = 0
    public var dictionaries = 0
    /// Bytes of the mapping.
    public var regionBytes = 0
    /// Bytes of superblock, tables and index.
    public var tableBytes = 0
    /// Segments by state.
    public var segmentsFree = 0
    public var segmentsOpen = 0
    public var segmentsSealed = 0
    public var segmentsEvicting = 0
    public var segmentsLimbo = 0
    public var segmentsStaging = 0
    public var segmentsWhole = 0
    public var segmentsIndex = 0
    /// Fills that are under way, and finished ones that still have readers.
    public var fillsRunning = 0
    public var fillsLingering = 0
    /// Lanes held by live threads, and by dead ones.
    public var lanesLive = 0
    public var lanesDead = 0
    /// Counters since the region was created: bytes admitted by fills, bytes written to the log in all (admitted and
    /// copied), objects committed, objects dropped by eviction.
    public var admittedBytes: UInt64 = 0
    public var writtenBytes: UInt64 = 0
    public var committedObjects: UInt64 = 0
    public var evictedObjects: UInt64 = 0
    /// Objects per size class (class limits grow by four).
    public var objectsPerClass: [Int] = []

    /// Everything zero.
    public init() {}
}
