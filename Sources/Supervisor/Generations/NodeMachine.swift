// The node's state machine: which workers there are, who accepts on which slot, and what is being changed. It takes
// events and answers with actions; it reads no clock, opens nothing and waits for nobody.
//
//     request ──► queue ──► change ──► (canary, probe) ──► moves ──► old workers drain
//                             │
//                             └── any new worker fails: slots go back, the new ones stop, the request fails
//
// After every event `reconcile` compares what should be with what is: a slot without a worker gets one, a slot whose
// worker died is accepted from by a sibling meanwhile, steering follows.
import ControlChannel

struct NodeMachine: Equatable, Codable, Sendable {
    struct Generation: Equatable, Codable, Sendable {
        var number: UInt32
        var launch: UInt32
        var count: Int
    }

    var settings: MachineSettings
    var members: [MemberID: Member] = [:]
    /// Which member was told to accept on a slot last.
    var holders: [Int: MemberID] = [:]
    /// Slots that connections may have been steered to: somebody must accept from them for ever.
    var covered: Set<Int> = []
    var steered: [Int] = []
    var current = Generation(number: 0, launch: 0, count: 0)
    var change: Change?
    var queue: [ChangeRequest] = []
    var waitingSaid: Set<OperationID> = []
    var stopping: ChangeRequest?
    var stopDeadline: Milliseconds?
    /// The stop is done: nothing begins any more. Optional, like what else older binaries did not save.
    var isOver: Bool?
    var backOffs: [Int: BackOff] = [:]
    /// Who takes the connections of a draining member.
    var takers: [MemberID: [MemberID]]?
    var nextMember: UInt32 = 1
    var nextGeneration: UInt32 = 1

    init(settings: MachineSettings) { self.settings = settings }

    /// Takes one event; the actions are to be carried out in order.
    mutating func handle(_ event: MachineEvent, now: Milliseconds) -> [MachineAction] {
        var actions: [MachineAction] = []
        switch event {
        case .request(let request): take(request, now, &actions)
        case .spawned(let id, let pid): members[id]?.pid = pid
        case .spawnFailed(let id, let reason): lost(id, "could not be started: \(reason)", now, &actions)
        case .ready(let id): becameReady(id, &actions)
        case .failed(let id, let reason): saidFailed(id, reason, now, &actions)
        case .probed(let id): wasProbed(id, now, &actions)
        case .accepting(let id, let slot): nowAccepts(id, slot, now, &actions)
        case .stoppedAccepting(let id, let slot): members[id]?.accepts.remove(slot)
        case .laneReleased(let id): members[id]?.holdsLane = false
        case .exited(let id, let reason): lost(id, reason.description, now, &actions)
        case .tick: break
        }
        passTime(now, &actions)
        startNext(now, &actions)
        reconcile(now, &actions)
        finishStop(&actions)
        return Self.connectionsFirst(actions)
    }

    /// A worker that begins to drain should know everybody who takes its connections, so that all get a share.
    private static func connectionsFirst(_ actions: [MachineAction]) -> [MachineAction] {
        func connects(_ action: MachineAction) -> Bool { if case .connect = action { true } else { false } }
        return actions.filter(connects) + actions.filter { !connects($0) }
    }

    /// When `tick` must come if nothing else does.
    var nextDeadline: Milliseconds? {
        var deadlines: [Milliseconds?] = members.values.map(\.deadline)
        deadlines.append(change?.moveDeadline)
        deadlines.append(change?.request.deadline)
        if case .canary(let until) = change?.phase { deadlines.append(until) }
        deadlines += queue.map(\.deadline)
        // A start that must wait for something else is looked at again when that happens, not when it is due.
        if mayStart { deadlines += (0..<current.count).filter { !isManned($0) }.map { backOffs[$0]?.startAt } }
        deadlines.append(stopDeadline)
        return deadlines.compactMap { $0 }.min()
    }

    // MARK: What the parts ask each other

    /// How many workers there will be once everything that was asked for is done.
    var plannedCount: Int {
        for request in queue.reversed() {
            switch request.kind {
            case .replace(_, let count, _), .resize(let count): return count
            case .stop: continue
            }
        }
        return change?.count ?? current.count
    }

    var serving: [Member] { members.values.filter { $0.phase == .serving }.sorted { $0.id < $1.id } }
    var draining: [Member] { members.values.filter { $0.phase == .draining }.sorted { $0.id < $1.id } }
    var oldGenerations: Set<UInt32> { Set(draining.map(\.generation)).subtracting([current.number]) }

    /// The member of the current generation that a slot belongs to, dead ones excluded.
    func home(of slot: Int) -> Member? {
        members.values.first {
            $0.generation == current.number && $0.slot == slot && $0.phase != .draining && $0.phase != .leaving
        }
    }

    func freeLanes() -> [Int] {
        let held = Set(members.values.filter(\.holdsLane).map(\.lane))
        return (0..<settings.lanes).filter { !held.contains($0) }
    }

    mutating func spawn(
        generation: UInt32, launch: UInt32, slot: Int, lane: Int, now: Milliseconds, _ actions: inout [MachineAction]
    ) -> MemberID {
        let id = MemberID(number: nextMember)
        nextMember += 1
        let member = Member(
            id: id, generation: generation, slot: slot, lane: lane, launch: launch, pid: nil, phase: .starting,
            startedAt: now, deadline: now + settings.startMilliseconds)
        members[id] = member
        actions.append(.spawn(member))
        return id
    }

    /// Asks a member to accept on a slot and notes it as the holder.
    mutating func give(_ slot: Int, to id: MemberID, _ actions: inout [MachineAction]) {
        holders[slot] = id
        covered.insert(slot)
        members[id]?.accepts.insert(slot)
        actions.append(.accept(id, slot: slot))
    }

    mutating func beginDraining(
        _ id: MemberID, _ deadlines: DrainDeadlines, now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        let deadline = killTime(deadlines, now)
        members[id]?.phase = .draining
        members[id]?.deadline = deadline
        actions.append(.drain(id, deadlines))
    }

    private func killTime(_ deadlines: DrainDeadlines, _ now: Milliseconds) -> Milliseconds? {
        let parts = [deadlines.idleMilliseconds, deadlines.requestMilliseconds, deadlines.streamMilliseconds]
        guard !parts.contains(0), let longest = parts.max() else { return nil }
        return now + Int64(longest) + settings.killGraceMilliseconds
    }

    mutating func dismiss(_ id: MemberID, now: Milliseconds, _ actions: inout [MachineAction]) {
        guard members[id]?.phase != .leaving else { return }
        let deadline = now + settings.killGraceMilliseconds
        members[id]?.phase = .leaving
        members[id]?.deadline = deadline
        actions.append(.stop(id))
    }
}
