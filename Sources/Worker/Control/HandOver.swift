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
}

extension Worker {
    /// The kernel counts descriptors in flight per user.
    private static var maximumUnanswered: Int { 64 }

    mutating func addPartner(_ descriptor: Int32, _ role: HandOverRole, _ lane: UInt16) {
        let partner = HandOverPartner(socket: HandOverSocket(taking: descriptor), role: role, lane: lane)
        guard let id = partners.insert(partner) else { return }
        _ = poller.addReadable(descriptor, Token(.handOver, index: id.index))
        if role == .giver { giver = id.index }
    }

    /// Offers an idle connection to the successor. False when there is none to take it.
    mutating func handOver(_ c: UInt32) -> Bool {
        guard let giver, partners.isTaken(giver), clients[c].slot != .max else { return false }
        // At the limit it waits its turn: the sweep comes by again.
        guard partners[giver].unanswered < Self.maximumUnanswered else { return true }
        let descriptor = clients[c].descriptor
        poller.remove(descriptor)
        timers.cancel(&clients[c].timer)
        let note = HandedConnection(
            id: c, address: clients[c].address, slot: clients[c].slot, peer: clients[c].peer.socketAddress,
            ageMilliseconds: UInt64(clock.milliseconds - clients[c].acceptedMilliseconds),
            idleMilliseconds: UInt64(clock.milliseconds - clients[c].lastProgressMilliseconds),
            requests: clients[c].requestsServed)
        do { try partners[giver].socket.send(.connection(note), [.keeping(descriptor)]) } catch {
            takeBack(c)
            removePartner(giver)
            return false
        }
        clients[c].phase = .leaving
        partners[giver].unanswered += 1
        return true
    }

    var hasUnansweredHandOvers: Bool {
        guard let giver, partners.isTaken(giver) else { return false }
        return partners[giver].unanswered > 0
    }

    mutating func handOverReady(_ index: UInt32) {
        guard partners.isTaken(index) else { return }
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
        case .connection(let note): takeOver(note, descriptors, index)
        case .taken(let id):
            partners[index].unanswered -= 1
            guard clients.isTaken(id), clients[id].phase == .leaving else { return }
            count(.connectionsHandedOver)
            drain.outcome.handedOver += 1
            closeClient(id)
        case .refused(let id):
            partners[index].unanswered -= 1
            guard clients.isTaken(id), clients[id].phase == .leaving else { return }
            takeBack(id)
        case .end: break
        }
    }

    /// A sibling's connection becomes ours.
    private mutating func takeOver(_ note: HandedConnection, _ descriptors: [Int32], _ index: UInt32) {
        guard let descriptor = descriptors.first, !note.isTunnel, !drain.isDraining else {
            for descriptor in descriptors { close(descriptor) }
            try? partners[index].socket.send(.refused(id: note.id))
            return
        }
        var connection = ClientConnection(
            descriptor: descriptor, address: note.address, slot: note.slot, peer: PeerAddress(note.peer),
            nowMilliseconds: clock.milliseconds)
        connection.requestsServed = note.requests
        connection.lastProgressMilliseconds -= Int64(clamping: note.idleMilliseconds)
        guard let c = place(connection) else {
            try? partners[index].socket.send(.refused(id: note.id))
            return
        }
        if !note.unread.isEmpty, let r = requests.acquire() {
            clients[c].request = r
            _ = unsafe requests[r].bytes.append(note.unread.span.bytes)
        }
        count(.connectionsTakenOver)
        try? partners[index].socket.send(.taken(id: note.id))
        progress(c)
    }

    /// The sibling will not have it: this worker goes on serving it.
    private mutating func takeBack(_ c: UInt32) {
        clients[c].phase = .reading
        clients[c].mayRead = true
        guard poller.addStream(clients[c].descriptor, Token(.client, clients.id(at: c))) else { return closeClient(c) }
        armClientTimer(c)
    }

    private mutating func removePartner(_ index: UInt32) {
        guard partners.isTaken(index) else { return }
        poller.remove(partners[index].socket.fd)
        let partner = partners.remove(index)
        guard partner.role == .giver else { return }
        giver = nil
        var c: UInt32 = 0
        while c < clients.endIndex {
            if clients.isTaken(c), clients[c].phase == .leaving { takeBack(c) }
            c += 1
        }
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
