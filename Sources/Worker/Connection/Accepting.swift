// Taking new connections from the slots this worker serves. Every worker holds all slots' listeners, so that a
// reuseport group never loses a member while one worker lives; it watches only those it was told to accept on.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import ShmCache

/// All listeners, and which slots are being accepted on.
struct AcceptingSlots {
    let listeners: [ListenerDescriptor]
    private(set) var slots: [UInt16] = []

    init(_ listeners: [ListenerDescriptor]) { self.listeners = listeners }

    func isAccepting(_ slot: UInt16) -> Bool { slots.contains(slot) }
    mutating func add(_ slot: UInt16) { if !slots.contains(slot) { slots.append(slot) } }
    mutating func remove(_ slot: UInt16) { slots.removeAll { $0 == slot } }
}

extension Worker {
    /// Most connections taken from one listener in one turn, so that a flood cannot starve those already here.
    private static var acceptBatch: Int { 64 }

    mutating func startAccepting(_ slot: UInt16) {
        guard !accepting.isAccepting(slot) else { return }
        accepting.add(slot)
        for (index, listener) in accepting.listeners.enumerated() where listener.place.slot == slot {
            let isLocal = isLocalAddress(listener.place.address)
            _ = poller.addReadable(listener.descriptor, Token(.listener, index: UInt32(index)), exclusive: isLocal)
        }
    }

    mutating func stopAccepting(_ slot: UInt16) {
        guard accepting.isAccepting(slot) else { return }
        accepting.remove(slot)
        for listener in accepting.listeners where listener.place.slot == slot { poller.remove(listener.descriptor) }
    }

    private borrowing func isLocalAddress(_ index: UInt16) -> Bool {
        Int(index) < settings.addresses.count && settings.addresses[Int(index)].address.family == .unix
    }

    mutating func acceptReady(_ index: UInt32) {
        guard Int(index) < accepting.listeners.count else { return }
        let listener = accepting.listeners[Int(index)]
        guard accepting.isAccepting(listener.place.slot) else { return }
        var accepted = 0
        while accepted < Self.acceptBatch, !clients.isFull {
            var peer = sockaddr_storage()
            var length: socklen_t = 0
            let descriptor = unsafe cl_accept(listener.descriptor, &peer, &length)
            guard descriptor >= 0 else {
                let error = cl_errno()
                if error == EINTR || error == ECONNABORTED { continue }
                if error == EAGAIN { return }
                count(.acceptErrors)
                // Shut down by whoever ends the node: it will never have a connection again.
                if error == EINVAL { poller.remove(listener.descriptor) }
                return
            }
            accepted += 1
            let address = PeerAddress(peer)
            if !address.isLocalSocket { setNoDelay(descriptor) }
            admit(
                ClientConnection(
                    descriptor: descriptor, address: listener.place.address, slot: listener.place.slot, peer: address,
                    nowMilliseconds: clock.milliseconds))
        }
    }

    /// Starts serving a connection: a new one, or one handed over. Nil when there is no place for it (it is closed).
    @discardableResult
    mutating func admit(_ connection: consuming ClientConnection) -> UInt32? {
        guard let c = place(connection) else { return nil }
        count(.connectionsAccepted)
        progress(c)
        return c
    }

    /// Gives a connection its place in the loop. Nil when there is none (it is closed).
    mutating func place(_ connection: consuming ClientConnection) -> UInt32? {
        let descriptor = connection.descriptor
        guard let id = clients.insert(connection) else { return nil }
        counters.set(Counter.connectionsOpen.rawValue, UInt64(clients.count))
        guard poller.addStream(descriptor, Token(.client, id)) else {
            closeClient(id.index)
            return nil
        }
        armClientTimer(id.index)
        return id.index
    }
}
