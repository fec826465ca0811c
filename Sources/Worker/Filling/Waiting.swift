// Contexts that hang on a fill, of this process or another: woken when it moves, sent on when it fails.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// A request goes back to the cache at most this often before it goes to the origin alone.
    private static var maximumRestarts: UInt8 { 6 }
    /// Turns that a request waits for a key in motion before it leaves the waking to its timer.
    private static var maximumTurnsAwake: UInt16 { 200 }

    // MARK: One context

    /// What a context that hangs on a fill can do now. True when its connection should be looked at again.
    @discardableResult
    mutating func progressFillContext(_ x: UInt32) -> Bool {
        guard let facts = Self.ticketFacts(contexts[x].body) else { return askAgain(x) }
        switch facts.phase {
        case .waiting: return false
        case .orphaned: return adopt(x)
        case .failed(let reason): return fillFailed(x, reason)
        case .streaming, .complete: break
        }
        if facts.isMarker { return awaitMotion(x) }
        // A short answer is over before its owner looks: the exchange is gone then, and only the report still tells.
        let isOwner = contexts[x].report.isStored || ownsAnswer(x)
        if !isOwner {
            // One that a purge covers is not for this request: the next one is, and again for all.
            let isOvertaken = facts.isSoftlyPurged && contexts[x].restarts == 0
            guard !facts.isPurged, !isOvertaken else { return restart(x) }
            guard Self.mayUse(contexts, x, requests, clock.unixMilliseconds, settings) else { return goAlone(x) }
        }
        return beginFromFill(x)
    }

    /// Whether the answer in flight came for this very request. One that a dead worker's client had asked for did not.
    private borrowing func ownsAnswer(_ x: UInt32) -> Bool {
        let e = contexts[x].exchange
        return e != .max && exchanges[e].purpose != .resume
    }

    /// Whether the answer in flight is one for this waiter's request.
    private static func mayUse(
        _ contexts: borrowing Slab<RequestContext>, _ x: UInt32, _ requests: borrowing RequestBuffers, _ now: Int64,
        _ settings: borrowing WorkerSettings
    ) -> Bool {
        mayUse(contexts[x].body, requests[contexts[x].request], now, settings)
    }

    private static func mayUse(
        _ body: borrowing BodySource, _ request: borrowing RequestBuffer, _ now: Int64,
        _ settings: borrowing WorkerSettings
    ) -> Bool {
        switch body.ticket {
        case .none: false
        case .some(let ticket): mayUse(ticket, request, now, settings)
        }
    }

    static func mayUse(
        _ ticket: borrowing FillTicket, _ request: borrowing RequestBuffer, _ now: Int64,
        _ settings: borrowing WorkerSettings
    ) -> Bool {
        let phase = ticket.phase
        guard phase == .streaming || phase == .complete, StoredKind.of(ticket.header) == .response,
            let stored = StoredHead(ticket.header)
        else { return false }
        let facts = facts(request)
        if CollapsePolicy.mayUse(stored: stored, request: facts, settings: settings.policy) { return true }
        return CollapsePolicy.mayUsePart(
            stored: stored, request: facts, bytes: request.bytes.readable, fields: request.fields, now: now,
            settings: settings.policy)
    }

    /// What runs under the key is no answer but says where one is, once it is stored: the key is in motion.
    private mutating func awaitMotion(_ x: UInt32) -> Bool {
        if let ticket = contexts[x].body.ticket.take() { _ = consume ticket }
        contexts[x].waitsOutTurn = turn
        awaitFill(x)
        looksAgain = true
        return false
    }

    /// The key was in motion when this request asked: asks anew, once per turn.
    private mutating func askAgain(_ x: UInt32) -> Bool {
        guard contexts[x].waitsOutTurn != turn else {
            // Nobody else may move in this process: the next turn must not wait for an event.
            looksAgain = true
            return false
        }
        let waited = contexts[x].turnsWaited &+ 1
        if waited > Self.maximumTurnsAwake, !contexts[x].timer.isArmed {
            // Whoever moves it may have died: its recovery wakes this context, and the timer does in any case.
            armContextTimer(x)
            return false
        }
        let restarts = contexts[x].restarts
        let c = contexts[x].client.index
        restart(x)
        guard clients.isTaken(c), contexts.contains(clients[c].context) else { return true }
        let fresh = clients[c].context.index
        contexts[fresh].restarts = restarts
        contexts[fresh].turnsWaited = waited
        return false
    }

    private struct TicketFacts {
        var phase: FillPhase
        /// Not a response: a record that the key varies, or the renewal of an object.
        var isMarker = false
        var isPurged = false
        var isSoftlyPurged = false
    }

    private static func ticketFacts(_ body: borrowing BodySource) -> TicketFacts? {
        switch body.ticket {
        case .none: return nil
        case .some(let ticket):
            let phase = ticket.phase
            guard phase == .streaming || phase == .complete else {
                return TicketFacts(phase: phase)
            }
            guard StoredKind.of(ticket.header) == .response else {
                return TicketFacts(phase: phase, isMarker: true)
            }
            return TicketFacts(phase: phase, isPurged: ticket.isPurged, isSoftlyPurged: ticket.isSoftlyPurged)
        }
    }

    /// The head is there: sends it and turns the context into a reader.
    private mutating func beginFromFill(_ x: UInt32) -> Bool {
        let c = contexts[x].client.index
        provideSendBuffer(c)
        let request = contexts[x].request
        guard let ticket = contexts[x].body.ticket.take() else { return restart(x) }
        let withheld = contexts[x].withheld.take()
        let plan = Self.writeHead(
            ticket, requests, request, contexts[x].report, withheld, clock.unixMilliseconds, random.next(), settings,
            hasTrailers: contexts[x].trailers != nil, &clients, c)
        guard let plan else {
            abortClient(c)
            return false
        }
        if plan.closes { clients[c].closesAfterResponse = true }
        contexts[x].phase = .sending
        contexts[x].lastProgressMilliseconds = clock.milliseconds
        if plan.hasBody {
            contexts[x].body = BodySource(fill: ticket, from: plan.start, to: plan.end)
        } else {
            contexts[x].body = BodySource()
        }
        return true
    }

    private struct FillResponse {
        var hasBody: Bool
        var start = 0
        var end = Int.max
        var closes = false
    }

    private static func writeHead(
        _ ticket: borrowing FillTicket, _ requests: borrowing RequestBuffers, _ r: UInt32, _ report: CacheStatus,
        _ withheld: borrowing Buffer?, _ now: Int64, _ random: UInt64, _ settings: borrowing WorkerSettings,
        hasTrailers: Bool, _ clients: inout Slab<ClientConnection>, _ c: UInt32
    ) -> FillResponse? {
        let closing = clients[c].closesAfterResponse
        return writeHead(
            ticket, requests[r], report, withheld, now, random, settings, hasTrailers: hasTrailers, closing: closing,
            &clients[c].sink)
    }

    private static func writeHead(
        _ ticket: borrowing FillTicket, _ request: borrowing RequestBuffer, _ report: CacheStatus,
        _ withheld: borrowing Buffer?, _ now: Int64, _ random: UInt64, _ settings: borrowing WorkerSettings,
        hasTrailers: Bool, closing: Bool, _ sink: inout ClientSink
    ) -> FillResponse? {
        guard let stored = StoredHead(ticket.header) else { return nil }
        let head = request.head
        let isPart = stored.flags.contains(.isPartial)
        let length =
            isPart
            ? stored.declaredLength : ticket.bodyLength.map { UInt64($0) } ?? stored.declaredLength
        var selection = Selection.decide(
            stored: stored, method: head.method, bytes: request.bytes.readable, fields: request.fields, length: length,
            now: now, settings: settings.policy)
        // The owner of a part gets its range of it, or all of it as the origin sent it.
        var partOffset: UInt64?
        if isPart {
            let part =
                Selection.decidePart(
                    stored: stored, method: head.method, bytes: request.bytes.readable, fields: request.fields,
                    now: now, settings: settings.policy)
                ?? Selection.nearestRun(stored: stored, bytes: request.bytes.readable, fields: request.fields)
            guard let part else { return nil }
            selection = part.selection
            partOffset = part.bodyOffset
        }
        // Several ranges of an object that is still coming would have to wait for each other: the whole is allowed too.
        if case .multipart = selection { selection = .whole }
        var plan = FillResponse(hasBody: head.method != .head)
        var framing = BodyFraming.chunked
        sink.framing = .chunked
        if let length {
            plan.end = Int(length)
            // Trailers can follow chunks only.
            var isChunked = false
            if case .whole = selection { isChunked = hasTrailers && plan.hasBody && head.minorVersion > 0 }
            if !isChunked {
                framing = .length(length)
                sink.framing = .length(length)
            }
        } else if head.minorVersion == 0 {
            framing = .untilClose
            sink.framing = .untilClose
            plan.closes = true
        }
        switch selection {
        case .whole, .multipart: break
        case .range(let range):
            plan.start = Int(partOffset ?? range.first)
            plan.end = plan.start + Int(range.count)
            sink.framing = .length(range.last - range.first + 1)
        case .notModified, .unsatisfiable: plan.hasBody = false
        }
        if !plan.hasBody || stored.status == 204 || stored.status == 304 { sink.framing = .none }
        let delivery = Delivery(
            framing: framing, keepAlive: !closing && !plan.closes, minorVersion: head.minorVersion)
        let written = sink.appendStored(
            stored, selection, length: length, now: now, delivery: delivery, boundary: random, report: report,
            key: RawSpan(), withheld: readableBytes(withheld), settings: settings.policy)
        return written ? plan : nil
    }

    // MARK: Ways out

    /// The fill ended without an object for this request.
    mutating func fillFailed(_ x: UInt32, _ reason: FillFailure) -> Bool {
        switch reason {
        case .noSpace:
            count(.fillsLeft)
            return goAlone(x)
        case .pass, .tooLarge: return goAlone(x)
        case .originFailed: return answerFailure(x, status: 502)
        case .originTimedOut: return answerFailure(x, status: 504)
        case .originBusy:
            contexts[x].report.note = .originBusy
            return answerFailure(x, status: 503)
        case .freshened: return restart(x, isValidated: true)
        case .purged, .abandoned, .ownerLost, .firstSight: return restart(x)
        }
    }

    /// Back to the cache: what this request waited for is stored now, or is somebody else's to fetch. `isValidated`:
    /// what is stored has been confirmed, and is not waited for again.
    @discardableResult
    mutating func restart(_ x: UInt32, isValidated: Bool = false) -> Bool {
        guard Self.mayRepeat(requests[contexts[x].request]) else { return answerFailure(x, status: 502) }
        let restarts = contexts[x].restarts + 1
        guard restarts <= Self.maximumRestarts else {
            count(.fillsLeft)
            return goAlone(x)
        }
        let c = contexts[x].client.index
        let route = contexts[x].route
        forgetContext(x)
        returning = ReturningRequest(isForWaiters: true, restarts: restarts, isValidated: isValidated)
        serveAgain(c, route)
        returning = ReturningRequest()
        // A body that began at once goes on in its turn, and no event announces that.
        if clients.isTaken(c), isSendingBody(c) { continueLater(clients[c].context.index) }
        return clients.isTaken(c) && clients[c].phase == .reading
    }

    /// To the origin, for this request only.
    @discardableResult
    mutating func goAlone(_ x: UInt32) -> Bool {
        guard Self.mayRepeat(requests[contexts[x].request]) else { return answerFailure(x, status: 502) }
        let c = contexts[x].client.index
        let route = contexts[x].route
        var report = contexts[x].report
        report.isCollapsed = false
        if report.refusal == nil { report.refusal = .notShared }
        forgetContext(x)
        pass(c, route, report: report)
        return clients.isTaken(c) && clients[c].phase == .reading
    }

    /// A POST whose answer is being stored has been sent already.
    private static func mayRepeat(_ request: borrowing RequestBuffer) -> Bool {
        request.head.method == .get || request.head.method == .head
    }

    /// The context is given up, its request is to be answered in another way.
    private mutating func forgetContext(_ x: UInt32) {
        let c = contexts[x].client.index
        leaveQueues(x)
        let e = contexts[x].exchange
        var context = contexts.remove(x)
        timers.cancel(&context.timer)
        if let pin = context.body.pin.take() { lane.unpin(pin) }
        if e != .max {
            exchanges[e].context = .none
            // What the cache would not take nobody reads now.
            if exchanges[e].permit == nil, !exchanges[e].isFinishing { endExchange(e) }
        }
        clients[c].context = .none
        clients[c].phase = .reading
    }
}
