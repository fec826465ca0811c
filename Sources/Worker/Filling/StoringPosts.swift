// Answers to POST that are kept for later GETs: those that name their own URL in Content-Location and say how long they
// are fresh (RFC 9110 section 9.3.3). The POST itself always goes to the origin, and once.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Stores the answer to a POST while its client gets it. False when it may not be stored: it is relayed.
    mutating func storePost(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) -> Bool {
        let context = exchanges[e].context
        guard exchanges[e].method == .post, exchanges[e].request != .max, exchanges[e].permit == nil,
            !context.isNone, contexts[context.index].upload.state == .done, namesItself(e, o)
        else { return false }
        let times = ExchangeTimes(
            requestMilliseconds: exchanges[e].sentUnixMilliseconds, responseMilliseconds: clock.unixMilliseconds)
        var response = Self.responseFacts(origins[o].answer, scratch, clock.unixMilliseconds, settings)
        response.namesOwnLocation = true
        let request = Self.facts(requests[exchanges[e].request])
        let decision = StoreDecision.decide(
            request: request, response: response, times: times, settings: settings.policy)
        guard case .store = decision, case .own(let permit) = Self.startBase(lane, exchanges[e].keys) else {
            return false
        }
        let x = context.index
        contexts[x].body = BodySource(fill: permit.ticket())
        contexts[x].phase = .waitingForFill
        contexts[x].exchange = e
        exchanges[e].permit = consume permit
        awaitFill(x)
        let id = exchanges.id(at: e)
        store(e, o, head, request, response, times)
        // The head goes out before anything can fail: a POST is never asked again.
        guard exchanges.contains(id), exchanges[e].permit != nil, contexts.contains(context) else { return true }
        progressFillContext(x)
        // The client may have gone in the middle of that.
        if contexts.contains(context) { progressLater(contexts[x].client.index) }
        return true
    }

    private static func startBase(_ lane: borrowing Lane, _ keys: borrowing ExchangeKeys) -> FillStart {
        lane.startFill(hash: keys.baseHash, key: keys.base, refreshing: true)
    }

    /// Content-Location is the URL that was posted to.
    private mutating func namesItself(_ e: UInt32, _ o: UInt32) -> Bool {
        guard let reference = scratch.responseFields.only(.contentLocation) else { return false }
        return Self.isOwn(reference, origins, o, exchanges, e, router, &scratch.variantKey)
    }

    private static func isOwn(
        _ reference: Extent, _ origins: borrowing Slab<OriginConnection>, _ o: UInt32,
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ router: borrowing Router, _ text: inout Buffer
    ) -> Bool {
        let site = router.name(of: exchanges[e].route.site)
        return isOwn(
            reference, origins[o].answer, exchanges[e].keys, site, sortsQuery: router.sortsQuery, &text)
    }

    private static func isOwn(
        _ reference: Extent, _ answer: RawSpan, _ keys: borrowing ExchangeKeys, _ site: RawSpan,
        sortsQuery: Bool, _ text: inout Buffer
    ) -> Bool {
        text.clear()
        var sink = text.sink()
        return CacheKey.isSame(
            reference: answer.slice(reference), as: keys.key, in: keys.base, site: site, secure: false,
            sortsQuery: sortsQuery, scratch: &sink)
    }
}
