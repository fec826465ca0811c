// The body of an origin's answer: into the cache at the origin's pace, or to one client at the client's.

internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

/// How far feeding a fill from what has arrived got.
private enum FeedOutcome {
    case needMore
    case complete
    case badFraming
    /// The cache takes no more of it.
    case declined(FillFailure)
}

extension Worker {
    /// Moves body bytes on and reads more. False when there is nothing more to do now.
    mutating func progressResponseBody(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max else { return false }
        guard exchanges[e].permit != nil else { return progressRelayedBody(e, o) }
        switch Self.feed(&exchanges[e], &origins[o], &scratch) {
        case .complete:
            bodyComplete(e, o)
            return false
        case .badFraming:
            originFailed(o, .badAnswer)
            return false
        case .declined(let reason):
            fillDeclined(e, reason)
            return true
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
            switch exchange.body.next(input.readable, trailers: &scratch.responseFields) {
            case .data(let extent):
                let known = Int(min(exchange.skippedBytes, UInt64(extent.length)))
                exchange.skippedBytes -= UInt64(known)
                let unread = Extent(start: extent.lower + known, end: extent.upper)
                let outcome = exchange.permit?.append(input.readable.slice(unread)) ?? .declined(.abandoned)
                if case .declined(let reason) = outcome { return .declined(reason) }
                exchange.body.used(extent.length)
            case .needMore: return .needMore
            case .end: return .complete
            case .failed: return .badFraming
            }
        }
    }

    /// The whole body is in the fill: readers can finish, the connection is free, the commit is made in steps.
    private mutating func bodyComplete(_ e: UInt32, _ o: UInt32) {
        if let wanted = exchanges[e].partLength, exchanges[e].body.byteCount != wanted {
            return originFailed(o, .badAnswer)
        }
        guard completeJoin(e) else { return originFailed(o, .badAnswer) }
        exchanges[e].permit?.complete()
        exchanges[e].connection = .max
        releaseOrigin(o, keepAlive: exchanges[e].keepsConnection)
        detachContext(e)
        exchanges[e].isFinishing = true
        exchanges[e].nextFinishing = firstFinishing
        firstFinishing = e
        stepFinishing(e)
    }

    /// The cache takes no more of this object: its own client goes on as a relay from where the fill ends, others go
    /// their own ways.
    private mutating func fillDeclined(_ e: UInt32, _ reason: FillFailure) {
        count(.fillsFailed)
        if let permit = exchanges[e].permit.take() { permit.fail(reason) }
        guard !exchanges[e].context.isNone else { return endExchange(e) }
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
        while true {
            guard exchanges[e].body.byteCount - start < BodyPump.pieceLimit else { return .paused }
            let step = Self.pull(&exchanges[e], &origins[o], &scratch, &clients[c].sink)
            guard step == .waiting else { return step }
            switch receiveFromOrigin(o) {
            case .bytes: continue
            case .nothing: return .waiting
            case .full: return .blocked
            case .failed: return .failed
            case .end:
                guard exchanges[e].body.connectionEnded() else { return .failed }
            }
        }
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
            case .data(let extent):
                switch sink.offer(input.readable.slice(extent), more: false) {
                case .took(let taken):
                    exchange.body.used(taken)
                    if taken < extent.length { return .blocked }
                case .failed: return .clientGone
                }
            case .needMore: return .waiting
            case .end:
                sink.takeTrailers(scratch.responseFields, input.readable)
                return .finished
            case .failed: return .failed
            }
        }
    }
}
