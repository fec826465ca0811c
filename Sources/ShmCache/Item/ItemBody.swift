// Finding the stored bytes of a body: raw runs, compressed chunks, inline or in whole segments.
internal import CLZ4
internal import CLinux

// A body is cut into chunks. The inline part holds the chunks before the first extent's first chunk, then the chunks
// after the last extent's last; extents hold what lies between. A chunk never crosses from one to the other.
extension ItemView {
    /// The stored bytes that hold the body from `offset` on: a run of raw bytes that starts exactly there, or the
    /// compressed chunk that contains it.
    @_lifetime(copy self)
    public func bodyPiece(at offset: Int) -> BodyPiece {
        let record = record
        let length = record.bodyLength
        guard offset >= 0, offset < length else { return .end }
        let map = unsafe mapPointer.pointee
        if record.flags.contains(.raw) { return rawPiece(at: offset, map) }
        if record.flags.contains(.packed) {
            guard let rest = unpackedBytes(record.headerLength + offset, length - offset) else {
                return .missing(offset..<length)
            }
            return .raw(rest)
        }
        if record.directoryLength(map.chunkShift) == 0 {
            return .compressed(
                CompressedChunk(
                    stored: bytes(record.bodyOffset(map.chunkShift), record.inlineLength(map.chunkShift)),
                    bodyOffset: 0, rawLength: length))
        }
        return chunkPiece(at: offset, map)
    }

    func extent(_ i: Int) -> ExtentReference {
        unsafe record.extent(i, mapPointer.pointee)
    }

    func chunk(_ i: Int) -> ChunkEntry {
        record.load(ChunkEntry.self, record.directoryOffset + i * ChunkEntry.size)
    }

    /// The extent that holds a body offset; nil for the inline part.
    func extent(at offset: Int) -> ExtentReference? {
        let map = unsafe mapPointer.pointee
        let (position, end) = extentPosition(chunk: offset >> map.chunkShift, map)
        return position >= 0 && offset >> map.chunkShift < end ? extent(position) : nil
    }

    /// The number of the first extent that a reader needs who has come to `offset`: the one it is in, or the next.
    func extentNumber(behind offset: Int) -> Int {
        let count = record.extentCount
        guard count > 0 else { return 0 }
        let map = unsafe mapPointer.pointee
        let wanted = offset >> map.chunkShift
        let (position, end) = extentPosition(chunk: wanted, map)
        return wanted < end ? max(0, position) : position + 1
    }

    /// Whether the bytes of an extent are there for this view's reader.
    private func hasExtent(_ i: Int, _ map: RegionMap) -> Bool {
        kept.contains(i) ? map.keeps(extent(i), of: record) : map.holds(extent(i), of: record) != nil
    }

