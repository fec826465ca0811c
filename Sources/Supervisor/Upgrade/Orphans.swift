// Workers whose supervisor died: found by their sockets in the runtime directory, asked for everything that makes up a
// node, and taken over. Runs before the node's loop exists, so it may wait, but never long for one worker.
import CLinux
import ControlChannel
import Glibc

/// One worker that answered, with its copies of the node's descriptors.
final class Orphan {
    let state: OrphanState
    /// Of the process that listened when it was opened: it never means another one.
    let pidfd: Int32
    let control: Int32
    var regions: [Int32]
    var events: [Int32] = []
    var listeners: [ListenerPlace: Int32] = [:]
    let snapshot: ConfigurationSnapshot

    fileprivate init(
        state: OrphanState, pidfd: Int32, control: Int32, regions: [Int32], snapshot: ConfigurationSnapshot
    ) {
        self.state = state
        self.pidfd = pidfd
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
    /// that dies meanwhile is like one that was dead before. One that answers and yet cannot be adopted serves
    /// somebody: no node is started beside it.
    static func find(_ directory: RuntimeDirectory) throws(Failure) -> Orphans {
        var orphans = Orphans()
        // All are asked before the first is waited for, so that several stuck ones take no longer than one.
        var asked: [Asked] = []
        for pid in directory.workerSockets().sorted() {
            do {
                asked.append(try ask(pid, directory.workerSocket(pid)))
            } catch is Gone {
                orphans.noteDeath(directory.workerSocket(pid))
            } catch {
                throw cannot(pid, "\(error)")
            }
        }
        let deadline = LoopExecutor.now() + patienceMilliseconds
        for one in asked {
            do {
                orphans.answering.append(try listen(to: one, until: deadline))
            } catch is Silence {
                Console.say("worker \(one.pid) of the supervisor that died does not answer: killing it")
                _ = hasEnded(one.pidfd, after: SIGKILL)
                orphans.noteDeath(directory.workerSocket(one.pid))
            } catch ControlError.closed {
                // Its descriptors are closed before it is gone.
                guard hasEnded(one.pidfd, after: nil) else { throw cannot(one.pid, "\(ControlError.closed)") }
                orphans.noteDeath(directory.workerSocket(one.pid))
            } catch {
                throw cannot(one.pid, "\(error)")
            }
        }
        return orphans
    }

    private mutating func noteDeath(_ socket: String) {
        unsafe unlink(socket)
        hasDead = true
    }

    private static func cannot(_ pid: Int32, _ why: String) -> Failure {
        .runtime("worker \(pid) of the supervisor that died serves on and cannot be adopted: \(why)")
    }

    /// A worker that was asked and has not been heard yet.
    private struct Asked {
        var pid: Int32
        var pidfd: Int32
        var control: Int32
    }

    private struct Silence: Error {}
    /// Nobody listens any more.
    private struct Gone: Error {}

    /// Connects to a worker and takes hold of its process, before its number can pass to another one: while the
    /// connection is open the worker has not ended.
    private static func ask(_ pid: Int32, _ path: String) throws -> Asked {
        let control = try connect(path)
        let pidfd = cl_pidfd_open(pid)
        let code = cl_errno()
        if pidfd >= 0, !hasHungUp(control) { return Asked(pid: pid, pidfd: pidfd, control: control) }
        close(control)
        if pidfd >= 0 { close(pidfd) }
        guard pidfd >= 0 || code == ESRCH else { throw Failure.runtime("pidfd_open: \(shortageText(code))") }
        throw Gone()
    }

    private static func hasHungUp(_ fd: Int32) -> Bool {
        var poll = pollfd(fd: fd, events: 0, revents: 0)
        return unsafe Glibc.poll(&poll, 1, 0) > 0 && poll.revents & Int16(POLLHUP | POLLERR) != 0
    }

    /// Waits for the end of the process, and closes the descriptor.
    private static func hasEnded(_ pidfd: Int32, after signal: Int32?) -> Bool {
        defer { close(pidfd) }
        if let signal { _ = cl_pidfd_send_signal(pidfd, signal) }
        return wait(pidfd, until: LoopExecutor.now() + 2_000)
    }

    private static func connect(_ path: String) throws -> Int32 {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        guard fd >= 0 else { throw Failure.runtime(systemText(errno)) }
        let address = SocketAddress(path: path)
        guard unsafe address.withSocketAddress({ unsafe Glibc.connect(fd, $0, $1) }) == 0 else {
            let code = errno
            close(fd)
            if code == ECONNREFUSED || code == ENOENT { throw Gone() }
            throw Failure.runtime(systemText(code))
        }
        return fd
    }

    /// The worker with everything it hands over; `ControlError.closed` when it ends before it has heard that it is
    /// adopted. The control socket is closed then, and so is what it had handed over.
    private static func listen(to asked: Asked, until deadline: Int64) throws -> Orphan {
        var socket = SupervisorControlSocket(taking: asked.control)
        var found: Orphan?
        do {
            try hear(&socket, asked, until: deadline, &found)
            try socket.send(.adopted(Adoption(supervisorPID: getpid())))
        } catch {
            found?.closeCopies(keepingConfiguration: false)
            throw error
        }
        guard let found else { throw ControlError.closed }
        _ = socket.release()
        return found
    }

    private static func hear(
        _ socket: inout SupervisorControlSocket, _ asked: Asked, until deadline: Int64, _ found: inout Orphan?
    ) throws {
        while true {
            switch try socket.receive() {
            case .closed: throw ControlError.closed
            case .nothing: guard wait(asked.control, until: deadline) else { throw Silence() }
            case .message(.orphan(let state), let descriptors):
                try expect(3, descriptors)
                let snapshot = try ConfigurationSnapshot(descriptor: descriptors[2])
                found = Orphan(
                    state: state, pidfd: asked.pidfd, control: asked.control, regions: descriptors, snapshot: snapshot)
            case .message(.eventDescriptors(_, let count), let descriptors):
                try expect(Int(count), descriptors)
                found?.events += descriptors
            case .message(.listeners(let places, let last), let descriptors):
                try expect(places.count, descriptors)
                for (place, descriptor) in zip(places, descriptors) { found?.listeners[place] = descriptor }
                if last { return }
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
