// The head of an origin's answer: read, judged, and sent on its way: into the cache, to one client, into a tunnel, or
// away.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Reads until the head is complete and acts on it. False when there is nothing more to do now.
    mutating func progressHead(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max else { return false }
        if readableCount(origins[o].input) > 0 {
            exchanges[e].hasBytes = true
            switch Self.parse(origins, o, exchanges[e].method, &scratch) {
            case .complete(let length): return headArrived(e, o, length)
            case .rejected:
                originFailed(o, .badAnswer)
                return false
            case .needMore: break
            }
        }
        let receipt = receiveFromOrigin(o)
        switch receipt {
        case .bytes: return true
        case .nothing: return false
        case .full: originFailed(o, .badAnswer)
        case .end, .failed:
            let hasRead = receipt == .end && hasTakenAll(origins[o].descriptor)
            originFailed(o, readableCount(origins[o].input) > 0 ? .badAnswer : .unreachable, hasRead: hasRead)
        }
        return false
    }

    /// Parses from the start each time: a head almost always comes in one piece.
    static func parse(
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ method: Method, _ scratch: inout Scratch
    ) -> ResponseProgress {
        scratch.responseParser.reset(requestMethod: method)
        return scratch.parseResponse(origins[o].answer)
    }

    private mutating func headArrived(_ e: UInt32, _ o: UInt32, _ length: Int) -> Bool {
        let head = scratch.responseParser.head
        if head.isInterim { return interimArrived(e, o, length) }
        if head.status == 101 {
            guard exchanges[e].wantsUpgrade, head.upgrade, hasSentRequest(e) else {
                originFailed(o, .badAnswer)
                return false
            }
            return startTunnel(e, o, length)
        }
        origins[o].phase = .receivingBody
        origins[o].lastProgressMilliseconds = clock.milliseconds
        armOriginTimer(o)
        exchanges[e].hasResponse = true
        upstreams[Int(exchanges[e].server)].health.requestSucceeded()
        exchanges[e].body.begin(head)
        exchanges[e].keepsConnection = head.keepAlive && head.framing != .untilClose
        if !exchanges[e].context.isNone { responseOvertakesUpload(exchanges[e].context.index) }
        let id = exchanges.id(at: e)
        let connection = origins.id(at: o)
        judge(e, o, head)
        // The judgement may have ended the exchange, or sent it elsewhere.
        guard exchanges.contains(id), origins.contains(connection), exchanges[e].connection == o else { return false }
        if exchanges[e].holdsHead {
            exchanges[e].holdsHead = false
            origins[o].phase = .awaitingHead
            return false
        }
        origins[o].input?.consume(length)
        afterHead(e)
        return exchanges.contains(id) && origins.contains(connection) && exchanges[e].connection == o
    }

    /// Somebody waits for the answer and has sent the whole request. A tunnel begins behind the request: what is left
    /// of its body would be taken for the tunnel's bytes (RFC 9110 section 7.8).
    private borrowing func hasSentRequest(_ e: UInt32) -> Bool {
        let context = exchanges[e].context
        return !context.isNone && contexts[context.index].upload.state == .done
    }

    /// More than that come from an origin that never answers. A progress report every ten seconds lasts for hours.
    private static var maximumInterims: UInt16 { 1_000 }

    /// 1xx: passed on to the client that waits, then the next head is read (RFC 9110 section 15.2).
    private mutating func interimArrived(_ e: UInt32, _ o: UInt32, _ length: Int) -> Bool {
        exchanges[e].interims += 1
        guard exchanges[e].interims <= Self.maximumInterims else {
            originFailed(o, .badAnswer)
            return false
        }
        let head = scratch.responseParser.head
        let context = exchanges[e].context
        if !context.isNone {
            let c = contexts[context.index].client.index
            if head.status == 100, requests[contexts[context.index].request].head.expectContinue {
                continueUpload(context.index)
            } else if exchanges[e].clientMinorVersion >= 1, contexts[context.index].phase != .sending {
                // Not to who is in the middle of a body and gets the rest of it from here.
                provideSendBuffer(c)
                _ = Self.writeRelayed(
                    origins, o, scratch, nil, CacheStatus(), clock.unixMilliseconds, settings, exchanges, e, &clients,
                    c)
                if clients[c].sink.flush() == .failed {
                    abortClient(c)
                    return origins.isTaken(o) && origins[o].exchange == e
                }
            }
        }
        exchanges[e].hasBytes = false
        origins[o].input?.consume(length)
        return true
    }

    /// Decides what becomes of a final answer.
    private mutating func judge(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        if head.status == 304, isUnasked304(e) {
            exchanges[e].keepsConnection = false
            return failExchange(e, .badAnswer)
        }
        if exchanges[e].purpose == .relay {
            // To HEAD as to GET (RFC 5861 section 4).
            if exchanges[e].fallback == .onError, Reuse.isError(status: head.status) {
                return failExchange(e, .badAnswer, status: head.status)
            }
            return relayHead(e, o, head, mayStore: true)
        }
        if exchanges[e].purpose == .resume {
            return exchanges[e].permit == nil ? restHead(e, o, head) : resumeHead(e, o, head)
        }
        if exchanges[e].purpose == .rest, !exchanges[e].isUnconditional { return judgeRest(e, o, head) }
        if asksForRangeOnly(e, head) { return fetchAnew(e, asksRange: true) }
        if exchanges[e].purpose == .validate, !exchanges[e].isUnconditional {
            switch judgeValidation(e, o, head) {
            case .update: return freshen(e, o, head)
            case .mismatch: return fetchAnew(e)
            case .failed where exchanges[e].fallback == .onError:
                return failExchange(e, .badAnswer, status: head.status)
            case .failed, .replaced: break
            }
        } else if exchanges[e].fallback == .onError, Reuse.isError(status: head.status) {
            return failExchange(e, .badAnswer, status: head.status)
        }
        storeOrRelay(e, o, head)
    }

    /// Whether a 304 answers a GET or HEAD that set no condition, neither its client's nor the cache's own: nobody
    /// could make anything of it.
    private borrowing func isUnasked304(_ e: UInt32) -> Bool {
        switch exchanges[e].purpose {
        case .validate where !exchanges[e].isUnconditional: return false
        case .rest, .resume: return false
        case .fill, .validate, .relay: break
        }
        guard exchanges[e].method == .get || exchanges[e].method == .head, exchanges[e].request != .max else {
            return false
        }
        return !requests[exchanges[e].request].fields.containsAny(FieldSet(.ifNoneMatch) | .ifModifiedSince)
    }

    /// The object is too long to be fetched whole for a range of it.
    private borrowing func asksForRangeOnly(_ e: UInt32, _ head: ResponseHead) -> Bool {
        guard !exchanges[e].asksRange, exchanges[e].purpose != .resume, head.status == 200,
            exchanges[e].request != .max, let length = head.declaredLength
        else { return false }
        // Too long to be stored whole, but not its range.
        if length > UInt64(lane.maximumObjectBytes) {
            return Self.asksForPart(requests[exchanges[e].request], length: length)
        }
        return Self.wantsRangeOnly(requests[exchanges[e].request], length: length, settings)
    }

    private static func wantsRangeOnly(
        _ request: borrowing RequestBuffer, length: UInt64, _ settings: borrowing WorkerSettings
    ) -> Bool {
        PartRequest.asksRangeOnly(
            bytes: request.bytes.readable, fields: request.fields, length: length, settings: settings.policy)
    }

    /// The answer is of no use (what is stored is not what the origin has; the whole is too much): asks again, on
    /// another connection.
    mutating func fetchAnew(_ e: UInt32, asksRange: Bool = false) {
        let o = exchanges[e].connection
        exchanges[e].connection = .max
        origins[o].exchange = .max
        closeOrigin(o)
        exchanges[e].isUnconditional = true
        exchanges[e].asksRange = asksRange
        exchanges[e].hasResponse = false
        exchanges[e].hasBytes = false
        exchanges[e].attempts = 0
        exchanges[e].requestHead.clear()
        scratch.text.clear()
        let context = exchanges[e].context
        if !context.isNone { Self.write(clients[contexts[context.index].client.index].peer, &scratch.text) }
        guard Self.rerender(&exchanges[e], requests, scratch, lane, settings) else { return failExchange(e, .node) }
        attempt(e)
    }

    private static func rerender(
        _ exchange: inout Exchange, _ requests: borrowing RequestBuffers, _ scratch: borrowing Scratch,
        _ lane: borrowing Lane, _ settings: borrowing WorkerSettings
    ) -> Bool {
        var head = Buffer(capacity: 0)
        swap(&head, &exchange.requestHead)
        let rendered = render(
            .fill, requests[exchange.request], exchange.keys, scratch.text, lane, settings, forwardsConditions: false,
            isRefresh: exchange.isRefresh, part: exchange.asksRange ? .asAsked : .whole, into: &head)
        swap(&head, &exchange.requestHead)
        return rendered
    }

    /// Begins the relayed answer at the client; used when nothing is stored. `mayStore` where that is not settled yet.
    mutating func relayHead(_ e: UInt32, _ o: UInt32, _ head: ResponseHead, mayStore: Bool = false) {
        let context = exchanges[e].context
        if !context.isNone, isNotWhatWasAsked(e, head) {
            endExchange(e)
            goAlone(context.index)
            return
        }
        applyInvalidation(e, o, head)
        applyHeadUpdate(e, o, head)
        if mayStore, storePost(e, o, head) { return }
        releaseRequest(e)
        guard !context.isNone else { return endExchange(e) }
        let x = context.index
        let c = contexts[x].client.index
        leaveQueues(x)
        provideSendBuffer(c)
        let request = requests[contexts[x].request].head
        // What is still to come of the body when this answer ends is not read: the connection does not go on behind it.
        if contexts[x].upload.state == .flowing { clients[c].closesAfterResponse = true }
        let framing = clientFraming(request, head.framing, c)
        var report = contexts[x].report
        report.forwardStatus = head.status
        let written = Self.writeRelayed(
            origins, o, scratch,
            Delivery(
                framing: framing, keepAlive: !clients[c].closesAfterResponse, minorVersion: request.minorVersion),
            report, clock.unixMilliseconds, settings, exchanges, e, &clients, c)
        guard written else { return abortClient(c) }
        boundUnread(origins[o].descriptor, of: head.framing)
        contexts[x].body = BodySource()
        contexts[x].body.kind = .relay
        contexts[x].phase = .sending
        contexts[x].exchange = e
    }

    /// Whether an answer that is not stored would give the client another range than it asked for: it came for what is
    /// missing beside a stored part, or for the whole in place of a range.
    private borrowing func isNotWhatWasAsked(_ e: UInt32, _ head: ResponseHead) -> Bool {
        switch exchanges[e].purpose {
        case .rest where !exchanges[e].isUnconditional && head.status == 206: return true
        case .fill, .validate, .rest: break
        case .relay, .resume: return false
        }
        guard head.status == 200, exchanges[e].method == .get, !exchanges[e].asksRange,
            let length = head.declaredLength, exchanges[e].request != .max
        else { return false }
        // Who names a version beside the range has to expect the whole.
        if requests[exchanges[e].request].fields.contains(.ifRange) { return false }
        return Self.asksForPart(requests[exchanges[e].request], length: length)
    }

    private static func asksForPart(_ request: borrowing RequestBuffer, length: UInt64) -> Bool {
        guard request.fields.contains(.range), request.head.method == .get, length > 0 else { return false }
        return PartRequest.asksForPart(bytes: request.bytes.readable, fields: request.fields, length: length)
    }

    /// How the body is framed for the client; sets the sink accordingly.
    mutating func clientFraming(_ request: RequestHead, _ framing: BodyFraming, _ c: UInt32) -> BodyFraming {
        if request.method == .head {
            clients[c].sink.framing = .none
            return framing
        }
        switch framing {
        case .none:
            clients[c].sink.framing = .none
            return .none
        case .length(let length):
            clients[c].sink.framing = length > 0 ? .length(length) : .none
            return framing
        case .chunked, .untilClose:
            if request.minorVersion >= 1 {
                clients[c].sink.framing = .chunked
                return .chunked
            }
            clients[c].sink.framing = .untilClose
            clients[c].closesAfterResponse = true
            return .untilClose
        }
    }

    /// Writes a relayed head into the client's sink. Without `delivery` it is an interim one.
    static func writeRelayed(
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: borrowing Scratch, _ delivery: Delivery?,
        _ report: CacheStatus, _ now: Int64, _ settings: borrowing WorkerSettings,
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ clients: inout Slab<ClientConnection>, _ c: UInt32
    ) -> Bool {
        clients[c].sink.appendRelayed(
            scratch.responseParser.head, origins[o].answer, scratch.responseFields, delivery: delivery, report: report,
            key: exchanges[e].keys.base, now: now, settings: settings.policy)
    }

    /// What follows once the head's bytes are dropped from the buffer.
    private mutating func afterHead(_ e: UInt32) {
        let context = exchanges[e].context
        guard contexts.contains(context), contexts[context.index].body.kind == .relay else { return }
        progress(contexts[context.index].client.index)
    }
}
