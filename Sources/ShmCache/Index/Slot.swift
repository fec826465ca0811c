// One slot of the index: 64 bits that name an item. Pure packing.

/// What a slot holds.
enum SlotKind: UInt64 {
    case empty = 0
    case live
    /// Being committed: readers ignore it.
    case pending
    /// Names one more bucket. Only the last slot of a bucket becomes one, and stays one.
    case link
}

/// An index slot.
///
///      63        50 49  48 47  46 45    38 37        18 17        0
///      |  tag 14   | freq | kind | gen 8  | segment 20 | offset 18 |
///
/// The offset counts units of 8 bytes (more in segments above 2 MiB). A link is a link kind over the number of the
/// bucket's first slot, counted from the start of the index section on, into the segments if need be.
struct Slot: Equatable {
    static let layoutVersion = 2
    static let placeMask: UInt64 = 1 << 46 - 1
    /// Buckets that one bucket can grow to.
    static let longestChain = 16
    static let frequencyUnit: UInt64 = 1 << 48

    var word: UInt64

    init(word: UInt64) { self.word = word }

    init(kind: SlotKind, tag: UInt64, frequency: Int, gen: UInt32, segment: Int, unit: Int) {
        word =
            tag << 50 | UInt64(frequency) << 48 | kind.rawValue << 46 | UInt64(gen & 255) << 38 | UInt64(segment) << 18
            | UInt64(unit)
    }

    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt64 { hash & 0x3fff }

    /// Tag and kind of a word, both in its upper half, and what a live slot of a hash has there.
    static let wantedMask: UInt64 = 0x3fff << 50 | 3 << 46
    @inline(__always)
    static func wanted(_ hash: UInt64) -> UInt64 { tag(hash) << 50 | SlotKind.live.rawValue << 46 }

    var tag: UInt64 { word >> 50 }
    var frequency: Int { Int(word >> 48 & 3) }
    var kind: SlotKind { SlotKind(rawValue: word >> 46 & 3) ?? .empty }
    var gen: UInt32 { UInt32(word >> 38 & 255) }
    var segment: Int { Int(word >> 18 & 0xfffff) }
    var unit: Int { Int(word & 0x3ffff) }
    var isEmpty: Bool { word == 0 }
    /// Segment, gen and offset together: equal for two slots exactly if they name the same place.
    var place: UInt64 { word & Slot.placeMask }

    /// A link to the bucket whose first slot has that number.
    init(linkTo slot: Int) { word = SlotKind.link.rawValue << 46 | UInt64(slot) }
    var linked: Int { Int(word & Slot.placeMask) }

    func with(kind: SlotKind) -> Slot { Slot(word: word & ~(3 << 46) | kind.rawValue << 46) }
    func with(frequency: Int) -> Slot { Slot(word: word & ~(3 << 48) | UInt64(frequency) << 48) }
}
