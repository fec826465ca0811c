// May a stored answer be used for this request now (RFC 9111 section 4)? Freshness, stale rules, request directives.
// Conditionals and ranges come after it, in Selection.swift.

import HTTPMessage

/// The outcome of `Reuse.decide`.
package struct Reuse: Sendable, Equatable {
    package enum Verdict: UInt8, Sendable {
        /// Serve it.
        case fresh
        /// Serve it and refresh it in the background: it is about to expire (XFetch).
        case freshRefreshSoon
        /// Serve it although it is stale and refresh it in the background (RFC 5861 section 3).
        case staleRefresh
        /// Serve it although it is stale: the client said `max-stale`.
        case staleOnRequest
        /// Ask the origin first; with the stored validators if `mayValidate`. See `fallback`.
        case validate
        /// `only-if-cached` and nothing that may be used: answer 504.
        case unavailable
        /// Stored in a coding this client does not accept: fetch, do not touch what is stored.
        case unacceptableCoding
        /// Not for this request (Authorization, If-Match and its kin): relay it as if nothing were stored.
        case notForThisRequest
    }

    /// What may be served when the origin fails during validation.
    package enum Fallback: UInt8, Sendable {
        /// Nothing: relay the error, 502 or 504.
        case never
        /// The stored answer, when the origin gave no answer at all.
        case whenUnreachable
        /// The stored answer, also for 500, 502, 503 and 504 (RFC 5861 section 4).
        case onError
    }

    package var verdict: Verdict
    package var fallback: Fallback
    /// The stored answer has a validator to ask with.
    package var mayValidate: Bool
    package var ageSeconds: UInt64
    /// Seconds of freshness left, negative when stale: `ttl` of Cache-Status.
    package var ttlSeconds: Int64
    /// The client would not have what is stored, although nothing else is wrong with it.
    package var isDemand = false
    private var isFresh: Bool

    /// Decides about a stored answer.
    ///
    /// - Parameters:
    ///   - isSoftlyPurged: whoever gets the verdict that it is fresh asks the origin all the same. If that fails, the
    ///     rules for what has just expired say whether it is served.
    ///   - now: Unix milliseconds.
    ///   - random: any random number, for early refresh.
    package static func decide(
        stored: borrowing StoredHead, request: RequestFacts, isSoftlyPurged: Bool = false, now: Int64, random: UInt64,
        settings: PolicySettings
    ) -> Reuse {
        var reuse = Reuse(stored: stored, now: now)
        let isDemanded = reuse.isRefused(
            by: request, flags: stored.flags, wasDemanded: stored.wasDemandedLately(now: now), settings: settings)
        reuse.verdict = reuse.judge(
            flags: stored.flags, coding: stored.coding, request: request, windows: StaleWindows(stored),
            isDemanded: isDemanded, settings: settings
        )
        reuse.isDemand = isDemanded && reuse.verdict == .validate
        if reuse.verdict == .fresh, !stored.flags.contains(.isPartial) {
            let due = EarlyRefresh.isDue(
                remainingMilliseconds: stored.expiryMilliseconds &- now,
                lifetimeMilliseconds: Int64(stored.freshnessSeconds) * 1000,
                costMilliseconds: stored.fetchCostMilliseconds, betaPercent: settings.earlyRefreshPercent,
                random: random
            )
            if due { reuse.verdict = .freshRefreshSoon }
        }
        let isFound = reuse.verdict == .fresh || reuse.verdict == .freshRefreshSoon
        if isSoftlyPurged { reuse.expire() }
        if reuse.verdict == .validate || (isSoftlyPurged && isFound) {
            reuse.fallback = reuse.fallback(
                flags: stored.flags, request: request, windows: StaleWindows(stored), settings: settings
            )
        }
        if request.directives.onlyIfCached, !reuse.isServed { reuse.verdict = .unavailable }
        return reuse
    }

    private init(stored: borrowing StoredHead, now: Int64) {
        verdict = .fresh
        fallback = .never
        // A 304 says nothing about bytes that are not here: an expired part is fetched anew.
        mayValidate =
            !stored.flags.isDisjoint(with: [.hasETag, .hasLastModified])
            && !stored.flags.contains(.isPartial)
        ageSeconds = stored.ageSeconds(now: now)
        let remaining = stored.expiryMilliseconds &- now
        isFresh = remaining > 0
        ttlSeconds = Int64(stored.freshnessSeconds) &- Int64(clamping: ageSeconds)
        // Fresh means that current age is below the lifetime (RFC 9111 section 4.2): at its last instant ttl is 0.
        if !isFresh, ttlSeconds > 0 { ttlSeconds = 0 }
    }

    private mutating func expire() {
        isFresh = false
        ttlSeconds = min(ttlSeconds, 0)
    }

    /// The stored answer may be sent without asking anybody.
    package var isServed: Bool {
        switch verdict {
        case .fresh, .freshRefreshSoon, .staleRefresh, .staleOnRequest: true
        case .validate, .unavailable, .unacceptableCoding, .notForThisRequest: false
        }
    }

    private func judge(
        flags: StoredFlags, coding: ContentCoding, request: RequestFacts, windows: StaleWindows, isDemanded: Bool,
        settings: PolicySettings
    ) -> Verdict {
        if request.mustForward { return .notForThisRequest }
        if request.hasAuthorization, settings.authorizationBypasses, !flags.contains(.sharedWithAuthorization) {
            return .notForThisRequest
        }
        if !flags.contains(.unaskedCoding), !request.acceptedCodings.accepts(coding) { return .unacceptableCoding }
        if flags.contains(.noCache) || isDemanded { return .validate }
        if isFresh { return .fresh }
        if !flags.isDisjoint(with: [.mustRevalidate, .isPartial]) { return .validate }
        if let asked = request.directives.maxStaleSeconds,
            staleSeconds <= UInt64(min(asked, settings.maximumStaleOnRequestSeconds))
        {
            return .staleOnRequest
        }
        // Who says how old or how stale it may be wants nothing staler, in the background or not (sections 5.2.1.1 and
        // 5.2.1.2).
        let limitsAge = request.directives.maxAgeSeconds != nil && settings.requestMaxAge.isHeeded(unless: false)
        if limitsAge || request.directives.maxStaleSeconds != nil { return .validate }
        return staleSeconds <= UInt64(windows.whileRevalidate) && windows.whileRevalidate > 0
            ? .staleRefresh : .validate
    }

    /// Seconds past expiry.
    private var staleSeconds: UInt64 { isFresh ? 0 : ttlSeconds.magnitude }

    /// Whether no-cache, max-age or min-fresh of the request forbid what is stored, where the settings heed them
    /// (section 5.2.1). `wasDemanded`: what is stored was fetched a moment ago for the same reason.
    private func isRefused(
        by request: RequestFacts, flags: StoredFlags, wasDemanded: Bool, settings: PolicySettings
    ) -> Bool {
        let directives = request.directives
        if directives.noCache {
            let asksTheCache = request.isConditional || request.hasIfRange
            if settings.requestNoCache.isHeeded(unless: wasDemanded || asksTheCache) { return true }
        }
        if let wanted = directives.minFreshSeconds, ttlSeconds < Int64(wanted),
            settings.requestMinFresh.isHeeded(unless: wasDemanded)
        {
            return true
        }
        guard let limit = directives.maxAgeSeconds, settings.requestMaxAge.isHeeded(unless: wasDemanded) else {
            return false
        }
        // A reload says max-age=0; what cannot change needs none (RFC 8246 section 2.1).
        if limit == 0 { return !(isFresh && flags.contains(.immutable)) }
        // max-stale beside max-age allows that much more (section 5.2.1.2).
        return ageSeconds > UInt64(limit) + UInt64(directives.maxStaleSeconds ?? 0)
    }

    private func fallback(
        flags: StoredFlags, request: RequestFacts, windows: StaleWindows, settings: PolicySettings
    ) -> Fallback {
        if !flags.isDisjoint(with: [.noCache, .isPartial]) { return .never }
        if isFresh { return .onError }
        if flags.contains(.mustRevalidate) { return .never }
        let asked = min(request.directives.staleIfErrorSeconds ?? 0, settings.maximumStaleOnRequestSeconds)
        let onError = max(windows.ifError, asked)
        if onError > 0, staleSeconds <= UInt64(onError) { return .onError }
        // Who states how long stale is good enough means silence too.
        if flags.contains(.statedStaleIfError) { return .never }
        return staleSeconds <= UInt64(settings.staleWhenUnreachableSeconds)
            && settings.staleWhenUnreachableSeconds > 0 ? .whenUnreachable : .never
    }

    /// Whether the origin's answer to a validation counts as a failure that `fallback` may cover.
    package static func isError(status: UInt16) -> Bool {
        status == 500 || (status >= 502 && status <= 504)
    }

    /// Whether an answer tells of the origin's condition, or of this one request or its moment, rather than of what is
    /// stored.
    package static func isAboutTheAsking(status: UInt16) -> Bool {
        isError(status: status) || [408, 421, 429].contains(status)
    }

    /// What to answer a request for which nothing is stored: `only-if-cached` is 504 (RFC 9111 section 5.2.1.7).
    package static func refusesFetch(request: RequestFacts) -> Bool {
        request.directives.onlyIfCached
    }
}

extension PolicySettings.Advice {
    /// Whether a directive counts now; `excuse`: there is a reason to leave it unheeded.
    func isHeeded(unless excuse: Bool) -> Bool { self == .honour || (self == .limit && !excuse) }
}

/// The windows after expiry in which a stored answer may be used stale (RFC 5861).
struct StaleWindows {
    var whileRevalidate: UInt32
    var ifError: UInt32

    init(_ stored: borrowing StoredHead) {
        whileRevalidate = stored.staleWhileRevalidateSeconds
        ifError = stored.staleIfErrorSeconds
    }
}
