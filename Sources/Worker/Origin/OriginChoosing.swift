// Where a request goes: which of the site's origins, over a pooled or a new connection; elsewhere when it cannot be
// reached; into a line when every connection is taken.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import HTTPMessage

extension Worker {
    /// Connections that one exchange may try to open.
    static var maximumConnects: UInt8 { 8 }

    /// Sends the request: for the first time, or again.
    mutating func attempt(_ e: UInt32) {
        exchanges[e].attempts += 1
        exchanges[e].hasBytes = false
        let server = chooseServer(e)
        if server != exchanges[e].server { exchanges[e].failuresHere = 0 }
        exchanges[e].server = server
        send(e)
    }

    private mutating func chooseServer(_ e: UInt32) -> UInt16 {
        let group = settings.groups[Int(exchanges[e].route.site)]
        guard group.count > 1 else { return group.first }
        // The chosen one has another address to try.
        if exchanges[e].failuresHere > 0, !hasTried(e, exchanges[e].server) { return exchanges[e].server }
        let servers = group.first..<group.first + group.count
        // Where a name has never been resolved a request could only wait: nobody does who can go elsewhere.
        let isAnyKnown = servers.contains { isKnown($0) && upstreams[Int($0)].origin.weight > 0 }
        var standings: [OriginStanding] = []
        for server in servers {
            let upstream = upstreams[Int(server)]
            standings.append(
                OriginStanding(
                    weight: isAnyKnown && !isKnown(server) ? 0 : upstream.origin.weight, load: pool.busy(server),
                    isUp: upstream.health.isUp(nowMilliseconds: clock.milliseconds), isTried: hasTried(e, server)))
        }
        let index = OriginPicker.pick(
            standings.count, group.balance, key: exchanges[e].keys.baseHash, &random, standing: { standings[$0] })
        return group.first + UInt16(index)
    }

    /// Whether there is an address to go to.
    private borrowing func isKnown(_ server: UInt16) -> Bool { !upstreams[Int(server)].addresses.isEmpty }

    private borrowing func hasTried(_ e: UInt32, _ server: UInt16) -> Bool {
        let bit = UInt64(server - settings.groups[Int(exchanges[e].route.site)].first)
        return exchanges[e].triedServers >> bit & 1 == 1
    }

    /// On a pooled connection, or a new one, or later.
    private mutating func send(_ e: UInt32) {
        let server = exchanges[e].server
        exchanges[e].sentUnixMilliseconds = clock.unixMilliseconds
        let hasAddress = isKnown(server)
        // A repeated attempt goes to a new connection: the others in the pool may be as dead as the last one.
        if exchanges[e].attempts == 1 || !hasAddress, let o = takeIdle(server) {
            count(.originReused)
            return bind(e, o)
        }
        guard hasAddress else { return waitInLine(e) }
        // Where there may be no more of them, one of those gives way to it.
        if !pool.mayOpen(server), let o = pool.pop(server, &origins) { closeOrigin(o) }
        guard pool.mayOpen(server) else { return waitInLine(e) }
        guard let o = connect(server) else {
            // What this node lacks is not the origin's fault, and no other origin can be asked either.
            return mayConnect() ? notSent(e, .unreachable) : haveNoOther(e, .busy)
        }
        bind(e, o)
    }

    /// A pooled connection that has nothing to say: what came unasked would be taken for the next answer. It may have
    /// come behind the last one, and then no event tells of it any more.
    private mutating func takeIdle(_ server: UInt16) -> UInt32? {
        while let o = pool.pop(server, &origins) {
            guard origins[o].spokeUnasked() else { return o }
            closeOrigin(o)
        }
        return nil
    }

    /// Nothing of the request has left: another address or another origin may do, whatever the method.
    mutating func notSent(_ e: UInt32, _ failure: ExchangeFailure) {
        exchanges[e].connects += 1
        exchanges[e].failuresHere += 1
        let server = exchanges[e].server
        let group = settings.groups[Int(exchanges[e].route.site)]
        if Int(exchanges[e].failuresHere) >= upstreams[Int(server)].addresses.count {
            exchanges[e].triedServers |= 1 << UInt64(server - group.first)
        }
        let isExhausted = (group.first..<group.first + group.count).allSatisfy { hasTried(e, $0) || !isKnown($0) }
        guard !isExhausted, exchanges[e].connects < Self.maximumConnects else { return haveNoOther(e, failure) }
        exchanges[e].attempts -= 1
        attempt(e)
    }

    mutating func bind(_ e: UInt32, _ o: UInt32) {
        exchanges[e].connection = o
        exchanges[e].awaitsRacers = false
        origins[o].exchange = e
        origins[o].input = buffers.take()
        var output = buffers.take(atLeast: exchanges[e].requestHead.count)
        output.append(exchanges[e].requestHead.readable)
        origins[o].output = consume output
        origins[o].lastProgressMilliseconds = clock.milliseconds
        if origins[o].phase == .idle { origins[o].phase = .awaitingHead }
        armOriginTimer(o)
        if origins[o].phase == .awaitingHead { flushOrigin(o) }
    }

