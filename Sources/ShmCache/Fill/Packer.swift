// Turns the bytes of a finished fill into their stored form, step by step: chunks, compressed where it pays, in a
// private buffer (the inline part) and in whole segments. Nothing here can be found by readers yet.
internal import CLZ4
internal import CLinux

/// The packing of one body.
@safe
struct Packer: ~Copyable {
    /// A chunk that saves less than this part of its size is stored raw.
    static let minimumSaving = 16
    static let smallestCompressed = 64

    private(set) var inline = GrowingBuffer()
    private(set) var entries: [ChunkEntry] = []
    private(set) var extents: [ExtentReference] = []
    /// No chunk is compressed.
    private(set) var isRaw = false
    private var next = 0
    private var isPlanned = false
    private var extentWritten = 0
    /// Set when the body is an existing object's, extents included.
    private(set) var adoptedLength: Int?
    private(set) var adopted: ItemHeader?

    /// Does about `budgetBytes` of work; true when the body is packed.
    mutating func pack(_ core: LaneCore, fill: Int, gen: UInt32, budgetBytes: Int) -> Bool {
        let map = core.map
        let length = Int(clamping: map.fill64(fill, FillWords.bytesReady).acquired)
        let chunks = (length + map.chunkSize - 1) >> map.chunkShift
        if !isPlanned { plan(core, fill: fill, length: length) }
        var spent = 0
        while next < chunks {
            guard spent < budgetBytes else { return false }
            let start = next << map.chunkShift
            let count = min(map.chunkSize, length - start)
            if !packChunk(core, fill: fill, gen: gen, at: start, count: count) {
                // No segment for the compressed form: keep the bytes where they are.
                restartRaw(core, fill: fill, length: length)
                continue
            }
            next += 1
            spent += count
        }
        if !extents.isEmpty { moveTailInline(map) }
        return true
    }

