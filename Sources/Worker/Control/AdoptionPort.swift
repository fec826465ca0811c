// When the supervisor has died and a new one comes: this worker, an orphan, hands back every descriptor that a node is
// made of, and from then on obeys the newcomer.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import ShmCache

extension Worker {
    /// A new supervisor knocks.
    mutating func adoptionReady() {
        var peer = sockaddr_storage()
        var length: socklen_t = 0
        let descriptor = unsafe cl_accept(control.adoptionDescriptor, &peer, &length)
        guard descriptor >= 0 else { return }
        guard cl_peer_uid(descriptor) == Int64(getuid()) else {
            close(descriptor)
            return
        }
        var socket = WorkerControlSocket(taking: descriptor)
        do { try introduce(&socket) } catch {
            WorkerMain.report("martlet-worker: adoption: \(error)")
            return
        }
        if control.isConnected { poller.remove(control.descriptor, Token(.control)) }
        control.reconnect(socket)
        endOrphanhood()
        _ = poller.addReadable(control.descriptor, Token(.control))
        // A message may have come with the connection.
        controlReady()
    }

    private borrowing func introduce(_ socket: inout WorkerControlSocket) throws(ControlError) {
        let state = OrphanState(
            pid: getpid(), assignment: assignment, accepting: accepting.slots, draining: drain.isDraining,
            laneReleased: lane.isGivenBack)
        let regions = [control.cacheDescriptor, control.nodeDescriptor, control.configurationDescriptor]
        try socket.send(.orphan(state), regions.map { .keeping($0) })
        let events = control.eventDescriptors
        for first in stride(from: 0, to: events.count, by: ControlProtocol.descriptorsPerMessage) {
            let part = events[first..<min(first + ControlProtocol.descriptorsPerMessage, events.count)]
            guard part.allSatisfy({ $0 >= 0 }) else { continue }
            try socket.send(
                .eventDescriptors(firstLane: UInt16(first), count: UInt16(part.count)), part.map { .keeping($0) })
        }
        let listeners = control.listeners
        for first in stride(from: 0, to: max(listeners.count, 1), by: ControlProtocol.descriptorsPerMessage) {
            let end = min(first + ControlProtocol.descriptorsPerMessage, listeners.count)
            let part = listeners[first..<end]
            try socket.send(
                .listeners(part.map(\.place), last: end == listeners.count), part.map { .keeping($0.descriptor) })
        }
    }
}
