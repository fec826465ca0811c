// Answers that the node makes itself: refusals of bad requests, gateway errors; and stale answers in place of errors.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// A malformed request: answered, then the connection ends, since nobody can say where the next request begins.
    mutating func refuse(_ c: UInt32, _ rejection: Rejection) { refuse(c, status: rejection.status) }

    mutating func refuse(_ c: UInt32, status: UInt16) {
        clients[c].cutShort()
        countRefusal(status)
        var report = CacheStatus()
        report.note = .refused
        answerOwn(c, status: status, report: report)
        // The socket may have turned out to be broken.
        guard clients.isTaken(c), clients[c].request != .max else { return }
        requests[clients[c].request].clear()
    }

    private borrowing func countRefusal(_ status: UInt16) {
        switch status {
        case 400: count(.clientErrors400)
        case 408: count(.clientErrors408)
        case 413: count(.clientErrors413)
        case 400..<500: count(.clientErrors4xxOther)
        default: break
        }
    }

    /// Writes a short text/plain answer for the connection's current request.
    mutating func answerOwn(_ c: UInt32, status: UInt16, report: CacheStatus) {
        switch status {
        case 502: count(.nodeErrors502)
        case 503: count(.nodeErrors503)
        case 504: count(.nodeErrors504)
        default: break
        }
        provideSendBuffer(c)
        let r = clients[c].request
        let head = r == .max ? RequestHead() : requests[r].head
        if hasUnreadBody(head) { clients[c].cutShort() }
        let text = statusText(status)
        let delivery = Delivery(
            framing: .length(UInt64(text.utf8CodeUnitCount)), keepAlive: !clients[c].closesAfterResponse,
            minorVersion: head.minorVersion)
        let now = clock.unixMilliseconds
        let policy = settings.policy
        clients[c].sink.framing = .none
        guard clients[c].sink.makeRoom(forHeadOf: text.utf8CodeUnitCount) else { return abortClient(c) }
        let written = clients[c].sink.write { sink in
            ClientHead.writeOwn(
                status: status, bodyLength: UInt64(text.utf8CodeUnitCount), now: now, delivery: delivery,
                report: report, settings: policy, into: &sink)
            if head.method != .head { sink.append(text) }
        }
        guard written else { return abortClient(c) }
        endOfResponse(c)
    }

    /// A body that was announced and not read would be taken for the next request.
    private borrowing func hasUnreadBody(_ head: RequestHead) -> Bool {
        switch head.framing {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }

    private borrowing func statusText(_ status: UInt16) -> StaticString {
        switch status {
        case 200: "ok\n"
        case 204: ""
        case 400: "Bad request: the message does not follow RFC 9112.\n"
        case 405: "Method not allowed.\n"
        case 408: "The request took too long to arrive.\n"
        case 413: "The request body is larger than this node takes.\n"
        case 414: "The request target is too long.\n"
        case 417: "The expectation cannot be met.\n"
        case 421: "No site of this node has that host, or it is not served without TLS.\n"
        case 431: "The request's header section is too large.\n"
        case 501: "Not implemented.\n"
        case 502: "The origin could not be reached, or its answer was broken.\n"
        case 503: "This node has no capacity left; try again.\n"
        case 504: "The origin did not answer in time, or nothing stored may be used.\n"
        case 505: "Only HTTP/1.0 and HTTP/1.1 are spoken here.\n"
        default: "Error.\n"
        }
    }

    /// A stored answer that may stand in for a failed origin; nil when there is none.
    mutating func staleAnswer(_ x: UInt32, _ c: UInt32, unreachable: Bool) -> CacheAnswer? {
        let r = contexts[x].request
        guard let probe = makeProbe(c, request: r, contexts[x].route) else { return nil }
        var report = contexts[x].report
        if report.forward == .none { report.forward = .stale }
        report.forwardStatus = unreachable ? 0 : contexts[x].failureStatus
        report.note = .staleIfError
        let reply = StoredReply(report: report, counter: .staleHits, closing: probe.closing, moment: probe.moment)
        return Self.staleAnswer(
            probe.hash, reply, unreachable: unreachable, lane, &scratch, requests, r, settings, &clients, c)
    }

    private static func staleAnswer(
        _ hash: UInt64, _ reply: StoredReply, unreachable: Bool, _ lane: borrowing Lane, _ scratch: inout Scratch,
        _ requests: borrowing RequestBuffers, _ r: UInt32, _ settings: borrowing WorkerSettings,
        _ clients: inout Slab<ClientConnection>, _ c: UInt32
    ) -> CacheAnswer? {
        staleAnswer(
            hash, reply, unreachable: unreachable, lane, scratch.key, &scratch.variantKey, requests[r], settings,
            &clients[c].sink)
    }

    private static func staleAnswer(
        _ hash: UInt64, _ reply: StoredReply, unreachable: Bool, _ lane: borrowing Lane, _ key: borrowing Buffer,
        _ variantKey: inout Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ sink: inout ClientSink
    ) -> CacheAnswer? {
        guard request.head.method == .get || request.head.method == .head,
            let view = lane.lookup(hash: hash, key: key.readable), !view.isPassMarker
        else { return nil }
        guard StoredKind.of(view.header) == .varyRecord else {
            return sendStale(view, reply, unreachable: unreachable, lane, key, request, settings, &sink)
        }
        guard let hash = writeVariantKey(view, key, &variantKey, lane, request),
            let variant = lane.lookup(hash: hash, key: variantKey.readable), !variant.isPassMarker
        else { return nil }
        return sendStale(variant, reply, unreachable: unreachable, lane, variantKey, request, settings, &sink)
    }

    private static func sendStale(
        _ view: borrowing ItemView, _ reply: StoredReply, unreachable: Bool, _ lane: borrowing Lane,
        _ key: borrowing Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ sink: inout ClientSink
    ) -> CacheAnswer? {
        let moment = reply.moment
        guard let stored = StoredHead(view.header) else { return nil }
        let reuse = Reuse.decide(
            stored: stored, request: facts(request), isSoftlyPurged: view.isSoftlyPurged, now: moment.now,
            random: moment.random, settings: settings.policy)
        switch reuse.fallback {
        case .never: return nil
        case .whenUnreachable where !unreachable: return nil
        case .whenUnreachable, .onError: break
        }
        var reply = reply
        reply.report.ttlSeconds = reuse.ttlSeconds
        return StoredAnswer.send(view, stored, reply, lane, key, request, settings, &sink)
    }

    /// Asks the cache once more for the connection's current request.
    mutating func serveAgain(_ c: UInt32, _ route: Route) {
        provideSendBuffer(c)
        serveFromCache(c, route)
    }
}
