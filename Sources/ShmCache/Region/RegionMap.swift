// Where every shared word and byte of a mapped region is. The only place that computes addresses; indices come from
// this process's own arithmetic or have been checked by the caller. Stateless, cheap to copy.
internal import CLinux

/// Addresses and constants of a mapped cache region.
@safe
struct RegionMap: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let globals, lanes, pins, segments, stagingTags, fillBuckets, fills, ghosts, index: Int
    let hardTags, softTags, addresses, bans, loans, data: Int
    let dictionaries, dictionaryStride, dictionaryCount: Int
    let laneCount, pinStride, segmentShift, segmentCount, unitShift: Int
    let blockShift, blocksPerSegment, chunkShift, blockBytes: Int
    let bucketCount: UInt64
    /// Buckets behind these in the section, for chains.
    let spareBuckets: Int
    let fillBucketCount, ghostBuckets, byteWeight: Int
    let wordMask: UInt64
    let hashSeed, hashFinal: UInt64
    /// The file behind the mapping.
    let descriptor: Int32

    var segmentSize: Int { 1 << segmentShift }
    var blockSize: Int { 1 << blockShift }
    var chunkSize: Int { 1 << chunkShift }
    var fillCount: Int { fillBucketCount * 4 }
    /// An inline part is never larger, so that an item always fits a segment.
    var maximumInlineBytes: Int { segmentSize / 4 * 3 }

    init(_ superblock: Superblock, _ mapping: Mapping) {
        func section(_ kind: SectionKind) -> Section {
            superblock.sections.first { $0.kind == kind } ?? Section(kind: kind, offset: 0, count: 0, stride: 0)
        }
        unsafe base = mapping.address
        descriptor = mapping.descriptor
        globals = section(.globals).offset
        lanes = section(.lanes).offset
        pins = section(.pins).offset
        segments = section(.segments).offset
        stagingTags = section(.stagingTags).offset
        fillBuckets = section(.fillBuckets).offset
        fills = section(.fills).offset
        ghosts = section(.ghosts).offset
        index = section(.index).offset
        hardTags = section(.hardTags).offset
        softTags = section(.softTags).offset
        addresses = section(.addresses).offset
        bans = section(.bans).offset
        loans = section(.loans).offset
        data = section(.data).offset
        let table = section(.dictionaries)
        dictionaries = table.offset
        dictionaryStride = table.stride
        let holdsTexts = table.stride == DictionaryWords.size + DictionaryWords.textBytes
        dictionaryCount = holdsTexts ? min(table.count, Unpacker.mostDictionaries) : 0
        laneCount = superblock.laneCount
        pinStride = section(.pins).stride
        segmentShift = superblock.segmentSize.trailingZeroBitCount
        segmentCount = superblock.segmentCount
        unitShift = max(3, superblock.segmentSize.trailingZeroBitCount - 18)
        let geometry = BlockGeometry(segmentSize: superblock.segmentSize)
        blockShift = geometry.blockSize.trailingZeroBitCount
        blocksPerSegment = superblock.segmentSize / geometry.blockSize
        chunkShift = geometry.chunkSize.trailingZeroBitCount
        blockBytes = geometry.blockBytes
        spareBuckets = max(1, section(.index).count / RegionLayout.spareShare)
        bucketCount = UInt64(section(.index).count - spareBuckets)
        fillBucketCount = section(.fillBuckets).count
        ghostBuckets = section(.ghosts).count
        byteWeight = superblock.byteWeight
        wordMask = UInt64(section(.hardTags).count - 1)
        hashSeed = superblock.hashKey.0
        hashFinal = superblock.hashKey.1
    }

    @inline(__always)
    func word64(_ offset: Int) -> SharedWord64 { unsafe SharedWord64(base + offset) }
    @inline(__always)
    func word32(_ offset: Int) -> SharedWord32 { unsafe SharedWord32(base + offset) }

    @inline(__always)
    func global64(_ field: Int) -> SharedWord64 { word64(globals + field) }
    @inline(__always)
    func global32(_ field: Int) -> SharedWord32 { word32(globals + field) }

    @inline(__always)
    func lane64(_ lane: Int, _ field: Int) -> SharedWord64 { word64(lanes + lane * LaneWords.size + field) }
    @inline(__always)
    func lane32(_ lane: Int, _ field: Int) -> SharedWord32 { word32(lanes + lane * LaneWords.size + field) }

    @inline(__always)
    func segment64(_ segment: Int, _ field: Int) -> SharedWord64 {
        word64(segments + segment * SegmentWords.size + field)
    }
    @inline(__always)
    func segment32(_ segment: Int, _ field: Int) -> SharedWord32 {
        word32(segments + segment * SegmentWords.size + field)
    }
    @inline(__always)
    func state(_ segment: Int) -> SegmentState {
        SegmentState(word: segment64(segment, SegmentWords.state).acquired)
    }

    @inline(__always)
    func fill64(_ fill: Int, _ field: Int) -> SharedWord64 { word64(fills + fill * FillWords.size + field) }
    @inline(__always)
    func fill32(_ fill: Int, _ field: Int) -> SharedWord32 { word32(fills + fill * FillWords.size + field) }
    func fillBucket(_ bucket: Int) -> SharedWord64 { word64(fillBuckets + bucket * 8) }

    func stagingTag(_ segment: Int, _ block: Int) -> SharedWord64 {
        word64(stagingTags + (segment * blocksPerSegment + block) * 8)
    }

    /// Slots are numbered through: bucket * 8 + way.
    @inline(__always)
    func slot(_ slot: Int) -> SharedWord64 { word64(index + slot * 8) }

    @inline(__always)
    func pin(lane: Int, segment: Int) -> UInt16 {
        unsafe cl_load16_relaxed(base + pins + lane * pinStride + segment * 2)
    }
    @inline(__always)
    func setPin(lane: Int, segment: Int, _ count: UInt16) {
        unsafe cl_store16_relaxed(base + pins + lane * pinStride + segment * 2, count)
    }

    /// Reads of the segment come before: who sees the lower count may write there.
    @inline(__always)
    func dropPin(lane: Int, segment: Int, to count: UInt16) {
        unsafe cl_store16_release(base + pins + lane * pinStride + segment * 2, count)
    }

    /// Bytes of a segment's data area.
    @inline(__always)
    func address(segment: Int, offset: Int) -> UnsafeMutableRawPointer {
        unsafe base + (data + segment << segmentShift + offset)
    }

    @inline(__always)
    func clear(_ offset: Int, count: Int) {
        unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    /// Segments in use: grows online, never shrinks while attached.
    var usableSegments: Int { Int(clamping: global64(GlobalWords.usableSegments).acquired) }

    /// Bytes that a segment takes in the tables, if those for unusable segments take no room.
    private var sparseBytesPerSegment: Int {
        guard global32(GlobalWords.sparseTables).relaxed == 1 else { return 0 }
        return RegionLayout.sparseBytesPerSegment(segmentSize)
    }

    /// Bytes of the tables that serve segments in use.
    var tableBytes: Int { data - (segmentCount - usableSegments) * sparseBytesPerSegment }

    /// How many segments a region of that many bytes has room for.
    func segments(inBytes bytes: Int) -> Int {
        let each = sparseBytesPerSegment
        return max(0, min(segmentCount, (bytes - data + segmentCount * each) / (segmentSize + each)))
    }

    /// The keyed hash of a key, a tag or a host.
    @inline(__always)
    func hash(_ key: RawSpan) -> UInt64 { KeyHash(seed: hashSeed, final: hashFinal).hash(key) }
}

