// What a dictionary is made from: header blocks and bodies of small objects, as many of one kind as the log's youngest
// segments hold. Copied into private memory turn by turn; nothing here changes the region.
internal import CLZ4
internal import CLinux

/// Copies of objects of one kind.
struct Samples {
    /// Measured on JSON and HTML of 1 KiB: 1,000 cost three times as long and save no more.
    static let most = 320
    static let mostBytes = 100 * DictionaryWords.textBytes

    var bytes: [UInt8] = []
    var sizes: [Int] = []
    /// Header block bytes of each.
    var headers: [Int] = []

    var isFull: Bool { sizes.count >= Samples.most || bytes.count >= Samples.mostBytes }
}

extension LaneCore {
    /// Looks through the log, youngest segments first, for small objects: by kind. Each segment is a turn of its own.
    func collectSamples() -> [UInt32: Samples] {
        var collection: [UInt32: Samples] = [:]
        var walked = 0
        for segment in youngestSegments() {
            walkForSamples(segment, &collection)
            walked += 1
            let total = collection.values.reduce(0) { $0 + $1.bytes.count }
            guard total < 32 << 20, walked < 512 else { break }
            if !collection.isEmpty, collection.values.allSatisfy(\.isFull) { break }
        }
        return collection
    }

    /// Segments of the log from the one that was closed last; those still open first.
    private func youngestSegments() -> [Int] {
        var found: [(segment: Int, sequence: UInt64)] = []
        for segment in 0..<map.usableSegments {
            switch map.state(segment).phase {
            case .open: found.append((segment, .max))
            case .parked, .sealed: found.append((segment, map.segment64(segment, SegmentWords.sealSequence).relaxed))
            default: break
            }
        }
        return found.sorted { $0.sequence > $1.sequence }.map(\.segment)
    }

    private func walkForSamples(_ segment: Int, _ collection: inout [UInt32: Samples]) {
        Epoch(map, lane: lane).enter()
        defer { Epoch(map, lane: lane).leave() }
        // Read under the epoch: a segment that is one of these now is not reused before the epoch ends.
        let state = map.state(segment)
        guard [.open, .parked, .sealed].contains(state.phase) else { return }
        let written = Int(map.segment32(segment, SegmentWords.written).acquired)
        let unit = 1 << map.unitShift
        var offset = 0
        while offset + ItemHeader.size <= written {
            let item = unsafe ItemHeader(map.address(segment: segment, offset: offset))
            guard item.gen == state.gen, item.isPlausible(room: written - offset, chunkShift: map.chunkShift) else {
                return
            }
            take(item, &collection)
            offset += (item.itemLength + unit - 1) & ~(unit - 1)
        }
    }

    private func take(_ item: ItemHeader, _ collection: inout [UInt32: Samples]) {
        let kind = item.attributes.kind
        guard kind != 0, item.extentCount == 0,
            Packing.isSmall(headerLength: item.headerLength, bodyLength: item.bodyLength)
        else { return }
        var samples = collection[kind] ?? Samples()
        guard !samples.isFull else { return }
        collection[kind] = nil
        if unsafe unfold(item, to: scratch.start) {
            let length = item.headerLength + item.bodyLength
            unsafe samples.bytes.append(contentsOf: UnsafeRawBufferPointer(start: scratch.start, count: length))
            samples.sizes.append(length)
            samples.headers.append(item.headerLength)
        }
        collection[kind] = samples
    }

    /// Writes a small object's header block and body as they were given. `target` holds `Unpacker.largestBytes`.
    func unfold(_ item: ItemHeader, to target: UnsafeMutableRawPointer) -> Bool {
        if item.flags.contains(.packed) {
            return unsafe unpacker.decode(item, map, to: target, room: Unpacker.largestBytes)
        }
        let header = item.headerLength
        unsafe target.copyMemory(from: item.address + item.headerOffset, byteCount: header)
        let body = unsafe item.address + item.bodyOffset(map.chunkShift)
        if item.bodyLength == 0 { return true }
        if item.flags.contains(.raw) {
            unsafe (target + header).copyMemory(from: body, byteCount: item.bodyLength)
            return item.inlineLength(map.chunkShift) == item.bodyLength
        }
        guard item.chunkCount(map.chunkShift) == 1 else { return false }
        return unsafe LZ4_decompress_safe(
            body.assumingMemoryBound(to: CChar.self), (target + header).assumingMemoryBound(to: CChar.self),
            Int32(item.inlineLength(map.chunkShift)), Int32(item.bodyLength)) == Int32(item.bodyLength)
    }
}
