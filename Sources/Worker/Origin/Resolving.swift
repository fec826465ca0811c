// Keeps the addresses of origins that have names: asks again when an answer has served its time, keeps the last good
// ones when there is no answer.

internal import ControlChannel

extension Worker {
    /// Between two questions after a failure, at first; it doubles up to `maximumRetryMilliseconds`.
    private static var retryMilliseconds: Int64 { 1_000 }
    private static var maximumRetryMilliseconds: Int64 { 60_000 }
    /// How long an answer of a hosts file is used, which does not say.
    private static var unstatedLifetimeMilliseconds: Int64 { 30_000 }

    static func needsResolver(_ origin: Origin) -> Bool {
        guard origin.host != "localhost", origin.addresses.first?.family != .unix else { return false }
        let isLiteral =
            origin.host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
            || origin.host.utf8.contains(UInt8(ascii: ":"))
        return !isLiteral
    }

    mutating func startResolving() {
        for server in upstreams.indices where Self.needsResolver(upstreams[server].origin) { ask(server) }
        tendResolver()
    }

    private mutating func ask(_ server: Int) { resolver?.ask(upstreams[server].origin.host, for: server) }

    mutating func resolveTimerExpired(_ server: Int) {
        ask(server)
        tendResolver()
    }

    mutating func resolverReady(_ descriptor: Int32, _ ready: ReadySet) {
        let reads = !ready.isDisjoint(with: [.readable, .error, .hangUp])
        resolver?.ready(descriptor, reads: reads, writes: ready.contains(.writable))
        tendResolver()
    }

    mutating func resolverTimerExpired() {
        resolverTimer = TimerHandle()
        resolver?.timeHasPassed()
        tendResolver()
    }

    /// After every call of the resolver: watches its sockets, uses its answers, arms its timer.
    private mutating func tendResolver() {
        while let socket = resolver?.nextSocket() {
            // It may be another socket of the same number.
            poller.remove(socket.descriptor, Token(.resolver, index: UInt32(socket.descriptor)))
            guard socket.reads || socket.writes else { continue }
            _ = poller.addLevel(
                socket.descriptor, Token(.resolver, index: UInt32(socket.descriptor)), reads: socket.reads,
                writes: socket.writes)
        }
        while let answer = resolver?.nextAnswer() { use(answer) }
        timers.cancel(&resolverTimer)
        let wait = resolver?.timeoutMilliseconds ?? -1
        guard wait >= 0 else { return }
        resolverTimer = timers.arm(
            deadlineMilliseconds: clock.milliseconds + max(wait, 1), owner: Token(.resolverTimer).raw)
    }

    private mutating func use(_ answer: ResolverAnswer) {
        let server = answer.asker
        guard !answer.addresses.isEmpty else { return resolvingFailed(server, answer.failure) }
        upstreams[server].resolveFailures = 0
        let port = upstreams[server].origin.port
        let fresh = answer.addresses.map { address in
            var address = address
            address.port = port
            return address
        }
        if Set(fresh) != Set(upstreams[server].addresses) { move(server, to: fresh) }
        let told = Int64(answer.lifetimeSeconds) * 1_000
        let lifetime = told > 0 ? told : Self.unstatedLifetimeMilliseconds
        armResolve(
            server,
            min(max(lifetime, Int64(settings.dns.minimumMilliseconds)), Int64(settings.dns.maximumMilliseconds)))
    }

    /// New requests go to the new addresses; idle connections to the old ones are of no use any more.
    private mutating func move(_ server: Int, to addresses: [SocketAddress]) {
        upstreams[server].addresses = addresses
        upstreams[server].addressRevision &+= 1
        pool.restartAddresses(UInt16(server))
        count(.originMoves)
        while let o = pool.pop(UInt16(server), &origins) { closeOrigin(o) }
    }

    private mutating func resolvingFailed(_ server: Int, _ why: String) {
        count(.resolveFailures)
        if upstreams[server].mayReport(nowMilliseconds: clock.milliseconds) {
            let rest = upstreams[server].addresses.isEmpty ? "" : "; its last known addresses stay in use"
            WorkerMain.report("\(upstreams[server].name): name not resolved: \(why)\(rest)")
        }
        let failures = min(upstreams[server].resolveFailures, 6)
        upstreams[server].resolveFailures = failures + 1
        armResolve(server, min(Self.retryMilliseconds << Int64(failures), Self.maximumRetryMilliseconds))
    }

    private mutating func armResolve(_ server: Int, _ delay: Int64) {
        _ = timers.arm(
            deadlineMilliseconds: clock.milliseconds + delay, owner: Token(.resolve, index: UInt32(server)).raw)
    }
}
