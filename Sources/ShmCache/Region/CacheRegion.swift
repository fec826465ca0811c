// The mapped cache region: creating, opening and attaching it, its clock and its key hash. The engine's parts work on
// the same mapping through Lane; no policy and no sockets here.
internal import CLinux

/// One process's mapping of a cache region. Dropping it unmaps it, once no lane, permit or ticket made from it is left.
public struct CacheRegion: ~Copyable, Sendable {
    let mapping: Mapping
    let superblock: Superblock
    let map: RegionMap
    /// What the region went through before this process created or opened it.
    public let history: RegionHistory

    init(mapping: Mapping, superblock: Superblock, map: RegionMap, history: RegionHistory) {
        self.mapping = mapping
        self.superblock = superblock
        self.map = map
        self.history = history
    }

    /// Creates a new, empty region.
    public static func create(
        _ options: RegionOptions, backing: RegionBacking = .memory
    ) throws(RegionError) -> CacheRegion {
        try RegionFile.create(options, backing: backing)
    }

    /// Opens an existing region file, or creates it when there is none. An existing file that cannot be used is left
    /// untouched, but for one whose making was cut short, with nothing in it: with `isAlone` that is made anew. When
    /// `options.sizeBytes` differs from an existing file's size the file's size wins. `isAlone`: it is refused while
    /// somebody else has opened it so; that lasts as long as a descriptor of this region, in any process.
    public static func open(
        path: String, creating options: RegionOptions, isAlone: Bool = false
    ) throws(RegionError) -> CacheRegion {
        let number = unsafe cl_open_region(path, false)
        if number >= 0 {
            let descriptor = OwnedDescriptor(number)
            let isLocked = isAlone ? try RegionFile.lock(descriptor.number, path) : false
            // Only who has locked it knows that nobody is just making it.
            if isLocked, RegionFile.isUnbegun(descriptor.number, options) {
                return try RegionFile.makeAnew(descriptor, options, path: path)
            }
            return try RegionFile.open(descriptor: descriptor, path: path)
        }
        guard cl_errno() == 2 else { throw .system(call: "open", errno: cl_errno(), path: path) }
        return try RegionFile.create(options, backing: .file(path: path), isAlone: isAlone)
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
    public var sizeBytes: Int { map.tableBytes + map.usableSegments * map.segmentSize }
    /// Bytes that the kernel has given to it so far: memory is taken as it is used, a file's blocks at once.
    public var heldBytes: Int { max(0, Int(cl_held_bytes(mapping.descriptor))) }
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

    /// Makes more of the laid-out segments usable, while processes are attached; they use them from the next look on.
    /// Up to the `maximumSizeBytes` of creation; a smaller size changes nothing. A large growth goes in steps of
    /// `stepBytes`: each is claimed of memory or disk before it is used, and when one is refused those before it stay.
    public func grow(toBytes bytes: Int, stepBytes: Int = 256 << 20) throws(RegionError) {
        let wanted = map.segments(inBytes: bytes)
        while true {
            let usable = map.usableSegments
            guard wanted > usable else { return }
            let next = min(wanted, usable + max(1, stepBytes >> map.segmentShift))
            try RegionFile.claimRoom(
                mapping.descriptor, from: map.data + usable << map.segmentShift,
                length: map.data + next << map.segmentShift, path: mapping.path)
            // Another process may be growing the region as well: the larger number stays.
            _ = map.global64(GlobalWords.usableSegments).swap(UInt64(usable), to: UInt64(next))
        }
    }

    /// Says that nobody writes any more, and writes a file's contents to disk: after the next reboot everything in it
    /// is trusted. For the last process, which sees to it that nobody attaches meanwhile; attaching a lane takes it
    /// back. Lanes of the dead are recovered first. False, and nothing is said, when a live thread holds a lane or is
    /// recovering one, or when the disk refuses.
    @discardableResult
    public func markClean() -> Bool {
        recoverDeadLanes()
        guard (0..<laneCount).allSatisfy({ laneState($0) == .free }) else { return false }
        // What it vouches for comes first.
        let isOnDisk = map.global32(GlobalWords.durable).relaxed == 1
        let length = map.data + map.usableSegments << map.segmentShift
        if isOnDisk, unsafe cl_sync_mapping(mapping.address, length) != 0 { return false }
        map.setClean(true)
        return true
    }
}
