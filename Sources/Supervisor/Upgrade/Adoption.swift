// What a new supervisor makes of orphans: listeners, regions, and a state machine in which they are the running
// generation, to be replaced by a normal change.
import ControlChannel
import Glibc
import ShmCache

/// Everything that an earlier supervisor left behind, in the terms of a new one.
struct Inheritance: ~Copyable {
    var listeners: Listeners
    let regions: Regions
    var machine: NodeMachine
    var workers: [SavedState.Worker]
    var launches: [UInt32: Launch]
    var revision: UInt64

    static func from(_ orphans: [Orphan], workerPath: String) throws(Failure) -> Inheritance {
        // The youngest knows every address there is; one that still drains may have as many, but older ones.
        let source = orphans.max {
            ($0.listeners.isEmpty ? 0 : 1, $0.snapshot.revision, $0.listeners.count)
                < ($1.listeners.isEmpty ? 0 : 1, $1.snapshot.revision, $1.listeners.count)
        }
        guard let source else {
            throw .runtime("no worker handed its descriptors back")
        }
        let listeners = listeners(of: source)
        let regions = try Regions.adopt(cache: source.regions[0], node: source.regions[1], events: source.events)
        let listenersSlots = min(listeners.slots, regions.node.slotCount)
        let machine = NodeMachine(settings: MachineSettings(slots: listeners.slots, lanes: Regions.workerLanes))
        var inheritance = Inheritance(
            listeners: listeners, regions: regions, machine: machine, workers: [], launches: [:],
            revision: orphans.map(\.snapshot.revision).max() ?? 0)
        for orphan in orphans { inheritance.take(orphan, isSource: orphan === source, workerPath) }
        // A slot whose worker died with the supervisor has nobody to speak for it, but may hold connections.
        let recorded = (0..<listenersSlots).filter { regions.node.slot($0).processID != 0 }
        inheritance.machine.settle(alsoCovered: recorded)
        return inheritance
    }

    consuming func takeListeners() -> Listeners { listeners }

    private static func listeners(of source: Orphan) -> Listeners {
        let slots = Int(source.state.assignment.slots)
        var addresses: [Listeners.Address] = []
        var specs: [SocketAddress] = []
        var requested: [SocketAddress] = []
        for (index, address) in source.snapshot.addresses.enumerated() {
            let descriptors = (0..<slots).compactMap {
                source.listeners[ListenerPlace(address: UInt16(index), slot: UInt16($0))]
            }
            // An address that was given up is shut down, yet workers keep copies: nobody can be served with those, and
            // who wants the address again needs new sockets.
            let isWhole = descriptors.count == slots && descriptors.allSatisfy(isListening)
            if !isWhole { for fd in Set(descriptors) { close(fd) } }
            addresses.append(
                Listeners.Address(
                    text: address.address.description, isActive: isWhole && address.isActive,
                    descriptors: isWhole ? descriptors : []))
            specs.append(address.address)
            requested.append(isWhole ? address.address : Listeners.hole)
        }
        return Listeners(adopting: addresses, specs: specs, requested: requested, slots: slots, steeringRefused: nil)
    }

    private mutating func take(_ orphan: Orphan, isSource: Bool, _ workerPath: String) {
        let state = orphan.state
        if !isSource { orphan.closeCopies(keepingConfiguration: true) }
        let launch = UInt32(launches.count + 1)
        launches[launch] = Launch(
            workerPath: workerPath, configuration: orphan.regions[2], revision: orphan.snapshot.revision,
            orphanSeconds: state.assignment.orphanSeconds)
        let id = machine.adopt(state, launch: launch, now: LoopExecutor.now())
        workers.append(
            SavedState.Worker(
                id: id, pid: state.pid, pidfd: orphan.pidfd, control: orphan.control, isChild: false,
                backend: nil, build: ""))
    }
}

extension NodeMachine {
    /// A worker of an earlier supervisor becomes a member.
    mutating func adopt(_ state: OrphanState, launch: UInt32, now: Milliseconds) -> MemberID {
        let id = MemberID(number: nextMember)
        nextMember += 1
        var member = Member(
            id: id, generation: state.assignment.generation, slot: Int(state.assignment.slot),
            lane: Int(state.assignment.lane), launch: launch, pid: state.pid,
            phase: state.draining ? .draining : .serving, startedAt: now, deadline: nil)
        member.holdsLane = !state.laneReleased
        member.accepts = Set(state.accepting.map(Int.init))
        members[id] = member
        for slot in member.accepts { holders[slot] = id }
        return id
    }

    /// After the last adoption: the generation that accepts on most slots is the current one, of several the youngest.
    /// In the middle of a change the other one is not through yet.
    mutating func settle(alsoCovered recorded: [Int] = []) {
        var accepted: [UInt32: Int] = [:]
        for member in serving { accepted[member.generation, default: 0] += member.accepts.count }
        let chosen =
            accepted.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
            ?? members.values.map(\.generation).max() ?? 0
        let own = serving.filter { $0.generation == chosen }
        let count = (own.map(\.slot).max() ?? -1) + 1
        current = Generation(number: chosen, launch: own.first?.launch ?? 0, count: count)
        nextGeneration = (members.values.map(\.generation).max() ?? 0) + 1
        covered = Set(holders.keys).union(0..<count).union(recorded)
    }
}
