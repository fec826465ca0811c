// When a worker has as many connections as it can have: it lets new ones wait in their queue for a moment, instead of
// being told of them in every turn, and keeps some descriptors back for what it needs to go on at all.

internal import CLinux
internal import Glibc

/// Which descriptor numbers go to whom. The kernel gives the lowest that is free, so a number tells how many are taken.
struct DescriptorRoom {
    /// Kept back from clients: for origins, and for what the supervisor and siblings send.
    private static var reserve: Int32 { 32 }
    let limit: Int32

    init(limit: Int32) { self.limit = limit }

    /// This process's, now.
    static func now() -> DescriptorRoom {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return DescriptorRoom(limit: .max)
        }
        return DescriptorRoom(limit: Int32(clamping: limit.rlim_cur))
    }

    /// Whether another client may come after the one with this descriptor.
    @inline(__always)
    func admits(after descriptor: Int32) -> Bool { descriptor < limit - Self.reserve }

    /// Whether a connection to an origin may have this one.
    func lends(_ descriptor: Int32) -> Bool { descriptor < limit - Self.reserve / 2 }

    static func isLacking(_ error: Int32) -> Bool {
        error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM
    }
}

extension Worker {
    private static var pauseMilliseconds: Int64 { 50 }
    private static var saysAgainMilliseconds: Int64 { 60_000 }

    /// Lets new connections wait until there is room again.
    mutating func pauseAccepting() {
        guard !accepting.pause.isArmed else { return }
        accepting.room = .now()
        for slot in accepting.slots { unwatchListeners(slot) }
        armPause()
        guard accepting.saysAgainMilliseconds <= clock.milliseconds else { return }
        accepting.saysAgainMilliseconds = clock.milliseconds + Self.saysAgainMilliseconds
        WorkerMain.report(
            clients.isFull
                ? "martlet-worker: \(clients.count) connections (limits.connections): new ones wait until others end"
                : "martlet-worker: too many open descriptors (limit \(accepting.room.limit)): new connections wait "
                    + "until others end; raise the limit (ulimit -n)")
    }

    private mutating func armPause() {
        accepting.pause = timers.arm(
            deadlineMilliseconds: clock.milliseconds + Self.pauseMilliseconds, owner: Token(.pause).raw)
    }

    mutating func pauseExpired() {
        accepting.pause = TimerHandle()
        accepting.room = .now()
        guard hasRoom else { return armPause() }
        for slot in accepting.slots { watchListeners(slot) }
    }

    /// Room for a client, as the next descriptor tells.
    private var hasRoom: Bool { !clients.isFull && accepting.room.admits(after: lowestFree) }

    /// The descriptor that the next socket gets; the largest number there is if it gets none.
    var lowestFree: Int32 {
        let next = fcntl(0, F_DUPFD_CLOEXEC, 0)
        guard next >= 0 else { return .max }
        close(next)
        return next
    }
}
