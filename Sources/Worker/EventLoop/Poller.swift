// The epoll side of the loop: registers descriptors with a 64-bit token and hands events back one at a time.
// Connections are edge-triggered and registered once, so that a request costs no epoll_ctl.

internal import CLinux
internal import Glibc

/// What an event (or a timer) is about: a kind, a slab place and the place's generation, in one word.
struct Token: Equatable {
    enum Kind: UInt8 {
        case listener = 1, control, wake, client, origin, context, fill, handOver, adoption, tunnel, periodic
        /// Of origins: a check, a question for addresses, the line before it; and the resolver's socket and timer.
        case check, resolve, line, resolver, resolverTimer
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
}

@safe struct Poller: ~Copyable {
    private static var eventCapacity: Int { 256 }
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(PollError) {
        descriptor = cl_epoll_create()
        guard descriptor >= 0 else { throw PollError(call: "epoll_create1", code: cl_errno()) }
        unsafe events = .allocate(capacity: Self.eventCapacity)
    }

    deinit {
        close(descriptor)
        unsafe events.deallocate()
    }

    /// Both directions, edge-triggered: for connections.
    func addStream(_ fd: Int32, _ token: Token) -> Bool {
        let interest = UInt32(CL_EPOLLIN | CL_EPOLLOUT | CL_EPOLLRDHUP) | CL_EPOLLET
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    /// Readable, level-triggered: for listeners, eventfds and the control channel.
    func addReadable(_ fd: Int32, _ token: Token, exclusive: Bool = false) -> Bool {
        let interest = UInt32(CL_EPOLLIN) | (exclusive ? CL_EPOLLEXCLUSIVE : 0)
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    /// Level-triggered, for what is wanted: for sockets of libraries.
    func addLevel(_ fd: Int32, _ token: Token, reads: Bool, writes: Bool) -> Bool {
        let interest = (reads ? UInt32(CL_EPOLLIN) : 0) | (writes ? UInt32(CL_EPOLLOUT) : 0)
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    func remove(_ fd: Int32) { _ = cl_epoll_delete(descriptor, fd) }

    /// Waits for events. Returns how many there are (0 on timeout or interruption).
    func wait(timeoutMilliseconds: Int32) -> Int {
        let count = unsafe cl_epoll_wait(descriptor, events, Int32(Self.eventCapacity), timeoutMilliseconds)
        return max(Int(count), 0)
    }

    func event(_ index: Int) -> (token: Token, ready: ReadySet) {
        precondition(index < Self.eventCapacity)
        let word = unsafe cl_epoll_event_data(events + index)
        return unsafe (Token(raw: word), ReadySet(rawValue: events[index].events))
    }
}
