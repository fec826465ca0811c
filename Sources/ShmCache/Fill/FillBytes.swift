// Where the bytes of a fill's body are: first in blocks, then in whole segments. Read by every process.

extension RegionMap {
    /// The mapped run of body bytes that starts at `offset`, up to `limit`.
    func fillRun(_ fill: Int, at offset: Int, limit: Int) -> (UnsafeMutableRawPointer, Int)? {
        guard offset >= 0, offset < limit else { return nil }
        if offset < blockBytes { return unsafe blockRun(fill, at: offset, limit: min(limit, blockBytes)) }
        var segment = fill32(fill, FillWords.firstWhole).acquired
        for _ in 0..<(offset - blockBytes) >> segmentShift {
            guard segment < UInt32(segmentCount) else { return nil }
            segment = segment32(Int(segment), SegmentWords.next).acquired
        }
        guard segment < UInt32(segmentCount) else { return nil }
        let inner = (offset - blockBytes) & (segmentSize - 1)
        return unsafe (address(segment: Int(segment), offset: inner), min(limit - offset, segmentSize - inner))
    }

    /// A run within the blocks; neighbours are joined.
    private func blockRun(_ fill: Int, at offset: Int, limit: Int) -> (UnsafeMutableRawPointer, Int)? {
        var index = offset >> blockShift
        guard index < FillWords.maximumBlocks else { return nil }
        let first = fill32(fill, FillWords.blocks + index * 4).acquired
        guard Int(first) / blocksPerSegment < segmentCount else { return nil }
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
