// Validation of stored objects: what the origin's answer means, the renewal by 304, and the update by a HEAD answer.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// What the answer to a validation says about what is stored.
    mutating func judgeValidation(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) -> Freshening.Outcome {
        Self.judge(exchanges[e].keys, lane, origins[o].answer, scratch, head, clock.unixMilliseconds)
    }

    private static func judge(
        _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, _ answer: RawSpan,
        _ scratch: borrowing Scratch, _ head: ResponseHead, _ now: Int64
    ) -> Freshening.Outcome {
        guard let view = lane.lookup(hash: keys.hash, key: keys.object), let stored = StoredHead(view.header) else {
            // Evicted or purged meanwhile: a 304 is of no use, anything else is the answer.
            return head.status == 304 ? .mismatch : .replaced
        }
        return Freshening.judge(
            stored: stored, status: head.status, bytes: answer, fields: scratch.responseFields, now: now)
    }

    /// What a 304 made of a stored object.
    enum RenewalOutcome {
        /// What is stored has the new fields, or is gone.
        case stored
        /// It may not be stored with them: they are in the scratch block, for who caused the validation. `isKept`: what
        /// is stored stays as it was.
        case forOne(isKept: Bool)
        /// They do not fit.
        case tooLarge

        /// False: what is stored is of no use any more.
        var keepsStored: Bool {
            switch self {
            case .stored, .forOne(isKept: true): true
            case .forOne(isKept: false), .tooLarge: false
            }
        }
    }

    /// 304: the stored object gets new fields and times, and answers who asked.
    mutating func freshen(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        count(.revalidations)
        let times = ExchangeTimes(
            requestMilliseconds: exchanges[e].sentUnixMilliseconds, responseMilliseconds: clock.unixMilliseconds)
        let context = exchanges[e].context
        var withheld: Buffer?
        let outcome = Self.renew(
            &exchanges, e, lane, origins, o, &scratch, requests, times, clock, settings, withheld: &withheld)
        if !context.isNone { contexts[context.index].withheld = consume withheld }
        origins[o].input?.consume(head.length)
        exchanges[e].connection = .max
        releaseOrigin(o, keepAlive: exchanges[e].keepsConnection)
        // The end of its context must not be the end of an exchange without a permit.
        detachContext(e)
        if !context.isNone { answerValidated(e, context.index, outcome) }
        if !outcome.keepsStored { Self.removeStored(exchanges[e].keys, lane) }
        if case .stored = outcome { extendRecord(e) }
        endExchange(e)
    }

    /// Writes the renewed object.
    static func renew(
        _ exchanges: inout Slab<Exchange>, _ e: UInt32, _ lane: borrowing Lane,
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: inout Scratch,
        _ requests: borrowing RequestBuffers, _ times: ExchangeTimes, _ clock: TurnClock,
        _ settings: borrowing WorkerSettings, withheld: inout Buffer?
    ) -> RenewalOutcome {
        let r = exchanges[e].request
        return renew(
            &exchanges[e], lane, origins[o].answer, &scratch, requests[r], times, clock, settings, withheld: &withheld)
    }

    private static func renew(
        _ exchange: inout Exchange, _ lane: borrowing Lane, _ answer: RawSpan, _ scratch: inout Scratch,
        _ request: borrowing RequestBuffer, _ times: ExchangeTimes, _ clock: TurnClock,
        _ settings: borrowing WorkerSettings, withheld: inout Buffer?
    ) -> RenewalOutcome {
        guard let view = lane.lookup(hash: exchange.keys.hash, key: exchange.keys.object),
            let stored = StoredHead(view.header)
        else { return .stored }
        var facts = facts(request)
        facts.isDemand = exchange.isDemand
        guard let renewal = scratch.encodeRenewed(stored, answer, facts, times, settings.policy) else {
            return .tooLarge
        }
        if renewal.namesFields { withheld = scratch.withheldLines(answer) }
        if let refusal = renewal.refusal {
            // What lies in this one exchange keeps its 304 from being stored, and what is stored from nothing.
            guard refusal.isAboutOneExchange else { return .forOne(isKept: false) }
            exchange.permit.take()?.fail(.freshened)
            return .forOne(isKept: true)
        }
        let plan = renewal.plan
        // A Vary that this 304 is the first to send: nobody knows which requests what is stored is for.
        if plan.varies, !selects(exchange.keys, scratch, lane) { return .forOne(isKept: false) }
        // Asked beside somebody else's validation, which is the one that is stored.
        guard exchange.permit != nil else { return .forOne(isKept: true) }
        let tags = tags(answer, scratch, exchange.keys, lane.keyHash, renewing: view)
        guard !tags.overflowed else { return .tooLarge }
        let cost = UInt32(clamping: times.responseMilliseconds - times.requestMilliseconds)
        let attributes = attributes(plan, exchange.route, scratch.block, cost: cost, clock)
        let hashes = tags.hashes.span.extracting(0..<tags.count)
        while true {
            let outcome = exchange.permit?.freshen(
                view, header: scratch.block.readable, attributes: attributes, tags: hashes)
            guard outcome == .again else { return .stored }
        }
    }

    /// Whether the object's key tells apart the requests that the renewed fields' Vary does.
    private static func selects(
        _ keys: borrowing ExchangeKeys, _ scratch: borrowing Scratch, _ lane: borrowing Lane
    ) -> Bool {
        guard keys.isVariant, let view = lane.lookup(hash: keys.baseHash, key: keys.base),
            let record = VaryRecord(view.header)
        else { return false }
        return record.covers(bytes: scratch.merged.readable, fields: scratch.mergedFields)
    }

    /// Answers the request that caused a validation with what is stored now, or with what would be.
    private mutating func answerValidated(_ e: UInt32, _ x: UInt32, _ outcome: RenewalOutcome) {
        var report = contexts[x].report
        if report.forward != .request { report.forward = .stale }
        report.forwardStatus = 304
        report.note = .validated
        var isForOne = false
        if case .forOne = outcome { isForOne = true }
        answerFromStored(x, e, report, isForOne: isForOne)
    }

    /// Sends the stored object to a context that has waited, whatever its freshness. When it is gone the request starts
    /// over. `isForOne`: with the head in the scratch block.
    mutating func answerFromStored(_ x: UInt32, _ e: UInt32, _ report: CacheStatus, isForOne: Bool = false) {
        let c = contexts[x].client.index
        provideSendBuffer(c)
        let reply = StoredReply(report: report, closing: clients[c].closesAfterResponse, moment: moment())
        let withheld = contexts[x].withheld.take()
        let answer = Self.sendStored(
            exchanges, e, reply, lane, requests, contexts[x].request, settings, &clients, c, withheld, scratch.block,
            isForOne: isForOne)
        finishFromCache(x, answer)
    }

    private static func sendStored(
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ reply: StoredReply, _ lane: borrowing Lane,
        _ requests: borrowing RequestBuffers, _ r: UInt32, _ settings: borrowing WorkerSettings,
        _ clients: inout Slab<ClientConnection>, _ c: UInt32, _ withheld: borrowing Buffer?,
        _ block: borrowing Buffer, isForOne: Bool
    ) -> CacheAnswer {
        sendStored(
            exchanges[e].keys, reply, lane, requests[r], settings, &clients[c].sink, withheld, block,
            isForOne: isForOne)
    }

    private static func sendStored(
        _ keys: borrowing ExchangeKeys, _ reply: StoredReply, _ lane: borrowing Lane,
        _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings, _ sink: inout ClientSink,
        _ withheld: borrowing Buffer?, _ block: borrowing Buffer, isForOne: Bool
    ) -> CacheAnswer {
        guard let view = lane.lookup(hash: keys.hash, key: keys.object) else {
            return .miss(LookupResult(hash: keys.hash))
        }
        if isForOne, let renewed = StoredHead(block.readable) {
            return send(view, renewed, reply, lane, keys.text, request, settings, &sink, withheld)
        }
        guard let stored = StoredHead(view.header) else { return .miss(LookupResult(hash: keys.hash)) }
        return send(view, stored, reply, lane, keys.text, request, settings, &sink, withheld)
    }

    private static func send(
        _ view: borrowing ItemView, _ stored: borrowing StoredHead, _ reply: StoredReply, _ lane: borrowing Lane,
        _ key: borrowing Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ sink: inout ClientSink, _ withheld: borrowing Buffer?
    ) -> CacheAnswer {
        var reply = reply
        let age = Int64(clamping: stored.ageSeconds(now: reply.moment.now))
        reply.report.ttlSeconds = Int64(stored.freshnessSeconds) - age
        return StoredAnswer.send(
            view, stored, reply, lane, key, request, settings, &sink, withheld: readableBytes(withheld))
    }

    static func removeStored(_ keys: borrowing ExchangeKeys, _ lane: borrowing Lane) {
        lane.purge(hash: keys.hash, key: keys.object)
    }

    /// A context that waited has its answer in the sink, or goes on from a source, or starts over.
    mutating func finishFromCache(_ x: UInt32, _ answer: consuming CacheAnswer) {
        let c = contexts[x].client.index
        progressLater(c)
        switch consume answer {
        case .complete:
            endContext(x)
        case .streaming(let source, _, _):
            leaveQueues(x)
            contexts[x].body = source
            contexts[x].phase = .sending
            armContextTimer(x)
        case .broken:
            abortClient(c)
        default:
            restart(x)
        }
    }
}
