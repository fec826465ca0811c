// Changes of the whole node: a new generation, more workers, fewer workers; and how they are taken back.
import ControlChannel

extension NodeMachine {
    mutating func take(_ request: ChangeRequest, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        if case .stop = request.kind {
            beginStop(request, now, &actions)
        } else if stopping != nil || isOver == true {
            actions.append(.fail(request.operation, "the node is stopping"))
            retire(request, &actions)
        } else if queue.count >= 16 {
            actions.append(.fail(request.operation, "16 changes are waiting already"))
            retire(request, &actions)
        } else {
            queue.append(request)
        }
    }

    /// Begins the next request if nothing is under way and there is room for another generation.
    mutating func startNext(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        for request in queue where request.deadline <= now {
            actions.append(.fail(request.operation, "timed out: \(obstacle ?? "another change was under way")"))
            retire(request, &actions)
        }
        queue.removeAll { $0.deadline <= now }
        while change == nil, stopping == nil, let request = queue.first {
            if let obstacle {
                if waitingSaid.insert(request.operation).inserted {
                    actions.append(.progress(request.operation, "waiting: \(obstacle)"))
                }
                return
            }
            if let lack = lackOfLanes(for: request) {
                if waitingSaid.insert(request.operation).inserted {
                    actions.append(.progress(request.operation, "waiting: \(lack)"))
                }
                return
            }
            queue.removeFirst()
            waitingSaid.remove(request.operation)
            begin(request, now, &actions)
        }
    }

    private var obstacle: String? {
        let old = oldGenerations
        guard old.count >= settings.oldGenerations else { return nil }
        let numbers = old.sorted().map(String.init).joined(separator: ", ")
        return "\(old.count) old generations (\(numbers)) still drain; `martlet status` says what keeps them"
    }

    private func lackOfLanes(for request: ChangeRequest) -> String? {
        let needed: Int
        switch request.kind {
        case .replace(_, let count, _): needed = count
        case .resize(let count): needed = max(0, count - current.count)
        case .stop: needed = 0
        }
        let free = freeLanes().count
        return free >= needed ? nil : "\(needed) lanes needed, \(free) free; draining workers hold the others"
    }

    private mutating func begin(_ request: ChangeRequest, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        switch request.kind {
        case .replace(let launch, let count, let what):
            beginReplace(request, launch, count, what, now, &actions)
        case .resize(let count) where count > current.count: beginGrow(request, count, now, &actions)
        case .resize(let count) where count < current.count: shrink(request, count, now, &actions)
        case .resize(let count): actions.append(.succeed(request.operation, "there are \(count) workers already"))
        case .stop: break
        }
    }

    private mutating func beginReplace(
        _ request: ChangeRequest, _ launch: UInt32, _ count: Int, _ what: String, _ now: Milliseconds,
        _ actions: inout [MachineAction]
    ) {
        let generation = nextGeneration
        nextGeneration += 1
        let isFirst = serving.isEmpty && current.number == 0
        let lanes = freeLanes()
        var members: [MemberID] = []
        for slot in 0..<count {
            members.append(
                spawn(
                    generation: generation, launch: launch, slot: slot, lane: lanes[slot], now: now, &actions))
        }
        change = Change(
            request: request, kind: .replace(first: isFirst), generation: generation, count: count, launch: launch,
            what: what, members: members, startedAt: now)
        actions.append(.progress(request.operation, "generation \(generation): starting \(workers(count))"))
    }

    private mutating func beginGrow(
        _ request: ChangeRequest, _ count: Int, _ now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        let lanes = freeLanes()
        var members: [MemberID] = []
        for (index, slot) in (current.count..<count).enumerated() {
            members.append(
                spawn(
                    generation: current.number, launch: current.launch, slot: slot, lane: lanes[index], now: now,
                    &actions))
        }
        change = Change(
            request: request, kind: .grow, generation: current.number, count: count, launch: current.launch,
            what: "\(count) workers", members: members, startedAt: now)
        actions.append(.progress(request.operation, "starting \(members.count) more"))
    }

