// What happens to single workers: ready, probed, accepting, late, dead; and the replacement of the dead.
import ControlChannel

extension NodeMachine {
    mutating func becameReady(_ id: MemberID, _ actions: inout [MachineAction]) {
        guard members[id]?.phase == .starting else { return }
        members[id]?.phase = .probing
        actions.append(.probe(id))
    }

    mutating func wasProbed(_ id: MemberID, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let member = members[id], member.phase == .probing else { return wasConfirmed(id, now, &actions) }
        members[id]?.phase = .waiting
        members[id]?.deadline = nil
        if change?.members.contains(id) == true {
            continueChange(now, &actions)
        } else {
            // A replacement within the running generation: it takes its slot as soon as it can.
            members[id]?.phase = .serving
        }
    }

    mutating func nowAccepts(_ id: MemberID, _ slot: Int, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard members[id] != nil else { return }
        for other in members.values where other.id != id && other.accepts.contains(slot) && holders[slot] == id {
            guard other.phase == .serving || other.phase == .waiting else { continue }
            actions.append(.stopAccepting(other.id, slot: slot))
        }
        slotMoved(slot, to: id, now, &actions)
    }

    mutating func saidFailed(
        _ id: MemberID, _ reason: String, _ now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        guard let member = members[id] else { return }
        if change?.members.contains(id) == true {
            failChange("\(id) (slot \(member.slot)): \(reason)", now, &actions)
        } else {
            actions.append(.log("\(id) (slot \(member.slot)) cannot serve: \(reason)"))
        }
        dismiss(id, now: now, &actions)
    }

    /// The process is gone (or never was).
    mutating func lost(_ id: MemberID, _ reason: String, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let member = members.removeValue(forKey: id) else { return }
        for (slot, holder) in holders where holder == id { holders[slot] = nil }
        if member.holdsLane, member.pid != nil { actions.append(.recover(lane: member.lane)) }
        if change?.members.contains(id) == true {
            failChange("\(id) (slot \(member.slot)) \(reason)", now, &actions)
        } else if member.phase != .draining {
            unexpectedEnd(of: member, reason, now, &actions)
        }
        retireLaunches(&actions, candidate: member.launch)
    }

    private mutating func unexpectedEnd(
        of member: Member, _ reason: String, _ now: Milliseconds, _ actions: inout [MachineAction]
    ) {
        guard stopping == nil, member.generation == current.number, member.slot < current.count else { return }
        var backOff = backOffs[member.slot] ?? BackOff()
        let delay = backOff.died(age: now - member.startedAt, settings: settings)
        backOff.startAt = now + delay
        backOffs[member.slot] = backOff
        let loop = delay > 0 ? "; death \(backOff.failures) in a row, next start in \(delay) ms" : ""
        actions.append(.log("worker of slot \(member.slot) (pid \(member.pid ?? 0)) \(reason)\(loop)"))
        actions.append(
            .restarted(
                Restart(
                    slot: member.slot, pid: member.pid ?? 0, generation: member.generation, reason: reason,
                    delayMilliseconds: delay)))
    }

    mutating func passTime(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        for member in members.values.sorted(by: { $0.id < $1.id }) {
            guard let deadline = member.deadline, deadline <= now else { continue }
            members[member.id]?.deadline = nil
            switch member.phase {
            case .starting, .probing:
                let step = member.phase == .starting ? "become ready" : "answer its probe"
                let reason = "did not \(step) within \(settings.startMilliseconds) ms"
                if change?.members.contains(member.id) == true {
                    failChange("\(member.id) (slot \(member.slot)) \(reason)", now, &actions)
                }
                members[member.id]?.phase = .leaving
                actions.append(.kill(member.id, reason: reason))
            case .draining: actions.append(.kill(member.id, reason: "was still draining after its deadlines"))
            case .leaving: actions.append(.kill(member.id, reason: "did not leave when told to"))
            case .waiting, .serving: break
            }
        }
        passChangeTime(now, &actions)
        passStopTime(now, &actions)
    }

    /// Makes what is like what should be.
    mutating func reconcile(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard stopping == nil, isOver != true else { return }
        if mayStart { startMissing(now, &actions) }
        coverSlots(&actions)
        connectDraining(&actions)
        let wanted = (0..<current.count).filter { holders[$0] != nil }
        if settings.canSteer, !wanted.isEmpty, wanted != steered, change == nil || change?.kind == .grow {
            steered = wanted
            actions.append(.steer(wanted))
        }
    }

    /// Every draining worker knows somebody who takes its connections: one that drains or dies itself is replaced.
    private mutating func connectDraining(_ actions: inout [MachineAction]) {
        var known = (takers ?? [:]).filter { members[$0.key]?.phase == .draining }
        for member in draining {
            let all = known[member.id] ?? []
            if all.contains(where: { members[$0]?.phase == .serving }) { continue }
            let chosen = successors(of: member)
            guard !chosen.isEmpty else { continue }
            known[member.id] = all.filter { members[$0] != nil } + chosen
            actions.append(.connect(giver: member.id, takers: chosen))
        }
        takers = known
    }

    /// The current worker of its slot; where that slot is no more, all of them share.
    private func successors(of member: Member) -> [MemberID] {
        let hosts = members.values.filter { $0.phase == .serving && $0.generation == current.number }
        let own = hosts.filter { $0.slot == member.slot }
        return (own.isEmpty ? hosts : own).map(\.id).sorted()
    }

    /// While slots are moving, the new generation takes over a dead worker's slot anyway.
    var mayStart: Bool { stopping == nil && (change == nil || change?.phase == .starting) }

    private mutating func startMissing(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard current.number > 0 else { return }
        for slot in 0..<current.count where !isManned(slot) {
            let startAt = backOffs[slot]?.startAt ?? now
            guard startAt <= now else { continue }
            guard let lane = freeLanes().first else {
                backOffs[slot, default: BackOff()].startAt = now + settings.firstBackOffMilliseconds
                continue
            }
            backOffs[slot]?.startAt = nil
            _ = spawn(
                generation: current.number, launch: current.launch, slot: slot, lane: lane, now: now, &actions)
        }
    }

    /// Whether a process of the running generation belongs to the slot; one that is leaving must be gone first.
    func isManned(_ slot: Int) -> Bool {
        members.values.contains { $0.generation == current.number && $0.slot == slot && $0.phase != .draining }
    }

    /// Every slot that may hold connections is accepted from: by its own worker, else by a sibling.
    private mutating func coverSlots(_ actions: inout [MachineAction]) {
        let moving = Set(change?.remaining ?? []).union(change?.previousHolders.keys.map { $0 } ?? [])
        let hosts = members.values.filter { $0.phase == .serving && $0.generation == current.number }
            .sorted { $0.slot < $1.slot }
        let anyone = hosts.isEmpty ? serving : hosts
        guard !anyone.isEmpty else { return }
        for slot in covered.sorted() {
            let wanted = hosts.first { $0.slot == slot } ?? hosts.first { $0.slot == slot % max(current.count, 1) }
            let holder = holders[slot].flatMap { members[$0] }
            let isHeld = holder?.canAccept ?? false
            if isHeld, moving.contains(slot) { continue }
            if isHeld, wanted == nil || wanted?.id == holder?.id { continue }
            let target = wanted ?? anyone[slot % anyone.count]
            if target.id != holder?.id { give(slot, to: target.id, &actions) }
        }
    }
}
