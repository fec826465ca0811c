// Two parts of one object under one strong validator become one part of one run or several, or the whole (RFC 9111
// section 3.4): what is stored is copied in front of and behind what the origin sends, into a new object. Nothing
// stored is changed in place.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

/// A stored part while it is being joined with an answer.
struct JoinedPart: ~Copyable {
    var pin: Pin
    let held: HeldRanges
    /// What the answer brings.
    let received: ByteRange
    /// Bytes that were copied in front of it and behind it.
    var copiedFront = 0
    var copiedBack = 0

    /// Bytes of the stored body that go in front.
    var front: Range<Int> { copiedFront..<Int(held.bytes(before: received.first)) }
    /// Bytes of the stored body that go behind.
    var back: Range<Int> { Int(held.bytes(before: received.last + 1)) + copiedBack..<Int(held.byteCount) }

    consuming func surrender() -> Pin { pin }
}

extension Worker {
    /// The answer to a request for what is missing beside a stored part.
    mutating func judgeRest(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        switch head.status {
        case 206:
            // Of another version, or not enough for who wants all.
            guard isOfUse(e, o) else { return fetchAnew(e) }
            storeOrRelay(e, o, head)
        case 304, 412, 416: fetchAnew(e)
        default: storeOrRelay(e, o, head)
        }
    }

    private mutating func isOfUse(_ e: UInt32, _ o: UInt32) -> Bool {
        let response = Self.responseFacts(origins[o].answer, scratch, clock.unixMilliseconds, settings)
        guard case .bytes(let received, _) = response.contentRange, let missing = exchanges[e].missing else {
            return false
        }
        // A client that asked for a range gets the one that the origin chose to send.
        let isEnough = received.first <= missing.first && received.last >= missing.last
        guard isEnough || Self.facts(requests[exchanges[e].request]).hasRange else { return false }
        return Self.union(exchanges[e].keys, lane, origins[o].answer, scratch, response, settings) != nil
    }

    /// What would be held; nil when the answer does not fit what is stored.
    private static func union(
        _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, _ answer: RawSpan,
        _ scratch: borrowing Scratch, _ response: ResponseFacts, _ settings: borrowing WorkerSettings
    ) -> HeldRanges? {
        guard case .bytes(let received, _) = response.contentRange,
            let view = lane.lookup(hash: keys.hash, key: keys.object), let stored = StoredHead(view.header),
            stored.heldBytes == UInt64(view.bodyLength), stored.heldBytes <= settings.policy.maximumJoinedBytes
        else { return nil }
        guard stored.mayJoin(response: response, bytes: answer, fields: scratch.responseFields) else { return nil }
        return stored.union(with: received)
    }

    /// Whether the stored part is fresh, of the same version and larger than this one, which could not be joined with
    /// it: there is nothing to gain by a change.
    borrowing func keepsStored(_ e: UInt32, _ o: UInt32, _ response: ResponseFacts) -> Bool {
        Self.keepsStored(
            exchanges[e].keys, lane, origins[o].answer, scratch, response, clock.unixMilliseconds)
    }

    private static func keepsStored(
        _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, _ answer: RawSpan,
        _ scratch: borrowing Scratch, _ response: ResponseFacts, _ now: Int64
    ) -> Bool {
        guard case .bytes(let received, _) = response.contentRange,
            let view = lane.lookup(hash: keys.hash, key: keys.object), let stored = StoredHead(view.header),
            stored.expiryMilliseconds > now, stored.heldBytes > received.count
        else { return false }
        return stored.mayJoin(response: response, bytes: answer, fields: scratch.responseFields)
    }

    /// Begins a fill of the stored part and this 206 together. False when they do not fit.
    mutating func joinStored(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ request: RequestFacts, _ response: ResponseFacts,
        _ times: ExchangeTimes
    ) -> Bool {
        guard case .bytes(let received, _) = response.contentRange,
            let union = Self.union(exchanges[e].keys, lane, origins[o].answer, scratch, response, settings)
        else { return false }
        let begun = Self.beginJoin(
            exchanges, e, lane, origins, o, &scratch, request, times, union, received, settings)
        guard let begun else { return false }
        let cost = UInt32(clamping: times.responseMilliseconds - times.requestMilliseconds)
        let tags = begun.tags
        let attributes = Self.attributes(begun.plan, exchanges[e].route, scratch.block, cost: cost, clock)
        exchanges[e].joined = begun.surrender()
        exchanges[e].partLength = received.count
        _ = publishHead(e, o, head, attributes, tags, union.byteCount)
        return true
    }

