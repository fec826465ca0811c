// The loop's eyes by io_uring: connections are polled by one lasting request each, and whatever is queued in a turn
// goes to the kernel with the wait that ends it. Bytes are still moved by the connections: no buffer is ever in the
// kernel's hands between turns, so a connection can be closed or handed over at any moment.

internal import CLinux
internal import Glibc

@safe struct RingPoller: ~Copyable {
    private static var entries: UInt32 { 1024 }
    private let ring: OpaquePointer
    /// Descriptors that are told of as long as they are ready: asked about again after each event.
    private var lasting: [(token: Token, fd: Int32, interest: UInt32)] = []
    /// Those of them whose event has come.
    private var fired: [Token] = []

    init() throws(PollError) {
        guard let opened = unsafe cl_ring_open(Self.entries) else {
            throw PollError(call: "io_uring_setup", code: cl_errno())
        }
        unsafe ring = opened
        fired.reserveCapacity(64)
    }

    deinit { unsafe cl_ring_close(ring) }

    mutating func addStream(_ fd: Int32, _ token: Token) -> Bool {
        let interest = UInt32(POLLIN) | UInt32(POLLOUT) | UInt32(CL_EPOLLRDHUP)
        return unsafe cl_ring_poll(ring, fd, interest, token.raw, true) == 0
    }

    mutating func addReadable(_ fd: Int32, _ token: Token) -> Bool { addLevel(fd, token, UInt32(POLLIN)) }

    mutating func addLevel(_ fd: Int32, _ token: Token, _ interest: UInt32) -> Bool {
        lasting.append((token, fd, interest))
        return unsafe cl_ring_poll(ring, fd, interest, token.raw, false) == 0
    }

    mutating func remove(_ token: Token) {
        if !isConnection(token) { lasting.removeAll { $0.token == token } }
        _ = unsafe cl_ring_cancel(ring, token.raw)
    }

    private func isConnection(_ token: Token) -> Bool { token.kind == .client || token.kind == .origin }

    mutating func wait(_ timeoutMilliseconds: Int32) -> Int {
        askAgain()
        _ = unsafe cl_ring_wait(ring, timeoutMilliseconds)
        return Int(unsafe cl_ring_ready(ring))
    }

    /// A request for one event was answered: the next one, if the descriptor is still of interest. Readiness that lasts
    /// is told of at once.
    private mutating func askAgain() {
        while let token = fired.popLast() {
            guard let place = lasting.firstIndex(where: { $0.token == token }) else { continue }
            _ = unsafe cl_ring_poll(ring, lasting[place].fd, lasting[place].interest, token.raw, false)
        }
    }

    mutating func next() -> PollEvent? {
        var completion = cl_completion()
        guard unsafe cl_ring_take(ring, &completion) else { return nil }
        let token = Token(raw: completion.data)
        guard completion.result >= 0 else {
            guard completion.result != -ECANCELED else { return nil }
            return PollEvent(token: token, ready: .error)
        }
        if !completion.more, !isConnection(token) { fired.append(token) }
        let ready = ReadySet(rawValue: UInt32(bitPattern: completion.result))
        return PollEvent(token: token, ready: ready, hasEnded: !completion.more && isConnection(token))
    }
}
