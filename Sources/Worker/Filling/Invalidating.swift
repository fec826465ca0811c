// What an origin's answer makes of other stored objects: unsafe methods invalidate (RFC 9111 section 4.4), an answer to
// HEAD updates or invalidates (section 4.3.5).

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Purges what the answer to an unsafe request makes stale.
    mutating func applyInvalidation(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        let invalidation = Invalidation.decide(
            method: exchanges[e].method, status: head.status, fields: scratch.responseFields)
        if invalidation.target { Self.purge(exchanges[e].keys, lane) }
        for reference in [invalidation.location, invalidation.contentLocation] {
            guard let reference else { continue }
            Self.purge(reference: reference, origins, o, exchanges, e, router, lane, &scratch.variantKey)
        }
        if invalidation.groups { Self.purgeGroups(origins[o].answer, scratch, exchanges[e].keys, lane) }
    }

    private static func purge(_ keys: borrowing ExchangeKeys, _ lane: borrowing Lane) {
        lane.purge(hash: keys.baseHash, key: keys.base)
    }

    private static func purge(
        reference: Extent, _ origins: borrowing Slab<OriginConnection>, _ o: UInt32,
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ router: borrowing Router, _ lane: borrowing Lane,
        _ text: inout Buffer
    ) {
        let site = router.name(of: exchanges[e].route.site)
        purge(
            reference: reference, origins[o].answer, exchanges[e].keys, site, sortsQuery: router.sortsQuery, lane,
            &text)
    }

    private static func purge(
        reference: Extent, _ answer: RawSpan, _ keys: borrowing ExchangeKeys, _ site: RawSpan,
        sortsQuery: Bool, _ lane: borrowing Lane, _ text: inout Buffer
    ) {
        text.clear()
        var sink = text.sink()
        let key = CacheKey.write(
            reference: answer.slice(reference), seenFrom: keys.key, in: keys.base, site: site, secure: false,
            sortsQuery: sortsQuery, into: &sink)
        let count = sink.count
        guard key != nil else { return }
        text.commit(count)
        lane.purge(hash: lane.keyHash.hash(text.readable), key: text.readable)
    }

    private static func purgeGroups(
        _ answer: RawSpan, _ scratch: borrowing Scratch, _ keys: borrowing ExchangeKeys,
        _ lane: borrowing Lane
    ) {
        let keyHash = lane.keyHash
        let host = keyHash.hash(keys.base.slice(keys.key.authority))
        var walker = TagWalker.invalidated()
        while let tag = walker.next(bytes: answer, fields: scratch.responseFields) {
            lane.purge(tag: tagHash(tag, answer, host: host, keyHash))
        }
    }

    /// An answer to HEAD says whether the stored answer to GET is still the origin's.
    mutating func applyHeadUpdate(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        guard exchanges[e].method == .head, exchanges[e].request != .max else { return }
        let probe = Self.headOutcome(
            exchanges, e, lane, origins, o, &scratch, head, clock.unixMilliseconds, requests)
        guard let probe else { return }
        switch probe.outcome {
        case .ignore: return
        case .invalidate: Self.purge(exchanges[e].keys, lane)
        case .update: updateByHead(e, o, probe.isVariant, probe.hash)
        }
    }

    private struct HeadProbe {
        var outcome: Freshening.HeadOutcome
        var hash: UInt64
        var isVariant: Bool
    }

    private static func headOutcome(
        _ exchanges: borrowing Slab<Exchange>, _ e: UInt32, _ lane: borrowing Lane,
        _ origins: borrowing Slab<OriginConnection>, _ o: UInt32, _ scratch: inout Scratch, _ head: ResponseHead,
        _ now: Int64, _ requests: borrowing RequestBuffers
    ) -> HeadProbe? {
        headOutcome(
            exchanges[e].keys, lane, origins[o].answer, scratch.responseFields, head, now,
            requests[exchanges[e].request], &scratch.variantKey)
    }

    private static func headOutcome(
        _ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, _ answer: RawSpan,
        _ fields: borrowing FieldTable, _ head: ResponseHead, _ now: Int64, _ request: borrowing RequestBuffer,
        _ variantKey: inout Buffer
    ) -> HeadProbe? {
        guard let view = lane.lookup(hash: keys.baseHash, key: keys.base) else { return nil }
        if StoredKind.of(view.header) == .varyRecord {
            guard let hash = writeVariantKey(view, keys.text, &variantKey, lane, request),
                let variant = lane.lookup(hash: hash, key: variantKey.readable),
                let stored = StoredHead(variant.header)
            else { return nil }
            let outcome = Freshening.judgeHead(
                stored: stored, length: UInt64(variant.bodyLength), head: head, bytes: answer, fields: fields,
                now: now)
            return HeadProbe(outcome: outcome, hash: hash, isVariant: true)
        }
        guard let stored = StoredHead(view.header) else { return nil }
        let outcome = Freshening.judgeHead(
            stored: stored, length: UInt64(view.bodyLength), head: head, bytes: answer, fields: fields, now: now)
        return HeadProbe(outcome: outcome, hash: keys.baseHash, isVariant: false)
    }

    private mutating func updateByHead(_ e: UInt32, _ o: UInt32, _ isVariant: Bool, _ hash: UInt64) {
        if isVariant { exchanges[e].keys.setVariant(scratch.variantKey, hash: hash) }
        switch Self.startObjectFill(lane, exchanges[e].keys) {
        case .own(let permit): exchanges[e].permit = consume permit
        default: return
        }
        let times = ExchangeTimes(
            requestMilliseconds: exchanges[e].sentUnixMilliseconds, responseMilliseconds: clock.unixMilliseconds)
        var withheld: Buffer?
        let outcome = Self.renew(
            &exchanges, e, lane, origins, o, &scratch, requests, times, clock, settings, withheld: &withheld)
        exchanges[e].permit = nil
        // An answer to Authorization may not be stored, whatever it says.
        guard !outcome.keepsStored, !Self.facts(requests[exchanges[e].request]).hasAuthorization else { return }
        Self.removeStored(exchanges[e].keys, lane)
    }

    /// Notes that answers for this key are not to be waited for (hit-for-miss).
    static func mark(_ keys: borrowing ExchangeKeys, _ lane: borrowing Lane, seconds: UInt32) {
        if case .own(let permit) = startObjectFill(lane, keys) { permit.fail(.pass, markerSeconds: Int(seconds)) }
    }

    static func startObjectFill(
        _ lane: borrowing Lane, _ keys: borrowing ExchangeKeys, born: UInt32? = nil
    ) -> FillStart {
        lane.startFill(hash: keys.hash, key: keys.object, refreshing: true, born: born)
    }
}
