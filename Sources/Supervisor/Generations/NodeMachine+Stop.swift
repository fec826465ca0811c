// Stopping the node: everything drains within the deadlines of the stop, then is told to go, then is killed.
import ControlChannel

extension NodeMachine {
    mutating func beginStop(_ request: ChangeRequest, _ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard case .stop(let manner) = request.kind else { return }
        guard isOver != true else { return actions.append(.succeed(request.operation, "stopped")) }
        if stopping != nil, manner != .now {
            actions.append(.progress(request.operation, "the node is stopping already"))
        }
        if let change {
            actions.append(.fail(change.request.operation, "the node was told to stop"))
            self.change = nil
        }
        for waiting in queue { actions.append(.fail(waiting.operation, "the node was told to stop")) }
        queue = []
        backOffs = [:]
        stopping = request
        actions.append(.progress(request.operation, "stopping \(workers(members.count))"))
        for member in members.values.sorted(by: { $0.id < $1.id }) {
            switch (manner, member.phase) {
            case (_, .leaving): break
            case (.now, _), (_, .starting), (_, .probing): dismiss(member.id, now: now, &actions)
            case (.drain, _): beginDraining(member.id, settings.stopDeadlines, now: now, &actions)
            case (.patient, _): beginDraining(member.id, settings.patientDeadlines, now: now, &actions)
            }
        }
        stopDeadline = request.deadline
    }

    mutating func passStopTime(_ now: Milliseconds, _ actions: inout [MachineAction]) {
        guard let stopDeadline, stopDeadline <= now else { return }
        self.stopDeadline = nil
        for member in members.values.sorted(by: { $0.id < $1.id }) { dismiss(member.id, now: now, &actions) }
    }

    mutating func finishStop(_ actions: inout [MachineAction]) {
        guard let request = stopping, members.isEmpty else { return }
        stopping = nil
        stopDeadline = nil
        isOver = true
        actions.append(.succeed(request.operation, "stopped"))
        actions.append(.finished)
    }
}
