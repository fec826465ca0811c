// A complete request head: where it goes. Cache hits are answered on the spot, without a context; everything else
// gets one.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Answers the request whose head is complete in the connection's buffer, or begins what will.
    mutating func serve(_ c: UInt32) {
        let r = clients[c].request
        let head = requests[r].head
        begin(c, keepAlive: head.keepAlive)
        // The supervisor's probe asks whether this worker answers, not whether the origin does.
        if clients[c].slot == .max { return answerOwn(c, status: 200, report: CacheStatus()) }
        // RFC 9110 section 7.4: what is to be had by TLS only is not given away without.
        guard head.scheme != .https, let route = Self.route(router, requests[r]) else {
            return refuse(c, status: 421)
        }
        if case .length(let length) = head.framing, length > settings.limits.bodyBytes { return refuse(c, status: 413) }
        if let forward = Self.forwardReason(requests[r], head) {
            var report = CacheStatus()
            // RFC 9110 section 7.6.2: the node is the one who is asked.
            if head.maxForwards == 0 {
                report.note = .lastHop
                return answerOwn(c, status: 204, report: report)
            }
            if head.method == .get || head.method == .head, Self.refusesFetch(requests[r]) {
                report.note = .onlyIfCached
                return answerOwn(c, status: 504, report: report)
            }
            report.forward = forward
            return pass(c, route, report: report)
        }
        serveFromCache(c, route)
    }

    /// Counts a request, and settles whether its answer is the connection's last.
    mutating func begin(_ c: UInt32, keepAlive: Bool) {
        count(.requests)
        clients[c].requestsServed &+= 1
        share.served &+= 1
        clients[c].lastProgressMilliseconds = clock.milliseconds
        if !keepAlive || closesAfterThis(c) { clients[c].closesAfterResponse = true }
        provideSendBuffer(c)
    }

    /// Why a request has nothing to do with the cache; nil when it has.
    private static func forwardReason(_ request: borrowing RequestBuffer, _ head: RequestHead) -> CacheStatus.Forward? {
        if head.method == .get, head.framing == .none, !head.upgrade, head.form != .asterisk,
            RequestFacts.isPlain(method: head.method, names: request.fieldNames)
        {
            return nil
        }
        switch Admission.decide(head: head, mustForward: RequestFacts.mustForward(request.fieldNames)) {
        case .lookUp: return nil
        case .relay(let forward): return forward
        }
    }

    private mutating func closesAfterThis(_ c: UInt32) -> Bool {
        if drain.lastCallMilliseconds != nil || clients[c].isLastCall { return true }
        return settings.requestsPerConnection > 0 && clients[c].requestsServed >= settings.requestsPerConnection
    }

    private static func route(_ router: borrowing Router, _ request: borrowing RequestBuffer) -> Route? {
        router.route(host: request.bytes.readable.slice(request.head.host))
    }

    /// Asks the cache, and acts on its answer.
    mutating func serveFromCache(_ c: UInt32, _ route: Route) {
        let r = clients[c].request
        guard let probe = makeProbe(c, request: r, route) else { return refuse(c, status: 414) }
        let answer = Self.answer(probe, lane, &scratch, requests, r, settings, &rendered, &clients, c)
        act(on: answer, c, route, probe)
    }

    /// A request's question to the cache; its key's text is in the scratch. Nil when that does not fit.
    mutating func makeProbe(_ c: UInt32, request r: UInt32, _ route: Route) -> CacheProbe? {
        guard let key = Self.writeKey(&scratch.key, requests, r, router, route) else { return nil }
        return CacheProbe(
            key: key, hash: keyHash.hash(scratch.key.readable), closing: clients[c].closesAfterResponse,
            moment: moment())
    }

    mutating func moment() -> Moment {
        Moment(now: clock.unixMilliseconds, random: random.next(), turn: turn)
    }

    mutating func act(on answer: consuming CacheAnswer, _ c: UInt32, _ route: Route, _ probe: CacheProbe) {
        switch consume answer {
        case .complete(let counter):
            count(counter)
            if counter == .conditionalHits { offerForRepetition(c, route, probe) }
            endOfResponse(c)
        case .rendered(let slot):
            count(.hits)
            offerForRepetition(c, route, probe)
            if self.answer(c, rendered: slot) { endOfResponse(c) }
        case .completeAndRefresh(let counter, let lookup):
            count(counter)
            refreshInBackground(c, route, probe, lookup)
            endOfResponse(c)
        case .streaming(let source, let counter, let refresh):
            count(counter)
            if let refresh { refreshInBackground(c, route, probe, refresh.value) }
            stream(c, route, source)
        case .unavailable(let report):
            answerOwn(c, status: 504, report: report)
        case .miss(let lookup):
            count(.misses)
            fetch(c, route, probe, lookup)
        case .broken:
            abortClient(c)
        }
    }

    /// A stored body that the socket did not take at once: goes on when it can.
    private mutating func stream(_ c: UInt32, _ route: Route, _ source: consuming BodySource) {
        guard let x = makeContext(c, route, .sending) else { return abortClient(c) }
        contexts[x].body = source
        armContextTimer(x)
    }

    /// A context for the connection's current request. Nil when there are too many.
    mutating func makeContext(_ c: UInt32, _ route: Route, _ phase: ContextPhase) -> UInt32? {
        var context = RequestContext(
            client: clients.id(at: c), request: clients[c].request, route: route, phase: phase,
            nowMilliseconds: clock.milliseconds)
        context.restarts = returning.restarts
        returning.restarts = 0
        guard let id = contexts.insert(context) else { return nil }
        clients[c].context = id
        clients[c].phase = .answering
        return id.index
    }

    /// The response is in the sink whole: on to the next request.
    mutating func endOfResponse(_ c: UInt32) {
        let r = clients[c].request
        guard r != .max else { return }
        if requests[r].references > 1 {
            moveUnreadToOwnBuffer(c)
        } else {
            requests[r].advance()
        }
    }

    /// An exchange still looks at this head: what came behind it goes to a buffer of its own.
    private mutating func moveUnreadToOwnBuffer(_ c: UInt32) {
        let old = clients[c].request
        clients[c].request = .max
        if requests[old].unreadCount > 0 {
            if let fresh = requests.acquire() {
                requests.moveUnread(from: old, to: fresh)
                clients[c].request = fresh
            } else {
                clients[c].closesAfterResponse = true
            }
        }
        requests.release(old)
    }

    static func writeKey(
        _ buffer: inout Buffer, _ requests: borrowing RequestBuffers, _ r: UInt32, _ router: borrowing Router,
        _ route: Route
    ) -> CacheKey? {
        buffer.clear()
        let name = router.name(of: route.site)
        let bytes = requests[r].bytes.readable
        var sink = buffer.sink()
        let key = CacheKey.write(
            head: requests[r].head, bytes: bytes, site: name, secure: false, sortsQuery: router.sortsQuery, into: &sink)
        let count = sink.overflowed ? 0 : sink.count
        buffer.commit(count)
        return count > 0 ? key : nil
    }
}