    /// Fewer workers: the steering leaves their slots first, a sibling accepts what still arrives there, then they
    /// hand over and drain. There is nothing to take back, so this is no `Change`.
    private mutating func shrink(
        _ request: ChangeRequest, _ count: Int, _ now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        let leaving = members.values.filter { $0.generation == current.number && $0.slot >= count }
            .sorted { $0.slot < $1.slot }
        current.count = count
        for slot in backOffs.keys where slot >= count { backOffs[slot] = nil }
        let stay = serving.filter { $0.generation == current.number && $0.slot < count }
        let wanted = (0..<count).filter { holders[$0] != nil }
        if settings.canSteer, !wanted.isEmpty {
            steered = wanted
            actions.append(.steer(wanted))
        }
        for member in leaving where member.phase != .draining && member.phase != .leaving {
            if member.phase == .serving, !stay.isEmpty {
                for slot in member.accepts.sorted() { give(slot, to: stay[slot % stay.count].id, &actions) }
                beginDraining(member.id, settings.changeDeadlines, now: now, &actions)
            } else {
                dismiss(member.id, now: now, &actions)
            }
        }
        actions.append(.succeed(request.operation, "\(workers(count)); \(workers(leaving.count)) draining"))
    }

    func workers(_ count: Int) -> String { count == 1 ? "1 worker" : "\(count) workers" }

    // MARK: Steps of a change

    /// Goes on once all new workers have answered their probes.
    mutating func continueChange(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard var change, change.phase == .starting else { return }
        let new = change.members.compactMap { members[$0] }
        let ready = new.filter { $0.phase == .waiting }.count
        actions.append(.progress(change.request.operation, "\(ready) of \(change.members.count) ready"))
        guard ready == change.members.count else { return }
        switch change.kind {
        case .grow:
            change.remaining = (current.count..<change.count).map { $0 }
            change.phase = .moving
        case .replace(let first):
            let slots = settings.canSteer ? Set(0..<change.count) : Set(0..<settings.slots)
            change.remaining = slots.union(covered).sorted()
            change.phase = first ? .moving : .canary(until: nil)
        }
        self.change = change
        moveNext(now, &actions)
    }

    private mutating func moveNext(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard var change else { return }
        guard let slot = change.remaining.first else { return completeChange(now, &actions) }
        let target =
            change.members.compactMap { members[$0] }.first { $0.slot == slot }
            ?? members[change.members[slot % change.members.count]]
        guard let target else { return }
        change.previousHolders[slot] = holders[slot]
        change.moveDeadline = now + settings.moveMilliseconds
        self.change = change
        give(slot, to: target.id, &actions)
    }

    mutating func slotMoved(_ slot: Int, to id: MemberID, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard var change, change.remaining.first == slot, holders[slot] == id, change.phase != .starting else { return }
        change.remaining.removeFirst()
        change.moveDeadline = nil
        if case .canary = change.phase, case .replace = change.kind {
            change.phase = .canary(until: now + settings.canaryMilliseconds)
            change.watched = id
            self.change = change
            actions.append(
                .progress(
                    change.request.operation,
                    "slot \(slot) moved, watching it for \(settings.canaryMilliseconds) ms"))
            return
        }
        self.change = change
        moveNext(now, &actions)
    }

    mutating func passChangeTime(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        if case .canary(let until?) = change?.phase, until <= now { confirm(now, &actions) }
        if case .confirming(let id) = change?.phase {
            guard let deadline = change?.moveDeadline, deadline <= now else { return passRequestTime(now, &actions) }
            let reason = "did not answer a probe at the end of its watch"
            failChange("\(id) (slot \(members[id]?.slot ?? 0)) \(reason)", now, &actions)
            // It hangs: neither does it hear that it should drain.
            members[id]?.phase = .leaving
            actions.append(.kill(id, reason: reason))
            return
        }
        if let deadline = change?.moveDeadline, deadline <= now, let slot = change?.remaining.first {
            failChange("the new worker of slot \(slot) did not begin to accept", now, &actions)
        }
        passRequestTime(now, &actions)
    }

