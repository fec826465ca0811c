// The body of an origin's answer: into the cache at the origin's pace, or to one client at the client's.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

/// How far feeding a fill from what has arrived got.
private enum FeedOutcome {
    case needMore
    case complete
    case badFraming
    /// It does not begin with the bytes that the fill has.
    case otherVersion
    /// The cache has no room now.
    case full
    /// The cache takes no more of it.
    case declined(FillFailure)
}

extension Worker {
    /// Moves body bytes on and reads more. False when there is nothing more to do now.
    mutating func progressResponseBody(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max else { return false }
        guard exchanges[e].permit != nil else { return progressRelayedBody(e, o) }
        guard hasJoinedBodyBegun(e, o) else { return false }
        switch Self.feed(&exchanges[e], &origins[o], &scratch) {
        case .complete:
            bodyComplete(e, o)
            return false
        case .badFraming:
            originFailed(o, .badAnswer)
            return false
        case .otherVersion:
            loseFill(e)
            return false
        case .declined(let reason):
            fillDeclined(e, reason)
            return true
        case .full: return awaitRoom(o)
        case .needMore: break
        }
        switch receiveFromOrigin(o) {
        case .bytes: return true
        case .nothing:
            exchanges[e].permit?.flush()
            return false
        case .full, .failed: originFailed(o, .badAnswer)
        case .end:
            guard exchanges[e].body.connectionEnded() else {
                originFailed(o, .badAnswer)
                return false
            }
            return true
        }
        return false
    }

    /// Whether what is stored in front of a part that is being joined is in the fill.
    private mutating func hasJoinedBodyBegun(_ e: UInt32, _ o: UInt32) -> Bool {
        switch beginJoinedBody(e) {
        case .accepted: return true
        case .full: _ = awaitRoom(o)
        case .declined: loseJoin(e)
        }
        return false
    }

    /// The stored part is gone: who waits finds the fill ended, and asks in another way.
    private mutating func loseJoin(_ e: UInt32) {
        endExchange(e)
        looksAgain = true
    }

    private static func feed(
        _ exchange: inout Exchange, _ connection: inout OriginConnection, _ scratch: inout Scratch
    ) -> FeedOutcome {
        guard var input = connection.input.take() else { return .needMore }
        let outcome = feed(&exchange, input, &scratch)
        input.consume(exchange.body.dropUsed())
        connection.input = consume input
        return outcome
    }

    private static func feed(
        _ exchange: inout Exchange, _ input: borrowing Buffer, _ scratch: inout Scratch
    ) -> FeedOutcome {
        while true {
            let wasComplete = exchange.body.isComplete
            switch exchange.body.next(input.readable, trailers: &scratch.responseFields) {
            case .data(let extent) where exchange.exceedsPart(by: extent.length): return .badFraming
            case .data(let extent):
                let known = Int(min(exchange.skippedBytes, UInt64(extent.length)))
                if exchange.comparesSkipped {
                    let again = input.readable.slice(Extent(start: extent.lower, end: extent.lower + known))
                    guard holds(exchange.permit, again, at: exchange.body.byteCount) else { return .otherVersion }
                }
                let unread = Extent(start: extent.lower + known, end: extent.upper)
                let bytes = input.readable.slice(unread)
                switch exchange.permit?.append(bytes, mayWait: true) ?? .declined(.abandoned) {
                case .accepted: break
                case .full: return .full
                case .declined(let reason): return .declined(reason)
                }
                exchange.skippedBytes -= UInt64(known)
                exchange.body.used(extent.length)
                exchange.fullSinceMilliseconds = 0
            case .needMore: return .needMore
            case .end where exchange.skippedBytes > 0: return .otherVersion
            case .end:
                if !wasComplete, !exchange.context.isNone { exchange.keepTrailers(scratch, input.readable) }
                return .complete
            case .failed: return .badFraming
            }
        }
    }

    /// The whole body is in the fill: readers can finish, the connection is free, the commit is made in steps.
    private mutating func bodyComplete(_ e: UInt32, _ o: UInt32) {
        guard exchanges[e].isWholePart else { return originFailed(o, .badAnswer) }
        switch completeJoin(e) {
        case .accepted: break
        case .full:
            _ = awaitRoom(o)
            return
        case .declined: return loseJoin(e)
        }
        exchanges[e].permit?.complete()
        exchanges[e].connection = .max
        releaseOrigin(o, keepAlive: exchanges[e].keepsConnection)
        handTrailers(e)
        detachContext(e)
        exchanges[e].isFinishing = true
        exchanges[e].nextFinishing = firstFinishing
        firstFinishing = e
        stepFinishing(e)
    }

    /// Trailers are not stored: the client that caused the fetch gets them, if it is sent the body in chunks (RFC 9110
    /// section 6.5.1 lets a recipient discard them).
    private mutating func handTrailers(_ e: UInt32) {
        let context = exchanges[e].context
        guard contexts.contains(context) else { return }
        contexts[context.index].trailers = exchanges[e].trailers.take()
    }

    /// How long an origin is kept waiting for room in the cache: evictions take some turns.
    private static var longestWaitForRoomMilliseconds: Int64 { 1_000 }

    /// The cache has no room for what has arrived: it stays where it is, and the origin with it, until there is some,
    /// for a while. True when that is over and the body goes on without the cache.
    private mutating func awaitRoom(_ o: UInt32) -> Bool {
        if waitsForRoom(o) { return false }
        fillDeclined(origins[o].exchange, .noSpace)
        return true
    }

