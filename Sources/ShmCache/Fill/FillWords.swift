// Where the words of a fill entry lie, and its state word. Pure packing.
internal import CLinux

/// Words of a fill entry, 256 bytes.
///
///       0  state 8: phase 4 | 12 unused | owner lane 8 | 8 unused | gen 32
///       8  key hash 8 | waiting lanes 16 (a bit a lane)
///      32  bytes ready 8
///      40  born 4 | flags 4
///      48  expected body length 8
///      56  head block 4 | blocks of the head 4
///      64  key length 4 | tags 4 | header length 4 | failure 4
///      80  attributes 16
///      96  body blocks 4 | first whole 4 | {whole segments 4, last whole 4} as one word 8
///     112  body blocks' places: 16 of segment * blocks-per-segment + block, 4 each
///     176  commit sequence of the stored object 6 | 2 unused, which fill it is of: gen + 1, 4 | 4 unused
enum FillWords {
    static let size = 256
    static let state = 0
    static let hash = 8
    static let waitersLow = 16
    static let waitersHigh = 24
    static let bytesReady = 32
    static let born = 40
    static let flags = 44
    static let expectedLength = 48
    static let headBlock = 56
    static let headBlocks = 60
    static let keyLength = 64
    static let tagCount = 68
    static let headerLength = 72
    static let failure = 76
    static let attributes = 80
    static let blockCount = 96
    static let firstWhole = 100
    /// Count of whole segments, and the last one above bit 32: one word, so that a death cannot part them.
    static let wholes = 104
    static let blocks = 112
    static let maximumBlocks = 16
    static let stored = 176
    static let storedBy = 184

    /// Flag: the head is there.
    static let hasHead: UInt32 = 1
    /// Flag: the whole body is there.
    static let isComplete: UInt32 = 2
}

/// The states of a fill. Numbers are part of the file format.
enum FillState: UInt64 {
    case free = 0
    /// No head yet.
    case waiting
    /// Head there, body coming.
    case streaming
    /// Body whole, being packed and committed.
    case committing
    /// Over: stored.
    case done
    /// Over: not stored, for the reason noted.
    case failed
    /// Its owner died; the next owner takes it by exchange.
    case orphaned
    /// Being given back.
    case releasing

    var isRunning: Bool { self == .waiting || self == .streaming || self == .committing || self == .orphaned }
    var isOver: Bool { self == .done || self == .failed }
}

/// A fill's state word.
struct FillStateWord: Equatable {
    var word: UInt64

    init(word: UInt64) { self.word = word }

    init(_ state: FillState, owner: Int, gen: UInt32) {
        word = state.rawValue | UInt64(owner) << 16 | UInt64(gen) << 32
    }

    var state: FillState { FillState(rawValue: word & 15) ?? .free }
    var owner: Int { Int(word >> 16 & 255) }
    var gen: UInt32 { UInt32(word >> 32) }
    func with(_ state: FillState, owner: Int) -> FillStateWord { FillStateWord(state, owner: owner, gen: gen) }
    func with(_ state: FillState) -> FillStateWord { FillStateWord(state, owner: owner, gen: gen) }
}

/// One way of a fill bucket, 16 bits: {used 1 | claiming lane 7 | key fingerprint 8}. Four ways make the bucket's word,
/// and claiming a way is one exchange of the whole word, so that two lanes can never claim one key at once in it.
struct FillWay {
    static func claimed(lane: Int, hash: UInt64) -> UInt64 { 0x8000 | UInt64(lane) << 8 | fingerprint(hash) }
    static func fingerprint(_ hash: UInt64) -> UInt64 { hash >> 24 & 0xff }
    static func at(_ word: UInt64, _ way: Int) -> UInt64 { word >> UInt64(way * 16) & 0xffff }
    static func freeCount(_ word: UInt64) -> Int { (0..<4).count { at(word, $0) == 0 } }
    static func firstFree(_ word: UInt64) -> Int? { (0..<4).first { at(word, $0) == 0 } }
    static func setting(_ word: UInt64, _ way: Int, to value: UInt64) -> UInt64 {
        word & ~(0xffff << UInt64(way * 16)) | value << UInt64(way * 16)
    }
}

extension RegionMap {
    func fillState(_ fill: Int) -> FillStateWord { FillStateWord(word: fill64(fill, FillWords.state).acquired) }

    /// Names a fill of one gen; never 0.
    func fillTag(_ fill: Int, gen: UInt32) -> UInt64 { UInt64(fill + 1) << 32 | UInt64(gen) }

    /// Whether the fill that a tag names is still in use.
    func isLive(fillTag tag: UInt64) -> Bool {
        let fill = Int(tag >> 32) - 1
        guard fill >= 0, fill < fillCount else { return false }
        let state = fillState(fill)
        return state.gen == UInt32(truncatingIfNeeded: tag) && state.state != .free
    }

    func blockAddress(_ place: UInt32) -> UnsafeMutableRawPointer {
        unsafe address(segment: Int(place) / blocksPerSegment, offset: (Int(place) % blocksPerSegment) << blockShift)
    }

    /// The key text of a fill.
    func fillKeyEquals(_ fill: Int, _ key: RawSpan) -> Bool {
        let length = Int(fill32(fill, FillWords.keyLength).relaxed)
        let block = fill32(fill, FillWords.headBlock).acquired
        guard length == key.byteCount, length <= segmentSize, Int(block) / blocksPerSegment < usableSegments else {
            return false
        }
        return unsafe key.withUnsafeBytes { unsafe cl_equal(blockAddress(block), $0.baseAddress!, length) }
    }
}
