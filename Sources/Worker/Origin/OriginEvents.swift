// What an origin connection does when its socket or its timer says so.

internal import CLinux
internal import CachePolicy
internal import ControlChannel
internal import Glibc
internal import HTTPMessage

/// Why an exchange failed before a response could be used.
enum ExchangeFailure {
    /// No connection, or it ended without an answer.
    case unreachable
    case timeout
    /// The answer is not HTTP, or broken.
    case badAnswer
    /// This node could not even ask.
    case node
    /// No TLS connection that can be trusted.
    case insecure
    /// Every connection was taken for too long.
    case busy
}

extension Worker {
    mutating func originReady(_ o: UInt32, _ ready: ReadySet) {
        let id = origins.id(at: o)
        if origins[o].phase == .leaving { return }
        var ready = ready
        if origins[o].phase == .connecting {
            guard ready.contains(.writable) || ready.contains(.error) || ready.contains(.hangUp) else { return }
            guard connected(o) else { return }
        }
        if origins[o].phase == .handshaking {
            guard shakeHands(o) else { return }
            ready.formUnion([.readable, .writable])
        }
        // Under TLS each direction may wait for the other.
        if origins[o].isSecure, ready.contains(.readable) { ready.insert(.writable) }
        if ready.contains(.writable) { origins[o].mayWrite = true }
        let readable: ReadySet = [.readable, .peerClosed, .hangUp, .error]
        if !ready.isDisjoint(with: readable) { origins[o].mayRead = true }
        if !ready.isDisjoint(with: [.peerClosed, .hangUp, .error]) { origins[o].endAnnounced = true }
        if ready.contains(.writable) {
            flushOrigin(o)
            guard origins.contains(id) else { return }
        }
        progressOrigin(o)
    }

    /// The connection attempt has ended. False when it failed (and is dealt with).
    private mutating func connected(_ o: UInt32) -> Bool {
        let error = pendingError(origins[o].descriptor)
        guard error == 0 else {
            pool.addressFailed(origins[o].origin, turn: origins[o].addressTurn)
            originFailed(o, .unreachable)
            return false
        }
        if origins[o].exchange == .max, !origins[o].isCheck, !winsRace(o) {
            closeOrigin(o)
            return false
        }
        origins[o].mayWrite = true
        if upstreams[Int(origins[o].origin)].origin.scheme == .https { return beginHandshake(o) }
        origins[o].phase = origins[o].isCheck ? .checking : .awaitingHead
        origins[o].lastProgressMilliseconds = clock.milliseconds
        armOriginTimer(o)
        return true
    }

    /// Sends what waits for this origin, then lets an upload go on.
    mutating func flushOrigin(_ o: UInt32) {
        let sent = origins[o].flush()
        if sent < 0 { return originSendFailed(o) }
        if sent > 0 {
            count(.bytesToOrigin, UInt64(sent))
            origins[o].lastProgressMilliseconds = clock.milliseconds
        }
        let e = origins[o].exchange
        guard e != .max, origins[o].outputCount == 0 else { return }
        let context = exchanges[e].context
        guard !context.isNone, origins[o].phase != .connecting, origins[o].phase != .handshaking else { return }
        if origins[o].phase == .tunnelling { return progress(contexts[context.index].client.index) }
        guard contexts[context.index].upload.state == .flowing else { return }
        if sent > 0 { contexts[context.index].lastProgressMilliseconds = clock.milliseconds }
        pumpUpload(context.index)
    }

    /// A send failed. The origin may have answered before it closed: what it said is read first.
    private mutating func originSendFailed(_ o: UInt32) {
        origins[o].mayWrite = false
        // A tunnel has no answer that could be whole without what was not sent: it keeps that until it ends.
        if origins[o].phase != .tunnelling, let output = origins[o].output.take() { buffers.give(output) }
        let e = origins[o].exchange
        if e != .max, !exchanges[e].context.isNone { abandonUpload(exchanges[e].context.index) }
        origins[o].mayRead = true
        progressOrigin(o)
    }

    /// Most steps of one origin connection in one turn: half a MiB of body, about.
    private static var originStepsPerTurn: Int { 8 }

    /// Goes on with the origins that had more to say than the last turn listened to.
    mutating func hearTalkative() {
        guard !talkative.isEmpty else { return }
        let count = talkative.count
        for index in 0..<count where origins.contains(talkative[index]) { progressOrigin(talkative[index].index) }
        talkative.removeFirst(count)
    }