    /// Leaves what has arrived where it is until a later turn. False when that has been long enough.
    private mutating func waitsForRoom(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        exchanges[e].permit?.flush()
        if exchanges[e].fullSinceMilliseconds == 0 { exchanges[e].fullSinceMilliseconds = clock.milliseconds }
        let waited = clock.milliseconds - exchanges[e].fullSinceMilliseconds
        guard waited < Self.longestWaitForRoomMilliseconds else { return false }
        let id = origins.id(at: o)
        if !heldBackOrigins.contains(id) { heldBackOrigins.append(id) }
        return true
    }

    /// Goes on with the fills that found no room in an earlier turn.
    mutating func resumeHeldBack() {
        guard !heldBackOrigins.isEmpty else { return }
        let waiting = heldBackOrigins
        heldBackOrigins.removeAll(keepingCapacity: true)
        for id in waiting where origins.contains(id) { progressOrigin(id.index) }
    }

    /// The cache takes no more of this object: its own client goes on as a relay from where the fill ends, others go
    /// their own ways.
    private mutating func fillDeclined(_ e: UInt32, _ reason: FillFailure) {
        count(.fillsFailed)
        if let permit = exchanges[e].permit.take() { permit.fail(reason) }
        // Its length was not said: who waited is cut where the fill ends. Nobody is to wait for the next one.
        if reason == .tooLarge { Self.mark(exchanges[e].keys, lane, seconds: settings.policy.hitForMissSeconds) }
        if exchanges[e].context.isNone { return endExchange(e) }
        // What its client is owed lies in front of this answer and behind it as well: it asks for that.
        if exchanges[e].joined != nil {
            endExchange(e)
            looksAgain = true
        }
    }

    /// A relay moves when its client pulls. False: the client decides.
    private mutating func progressRelayedBody(_ e: UInt32, _ o: UInt32) -> Bool {
        let context = exchanges[e].context
        guard !context.isNone else {
            endExchange(e)
            return false
        }
        continueLater(context.index)
        return false
    }

    /// Pulls the relayed body of an exchange into the client's sink.
    mutating func pumpRelay(_ x: UInt32) -> PumpOutcome {
        let e = contexts[x].exchange
        guard e != .max, exchanges[e].connection != .max else { return .failed }
        let o = exchanges[e].connection
        let c = contexts[x].client.index
        let start = exchanges[e].body.byteCount
        let outcome = pumpRelay(e, o, c)
        if exchanges[e].body.byteCount != start { clients[c].lastProgressMilliseconds = clock.milliseconds }
        return outcome
    }

    /// Short pieces are gathered: whoever pumps sends them when this returns.
    private mutating func pumpRelay(_ e: UInt32, _ o: UInt32, _ c: UInt32) -> PumpOutcome {
        // What the framing takes counts as well: tiny chunks are as much work as long ones.
        var budget = BodyPump.pieceLimit
        while budget > 0 {
            budget -= readableCount(origins[o].input)
            let step = Self.pull(&exchanges[e], &origins[o], &scratch, &clients[c].sink)
            guard step == .waiting else { return step == .failed ? relayFailed(e, c) : step }
            switch receiveFromOrigin(o) {
            case .bytes: continue
            case .nothing: return .waiting
            case .full: return .blocked
            case .failed: return relayFailed(e, c)
            case .end:
                guard exchanges[e].body.connectionEnded() else { return relayFailed(e, c) }
            }
        }
        return .paused
    }

    /// What has come of a body that breaks off goes out before it is cut.
    private mutating func relayFailed(_ e: UInt32, _ c: UInt32) -> PumpOutcome {
        guard exchanges[e].body.byteCount > 0 else { return .failed }
        return clients[c].sink.flush() == .failed ? .clientGone : .failed
    }

    private static func pull(
        _ exchange: inout Exchange, _ connection: inout OriginConnection, _ scratch: inout Scratch,
        _ sink: inout ClientSink
    ) -> PumpOutcome {
        guard var input = connection.input.take() else { return .failed }
        let outcome = pull(&exchange, input, &scratch, &sink)
        input.consume(exchange.body.dropUsed())
        connection.input = consume input
        return outcome
    }

    private static func pull(
        _ exchange: inout Exchange, _ input: borrowing Buffer, _ scratch: inout Scratch, _ sink: inout ClientSink
    ) -> PumpOutcome {
        while true {
            switch exchange.body.next(input.readable, trailers: &scratch.responseFields) {
            case .data(let extent) where exchange.exceedsPart(by: extent.length): return .failed
            case .data(let extent):
                // What the client has already.
                let known = Int(min(exchange.skippedBytes, UInt64(extent.length)))
                guard known == 0 else {
                    exchange.skippedBytes -= UInt64(known)
                    exchange.body.used(known)
                    continue
                }
                let bytes = input.readable.slice(extent)
                if sink.gather(bytes) {
                    exchange.body.used(extent.length)
                    continue
                }
                switch sink.offer(bytes, more: false) {
                case .took(let taken):
                    exchange.body.used(taken)
                    if taken < extent.length { return .blocked }
                case .failed: return .clientGone
                }
            case .needMore: return .waiting
            case .end where exchange.skippedBytes > 0 || !exchange.isWholePart: return .failed
            case .end:
                // The rest of a body may be framed otherwise than its beginning was.
                if exchange.body.framing == .chunked {
                    exchange.keepTrailers(scratch, input.readable)
                    sink.takeTrailers(readableBytes(exchange.trailers))
                }
                return .finished
            case .failed: return .failed
            }
        }
    }
}
