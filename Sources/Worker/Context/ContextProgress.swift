// Moving one request's answer on: pull its source into the sink, flush, end.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Moves the active context of a connection. False when nothing more can be done now.
    mutating func progressAnswering(_ c: UInt32) -> Bool {
        let id = clients[c].context
        guard contexts.contains(id) else {
            clients[c].phase = .reading
            return true
        }
        let x = id.index
        receiveUpload(x)
        guard contexts.contains(id) else { return clients.isTaken(c) && clients[c].context != id }
        switch contexts[x].phase {
        case .waitingForFill:
            progressFillContext(x)
            guard clients.isTaken(c) else { return false }
            guard contexts.contains(id), contexts[x].phase == .waitingForFill else {
                return !contexts.contains(id) || contexts[x].phase == .sending
            }
            return flushWhileWaiting(c)
        case .awaitingOrigin, .tunnelling:
            return flushWhileWaiting(c)
        case .sending:
            return progressSending(x, c)
        }
    }

    /// Something may be in the sink although the answer has not begun: earlier responses, an interim one.
    private mutating func flushWhileWaiting(_ c: UInt32) -> Bool {
        let before = clients[c].sink.bytesSent
        guard clients[c].sink.flush() != .failed else {
            abortClient(c)
            return false
        }
        guard clients[c].sink.isBlocked else { return false }
        // The origin has its own timer, and this one is for a client that does not read.
        if clients[c].sink.bytesSent != before { clients[c].lastProgressMilliseconds = clock.milliseconds }
        armClientTimer(c)
        return false
    }

    private mutating func progressSending(_ x: UInt32, _ c: UInt32) -> Bool {
        if clients[c].sink.isBlocked {
            // It may be full of earlier answers; or the client said something, and its context left the slow ones.
            if contexts[x].body.kind == .fill { noteSlow(x) }
            armClientTimer(c)
            return false
        }
        let before = clients[c].sink.bytesSent
        provideSendBuffer(c)
        let outcome = pump(x, c)
        guard clients.isTaken(c) else { return false }
        if clients[c].sink.bytesSent != before {
            contexts[x].hasSentBody = true
            clients[c].lastProgressMilliseconds = clock.milliseconds
            contexts[x].lastProgressMilliseconds = clock.milliseconds
        }
        switch outcome {
        case .finished:
            return finishSending(x, c)
        case .blocked, .waiting, .paused:
            if outcome == .paused { continueLater(x) }
            if outcome == .blocked, contexts[x].body.kind == .fill { noteSlow(x) }
            if outcome == .waiting, contexts[x].body.kind == .fill {
                if Self.isOrphaned(contexts[x].body) { return adopt(x) }
                armContextTimer(x)
            }
            if clients[c].sink.flush() == .failed {
                abortClient(c)
                return false
            }
            armClientTimer(c)
            return false
        case .failed:
            return sourceFailed(x, c)
        case .clientGone:
            abortClient(c)
            return false
        }
    }

    private mutating func pump(_ x: UInt32, _ c: UInt32) -> PumpOutcome {
        switch contexts[x].body.kind {
        case .none: return .finished
        case .item: return Self.pumpItem(lane, &contexts[x].body, &clients[c].sink)
        case .fill:
            // Others may wait for their first byte: the first piece is small.
            let limit = contexts[x].hasSentBody ? BodyPump.pieceLimit : BodyPump.copyLimit
            return BodyPump.pumpFill(&contexts[x].body, limit: limit, into: &clients[c].sink)
        case .relay: return pumpRelay(x)
        case .rest: return .waiting
        }
    }

    private static func pumpItem(
        _ lane: borrowing Lane, _ source: inout BodySource, _ sink: inout ClientSink
    ) -> PumpOutcome {
        guard let pin = source.pin.take() else {
            guard let mark = source.mark, let view = lane.view(of: mark) else { return .failed }
            return BodyPump.pump(view, &source, limit: BodyPump.pieceLimit, into: &sink)
        }
        var held = pin
        // The ranges of a multipart body may go back and forth.
        let isThere = held.isWhole && source.multipart != nil || lane.advance(&held, to: source.position)
        var outcome = PumpOutcome.failed
        if isThere { outcome = BodyPump.pump(lane.view(of: held), &source, limit: BodyPump.pieceLimit, into: &sink) }
        source.pin = consume held
        return outcome
    }

    /// The source has given everything: frame the end and go on when the socket has taken it.
    private mutating func finishSending(_ x: UInt32, _ c: UInt32) -> Bool {
        contexts[x].body.kind = .none
        if let lines = contexts[x].trailers.take() { clients[c].sink.takeTrailers(lines.readable) }
        switch clients[c].sink.finish() {
        case .failed:
            abortClient(c)
            return false
        case .took: break
        }
        endContext(x)
        return true
    }

    /// The source broke. A fill that the cache gave up may go on as a relay, of the answer that the fill was made from
    /// or of one for the rest, and so may an object that was dropped before a slow reader came to its end. Otherwise a
    /// request of whose response nothing was sent is answered in another way, and any other response is cut, so that
    /// the client sees that it is not whole.
    private mutating func sourceFailed(_ x: UInt32, _ c: UInt32) -> Bool {
        if relaysTheRest(x) {
            if let ticket = contexts[x].body.ticket.take() { _ = consume ticket }
            contexts[x].body.kind = .relay
            leaveQueues(x)
            return true
        }
        // What still comes of that answer is of no use to this client.
        let e = contexts[x].exchange
        if contexts[x].body.kind == .fill, e != .max, exchanges[e].permit == nil { endExchange(e) }
        if askForRest(x) { return false }
        guard clients.isTaken(c) else { return false }
        if clients[c].sink.takeBack() { return answerAnew(x) }
        abortClient(c)
        return false
    }

    /// Whether what the origin sends next is what this client is owed next, and to the very end.
    private borrowing func relaysTheRest(_ x: UInt32) -> Bool {
        let e = contexts[x].exchange
        guard contexts[x].body.kind == .fill, e != .max, exchanges[e].permit == nil, exchanges[e].connection != .max,
            contexts[x].body.position == Int(exchanges[e].body.byteCount)
        else { return false }
        let end = contexts[x].body.end
        return end == .max || exchanges[e].body.knownLength == UInt64(end)
    }

    /// Nothing of the response has left: the request is answered as if it had not begun.
    private mutating func answerAnew(_ x: UInt32) -> Bool {
        let e = contexts[x].exchange
        if e != .max, exchanges[e].permit == nil, !exchanges[e].isFinishing { endExchange(e) }
        if let pin = contexts[x].body.pin.take() { lane.unpin(pin) }
        switch contexts[x].body.kind {
        case .item: return restart(x)
        case .fill:
            if let reason = Self.failure(of: contexts[x].body) { return fillFailed(x, reason) }
        case .none, .relay, .rest: break
        }
        return answerFailure(x, status: 502)
    }

    private static func failure(of body: borrowing BodySource) -> FillFailure? {
        switch body.ticket {
        case .some(let ticket):
            if case .failed(let reason) = ticket.phase { reason } else { nil }
        case .none: nil
        }
    }

    /// The response is complete (in the sink at least): the connection is free for the next request.
    mutating func endContext(_ x: UInt32) {
        let c = contexts[x].client.index
        if contexts[x].upload.state != .done { clients[c].cutShort() }
        releaseContext(x)
        clients[c].context = .none
        clients[c].phase = .reading
        endOfResponse(c)
    }

    /// The connection goes away under its context.
    mutating func dropContext(_ x: UInt32) { releaseContext(x) }

    private mutating func releaseContext(_ x: UInt32) {
        leaveQueues(x)
        let e = contexts[x].exchange
        var context = contexts.remove(x)
        timers.cancel(&context.timer)
        if let pin = context.body.pin.take() { lane.unpin(pin) }
        guard e != .max else { return }
        exchanges[e].context = .none
        exchanges[e].uploadIsDone = context.upload.state == .done
        if exchanges[e].permit == nil, !exchanges[e].isFinishing { endExchange(e) }
    }

    /// Answers a waiting request whose fetch failed: with what is stored, if the rules allow stale, else with an error.
    @discardableResult
    mutating func answerFailure(_ x: UInt32, status: UInt16) -> Bool {
        let c = contexts[x].client.index
        var report = contexts[x].report
        report.isStored = false
        let unreachable = contexts[x].failureStatus == 0 || contexts[x].failureStatus == status
        provideSendBuffer(c)
        if let answer = staleAnswer(x, c, unreachable: unreachable) {
            finishFromCache(x, answer)
            return clients.isTaken(c) && clients[c].phase == .reading
        }
        if report.note == .none { report.note = .originFailed }
        releaseContext(x)
        clients[c].context = .none
        clients[c].phase = .reading
        answerOwn(c, status: status, report: report)
        if clients.isTaken(c) { progressLater(c) }
        return true
    }
}