/// Words of the globals section: hot words on lines of their own.
///
///       0  epoch 8                              192  cache clock offset 8 | boot id 16 | clean 4 | durable 4
///      64  purge clock 4                        224  usable segments 8 | segments at first 4 | sparse tables 4
///                                                  | lends 4
///     128  everything hard 4 | soft 4           256  seal sequence 8 | commit sequence 8 | raw copies' bytes 8
///                                             288  next spare bucket of the index 8 | displaced 8 |
///                                                  committed then 8
///          newest tag hard 4 | soft 4           320  eviction figures: 8 classes of {ghost hits 8, bytes 8}
///          newest ban 4 | bans written 4                512  janitor's lane + 1 4 | demand 4 | dictionaries' version 8
///                                                  unpacked objects 8 | swept clock 4 | 4 unused | wanted forms 8
enum GlobalWords {
    static let size = 4096
    static let epoch = 0
    static let purgeClock = 64
    static let everythingHard = 128
    static let everythingSoft = 132
    static let newestTagHard = 136
    static let newestTagSoft = 140
    static let newestBan = 144
    static let bansWritten = 148
    static let clockOffset = 192
    static let bootLow = 200
    static let bootHigh = 208
    static let clean = 216
    /// 1 for a file on a disk: purges are written through before they return.
    static let durable = 220
    static let usableSegments = 224
    /// Usable segments at creation, which index and word tables were made for; 0 from before this was noted.
    static let firstSegments = 232
    /// 1 where the tables' parts for segments that are not usable yet take no room.
    static let sparseTables = 236
    /// 1 where segments may be lent to the kernel: a memory file of single pages.
    static let lends = 240
    static let sealSequence = 256
    /// Counts commits, so that of two items of one key the newer is known.
    static let commitSequence = 264
    /// Bytes of objects kept raw for speed; a hint that a death may leave a little off.
    static let rawCopyBytes = 272
    /// The next spare bucket of the index: {segment + 1, or 0 for the section 32 | used there 32}.
    static let spareBucket = 288
    /// Objects displaced by full buckets since the last look, and objects committed at that time.
    static let displaced = 296
    static let committedThen = 304
    static let ghostFigures = 320
    /// The janitor's lane + 1, 0 without one.
    static let janitor = 512
    /// What lanes were short of lately: the janitor keeps that much more.
    static let demand = 516
    /// Goes up with every change of the dictionaries' table.
    static let dictionaryVersion = 520
    /// Small objects stored that no dictionary helped, counted in dozens.
    static let unpackedObjects = 528
    /// The purge clock as of the last sweep.
    static let sweptClock = 536
    /// Forms of objects that requests missed since the janitor looked last; the bits are the callers'.
    static let wantedForms = 544
}

