// The mapped cache region: creating, opening and attaching it, its clock and its key hash. The engine's parts work on
// the same mapping through Lane; no policy and no sockets here.
internal import CLinux

/// One process's mapping of a cache region. Dropping it unmaps it, once no lane, permit or ticket made from it is left.
public struct CacheRegion: ~Copyable, Sendable {
    let mapping: Mapping
    let superblock: Superblock
    let map: RegionMap
    /// Whether the region existed before this process created or opened it.
    public let wasWarm: Bool

    init(mapping: Mapping, superblock: Superblock, map: RegionMap, wasWarm: Bool) {
        self.mapping = mapping
        self.superblock = superblock
        self.map = map
        self.wasWarm = wasWarm
    }

    /// Creates a new, empty region.
    public static func create(
        _ options: RegionOptions, backing: RegionBacking = .memory
    ) throws(RegionError) -> CacheRegion {
        try RegionFile.create(options, backing: backing)
    }

    /// Opens an existing region file, or creates it when there is none. An existing file that cannot be used is left
    /// untouched. When `options.sizeBytes` differs from an existing file's size the file's size wins.
    public static func open(path: String, creating options: RegionOptions) throws(RegionError) -> CacheRegion {
        let number = unsafe cl_open_region(path, false)
        if number >= 0 { return try RegionFile.open(descriptor: OwnedDescriptor(number), path: path) }
        guard cl_errno() == 2 else { throw .system(call: "open", errno: cl_errno(), path: path) }
        return try create(options, backing: .file(path: path))
    }

    /// Maps the region behind a descriptor received from another process. The descriptor is duplicated.
    public static func attach(descriptor: Int32) throws(RegionError) -> CacheRegion {
        let number = cl_duplicate(descriptor)
        guard number >= 0 else { throw .system(call: "fcntl", errno: cl_errno(), path: nil) }
        return try RegionFile.open(descriptor: OwnedDescriptor(number), path: nil)
    }

    /// A descriptor of the region, to pass to other processes. Owned by the region.
    public var descriptor: Int32 { mapping.descriptor }
    /// Bytes of the mapping in use.
    public var sizeBytes: Int { map.data + map.usableSegments * map.segmentSize }
    /// Bytes that `grow` can reach.
    public var largestSizeBytes: Int { map.data + map.segmentCount * map.segmentSize }
    /// Number of lanes.
    public var laneCount: Int { map.laneCount }
    /// Bytes of one segment.
    public var segmentSizeBytes: Int { map.segmentSize }
    /// Raw bytes of one compressed chunk of a body: what a buffer must hold for `CompressedChunk.decode`.
    public var chunkSizeBytes: Int { map.chunkSize }
    /// Objects with a longer body are never stored.
    public var maximumObjectBytes: Int { map.usableSegments * map.segmentSize / 4 }

    /// The keyed 64-bit hash of a key text, of a tag or of a host. Differs from region to region.
    public func hash(key: RawSpan) -> UInt64 { map.hash(key) }

    /// The same hash, to be kept apart from the region.
    public var keyHash: KeyHash { KeyHash(seed: map.hashSeed, final: map.hashFinal) }

    /// The cache clock.
    public func now() -> CacheInstant { CacheClock.now(map) }

    /// The cache clock at a moment that CLOCK_BOOTTIME has already been read at.
    public func instant(sinceBootNanoseconds: Int64) -> CacheInstant {
        CacheInstant(
            nanoseconds: sinceBootNanoseconds &+ Int64(bitPattern: map.global64(GlobalWords.clockOffset).relaxed))
    }

    /// Moves the cache clock of all processes. For tests and for the supervisor's re-basing.
    public func shiftClock(nanoseconds: Int64) {
        map.global64(GlobalWords.clockOffset).add(UInt64(bitPattern: nanoseconds))
    }

    /// Makes more of the laid-out segments usable, while processes are attached. Up to the `maximumSizeBytes` of
    /// creation; a smaller size changes nothing.
    public func grow(toBytes bytes: Int) throws(RegionError) {
        let wanted = min(map.segmentCount, (bytes - map.data) / map.segmentSize)
        guard wanted > map.usableSegments else { return }
        let length = map.data + wanted * map.segmentSize
        // A file that is long enough already, since somebody died here, is never made shorter.
        let isLonger = mapping.fileSize > length
        try RegionFile.claimRoom(
            mapping.descriptor, length: isLonger ? mapping.fileSize : length, path: mapping.path,
            more: wanted - map.usableSegments << map.segmentShift)
        map.global64(GlobalWords.usableSegments).release(UInt64(wanted))
    }

    /// Says that nobody writes any more, and writes a file's contents to disk: after the next reboot everything in it
    /// is trusted. Only for the last process, after the others' lanes are given back or recovered. Attaching a lane
    /// takes it back.
    public func markClean() {
        // What it vouches for comes first.
        let isOnDisk = map.global32(GlobalWords.durable).relaxed == 1
        if isOnDisk { _ = unsafe cl_sync_mapping(mapping.address, sizeBytes) }
        map.setClean(true)
    }
}