    mutating func progressOrigin(_ o: UInt32) {
        let id = origins.id(at: o)
        var steps = 0
        while origins.contains(id) {
            guard steps < Self.originStepsPerTurn else { return talkative.append(id) }
            steps += 1
            let goesOn: Bool
            switch origins[o].phase {
            case .connecting, .handshaking, .leaving: goesOn = false
            case .checking: goesOn = progressCheck(o)
            case .idle: goesOn = idleOriginSpoke(o)
            case .awaitingHead: goesOn = progressHead(o)
            case .receivingBody: goesOn = progressResponseBody(o)
            case .tunnelling:
                tunnelOriginReady(o)
                goesOn = false
            }
            if !goesOn { return }
        }
    }

    /// A pooled connection became readable: it was closed, or says something nobody asked for. Either way it is
    /// useless.
    private mutating func idleOriginSpoke(_ o: UInt32) -> Bool {
        guard origins[o].spokeUnasked() else { return false }
        closeOrigin(o)
        return false
    }

    /// Reads into the buffer. False when nothing came (the connection may be gone).
    mutating func receiveFromOrigin(_ o: UInt32) -> OriginReceipt {
        guard origins[o].mayRead else { return .nothing }
        let received = origins[o].receive()
        if received > 0 {
            count(.bytesFromOrigin, UInt64(received))
            origins[o].lastProgressMilliseconds = clock.milliseconds
            return .bytes
        }
        if received == -Int(ENOBUFS) { return .full }
        if received < 0, isWouldBlock(received) {
            origins[o].mayRead = false
            return .nothing
        }
        origins[o].mayRead = false
        return received == 0 ? .end : .failed
    }

    /// The exchange on this connection cannot get (more of) a response over it. `hasRead`: the origin has the request,
    /// and closed in good order after that.
    mutating func originFailed(_ o: UInt32, _ failure: ExchangeFailure, hasRead: Bool = false) {
        if origins[o].isCheck { return endCheck(o, isGood: false) }
        let e = origins[o].exchange
        origins[o].exchange = .max
        let server = Int(origins[o].origin)
        let race = origins[o].racesFor
        let wasReused = origins[o].isReused
        let wasConnecting = origins[o].phase == .connecting || origins[o].phase == .handshaking
        if wasConnecting, failure == .timeout {
            pool.addressFailed(origins[o].origin, turn: origins[o].addressTurn)
        }
        closeOrigin(o)
        guard e != .max else { return losesRace(race, failure) }
        exchanges[e].connection = .max
        // Who may answer with what is stored need not ask an origin twice that closes without an answer; and one that
        // was asked about what is stored, has read that and closes, was no dead connection.
        let isAnswer = hasRead && exchanges[e].hasStored
        let isStale = wasReused && failure == .unreachable && exchanges[e].fallback == .never && !isAnswer
        if isStale, mayRetry(e) { return attempt(e) }
        noteFailure(of: server)
        if wasConnecting { return notSent(e, failure) }
        failExchange(e, failure)
    }

    mutating func closeOrigin(_ o: UInt32) {
        if origins[o].isPooled { pool.remove(o, &origins) }
        poller.willClose(Token(.origin, origins.id(at: o)))
        var connection = origins.remove(o)
        timers.cancel(&connection.timer)
        pool.closed(connection.origin)
        if let buffer = connection.input.take() { buffers.give(buffer) }
        if let buffer = connection.output.take() { buffers.give(buffer) }
    }

    /// The response is complete and nothing is left over: the connection may serve again.
    mutating func releaseOrigin(_ o: UInt32, keepAlive: Bool) {
        origins[o].exchange = .max
        keepSession(o)
        // An end that was told of together with the last bytes will not be told of again.
        let clean =
            readableCount(origins[o].input) == 0 && origins[o].outputCount == 0 && !origins[o].endAnnounced
        let isCurrent = origins[o].addressRevision == upstreams[Int(origins[o].origin)].addressRevision
        guard keepAlive, clean, isCurrent, pool.mayKeep(origins[o].origin), !isStopping else { return closeOrigin(o) }
        origins[o].exchangesServed += 1
        origins[o].phase = .idle
        origins[o].lastProgressMilliseconds = clock.milliseconds
        if let buffer = origins[o].input.take() { buffers.give(buffer) }
        if let buffer = origins[o].output.take() { buffers.give(buffer) }
        pool.push(o, &origins)
        armOriginTimer(o)
    }
}

enum OriginReceipt {
    case bytes, nothing, end, failed, full
}
