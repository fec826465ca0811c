// The first page of a region: what it is, who can use it, and where its sections lie. Written once at creation and
// never changed; whatever changes lives in the globals section.
internal import CLinux
internal import CXXHash

/// The parsed first page.
///
///       0  magic "MRTLCACH"                        64  hash key            16
///       8  major 2 | minor 2 | byte order 4        80  region uuid         16
///      16  incompatible feature bits 8             96  section count 4 | lane count 4
///      24  read-only compatible bits 8            104  checksum of 0..<104 and of 112..<4096 8
///      32  layout hash 8                          128  directory, 40 a section:
///      40  segment size 8                              kind 4 | version 4 | offset 8 | count 8 | stride 8 | 0 8
///      48  segments laid out 8
///      56  byte weight 8
struct Superblock: Equatable {
    static let cacheMagic: UInt64 = 0x4843_4143_4C54_524D  // "MRTLCACH", little-endian
    static let major: UInt16 = 1
    static let byteOrder: UInt32 = 0x0A0B_0C0D
    static let directoryOffset = 128
    static let sectionSize = 40
    static let maximumSections = 64

    var segmentSize: Int
    var segmentCount: Int
    var byteWeight: Int
    var laneCount: Int
    var hashKey: (UInt64, UInt64)
    var uuid: (UInt64, UInt64)
    var sections: [Section]

    static func == (a: Superblock, b: Superblock) -> Bool {
        a.segmentSize == b.segmentSize && a.segmentCount == b.segmentCount && a.sections == b.sections
            && a.hashKey == b.hashKey && a.uuid == b.uuid && a.laneCount == b.laneCount && a.byteWeight == b.byteWeight
    }