    /// Whether this node has what one more connection takes.
    mutating func mayConnect() -> Bool { !origins.isFull && accepting.room.lends(lowestFree) }

    /// Opens a connection to one of the origin's addresses. Where there are as many connections as there can be, the
    /// one that has been idle for longest gives way, whichever origin it leads to.
    mutating func connect(_ server: UInt16) -> UInt32? {
        let addresses = upstreams[Int(server)].addresses
        if origins.isFull, let o = pool.oldestIdle(origins) { closeOrigin(o) }
        guard !origins.isFull else { return nil }
        for _ in 0..<addresses.count {
            let turn = pool.addressTurn(of: server)
            let address = addresses[Int(turn) % addresses.count]
            let descriptor = cl_stream_socket(address.domain)
            guard descriptor >= 0 else { return nil }
            guard accepting.room.lends(descriptor) else {
                close(descriptor)
                return nil
            }
            let result = unsafe address.withSocketAddress { pointer, length in
                unsafe Glibc.connect(descriptor, pointer, length) == 0 ? 0 : cl_errno()
            }
            guard result == 0 || result == EINPROGRESS else {
                close(descriptor)
                pool.addressFailed(server, turn: turn)
                continue
            }
            if address.family != .unix {
                setNoDelay(descriptor)
                boundUnsent(descriptor)
            }
            var connection = OriginConnection(
                descriptor: descriptor, origin: server, nowMilliseconds: clock.milliseconds)
            connection.addressRevision = upstreams[Int(server)].addressRevision
            connection.addressTurn = turn
            return register(connection)
        }
        return nil
    }

    private mutating func register(_ connection: consuming OriginConnection) -> UInt32? {
        let descriptor = connection.descriptor
        let server = connection.origin
        guard let id = origins.insert(connection) else { return nil }
        pool.opened(server)
        count(.originConnects)
        guard poller.addStream(descriptor, Token(.origin, id)) else {
            closeOrigin(id.index)
            return nil
        }
        return id.index
    }

    // MARK: The line

    private mutating func waitInLine(_ e: UInt32) {
        let server = Int(exchanges[e].server)
        let places = Int(settings.pool.waitingRequests)
        if upstreams[server].line.count >= places { clearLine(server) }
        guard upstreams[server].line.count < places else { return haveNoOther(e, .busy) }
        exchanges[e].queuedMilliseconds = clock.milliseconds
        upstreams[server].line.append(exchanges.id(at: e))
        waitingInLine += 1
        count(.originQueued)
        armLineTimer(server)
    }

    /// Who has gone keeps no place from others.
    private mutating func clearLine(_ server: Int) {
        var line: [SlabID] = []
        for id in upstreams[server].line where exchanges.contains(id) { line.append(id) }
        waitingInLine -= upstreams[server].line.count - line.count
        upstreams[server].line = line
    }

    /// Takes a request out of the line that it stands in. False when it stands in none.
    mutating func leaveLine(_ e: UInt32) -> Bool {
        let server = Int(exchanges[e].server)
        guard let place = upstreams[server].line.firstIndex(of: exchanges.id(at: e)) else { return false }
        upstreams[server].line.remove(at: place)
        waitingInLine -= 1
        return true
    }

    private mutating func armLineTimer(_ server: Int) {
        let limit = settings.pool.waitMilliseconds
        guard limit > 0, !upstreams[server].lineTimer.isArmed, let first = upstreams[server].line.first else { return }
        let since = exchanges.contains(first) ? exchanges[first.index].queuedMilliseconds : clock.milliseconds
        upstreams[server].lineTimer = timers.arm(
            deadlineMilliseconds: since + Int64(limit), owner: Token(.line, index: UInt32(server)).raw)
    }

    /// Who has waited too long is told so.
    mutating func lineTimerExpired(_ server: Int) {
        upstreams[server].lineTimer = TimerHandle()
        let limit = Int64(settings.pool.waitMilliseconds)
        while let first = upstreams[server].line.first {
            let isDue =
                !exchanges.contains(first)
                || clock.milliseconds - exchanges[first.index].queuedMilliseconds >= limit
            guard isDue else { break }
            upstreams[server].line.removeFirst()
            waitingInLine -= 1
            if exchanges.contains(first) { failExchange(first.index, .busy) }
        }
        armLineTimer(server)
    }

    /// Sends what waited, as far as there are connections again.
    mutating func serveLines() {
        guard waitingInLine > 0 else { return }
        for server in upstreams.indices {
            // Who has to stand in line again has had its turn.
            for _ in 0..<upstreams[server].line.count {
                guard let first = upstreams[server].line.first else { break }
                let mayGo =
                    pool.hasIdle(UInt16(server))
                    || (pool.mayOpen(UInt16(server)) && !upstreams[server].addresses.isEmpty)
                guard mayGo || !exchanges.contains(first) else { break }
                upstreams[server].line.removeFirst()
                waitingInLine -= 1
                if exchanges.contains(first) { send(first.index) }
            }
        }
    }
}