/// Words of a lane, four cache lines.
///
///       0  epoch 8 | turn 8                                  written by the lane every turn, read by evictors
///      64  robust link 8 | liveness 4 | pid 4 | incarnation 4 | event index 4
///     128  pending slot 8 | pending value 8                  a commit under way
///     144  admitted 8 | written 8 | committed 8 | evicted 8  figures, single writer
///     192  wake pending 4 | phase 4 | mutations 8
enum LaneWords {
    static let size = 256
    static let epoch = 0
    static let turn = 8
    static let robust = 64
    static let liveness = 72
    static let processID = 76
    static let incarnation = 80
    static let pendingSlot = 128
    static let pendingValue = 136
    static let admitted = 144
    static let written = 152
    static let committed = 160
    static let evicted = 168
    static let wakePending = 192
    static let phase = 196
}

/// Words of a segment header.
///
///       0  state 8: state 4 | class 4 | queue 1 | 7 unused | owner lane 8 | 8 unused | gen 32
///       8  seal sequence 8, of a whole segment which body it is part of
///      16  written bytes 4 | live bytes 4 | items 4 | latest expiry 4
///      32  limbo epoch 8
///      40  whole segments that hang on items here 4 | next segment of a fill 4
///      48  fill tag 8: of the fill that owns a whole staging segment
///      56  key hash of the object that owns a whole segment 8
enum SegmentWords {
    static let size = 64
    static let state = 0
    static let sealSequence = 8
    static let ownerBody = 8
    static let written = 16
    static let live = 20
    static let items = 24
    static let latestExpiry = 28
    static let limboEpoch = 32
    static let extents = 40
    static let next = 44
    static let fillTag = 48
    static let ownerHash = 56
}