    /// Takes the body of an existing object as it is stored; that of a packed one as it was given. False when it cannot
    /// be read.
    mutating func adopt(_ old: borrowing ItemView, _ map: RegionMap) -> Bool {
        let item = old.record
        guard item.flags.contains(.packed) else {
            adopt(item, map)
            return true
        }
        guard let body = old.unpackedBytes(item.headerLength, item.bodyLength) else { return false }
        isPlanned = true
        isRaw = true
        adoptedLength = item.bodyLength
        adopted = item
        next = Int.max
        unsafe body.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return }
            unsafe inline.append(start, bytes.count)
            unsafe entries.append(
                ChunkEntry(storedLength: bytes.count, isRaw: true, checksum: checksum32(start, bytes.count)))
        }
        return true
    }

    private mutating func adopt(_ item: ItemHeader, _ map: RegionMap) {
        isPlanned = true
        isRaw = item.flags.contains(.raw)
        adoptedLength = item.bodyLength
        adopted = item
        next = Int.max
        let chunks = item.chunkCount(map.chunkShift)
        if chunks == 1 || isRaw {
            let stored = item.inlineLength(map.chunkShift)
            entries = [ChunkEntry(storedLength: stored, isRaw: isRaw, checksum: item.bodyChecksum)]
        } else {
            for i in 0..<chunks {
                entries.append(item.load(ChunkEntry.self, item.directoryOffset + i * ChunkEntry.size))
            }
        }
        for i in 0..<item.extentCount { extents.append(item.extent(i, map)) }
        unsafe inline.append(item.address + item.bodyOffset(map.chunkShift), item.inlineLength(map.chunkShift))
    }

    private mutating func plan(_ core: LaneCore, fill: Int, length: Int) {
        isPlanned = true
        // What will be packed is compressed at the commit, header block and body together.
        isRaw =
            length < Packer.smallestCompressed
            || core.willPack(
                kind: core.map.fillAttributes(fill).kind,
                headerLength: Int(core.map.fill32(fill, FillWords.headerLength).relaxed), bodyLength: length)
            || !firstChunkPays(core, fill: fill, length: length)
        if isRaw { placeRawExtents(core.map, fill: fill, length: length) }
    }

    /// Probes whether the body is worth compressing at all.
    private func firstChunkPays(_ core: LaneCore, fill: Int, length: Int) -> Bool {
        let count = min(core.map.chunkSize, length)
        let source = unsafe gather(core, fill: fill, at: 0, count: count)
        let room = count - max(1, count / Packer.minimumSaving)
        let trial = ScratchBuffer(count: room)
        return unsafe LZ4_compress_default(
            source.assumingMemoryBound(to: CChar.self), trial.start.assumingMemoryBound(to: CChar.self), Int32(count),
            Int32(room)) > 0
    }

    /// A raw body's whole segments become its extents as they are.
    private mutating func placeRawExtents(_ map: RegionMap, fill: Int, length: Int) {
        guard length > map.maximumInlineBytes else { return }
        var segment = map.fill32(fill, FillWords.firstWhole).acquired
        var offset = map.blockBytes
        while offset < length, segment < UInt32(map.usableSegments) {
            let count = min(map.segmentSize, length - offset)
            if count <= map.segmentSize / 2, offset + count == length { break }
            extents.append(
                ExtentReference(
                    segment: segment, gen: map.state(Int(segment)).gen, storedLength: UInt32(count),
                    firstChunk: UInt32(offset >> map.chunkShift)))
            offset += count
            segment = map.segment32(Int(segment), SegmentWords.next).acquired
        }
    }

    private mutating func restartRaw(_ core: LaneCore, fill: Int, length: Int) {
        inline.removeAll()
        entries.removeAll()
        extents.removeAll()
        next = 0
        isRaw = true
        placeRawExtents(core.map, fill: fill, length: length)
    }

    /// Packs one chunk. False when it needs a segment and there is none.
    private mutating func packChunk(_ core: LaneCore, fill: Int, gen: UInt32, at start: Int, count: Int) -> Bool {
        let map = core.map
        let source = unsafe gather(core, fill: fill, at: start, count: count)
        if isRaw {
            let checksum = unsafe checksum32(source, count)
            if !isInRawExtent(start, map) { unsafe inline.append(source, count) }
            entries.append(ChunkEntry(storedLength: count, isRaw: true, checksum: checksum))
            return true
        }
        let length = Int(clamping: map.fill64(fill, FillWords.bytesReady).relaxed)
        let goesInline = length <= map.maximumInlineBytes || start < map.blockBytes
        if goesInline {
            let target = unsafe inline.reserve(count)
            let (stored, raw) = unsafe compress(source, count, to: target)
            inline.commit(stored)
            entries.append(
                unsafe ChunkEntry(storedLength: stored, isRaw: raw, checksum: checksum32(target, stored)))
            return true
        }
        if extents.isEmpty || extentWritten + count > map.segmentSize {
            guard let segment = core.takeWhole(tag: map.fillTag(fill, gen: gen)) else { return false }
            extents.append(
                ExtentReference(
                    segment: UInt32(segment), gen: map.state(segment).gen, storedLength: 0,
                    firstChunk: UInt32(start >> map.chunkShift)))
            extentWritten = 0
        }
        let last = extents.count - 1
        let target = unsafe map.address(segment: Int(extents[last].segment), offset: extentWritten)
        let (stored, raw) = unsafe compress(source, count, to: target)
        extentWritten += stored
        extents[last].storedLength = UInt32(extentWritten)
        entries.append(
            unsafe ChunkEntry(storedLength: stored, isRaw: raw, checksum: checksum32(target, stored)))
        return true
    }

    private func isInRawExtent(_ start: Int, _ map: RegionMap) -> Bool {
        guard let first = extents.first, let last = extents.last else { return false }
        return start >= Int(first.firstChunk) << map.chunkShift
            && start < Int(last.firstChunk) << map.chunkShift + Int(last.storedLength)
    }

    /// The last extent's bytes go to the inline part when they would leave most of a segment empty.
    private mutating func moveTailInline(_ map: RegionMap) {
        guard !isRaw, let last = extents.last, Int(last.storedLength) <= map.segmentSize / 2 else { return }
        unsafe inline.append(map.address(segment: Int(last.segment), offset: 0), Int(last.storedLength))
        extents.removeLast()
    }

    /// Compresses a chunk into `count` bytes of room, or copies it when that saves too little.
    private func compress(
        _ source: UnsafeRawPointer, _ count: Int, to target: UnsafeMutableRawPointer
    ) -> (stored: Int, raw: Bool) {
        let room = count - max(1, count / Packer.minimumSaving)
        let stored = unsafe LZ4_compress_default(
            source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self), Int32(count),
            Int32(room))
        if stored > 0 { return (Int(stored), false) }
        unsafe target.copyMemory(from: source, byteCount: count)
        return (count, true)
    }

    /// A chunk's bytes in one run: in place if they are, else copied to the lane's scratch buffer.
    private func gather(_ core: LaneCore, fill: Int, at start: Int, count: Int) -> UnsafeRawPointer {
        var done = 0
        while done < count {
            guard let (run, length) = unsafe core.map.fillRun(fill, at: start + done, limit: start + count) else {
                break
            }
            if length == count { return UnsafeRawPointer(run) }
            unsafe (core.scratch.start + done).copyMemory(from: run, byteCount: length)
            done += length
        }
        return unsafe UnsafeRawPointer(core.scratch.start)
    }
}

/// The checksum of a stored chunk.
func checksum32(_ start: UnsafeRawPointer, _ count: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: unsafe hash64(RawSpan(_unsafeStart: start, byteCount: count), seed: 0))
}

/// Private memory that grows.
@safe
struct GrowingBuffer: ~Copyable {
    private var start: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0

    deinit { unsafe start?.deallocate() }

    /// Room for `more` bytes behind what is there; `commit` says how many were used.
    mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        if let start = unsafe start, count + more <= capacity { return unsafe start + count }
        let larger = max(count + more, capacity * 2, 256)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        if let start = unsafe start {
            unsafe moved.copyMemory(from: start, byteCount: count)
            unsafe start.deallocate()
        }
        unsafe start = moved
        capacity = larger
        return unsafe moved + count
    }

    mutating func commit(_ used: Int) { count += used }

    mutating func append(_ bytes: UnsafeRawPointer, _ length: Int) {
        let target = unsafe reserve(length)
        unsafe target.copyMemory(from: bytes, byteCount: length)
        count += length
    }

    mutating func removeAll() { count = 0 }

    /// What is there.
    var bytes: UnsafeRawPointer? { unsafe UnsafeRawPointer(start) }

    func copy(to target: UnsafeMutableRawPointer) {
        if let start = unsafe start, count > 0 { unsafe target.copyMemory(from: start, byteCount: count) }
    }
}
