// A response whose source in the cache is gone while its client has some of the body: a fill that was given up for want
// of room, or an object too large to be pinned whole that was dropped before a slow reader came to its end. The origin
// is asked for the rest, for this client alone, if a strong validator tells it from that of another version.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Asks for the rest of what a context is sending. False when that cannot be, or its client has asked for what is
    /// cached only: the response has to be cut.
    mutating func askForRest(_ x: UInt32) -> Bool {
        guard contexts[x].exchange == .max, let range = Self.rest(of: contexts[x].body, lane),
            !Self.facts(requests[contexts[x].request]).directives.onlyIfCached
        else { return false }
        let c = contexts[x].client.index
        let route = contexts[x].route
        guard let probe = makeProbe(c, request: contexts[x].request, route) else { return false }
        count(.fillsLeft)
        leaveQueues(x)
        contexts[x].body.kind = .rest
        let id = contexts.id(at: x)
        let isStarted = startExchange(
            .resume, request: contexts[x].request, context: id, route, probe, LookupResult(hash: probe.hash),
            permit: nil, range: range) != nil
        return isStarted || !contexts.contains(id)
    }

    /// The bytes that are still owed of a body whose source is gone although its origin is well.
    private static func rest(of body: borrowing BodySource, _ lane: borrowing Lane) -> ByteRange? {
        guard wasGivenUp(body), body.multipart == nil, body.position < body.end else { return nil }
        return body.withHead(lane) { owed(body, $0) }
    }

    /// The same as a place in the object, if a strong validator tells whether it still is the same one. A stored part
    /// holds its runs one behind the other.
    private static func owed(_ body: borrowing BodySource, _ stored: borrowing StoredHead) -> ByteRange? {
        guard hasStrongValidator(stored), stored.status == 200 || stored.flags.contains(.isPartial) else { return nil }
        let first = stored.place(ofBodyOffset: UInt64(body.position))
        guard let first else { return nil }
        return ByteRange(first: first, last: body.end == .max ? .max : first + UInt64(body.end - body.position) - 1)
    }

    private static func wasGivenUp(_ body: borrowing BodySource) -> Bool {
        switch body.ticket {
        case .none: body.kind == .item
        case .some(let ticket):
            ticket.isGivenUp
        }
    }

    /// The origin's answer: the very bytes that are owed, or the whole of the same representation once more, or
    /// something else: then the response is cut.
    mutating func restHead(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        let context = exchanges[e].context
        guard !context.isNone else { return endExchange(e) }
        let x = context.index
        let facts = Self.responseFacts(origins[o].answer, scratch, clock.unixMilliseconds, settings)
        let skipped = contexts[x].body.withHead(lane) { stored in
            Self.bytesToSkip(contexts[x].body, stored, origins[o].answer, scratch, head.status, facts)
        }
        guard let skipped else { return abortClient(contexts[x].client.index) }
        exchanges[e].skippedBytes = skipped
        // The client was told of a length: what comes is held to be that long.
        if case (206, .bytes(let range, _)) = (head.status, facts.contentRange) {
            exchanges[e].partLength = range.count
        }
        releaseRequest(e)
        contexts[x].body.kind = .relay
        if let ticket = contexts[x].body.ticket.take() { _ = consume ticket }
        if let pin = contexts[x].body.pin.take() { lane.unpin(pin) }
    }

    /// How much of the answer the client has already; nil when it is not what it is owed.
    private static func bytesToSkip(
        _ body: borrowing BodySource, _ stored: borrowing StoredHead, _ answer: RawSpan,
        _ scratch: borrowing Scratch, _ status: UInt16, _ facts: ResponseFacts
    ) -> UInt64? {
        guard isSame(stored, answer, scratch), let owed = owed(body, stored) else { return nil }
        let length = stored.declaredLength
        switch (status, facts.contentRange) {
        case (206, .bytes(let range, let total)):
            let last = owed.last == .max ? total.map { $0 &- 1 } : owed.last
            return range.first == owed.first && range.last == last && total == length ?? total ? 0 : nil
        case (200, _):
            // Whoever is owed less than all of the rest would get too much.
            let isAll = owed.last == .max || length == owed.last + 1
            return isAll && (length == nil || facts.declaredLength == length) ? owed.first : nil
        default: return nil
        }
    }
}

extension FillTicket {
    /// The cache gave it up although the origin is well.
    var isGivenUp: Bool {
        switch phase {
        case .failed(.noSpace), .failed(.tooLarge), .failed(.firstSight), .failed(.abandoned): true
        default: false
        }
    }
}
