// Drives the state machine as the rim would: workers that behave, unless a test says otherwise.
import ControlChannel
import Testing

@testable import Supervisor

struct MachineHarness {
    var machine: NodeMachine
    var now: Milliseconds = 1_000
    var actions: [MachineAction] = []
    /// Workers of these launches never become ready, or die where named.
    var mute: Set<UInt32> = []
    var dieOnAccept: Set<UInt32> = []
    var failing: Set<UInt32> = []
    /// They answer their first probe, and nothing more once they accept.
    var hanging: Set<UInt32> = []
    /// They do not go when they are told to.
    var deaf = false
    private var nextOperation: UInt32 = 1
    private var nextPID: Int32 = 100

    init(slots: Int = 8, lanes: Int = 64, canSteer: Bool = true) {
        var settings = MachineSettings(slots: slots, lanes: lanes)
        settings.canSteer = canSteer
        machine = NodeMachine(settings: settings)
    }

    /// A harness whose first generation serves.
    static func serving(_ count: Int, canSteer: Bool = true, lanes: Int = 64) -> MachineHarness {
        var harness = MachineHarness(lanes: lanes, canSteer: canSteer)
        harness.replace(count, launch: 1)
        #expect(harness.machine.serving.count == count)
        harness.actions = []
        return harness
    }

    @discardableResult
    mutating func replace(_ count: Int, launch: UInt32, timeout: Milliseconds = 60_000) -> OperationID {
        request(.replace(launch: launch, count: count, what: "test"), timeout)
    }

    @discardableResult
    mutating func request(_ kind: ChangeRequest.Kind, _ timeout: Milliseconds = 60_000) -> OperationID {
        let operation = OperationID(number: nextOperation)
        nextOperation += 1
        send(.request(ChangeRequest(operation: operation, kind: kind, deadline: now + timeout)))
        return operation
    }

    mutating func send(_ event: MachineEvent) {
        var events = [event]
        while !events.isEmpty {
            for action in machine.handle(events.removeFirst(), now: now) {
                actions.append(action)
                react(action, &events)
            }
        }
    }

    /// Lets time pass, in the steps that the machine asks for.
    mutating func advance(_ milliseconds: Milliseconds) {
        let end = now + milliseconds
        while let deadline = machine.nextDeadline, deadline <= end {
            now = max(now, deadline)
            send(.tick)
        }
        now = end
    }

    private mutating func react(_ action: MachineAction, _ events: inout [MachineEvent]) {
        switch action {
        case .spawn(let member):
            events.append(.spawned(member.id, pid: nextPID))
            nextPID += 1
            if failing.contains(member.launch) {
                events.append(.failed(member.id, reason: "told to fail"))
            } else if !mute.contains(member.launch) {
                events.append(.ready(member.id))
            }
        case .probe(let id):
            let member = machine.members[id]
            let hangs = member.map { hanging.contains($0.launch) && !$0.accepts.isEmpty } ?? false
            if !hangs { events.append(.probed(id)) }
        case .accept(let id, let slot):
            if let member = machine.members[id], dieOnAccept.contains(member.launch) {
                events.append(.exited(id, .signal(11)))
            } else {
                events.append(.accepting(id, slot: slot))
            }
        case .stopAccepting(let id, let slot): events.append(.stoppedAccepting(id, slot: slot))
        case .stop(let id): if !deaf { events.append(.exited(id, .exited(0))) }
        case .kill(let id, _): events.append(.exited(id, .signal(9)))
        default: break
        }
    }

    // MARK: What tests ask

    var outcome: (succeeded: Bool, text: String)? {
        for action in actions.reversed() {
            if case .succeed(_, let text) = action { return (true, text) }
            if case .fail(_, let text) = action { return (false, text) }
        }
        return nil
    }

    func spawned() -> [Member] {
        actions.compactMap { if case .spawn(let member) = $0 { member } else { nil } }
    }

    func drained() -> [MemberID] {
        actions.compactMap { if case .drain(let id, _) = $0 { id } else { nil } }
    }

    /// Who was named to whom as a taker of its connections, in order.
    func connected() -> [(giver: MemberID, takers: [MemberID])] {
        actions.compactMap { if case .connect(let giver, let takers) = $0 { (giver, takers) } else { nil } }
    }

    func steered() -> [[Int]] {
        actions.compactMap { if case .steer(let slots) = $0 { slots } else { nil } }
    }

    /// Slots that connections may sit in and nobody accepts from.
    var uncovered: [Int] {
        machine.covered.sorted().filter { slot in
            guard let holder = machine.holders[slot], let member = machine.members[holder] else { return true }
            return !member.canAccept
        }
    }
}
