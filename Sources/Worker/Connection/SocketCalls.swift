// Socket calls as the connections want them: errors as negative numbers, spans instead of pointers.

internal import CLinux
internal import Glibc
internal import HTTPMessage
internal import ShmCache

/// One `send`. Bytes taken or -errno.
func sendSpan(_ descriptor: Int32, _ bytes: RawSpan, more: Bool) -> Int {
    unsafe bytes.withUnsafeBytes { buffer in
        guard let address = buffer.baseAddress, buffer.count > 0 else { return 0 }
        let sent = unsafe cl_send(descriptor, address, buffer.count, more)
        return sent >= 0 ? sent : -Int(cl_errno())
    }
}

/// One `sendfile`. Bytes taken or -errno.
func sendFile(_ descriptor: Int32, _ place: FilePlace, from start: Int, count: Int) -> Int {
    let sent = cl_send_file(descriptor, place.descriptor, place.offset + Int64(start), count)
    return sent >= 0 ? sent : -Int(cl_errno())
}

/// Whether a negative result means "not now".
@inline(__always)
func isWouldBlock(_ result: Int) -> Bool { result == -Int(EAGAIN) || result == -Int(EINTR) }

/// Whether a negative result means that this kernel, or this kind of socket, cannot do it at all: do it otherwise.
@inline(__always)
func isUnsupported(_ result: Int) -> Bool { result == -Int(EINVAL) || result == -Int(ENOSYS) }

/// Has a close end the connection by a reset: whoever reads until the end must see that this is none.
func resetOnClose(_ descriptor: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
}

func setNoDelay(_ descriptor: Int32) {
    _ = cl_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
}

/// Has the kernel keep a new connection to itself until its first bytes have come, a second at most: it is read from at
/// once, and one that says nothing costs a worker nothing (docs/decisions/0016).
func deferAccepting(_ listener: Int32) {
    _ = cl_set_option(listener, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, 1)
}

/// How much the kernel may hold of what it has not sent yet: without a bound a slow reader is given buffers of several
/// MiB. What is on its way is not counted, so that distance costs no speed.
private let maximumUnsentBytes: Int32 = 512 << 10

/// The same of pages of the cache's file, which are there anyway: the fewer times a body is taken up again, the less it
/// costs.
private let maximumUnsentFileBytes: Int32 = 1 << 20

func boundUnsent(_ descriptor: Int32, ofFile: Bool = false) {
    let bytes = ofFile ? maximumUnsentFileBytes : maximumUnsentBytes
    _ = cl_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, bytes)
}

/// How much the kernel may hold that has come and nobody reads, when it passes straight from one side to the other: a
/// window that grows with a fast sender is some MiB by the time the other side stops. The kernel takes this twice, for
/// the bytes and for its own accounts. Only long bodies are bounded, before they come; a fetch into the cache is not:
/// nobody can make it stop.
private let maximumUnreadBytes: Int32 = 384 << 10

func boundUnread(_ descriptor: Int32, of framing: BodyFraming) {
    if case .none = framing { return }
    if case .length(let length) = framing, length <= UInt64(maximumUnreadBytes) { return }
    _ = cl_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, maximumUnreadBytes)
}

/// The error that ended a non-blocking connect, 0 when it succeeded.
func pendingError(_ descriptor: Int32) -> Int32 {
    var value: Int32 = 0
    let result = unsafe cl_get_option(descriptor, SOL_SOCKET, SO_ERROR, &value)
    return result == 0 ? value : cl_errno()
}

/// Whether the peer's kernel has all that was sent. If the stream then ends in good order, the peer has read it too:
/// bytes that nobody has read are answered with a reset.
func hasTakenAll(_ descriptor: Int32) -> Bool { cl_unacknowledged(descriptor) == 0 }

/// Whether there is something to read, the end of the stream included.
func hasArrived(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0
}
