// A stored object while one of its encoded forms is made: copied out of the cache in one turn, its form put into it in
// another. In between it may be purged or replaced: then the form says of which commit it is, and nobody uses it.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

struct EncodedObject {
    enum Reading {
        /// Purged, replaced, about to expire, or not what it seemed.
        case gone
        /// It has that form already.
        case hasForm
        case body(EncodedObject)
    }

    private(set) var body: [UInt8] = []
    private var hash: UInt64 = 0
    private var stamp: UInt64 = 0
    private var attributes = ItemAttributes(storedSeconds: 0)
    private var tags: [UInt64] = []

    /// What is made first: what most clients would get.
    static func next(_ codings: CodingSet) -> ContentCoding? {
        if codings.contains(.br) { return .br }
        if codings.contains(.gzip) { return .gzip }
        return codings.contains(.zstd) ? .zstd : nil
    }

    /// Copies an object out of the cache, in a turn of its own.
    static func read(
        _ object: PopularObject, _ coding: ContentCoding, _ lane: inout Lane, lifeMilliseconds: Int64
    ) -> Reading {
        lane.beginTurn(now: lane.clock())
        let reading = copy(object, coding, lane, lifeMilliseconds: lifeMilliseconds)
        lane.endTurn()
        return reading
    }

    private static func copy(
        _ object: PopularObject, _ coding: ContentCoding, _ lane: borrowing Lane, lifeMilliseconds: Int64
    ) -> Reading {
        // Where it was says its key; whether it is there for requests, only a lookup of that.
        guard let seen = lane.view(of: object.mark), let view = lane.lookup(hash: object.hash, key: seen.key),
            view.stamp == object.stamp, !view.isPassMarker, !view.isSoftlyPurged, let head = StoredHead(view.header),
            head.flags.contains(.encodable),
            head.expiryMilliseconds > lane.clock().nanoseconds / 1_000_000 + lifeMilliseconds
        else { return .gone }
        let key = EncodedKey(coding, of: object.hash)
        if let form = lane.lookup(hash: lane.keyHash.hash(key.bytes), key: key.bytes),
            EncodedForm.belongs(form, to: view, coding)
        {
            return .hasForm
        }
        var copy = EncodedObject()
        guard copy.take(view) else { return .gone }
        copy.hash = object.hash
        copy.stamp = view.stamp
        copy.attributes = view.attributes
        copy.attributes.contentClass = 0
        copy.attributes.callerFlags = 0
        copy.tags = (0..<view.tagCount).map { view.tag($0) }
        return .body(copy)
    }

    /// Copies the body. False when part of it is missing.
    private mutating func take(_ view: borrowing ItemView) -> Bool {
        body.reserveCapacity(view.bodyLength)
        while body.count < view.bodyLength {
            switch view.bodyPiece(at: body.count) {
            case .raw(let bytes): append(bytes, to: &body)
            case .compressed(let chunk):
                guard chunk.bodyOffset == body.count else { return false }
                let start = body.count
                body.append(contentsOf: repeatElement(0, count: chunk.rawLength))
                var span = body.mutableSpan
                var output = unsafe span.mutableBytes
                var target = output._mutatingExtracting(start..<start + chunk.rawLength)
                guard chunk.decode(into: &target) else { return false }
            case .missing, .end: return false
            }
        }
        return true
    }

    /// Puts a form of the object into the cache. False when there is no room.
    func store(_ form: [UInt8], _ coding: ContentCoding, _ lane: inout Lane) -> Bool {
        lane.beginTurn(now: lane.clock())
        let isStored = commit(form, coding, lane)
        lane.endTurn()
        lane.maintain(now: lane.clock())
        return isStored
    }

    private func commit(_ form: [UInt8], _ coding: ContentCoding, _ lane: borrowing Lane) -> Bool {
        let key = EncodedKey(coding, of: hash)
        var block = InlineArray<24, UInt8>(repeating: 0)
        var span = block.mutableSpan
        var bytes = unsafe span.mutableBytes
        EncodedHead(coding: coding, stamp: stamp, length: UInt64(body.count)).write(into: &bytes)
        // A form of an earlier commit may be there: it is replaced.
        guard
            case .own(var permit) = lane.startFill(
                hash: lane.keyHash.hash(key.bytes), key: key.bytes, refreshing: true),
            unsafe permit.setHead(
                block.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: form.count) == .accepted,
            unsafe permit.append(form.span.bytes) == .accepted
        else { return false }
        permit.complete()
        while true {
            switch permit.finish(budgetBytes: .max) {
            case .again: continue
            case .committed: return true
            case .rejected: return false
            }
        }
    }
}
