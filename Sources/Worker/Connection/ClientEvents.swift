// What a client connection does when its socket or its timer says so: flush, answer, read, rest, close.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import HTTPMessage
internal import ShmCache

/// What the connection at hand has had in one go.
struct TurnShare {
    /// Requests that were begun.
    var served: UInt32 = 0
    /// Bytes it had been sent by the end of the first of them.
    var sentBefore: UInt64 = 0
}

extension Worker {
    mutating func clientReady(_ c: UInt32, _ ready: ReadySet) {
        // An event of this very turn; whoever has the connection next will be told again.
        if clients[c].phase == .leaving { return }
        if ready.contains(.error) || ready.contains(.hangUp) {
            // Both directions are gone: nothing that is still owed can arrive.
            abortClient(c)
            return
        }
        if ready.contains(.writable) { clients[c].sink.becameWritable() }
        if ready.contains(.readable) || ready.contains(.peerClosed) { clients[c].mayRead = true }
        if ready.contains(.peerClosed) { clients[c].endAnnounced = true }
        if isSendingBody(c) { return continueLater(clients[c].context.index) }
        hear(c)
    }

    /// In the middle of a body: a readable or writable socket has its piece when it is its turn.
    mutating func isSendingBody(_ c: UInt32) -> Bool {
        guard clients[c].phase == .answering, contexts.contains(clients[c].context) else { return false }
        return contexts[clients[c].context.index].phase == .sending
    }

    /// Remembers to look at a connection before the turn ends: for changes that come from outside its own events.
    mutating func progressLater(_ c: UInt32) { answered.append(clients.id(at: c)) }

    mutating func progressAnswered() {
        while let id = answered.popLast() {
            if clients.contains(id) { progress(id.index) }
        }
    }

    /// Bytes that one connection is sent in one go before others have their turn.
    private static var bytesPerTurn: UInt64 { 256 * 1024 }

    /// Does all that can be done on this connection now: of requests that were sent ahead, as many as a turn allows.
    mutating func progress(_ c: UInt32) {
        let id = clients.id(at: c)
        share.served = 0
        while clients.contains(id) {
            let goesOn: Bool
            switch clients[c].phase {
            case .reading: goesOn = progressReading(c)
            case .answering: goesOn = progressAnswering(c)
            case .tunnelling: goesOn = progressTunnel(c)
            case .lingering: goesOn = progressLingering(c)
            case .leaving: goesOn = false
            }
            if !goesOn { return }
        }
    }

    /// Whether a connection that has sent more has had what one turn gives.
    @inline(never)
    private mutating func hasHadShare(_ c: UInt32) -> Bool {
        let sent = clients[c].sink.bytesSent
        if share.served == 1 { share.sentBefore = sent }
        return share.served >= settings.pipelined || sent &- share.sentBefore >= Self.bytesPerTurn
    }

    /// The connection has had its share of this turn: what it is owed goes out, the rest follows in the next turn.
    private mutating func restForTurn(_ c: UInt32) -> Bool {
        guard flushed(c), !clients[c].hasMore else { return false }
        clients[c].hasMore = true
        persistent.append(clients.id(at: c))
        return false
    }

    /// Goes on with the connections that had sent more requests than the last turn answered.
    mutating func servePersistent() {
        guard !persistent.isEmpty else { return }
        let count = persistent.count
        for index in 0..<count where clients.contains(persistent[index]) {
            clients[persistent[index].index].hasMore = false
            progress(persistent[index].index)
        }
        persistent.removeFirst(count)
    }

    /// Parses and answers what is there, reads what is not. False when nothing more can be done now.
    private mutating func progressReading(_ c: UInt32) -> Bool {
        if clients[c].closesAfterResponse { return holdsBack(c) ? false : finishClosing(c) }
        if clients[c].sink.isBlocked, clients[c].sink.pendingCount > BodyPump.copyLimit {
            // A client that pipelines and does not read: answer no further until it does.
            return rest(c)
        }
        let r = clients[c].request
        if r != .max, !requests[r].bytes.isEmpty {
            if share.served > 0, hasHadShare(c) { return restForTurn(c) }
            if let place = repeated.find(requests[r], keyHash), clients[c].slot != .max {
                serveRepeated(c, as: place)
                return true
            }
            switch requests[r].parse() {
            case .complete:
                serve(c)
                return true
            case .rejected(let rejection):
                refuse(c, rejection)
                return true
            case .needMore, .routable:
                if requests[r].bytes.writableCount == 0, !requests[r].makeRoomForHead() {
                    refuse(c, .headTooLong)
                    return true
                }
            }
        }
        guard !holdsBack(c), flushed(c) else { return false }
        return readRequest(c)
    }

    /// Sends what is pending; `more` when something follows at once. False when the connection is gone.
    private mutating func flushed(_ c: UInt32, more: Bool = false) -> Bool {
        guard clients[c].sink.hasPending else { return true }
        guard clients[c].sink.flush(more: more) != .failed else {
            abortClient(c)
            return false
        }
        return true
    }

