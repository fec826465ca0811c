// How long a client may take, by phase. A timer is armed at the earliest deadline and looks again when it expires, so
// that progress on a connection costs one store.

internal import ControlChannel
internal import Glibc

extension Worker {
    /// Lingering (RFC 9112 section 9.6) is a courtesy: two seconds.
    private static var lingerMilliseconds: Int64 { 2_000 }

    /// A request that crosses the end of the idle time is still answered for so long (RFC 9112 section 9.5).
    private static var lastCallMilliseconds: Int64 { 1_000 }

    /// When the phase that the connection is in has lasted too long; nil when it may last for ever.
    private mutating func clientDeadline(_ c: UInt32) -> Int64? {
        let since = clients[c].lastProgressMilliseconds
        let limit: Int64
        switch clients[c].phase {
        case .leaving: limit = 0
        case .lingering: limit = Self.lingerMilliseconds
        case .tunnelling: limit = Int64(settings.timeouts.tunnelIdleMilliseconds)
        case .answering:
            // The origin has a timer of its own; here it is the client that does not read, or does not send.
            if !clients[c].sink.isBlocked { return uploadDeadline(c) }
            limit = Int64(settings.timeouts.sendMilliseconds)
        case .reading:
            if clients[c].sink.isBlocked {
                limit = Int64(settings.timeouts.sendMilliseconds)
            } else if clients[c].request != .max {
                limit = Int64(settings.timeouts.requestHeadMilliseconds)
            } else {
                let idle = Int64(settings.timeouts.idleMilliseconds)
                limit = idle > 0 && clients[c].isLastCall ? idle + Self.lastCallMilliseconds : idle
            }
        }
        return limit > 0 ? since + limit : nil
    }

    @inline(never)
    private borrowing func uploadDeadline(_ c: UInt32) -> Int64? {
        let limit = Int64(settings.timeouts.requestBodyMilliseconds)
        guard limit > 0, let since = owesBody(c) else { return nil }
        return since + limit
    }

    /// Makes sure that the timer expires no later than the current phase's deadline.
    mutating func armClientTimer(_ c: UInt32) {
        guard let deadline = clientDeadline(c) else { return }
        if clients[c].timer.isArmed {
            guard deadline < clients[c].timerMilliseconds else { return }
            timers.cancel(&clients[c].timer)
        }
        let owner = Token(.client, clients.id(at: c)).raw
        clients[c].timer = timers.arm(deadlineMilliseconds: deadline, owner: owner)
        clients[c].timerMilliseconds = deadline
    }

    mutating func clientTimerExpired(_ c: UInt32) {
        clients[c].timer = TimerHandle()
        guard let deadline = clientDeadline(c) else { return }
        guard deadline <= clock.milliseconds else { return armClientTimer(c) }
        switch clients[c].phase {
        case .reading where clients[c].request != .max && !clients[c].sink.isBlocked:
            refuse(c, status: 408)
            if clients.isTaken(c) { progress(c) }
        case .answering where !clients[c].sink.isBlocked: uploadExpired(c)
        case .reading where clients[c].isIdle && !clients[c].isLastCall:
            clients[c].isLastCall = true
            armClientTimer(c)
        case .reading where clients[c].isIdle:
            endIdle(c)
        default:
            abortClient(c)
        }
    }
}
