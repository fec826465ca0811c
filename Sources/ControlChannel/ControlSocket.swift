// One end of a SOCK_SEQPACKET socket that carries typed messages with descriptors. It never blocks: what the socket
// does not take is queued, in order, and sent by `flush` when the descriptor is writable.
import CLinux
import Glibc

/// A descriptor on its way to another process.
package struct PassedDescriptor: Equatable, Sendable {
    package var fd: Int32
    /// Whether the sender's own copy is closed once the message is out (or will never be).
    package var closesAfterSending: Bool

    package static func keeping(_ fd: Int32) -> Self { Self(fd: fd, closesAfterSending: false) }
    package static func giving(_ fd: Int32) -> Self { Self(fd: fd, closesAfterSending: true) }
}

/// What `receive` found.
package enum Received<Message: ControlMessage>: Equatable, Sendable {
    /// The receiver owns the descriptors.
    case message(Message, descriptors: [Int32])
    /// Nothing to read now.
    case nothing
    case closed
}

package typealias WorkerControlSocket = ControlSocket<WorkerMessage, SupervisorMessage>
package typealias SupervisorControlSocket = ControlSocket<SupervisorMessage, WorkerMessage>
package typealias HandOverSocket = ControlSocket<HandOverMessage, HandOverMessage>

package struct ControlSocket<Outgoing: ControlMessage, Incoming: ControlMessage>: ~Copyable {
    /// -1 after `release`.
    package private(set) var fd: Int32
    private var queue: [(bytes: [UInt8], descriptors: [PassedDescriptor])] = []
    private var buffer: [UInt8] = []

    /// Takes ownership of the descriptor and makes it non-blocking.
    package init(taking fd: Int32) {
        self.fd = fd
        _ = cl_set_nonblocking(fd, true)
    }

    deinit {
        for message in queue { Self.closeGiven(message.descriptors) }
        if fd >= 0 { close(fd) }
    }

    /// Whether messages wait for the socket to become writable.
    package var hasQueued: Bool { !queue.isEmpty }
    package var queuedCount: Int { queue.count }

    /// Sends now if possible, else queues. On an error the given descriptors are closed.
    package mutating func send(_ message: Outgoing, _ descriptors: [PassedDescriptor] = []) throws(ControlError) {
        precondition(descriptors.count <= ControlProtocol.descriptorsPerMessage)
        queue.append((message.encoded(), descriptors))
        try flush()
    }

    /// Sends at once or not at all: false when the socket takes nothing now. The descriptors stay the sender's.
    package mutating func offer(_ message: Outgoing, keeping descriptors: [Int32]) throws(ControlError) -> Bool {
        precondition(descriptors.count <= ControlProtocol.descriptorsPerMessage)
        try flush()
        guard queue.isEmpty else { return false }
        queue.append((message.encoded(), descriptors.map(PassedDescriptor.keeping)))
        try flush()
        guard !queue.isEmpty else { return true }
        queue.removeLast()
        return false
    }

    /// Sends what is queued until the socket is full.
    package mutating func flush() throws(ControlError) {
        while let (bytes, descriptors) = queue.first {
            let fds = descriptors.map(\.fd)
            let sent = unsafe cl_send_descriptors(fd, bytes, bytes.count, fds, Int32(fds.count))
            if sent < 0 {
                let error = cl_errno()
                if error == EINTR { continue }
                if error == EAGAIN || error == ENOBUFS || error == ETOOMANYREFS { return }
                queue.removeFirst()
                Self.closeGiven(descriptors)
                throw error == EPIPE || error == ECONNRESET ? .closed : .system(call: "sendmsg", errno: error)
            }
            queue.removeFirst()
            Self.closeGiven(descriptors)
        }
    }

    /// Takes one message from the socket. A message of an unknown type is skipped.
    package mutating func receive() throws(ControlError) -> Received<Incoming> {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: ControlProtocol.messageBytes) }
        while true {
            var fds = [Int32](repeating: -1, count: ControlProtocol.descriptorsPerMessage + 13)
            var fdCount: Int32 = 0
            let capacity = (bytes: buffer.count, fds: Int32(fds.count))
            let length = unsafe cl_receive_descriptors(fd, &buffer, capacity.bytes, &fds, capacity.fds, &fdCount)
            if length < 0 {
                let error = cl_errno()
                switch error {
                case EINTR: continue
                case EAGAIN: return .nothing
                case ECONNRESET: return .closed
                default: throw .system(call: "recvmsg", errno: error)
                }
            }
            if length == 0 { return .closed }
            let descriptors = Array(fds[0..<Int(fdCount)])
            do {
                if let message = try Incoming.decoded(buffer, length: length) {
                    return .message(message, descriptors: descriptors)
                }
                Self.closeAll(descriptors)
            } catch {
                Self.closeAll(descriptors)
                throw error
            }
        }
    }

    /// Gives up ownership of the descriptor; queued messages are dropped.
    package consuming func release() -> Int32 {
        let released = fd
        fd = -1
        return released
    }

    private static func closeGiven(_ descriptors: [PassedDescriptor]) {
        for descriptor in descriptors where descriptor.closesAfterSending { close(descriptor.fd) }
    }

    private static func closeAll(_ descriptors: [Int32]) {
        for descriptor in descriptors { close(descriptor) }
    }
}
