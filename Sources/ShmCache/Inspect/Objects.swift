// Looking at a region's objects from outside, for tools. Reads only.
internal import CLinux

/// What a tool shows of one object.
public struct ObjectSummary: Sendable, Equatable {
    /// The key text.
    public var key: [UInt8]
    /// Bytes of the header block, of the body, and of the body as stored.
    public var headerLength: Int
    public var bodyLength: Int
    public var storedBodyLength: Int
    /// Reads counted, at most 3.
    public var frequency: Int
    /// Size class, and whether it is in the class's main queue.
    public var sizeClass: Int
    public var isInMainQueue: Bool
    /// Whole segments it has.
    public var extents: Int
    public var attributes: ItemAttributes
    /// Whether a purge covers it (the space is not reclaimed yet).
    public var isPurged: Bool
}

extension CacheRegion {
    /// Maps a region file for reading only: nothing in it changes, whatever boot it is from. Only for `statistics`,
    /// `checkInvariants`, `forEachObject` and `verifyBodies`; taking a lane of it is a programming error.
    public static func inspect(path: String) throws(RegionError) -> CacheRegion {
        let number = unsafe cl_open_region(path, false)
        guard number >= 0 else { throw .system(call: "open", errno: cl_errno(), path: path) }
        return try RegionFile.open(descriptor: OwnedDescriptor(number), path: path, writable: false)
    }

    /// Calls `body` for every object. While processes change the region the result is approximate.
    public func forEachObject(_ body: (ObjectSummary) -> Void) {
        map.forEachItem { slot, item in
            let state = map.state(slot.segment)
            var stored = item.inlineLength(map.chunkShift)
            for i in 0..<item.extentCount { stored += Int(item.extent(i, map).storedLength) }
            let key = (0..<item.keyLength).map { item.load(UInt8.self, item.keyOffset + $0) }
            body(
                ObjectSummary(
                    key: key, headerLength: item.headerLength, bodyLength: item.bodyLength, storedBodyLength: stored,
                    frequency: slot.frequency, sizeClass: state.sizeClass, isInMainQueue: state.isMain,
                    extents: item.extentCount, attributes: item.attributes, isPurged: map.purgeState(item) == .gone))
        }
    }

    /// Checks the checksum of every stored byte. Returns how many objects there are and how many are damaged.
    public func verifyBodies() -> (objects: Int, damaged: Int) {
        var (objects, damaged) = (0, 0)
        map.forEachItem { _, item in
            objects += 1
            if item.computeChecksum(map.chunkShift) != item.headerChecksum || !map.isBodyWhole(item) { damaged += 1 }
        }
        return (objects, damaged)
    }
}
