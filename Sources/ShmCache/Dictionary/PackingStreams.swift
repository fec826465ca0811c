// Writing small objects packed: LZ4 with a dictionary. Preparing a dictionary takes longer than compressing an object
// with it, so a lane keeps the dictionaries that it used last prepared.
internal import CLZ4
internal import CLinux

/// A lane's memory for packing. Made when it first packs.
@safe
final class PackingStreams {
    /// Dictionaries kept prepared, 16 KiB each.
    private static let kept = 12

    @safe
    private struct Prepared {
        var id: Int
        var stamp: UInt32
        var lastUse: UInt64
        var stream: UnsafeMutablePointer<LZ4_stream_t>
    }

    private var prepared: [Prepared] = []
    private var uses: UInt64 = 0
    private let working: UnsafeMutablePointer<LZ4_stream_t>
    private let input: UnsafeMutableRawPointer
    /// What `pack` made.
    let output: UnsafeMutableRawPointer

    init() {
        unsafe working = .allocate(capacity: 1)
        unsafe input = .allocate(byteCount: Unpacker.largestBytes, alignment: 16)
        unsafe output = .allocate(byteCount: Unpacker.largestBytes, alignment: 16)
    }

    deinit {
        for one in prepared { unsafe one.stream.deallocate() }
        unsafe working.deallocate()
        unsafe input.deallocate()
        unsafe output.deallocate()
    }

    /// Compresses a header block and a body with a dictionary into `output`. How long that is; nil when it saves
    /// less than a sixteenth.
    func pack(
        header: UnsafeRawPointer, _ headerLength: Int, body: UnsafeRawPointer?, _ bodyLength: Int, dictionary id: Int,
        _ map: RegionMap
    ) -> Int? {
        let total = headerLength + bodyLength
        guard total >= Packer.smallestCompressed, total <= Unpacker.largestBytes else { return nil }
        unsafe input.copyMemory(from: header, byteCount: headerLength)
        if let body = unsafe body { unsafe (input + headerLength).copyMemory(from: body, byteCount: bodyLength) }
        let room = total - max(1, total / Packer.minimumSaving)
        unsafe working.update(from: stream(id, map), count: 1)
        let length = unsafe LZ4_compress_fast_continue(
            working, input.assumingMemoryBound(to: CChar.self), output.assumingMemoryBound(to: CChar.self),
            Int32(total), Int32(room), 1)
        return length > 0 ? Int(length) : nil
    }

    /// A stream that has read the dictionary and nothing else.
    private func stream(_ id: Int, _ map: RegionMap) -> UnsafeMutablePointer<LZ4_stream_t> {
        uses += 1
        let stamp = map.dictionary32(id, DictionaryWords.stamp).relaxed
        for i in prepared.indices where prepared[i].id == id && prepared[i].stamp == stamp {
            prepared[i].lastUse = uses
            return unsafe prepared[i].stream
        }
        let place: UnsafeMutablePointer<LZ4_stream_t>
        if prepared.count < PackingStreams.kept {
            unsafe place = .allocate(capacity: 1)
        } else {
            let oldest = prepared.indices.min { prepared[$0].lastUse < prepared[$1].lastUse } ?? 0
            unsafe place = prepared.remove(at: oldest).stream
        }
        _ = unsafe LZ4_initStream(place, MemoryLayout<LZ4_stream_t>.size)
        _ = unsafe LZ4_loadDict(
            place, map.dictionaryText(id).assumingMemoryBound(to: CChar.self), Int32(map.dictionaryLength(id)))
        unsafe prepared.append(Prepared(id: id, stamp: stamp, lastUse: uses, stream: place))
        return unsafe place
    }
}

/// A packed object on its way into an item.
@safe
struct PackedForm {
    var bytes: UnsafeRawPointer
    var length: Int
    var dictionary: Int
    var stamp: UInt32
}

extension LaneCore {
    /// Whether objects of that kind and size will be packed.
    func willPack(kind: UInt32, headerLength: Int, bodyLength: Int) -> Bool {
        kind != 0 && Packing.isSmall(headerLength: headerLength, bodyLength: bodyLength) && dictionary(of: kind) != nil
    }

    /// Packs a header block and a body with the dictionary of their kind, if there is one and it pays.
    func pack(
        kind: UInt32, header: UnsafeRawPointer, _ headerLength: Int, body: UnsafeRawPointer?, _ bodyLength: Int
    ) -> PackedForm? {
        guard kind != 0, Packing.isSmall(headerLength: headerLength, bodyLength: bodyLength),
            let id = dictionary(of: kind)
        else { return nil }
        let stamp = map.dictionary32(id, DictionaryWords.stamp).relaxed
        guard unpacker.isUsable(id, stamp: stamp, map) else { return nil }
        let streams = packingStreams ?? PackingStreams()
        packingStreams = streams
        guard
            let length = unsafe streams.pack(
                header: header, headerLength, body: body, bodyLength, dictionary: id, map)
        else { return nil }
        return unsafe PackedForm(
            bytes: UnsafeRawPointer(streams.output), length: length, dictionary: id, stamp: stamp)
    }

    /// Notes that a small object of a kind was stored that no dictionary helped; now and then tells the janitor.
    func countUnpacked() {
        unpackedObjects += 1
        guard unpackedObjects % 64 == 0 else { return }
        map.global64(GlobalWords.unpackedObjects).add(64)
        wakeJanitor()
    }
}

/// Which objects are packed.
enum Packing {
    static let largestBody = 4096

    static func isSmall(headerLength: Int, bodyLength: Int) -> Bool {
        bodyLength <= largestBody && headerLength + bodyLength <= Unpacker.largestBytes
    }
}
