// Making and opening the file behind a region: room checks, first contents, refusal. Touches nothing it refuses.
internal import CLinux

enum RegionFile {
    /// A new file with an empty region in it. `isAlone`: locked before there is anything in it.
    static func create(
        _ options: RegionOptions, backing: RegionBacking, isAlone: Bool = false
    ) throws(RegionError) -> CacheRegion {
        let isInMemory = if case .memory = backing { true } else { false }
        let layout = try RegionLayout(options: options, isSparse: isInMemory)
        let descriptor = try makeFile(backing)
        let path: String? = if case .file(let path) = backing { path } else { nil }
        if isAlone, let path { _ = try lock(descriptor.number, path) }
        do {
            try claimRoom(descriptor.number, length: layout.length(segments: layout.usableSegments), path: path)
        } catch {
            if let path { _ = unsafe cl_remove_file(path) }
            throw error
        }
        return try fill(descriptor, options, layout, path: path)
    }

    /// The same in a file that `isUnbegun`, by who has locked it.
    static func makeAnew(
        _ descriptor: consuming OwnedDescriptor, _ options: RegionOptions, path: String
    ) throws(RegionError) -> CacheRegion {
        let layout = try RegionLayout(options: options, isSparse: false)
        try claimRoom(descriptor.number, length: layout.length(segments: layout.usableSegments), path: path)
        return try fill(descriptor, options, layout, path: path)
    }

    /// Whether nothing has ever been in a file, since whoever made it was killed before the first page, the last to be
    /// written: as long as it was to become, which no other file is by chance, and zeros but for the few words that are
    /// written before.
    static func isUnbegun(_ descriptor: Int32, _ options: RegionOptions) -> Bool {
        let (size, page) = (cl_file_size(descriptor), Int64(RegionLayout.pageSize))
        guard size >= 0, cl_is_zero_filled(descriptor, 0, min(size, page)),
            let layout = try? RegionLayout(options: options, isSparse: false),
            size == Int64(layout.length(segments: layout.usableSegments)),
            cl_is_zero_filled(descriptor, min(size, 2 * page), size)
        else { return false }
        var at = page
        for range in firstWords {
            guard cl_is_zero_filled(descriptor, min(size, at), min(size, page + Int64(range.lowerBound))) else {
                return false
            }
            at = page + Int64(range.upperBound)
        }
        return cl_is_zero_filled(descriptor, min(size, at), min(size, 2 * page))
    }

    /// What `initialise` writes of the globals, but for the upper bytes of what begins as 1.
    private static let firstWords: [Range<Int>] = [
        GlobalWords.epoch..<GlobalWords.epoch + 1, GlobalWords.purgeClock..<GlobalWords.purgeClock + 1,
        GlobalWords.clockOffset..<GlobalWords.clean, GlobalWords.durable..<GlobalWords.lends,
        GlobalWords.sealSequence..<GlobalWords.sealSequence + 1,
    ]

    /// Whether the file is this process's alone now. A file system without locks cannot be asked.
    static func lock(_ descriptor: Int32, _ path: String) throws(RegionError) -> Bool {
        if cl_lock_file(descriptor) == 0 { return true }
        guard cl_errno() == EWOULDBLOCK else { return false }
        throw .inUse(path: path)
    }

