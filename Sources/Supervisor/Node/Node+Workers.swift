// The node's dealings with single workers: starting, probing, listening to them, noticing their end.
import CLinux
import ControlChannel
import Glibc
import Logging
import ShmCache

/// What a descriptor on the node's loop belongs to; packed into epoll's 64 bits.
enum LoopToken {
    case control(MemberID)
    case process(MemberID)
    case probe(MemberID)
    case signals
    case janitorControl
    case janitorProcess
    case admin
    case adminConnection(UInt32)

    var packed: UInt64 {
        switch self {
        case .control(let id): 1 << 32 | UInt64(id.number)
        case .process(let id): 2 << 32 | UInt64(id.number)
        case .probe(let id): 3 << 32 | UInt64(id.number)
        case .signals: 4 << 32
        case .janitorControl: 5 << 32
        case .janitorProcess: 6 << 32
        case .admin: 7 << 32
        case .adminConnection(let id): 8 << 32 | UInt64(id)
        }
    }

    init?(packed: UInt64) {
        let id = MemberID(number: UInt32(truncatingIfNeeded: packed))
        switch packed >> 32 {
        case 1: self = .control(id)
        case 2: self = .process(id)
        case 3: self = .probe(id)
        case 4: self = .signals
        case 5: self = .janitorControl
        case 6: self = .janitorProcess
        case 7: self = .admin
        case 8: self = .adminConnection(id.number)
        default: return nil
        }
    }
}

extension Node {
    nonisolated func ready(token: UInt64, events: UInt32) {
        assumeIsolated { node in
            switch LoopToken(packed: token) {
            case .control(let id): node.hear(id)
            case .process(let id): node.ended(id)
            case .probe(let id): node.readProbe(id)
            case .signals: node.readSignals()
            case .janitorControl: node.hearJanitor()
            case .janitorProcess: node.janitorEnded()
            case .admin: node.acceptAdmin()
            case .adminConnection(let id): node.adminReady(id)
            case nil: break
            }
        }
    }

    // MARK: Start

    func start(_ member: Member, _ events: inout [MachineEvent]) {
        guard let launch = launches[member.launch] else {
            events.append(.spawnFailed(member.id, reason: "its configuration is gone"))
            return
        }
        do {
            let worker = try WorkerProcess.spawn(member.id, path: launch.workerPath)
            workers[member.id] = worker
            watch(worker)
            events.append(.spawned(member.id, pid: worker.pid))
            try introduce(worker, member, launch)
        } catch let failure as Failure {
            // Once started it waits for an introduction that will not come.
            if let worker = workers[member.id] { _ = cl_pidfd_send_signal(worker.pidfd, SIGKILL) }
            events.append(.spawnFailed(member.id, reason: failure.description))
        } catch {
            // The socket broke: the process is ending, and its pidfd will say how.
            log.debug("\(member.id): \(error)")
        }
    }

    func watch(_ worker: WorkerProcess) {
        loop.watch(worker.pidfd, token: LoopToken.process(worker.id).packed)
        loop.watch(worker.control.fd, token: LoopToken.control(worker.id).packed)
    }

    private func introduce(_ worker: WorkerProcess, _ member: Member, _ launch: Launch) throws {
        let adoption = try adoptionListener(worker, member)
        defer { watchQueue(worker) }
        try worker.introduce(member, launch: launch, regions: regions, listeners: listeners, adoption: adoption)
    }

    /// The socket on which a later supervisor finds this worker. A change that cannot have one fails; a replacement of
    /// a dead worker goes without, since a slot that nobody serves is worse.
    private func adoptionListener(_ worker: WorkerProcess, _ member: Member) throws -> Int32? {
        do {
            return try adoptionListener(directory.workerSocket(worker.pid))
        } catch {
            if machine.change?.members.contains(member.id) == true { throw error }
            log.error("\(worker.id) could not be adopted if this supervisor died: \(error)")
            return nil
        }
    }

