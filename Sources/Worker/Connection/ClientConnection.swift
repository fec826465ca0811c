// One HTTP/1.1 client connection: what the loop must remember between two events. The requests on it live in their own
// contexts; an idle connection holds no buffer at all.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import HTTPMessage

/// Where a client connection stands.
enum ClientPhase: UInt8 {
    /// Waiting for a request, or in the middle of its head.
    case reading
    /// A context is being answered; further requests wait in the buffer.
    case answering
    /// Bytes flow both ways, uninterpreted, after 101.
    case tunnelling
    /// On its way to another worker: not touched until that one has answered.
    case leaving
    /// The last response is sent, our direction is shut: what the client still sends is read and dropped, so that
    /// a reset cannot destroy the response (RFC 9112 section 9.6).
    case lingering
}

struct ClientConnection: ~Copyable {
    var sink: ClientSink
    var descriptor: Int32 { sink.descriptor }
    var phase = ClientPhase.reading
    /// Index into the configuration's addresses, and the slot it was accepted on.
    let address: UInt16
    let slot: UInt16
    /// The partner it is on its way to; of a tunnel also the one that refused it.
    var taker = UInt16.max
    let peer: PeerAddress
    /// The kernel may have bytes (edge-triggered: nobody will say so again).
    var mayRead = true
    /// May be passed on to a sibling when it is new: it came from the kernel, not from one.
    var mayTravel = true
    /// Events of this connection come. Not yet when it was just accepted.
    var isWatched = false
    /// The kernel has told of the client's end of stream: it comes after the bytes, and nobody will say so again.
    var endAnnounced = false
    /// The client has shut down its sending side, and everything before that was read.
    var peerClosed = false
    /// No further request is read from this connection.
    var closesAfterResponse = false
    /// The client was answered in the middle of what it sends: the rest may still be on its way.
    private(set) var isCutShort = false
    /// Idle for too long: a request that comes now is still answered, and told of the close.
    var isLastCall = false
    /// It had its share of a turn and goes on in the next.
    var hasMore = false
    /// Number of the request buffer, or `.max`.
    var request = UInt32.max
    var context = SlabID.none
    /// The rendered answer that is owed and is sent before the turn ends, or `.max`.
    var rendered = UInt16.max
    var requestsServed: UInt32 = 0
    let acceptedMilliseconds: Int64
    /// When the connection last came to rest or made progress; the timer looks here when it expires.
    var lastProgressMilliseconds: Int64
    /// While its worker drains: how much had been sent at the last look, and when that last grew.
    private var sentAtLastLook: UInt64 = 0
    private var movedMilliseconds = Int64.min / 2
    var timer = TimerHandle()
    /// When the armed timer expires.
    var timerMilliseconds: Int64 = 0

    init(
        descriptor: Int32, address: UInt16, slot: UInt16, peer: PeerAddress, nowMilliseconds: Int64
    ) {
        sink = ClientSink(descriptor: descriptor)
        self.address = address
        self.slot = slot
        self.peer = peer
        acceptedMilliseconds = nowMilliseconds
        lastProgressMilliseconds = nowMilliseconds
    }

    deinit { close(sink.descriptor) }

    /// Looks whether bytes have gone to the client since the last look; says when they last had. A look now and then
    /// costs those who are served nothing.
    mutating func noteMovement(_ nowMilliseconds: Int64) -> Int64 {
        if sink.bytesSent != sentAtLastLook {
            sentAtLastLook = sink.bytesSent
            movedMilliseconds = nowMilliseconds
        }
        return movedMilliseconds
    }

    /// The answer that is owed is the last one, and nobody waits for the rest of its request.
    mutating func cutShort() {
        closesAfterResponse = true
        isCutShort = true
    }

    /// Between requests, with nothing read and nothing owed.
    var isIdle: Bool {
        @inline(__always) get { phase == .reading && request == .max && !sink.hasPending }
    }
}

/// A client's address in 20 bytes.
struct PeerAddress {
    /// IPv4 addresses are in the last four bytes.
    var bytes: InlineArray<16, UInt8>
    var port: UInt16
    var isIPv6: Bool
    var isLocalSocket: Bool

    static var local: PeerAddress {
        PeerAddress(bytes: InlineArray(repeating: 0), port: 0, isIPv6: false, isLocalSocket: true)
    }

    init(bytes: InlineArray<16, UInt8>, port: UInt16, isIPv6: Bool, isLocalSocket: Bool) {
        self.bytes = bytes
        self.port = port
        self.isIPv6 = isIPv6
        self.isLocalSocket = isLocalSocket
    }

    /// From what accept filled in.
    init(_ storage: sockaddr_storage) {
        self = .local
        var copy = storage
        let family = Int32(copy.ss_family)
        unsafe withUnsafeBytes(of: &copy) { raw in
            if family == AF_INET {
                let address = unsafe raw.loadUnaligned(as: sockaddr_in.self)
                setIPv4(address.sin_addr.s_addr.bigEndian)
                port = UInt16(bigEndian: address.sin_port)
            } else if family == AF_INET6 {
                port = UInt16(bigEndian: unsafe raw.loadUnaligned(as: sockaddr_in6.self).sin6_port)
                isIPv6 = true
                for i in 0..<16 { unsafe bytes[i] = raw[8 + i] }
            }
        }
        isLocalSocket = family != AF_INET && family != AF_INET6
    }

    private mutating func setIPv4(_ address: UInt32) {
        for i in 0..<4 { bytes[12 + i] = UInt8(truncatingIfNeeded: address >> UInt32(24 - 8 * i)) }
    }

    /// As in X-Forwarded-For: without brackets or port.
    func write(into sink: inout ByteSink) {
        if isLocalSocket {
            sink.append("unknown")
        } else if isIPv6 {
            writeIPv6(into: &sink)
        } else {
            for i in 12..<16 {
                if i > 12 { sink.append(UInt8(ascii: ".")) }
                sink.appendDecimal(UInt64(bytes[i]))
            }
        }
    }

    /// RFC 5952 without run compression beyond the first longest run of zero groups.
    private func writeIPv6(into sink: inout ByteSink) {
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, group(end) == 0 { end += 1 }
            if end - index > max(best.count, 1) { best = index..<end }
            index = max(end, index + 1)
        }
        index = 0
        while index < 8 {
            if index == best.lowerBound, !best.isEmpty {
                sink.append("::")
                index = best.upperBound
                continue
            }
            if index > 0, index != best.upperBound || best.isEmpty { sink.append(UInt8(ascii: ":")) }
            sink.appendHexadecimal(UInt64(group(index)))
            index += 1
        }
    }

    private func group(_ index: Int) -> UInt16 {
        UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1])
    }
}
