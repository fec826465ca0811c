// From an event to the part that handles it. Stale events (their place has a new tenant, or none) fall through.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import ShmCache

extension Worker {
    mutating func dispatch(_ event: PollEvent) {
        let token = event.token
        switch token.kind {
        case .client:
            guard clients.contains(token) else { return }
            if event.hasEnded, clients[token.index].isWatched {
                clients[token.index].isWatched = poller.addStream(clients[token.index].descriptor, token)
            }
            clientReady(token.index, event.ready)
        case .origin:
            guard origins.contains(token) else { return }
            if event.hasEnded { _ = poller.addStream(origins[token.index].descriptor, token) }
            originReady(token.index, event.ready)
        case .listener: acceptReady(token.index)
        case .wake: acknowledgeWake()
        case .control: controlReady()
        case .handOver: handOverReady(token.index)
        case .adoption: adoptionReady()
        case .resolver: resolverReady(Int32(bitPattern: token.index), event.ready)
        case .context, .fill, .tunnel, .periodic, .check, .resolve, .line, .resolverTimer, .pause, .rebalancing, .none:
            break
        }
    }

    private mutating func acknowledgeWake() {
        var value: UInt64 = 0
        _ = unsafe read(control.eventDescriptor(ofLane: Int(assignment.lane)), &value, 8)
        lane.acknowledgeWake()
        hasForeignWake = true
    }

    mutating func expireTimers() {
        while let word = timers.nextExpired(nowMilliseconds: clock.milliseconds) {
            let token = Token(raw: word)
            switch token.kind {
            case .client: if clients.contains(token) { clientTimerExpired(token.index) }
            case .origin: if origins.contains(token) { originTimerExpired(token.index) }
            case .context: if contexts.contains(token) { contextTimerExpired(token.index) }
            case .periodic: periodicTimerExpired()
            case .pause: pauseExpired()
            case .rebalancing: rebalancingTimerExpired()
            case .check: checkTimerExpired(Int(token.index))
            case .resolve: resolveTimerExpired(Int(token.index))
            case .line: lineTimerExpired(Int(token.index))
            case .resolverTimer: resolverTimerExpired()
            default: break
            }
        }
    }
}
