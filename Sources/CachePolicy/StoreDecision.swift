// May this answer be stored, and for how long is it fresh (RFC 9111 section 3)? Numbers in, enum out.

import HTTPMessage

/// Where a freshness lifetime came from (RFC 9111 section 4.2.1).
package enum FreshnessSource: UInt8, Sendable {
    case sharedMaxAge, maxAge, expires, heuristic, statusRule, none
}

/// How an answer is to be stored.
package struct StorePlan: Sendable, Equatable {
    /// Freshness lifetime counted from `zeroMoment`.
    package var freshnessSeconds: UInt32
    package var source: FreshnessSource
    /// Windows after expiry; 0 where `must-revalidate` and its kin forbid stale answers.
    package var staleWhileRevalidateSeconds: UInt32
    package var staleIfErrorSeconds: UInt32
    /// Unix milliseconds at which the answer had age zero.
    package var zeroMoment: Int64
    package var flags: StoredFlags
    /// How long after `zeroMoment` the object is worth keeping.
    package var retentionSeconds: UInt32
    /// The answer varies: it belongs under a variant key, with a Vary record under the base key.
    package var varies: Bool

    /// Unix milliseconds of expiry.
    package var expiryMilliseconds: Int64 { zeroMoment &+ Int64(freshnessSeconds) * 1000 }
    /// Unix milliseconds after which nothing is lost when the object is dropped.
    package var retainUntilMilliseconds: Int64 { zeroMoment &+ Int64(retentionSeconds) * 1000 }
}

/// The outcome of `StoreDecision.decide`.
package enum StoreDecision: Sendable, Equatable {
    case store(StorePlan)
    /// Relay without storing. `rememberSeconds` is how long requests for this key should not be collapsed
    /// (hit-for-miss); 0 when the reason lies in this one request.
    case pass(PassReason, rememberSeconds: UInt32)
}

extension StoreDecision {
    /// Decides for the final answer to `request` (RFC 9111 sections 3, 3.5, 4.2 and 5.2.2).
    package static func decide(
        request: RequestFacts, response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings
    ) -> StoreDecision {
        if response.status == 206, request.method == .get {
            return decidePart(request: request, response: response, times: times, settings: settings)
        }
        if let reason = refusalOfRequest(request, response, settings) {
            return .pass(reason, rememberSeconds: 0)
        }
        if let reason = refusalOfResponse(request, response, settings) {
            // What depends on who asked says nothing about the next request.
            let remember = reason == .authorization ? 0 : settings.hitForMissSeconds
            return .pass(reason, rememberSeconds: remember)
        }
        var plan = StorePlan(response: response, times: times, settings: settings)
        if request.isDemand { plan.flags.insert(.demanded) }
        if !request.acceptedCodings.accepts(response.coding) { plan.flags.insert(.unaskedCoding) }
        if plan.source == .none, !mayStoreWithoutFreshness(response) {
            return .pass(.noFreshness, rememberSeconds: settings.hitForMissSeconds)
        }
        if !plan.isUsable(at: times.responseMilliseconds) {
            return .pass(.neverUsable, rememberSeconds: settings.hitForMissSeconds)
        }
        return .store(plan)
    }

    /// Reasons that lie in the exchange rather than in the resource.
    private static func refusalOfRequest(
        _ request: RequestFacts, _ response: ResponseFacts, _ settings: PolicySettings
    ) -> PassReason? {
        switch request.method {
        case .get: break
        case .post:
            // RFC 9110 section 9.3.3: only with explicit freshness and its own URL in Content-Location.
            guard settings.storesPostAnswers, response.namesOwnLocation, (200..<300).contains(response.status),
                response.hasStatedFreshness
            else { return .method }
            // What the client said has gone to the origin as it was: a GET's key knows nothing of a coding without a
            // name here, nor of fields that a GET's origin does not see.
            if response.coding == .other { return .method }
            if settings.guardsAgainstPoisoning, request.hasGuardedFields { return .method }
        default: return .method
        }
        if request.directives.noStore, settings.requestNoStore == .honour { return .requestNoStore }
        if response.status < 200 || response.status == 304 { return .statusNotFinal }
        // A 416 is about the range that was asked for, and nothing else.
        if response.status == 206 || (response.status == 416 && request.hasRange) { return .partialContent }
        return nil
    }

