// From an origin's answer to a running fill: may it be stored, under which key (Vary), with what header block and tags.
// And the 304 that renews what is stored.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Stores the answer if it may be stored, else relays it to the one who asked.
    mutating func storeOrRelay(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        // Asked beside somebody else's fetch: it is his to store what there is now.
        guard exchanges[e].permit != nil else { return declineToStore(e, o, head, .busy, 0) }
        let times = ExchangeTimes(
            requestMilliseconds: exchanges[e].sentUnixMilliseconds, responseMilliseconds: clock.unixMilliseconds)
        let response = Self.responseFacts(origins[o].answer, scratch, clock.unixMilliseconds, settings)
        var request = Self.facts(requests[exchanges[e].request])
        if exchanges[e].isRefresh { request = request.forRefresh() }
        request.isDemand = exchanges[e].isDemand
        if exchanges[e].purpose == .rest, !exchanges[e].isUnconditional { request.hasRange = true }
        store(e, o, head, request, response, times)
    }

    mutating func store(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ request: RequestFacts, _ response: ResponseFacts,
        _ times: ExchangeTimes
    ) {
        switch StoreDecision.decide(request: request, response: response, times: times, settings: settings.policy) {
        case .pass(let reason, let seconds):
            declineToStore(e, o, head, reason, seconds)
        case .store where exchanges[e].isSlice:
            storeSlice(e, o, head, request, response, times)
        case .store(let plan):
            if plan.varies, let refusal = settleVariant(e, o, request, response, plan) {
                return declineToStore(e, o, head, refusal, 0)
            }
            if !plan.varies, exchanges[e].keys.isVariant, response.status != 206 { replaceRecord(e) }
            if response.status == 206 {
                if joinStored(e, o, head, request, response, times) { return }
                // A rest alone is of no use to who wants it together with what is stored.
                if exchanges[e].purpose == .rest, !exchanges[e].isUnconditional { return fetchAnew(e) }
                if keepsStored(e, o, response) { return declineToStore(e, o, head, .partialContent, 0) }
            }
            beginFill(e, o, head, response, plan, times)
        }
    }

    static func responseFacts(
        _ answer: RawSpan, _ scratch: borrowing Scratch, _ now: Int64, _ settings: borrowing WorkerSettings
    ) -> ResponseFacts {
        ResponseFacts(
            head: scratch.responseParser.head, bytes: answer, fields: scratch.responseFields, now: now,
            settings: settings.policy)
    }

    /// The answer is for this request only.
    mutating func declineToStore(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ reason: PassReason, _ seconds: UInt32
    ) {
        count(.fillsUncacheable)
        if let permit = exchanges[e].permit.take() {
            // A 304 answers one client's condition, and an answer to Authorization one client's name: those who wait
            // ask again, without them.
            if reason == .statusNotFinal || (reason == .authorization && !exchanges[e].hasStored) {
                permit.fail(.abandoned)
            } else if exchanges[e].hasStored, Reuse.isAboutTheAsking(status: head.status) {
                // This says nothing about what is stored: it stays, to be validated or used stale (RFC 9111 section
                // 4.3.3, RFC 5861).
                permit.fail(.pass)
            } else {
                permit.fail(.pass, markerSeconds: Int(seconds))
            }
        }
        let context = exchanges[e].context
        if !context.isNone { contexts[context.index].report.refusal = reason }
        relayHead(e, o, head)
    }

    /// Publishes head and attributes; the body follows as it arrives.
    private mutating func beginFill(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ facts: ResponseFacts, _ plan: StorePlan,
        _ times: ExchangeTimes
    ) {
        let cost = UInt32(clamping: times.responseMilliseconds - times.requestMilliseconds)
        let tags = Self.tags(origins[o].answer, scratch, exchanges[e].keys, keyHash)
        let encoded = Self.encode(
            origins, o, &scratch, facts, plan, times, isVariant: exchanges[e].keys.isVariant, cost: cost)
        guard encoded, !tags.overflowed else { return declineToStore(e, o, head, .headTooLarge, 0) }
        let attributes = Self.attributes(plan, exchanges[e].route, scratch.block, cost: cost, clock)
        if facts.status == 206, case .bytes(let range, _) = facts.contentRange { exchanges[e].partLength = range.count }
        if facts.directives.namesFields { keepWithheld(e, o) }
        publishHead(e, o, head, attributes, tags, exchanges[e].body.knownLength)
    }

    /// What `private=` and `no-cache=` name is not stored: it goes to the one who asked, and to nobody else.
    private mutating func keepWithheld(_ e: UInt32, _ o: UInt32) {
        let context = exchanges[e].context
        guard !context.isNone else { return }
        contexts[context.index].withheld = Self.withheld(origins[o].answer, scratch)
    }

    private static func withheld(_ answer: RawSpan, _ scratch: borrowing Scratch) -> Buffer {
        var lines = Buffer(capacity: scratch.responseParser.head.length)
        var sink = lines.sink()
        NamedFields.write(bytes: answer, fields: scratch.responseFields, into: &sink)
        let count = sink.overflowed ? 0 : sink.count
        lines.commit(count)
        return lines
    }

    /// The scratch block becomes the head of the fill. False when the cache does not take it: it is relayed then.
    @discardableResult
    mutating func publishHead(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ attributes: ItemAttributes, _ tags: TagSet, _ length: UInt64?
    ) -> Bool {
        let outcome = Self.setHead(&exchanges[e], scratch.block, attributes, tags, length)
        guard outcome == .accepted else {
            exchanges[e].permit = nil
            let context = exchanges[e].context
            if !context.isNone { contexts[context.index].report.refusal = Self.refusal(outcome) }
            relayHead(e, o, head)
            return false
        }
        releaseRequest(e)
        let context = exchanges[e].context
        if !context.isNone { contexts[context.index].report.isStored = true }
        // Readers of this process see the head in this turn.
        if !exchanges[e].body.isComplete { exchanges[e].permit?.flush() }
        return true
    }

    private static func refusal(_ outcome: AppendOutcome) -> PassReason {
        switch outcome {
        case .declined(.tooLarge): .bodyTooLarge
        case .declined(.firstSight): .firstSight
        default: .noRoom
        }
    }

    private static func setHead(
        _ exchange: inout Exchange, _ block: borrowing Buffer, _ attributes: ItemAttributes, _ tags: TagSet,
        _ length: UInt64?
    ) -> AppendOutcome {
        let hashes = tags.hashes.span.extracting(0..<tags.count)
        return exchange.permit?.setHead(
            block.readable, attributes: attributes, tags: hashes, expectedBodyLength: length.map { Int(clamping: $0) })
            ?? .declined(.abandoned)
    }

    private static func encode(
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: inout Scratch, _ facts: ResponseFacts,
        _ plan: StorePlan, _ times: ExchangeTimes, isVariant: Bool, cost: UInt32
    ) -> Bool {
        scratch.encodeBlock(origins[o].answer, facts, plan, times, isVariant: isVariant, cost: cost)
    }

    /// `block` is the encoded header block.
    static func attributes(
        _ plan: StorePlan, _ route: Route, _ block: borrowing Buffer, cost: UInt32, _ clock: TurnClock
    ) -> ItemAttributes {
        var attributes = ItemAttributes(
            storedSeconds: clock.cache.seconds,
            expiresSeconds: UInt32(clamping: plan.retainUntilMilliseconds / 1000 + 1), site: route.site,
            fetchCostMilliseconds: UInt16(clamping: cost))
        if let head = StoredHead(block.readable) {
            attributes.contentClass = ContentClass.number(of: head.contentType)
            if head.flags.contains(.encodable) { attributes.callerFlags = Janitor.encodableFlag }
        }
        return attributes
    }

    // MARK: Vary

    /// Writes the record that the answer's Vary needs and moves the exchange to the variant's key. Gives the reason
    /// when it cannot be stored.
    private mutating func settleVariant(
        _ e: UInt32, _ o: UInt32, _ request: RequestFacts, _ response: ResponseFacts, _ plan: StorePlan
    ) -> PassReason? {
        // Purges since the origin was asked count under the new key too: a list of variants that has been written
        // since then is not for this answer, nor may this answer bring back the one of before.
        let born = Self.born(exchanges[e].permit)
        if let born, lane.isPurged(hash: exchanges[e].keys.baseHash, since: born) { return .busy }
        let change = Self.encodeRecord(
            origins, o, &scratch, exchanges, e, lane, request, response, Self.freshUntil(plan.expiryMilliseconds),
            random.next(), settings)
        guard let change else { return .varyTooComplex }
        if change != .keep {
            guard storeRecord(e, born: born) || change == .extend else { return .busy }
        }
        if Self.selectsByWithheld(exchanges, e, origins, o, scratch, requests, settings) { return .varyOnWithheld }
        guard let hash = Self.variantKey(&scratch, requests, exchanges, e, keyHash) else { return .varyTooComplex }
        if exchanges[e].keys.isVariant, hash == exchanges[e].keys.hash { return nil }
        // What this fill was started for is not where its answer belongs: those who wait look again, and find the
        // record.
        if let permit = exchanges[e].permit.take() { permit.fail(.abandoned) }
        exchanges[e].keys.setVariant(scratch.variantKey, hash: hash)
        switch lane.startFill(hash: hash, key: scratch.variantKey.readable, refreshing: true, born: born) {
        case .own(let permit):
            move(e, to: permit)
            return nil
        default:
            return .busy
        }
    }

    private static func selectsByWithheld(
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ origins: borrowing Slab<OriginConnection>, _ o: UInt32,
        _ scratch: borrowing Scratch, _ requests: borrowing RequestBuffers, _ settings: borrowing WorkerSettings
    ) -> Bool {
        selectsByWithheld(
            exchanges[e].requestHead, origins[o].answer, scratch, requests[exchanges[e].request], settings)
    }

    private static func selectsByWithheld(
        _ sent: borrowing Buffer, _ answer: RawSpan, _ scratch: borrowing Scratch, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings
    ) -> Bool {
        WithheldFields.select(
            responseBytes: answer, responseFields: scratch.responseFields, requestBytes: request.bytes.readable,
            requestFields: request.fields, sent: sent.readable, settings: settings.policy)
    }

    mutating func move(_ e: UInt32, to permit: consuming FillPermit) {
        let ticket = permit.ticket()
        exchanges[e].permit = consume permit
        let context = exchanges[e].context
        if !context.isNone { contexts[context.index].body.ticket = consume ticket }
    }

    /// An answer that does not vary is every request's: it takes the record's place as soon as no answer is fresh that
    /// does. Until then it counts for its own variant: of an origin that says Vary in some answers only, each request
    /// gets what it would get without a cache.
    private mutating func replaceRecord(_ e: UInt32) {
        guard Self.isOutlived(exchanges[e].keys, lane, now: clock.unixMilliseconds) else { return }
        let born = Self.born(exchanges[e].permit)
        guard case .own(let permit) = Self.startBaseFill(lane, exchanges[e].keys, born: born) else { return }
        if let former = exchanges[e].permit.take() { former.fail(.abandoned) }
        exchanges[e].keys.setBase()
        move(e, to: permit)
    }

    private static func isOutlived(_ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, now: Int64) -> Bool {
        guard let view = lane.lookup(hash: keys.baseHash, key: keys.base), let record = VaryRecord(view.header) else {
            return false
        }
        return record.isOutlived(now: now)
    }

    /// Tells the record that a varying answer has been confirmed. The merged fields are in the scratch.
    mutating func extendRecord(_ e: UInt32) {
        guard exchanges[e].keys.isVariant, scratch.mergedFields.contains(.vary),
            Self.encodeExtended(&scratch, exchanges, e, lane)
        else { return }
        _ = storeRecord(e, born: Self.born(exchanges[e].permit))
    }

    private static func encodeExtended(
        _ scratch: inout Scratch, _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ lane: borrowing Lane
    ) -> Bool {
        encodeExtended(&scratch, exchanges[e].keys, lane)
    }

    private static func encodeExtended(
        _ scratch: inout Scratch, _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane
    ) -> Bool {
        guard let object = lane.lookup(hash: keys.hash, key: keys.object), let stored = StoredHead(object.header),
            let view = lane.lookup(hash: keys.baseHash, key: keys.base), let record = VaryRecord(view.header)
        else { return false }
        return scratch.encodeExtended(record, until: freshUntil(stored.expiryMilliseconds))
    }

    private static func freshUntil(_ milliseconds: Int64) -> UInt32 {
        UInt32(clamping: Seconds.whole(milliseconds &+ 999))
    }

    static func born(_ permit: borrowing FillPermit?) -> UInt32? {
        switch permit {
        case .some(let permit): permit.born
        case .none: nil
        }
    }

    private static func encodeRecord(
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: inout Scratch,
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ lane: borrowing Lane, _ request: RequestFacts,
        _ response: ResponseFacts, _ freshUntil: UInt32, _ random: UInt64, _ settings: borrowing WorkerSettings
    ) -> VaryRecord.Change? {
        encodeRecord(
            origins[o].answer, &scratch, exchanges[e].keys, lane, request, response, freshUntil, random, settings)
    }

    private static func encodeRecord(
        _ answer: RawSpan, _ scratch: inout Scratch, _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane,
        _ request: RequestFacts, _ response: ResponseFacts, _ freshUntil: UInt32, _ random: UInt64,
        _ settings: borrowing WorkerSettings
    ) -> VaryRecord.Change? {
        if let view = lane.lookup(hash: keys.baseHash, key: keys.base), let record = VaryRecord(view.header) {
            // A refreshed variant does not count towards the cap again.
            let isNew = !keys.isVariant || lane.lookup(hash: keys.hash, key: keys.object) == nil
            return scratch.encodeRecord(
                answer, record, request, response, freshUntil, random, settings.policy, isNewVariant: isNew)
        }
        return scratch.encodeRecord(
            answer, nil, request, response, freshUntil, random, settings.policy, isNewVariant: true)
    }

    /// Puts the record in the scratch block under the base key.
    private mutating func storeRecord(_ e: UInt32, born: UInt32?) -> Bool {
        let expires = UInt32.max
        let attributes = ItemAttributes(storedSeconds: clock.cache.seconds, expiresSeconds: expires)
        let tags = TagSet(host: Self.hostTag(exchanges[e].keys, keyHash))
        if !exchanges[e].keys.isVariant, let permit = exchanges[e].permit.take() {
            return Self.commit(permit, scratch.block, attributes, tags)
        }
        switch Self.startBaseFill(lane, exchanges[e].keys, born: born) {
        case .own(let permit): return Self.commit(permit, scratch.block, attributes, tags)
        default: return false
        }
    }

    private static func startBaseFill(
        _ lane: borrowing Lane, _ keys: borrowing ExchangeKeys, born: UInt32? = nil
    ) -> FillStart {
        lane.startFill(hash: keys.baseHash, key: keys.base, refreshing: true, born: born)
    }

    /// A small object whole: head only.
    private static func commit(
        _ permit: consuming FillPermit, _ block: borrowing Buffer, _ attributes: ItemAttributes, _ tags: TagSet
    ) -> Bool {
        let hashes = tags.hashes.span.extracting(0..<tags.count)
        guard permit.setHead(block.readable, attributes: attributes, tags: hashes, expectedBodyLength: 0) == .accepted
        else { return false }
        while true {
            switch permit.finish(budgetBytes: .max) {
            case .again: continue
            case .committed: return true
            case .rejected: return false
            }
        }
    }

    private static func variantKey(
        _ scratch: inout Scratch, _ requests: borrowing RequestBuffers, _ exchanges: borrowing Slab<Exchange>,
        _ e: UInt32, _ keyHash: KeyHash
    ) -> UInt64? {
        variantKey(scratch.block, requests[exchanges[e].request], exchanges[e].keys, &scratch.variantKey, keyHash)
    }

    private static func variantKey(
        _ block: borrowing Buffer, _ request: borrowing RequestBuffer, _ keys: borrowing ExchangeKeys,
        _ variantKey: inout Buffer, _ keyHash: KeyHash
    ) -> UInt64? {
        guard let record = VaryRecord(block.readable) else { return nil }
        variantKey.clear()
        var output = variantKey.sink()
        let fits = record.writeKey(
            base: keys.base, requestBytes: request.bytes.readable, requestFields: request.fields, into: &output)
        let count = output.count
        guard fits, !output.overflowed else { return nil }
        variantKey.commit(count)
        return keyHash.hash(variantKey.readable)
    }
}
