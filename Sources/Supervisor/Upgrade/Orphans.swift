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

/// What a supervisor that died has left in the runtime directory.
struct Orphans {
    /// Workers that answer.
    private(set) var answering: [Orphan] = []
    /// Whether there were others, dead or killed for their silence: the kernel may still be busy ending them.
    private(set) var hasDead = false

    private static let patienceMilliseconds: Int64 = 5_000

    /// Every orphan that answers. Sockets that nobody listens on are removed. An orphan that says nothing for so long
    /// is stuck, and is killed: it holds a slot and a lane that the node's next workers need, and serves nobody. One
    /// that answers and yet cannot be adopted serves somebody: no node is started beside it.
    static func find(_ directory: RuntimeDirectory) throws(Failure) -> Orphans {
        var orphans = Orphans()
        // All are asked before the first is waited for, so that several stuck ones take no longer than one.
        var asked: [(pid: Int32, fd: Int32)] = []
        for pid in directory.workerSockets().sorted() {
            let path = directory.workerSocket(pid)
            if let fd = connect(path) {
                asked.append((pid, fd))
            } else if errno == ECONNREFUSED || errno == ENOENT {
                unsafe unlink(path)
                orphans.hasDead = true
            } else {
                throw cannot(pid, systemText(errno))
            }
        }
        let deadline = LoopExecutor.now() + patienceMilliseconds
        for (pid, fd) in asked {
            do {
                if let orphan = try listen(to: fd, until: deadline) { orphans.answering.append(orphan) }
            } catch is Silence {
                Console.say("worker \(pid) of the supervisor that died does not answer: killing it")
                end(pid)
                unsafe unlink(directory.workerSocket(pid))
                orphans.hasDead = true
            } catch {
                throw cannot(pid, "\(error)")
            }
        }
        return orphans
    }

    private static func cannot(_ pid: Int32, _ why: String) -> Failure {
        .runtime("worker \(pid) of the supervisor that died serves on and cannot be adopted: \(why)")
    }

    private struct Silence: Error {}

    /// Kills the process and waits until it is gone. Its number cannot have passed to another one: somebody still
    /// listens on the socket that only this worker was given.
    private static func end(_ pid: Int32) {
        let pidfd = cl_pidfd_open(pid)
        guard pidfd >= 0 else { return }
        defer { close(pidfd) }
        guard cl_pidfd_send_signal(pidfd, SIGKILL) == 0 else { return }
        _ = wait(pidfd, until: LoopExecutor.now() + 2_000)
    }

    private static func connect(_ path: String) -> Int32? {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        guard fd >= 0 else { return nil }
        let address = SocketAddress(path: path)
        guard unsafe address.withSocketAddress({ unsafe Glibc.connect(fd, $0, $1) }) == 0 else {
            let code = errno
            close(fd)
            errno = code
            return nil
        }
        return fd
    }

    private static func listen(to fd: Int32, until deadline: Int64) throws -> Orphan? {
        var socket = SupervisorControlSocket(taking: fd)
        var found: Orphan?
        while true {
            switch try socket.receive() {
            case .closed: return nil
            case .nothing: guard wait(fd, until: deadline) else { throw Silence() }
            case .message(.orphan(let state), let descriptors):
                try expect(3, descriptors)
                let snapshot = try ConfigurationSnapshot(descriptor: descriptors[2])
                found = Orphan(state: state, control: fd, regions: descriptors, snapshot: snapshot)
            case .message(.eventDescriptors(_, let count), let descriptors):
                try expect(Int(count), descriptors)
                found?.events += descriptors
            case .message(.listeners(let places, let last), let descriptors):
                try expect(places.count, descriptors)
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

    private static func expect(_ count: Int, _ descriptors: [Int32]) throws {
        guard descriptors.count == count else {
            throw ControlError.missingDescriptors(expected: count, found: descriptors.count)
        }
    }

    private static func wait(_ fd: Int32, until deadline: Int64) -> Bool {
        var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        // What has come is read even when the time is over.
        let left = Int32(clamping: max(0, deadline - LoopExecutor.now()))
        return unsafe Glibc.poll(&poll, 1, left) > 0
    }
}