    /// Which extent a chunk is in (or -1), and the first chunk behind that extent.
    private func extentPosition(chunk wanted: Int, _ map: RegionMap) -> (Int, Int) {
        let count = record.extentCount
        guard count > 0, wanted >= Int(extent(0).firstChunk) else { return (-1, 0) }
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if Int(extent(middle).firstChunk) <= wanted { low = middle } else { high = middle - 1 }
        }
        if low + 1 < count { return (low, Int(extent(low + 1).firstChunk)) }
        return (low, lastChunkEnd(low, map))
    }

    /// The first chunk behind the last extent: counted off by its stored length.
    private func lastChunkEnd(_ position: Int, _ map: RegionMap) -> Int {
        let last = extent(position)
        var rest = Int(last.storedLength)
        var index = Int(last.firstChunk)
        let total = record.chunkCount(map.chunkShift)
        if record.flags.contains(.raw) { return min(total, index + (rest + map.chunkSize - 1) >> map.chunkShift) }
        while rest > 0, index < total {
            rest -= chunk(index).storedLength
            index += 1
        }
        return index
    }

    @_lifetime(copy self)
    private func rawPiece(at offset: Int, _ map: RegionMap) -> BodyPiece {
        let record = record
        let start = record.bodyOffset(map.chunkShift)
        guard record.extentCount > 0 else { return .raw(bytes(start + offset, record.bodyLength - offset)) }
        let head = Int(extent(0).firstChunk) << map.chunkShift
        if offset < head {
            guard head <= record.inlineLength(map.chunkShift) else { return .missing(offset..<head) }
            return .raw(bytes(start + offset, head - offset))
        }
        let (position, end) = extentPosition(chunk: offset >> map.chunkShift, map)
        if offset >> map.chunkShift < end {
            let first = Int(extent(position).firstChunk) << map.chunkShift
            return rawExtent(position, from: offset - first, bodyOffset: offset, map)
        }
        let tail = end << map.chunkShift
        guard head + record.bodyLength - tail <= record.inlineLength(map.chunkShift) else {
            return .missing(offset..<record.bodyLength)
        }
        return .raw(bytes(start + head + offset - tail, record.bodyLength - offset))
    }

    @_lifetime(copy self)
    private func rawExtent(_ position: Int, from: Int, bodyOffset: Int, _ map: RegionMap) -> BodyPiece {
        let place = extent(position)
        let count = Int(place.storedLength) - from
        guard hasExtent(position, map), count > 0, from + count <= map.segmentSize else {
            return .missing(bodyOffset..<bodyOffset + max(1, count))
        }
        return unsafe .raw(
            _overrideLifetime(
                RawSpan(_unsafeStart: map.address(segment: Int(place.segment), offset: from), byteCount: count),
                copying: self))
    }

    @_lifetime(copy self)
    private func chunkPiece(at offset: Int, _ map: RegionMap) -> BodyPiece {
        let wanted = offset >> map.chunkShift
        let (position, end) = extentPosition(chunk: wanted, map)
        let inExtent = position >= 0 && wanted < end
        var first = 0
        var stored = 0
        if inExtent {
            first = Int(extent(position).firstChunk)
        } else if position >= 0 {
            // The tail lies behind the head in the inline part.
            for i in 0..<Int(extent(0).firstChunk) { stored += chunk(i).storedLength }
            first = end
        }
        for i in first..<wanted { stored += chunk(i).storedLength }
        let entry = chunk(wanted)
        let rawStart = wanted << map.chunkShift
        let rawLength = min(map.chunkSize, record.bodyLength - rawStart)
        let room =
            inExtent
            ? min(map.segmentSize, Int(extent(position).storedLength)) : record.inlineLength(map.chunkShift)
        guard !inExtent || hasExtent(position, map), stored + entry.storedLength <= room,
            !entry.isRaw || entry.storedLength == rawLength
        else { return .missing(offset..<rawStart + rawLength) }
        let start =
            unsafe inExtent
            ? map.address(segment: Int(extent(position).segment), offset: stored)
            : item + record.bodyOffset(map.chunkShift) + stored
        let span = unsafe _overrideLifetime(
            RawSpan(_unsafeStart: start, byteCount: entry.storedLength), copying: self)
        if entry.isRaw { return .raw(span.extracting((offset - rawStart)..<rawLength)) }
        return .compressed(CompressedChunk(stored: span, bodyOffset: rawStart, rawLength: rawLength))
    }
}

/// One compressed chunk of a body.
public struct CompressedChunk: ~Escapable {
    /// The compressed bytes.
    public let stored: RawSpan
    /// Where in the body the chunk begins.
    public let bodyOffset: Int
    /// Raw bytes of the chunk, at most the region's `chunkSizeBytes`.
    public let rawLength: Int

    @_lifetime(copy stored)
    init(stored: RawSpan, bodyOffset: Int, rawLength: Int) {
        self.stored = stored
        self.bodyOffset = bodyOffset
        self.rawLength = rawLength
    }

    /// Decodes the whole chunk to the start of `output`, which must hold `rawLength` bytes. False means damage: treat
    /// the object as missing.
    public func decode(into output: inout MutableRawSpan) -> Bool {
        guard output.byteCount >= rawLength else { return false }
        let count = unsafe output.withUnsafeMutableBytes { target in
            unsafe stored.withUnsafeBytes { source in
                unsafe LZ4_decompress_safe(
                    source.baseAddress!.assumingMemoryBound(to: CChar.self),
                    target.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(source.count), Int32(rawLength))
            }
        }
        return count == Int32(rawLength)
    }
}
