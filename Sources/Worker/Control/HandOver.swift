// Idle plaintext connections change workers without their clients noticing: the descriptor and whatever was read travel
// to a sibling, the own copy is closed once the sibling has said that it has it. The order is HandOverMessage's.

internal import CLinux
internal import ControlChannel
internal import Glibc

/// The pair that connects this worker with a sibling.
struct HandOverPartner: ~Copyable {
    var socket: HandOverSocket
    let role: HandOverRole
    let lane: UInt16
    var unanswered = 0
    /// Its socket took no more: it is offered nothing until it has answered.
    var isFull = false
    /// It said no once: it drains itself, or is full. The supervisor names another.
    var refuses = false
}

/// What became of a connection that was to change workers.
enum HandOverOutcome {
    /// On its way.
    case given
    /// There is somebody, but not now: the sweep comes by again.
    case later
    /// There is nobody to take it.
    case nobody
}

extension Worker {
    /// The kernel counts descriptors in flight per user.
    private static var maximumUnanswered: Int { 64 }

    mutating func addPartner(_ descriptor: Int32, _ role: HandOverRole, _ lane: UInt16) {
        let partner = HandOverPartner(socket: HandOverSocket(taking: descriptor), role: role, lane: lane)
        guard let id = partners.insert(partner) else { return }
        _ = poller.addReadable(descriptor, Token(.handOver, index: id.index))
        if role == .sibling { siblings += 1 }
        guard role == .giver else { return }
        takers.append(id.index)
        if drain.isDraining { sweepDraining() }
    }

    /// Whether some sibling takes connections, if not at this moment.
    var hasTaker: Bool {
        for index in takers where partners.isTaken(index) && !partners[index].refuses { return true }
        return false
    }

    /// The next sibling in turn that takes connections, so that all get a share.
    private mutating func chooseTaker() -> UInt32? {
        for offset in 0..<takers.count {
            let index = takers[(nextTaker + offset) % takers.count]
            guard partners.isTaken(index), !partners[index].refuses else { continue }
            guard mayOffer(to: index) else { continue }
            nextTaker = (nextTaker + offset + 1) % takers.count
            return index
        }
        return nil
    }

    /// Nobody tells when a full socket has room again but the answers to what it holds.
    private borrowing func mayOffer(to partner: UInt32) -> Bool {
        let unanswered = partners[partner].unanswered
        return unanswered < Self.maximumUnanswered && (!partners[partner].isFull || unanswered == 0)
    }

    /// Offers an idle connection to a sibling.
    mutating func handOver(_ c: UInt32) -> HandOverOutcome {
        guard hasTaker, clients[c].slot != .max else { return .nobody }
        guard let taker = chooseTaker() else { return .later }
        let note = note(of: c)
        return send(note, [clients[c].descriptor], c, to: taker)
    }

    /// Passes a new connection on to this sibling. False when it stays.
    mutating func give(_ c: UInt32, to sibling: UInt32) -> Bool {
        guard clients[c].slot != .max, mayOffer(to: sibling) else { return false }
        if case .given = send(note(of: c), [clients[c].descriptor], c, to: sibling) { return true }
        return false
    }

    borrowing func note(of c: UInt32) -> HandedConnection {
        HandedConnection(
            id: c, address: clients[c].address, slot: clients[c].slot, peer: clients[c].peer.socketAddress,
            ageMilliseconds: UInt64(clock.milliseconds - clients[c].acceptedMilliseconds),
            idleMilliseconds: UInt64(clock.milliseconds - clients[c].lastProgressMilliseconds),
            requests: clients[c].requestsServed)
    }

    /// Passes descriptors and note on, and does nothing with them from then on. The own copies stay until the answer.
    private mutating func send(
        _ note: HandedConnection, _ descriptors: [Int32], _ c: UInt32, to taker: UInt32
    ) -> HandOverOutcome {
        do {
            // What waited in a queue would be with neither of the two, and nobody reads on meanwhile.
            partners[taker].isFull = try !partners[taker].socket.offer(.connection(note), keeping: descriptors)
        } catch {
            removePartner(taker)
            return .later
        }
        guard !partners[taker].isFull else { return .later }
        if clients[c].isWatched { poller.remove(descriptors[0], Token(.client, clients.id(at: c))) }
        clients[c].isWatched = false
        timers.cancel(&clients[c].timer)
        clients[c].phase = .leaving
        clients[c].taker = UInt16(taker)
        partners[taker].unanswered += 1
        travelling += 1
        return .given
    }

    /// Offers a tunnel: both descriptors, and the bytes that are under way in both directions.
    mutating func handOverTunnel(_ c: UInt32) -> HandOverOutcome {
        guard hasTaker, clients[c].slot != .max, isWholeTunnel(c) else { return .nobody }
        guard let note = tunnelNote(c), let taker = chooseTaker() else { return .later }
        // Whoever refused this tunnel (no such origin, no room) may well take other connections.
        guard clients[c].taker != UInt16(taker) else { return .nobody }
        let o = exchanges[contexts[clients[c].context.index].exchange].connection
        let outcome = send(note, [clients[c].descriptor, origins[o].descriptor], c, to: taker)
        guard outcome == .given else { return outcome }
        timers.cancel(&origins[o].timer)
        poller.remove(origins[o].descriptor, Token(.origin, origins.id(at: o)))
        origins[o].phase = .leaving
        return .given
    }

