// From an empty process to a worker that can serve: collects what the supervisor sends over descriptor 3, attaches to
// both regions, and says ready or why not. Nothing is accepted here.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import ShmCache

/// Why a worker cannot start; the text goes to the supervisor, which tells the operator.
struct StartupFailure: Error {
    let reason: String
}

/// What the supervisor hands to a worker before it serves.
struct Provisions: ~Copyable {
    var assignment: Assignment
    var cacheDescriptor: Int32
    var nodeDescriptor: Int32
    var configurationDescriptor: Int32
    /// A listening SOCK_SEQPACKET socket for adoption, or -1.
    var adoptionDescriptor: Int32
    /// By lane; -1 where none came.
    var eventDescriptors: [Int32] = []
    var listeners: [ListenerDescriptor] = []
}

struct ListenerDescriptor {
    var place: ListenerPlace
    var descriptor: Int32
}

extension Provisions {
    /// Reads messages until the last listener has arrived.
    static func collect(_ socket: inout WorkerControlSocket) throws(StartupFailure) -> Provisions {
        guard case (.assign(let assignment), let descriptors) = try next(&socket) else {
            throw StartupFailure(reason: "the first control message was not an assignment")
        }
        guard descriptors.count >= 3 else { throw lacking(4, descriptors.count) }
        var provisions = Provisions(
            assignment: assignment, cacheDescriptor: descriptors[0], nodeDescriptor: descriptors[1],
            configurationDescriptor: descriptors[2], adoptionDescriptor: descriptors.count > 3 ? descriptors[3] : -1)
        while true {
            let (message, descriptors) = try next(&socket)
            if try provisions.take(message, descriptors) { return provisions }
        }
    }

    /// True after the last listener.
    private mutating func take(
        _ message: SupervisorMessage, _ descriptors: [Int32]
    ) throws(StartupFailure) -> Bool {
        switch message {
        case .eventDescriptors(let firstLane, let count):
            guard descriptors.count == Int(count) else { throw Self.lacking(Int(count), descriptors.count) }
            for (offset, descriptor) in descriptors.enumerated() {
                let lane = Int(firstLane) + offset
                while eventDescriptors.count <= lane { eventDescriptors.append(-1) }
                eventDescriptors[lane] = descriptor
            }
            return false
        case .listeners(let places, let last):
            guard places.count == descriptors.count else { throw Self.lacking(places.count, descriptors.count) }
            for (place, descriptor) in zip(places, descriptors) {
                listeners.append(ListenerDescriptor(place: place, descriptor: descriptor))
            }
            return last
        default:
            throw StartupFailure(reason: "an unexpected control message (type \(message.type)) before the listeners")
        }
    }

    /// The kernel leaves out what the limit has no room for.
    private static func lacking(_ expected: Int, _ found: Int) -> StartupFailure {
        StartupFailure(
            reason: "\(expected) descriptors announced, \(found) received: too many open descriptors (ulimit -n)?")
    }

    /// The next message, waiting for it.
    private static func next(
        _ socket: inout WorkerControlSocket
    ) throws(StartupFailure) -> (SupervisorMessage, [Int32]) {
        while true {
            let received: Received<SupervisorMessage>
            do { received = try socket.receive() } catch {
                throw StartupFailure(reason: "control channel: \(error)")
            }
            switch received {
            case .message(let message, let descriptors): return (message, descriptors)
            case .closed: throw StartupFailure(reason: "the supervisor closed the control channel")
            case .nothing:
                var wait = pollfd(fd: socket.fd, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            }
        }
    }
}
