// How long an origin may take, by phase.

internal import ControlChannel

extension Worker {
    private borrowing func originDeadline(_ o: UInt32) -> Int64? {
        let limit: UInt32
        switch origins[o].phase {
        case _ where origins[o].isCheck: limit = settings.health.timeoutMilliseconds
        case .checking: limit = settings.health.timeoutMilliseconds
        case .connecting: limit = connectLimit(o)
        case .handshaking: limit = settings.timeouts.originConnectMilliseconds
        case .idle: limit = settings.timeouts.originIdleMilliseconds
        case .awaitingHead: limit = settings.timeouts.originFirstByteMilliseconds
        case .receivingBody: limit = settings.timeouts.originBetweenBytesMilliseconds
        case .tunnelling: limit = settings.timeouts.tunnelIdleMilliseconds
        case .leaving: limit = 0
        }
        return limit > 0 ? origins[o].lastProgressMilliseconds + Int64(limit) : nil
    }

    /// Where the origin has another address, it is tried beside one that does not answer soon.
    private borrowing func connectLimit(_ o: UInt32) -> UInt32 {
        let limit = settings.timeouts.originConnectMilliseconds
        guard hasRivals(o) else { return limit }
        return limit == 0 ? Self.attemptDelayMilliseconds : min(limit, Self.attemptDelayMilliseconds)
    }

    /// Arms the timer for the phase that begins now.
    mutating func armOriginTimer(_ o: UInt32) {
        timers.cancel(&origins[o].timer)
        guard let deadline = originDeadline(o) else { return }
        origins[o].timer = timers.arm(
            deadlineMilliseconds: deadline, owner: Token(.origin, origins.id(at: o)).raw)
    }

    mutating func originTimerExpired(_ o: UInt32) {
        origins[o].timer = TimerHandle()
        guard let deadline = originDeadline(o) else { return }
        let waitsForOthers = self.waitsForOthers(o)
        if deadline > clock.milliseconds || waitsForOthers {
            if waitsForOthers { origins[o].lastProgressMilliseconds = clock.milliseconds }
            return armOriginTimer(o)
        }
        if hasRivals(o) { return race(o) }
        if origins[o].phase == .idle { return closeOrigin(o) }
        if origins[o].phase == .tunnelling { return endSilentTunnel(o) }
        if !origins[o].isCheck { count(.originTimeouts) }
        originFailed(o, .timeout)
    }

    /// Nobody has said anything in a tunnel for too long, which is nobody's fault.
    private mutating func endSilentTunnel(_ o: UInt32) {
        let e = origins[o].exchange
        guard e != .max, contexts.contains(exchanges[e].context) else { return closeOrigin(o) }
        abortClient(contexts[exchanges[e].context.index].client.index)
    }

    private borrowing func waitsForOthers(_ o: UInt32) -> Bool {
        switch origins[o].phase {
        case .awaitingHead: awaitsUpload(o)
        case .receivingBody: isHeldByClient(o) || isHeldByCache(o)
        default: false
        }
    }

    /// A relay stands still because its client does not read: the origin is not to blame, the client's timer decides. A
    /// fill goes at the origin's pace, whatever one of its clients does.
    private borrowing func isHeldByClient(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max, exchanges[e].permit == nil, !exchanges[e].context.isNone else { return false }
        let client = contexts[exchanges[e].context.index].client
        return clients[client.index].sink.isBlocked
    }

    /// A fill stands still because the cache has no room, which does not last.
    private borrowing func isHeldByCache(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        return e != .max && exchanges[e].permit != nil && exchanges[e].fullSinceMilliseconds != 0
    }
}
