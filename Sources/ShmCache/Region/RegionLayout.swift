// Where everything lies in a region, computed once from the options at creation and afterwards always read from the
// directory in the file. Pure arithmetic.

/// The sections of a cache region. Numbers are part of the file format.
enum SectionKind: UInt32, CaseIterable {
    case globals = 1
    case lanes, pins, segments, stagingTags, fillBuckets, fills, ghosts, index, hardTags, softTags, addresses, bans,
        data, dictionaries, loans
}

/// One section of the directory.
struct Section: Equatable {
    var kind: SectionKind
    var version: UInt32 = 1
    var offset: Int
    var count: Int
    var stride: Int

    var length: Int { count * stride }
}

/// Sizes and section offsets of a region.
struct RegionLayout: Equatable {
    static let segmentSizes = (1 << 14)...(1 << 24)
    static let pageSize = 4096
    /// One in this many buckets of the index is spare, for chains.
    static let spareShare = 9

    var segmentSize: Int
    var segmentCount: Int  // as laid out (for the maximum size)
    var usableSegments: Int
    /// Whether the tables' parts for segments that are not usable yet take no room: untouched pages of a memory file.
    var isSparse: Bool
    var laneCount: Int
    var sections: [Section]
    var maximumLength: Int

    /// The length of a file that holds `segments` of the segments.
    func length(segments: Int) -> Int {
        (sections.last?.offset ?? 0) + segments * segmentSize
    }

    init(options: RegionOptions, isSparse: Bool = true) throws(RegionError) {
        try RegionLayout.check(options)
        let size = options.sizeBytes
        let segmentSize = options.segmentSizeBytes ?? RegionLayout.preferredSegmentSize(options.sizeBytes)
        guard options.sizeBytes / segmentSize >= 16 else {
            throw .invalidOptions(
                "a segment of \(segmentSize) bytes is too large for a region of \(options.sizeBytes) bytes")
        }
        self.segmentSize = segmentSize
        self.isSparse = isSparse
        laneCount = options.laneCount
        let atFirst = RegionLayout.segments(options, in: size, segmentSize)
        var segments = atFirst
        if options.maximumSizeBytes > size {
            segments = max(
                atFirst, RegionLayout.segments(options, in: options.maximumSizeBytes, segmentSize, sizedFor: atFirst))
        }
        let parts = RegionLayout.sections(
            options: options, segments: segments, sizedFor: atFirst, segmentSize: segmentSize)
        segmentCount = segments
        sections = parts
        let data = parts[parts.count - 1].offset
        let each = isSparse ? RegionLayout.sparseBytesPerSegment(segmentSize) : 0
        usableSegments = min(segments, (size - data + segments * each) / (segmentSize + each))
        maximumLength = data + segments * segmentSize
        guard usableSegments >= 16 else {
            throw .invalidOptions(
                "a region of \(options.sizeBytes) bytes leaves no room for objects; choose a larger size")
        }
    }

    private static func check(_ options: RegionOptions) throws(RegionError) {
        guard options.sizeBytes >= RegionOptions.minimumSizeBytes else {
            throw .invalidOptions(
                "a cache needs at least \(RegionOptions.minimumSizeBytes) bytes, not \(options.sizeBytes)")
        }
        guard options.maximumSizeBytes >= options.sizeBytes, options.maximumSizeBytes <= 1 << 44 else {
            throw .invalidOptions(
                "the maximum size must be between the size and 16 TiB, not \(options.maximumSizeBytes)")
        }
        guard (2...128).contains(options.laneCount) else {
            throw .invalidOptions("a region has 2 to 128 lanes, not \(options.laneCount)")
        }
        guard (64...(1 << 24)).contains(options.averageObjectBytes) else {
            throw .invalidOptions(
                "the average object must be between 64 bytes and 16 MiB, not \(options.averageObjectBytes)")
        }
        if let segment = options.segmentSizeBytes {
            guard segmentSizes.contains(segment), segment & (segment - 1) == 0 else {
                throw .invalidOptions("a segment is a power of two from 16 KiB to 16 MiB, not \(segment)")
            }
        }
    }

    /// About 1/512 of the size, as a power of two.
    static func preferredSegmentSize(_ size: Int) -> Int {
        var segment = segmentSizes.lowerBound
        while segment * 720 < size && segment < segmentSizes.upperBound { segment *= 2 }
        return segment
    }