    /// Changes whenever the meaning of a byte in any section changes.
    static let layoutHash: UInt64 = {
        var hash: UInt64 = 0x6d61_7274_6c65_7401
        for n in [
            LaneWords.size, SegmentWords.size, FillWords.size, ItemHeader.size, ItemHeader.layoutVersion,
            Slot.layoutVersion, GlobalWords.size, DictionaryWords.size, Ban.layoutVersion, Loan.layoutVersion,
        ] {
            hash = (hash ^ UInt64(n)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash
    }()

    /// The page as bytes.
    func encoded() -> [UInt8] {
        var page = [UInt8](repeating: 0, count: RegionLayout.pageSize)
        page.put(Superblock.cacheMagic, at: 0)
        page.put(Superblock.major, at: 8)
        page.put(Superblock.byteOrder, at: 12)
        page.put(Superblock.layoutHash, at: 32)
        page.put(UInt64(segmentSize), at: 40)
        page.put(UInt64(segmentCount), at: 48)
        page.put(UInt64(byteWeight), at: 56)
        page.put(hashKey.0, at: 64)
        page.put(hashKey.1, at: 72)
        page.put(uuid.0, at: 80)
        page.put(uuid.1, at: 88)
        page.put(UInt32(sections.count), at: 96)
        page.put(UInt32(laneCount), at: 100)
        for (i, section) in sections.enumerated() {
            let at = Superblock.directoryOffset + i * Superblock.sectionSize
            page.put(section.kind.rawValue, at: at)
            page.put(section.version, at: at + 4)
            page.put(UInt64(section.offset), at: at + 8)
            page.put(UInt64(section.count), at: at + 16)
            page.put(UInt64(section.stride), at: at + 24)
        }
        page.put(Superblock.checksum(page), at: 104)
        return page
    }

    static func checksum(_ page: [UInt8]) -> UInt64 {
        let bytes = unsafe page.span.bytes
        let head = hash64(bytes.extracting(0..<104), seed: 1)
        return hash64(bytes.extracting(112..<bytes.byteCount), seed: head)
    }

    /// Reads a page; `fileSize` is the length of the file behind it. Nothing is trusted.
    init(page: [UInt8], fileSize: Int, path: String?) throws(RegionError) {
        guard page.count == RegionLayout.pageSize, page.get(UInt64.self, at: 0) == Superblock.cacheMagic else {
            throw .foreign(path: path)
        }
        guard page.get(UInt32.self, at: 12) == Superblock.byteOrder else {
            throw .unsupported(path: path, reason: "written on a machine of the other byte order")
        }
        let major = page.get(UInt16.self, at: 8)
        guard major == Superblock.major else { throw .unsupported(path: path, reason: "layout \(major)") }
        let incompatible = page.get(UInt64.self, at: 16)
        guard incompatible == 0, page.get(UInt64.self, at: 24) == 0 else {
            throw .unsupported(path: path, reason: "unknown features \(String(incompatible, radix: 16))")
        }
        guard page.get(UInt64.self, at: 32) == Superblock.layoutHash else {
            throw .unsupported(path: path, reason: "another record layout")
        }
        guard page.get(UInt64.self, at: 104) == Superblock.checksum(page) else {
            throw .corrupt(path: path, reason: "the first page fails its checksum")
        }
        segmentSize = Int(truncatingIfNeeded: page.get(UInt64.self, at: 40))
        segmentCount = Int(truncatingIfNeeded: page.get(UInt64.self, at: 48))
        byteWeight = Int(truncatingIfNeeded: page.get(UInt64.self, at: 56))
        hashKey = (page.get(UInt64.self, at: 64), page.get(UInt64.self, at: 72))
        uuid = (page.get(UInt64.self, at: 80), page.get(UInt64.self, at: 88))
        laneCount = Int(page.get(UInt32.self, at: 100))
        sections = try Superblock.directory(page, path: path)
        try check(fileSize: fileSize, path: path)
    }

    init(layout: RegionLayout, byteWeight: Int, hashKey: (UInt64, UInt64), uuid: (UInt64, UInt64)) {
        segmentSize = layout.segmentSize
        segmentCount = layout.segmentCount
        self.byteWeight = byteWeight
        laneCount = layout.laneCount
        self.hashKey = hashKey
        self.uuid = uuid
        sections = layout.sections
    }

    private static func directory(_ page: [UInt8], path: String?) throws(RegionError) -> [Section] {
        let count = Int(page.get(UInt32.self, at: 96))
        guard (1...maximumSections).contains(count) else { throw .corrupt(path: path, reason: "\(count) sections") }
        var result: [Section] = []
        for i in 0..<count {
            let at = directoryOffset + i * sectionSize
            guard let kind = SectionKind(rawValue: page.get(UInt32.self, at: at)) else { continue }
            let numbers = [8, 16, 24].map { page.get(UInt64.self, at: at + $0) }
            guard numbers.allSatisfy({ $0 < 1 << 46 }) else { throw .corrupt(path: path, reason: "section \(kind)") }
            let section = Section(
                kind: kind, version: page.get(UInt32.self, at: at + 4), offset: Int(numbers[0]), count: Int(numbers[1]),
                stride: Int(numbers[2]))
            guard section.version == 1 else {
                throw .unsupported(path: path, reason: "section \(kind) \(section.version)")
            }
            result.append(section)
        }
        return result
    }

    /// Whether the numbers can describe a mapping of that file at all.
    private func check(fileSize: Int, path: String?) throws(RegionError) {
        guard RegionLayout.segmentSizes.contains(segmentSize), segmentSize & (segmentSize - 1) == 0,
            (16...(1 << 20)).contains(segmentCount), (2...128).contains(laneCount)
        else { throw .corrupt(path: path, reason: "sizes out of range") }
        for kind in SectionKind.allCases {
            guard let section = sections.first(where: { $0.kind == kind }) else {
                throw .corrupt(path: path, reason: "section \(kind) is missing")
            }
            let product = section.count.multipliedReportingOverflow(by: section.stride)
            guard section.offset >= RegionLayout.pageSize, section.offset % 64 == 0, !product.overflow,
                section.count > 0,
                section.stride > 0, kind == .data || section.offset + product.partialValue <= fileSize
            else { throw .corrupt(path: path, reason: "section \(kind) lies outside the file") }
        }
        guard let data = sections.first(where: { $0.kind == .data }), data.stride == segmentSize,
            fileSize >= data.offset + 16 * segmentSize
        else { throw .corrupt(path: path, reason: "the file is truncated") }
    }
}

extension [UInt8] {
    mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        for i in 0..<MemoryLayout<T>.size { self[offset + i] = UInt8(truncatingIfNeeded: value >> T(i * 8)) }
    }

    func get<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
        var value: T = 0
        for i in 0..<MemoryLayout<T>.size { value |= T(truncatingIfNeeded: self[offset + i]) << T(i * 8) }
        return value
    }
}

/// XXH3, 64 bits.
@inline(__always)
func hash64(_ bytes: borrowing RawSpan, seed: UInt64) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe XXH3_64bits_withSeed($0.baseAddress, $0.count, seed) }
}
