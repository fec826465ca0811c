// The first page of the node region and where its sections lie. Parsing trusts nothing.

/// The parsed first page of a node region:
///
///       0  magic "MRTLNODE"            32  directory, 40 a section:
///       8  major 4 | byte order 4          kind 4 | version 4 | offset 8 | count 8 | stride 8 | 0 8
///      16  section count 4 | 0 4
///      24  checksum of 0..<24 and of the directory 8
struct NodeLayout: Equatable {
    static let magic: UInt64 = 0x4544_4F4E_4C54_524D  // "MRTLNODE", little-endian
    static let major: UInt32 = 1
    static let countersKind: UInt32 = 1
    static let slotsKind: UInt32 = 2
    static let beatsKind: UInt32 = 3

    var laneCount = 0
    var slotCount = 0
    var counterCount = 0
    var counters = 0
    var slots = 0
    /// 0 in a region of an earlier release, which has none.
    var beats = 0
    var rowLength = 0
    var length = 0

    init(laneCount: Int, slotCount: Int, counterCount: Int) throws(RegionError) {
        guard (1...128).contains(laneCount), (1...4096).contains(slotCount), (1...4096).contains(counterCount) else {
            throw .invalidOptions("a node region has 1 to 128 lanes, 1 to 4096 slots and 1 to 4096 counters")
        }
        self.laneCount = laneCount
        self.slotCount = slotCount
        self.counterCount = counterCount
        rowLength = (counterCount * 8 + 127) & ~127  // no line shared by two lanes
        counters = RegionLayout.pageSize
        slots = counters + laneCount * rowLength
        beats = slots + slotCount * 8
        length = (beats + laneCount * 8 + RegionLayout.pageSize - 1) & ~(RegionLayout.pageSize - 1)
    }

    /// An earlier release knew fewer sections.
    func encoded(sectionCount: Int = 3) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: RegionLayout.pageSize)
        page.put(NodeLayout.magic, at: 0)
        page.put(NodeLayout.major, at: 8)
        page.put(Superblock.byteOrder, at: 12)
        page.put(UInt32(sectionCount), at: 16)
        let sections = [
            (NodeLayout.countersKind, counters, laneCount, rowLength, counterCount),
            (NodeLayout.slotsKind, slots, slotCount, 8, 0),
            (NodeLayout.beatsKind, beats, laneCount, 8, 0),
        ]
        for (i, section) in sections.prefix(sectionCount).enumerated() {
            let at = 32 + i * 40
            page.put(section.0, at: at)
            page.put(UInt32(1), at: at + 4)
            page.put(UInt64(section.1), at: at + 8)
            page.put(UInt64(section.2), at: at + 16)
            page.put(UInt64(section.3), at: at + 24)
            page.put(UInt64(section.4), at: at + 32)
        }
        page.put(NodeLayout.checksum(page), at: 24)
        return page
    }

    private static func checksum(_ page: [UInt8]) -> UInt64 {
        let bytes = unsafe page.span.bytes
        return hash64(bytes.extracting(32..<bytes.byteCount), seed: hash64(bytes.extracting(0..<24), seed: 3))
    }

    init(page: [UInt8], fileSize: Int) throws(RegionError) {
        guard page.count == RegionLayout.pageSize, page.get(UInt64.self, at: 0) == NodeLayout.magic else {
            throw .foreign(path: nil)
        }
        guard page.get(UInt32.self, at: 8) == NodeLayout.major, page.get(UInt32.self, at: 12) == Superblock.byteOrder
        else {
            throw .unsupported(path: nil, reason: "node region layout \(page.get(UInt32.self, at: 8))")
        }
        guard page.get(UInt64.self, at: 24) == NodeLayout.checksum(page) else {
            throw .corrupt(path: nil, reason: "the node region's first page fails its checksum")
        }
        for i in 0..<min(64, Int(page.get(UInt32.self, at: 16))) {
            let at = 32 + i * 40
            let numbers = [8, 16, 24, 32].map {
                Int(truncatingIfNeeded: page.get(UInt64.self, at: at + $0) & 0xffff_ffff)
            }
            guard numbers[0] + numbers[1] * numbers[2] <= fileSize else {
                throw .corrupt(path: nil, reason: "the node region is truncated")
            }
            switch page.get(UInt32.self, at: at) {
            case NodeLayout.countersKind:
                (counters, laneCount, rowLength, counterCount) = (numbers[0], numbers[1], numbers[2], numbers[3])
            case NodeLayout.slotsKind: (slots, slotCount) = (numbers[0], numbers[1])
            case NodeLayout.beatsKind where numbers[1] >= laneCount: beats = numbers[0]
            default: break  // a section of a later release
            }
        }
        length = fileSize
        guard counters > 0, slots > 0, counterCount * 8 <= rowLength else {
            throw .corrupt(path: nil, reason: "the node region lacks a section")
        }
    }
}