    /// Reads more of a request. False when the kernel has nothing.
    mutating func readRequest(_ c: UInt32) -> Bool {
        guard clients[c].mayRead else { return rest(c) }
        if clients[c].request == .max {
            guard let fresh = requests.acquire() else { return rest(c) }
            clients[c].request = fresh
        }
        let r = clients[c].request
        let wasEmpty = requests[r].bytes.isEmpty
        let space = requests[r].bytes.writableCount
        let received = requests[r].bytes.receive(from: clients[c].descriptor)
        noteRead(c, received, space)
        if received > 0 {
            count(.bytesIn, UInt64(received))
            if wasEmpty { clients[c].lastProgressMilliseconds = clock.milliseconds }
            return true
        }
        if received == 0 || !isWouldBlock(received) {
            clients[c].peerClosed = true
            return endOfRequests(c)
        }
        return rest(c)
    }

    /// A short read means that the kernel has no more, unless it has announced the end behind it.
    @inline(__always)
    mutating func noteRead(_ c: UInt32, _ received: Int, _ space: Int) {
        guard received < space else { return }
        clients[c].mayRead = received > 0 && clients[c].endAnnounced
    }

    /// The client will send nothing more. A half request cannot be answered by anybody.
    private mutating func endOfRequests(_ c: UInt32) -> Bool {
        clients[c].closesAfterResponse = true
        return finishClosing(c)
    }

    /// Nothing to do until an event: gives back what an idle connection does not need.
    private mutating func rest(_ c: UInt32) -> Bool {
        let r = clients[c].request
        if r != .max, requests[r].bytes.isEmpty {
            requests.release(r)
            clients[c].request = .max
        }
        releaseSendBuffer(c)
        if drain.isDraining, clients[c].isIdle {
            retireIdle(c)
        } else {
            armClientTimer(c)
        }
        return false
    }

    mutating func releaseSendBuffer(_ c: UInt32) {
        if let buffer = clients[c].sink.takeEmptyBuffer() { buffers.give(buffer) }
    }

    /// Makes sure that the sink can take a head.
    mutating func provideSendBuffer(_ c: UInt32) {
        guard !clients[c].sink.hasBuffer else { return }
        clients[c].sink.adopt(buffers.take())
    }

    /// The last response is complete: sends it, then ends the connection so that the client gets all of it.
    private mutating func finishClosing(_ c: UInt32) -> Bool {
        // What follows is the end of the stream: held back for it, the last bytes and the FIN are one packet.
        guard flushed(c, more: true) else { return false }
        guard !clients[c].sink.hasPending else {
            armClientTimer(c)
            return false
        }
        let hasUnread = clients[c].request != .max && !requests[clients[c].request].bytes.isEmpty
        let mayCome = hasUnread || clients[c].mayRead || clients[c].isCutShort || clients[c].requestsServed == 0
        if clients[c].peerClosed || !mayCome {
            closeClient(c)
            return false
        }
        beginLingering(c)
        return true
    }

    /// Ends an idle connection, unless a request has come after all.
    mutating func endIdle(_ c: UInt32) {
        guard !hasArrived(clients[c].descriptor) else {
            clients[c].mayRead = true
            return progressLater(c)
        }
        beginLingering(c)
    }

    /// Shuts our direction. Bytes may still be on their way: a close now would answer them with a reset, which destroys
    /// the response.
    mutating func beginLingering(_ c: UInt32) {
        _ = shutdown(clients[c].descriptor, Int32(SHUT_WR))
        clients[c].phase = .lingering
        clients[c].lastProgressMilliseconds = clock.milliseconds
        clients[c].mayRead = true
        armClientTimer(c)
    }

    /// Reads and drops until the client has closed as well.
    private mutating func progressLingering(_ c: UInt32) -> Bool {
        if clients[c].request == .max {
            guard let fresh = requests.acquire() else {
                closeClient(c)
                return false
            }
            clients[c].request = fresh
        }
        let r = clients[c].request
        for _ in 0..<16 where clients[c].mayRead {
            requests[r].clear()
            let received = requests[r].bytes.receive(from: clients[c].descriptor)
            if received == 0 || (received < 0 && !isWouldBlock(received)) {
                closeClient(c)
                return false
            }
            if received < 0 { clients[c].mayRead = false }
        }
        if clients[c].mayRead { closeClient(c) }
        return false
    }

    /// The client is gone in the middle: what it asked for is dropped, what others share goes on.
    mutating func abortClient(_ c: UInt32) {
        if !clients[c].context.isNone { count(.clientAborts) }
        // A body that lasts until the connection ends would be taken for whole (RFC 9112 section 8).
        if clients[c].sink.framing == .untilClose, clients[c].phase != .lingering {
            resetOnClose(clients[c].descriptor)
        }
        closeClient(c)
    }

    mutating func closeClient(_ c: UInt32) {
        let context = clients[c].context
        if !context.isNone { dropContext(context.index) }
        if clients[c].request != .max { requests.release(clients[c].request) }
        if clients[c].isWatched { poller.willClose(Token(.client, clients.id(at: c))) }
        var connection = clients.remove(c)
        if let buffer = connection.sink.surrender() { buffers.give(buffer) }
        timers.cancel(&connection.timer)
        counters.set(Counter.connectionsOpen.rawValue, UInt64(clients.count))
    }
}
