// The handles on one worker process: pidfd, control socket, probe. Spawning and the first messages are here; what they
// mean for the node is the state machine's business.
import CLinux
import ControlChannel
import Glibc
import ShmCache

final class WorkerProcess {
    let id: MemberID
    let pid: Int32
    let pidfd: Int32
    /// False for an adopted orphan: it cannot be reaped, its pidfd only becomes readable.
    let isChild: Bool
    var control: SupervisorControlSocket
    var probe: Int32 = -1
    var backend: IOBackend?
    var build = ""
    var report: ConnectionReport?
    var reportedAt: Int64 = 0
    var isWatchedForWriting = false

    init(id: MemberID, pid: Int32, pidfd: Int32, isChild: Bool, control: consuming SupervisorControlSocket) {
        self.id = id
        self.pid = pid
        self.pidfd = pidfd
        self.isChild = isChild
        self.control = control
    }

    deinit {
        close(pidfd)
        if probe >= 0 { close(probe) }
    }

    /// Starts the binary with 0 = /dev/null, 1 and 2 = our log, 3 = its end of the control socket.
    static func spawn(
        _ id: MemberID, path: String, arguments: [String] = ["martlet-worker"]
    ) throws(Failure) -> WorkerProcess {
        var ends: [Int32] = [-1, -1]
        guard unsafe cl_seqpacket_pair(&ends) == 0 else { throw .runtime("socketpair: \(shortageText(cl_errno()))") }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        let problem = errno
        defer {
            close(ends[1])
            if null >= 0 { close(null) }
        }
        guard null >= 0 else {
            close(ends[0])
            throw .runtime("/dev/null: \(systemText(problem))")
        }
        let pid = start(path, arguments: arguments, descriptors: [null, 1, 2, ends[1]])
        guard pid > 0 else {
            let code = cl_errno()
            close(ends[0])
            throw .runtime("\(path): \(systemText(code))")
        }
        let pidfd = cl_pidfd_open(pid)
        guard pidfd >= 0 else {
            let code = cl_errno()
            close(ends[0])
            kill(pid, SIGKILL)
            _ = cl_wait(pid)
            throw .runtime("pidfd_open: \(systemText(code))")
        }
        return WorkerProcess(
            id: id, pid: pid, pidfd: pidfd, isChild: true, control: SupervisorControlSocket(taking: ends[0]))
    }

    /// posix_spawn with exactly these descriptors as 0, 1, 2, ... Pid, or -1 with errno set.
    static func start(_ path: String, arguments: [String], descriptors: [Int32]) -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        unsafe argv.append(nil)
        defer { unsafe argv.forEach { unsafe free($0) } }
        return unsafe cl_spawn(path, argv, environ, descriptors, Int32(descriptors.count))
    }

    /// Everything the worker needs before it can say `ready`. Without a socket for adoption it serves as well.
    func introduce(
        _ member: Member, launch: Launch, regions: Regions, listeners: borrowing Listeners, adoption: Int32?
    ) throws(ControlError) {
        let assignment = Assignment(
            generation: member.generation, lane: UInt16(member.lane), slot: UInt16(member.slot),
            slots: UInt16(listeners.slots), cpu: listeners.cpu(ofSlot: member.slot), orphanSeconds: launch.orphanSeconds
        )
        try control.send(
            .assign(assignment),
            [
                .keeping(regions.cache.descriptor), .keeping(regions.node.descriptor),
                .keeping(launch.configuration),
            ] + (adoption.map { [.giving($0)] } ?? []))
        try control.send(
            .eventDescriptors(firstLane: 0, count: UInt16(regions.events.count)),
            regions.events.map { .keeping($0) })
        var places: [(ListenerPlace, Int32)] = []
        for (index, address) in listeners.addresses.enumerated() {
            for (slot, fd) in address.descriptors.enumerated() {
                places.append((ListenerPlace(address: UInt16(index), slot: UInt16(slot)), fd))
            }
        }
        let size = ControlProtocol.descriptorsPerMessage
        for start in stride(from: 0, to: places.count, by: size) {
            let batch = places[start..<min(start + size, places.count)]
            try control.send(
                .listeners(batch.map { $0.0 }, last: start + size >= places.count), batch.map { .keeping($0.1) })
        }
    }

    /// Nil while it runs. An orphan's status is not ours to read.
    func reap() -> ExitReason? {
        guard isChild else { return .unknown }
        var status: Int32 = 0
        switch unsafe cl_pidfd_wait(pidfd, &status) {
        case 1: return ExitReason(waitStatus: status)
        case 0: return nil
        default: return .unknown
        }
    }
}
