// What the loop's events carry: whom they are about, and what is ready.

internal import CLinux
internal import Glibc

/// What an event (or a timer) is about: a kind, a slab place and the place's generation, in one word.
struct Token: Equatable {
    enum Kind: UInt8 {
        case listener = 1
        case control, wake, client, origin, context, fill, handOver, adoption, tunnel, periodic
        /// Of origins: a check, a question for addresses, the line before it; and the resolver's socket and timer.
        case check, resolve, line, resolver, resolverTimer
        /// The end of a pause in accepting, and the next look at how many connections the others have.
        case pause, rebalancing
    }

    let raw: UInt64

    init(raw: UInt64) { self.raw = raw }

    init(_ kind: Kind, _ id: SlabID) {
        raw = UInt64(kind.rawValue) << 56 | UInt64(id.generation & 0xff_ffff) << 32 | UInt64(id.index)
    }

    init(_ kind: Kind, index: UInt32 = 0) {
        raw = UInt64(kind.rawValue) << 56 | UInt64(index)
    }

    var kind: Kind? { Kind(rawValue: UInt8(raw >> 56)) }
    var index: UInt32 { UInt32(truncatingIfNeeded: raw) }
    /// The low 24 bits of the generation: an event would have to survive eight million reuses of its place to be
    /// mistaken.
    var generation: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) & 0xff_ffff }
}

extension Slab where Element: ~Copyable {
    /// Whether the token still means the value in its place.
    @inline(__always)
    func contains(_ token: Token) -> Bool {
        isTaken(token.index) && id(at: token.index).generation & 0xff_ffff == token.generation
    }
}

struct ReadySet: OptionSet {
    let rawValue: UInt32
    static let readable = ReadySet(rawValue: 1)
    static let writable = ReadySet(rawValue: 4)
    static let error = ReadySet(rawValue: 8)
    static let hangUp = ReadySet(rawValue: 0x10)
    /// The peer has shut down its sending side.
    static let peerClosed = ReadySet(rawValue: 0x2000)
}

struct PollError: Error {
    let call: StaticString
    let code: Int32

    /// For the operator, with what to do.
    var explanation: String {
        switch (code, call.description) {
        case (ENOSYS, "io_uring_setup"), (EPERM, "io_uring_setup"), (EACCES, "io_uring_setup"):
            "io_uring is refused here, by the kernel (sysctl kernel.io_uring_disabled) or a sandbox (errno \(code)); "
                + "use --io auto or --io epoll"
        case (EINVAL, "io_uring_setup"): "io_uring needs Linux 6.1 or later; use --io auto or --io epoll"
        default: "event loop: \(call): errno \(code)"
        }
    }
}