    /// How many segments fit a size with their tables. These depend on the number of segments and the other way round:
    /// two rounds settle it.
    private static func segments(
        _ options: RegionOptions, in size: Int, _ segmentSize: Int, sizedFor atFirst: Int? = nil
    ) -> Int {
        let most = min(size / segmentSize, 1 << 20)
        let parts = sections(options: options, segments: most, sizedFor: atFirst, segmentSize: segmentSize)
        return min((size - parts[parts.count - 1].offset) / segmentSize, most)
    }

    /// What the tables hold for one segment that nobody touches before it is usable: its header and its blocks' tags.
    /// Not its pin counts: a lane's are in one row, of which a page is soon touched.
    static func sparseBytesPerSegment(_ segmentSize: Int) -> Int {
        SegmentWords.size + segmentSize / BlockGeometry(segmentSize: segmentSize).blockSize * 8
    }

    private static func sections(
        options: RegionOptions, segments: Int, sizedFor atFirst: Int? = nil, segmentSize: Int
    ) -> [Section] {
        // For the size at the beginning: a grown region's index grows by chains, the rest is shared by more.
        let dataBytes = (atFirst ?? segments) * segmentSize
        let objects = dataBytes / options.averageObjectBytes
        // Eight in nine are the index proper, at a load of two thirds: fuller, chains that once were needed cost more
        // than the empty slots, since links stay. The rest is spare, for buckets that are full all the same. Of few
        // objects there are at times many more than expected.
        let buckets = (objects + 40) * 27 / 128 + 3
        let words = powerOfTwo(atLeast: dataBytes / 8192, 1024...(1 << 20))
        // One in a thousand bytes where that is more: an answer that finds no entry is passed on and not stored.
        let fills = powerOfTwo(atLeast: max(dataBytes / segmentSize, dataBytes >> 18), 128...4096)
        let blocks = segmentSize / BlockGeometry(segmentSize: segmentSize).blockSize
        let table: [(SectionKind, Int, Int)] = [
            (.globals, 1, pageSize),
            (.lanes, options.laneCount, LaneWords.size),
            (.pins, options.laneCount, (segments * 2 + 63) & ~63),
            (.segments, segments, SegmentWords.size),
            (.stagingTags, segments, blocks * 8),
            (.fillBuckets, fills / 4, 8),
            (.fills, fills, FillWords.size),
            (.ghosts, max(4, objects / 8), 16),
            (.index, buckets, 64),
            (.hardTags, words, 4),
            (.softTags, words, 4),
            (.addresses, words, 4),
            (.bans, Ban.count, 32),
            (.loans, segments, 4),
            dictionaries(sizeBytes: options.sizeBytes),
            (.data, segments, segmentSize),
        ]
        var offset = pageSize
        return table.map { kind, count, stride in
            let section = Section(kind: kind, offset: offset, count: count, stride: stride)
            offset = (offset + count * stride + 63) & ~63
            if kind == .dictionaries { offset = (offset + pageSize - 1) & ~(pageSize - 1) }
            return kind == .data ? Section(kind: kind, offset: section.offset, count: count, stride: stride) : section
        }
    }

    /// One byte in two hundred; where that is too little for one, a place without room for a text.
    private static func dictionaries(sizeBytes: Int) -> (SectionKind, Int, Int) {
        let stride = DictionaryWords.size + DictionaryWords.textBytes
        let count = min(Unpacker.mostDictionaries, sizeBytes / 200 / stride)
        return count > 0 ? (.dictionaries, count, stride) : (.dictionaries, 1, DictionaryWords.size)
    }

    private static func powerOfTwo(atLeast n: Int, _ range: ClosedRange<Int>) -> Int {
        var result = range.lowerBound
        while result < n && result < range.upperBound { result *= 2 }
        return result
    }
}

/// How a segment is cut into staging blocks and bodies into chunks.
struct BlockGeometry {
    /// Bytes of a staging block: 1/64 of a segment, between 4 and 64 KiB.
    var blockSize: Int
    /// Raw bytes of a compressed chunk: 64 KiB, less in small segments.
    var chunkSize: Int
    /// Body bytes that a fill keeps in blocks before it takes whole segments: a multiple of the chunk.
    var blockBytes: Int

    init(segmentSize: Int) {
        blockSize = min(65536, max(4096, segmentSize / 64))
        chunkSize = min(65536, segmentSize / 4)
        blockBytes = min(segmentSize / 4, 16 * blockSize)
    }
}
