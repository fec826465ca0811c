// Where the bytes of a region go: an honest bill. Reads only; walks the tables.

/// The bytes of a region by what they are for.
public struct RegionAccounting: Sendable, Equatable {
    /// Live objects.
    public var objects = 0
    /// Bytes of the mapping in use.
    public var regionBytes = 0
    /// Bytes that live objects take in segments: everything but free, dead and unused room.
    public var itemBytes = 0
    /// Of these: key texts, the caller's header blocks and tags, stored bodies.
    public var keyBytes = 0
    public var headerBytes = 0
    public var storedBodyBytes = 0
    /// Bytes of live bodies before compression.
    public var bodyBytes = 0
    /// Bytes of the tables that grow with the number of objects: index and ghosts.
    public var objectTableBytes = 0
    /// Bytes of all other tables.
    public var fixedTableBytes = 0
    /// Bytes of segments that hold nothing live: free, in limbo, dead or not yet written.
    public var unusedBytes = 0

    /// By size class.
    public var classes: [ClassAccounting] = []

    /// What the cache adds to objects: item headers, chunk directories, rounding, index and ghosts. No key text, no
    /// header block.
    public var metadataBytes: Int { itemBytes - keyBytes - headerBytes - storedBodyBytes + objectTableBytes }

    /// Everything zero.
    public init() {}
}

/// The bytes of one size class.
public struct ClassAccounting: Sendable, Equatable {
    /// Live objects.
    public var objects = 0
    /// Segments of its log, and how many of these are still written to.
    public var segments = 0
    public var segmentsOpen = 0
    /// Bytes of its log's segments up to the last item, dead ones included.
    public var writtenBytes = 0
    /// Bytes that live items take in its log.
    public var liveBytes = 0
    /// Whole segments that hold bodies of its objects, and the bytes used in them.
    public var wholeSegments = 0
    public var wholeBytes = 0

    /// Everything zero.
    public init() {}
}

extension CacheRegion {
    /// The bill of the region: walks all objects.
    public func accounting() -> RegionAccounting {
        var bill = RegionAccounting()
        bill.regionBytes = sizeBytes
        bill.classes = classSegments()
        let unit = 1 << map.unitShift
        map.forEachItem { slot, item in
            bill.objects += 1
            bill.keyBytes += item.keyLength
            // The header block of a packed item is in its stored bytes.
            bill.headerBytes += (item.flags.contains(.packed) ? 0 : item.headerLength) + item.tagCount * 8
            bill.bodyBytes += item.bodyLength
            let inline = item.inlineLength(map.chunkShift)
            var stored = inline
            for i in 0..<item.extentCount { stored += Int(item.extent(i, map).storedLength) }
            bill.storedBodyBytes += stored
            let length = (item.itemLength + unit - 1) & ~(unit - 1)
            bill.itemBytes += length + stored - inline
            let sizeClass = map.state(slot.segment).sizeClass
            guard sizeClass < SizeClass.count else { return }
            bill.classes[sizeClass].objects += 1
            bill.classes[sizeClass].liveBytes += length
            bill.classes[sizeClass].wholeSegments += item.extentCount
            bill.classes[sizeClass].wholeBytes += stored - inline
        }
        let indexSegments = (0..<map.usableSegments).count { map.state($0).phase == .index } * map.segmentSize
        let tables = (Int(map.bucketCount) + map.spareBuckets) * 64 + map.ghostBuckets * 16
        bill.objectTableBytes = tables + indexSegments
        bill.fixedTableBytes = map.tableBytes - tables
        bill.unusedBytes = map.usableSegments * map.segmentSize - bill.itemBytes - indexSegments
        return bill
    }

    private func classSegments() -> [ClassAccounting] {
        var classes = [ClassAccounting](repeating: ClassAccounting(), count: SizeClass.count)
        for segment in 0..<map.usableSegments {
            let state = map.state(segment)
            guard [.open, .parked, .sealed, .evicting].contains(state.phase), state.sizeClass < SizeClass.count else {
                continue
            }
            classes[state.sizeClass].segments += 1
            classes[state.sizeClass].segmentsOpen += state.phase == .open || state.phase == .parked ? 1 : 0
            classes[state.sizeClass].writtenBytes += Int(map.segment32(segment, SegmentWords.written).acquired)
        }
        return classes
    }
}

extension RegionOptions {
    /// The segment size that a region of that many bytes gets unless told otherwise.
    public static func preferredSegmentSize(sizeBytes: Int) -> Int { RegionLayout.preferredSegmentSize(sizeBytes) }
}
