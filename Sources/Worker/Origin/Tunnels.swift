// After 101 Switching Protocols: bytes both ways, uninterpreted, with back-pressure, until either side ends
// (RFC 9110 section 7.8).

internal import CLinux
internal import CachePolicy
internal import ControlChannel
internal import Glibc
internal import HTTPMessage

extension Worker {
    /// The origin agreed to switch: passes its head on and ties the two connections together.
    mutating func startTunnel(_ e: UInt32, _ o: UInt32, _ length: Int) -> Bool {
        let x = exchanges[e].context.index
        let c = contexts[x].client.index
        provideSendBuffer(c)
        let written = Self.writeRelayed(
            origins, o, scratch, nil, CacheStatus(), clock.unixMilliseconds, settings, exchanges, e, &clients, c)
        guard written else {
            abortClient(c)
            return false
        }
        origins[o].input?.consume(length)
        origins[o].phase = .tunnelling
        exchanges[e].hasResponse = true
        releaseRequest(e)
        contexts[x].phase = .tunnelling
        clients[c].phase = .tunnelling
        clients[c].closesAfterResponse = true
        clients[c].sink.framing = .none
        count(.tunnelsTotal)
        armOriginTimer(o)
        armClientTimer(c)
        progress(c)
        return false
    }

    mutating func tunnelOriginReady(_ o: UInt32) {
        let e = origins[o].exchange
        guard e != .max, !exchanges[e].context.isNone else { return closeOrigin(o) }
        progress(contexts[exchanges[e].context.index].client.index)
    }

    /// Moves what can be moved in both directions. False always: both sockets have been looked at.
    mutating func progressTunnel(_ c: UInt32) -> Bool {
        let x = clients[c].context.index
        let e = contexts[x].exchange
        guard e != .max, exchanges[e].connection != .max else {
            abortClient(c)
            return false
        }
        let o = exchanges[e].connection
        let toClient = moveToClient(c, o)
        let toOrigin = moveToOrigin(c, x, o)
        // An origin that has said all it will takes no more: what it said is still the client's.
        if toClient == .failed || (toOrigin == .failed && toClient != .ended) {
            abortClient(c)
            return false
        }
        if toClient == .ended, toOrigin == .ended || !clients[c].sink.hasPending {
            // The origin has ended and everything it said is with the client.
            endTunnel(c)
            return false
        }
        if toOrigin == .ended, origins[o].outputCount == 0, !exchanges[e].hasShutOrigin {
            exchanges[e].hasShutOrigin = true
            origins[o].endSending()
        }
        return false
    }

    private enum TunnelSide {
        case open, ended, failed
    }

    private mutating func moveToClient(_ c: UInt32, _ o: UInt32) -> TunnelSide {
        let start = clients[c].sink.bytesSent
        while true {
            guard clients[c].sink.bytesSent - start < UInt64(BodyPump.pieceLimit) else {
                continueLater(clients[c].context.index)
                return .open
            }
            if readableCount(origins[o].input) > 0 {
                let outcome = Self.forward(&origins[o].input, &clients[c].sink)
                if outcome == .failed { return .failed }
                if readableCount(origins[o].input) > 0 { return .open }
            } else if clients[c].sink.flush() == .failed {
                return .failed
            }
            clients[c].lastProgressMilliseconds = clock.milliseconds
            switch receiveFromOrigin(o) {
            case .bytes: continue
            case .nothing, .full: return origins[o].hasEnded ? .ended : .open
            case .end:
                origins[o].hasEnded = true
                return .ended
            case .failed: return .failed
            }
        }
    }

    private static func forward(_ input: inout Buffer?, _ sink: inout ClientSink) -> OfferOutcome {
        guard var buffer = input.take() else { return .took(0) }
        let outcome = sink.offer(buffer.readable, more: false)
        if case .took(let taken) = outcome { buffer.consume(taken) }
        input = consume buffer
        return outcome
    }

    private mutating func moveToOrigin(_ c: UInt32, _ x: UInt32, _ o: UInt32) -> TunnelSide {
        let r = contexts[x].request
        var total = 0
        while true {
            guard total < BodyPump.pieceLimit else {
                continueLater(x)
                return .open
            }
            // Without a buffer nothing that has come from the client would ever leave.
            guard origins[o].hasOutput else { return .failed }
            Self.stage(&requests[r], &origins[o].output)
            let sent = origins[o].flush()
            if sent < 0 { return .failed }
            if sent > 0 { origins[o].lastProgressMilliseconds = clock.milliseconds }
            total += sent
            if origins[o].outputCount > 0 { return .open }
            if requests[r].unreadCount > 0 { continue }
            guard clients[c].mayRead else { return clients[c].peerClosed ? .ended : .open }
            requests[r].makeRoomForBody()
            let space = requests[r].bytes.writableCount
            let received = requests[r].bytes.receive(from: clients[c].descriptor)
            noteRead(c, received, space)
            if received > 0 { continue }
            if received == 0 {
                clients[c].peerClosed = true
                return .ended
            }
            return isWouldBlock(received) ? .open : .failed
        }
    }

    private static func stage(_ request: inout RequestBuffer, _ output: inout Buffer?) {
        guard var buffer = output.take() else { return }
        buffer.compact()
        let taken = buffer.append(request.unread)
        request.consumeBody(taken)
        output = consume buffer
    }

    private mutating func endTunnel(_ c: UInt32) {
        let x = clients[c].context.index
        dropContext(x)
        clients[c].context = .none
        clients[c].phase = .reading
        progress(c)
    }
}
