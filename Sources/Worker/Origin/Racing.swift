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
        exchanges[e].racers += 1
        notSent(e, .timeout)
    }

    /// No address is left that could be tried. Who has attempts that still go on has not failed before they have.
    mutating func haveNoOther(_ e: UInt32, _ failure: ExchangeFailure) {
        guard exchanges[e].racers > 0 else { return failExchange(e, failure) }
        exchanges[e].awaitsRacers = true
    }

    /// An attempt that had to leave its request has failed.
    mutating func losesRace(_ id: SlabID, _ failure: ExchangeFailure) {
        guard exchanges.contains(id) else { return }
        exchanges[id.index].racers -= 1
        guard exchanges[id.index].awaitsRacers, exchanges[id.index].racers == 0 else { return }
        failExchange(id.index, failure)
    }

    /// An attempt that had to leave its request has come about. True when it gets the request back, because no other
    /// has come about before.
    mutating func winsRace(_ o: UInt32) -> Bool {
        let id = origins[o].racesFor
        origins[o].racesFor = .none
        guard exchanges.contains(id) else { return false }
        let e = id.index
        exchanges[e].racers -= 1
        guard exchanges[e].connection == .max ? isFree(e) : leavesSlower(e, o) else { return false }
        exchanges[e].server = origins[o].origin
        pool.prefer(origins[o].origin, turn: origins[o].addressTurn)
        bind(e, o)
        return true
    }

    /// Whether a request without a connection still wants one; if it stands in a line for it, it no longer does.
    private mutating func isFree(_ e: UInt32) -> Bool {
        if exchanges[e].awaitsRacers { return true }
        return leaveLine(e)
    }

    /// Ends the attempt that came later, if it is one at another address of the same origin.
    private mutating func leavesSlower(_ e: UInt32, _ o: UInt32) -> Bool {
        let slower = exchanges[e].connection
        guard origins[slower].phase == .connecting, origins[slower].origin == origins[o].origin else { return false }
        origins[slower].exchange = .max
        closeOrigin(slower)
        return true
    }
}