    private static func fill(
        _ descriptor: consuming OwnedDescriptor, _ options: RegionOptions, _ layout: RegionLayout, path: String?
    ) throws(RegionError) -> CacheRegion {
        let superblock = Superblock(
            layout: layout, byteWeight: options.byteWeight, hashKey: randomPair(), uuid: randomPair())
        let mapping = try Mapping(descriptor: descriptor.take(), reserved: layout.maximumLength, path: path)
        let map = RegionMap(superblock, mapping)
        if path == nil { map.beginLending(mapping.reserved) }
        initialise(map, layout)
        let isDurable = path != nil && !cl_is_memory_file(mapping.descriptor)
        map.global32(GlobalWords.durable).relax(isDurable ? 1 : 0)
        let page = superblock.encoded()
        unsafe page.withUnsafeBytes { unsafe mapping.address.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        // The first page never changes again, and nothing in the file means anything without it.
        if isDurable { _ = unsafe cl_sync_mapping(mapping.address, 2 * RegionLayout.pageSize) }
        return CacheRegion(mapping: mapping, superblock: superblock, map: map, history: .new)
    }

    /// An existing file, checked, at this boot or after a reboot.
    static func open(
        descriptor: consuming OwnedDescriptor, path: String?, bootID: (UInt64, UInt64) = currentBootID(),
        writable: Bool = true
    ) throws(RegionError) -> CacheRegion {
        let size = Int(cl_file_size(descriptor.number))
        let superblock = try Superblock(page: readFirstPage(descriptor.number), fileSize: size, path: path)
        guard let data = superblock.sections.first(where: { $0.kind == .data }) else { throw .foreign(path: path) }
        let mapping = try Mapping(
            descriptor: descriptor.take(), reserved: data.offset + superblock.segmentCount * superblock.segmentSize,
            path: path, writable: writable)
        let map = RegionMap(superblock, mapping)
        map.keepSinglePages(mapping.reserved)
        let usable = map.usableSegments
        guard usable >= 16, usable <= superblock.segmentCount, data.offset + usable * superblock.segmentSize <= size
        else {
            throw .corrupt(path: path, reason: "the file is shorter than its contents")
        }
        let sameBoot =
            map.global64(GlobalWords.bootLow).relaxed == bootID.0
            && map.global64(GlobalWords.bootHigh).relaxed == bootID.1
        let history: RegionHistory = sameBoot ? .sameBoot : map.isClean ? .cleanReboot : .uncleanReboot
        if !sameBoot, writable { Reboot.adopt(map, bootID: bootID) }
        return CacheRegion(mapping: mapping, superblock: superblock, map: map, history: history)
    }

    private static func makeFile(_ backing: RegionBacking) throws(RegionError) -> OwnedDescriptor {
        switch backing {
        case .memory:
            let number = unsafe cl_memfd_create("martlet-cache")
            guard number >= 0 else { throw .system(call: "memfd_create", errno: cl_errno(), path: nil) }
            _ = cl_memfd_seal_shrink(number)
            return OwnedDescriptor(number)
        case .file(let path):
            let number = unsafe cl_open_region(path, true)
            guard number >= 0 else { throw .system(call: "open", errno: cl_errno(), path: path) }
            return OwnedDescriptor(number)
        }
    }

    /// Memory is only promised, a file's blocks are taken at once: a full file system must not end in SIGBUS.
    /// Everything below `start` has been claimed before.
    static func claimRoom(
        _ descriptor: Int32, from start: Int = 0, length: Int, path: String?
    ) throws(RegionError) {
        let more = length - start
        let memory = Int(cl_available_memory())
        let isInMemory = cl_is_memory_file(descriptor)
        if isInMemory, memory >= 0, more > memory {
            throw .noRoom(
                "the cache needs \(more) more bytes of memory and \(memory) are available; choose a smaller size")
        }
        // A file may come without its path, from another process; one in memory that nobody can name is sealed.
        let isFile = path != nil || !cl_is_shrink_sealed(descriptor)
        if isFile {
            let room = Int(cl_file_system_room(descriptor))
            guard room < 0 || more <= room else {
                throw .noRoom(
                    "the cache file \(path ?? "") needs \(more) more bytes and its file system has \(room) left")
            }
        }
        // One that is long enough already, since somebody died here or grows it too, is never made shorter.
        if isFile {
            guard cl_allocate(descriptor, Int64(start), Int64(more)) == 0 else {
                throw .system(call: "fallocate", errno: cl_errno(), path: path)
            }
        } else if cl_file_size(descriptor) < length, cl_set_file_size(descriptor, Int64(length)) != 0 {
            let code = cl_errno()
            guard cl_file_size(descriptor) >= length else {
                throw .system(call: "ftruncate", errno: code, path: path)
            }
        }
    }

    private static func initialise(_ map: RegionMap, _ layout: RegionLayout) {
        let boot = currentBootID()
        map.global64(GlobalWords.epoch).relax(1)
        map.global32(GlobalWords.purgeClock).relax(1)
        map.global64(GlobalWords.sealSequence).relax(1)
        map.global64(GlobalWords.bootLow).relax(boot.0)
        map.global64(GlobalWords.bootHigh).relax(boot.1)
        map.global64(GlobalWords.usableSegments).relax(UInt64(layout.usableSegments))
        map.global32(GlobalWords.firstSegments).relax(UInt32(layout.usableSegments))
        map.global32(GlobalWords.sparseTables).relax(layout.isSparse ? 1 : 0)
        CacheClock.setOffset(map)
    }

    private static func randomPair() -> (UInt64, UInt64) {
        var words: (UInt64, UInt64) = (0, 0)
        _ = unsafe withUnsafeMutableBytes(of: &words) { unsafe cl_getrandom($0.baseAddress!, $0.count) }
        return words
    }
}

/// The offset between the boot clock and cache time.
enum CacheClock {
    /// Cache time becomes wall-clock time as it is now.
    static func setOffset(_ map: RegionMap) {
        map.global64(GlobalWords.clockOffset).release(
            UInt64(bitPattern: cl_realtime_nanoseconds() &- cl_boottime_nanoseconds()))
    }

    static func now(_ map: RegionMap) -> CacheInstant {
        CacheInstant(
            nanoseconds: cl_boottime_nanoseconds()
                &+ Int64(bitPattern: map.global64(GlobalWords.clockOffset).relaxed))
    }
}
