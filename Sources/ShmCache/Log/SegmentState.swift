// The state word of a segment: one 64-bit value, so that every change of state is one exchange.

/// The states of a segment. Numbers are part of the file format.
enum SegmentPhase: UInt64 {
    /// Holds nothing.
    case free = 0
    /// A lane appends items to it.
    case open
    /// Open, but no lane's: any lane may adopt it for its class, or evict it.
    case parked
    /// Full: nothing in it changes until it is free again.
    case sealed
    /// A lane moves its survivors out.
    case evicting
    /// Unreachable; free once every reader of before has left.
    case limbo
    /// Cut into blocks for running fills.
    case staging
    /// Holds one fill's bytes, in sequence.
    case filling
    /// Holds one stored object's bytes.
    case whole
    /// Holds buckets of the index, for good.
    case index
}

/// A segment's state word.
struct SegmentState: Equatable {
    static let noOwner = 255

    var word: UInt64

    init(word: UInt64) { self.word = word }

    init(_ phase: SegmentPhase, gen: UInt32, owner: Int = SegmentState.noOwner, sizeClass: Int = 0, main: Bool = false)
    {
        word =
            phase.rawValue | UInt64(sizeClass) << 4 | (main ? 1 << 8 : 0) | UInt64(owner) << 16 | UInt64(gen) << 32
    }

    var phase: SegmentPhase { SegmentPhase(rawValue: word & 15) ?? .free }
    var sizeClass: Int { Int(word >> 4 & 15) }
    var isMain: Bool { word >> 8 & 1 == 1 }
    var owner: Int { Int(word >> 16 & 255) }
    var gen: UInt32 { UInt32(word >> 32) }

    /// The same segment in another phase.
    func with(_ phase: SegmentPhase, owner: Int = SegmentState.noOwner) -> SegmentState {
        SegmentState(phase, gen: gen, owner: owner, sizeClass: sizeClass, main: isMain)
    }
}
