// Where the bytes of a fill's body are: first in blocks, then in whole segments. Read by every process.

extension RegionMap {
    /// The bytes of a fill's head; nil when they would leave their segment.
    func headAddress(_ block: UInt32, bytes: Int) -> UnsafeMutableRawPointer? {
        let offset = Int(block) % blocksPerSegment << blockShift
        guard Int(block) / blocksPerSegment < usableSegments, offset + bytes <= segmentSize else { return nil }
        return unsafe blockAddress(block)
    }

    /// Whether everything that an entry names lies in segments. Only a damaged file can say otherwise.
    func isWithinBounds(_ fill: Int) -> Bool {
        let places = UInt32(clamping: usableSegments * blocksPerSegment)
        let head = fill32(fill, FillWords.headBlock).acquired
        var bytes = Int(fill32(fill, FillWords.keyLength).relaxed)
        // A head that is not there yet may be half described.
        if fill32(fill, FillWords.flags).acquired & FillWords.hasHead != 0 {
            bytes += Int(fill32(fill, FillWords.tagCount).relaxed) * 8
            bytes += Int(fill32(fill, FillWords.headerLength).relaxed)
        }
        let blocks = Int(fill32(fill, FillWords.blockCount).acquired)
        guard unsafe headAddress(head, bytes: bytes) != nil, blocks <= FillWords.maximumBlocks else { return false }
        for index in 0..<blocks where fill32(fill, FillWords.blocks + index * 4).acquired >= places { return false }
        let wholes = fill64(fill, FillWords.wholes).acquired
        return (wholes & 0xffff_ffff == 0 || wholes >> 32 < UInt64(usableSegments))
            && fill64(fill, FillWords.bytesReady).acquired <= UInt64(usableSegments << segmentShift)
    }

    /// The mapped run of body bytes that starts at `offset`, up to `limit`.
    func fillRun(_ fill: Int, at offset: Int, limit: Int) -> (UnsafeMutableRawPointer, Int)? {
        guard offset >= 0, offset < limit else { return nil }
        if offset < blockBytes { return unsafe blockRun(fill, at: offset, limit: min(limit, blockBytes)) }
        var segment = fill32(fill, FillWords.firstWhole).acquired
        for _ in 0..<(offset - blockBytes) >> segmentShift {
            guard segment < UInt32(usableSegments) else { return nil }
            segment = segment32(Int(segment), SegmentWords.next).acquired
        }
        guard segment < UInt32(usableSegments) else { return nil }
        let inner = (offset - blockBytes) & (segmentSize - 1)
        return unsafe (address(segment: Int(segment), offset: inner), min(limit - offset, segmentSize - inner))
    }

    /// A run within the blocks; neighbours are joined.
    private func blockRun(_ fill: Int, at offset: Int, limit: Int) -> (UnsafeMutableRawPointer, Int)? {
        var index = offset >> blockShift
        guard index < FillWords.maximumBlocks else { return nil }
        let first = fill32(fill, FillWords.blocks + index * 4).acquired
        guard Int(first) / blocksPerSegment < usableSegments else { return nil }
        let inner = offset & (blockSize - 1)
        var count = min(limit - offset, blockSize - inner)
        var last = first
        while offset + count < limit, index + 1 < FillWords.maximumBlocks {
            index += 1
            let next = fill32(fill, FillWords.blocks + index * 4).acquired
            guard next == last + 1, Int(next) % blocksPerSegment != 0 else { break }
            last = next
            count = min(limit - offset, count + blockSize)
        }
        return unsafe (blockAddress(first) + inner, count)
    }
}