    private func adoptionListener(_ path: String) throws -> Int32 {
        unsafe unlink(path)
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        let address = SocketAddress(path: path)
        guard fd >= 0, unsafe address.withSocketAddress({ unsafe bind(fd, $0, $1) }) == 0, listen(fd, 8) == 0 else {
            let why = shortageText(errno)
            if fd >= 0 { close(fd) }
            throw Failure.runtime("\(path): \(why)")
        }
        return fd
    }

    // MARK: Talk

    func send(_ id: MemberID, _ message: SupervisorMessage, _ descriptors: [PassedDescriptor] = []) {
        guard let worker = workers[id] else {
            for descriptor in descriptors where descriptor.closesAfterSending { close(descriptor.fd) }
            return
        }
        do {
            try worker.control.send(message, descriptors)
        } catch {
            log.debug("\(id): \(error)")
        }
        watchQueue(worker)
    }

    /// Asks for writability only while something waits for it.
    func watchQueue(_ worker: WorkerProcess) {
        let wanted = worker.control.hasQueued
        guard wanted != worker.isWatchedForWriting else { return }
        worker.isWatchedForWriting = wanted
        loop.watch(worker.control.fd, token: LoopToken.control(worker.id).packed, writable: wanted)
    }

    private func hear(_ id: MemberID) {
        guard let worker = workers[id] else { return }
        do {
            try worker.control.flush()
            watchQueue(worker)
            // Bounded, so that one chatty worker cannot keep the loop.
            for _ in 0..<64 {
                switch try worker.control.receive() {
                case .nothing: return
                case .closed: return deaf(worker)
                case .message(let message, let descriptors):
                    for fd in descriptors { close(fd) }
                    heard(worker, message)
                }
            }
        } catch .closed {
            deaf(worker)
        } catch {
            log.warning("\(id): \(error)")
            deaf(worker)
            step(.failed(id, reason: "\(error)"))
        }
    }

    /// The worker closed its end: it is ending; only its pidfd is of interest now.
    private func deaf(_ worker: WorkerProcess) { loop.unwatch(worker.control.fd) }

    private func heard(_ worker: WorkerProcess, _ message: WorkerMessage) {
        let id = worker.id
        switch message {
        case .ready(let backend, let build):
            worker.backend = backend
            worker.build = build
            step(.ready(id))
        case .failed(let reason): step(.failed(id, reason: reason))
        case .accepting(let slot): step(.accepting(id, slot: Int(slot)))
        case .stoppedAccepting(let slot): step(.stoppedAccepting(id, slot: Int(slot)))
        case .laneReleased: step(.laneReleased(id))
        case .drained(let outcome):
            let counts = "\(outcome.handedOver) handed over, \(outcome.closed) closed, \(outcome.cut) cut"
            let said = "\(id) (pid \(worker.pid)) drained: \(counts)"
            // What a stop has cut is said once for all, by its outcome.
            if machine.stopping == nil, outcome.cut > 0 { log.notice("\(said)") } else { log.info("\(said)") }
            if machine.stopping != nil { cutByStop += outcome.cut }
        case .connections(_, let report):
            worker.report = report
            worker.reportedAt = LoopExecutor.now()
        case .orphan, .eventDescriptors, .listeners: log.warning("\(id) sent an adoption message unasked")
        }
    }

    /// Gives two workers a pair; where that fails it is tried again until one of them is gone.
    func connect(_ giver: MemberID, _ taker: MemberID, isFirstTime: Bool = true) {
        guard let from = machine.members[giver], let to = machine.members[taker] else { return }
        var ends: [Int32] = [-1, -1]
        guard unsafe cl_seqpacket_pair(&ends) == 0 else {
            let why = shortageText(cl_errno())
            if isFirstTime { log.warning("no hand-over from \(giver) to \(taker) yet: \(why)") }
            return unconnected.append((giver, taker))
        }
        send(taker, .handOver(role: .taker, peerLane: UInt16(from.lane)), [.giving(ends[1])])
        send(giver, .handOver(role: .giver, peerLane: UInt16(to.lane)), [.giving(ends[0])])
    }

    func connectAgain() {
        let pairs = unconnected
        unconnected = []
        for (giver, taker) in pairs { connect(giver, taker, isFirstTime: false) }
    }