    var hasUnansweredHandOvers: Bool {
        for index in takers where partners.isTaken(index) && partners[index].unanswered > 0 { return true }
        return false
    }

    mutating func handOverReady(_ index: UInt32) {
        while partners.isTaken(index) {
            let received: Received<HandOverMessage>
            do { received = try partners[index].socket.receive() } catch { return removePartner(index) }
            switch received {
            case .nothing: return
            case .closed: return removePartner(index)
            case .message(let message, let descriptors): act(on: message, descriptors, index)
            }
        }
    }

    private mutating func act(on message: HandOverMessage, _ descriptors: [Int32], _ index: UInt32) {
        switch message {
        case .connection(let note):
            let isTaken = takeOver(note, descriptors)
            do { try partners[index].socket.send(isTaken ? .taken(id: note.id) : .refused(id: note.id)) } catch {
                removePartner(index)
            }
        case .taken(let id):
            noteAnswer(of: index)
            guard clients.isTaken(id), clients[id].phase == .leaving else { return }
            count(.connectionsHandedOver)
            travelling -= 1
            drain.outcome.handedOver += 1
            closeClient(id)
        case .refused(let id):
            noteAnswer(of: index)
            guard clients.isTaken(id), clients[id].phase == .leaving else { return }
            travelling -= 1
            if clients[id].context.isNone {
                partners[index].refuses = true
                takeBack(id)
            } else {
                takeTunnelBack(id)
            }
        case .end: break
        }
    }

    private mutating func noteAnswer(of partner: UInt32) {
        partners[partner].unanswered -= 1
        partners[partner].isFull = false
    }

    /// A sibling's connection becomes ours. False when it cannot; its descriptors are closed then.
    private mutating func takeOver(_ note: HandedConnection, _ descriptors: [Int32]) -> Bool {
        guard descriptors.count == (note.isTunnel ? 2 : 1), !drain.isDraining, !clients.isFull else {
            for descriptor in descriptors { close(descriptor) }
            return false
        }
        var connection = ClientConnection(
            descriptor: descriptors[0], address: note.address, slot: note.slot, peer: PeerAddress(note.peer),
            nowMilliseconds: clock.milliseconds)
        connection.requestsServed = note.requests
        connection.mayTravel = false
        connection.lastProgressMilliseconds -= Int64(clamping: note.idleMilliseconds)
        // The other one may have let the kernel hold more.
        boundUnsent(descriptors[0])
        if note.isTunnel { return takeTunnel(note, connection, origin: descriptors[1]) }
        guard let c = place(connection) else { return false }
        if !note.unread.isEmpty, let r = requests.acquire() {
            clients[c].request = r
            _ = unsafe requests[r].bytes.append(note.unread.span.bytes)
        }
        count(.connectionsTakenOver)
        fresh.append(clients.id(at: c))
        return true
    }

    /// The sibling will not have it, or is gone: this worker goes on serving it.
    private mutating func takeBack(_ c: UInt32) {
        clients[c].taker = .max
        if !clients[c].context.isNone { return takeTunnelBack(c) }
        clients[c].phase = .reading
        clients[c].mayRead = true
        watch(c)
    }

    private mutating func removePartner(_ index: UInt32) {
        guard partners.isTaken(index) else { return }
        poller.remove(partners[index].socket.fd, Token(.handOver, index: index))
        let partner = partners.remove(index)
        if partner.role == .sibling { siblings -= 1 }
        guard partner.role != .taker else { return }
        takers.removeAll { $0 == index }
        var c: UInt32 = 0
        while c < clients.endIndex {
            if clients.isTaken(c), clients[c].taker == UInt16(index) { forgetTaker(of: c) }
            c += 1
        }
    }

    /// Another sibling may have the same place among the partners one day, and is no other's refusal.
    private mutating func forgetTaker(of c: UInt32) {
        clients[c].taker = .max
        guard clients[c].phase == .leaving else { return }
        travelling -= 1
        takeBack(c)
    }
}

extension PeerAddress {
    /// As messages carry it; nil for a local socket.
    var socketAddress: SocketAddress? {
        if isLocalSocket { return nil }
        let all = (0..<16).map { bytes[$0] }
        return isIPv6 ? SocketAddress(ipv6: all, port: port) : SocketAddress(ipv4: Array(all[12...]), port: port)
    }

    init(_ address: SocketAddress?) {
        self = .local
        guard let address, address.family != .unix else { return }
        isLocalSocket = false
        isIPv6 = address.family == .ipv6
        port = address.port
        let offset = 16 - address.bytes.count
        for (index, byte) in address.bytes.enumerated() { bytes[offset + index] = byte }
    }
}
