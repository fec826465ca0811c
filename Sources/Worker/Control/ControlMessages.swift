// What the supervisor asks for, one case each.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import ShmCache

extension Worker {
    mutating func controlReady() {
        while let (message, descriptors) = control.receive() { obey(message, descriptors) }
        guard !control.isConnected else { return }
        poller.remove(control.descriptor, Token(.control))
        becomeOrphan()
    }

    private mutating func obey(_ message: SupervisorMessage, _ descriptors: [Int32]) {
        switch message {
        case .accept(let slot):
            guard !lane.isGivenBack else { return }
            startAccepting(slot)
            control.send(.accepting(slot: slot))
        case .stopAccepting(let slot):
            stopAccepting(slot)
            control.send(.stoppedAccepting(slot: slot))
        case .probe:
            for descriptor in descriptors { admitProbe(descriptor) }
        case .drain(let deadlines):
            startDrain(deadlines)
        case .stop:
            isStopping = true
        case .report(let serial):
            control.send(.connections(serial: serial, connectionReport()))
        case .handOver(let role, let lane):
            for descriptor in descriptors { addPartner(descriptor, role, lane) }
        case .assign, .eventDescriptors, .listeners, .adopted:
            for descriptor in descriptors { close(descriptor) }
        }
    }

    /// A connection made by the supervisor, to see that requests are answered.
    private mutating func admitProbe(_ descriptor: Int32) {
        _ = cl_set_nonblocking(descriptor, true)
        admit(
            ClientConnection(
                descriptor: descriptor, address: .max, slot: .max, peer: .local, nowMilliseconds: clock.milliseconds))
    }

    /// Open connections by class.
    private borrowing func connectionReport() -> ConnectionReport {
        var report = ConnectionReport()
        report.draining = drain.isDraining
        report.fills = UInt32(exchanges.count)
        var c: UInt32 = 0
        while c < clients.endIndex {
            defer { c += 1 }
            guard clients.isTaken(c) else { continue }
            let age = UInt32(clamping: (clock.milliseconds - clients[c].acceptedMilliseconds) / 1000)
            switch clients[c].phase {
            case .reading where clients[c].isIdle: report.idle.add(age)
            case .tunnelling: report.streams.add(age)
            default: report.active.add(age)
            }
        }
        return report
    }
}

extension ConnectionReport.Class {
    mutating func add(_ ageSeconds: UInt32) {
        count += 1
        oldestSeconds = max(oldestSeconds, ageSeconds)
    }
}
