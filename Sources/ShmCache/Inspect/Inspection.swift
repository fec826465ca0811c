// Looking at a region from outside: mapped read-only, so that nothing here can change it, whatever state it is in.
internal import CLinux

extension CacheRegion {
    /// Maps a region read-only for `statistics()`, `accounting()`, `layout()`, `checkInvariants()` and
    /// `damagedObjects()`; nothing else may be called on it. The descriptor (readable at least) is duplicated. After
    /// a reboot nothing is adopted or repaired.
    public static func inspect(descriptor: Int32, path: String?) throws(RegionError) -> CacheRegion {
        let number = cl_duplicate(descriptor)
        guard number >= 0 else { throw .system(call: "fcntl", errno: cl_errno(), path: path) }
        let owned = OwnedDescriptor(number)
        let size = Int(cl_file_size(owned.number))
        let superblock = try Superblock(page: readFirstPage(owned.number), fileSize: size, path: path)
        guard let data = superblock.sections.first(where: { $0.kind == .data }) else { throw .foreign(path: path) }
        let mapping = try Mapping(
            descriptor: owned.take(), reserved: data.offset + superblock.segmentCount * superblock.segmentSize,
            path: nil,
            writable: false)
        let map = RegionMap(superblock, mapping)
        map.keepSinglePages(mapping.reserved)
        let usable = map.usableSegments
        guard usable >= 16, usable <= superblock.segmentCount, data.offset + usable * superblock.segmentSize <= size
        else {
            throw .corrupt(path: path, reason: "the file is shorter than its contents")
        }
        return CacheRegion(mapping: mapping, superblock: superblock, map: map, history: .sameBoot)
    }

    /// Objects of which a header or a chunk of the body fails its checksum. Only meaningful while nobody changes the
    /// region.
    public func damagedObjects() -> Int {
        var damaged = 0
        map.forEachItem { _, item in
            let isWhole = item.computeChecksum(map.chunkShift) == item.headerChecksum && map.isBodyWhole(item)
            if !isWhole { damaged += 1 }
        }
        return damaged
    }

    /// The sections of the region in file order: name, offset, bytes.
    public func layout() -> [(name: String, offset: Int, bytes: Int)] {
        superblock.sections.map { ("\($0.kind)", $0.offset, $0.length) }
    }
}
