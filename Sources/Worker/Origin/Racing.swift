// The addresses of one origin race for a request (RFC 8305 section 5): one that does not answer soon goes on trying,
// the next is tried beside it, and the first to answer gets the request. Which address comes next is OriginPool's.

internal import ControlChannel

extension Worker {
    /// How long an attempt has the request for itself.
    static var attemptDelayMilliseconds: UInt32 { 250 }

    /// Whether another address can be tried beside the one that is being tried here.
    borrowing func hasRivals(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard origins[o].phase == .connecting, e != .max, exchanges[e].connects + 1 < Self.maximumConnects else {
            return false
        }
        return Int(exchanges[e].failuresHere) < upstreams[Int(origins[o].origin)].addresses.count - 1
    }

    /// The attempt has had its time: it goes on without the request, which tries the next address.
    mutating func race(_ o: UInt32) {
        let e = origins[o].exchange
        origins[o].exchange = .max
        origins[o].racesFor = exchanges.id(at: e)
        if let buffer = origins[o].input.take() { buffers.give(buffer) }
        if let buffer = origins[o].output.take() { buffers.give(buffer) }
        armOriginTimer(o)
        pool.addressFailed(origins[o].origin, turn: origins[o].addressTurn)
        exchanges[e].connection = .max
        notSent(e, .timeout)
    }

    /// An attempt that had to leave its request has come about. True when it gets the request back, because no other
    /// has come about before.
    mutating func winsRace(_ o: UInt32) -> Bool {
        let id = origins[o].racesFor
        origins[o].racesFor = .none
        guard exchanges.contains(id), exchanges[id.index].connection != .max else { return false }
        let slower = exchanges[id.index].connection
        guard origins[slower].phase == .connecting, origins[slower].origin == origins[o].origin else { return false }
        origins[slower].exchange = .max
        closeOrigin(slower)
        pool.prefer(origins[o].origin, turn: origins[o].addressTurn)
        bind(id.index, o)
        return true
    }
}
