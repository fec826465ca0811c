// Socket calls as the connections want them: errors as negative numbers, spans instead of pointers.

internal import CLinux
internal import Glibc

/// One `send`. Bytes taken or -errno.
func sendSpan(_ descriptor: Int32, _ bytes: RawSpan, more: Bool) -> Int {
    unsafe bytes.withUnsafeBytes { buffer in
        guard let address = buffer.baseAddress, buffer.count > 0 else { return 0 }
        let sent = unsafe cl_send(descriptor, address, buffer.count, more)
        return sent >= 0 ? sent : -Int(cl_errno())
    }
}

/// Whether a negative result means "not now".
@inline(__always)
func isWouldBlock(_ result: Int) -> Bool { result == -Int(EAGAIN) || result == -Int(EINTR) }

func setNoDelay(_ descriptor: Int32) {
    _ = cl_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
}

/// How much the kernel may hold of what it has not sent yet: without a bound a slow reader is given buffers of several
/// MiB. What is on its way is not counted, so that distance costs no speed.
private let maximumUnsentBytes: Int32 = 512 << 10

func boundUnsent(_ descriptor: Int32) {
    _ = cl_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, maximumUnsentBytes)
}

/// The error that ended a non-blocking connect, 0 when it succeeded.
func pendingError(_ descriptor: Int32) -> Int32 {
    var value: Int32 = 0
    let result = unsafe cl_get_option(descriptor, SOL_SOCKET, SO_ERROR, &value)
    return result == 0 ? value : cl_errno()
}

/// Whether there is something to read, the end of the stream included.
func hasArrived(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0
}
