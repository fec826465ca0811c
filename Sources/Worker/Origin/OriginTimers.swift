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

    /// An address that does not answer is given up early where the origin has another one to try. A lost SYN is sent
    /// again after a second, and that is waited for (RFC 8305 section 5 wants 0.1 to 2 s between attempts).
    private borrowing func connectLimit(_ o: UInt32) -> UInt32 {
        let limit = settings.timeouts.originConnectMilliseconds
        let e = origins[o].exchange
        let others = upstreams[Int(origins[o].origin)].addresses.count - 1
        guard e != .max, Int(exchanges[e].failuresHere) < others else { return limit }
        return limit == 0 ? Self.attemptMilliseconds : min(limit, Self.attemptMilliseconds)
    }

    private static var attemptMilliseconds: UInt32 { 1_200 }

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
        let waitsForClient = origins[o].phase == .receivingBody && isHeldByClient(o)
        if deadline > clock.milliseconds || waitsForClient {
            if waitsForClient { origins[o].lastProgressMilliseconds = clock.milliseconds }
            return armOriginTimer(o)
        }
        if origins[o].phase == .idle {
            pool.remove(o, &origins)
            return closeOrigin(o)
        }
        if !origins[o].isCheck { count(.originTimeouts) }
        originFailed(o, .timeout)
    }

    /// A relay stands still because its client does not read: the origin is not to blame, the client's timer decides.
    private borrowing func isHeldByClient(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max, !exchanges[e].context.isNone else { return false }
        let client = contexts[exchanges[e].context.index].client
        return clients[client.index].sink.isBlocked
    }
}