    /// Appends what is stored in front of the answer, before any of that, in several turns if there is no room in one.
    /// Declined when some of it is gone.
    mutating func beginJoinedBody(_ e: UInt32) -> AppendOutcome {
        guard let front = exchanges[e].joined?.front, !front.isEmpty else { return .accepted }
        var buffer = buffers.take()
        let copied = Self.copy(front, &exchanges[e], lane, &buffer)
        buffers.give(buffer)
        exchanges[e].joined?.copiedFront += copied.bytes
        return copied.outcome
    }

    private struct BegunJoin: ~Copyable {
        let plan: StorePlan
        let tags: TagSet
        let part: JoinedPart

        consuming func surrender() -> JoinedPart { part }
    }

    private static func beginJoin(
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ lane: borrowing Lane,
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: inout Scratch, _ request: RequestFacts,
        _ times: ExchangeTimes, _ union: HeldRanges, _ received: ByteRange, _ settings: borrowing WorkerSettings
    ) -> BegunJoin? {
        beginJoin(
            exchanges[e].keys, lane, origins[o].answer, &scratch, request, times, union, received, settings)
    }

    /// Pins the stored part and writes the joined head into the scratch block.
    private static func beginJoin(
        _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, _ answer: RawSpan, _ scratch: inout Scratch,
        _ request: RequestFacts, _ times: ExchangeTimes, _ union: HeldRanges, _ received: ByteRange,
        _ settings: borrowing WorkerSettings
    ) -> BegunJoin? {
        guard let view = lane.lookup(hash: keys.hash, key: keys.object), let stored = StoredHead(view.header),
            let held = stored.heldRanges
        else { return nil }
        let renewal = scratch.encodeRenewed(stored, answer, request, times, settings.policy, join: union)
        let tags = tags(answer, scratch, keys, lane.keyHash, renewing: view)
        guard let renewal, !tags.overflowed, let pin = lane.pin(view) else { return nil }
        return BegunJoin(plan: renewal.plan, tags: tags, part: JoinedPart(pin: pin, held: held, received: received))
    }

    /// Appends a stretch of the stored body to the fill. How much of it, and why not all: there is no room now, or some
    /// of it is gone.
    private static func copy(
        _ range: Range<Int>, _ exchange: inout Exchange, _ lane: borrowing Lane, _ buffer: inout Buffer
    ) -> (bytes: Int, outcome: AppendOutcome) {
        guard var joined = exchange.joined.take() else { return (0, .declined(.abandoned)) }
        var position = range.lowerBound
        var outcome = AppendOutcome.accepted
        while position < range.upperBound, outcome == .accepted {
            lane.advance(&joined.pin, to: position)
            let view = lane.view(of: joined.pin)
            let piece = view.bodyPiece(at: position)
            let step = append(piece, position, range.upperBound, &exchange.permit, &buffer)
            outcome = step.outcome
            position += step.bytes
        }
        exchange.joined = consume joined
        return (position - range.lowerBound, outcome)
    }

    /// Appends one piece up to `end`.
    private static func append(
        _ piece: BodyPiece, _ position: Int, _ end: Int, _ permit: inout FillPermit?, _ buffer: inout Buffer
    ) -> (bytes: Int, outcome: AppendOutcome) {
        let outcome: AppendOutcome?
        let count: Int
        switch piece {
        case .raw(let bytes):
            count = min(bytes.byteCount, end - position)
            outcome = permit?.append(bytes.extracting(0..<count), mayWait: true)
        case .compressed(let chunk):
            let skip = position - chunk.bodyOffset
            count = min(chunk.rawLength - skip, end - position)
            buffer.clear()
            guard buffer.append(chunk, dropping: skip, length: count) else { return (0, .declined(.abandoned)) }
            outcome = permit?.append(buffer.readable, mayWait: true)
        case .missing, .end:
            return (0, .declined(.abandoned))
        }
        return outcome == .accepted ? (count, .accepted) : (0, outcome ?? .declined(.abandoned))
    }

    /// The answer is whole: what is stored behind it is appended, in several turns if there is no room in one. Declined
    /// when some of it is gone.
    mutating func completeJoin(_ e: UInt32) -> AppendOutcome {
        guard let back = exchanges[e].joined?.back else { return .accepted }
        var buffer = buffers.take()
        let copied = Self.copy(back, &exchanges[e], lane, &buffer)
        buffers.give(buffer)
        exchanges[e].joined?.copiedBack += copied.bytes
        return copied.outcome
    }
}
