// The loop's eyes, behind one small interface: descriptors go in with a 64-bit token, events come out one at a time.
// Connections are edge-triggered and registered once, so that a request costs no registration. Here: the interface and
// epoll; RingPoller is the other backend.

internal import CLinux
internal import ControlChannel
internal import Glibc

/// Something happened to a descriptor.
struct PollEvent {
    var token: Token
    var ready: ReadySet
    /// Nothing more will be said of this descriptor unless it is added again.
    var hasEnded = false
}

@safe struct Poller: ~Copyable {
    private static var eventCapacity: Int { 256 }
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var ring: RingPoller?

    /// `.auto` takes what measured best (docs/performance.md): epoll. `.uring` fails where the kernel refuses it.
    static func open(_ wanted: IOBackend = .epoll) throws(PollError) -> Poller {
        if wanted == .uring { return Poller(descriptor: -1, ring: try RingPoller()) }
        let descriptor = cl_epoll_create()
        guard descriptor >= 0 else { throw PollError(call: "epoll_create1", code: cl_errno()) }
        return Poller(descriptor: descriptor, ring: nil)
    }

    private init(descriptor: Int32, ring: consuming RingPoller?) {
        self.descriptor = descriptor
        self.ring = ring
        unsafe events = .allocate(capacity: Self.eventCapacity)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        unsafe events.deallocate()
    }

    /// Which backend serves.
    var backend: IOBackend { ring == nil ? .epoll : .uring }

    /// Both directions, edge-triggered: for connections.
    mutating func addStream(_ fd: Int32, _ token: Token) -> Bool {
        if ring != nil { return ring?.addStream(fd, token) ?? false }
        let interest = UInt32(CL_EPOLLIN | CL_EPOLLOUT | CL_EPOLLRDHUP) | CL_EPOLLET
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    /// Readable, level-triggered: for listeners, eventfds and sockets with messages.
    mutating func addReadable(_ fd: Int32, _ token: Token, exclusive: Bool = false) -> Bool {
        if ring != nil { return ring?.addReadable(fd, token) ?? false }
        let interest = UInt32(CL_EPOLLIN) | (exclusive ? CL_EPOLLEXCLUSIVE : 0)
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    /// Level-triggered, for what is wanted: for sockets of libraries.
    mutating func addLevel(_ fd: Int32, _ token: Token, reads: Bool, writes: Bool) -> Bool {
        let interest = (reads ? UInt32(CL_EPOLLIN) : 0) | (writes ? UInt32(CL_EPOLLOUT) : 0)
        if ring != nil { return ring?.addLevel(fd, token, interest) ?? false }
        return cl_epoll_add(descriptor, fd, interest, token.raw) == 0
    }

    /// No event of this registration is to come, beyond those that the kernel has told of already.
    mutating func remove(_ fd: Int32, _ token: Token) {
        if ring != nil { ring?.remove(token) } else { _ = cl_epoll_delete(descriptor, fd) }
    }

    /// The descriptor is about to be closed. epoll needs no word of it; a ring would keep the socket open.
    @inline(__always)
    mutating func willClose(_ token: Token) {
        if ring != nil { ring?.remove(token) }
    }

    /// Waits for events. Returns how many there are at most (0 on timeout or interruption).
    mutating func wait(timeoutMilliseconds: Int32) -> Int {
        if ring != nil { return min(ring?.wait(timeoutMilliseconds) ?? 0, Self.eventCapacity) }
        let count = unsafe cl_epoll_wait(descriptor, events, Int32(Self.eventCapacity), timeoutMilliseconds)
        return max(Int(count), 0)
    }

    /// The event at `index` of those that `wait` found, to be taken in order. Nil where it meant nothing.
    @inline(__always)
    mutating func event(_ index: Int) -> PollEvent? {
        if ring != nil { return ring?.next() }
        precondition(index < Self.eventCapacity)
        let word = unsafe cl_epoll_event_data(events + index)
        return unsafe PollEvent(token: Token(raw: word), ready: ReadySet(rawValue: events[index].events))
    }
}