    /// Reasons that lie in the answer (RFC 9111 section 3) and in the guards.
    private static func refusalOfResponse(
        _ request: RequestFacts, _ response: ResponseFacts, _ settings: PolicySettings
    ) -> PassReason? {
        let flags = response.directives.flags
        if flags.contains(.mustUnderstand), !StatusRules.isUnderstood(response.status) { return .statusNotUnderstood }
        // A cache that understands the status ignores no-store beside must-understand (section 5.2.2.3).
        if flags.contains(.noStore), !flags.contains(.mustUnderstand) { return .noStore }
        if flags.contains(.isPrivate) { return .privateResponse }
        if settings.qualifiedDirectivesCountAsWhole, flags.contains(.privateFields) { return .privateResponse }
        if request.hasAuthorization, !response.allowsSharingWithAuthorization { return .authorization }
        if response.hasSetCookie, !settings.storesSetCookie, !flags.contains(.isPublic),
            response.directives.sharedMaxAgeSeconds == nil
        {
            return .setCookie
        }
        if response.variesOnEverything { return .varyStar }
        // What the node writes itself differs from client to client, and is not what the key would hold.
        switch settings.forwardedStyle {
        case .xForwarded where response.variesOnForwardedFor: return .varyOnClient
        case .forwarded where response.variesOnForwarded: return .varyOnClient
        default: break
        }
        // An error page under a file's name is nobody's account.
        if settings.guardsAgainstDeception, (200..<300).contains(response.status), request.promise == .staticFile,
            response.contentClass == .personal
        {
            return .deception
        }
        return nil
    }

    /// Section 3: without stated freshness an answer is storable if it is `public` or of a cacheable status.
    private static func mayStoreWithoutFreshness(_ response: ResponseFacts) -> Bool {
        response.directives.flags.contains(.isPublic) || StatusRules.isHeuristicallyCacheable(response.status)
    }
}

extension ResponseFacts {
    /// max-age, s-maxage or Expires is there, whatever it says.
    var hasStatedFreshness: Bool {
        directives.maxAgeSeconds != nil || directives.sharedMaxAgeSeconds != nil
            || (!directives.flags.contains(.targeted) && expiry != .absent)
    }

    /// RFC 9111 section 3.5.
    var allowsSharingWithAuthorization: Bool {
        !directives.flags.isDisjoint(with: [.mustRevalidate, .isPublic]) || directives.sharedMaxAgeSeconds != nil
    }

    var hasValidator: Bool { hasETag || lastModifiedSeconds != nil }
}

extension StorePlan {
    /// The lifetimes and flags of an answer that may be stored.
    init(response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings) {
        let directives = response.directives
        let lifetime = FreshnessLifetime(
            response: response, responseSeconds: Seconds.whole(times.responseMilliseconds), settings: settings
        )
        freshnessSeconds = lifetime.seconds
        source = lifetime.source
        zeroMoment = Age.zeroMoment(
            ageSeconds: response.ageSeconds, dateSeconds: response.dateSeconds, times: times
        )
        varies = response.hasVary
        flags = []
        let qualified = settings.qualifiedDirectivesCountAsWhole && directives.flags.contains(.noCacheFields)
        if directives.flags.contains(.noCache) || qualified { flags.insert(.noCache) }
        let forbidsStale =
            !directives.flags.isDisjoint(with: [.mustRevalidate, .proxyRevalidate])
            || (settings.sharedMaxAgeForbidsStale && directives.sharedMaxAgeSeconds != nil)
        if forbidsStale { flags.insert(.mustRevalidate) }
        if lifetime.source == .heuristic { flags.insert(.heuristic) }
        if directives.flags.contains(.isPublic) { flags.insert(.isPublic) }
        if directives.flags.contains(.noTransform) { flags.insert(.noTransform) }
        if directives.flags.contains(.immutable) { flags.insert(.immutable) }
        if response.allowsSharingWithAuthorization { flags.insert(.sharedWithAuthorization) }
        if settings.hidesTagFields { flags.insert(.hidesTags) }
        if directives.staleIfErrorSeconds != nil { flags.insert(.statedStaleIfError) }
        let maySpoil = !forbidsStale && !flags.contains(.noCache)
        staleWhileRevalidateSeconds =
            maySpoil ? directives.staleWhileRevalidateSeconds ?? settings.staleWhileRevalidateSeconds : 0
        staleIfErrorSeconds = maySpoil ? directives.staleIfErrorSeconds ?? settings.staleIfErrorSeconds : 0
        retentionSeconds = 0
        if isFresh(at: times.responseMilliseconds), !flags.contains(.noCache) { flags.insert(.shareable) }
        retentionSeconds = retention(maySpoil: maySpoil, hasValidator: response.hasValidator, settings: settings)
    }

    func isFresh(at moment: Int64) -> Bool { moment < expiryMilliseconds }

    /// Whether the stored answer could ever save the origin anything.
    func isUsable(at moment: Int64) -> Bool { moment < retainUntilMilliseconds }

    private func retention(maySpoil: Bool, hasValidator: Bool, settings: PolicySettings) -> UInt32 {
        var extra: UInt32 = 0
        if maySpoil { extra = max(staleWhileRevalidateSeconds, staleIfErrorSeconds) }
        // An answer that is stale on arrival is kept only for what can be made of it by asking again.
        if hasValidator || (maySpoil && freshnessSeconds > 0) { extra = max(extra, settings.retentionSeconds) }
        let life = flags.contains(.noCache) && !hasValidator ? 0 : freshnessSeconds
        return UInt32(min(UInt64(life) + UInt64(extra), UInt64(UInt32.max)))
    }
}
