// Origins that are asked at an interval how they are, each by a connection of its own, and what is said when an
// origin's standing changes. The verdict is OriginHealth's.

internal import ControlChannel
internal import HTTPMessage

extension Worker {
    mutating func startHealthChecks() {
        guard !settings.health.path.isEmpty else { return }
        for server in upstreams.indices { armCheck(server, inMilliseconds: Int64(server % 8) * 10) }
    }

    private mutating func armCheck(_ server: Int, inMilliseconds delay: Int64) {
        _ = timers.arm(
            deadlineMilliseconds: clock.milliseconds + delay, owner: Token(.check, index: UInt32(server)).raw)
    }

    mutating func checkTimerExpired(_ server: Int) {
        // Workers must not ask in step: a tenth of the interval is left to chance.
        let interval = Int64(settings.health.intervalMilliseconds)
        armCheck(server, inMilliseconds: interval - interval / 20 + Int64(random.next() % UInt64(interval / 10 + 1)))
        guard !drain.isDraining, !upstreams[server].isBeingChecked, !upstreams[server].addresses.isEmpty else { return }
        // What this node lacks says nothing of the origin.
        guard accepting.room.lends(lowestFree) else { return }
        guard let o = connect(UInt16(server)) else {
            // As above.
            if !origins.isFull { healthChecked(server, isGood: false) }
            return
        }
        upstreams[server].isBeingChecked = true
        origins[o].isCheck = true
        origins[o].input = buffers.take()
        var output = buffers.take()
        output.write { sink in
            sink.append("GET ")
            append(settings.health.path, to: &sink)
            sink.append(" HTTP/1.1\r\nHost: ")
            append(upstreams[server].authority, to: &sink)
            sink.append("\r\nUser-Agent: martlet-health\r\nConnection: close\r\n\r\n")
        }
        origins[o].output = consume output
        armOriginTimer(o)
    }

    /// Reads the answer to a check as far as its head.
    mutating func progressCheck(_ o: UInt32) -> Bool {
        if readableCount(origins[o].input) > 0 {
            switch Self.parse(origins, o, .get, &scratch) {
            case .complete(let length):
                let head = scratch.responseParser.head
                if head.isInterim {
                    origins[o].input?.consume(length)
                    return true
                }
                endCheck(o, isGood: (200..<400).contains(head.status))
                return false
            case .rejected:
                endCheck(o, isGood: false)
                return false
            case .needMore: break
            }
        }
        switch receiveFromOrigin(o) {
        case .bytes: return true
        case .nothing: return false
        case .full, .end, .failed:
            endCheck(o, isGood: false)
            return false
        }
    }

    mutating func endCheck(_ o: UInt32, isGood: Bool) {
        let server = Int(origins[o].origin)
        closeOrigin(o)
        upstreams[server].isBeingChecked = false
        healthChecked(server, isGood: isGood)
    }

    private mutating func healthChecked(_ server: Int, isGood: Bool) {
        if !isGood { count(.originChecksFailed) }
        say(upstreams[server].health.checked(isGood: isGood, settings.health), of: server)
    }

    /// A request could not be answered by this origin.
    mutating func noteFailure(of server: Int) {
        // The only origin of its site is asked in any case: to say that it is left out would not be true.
        let hasOthers = settings.groups.contains {
            $0.count > 1 && ($0.first..<$0.first + $0.count).contains(UInt16(server))
        }
        guard hasOthers else { return }
        say(upstreams[server].health.requestFailed(nowMilliseconds: clock.milliseconds, settings.health), of: server)
    }

    private mutating func say(_ change: OriginHealth.Change, of server: Int) {
        let name = upstreams[server].name
        switch change {
        case .none: return
        case .ejected(let milliseconds):
            count(.originEjections)
            WorkerMain.report("\(name): left out for \(milliseconds) ms, its requests failed in a row")
        case .wentDown: WorkerMain.report("\(name): down, its health checks failed in a row")
        case .cameUp: WorkerMain.report("\(name): up again")
        }
    }
}

/// Text that is not known at compile time, byte by byte.
private func append(_ text: String, to sink: inout ByteSink) {
    for byte in text.utf8 { sink.append(byte) }
}
