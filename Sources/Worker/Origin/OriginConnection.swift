// One connection to an origin: its socket, what is read and not used, what is to be sent. What is asked over it, and
// for whom, is the exchange's business.

internal import CLinux
internal import Glibc
internal import HTTPMessage

enum OriginPhase: UInt8 {
    case connecting
    /// Connected, agreeing on keys.
    case handshaking
    /// Asks how the origin is; no exchange.
    case checking
    /// In the pool, no exchange.
    case idle
    /// Sending the request and waiting for the response's head.
    case awaitingHead
    case receivingBody
    /// The two directions of an upgraded connection.
    case tunnelling
    /// On its way to another worker, with its tunnel: not touched until that one has answered.
    case leaving
}

struct OriginConnection: ~Copyable {
    let descriptor: Int32
    /// Index into the configuration's origins.
    let origin: UInt16
    var phase = OriginPhase.connecting
    /// Index of the exchange, or `.max` while idle.
    var exchange = UInt32.max
    /// While connecting without one: whose request it was opened for, see Racing.
    var racesFor = SlabID.none
    /// Response bytes; an idle connection has none.
    var input: Buffer?
    /// The bytes received and not yet consumed: of an answer whose head is being looked at, all that is there.
    var answer: RawSpan {
        @_lifetime(borrow self) borrowing get { readableBytes(input) }
    }
    /// Request bytes the socket has not taken.
    var output: Buffer?
    /// Nil where the origin speaks plain HTTP.
    var tls: TLSStream?
    /// Belongs to a health check.
    var isCheck = false
    var addressRevision: UInt32 = 0
    /// Which of the addresses it goes to, see `OriginPool`.
    var addressTurn: UInt32 = 0
    var mayRead = true
    /// The kernel has told of the peer's end of stream: it comes after the bytes, and nobody will say so again.
    var endAnnounced = false
    var mayWrite = false
    /// Of a tunnel: the end was read, which comes once. The tunnel ends when the client has all that came before it.
    var hasEnded = false
    var exchangesServed: UInt32 = 0
    var lastProgressMilliseconds: Int64
    var timer = TimerHandle()
    /// It is in the pool's list of idle connections.
    var isPooled = false
    /// Neighbours there.
    var previousIdle = UInt32.max
    var nextIdle = UInt32.max

    init(descriptor: Int32, origin: UInt16, nowMilliseconds: Int64) {
        self.descriptor = descriptor
        self.origin = origin
        lastProgressMilliseconds = nowMilliseconds
    }

    deinit {
        tls?.close()
        close(descriptor)
    }

    var isSecure: Bool { tls != nil }
    /// The request can be sent.
    var takesRequest: Bool { phase != .connecting && phase != .handshaking && phase != .idle }

    /// Nothing more will be sent.
    mutating func endSending() {
        if isSecure { tls?.close() } else { _ = shutdown(descriptor, Int32(SHUT_WR)) }
    }

    var isReused: Bool { exchangesServed > 0 }
    var hasOutput: Bool { output != nil }
    var outputCount: Int { readableCount(output) }
    var outputSpace: Int { writableCount(output) }

    /// Sends what is pending; how many bytes went, or -errno.
    mutating func flush() -> Int {
        guard outputCount > 0, mayWrite else { return 0 }
        var total = 0
        while outputCount > 0 {
            let sent = sendOutput()
            if sent < 0 {
                guard isWouldBlock(sent) else { return sent }
                mayWrite = false
                return total
            }
            total += sent
            output?.consume(sent)
        }
        return total
    }

    private mutating func sendOutput() -> Int {
        guard isSecure else { return output?.send(to: descriptor, followedBy: RawSpan(), more: false) ?? 0 }
        guard let buffer = output.take() else { return 0 }
        let sent = Self.send(buffer, over: &tls)
        output = consume buffer
        return sent
    }

    private static func send(_ buffer: borrowing Buffer, over tls: inout TLSStream?) -> Int {
        tls?.send(buffer.readable) ?? -Int(EBADF)
    }

    /// One read into the input buffer: bytes, 0 at the end, -errno. A short read means the kernel has no more.
    mutating func receive() -> Int {
        input?.compact()
        let space = writableCount(input)
        guard space > 0 else { return -Int(ENOBUFS) }
        if isSecure { return receiveSecurely() }
        let received = input?.receive(from: descriptor) ?? -Int(EBADF)
        if received > 0, received < space, !endAnnounced { mayRead = false }
        return received
    }

    /// Whether something came that nobody asked for. An event alone does not say so: it may be of what was read since,
    /// or of a record that only TLS needs.
    mutating func spokeUnasked() -> Bool {
        mayRead = isSecure ? tls?.isReadable() ?? true : hasArrived(descriptor) || cl_errno() != EAGAIN
        return mayRead
    }

    /// One record at most; the library may hold more, so that only its word says that there is none.
    private mutating func receiveSecurely() -> Int {
        guard var buffer = input.take() else { return -Int(EBADF) }
        let received = Self.receive(&tls, into: &buffer)
        buffer.commit(max(received, 0))
        input = consume buffer
        return received
    }

    private static func receive(_ tls: inout TLSStream?, into buffer: inout Buffer) -> Int {
        var space = buffer.space()
        return tls?.receive(into: &space) ?? -Int(EBADF)
    }
}
