// Tunnels change workers as idle connections do, with two descriptors and the bytes under way in both directions. What
// travels and how it is put together again; the conversation with the sibling is HandOver's.

internal import CLinux
internal import CachePolicy
internal import ControlChannel
internal import Glibc
internal import HTTPMessage

extension Worker {
    /// What goes with a tunnel; nil while it holds more bytes than a message does.
    borrowing func tunnelNote(_ c: UInt32) -> HandedConnection? {
        let x = clients[c].context.index
        let r = contexts[x].request
        let o = exchanges[contexts[x].exchange].connection
        let toOrigin = origins[o].outputCount + requests[r].unreadCount
        let toClient = clients[c].sink.pendingCount + readableCount(origins[o].input)
        guard toOrigin + toClient <= HandedConnection.maximumUnreadBytes else { return nil }
        var note = note(of: c)
        note.isTunnel = true
        note.origin = origins[o].origin
        copyReadable(origins[o].output, to: &note.unread)
        Self.copyUnread(requests[r], to: &note.unread)
        clients[c].sink.copyPending(to: &note.unsent)
        copyReadable(origins[o].input, to: &note.unsent)
        return note
    }

    private static func copyUnread(_ request: borrowing RequestBuffer, to bytes: inout [UInt8]) {
        append(request.unread, to: &bytes)
    }

    /// A tunnel of which one side has ended lives out its life where it is, and so does one over
    /// TLS, whose keys do not travel.
    borrowing func isWholeTunnel(_ c: UInt32) -> Bool {
        let e = contexts[clients[c].context.index].exchange
        guard e != .max, exchanges[e].connection != .max else { return false }
        guard !origins[exchanges[e].connection].isSecure else { return false }
        return !exchanges[e].hasShutOrigin && !clients[c].peerClosed
    }

    /// A sibling's tunnel becomes ours. False when there is no place for it; both descriptors are closed then.
    mutating func takeTunnel(
        _ note: HandedConnection, _ connection: consuming ClientConnection, origin descriptor: Int32
    ) -> Bool {
        let hasRoom = !exchanges.isFull && !contexts.isFull && !origins.isFull
        guard hasRoom, Int(note.origin) < settings.origins.count, let r = requests.acquire() else {
            close(descriptor)
            return false
        }
        let fits =
            note.unread.count <= requests[r].bytes.writableCount && note.unsent.count <= settings.sendBufferBytes
        guard fits, let c = place(connection) else {
            requests.release(r)
            close(descriptor)
            return false
        }
        clients[c].request = r
        clients[c].closesAfterResponse = true
        provideSendBuffer(c)
        _ = unsafe requests[r].bytes.append(note.unread.span.bytes)
        _ = unsafe clients[c].sink.append(note.unsent.span.bytes)
        guard let o = placeTunnelOrigin(descriptor, note.origin), tie(c, r, o) else {
            closeClient(c)
            return false
        }
        count(.connectionsTakenOver)
        watch(c)
        guard clients.isTaken(c) else { return false }
        progress(c)
        return true
    }

    private mutating func placeTunnelOrigin(_ descriptor: Int32, _ origin: UInt16) -> UInt32? {
        let connection = OriginConnection(descriptor: descriptor, origin: origin, nowMilliseconds: clock.milliseconds)
        guard let id = origins.insert(connection) else { return nil }
        pool.opened(origin)
        origins[id.index].input = buffers.take()
        origins[id.index].output = buffers.take()
        guard resumeTunnelOrigin(id.index) else {
            closeOrigin(id.index)
            return nil
        }
        return id.index
    }

    /// Watches the origin's side; the first event says what it is ready for.
    private mutating func resumeTunnelOrigin(_ o: UInt32) -> Bool {
        origins[o].phase = .tunnelling
        origins[o].mayRead = true
        origins[o].mayWrite = true
        guard poller.addStream(origins[o].descriptor, Token(.origin, origins.id(at: o))) else { return false }
        armOriginTimer(o)
        return true
    }

    /// Context and exchange of a tunnel, as `startTunnel` leaves them.
    private mutating func tie(_ c: UInt32, _ r: UInt32, _ o: UInt32) -> Bool {
        let route = Route(site: 0, origin: origins[o].origin)
        let context = RequestContext(
            client: clients.id(at: c), request: r, route: route, phase: .tunnelling,
            nowMilliseconds: clock.milliseconds)
        guard let x = contexts.insert(context) else {
            closeOrigin(o)
            return false
        }
        var exchange = Exchange(
            purpose: .relay, route: route, request: .max, context: x, requestHead: buffers.take(),
            keys: ExchangeKeys(text: buffers.take(), key: .none, baseHash: 0), permit: nil,
            body: OriginBody(limits: settings.responseLimits), method: .get,
            startedUnixMilliseconds: clock.unixMilliseconds, sentUnixMilliseconds: clock.unixMilliseconds)
        exchange.connection = o
        exchange.server = origins[o].origin
        exchange.hasResponse = true
        guard let e = exchanges.insert(exchange) else {
            _ = contexts.remove(x.index)
            closeOrigin(o)
            return false
        }
        origins[o].exchange = e.index
        contexts[x.index].exchange = e.index
        clients[c].context = x
        clients[c].phase = .tunnelling
        return true
    }

    /// The sibling will not have it.
    mutating func takeTunnelBack(_ c: UInt32) {
        clients[c].phase = .tunnelling
        clients[c].mayRead = true
        let o = exchanges[contexts[clients[c].context.index].exchange].connection
        clients[c].isWatched = poller.addStream(clients[c].descriptor, Token(.client, clients.id(at: c)))
        guard clients[c].isWatched, resumeTunnelOrigin(o) else { return closeClient(c) }
        armClientTimer(c)
        progress(c)
    }
}