    /// Gives every two workers that serve side by side a way to pass new connections on to each other.
    func pairSiblings() {
        let serving = Set(machine.holders.values).sorted()
        paired = paired.filter { $0.allSatisfy { workers[$0] != nil } }
        for (index, one) in serving.enumerated() {
            for other in serving[(index + 1)...] {
                let generation = machine.members[one]?.generation
                guard generation != nil, machine.members[other]?.generation == generation else { continue }
                if paired.insert([one, other]).inserted { pair(one, other) }
            }
        }
    }

    private func pair(_ one: MemberID, _ other: MemberID) {
        guard let a = machine.members[one], let b = machine.members[other] else { return }
        var ends: [Int32] = [-1, -1]
        guard unsafe cl_seqpacket_pair(&ends) == 0 else {
            log.warning("\(one) and \(other) cannot share connections: \(shortageText(cl_errno()))")
            return
        }
        send(one, .handOver(role: .sibling, peerLane: UInt16(b.lane)), [.giving(ends[0])])
        send(other, .handOver(role: .sibling, peerLane: UInt16(a.lane)), [.giving(ends[1])])
    }

    /// Told to go at once; a worker that cannot hear is killed when its deadline comes.
    func dismiss(_ id: MemberID) { send(id, .stop) }

    // MARK: Probe

    func probe(_ id: MemberID, _ events: inout [MachineEvent]) {
        guard let worker = workers[id] else { return }
        var ends: [Int32] = [-1, -1]
        guard unsafe cl_stream_pair(&ends) == 0 else {
            return events.append(.failed(id, reason: "it cannot be probed: \(shortageText(cl_errno()))"))
        }
        worker.probe = ends[0]
        let request = ProbeAnswer.request
        _ = unsafe cl_send(ends[0], request, request.utf8.count, false)
        loop.watch(ends[0], token: LoopToken.probe(id).packed)
        send(id, .probe, [.giving(ends[1])])
    }

    private func readProbe(_ id: MemberID) {
        guard let worker = workers[id], worker.probe >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe recv(worker.probe, &buffer, 4_096, Int32(MSG_PEEK))
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        let verdict = count <= 0 ? false : ProbeAnswer.isHTTP(Array(buffer.prefix(count)))
        guard let verdict else { return }
        loop.unwatch(worker.probe)
        close(worker.probe)
        worker.probe = -1
        if verdict {
            step(.probed(id))
        } else {
            step(.failed(id, reason: "its answer to the probe request was no HTTP response"))
        }
    }

    // MARK: End

    /// A worker that stands still in a turn is killed; its death is then made good like any other.
    func endStuckWorkers() {
        let now = LoopExecutor.now()
        var lanes: [Int: StuckWatch.Sample] = [:]
        for member in machine.members.values where member.holdsLane {
            let promised = regions.node.hasPromisedBeat(lane: member.lane, processID: member.pid ?? 0)
            lanes[member.lane] = .init(state: regions.cache.laneState(member.lane), beats: promised)
        }
        lanes[Regions.janitorLane] = janitorSample()
        let processes = [janitor].compactMap { $0 } + workers.values
        for stuck in stuckWatch.look(lanes, now: now) {
            guard let process = processes.first(where: { $0.pid == stuck.pid }) else {
                endStrangeJanitor(stuck.pid, stuck.text)
                continue
            }
            let name = process === janitor ? "the janitor" : "\(process.id)"
            log.warning("\(name) (pid \(stuck.pid)) \(stuck.text): killing it")
            _ = cl_pidfd_send_signal(process.pidfd, SIGKILL)
        }
    }

    private func ended(_ id: MemberID) {
        guard let worker = workers[id] else { return }
        // What it said last counts before its end does.
        hear(id)
        guard let reason = worker.reap() else { return }
        loop.unwatch(worker.pidfd)
        loop.unwatch(worker.control.fd)
        if worker.probe >= 0 { loop.unwatch(worker.probe) }
        unsafe unlink(directory.workerSocket(worker.pid))
        workers[id] = nil
        step(.exited(id, reason))
    }
}
