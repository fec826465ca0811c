// The running node: the state machine with its hands. Events come from descriptors, timers and the admin plane; actions
// become messages, processes and sockets. It runs on its own loop and never waits for a worker.
import CLinux
import ControlChannel
import Foundation
import Glibc
import Logging
import ShmCache

actor Node: LoopExecutor.Delegate {
    /// How a node ends.
    enum End: Equatable, Sendable {
        case stopped
        case failed(String)
    }

    nonisolated let loop: LoopExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    nonisolated let directory: RuntimeDirectory
    nonisolated let regions: Regions
    nonisolated let purger: Purger
    nonisolated let log: Logger

    var machine: NodeMachine
    var listeners: Listeners
    /// As configured: those of the last change that succeeded.
    var addressesInForce: [SocketAddress]
    var workers: [MemberID: WorkerProcess] = [:]
    var launches: [UInt32: Launch] = [:]
    var nextLaunch: UInt32 = 1
    var revision: UInt64 = 0
    var operations = OperationLog()
    var restarts: [TimedRestart] = []
    var restartCount = 0
    var flags: RunFlags
    var demoOrigin: OriginURL?
    /// The cache size that the configuration in force asks for; nil until one is.
    var cacheAsked: UInt64?
    /// The same for changes under way.
    var cacheWishes: [OperationID: UInt64] = [:]
    var signals: Int32 = -1
    var startedAt = Date()
    /// Where this program was started from; a newer one may lie there by now.
    let ownBinary = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "martlet"
    var end: End?
    /// Requests and streams that had outlived `restart.stop`.
    var cutByStop: UInt32 = 0
    var endWaiters: [CheckedContinuation<End, Never>] = []
    var recordedSlots: [Int: MemberID] = [:]
    /// Workers of one generation that can pass connections on to each other.
    var paired: Set<[MemberID]> = []
    /// Pairs that could not be made yet.
    var unconnected: [(giver: MemberID, taker: MemberID)] = []
    /// What was said last of a runtime directory that is gone.
    var directoryTrouble: String?
    var reportSerial: UInt32 = 0
    var isUpgrading = false
    var pending = PendingChanges()
    /// What was asked for while the supervisor was being upgraded.
    var postponed = PostponedChanges()
    var hangups = HangupReloads()
    /// Changes whose configuration is being read, and that the state machine does not know yet.
    var loading = 0
    /// The load that was asked for last; the next one waits for its end.
    var lastLoad: Task<Void, Never>?
    /// The worker count that was asked for since the load under way began: it is the younger wish.
    var countAskedMeanwhile: Int?
    var stuckWatch = StuckWatch()
    var clockKeeper = ClockKeeper()
    var upgrades = 0
    nonisolated let systemd = SystemdNotifier()
    var storedAddresses = 0
    var storedSlots = 0
    /// Names in the service manager's store from before this supervisor.
    var storedBefore: [String] = []
    var keeper = JanitorKeeper()
    var janitor: WorkerProcess?
    var janitorStartedAt = Date()
    var janitorRestarts = 0
    /// Nil until it is opened, and once the node has ended.
    var admin: AdminPort?

    init(
        loop: LoopExecutor, directory: RuntimeDirectory, regions: Regions, listeners: consuming Listeners,
        machine: NodeMachine, flags: RunFlags, demoOrigin: OriginURL?, cacheAsked: UInt64? = nil,
        log: Logger
    ) {
        self.loop = loop
        self.directory = directory
        self.regions = regions
        purger = Purger(regions)
        addressesInForce = listeners.inUse
        self.listeners = listeners
        self.machine = machine
        self.flags = flags
        self.demoOrigin = demoOrigin
        self.cacheAsked = cacheAsked
        self.log = log
        if Self.isForTests { clockKeeper.keep(difference: regions.cache.now().nanoseconds - cl_realtime_nanoseconds()) }
    }

    func note(storedBefore names: [String]) { storedBefore = names }

    // MARK: Events and actions

    func step(_ event: MachineEvent) {
        var events = [event]
        while !events.isEmpty {
            let actions = machine.handle(events.removeFirst(), now: LoopExecutor.now())
            for action in actions { perform(action, &events) }
        }
        recordSlots()
        tendJanitor()
        let deadlines = [machine.nextDeadline, keeper.nextAt, stuckWatch.nextAt, postponed.nextDeadline]
        loop.setWake(at: deadlines.compactMap { $0 }.min())
    }

    nonisolated func timeout() {
        assumeIsolated { node in
            node.lookAround()
            node.expirePostponed()
            node.step(.tick)
        }
    }

    /// Twice a second: what no event tells of.
    private func lookAround() {
        guard stuckWatch.nextAt <= LoopExecutor.now() else { return }
        endStuckWorkers()
        connectAgain()
        tendAdmin()
        tendDirectory()
        tendClock()
    }

    private func perform(_ action: MachineAction, _ events: inout [MachineEvent]) {
        switch action {
        case .spawn(let member): start(member, &events)
        case .probe(let id): probe(id, &events)
        case .accept(let id, let slot): send(id, .accept(slot: UInt16(slot)))
        case .stopAccepting(let id, let slot): send(id, .stopAccepting(slot: UInt16(slot)))
        case .connect(let giver, let takers): for taker in takers { connect(giver, taker) }
        case .drain(let id, let deadlines): send(id, .drain(deadlines))
        case .stop(let id): dismiss(id)
        case .kill(let id, let reason):
            log.warning("\(id) \(reason): killing it")
            if let worker = workers[id] { _ = cl_pidfd_send_signal(worker.pidfd, SIGKILL) }
        case .recover(let lane):
            let regions = regions
            Task.detached { _ = regions.cache.recoverLane(lane) }
        case .steer(let live): steer(live)
        case .retire(let launch): retire(launch)
        case .log(let text): log.warning("\(text)")
        case .restarted(let restart): note(restart)
        case .progress(let operation, let text):
            operations.progress(operation, text)
            log.info("\(text)")
        case .succeed(let operation, let text):
            finish(operation, true, machine.isOver == true ? text + cutText : text)
        case .fail(let operation, let text): finish(operation, false, text)
        case .abandon(let reason): finishNode(.failed(reason))
        case .finished: finishNode(.stopped)
        }
    }

    func finish(_ operation: OperationID, _ succeeded: Bool, _ text: String) {
        operations.finish(operation, succeeded: succeeded, text)
        if let wish = cacheWishes.removeValue(forKey: operation), succeeded { cacheAsked = wish }
        settle(operation, succeeded)
        if machine.stopping == nil, !machine.serving.isEmpty {
            fillDescriptorStore()
            systemd.ready(text)
        }
        // A start says so on the console.
        let kind = operations.operation(operation.number)?.kind ?? ""
        if succeeded {
            log.log(level: kind == "start" ? .info : .notice, "\(kind): \(text)")
        } else {
            log.error("\(text)")
        }
        hangupEnded(operation)
    }

    /// A failed change gives back what it had set and closes the addresses it had opened; a successful one ends those
    /// that it no longer names.
    private func settle(_ operation: OperationID, _ succeeded: Bool) {
        let record =
            succeeded ? pending.succeeded(operation) : pending.failed(operation, &flags, &machine.settings)
        guard let addresses = record?.addresses, machine.stopping == nil else { return }
        if succeeded { addressesInForce = addresses }
        listeners.use(pending.youngestAddresses ?? addressesInForce)
        if succeeded { closeUnnamedLater() } else { closeUnnamed() }
    }

    /// What the configuration in force does not name, and no change that is not decided yet.
    func closeUnnamed() { forgetListeners(listeners.end(allBut: addressesInForce + pending.addresses)) }

    /// The old workers are told to drain now; they take what is in their queues first.
    func closeUnnamedLater() {
        guard listeners.hasOther(than: addressesInForce + pending.addresses) else { return }
        Task {
            try? await Task.sleep(for: .milliseconds(500))
            if self.end == nil { self.closeUnnamed() }
        }
    }

    private func steer(_ live: [Int]) {
        listeners.steer(live)
        noteSteering()
    }

    func noteSteering() {
        guard let why = listeners.steeringRefused, machine.settings.canSteer else { return }
        machine.settings.canSteer = false
        log.warning("steering does not work: \(why); every slot is accepted from instead")
    }

    private func retire(_ number: UInt32) {
        if let launch = launches.removeValue(forKey: number) { close(launch.configuration) }
    }

    private func note(_ restart: Restart) {
        restartCount += 1
        restarts.append(TimedRestart(at: Date(), restart: restart))
        if restarts.count > 32 { restarts.removeFirst() }
    }

    /// Who accepts on which slot, for the workers to see when the supervisor is gone.
    private func recordSlots() {
        guard recordedSlots != machine.holders else { return }
        for slot in 0..<regions.node.slotCount where recordedSlots[slot] != machine.holders[slot] {
            guard let id = machine.holders[slot], let member = machine.members[id] else {
                regions.node.setSlot(slot, .init())
                continue
            }
            regions.node.setSlot(
                slot,
                .init(
                    lane: UInt8(member.lane), state: 1, generation: UInt16(truncatingIfNeeded: member.generation),
                    processID: member.pid ?? 0))
        }
        recordedSlots = machine.holders
        pairSiblings()
    }

    // MARK: End

    /// What the stop has cost.
    private var cutText: String {
        cutByStop == 0 ? "" : "; \(cutByStop == 1 ? "1 request was" : "\(cutByStop) requests were") cut"
    }

    var isStopping: Bool { machine.stopping != nil || end != nil }

    /// The reason with what goes on in spite of it, unless nothing does.
    func untouched(_ reason: any Error, _ what: String) -> String {
        isStopping ? "\(reason)" : "\(reason); \(what) goes on untouched"
    }

    func finishNode(_ end: End) {
        guard self.end == nil else { return }
        endJanitor()
        forgetDescriptors()
        listeners.removeSocketFiles()
        self.end = end
        if case .failed = end {
            for worker in workers.values { _ = cl_pidfd_send_signal(worker.pidfd, SIGKILL) }
        }
        for waiter in endWaiters { waiter.resume(returning: end) }
        endWaiters = []
    }

    func waitForEnd() async -> End {
        if let end { return end }
        return await withCheckedContinuation { endWaiters.append($0) }
    }
}

struct TimedRestart: Codable, Sendable, Equatable {
    var at: Date
    var restart: Restart
}
