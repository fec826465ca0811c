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
    var room = DescriptorRoom.now()
    /// Armed while new connections have to wait.
    var pause = TimerHandle()
    /// When that may be said again.
    var saysAgainMilliseconds: Int64 = 0

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
        if !accepting.pause.isArmed { watchListeners(slot) }
    }

    mutating func watchListeners(_ slot: UInt16) {
        for (index, listener) in accepting.listeners.enumerated() where listener.place.slot == slot {
            let isLocal = isLocalAddress(listener.place.address)
            // Connections inherit it: one call here instead of one for each of them.
            if !isLocal {
                setNoDelay(listener.descriptor)
                boundUnsent(listener.descriptor)
                deferAccepting(listener.descriptor)
            }
            let token = Token(.listener, index: UInt32(index))
            _ = poller.addReadable(listener.descriptor, token, exclusive: isLocal)
        }
    }

    mutating func stopAccepting(_ slot: UInt16) {
        guard accepting.isAccepting(slot) else { return }
        accepting.remove(slot)
        unwatchListeners(slot)
    }

    mutating func unwatchListeners(_ slot: UInt16) {
        for (index, listener) in accepting.listeners.enumerated() where listener.place.slot == slot {
            poller.remove(listener.descriptor, Token(.listener, index: UInt32(index)))
        }
    }

    private borrowing func isLocalAddress(_ index: UInt16) -> Bool {
        Int(index) < settings.addresses.count && settings.addresses[Int(index)].address.family == .unix
    }

    mutating func acceptReady(_ index: UInt32) {
        guard Int(index) < accepting.listeners.count else { return }
        let listener = accepting.listeners[Int(index)]
        guard accepting.isAccepting(listener.place.slot), !accepting.pause.isArmed else { return }
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
                if error == EINVAL { poller.remove(listener.descriptor, Token(.listener, index: index)) }
                if DescriptorRoom.isLacking(error) { pauseAccepting() }
                return
            }
            accepted += 1
            let connection = ClientConnection(
                descriptor: descriptor, address: listener.place.address, slot: listener.place.slot,
                peer: PeerAddress(peer), nowMilliseconds: clock.milliseconds)
            admit(connection)
            guard accepting.room.admits(after: descriptor) else { return pauseAccepting() }
        }
        if clients.isFull { pauseAccepting() }
    }

    /// Reads from the connections that this turn accepted, now that their first bytes have had time to come. Most
    /// requests are answered here; only a connection that must wait is watched, so that one which asks once and closes
    /// never costs an epoll_ctl.
    mutating func progressFresh() {
        guard !fresh.isEmpty else { return }
        for index in 0..<fresh.count where clients.contains(fresh[index]) { hear(fresh[index].index) }
        answerHeard()
        var unserved = fresh.count
        for id in fresh {
            unserved -= 1
            guard clients.contains(id), !passOn(id.index, unserved: unserved) else { continue }
            if clients.contains(id) { watch(id.index) }
        }
        fresh.removeAll(keepingCapacity: true)
        expectRebalancing()
    }

    /// Takes a connection in, to be served before the turn ends. It is closed when there is no place for it.
    mutating func admit(_ connection: consuming ClientConnection) {
        guard let c = place(connection) else { return }
        count(.connectionsAccepted)
        fresh.append(clients.id(at: c))
    }

    /// Gives a connection its place among the others. Nil when there is none (it is closed).
    mutating func place(_ connection: consuming ClientConnection) -> UInt32? {
        guard let id = clients.insert(connection) else { return nil }
        counters.set(Counter.connectionsOpen.rawValue, UInt64(clients.count))
        return id.index
    }

    /// Has the kernel tell about a connection from now on: about what has already come as well.
    mutating func watch(_ c: UInt32) {
        guard !clients[c].isWatched, clients[c].phase != .leaving else { return }
        guard poller.addStream(clients[c].descriptor, Token(.client, clients.id(at: c))) else { return closeClient(c) }
        clients[c].isWatched = true
        armClientTimer(c)
    }
}