    /// Probes the first new worker once more, now that it has real connections.
    private mutating func confirm(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let id = change?.watched, members[id] != nil else {
            change?.phase = .moving
            return moveNext(now, &actions)
        }
        change?.phase = .confirming(id)
        change?.moveDeadline = now + settings.confirmMilliseconds
        actions.append(.probe(id))
    }

    /// The watched worker has answered: the other slots follow.
    mutating func wasConfirmed(_ id: MemberID, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard change?.phase == .confirming(id) else { return }
        change?.phase = .moving
        change?.moveDeadline = nil
        moveNext(now, &actions)
    }

    private mutating func passRequestTime(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        if let change, change.request.deadline <= now {
            failChange("timed out while \(change.phase == .starting ? "starting" : "moving slots")", now, &actions)
        }
    }

    private mutating func completeChange(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let change else { return }
        self.change = nil
        for id in change.members { members[id]?.phase = .serving }
        let old = members.values.filter { $0.generation != change.generation && $0.phase != .draining }
            .sorted { $0.id < $1.id }
        let oldLaunch = current.launch
        current = Generation(number: change.generation, launch: change.launch, count: change.count)
        backOffs = [:]
        for member in old {
            guard member.phase == .serving || member.phase == .waiting else {
                dismiss(member.id, now: now, &actions)
                continue
            }
            beginDraining(member.id, settings.changeDeadlines, now: now, &actions)
        }
        let drained = old.isEmpty ? "" : "; \(workers(old.count)) of the old generation draining"
        actions.append(
            .succeed(
                change.request.operation,
                "generation \(change.generation) serves with \(workers(change.count)) after "
                    + "\(now - change.startedAt) ms (\(change.what))\(drained)"))
        if oldLaunch != change.launch { retireLaunches(&actions, candidate: oldLaunch) }
    }

    /// Takes the change back: moved slots return to their old workers, the new workers go.
    mutating func failChange(_ reason: String, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let change else { return }
        self.change = nil
        for (slot, previous) in change.previousHolders {
            guard members[previous]?.canAccept == true else { continue }
            give(slot, to: previous, &actions)
        }
        if case .replace(first: true) = change.kind {
            actions.append(.abandon(reason: reason))
        } else if change.kind == .grow {
            actions.append(.fail(change.request.operation, "\(reason); there are still \(workers(current.count))"))
        } else {
            actions.append(
                .fail(change.request.operation, "\(reason); generation \(current.number) goes on untouched"))
        }
        for (slot, holder) in holders where change.members.contains(holder) { holders[slot] = nil }
        for id in change.members { takeBack(id, Set(change.previousHolders.values), now, &actions) }
        retire(change.request, &actions)
    }

    /// A new worker of a failed change goes; if it had begun to accept, its connections go back first.
    private mutating func takeBack(
        _ id: MemberID, _ previous: Set<MemberID>, _ now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        guard let member = members[id] else { return }
        let takers = previous.filter { members[$0]?.canAccept == true }.sorted()
        guard member.phase == .waiting, !member.accepts.isEmpty, !takers.isEmpty else {
            return dismiss(id, now: now, &actions)
        }
        beginDraining(id, settings.changeDeadlines, now: now, &actions)
    }

    // MARK: Launches

    /// Tells the rim that nobody needs a launch any more.
    mutating func retireLaunches(_ actions: inout [MachineAction], candidate: UInt32) {
        let inUse =
            current.launch == candidate || change?.launch == candidate
            || members.values.contains { $0.launch == candidate }
            || queue.contains { if case .replace(candidate, _, _) = $0.kind { true } else { false } }
        if !inUse { actions.append(.retire(launch: candidate)) }
    }

    private mutating func retire(_ request: ChangeRequest, _ actions: inout [MachineAction]) {
        if case .replace(let launch, _, _) = request.kind { retireLaunches(&actions, candidate: launch) }
    }
}
