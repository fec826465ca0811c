// Compressing an object once more, better and slower, when it is promoted to the main queue: by the janitor only,
// never on a worker's loop. The bytes that readers get stay the same.
internal import CLZ4
internal import CLinux

/// The memory of a recompression: an item's new image, and what LZ4 needs.
@safe
final class Recompressor {
    /// Of LZ4-HC: most of the gain at a fraction of the time.
    private static let level: Int32 = 3
    /// Longer items would keep the janitor from listening for too long.
    private static let longest = 1 << 18

    private let stream: UnsafeMutablePointer<LZ4_streamHC_t>
    private let raw: ScratchBuffer
    private var image = GrowingBuffer()

    init(chunkSize: Int) {
        unsafe stream = .allocate(capacity: 1)
        _ = unsafe LZ4_initStreamHC(stream, MemoryLayout<LZ4_streamHC_t>.size)
        raw = ScratchBuffer(count: max(chunkSize, Unpacker.largestBytes))
    }

    deinit { unsafe stream.deallocate() }

    /// A smaller image of the item, gen and commit sequence as they are; nil when there is none.
    func image(of item: ItemHeader, _ core: LaneCore) -> ItemHeader? {
        let flags = item.flags
        guard item.extentCount == 0, flags.isDisjoint(with: [.tight, .rawCopy, .passMarker]),
            item.itemLength <= Recompressor.longest
        else { return nil }
        if let id = core.dictionary(of: item.attributes.kind),
            Packing.isSmall(headerLength: item.headerLength, bodyLength: item.bodyLength),
            let packed = packedImage(of: item, id, core)
        {
            return packed
        }
        guard flags.isDisjoint(with: [.raw, .packed]), item.bodyLength > 0 else { return nil }
        return chunkedImage(of: item, core)
    }

    // MARK: Small objects

    private func packedImage(of item: ItemHeader, _ id: Int, _ core: LaneCore) -> ItemHeader? {
        let map = core.map
        let stamp = map.dictionary32(id, DictionaryWords.stamp).relaxed
        guard core.unpacker.isUsable(id, stamp: stamp, map), unsafe core.unfold(item, to: raw.start) else { return nil }
        let length = item.headerLength + item.bodyLength
        image.removeAll()
        let start = unsafe image.reserve(item.headerOffset + length)
        unsafe LZ4_resetStreamHC_fast(stream, Recompressor.level)
        _ = unsafe LZ4_loadDictHC(
            stream, map.dictionaryText(id).assumingMemoryBound(to: CChar.self), Int32(map.dictionaryLength(id)))
        let stored = unsafe LZ4_compress_HC_continue(
            stream, raw.start.assumingMemoryBound(to: CChar.self),
            (start + item.headerOffset).assumingMemoryBound(to: CChar.self), Int32(length), Int32(length))
        let total = item.headerOffset + Int(stored)
        guard stored > 0, total < item.itemLength else { return nil }
        unsafe start.copyMemory(from: item.address, byteCount: item.headerOffset)
        let copy = unsafe ItemHeader(start)
        copy.store(flags: item.flags.subtracting(.raw).union([.packed, .tight]))
        copy.store(packedHeader: item.headerLength, body: item.bodyLength, dictionary: id, stamp: stamp)
        finish(copy, total: total, map)
        return copy
    }

    // MARK: Chunks

    private func chunkedImage(of item: ItemHeader, _ core: LaneCore) -> ItemHeader? {
        let map = core.map
        let bodyOffset = item.bodyOffset(map.chunkShift)
        let chunks = item.chunkCount(map.chunkShift)
        image.removeAll()
        let start = unsafe image.reserve(item.itemLength)
        var (from, to) = (bodyOffset, bodyOffset)
        for i in 0..<chunks {
            let old =
                chunks == 1
                ? ChunkEntry(storedLength: item.inlineLength(map.chunkShift), isRaw: false, checksum: item.bodyChecksum)
                : item.load(ChunkEntry.self, item.directoryOffset + i * ChunkEntry.size)
            guard from + old.storedLength <= item.itemLength else { return nil }
            let length = min(map.chunkSize, item.bodyLength - i << map.chunkShift)
            let entry = unsafe chunk(old, item.address + from, rawLength: length, to: start + to)
            guard let entry else { return nil }
            if chunks == 1 {
                unsafe ItemHeader(start).store(bodyChecksum: entry.checksum)
            } else {
                unsafe ItemHeader(start).store(entry, item.directoryOffset + i * ChunkEntry.size)
            }
            from += old.storedLength
            to += entry.storedLength
        }
        guard to < from else { return nil }
        let copy = unsafe ItemHeader(start)
        let checksum = copy.bodyChecksum
        let directory = (0..<(chunks == 1 ? 0 : chunks)).map {
            copy.load(ChunkEntry.self, item.directoryOffset + $0 * ChunkEntry.size)
        }
        unsafe start.copyMemory(from: item.address, byteCount: bodyOffset)
        for (i, entry) in directory.enumerated() { copy.store(entry, item.directoryOffset + i * ChunkEntry.size) }
        copy.store(flags: item.flags.union(.tight))
        finish(copy, total: to, map, checksum: chunks == 1 ? checksum : item.bodyChecksum)
        return copy
    }

    /// One chunk, smaller if that can be had, else as it was.
    private func chunk(
        _ old: ChunkEntry, _ source: UnsafeRawPointer, rawLength: Int, to target: UnsafeMutableRawPointer
    ) -> ChunkEntry? {
        if !old.isRaw {
            guard
                unsafe LZ4_decompress_safe(
                    source.assumingMemoryBound(to: CChar.self), raw.start.assumingMemoryBound(to: CChar.self),
                    Int32(old.storedLength), Int32(rawLength)) == Int32(rawLength)
            else { return nil }
            let stored = unsafe LZ4_compress_HC_extStateHC(
                UnsafeMutableRawPointer(stream), raw.start.assumingMemoryBound(to: CChar.self),
                target.assumingMemoryBound(to: CChar.self), Int32(rawLength), Int32(old.storedLength),
                Recompressor.level)
            if stored > 0, Int(stored) < old.storedLength {
                return ChunkEntry(
                    storedLength: Int(stored), isRaw: false, checksum: unsafe checksum32(target, Int(stored)))
            }
        }
        unsafe target.copyMemory(from: source, byteCount: old.storedLength)
        return old
    }

    private func finish(_ copy: ItemHeader, total: Int, _ map: RegionMap, checksum: UInt32? = nil) {
        copy.store(itemLength: total)
        let body = unsafe copy.address + copy.bodyOffset(map.chunkShift)
        copy.store(bodyChecksum: checksum ?? (unsafe checksum32(body, copy.inlineLength(map.chunkShift))))
        copy.seal(map.chunkShift)
    }
}

extension LaneCore {
    /// The form in which an item moves to the main queue: a janitor compresses it as well as it can, once.
    func formForPromotion(of item: ItemHeader) -> ItemHeader {
        guard isJanitor else { return item }
        let tool = recompressor ?? Recompressor(chunkSize: map.chunkSize)
        recompressor = tool
        guard let image = tool.image(of: item, self) else { return item }
        recompressedObjects += 1
        return image
    }
}
