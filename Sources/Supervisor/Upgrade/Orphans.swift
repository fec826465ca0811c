// Workers whose supervisor died: found by their sockets in the runtime directory, asked for everything that makes up a
// node, and taken over. Runs before the node's loop exists, so it may wait, but never long for one worker.
import CLinux
import ControlChannel
import Glibc

/// One worker that answered, with its copies of the node's descriptors.
final class Orphan {
    let state: OrphanState
    let control: Int32
    var regions: [Int32]
    var events: [Int32] = []
    var listeners: [ListenerPlace: Int32] = [:]
    let snapshot: ConfigurationSnapshot

    fileprivate init(state: OrphanState, control: Int32, regions: [Int32], snapshot: ConfigurationSnapshot) {
        self.state = state
        self.control = control
        self.regions = regions
        self.snapshot = snapshot
    }

    /// Closes the copies of what another orphan handed over as well.
    func closeCopies(keepingConfiguration: Bool) {
        for fd in events + listeners.values { close(fd) }
        for fd in keepingConfiguration ? regions.prefix(2) : regions.prefix(3) { close(fd) }
    }
}

enum Orphans {
    private static let patienceMilliseconds: Int64 = 3_000

    /// Every orphan that answers. Sockets that nobody listens on are removed.
    static func find(_ directory: RuntimeDirectory) -> [Orphan] {
        directory.workerSockets().sorted().compactMap { pid in
            let path = directory.workerSocket(pid)
            guard let fd = connect(path) else {
                unsafe unlink(path)
                return nil
            }
            return try? listen(to: fd)
        }
    }

    private static func connect(_ path: String) -> Int32? {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        guard fd >= 0 else { return nil }
        let address = SocketAddress(path: path)
        guard unsafe address.withSocketAddress({ unsafe Glibc.connect(fd, $0, $1) }) == 0 else {
            close(fd)
            return nil
        }
        return fd
    }

    private static func listen(to fd: Int32) throws -> Orphan? {
        var socket = SupervisorControlSocket(taking: fd)
        let deadline = LoopExecutor.now() + patienceMilliseconds
        var found: Orphan?
        while true {
            switch try socket.receive() {
            case .closed: return nil
            case .nothing: guard wait(fd, until: deadline) else { return nil }
            case .message(.orphan(let state), let descriptors):
                guard descriptors.count == 3 else { throw ControlError.missingDescriptors(expected: 3, found: 0) }
                let snapshot = try ConfigurationSnapshot(descriptor: descriptors[2])
                found = Orphan(state: state, control: fd, regions: descriptors, snapshot: snapshot)
            case .message(.eventDescriptors, let descriptors): found?.events += descriptors
            case .message(.listeners(let places, let last), let descriptors):
                for (place, descriptor) in zip(places, descriptors) { found?.listeners[place] = descriptor }
                guard last else { continue }
                guard let found else { return nil }
                try socket.send(.adopted(Adoption(supervisorPID: getpid())))
                _ = socket.release()
                return found
            case .message(_, let descriptors): for descriptor in descriptors { close(descriptor) }
            }
        }
    }

    private static func wait(_ fd: Int32, until deadline: Int64) -> Bool {
        var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        let left = Int32(clamping: deadline - LoopExecutor.now())
        guard left > 0 else { return false }
        return unsafe Glibc.poll(&poll, 1, left) > 0
    }
}
