// Freshness lifetimes (RFC 9111 sections 4.2.1 and 4.2.2) over plain values.

/// A freshness lifetime and where it came from.
struct FreshnessLifetime: Equatable {
    var seconds: UInt32
    var source: FreshnessSource

    /// The lifetime of an answer. `responseSeconds` stands in for a missing Date.
    init(response: ResponseFacts, responseSeconds: Int64, settings: PolicySettings) {
        self =
            FreshnessLifetime.stated(response, responseSeconds: responseSeconds)
            ?? FreshnessLifetime.assumed(response, responseSeconds: responseSeconds, settings: settings)
        // A field with an unclosed quotation may have hidden what limits the others.
        if response.directives.flags.contains(.malformed) { seconds = 0 }
        seconds = min(seconds, settings.maximumFreshnessSeconds)
    }

    private init(_ seconds: UInt32, _ source: FreshnessSource) {
        self.seconds = seconds
        self.source = source
    }

    /// s-maxage, max-age, Expires, in this order (section 4.2.1).
    private static func stated(_ response: ResponseFacts, responseSeconds: Int64) -> FreshnessLifetime? {
        let directives = response.directives
        if let seconds = directives.sharedMaxAgeSeconds { return FreshnessLifetime(seconds, .sharedMaxAge) }
        if let seconds = directives.maxAgeSeconds { return FreshnessLifetime(seconds, .maxAge) }
        guard !directives.flags.contains(.targeted) else { return nil }
        switch response.expiry {
        case .absent: return nil
        case .invalid: return FreshnessLifetime(0, .expires)
        case .at(let expires):
            let (span, overflow) = expires.subtractingReportingOverflow(response.dateSeconds ?? responseSeconds)
            return FreshnessLifetime(overflow ? 0 : Seconds.saturating(span), .expires)
        }
    }

    /// A rule for the status, else a tenth of the time since Last-Modified (section 4.2.2), else zero.
    private static func assumed(
        _ response: ResponseFacts, responseSeconds: Int64, settings: PolicySettings
    ) -> FreshnessLifetime {
        let allowed =
            StatusRules.isHeuristicallyCacheable(response.status)
            || response.directives.flags.contains(.isPublic)
        if allowed, settings.heuristicPercent > 0, !response.hasPragmaNoCache,
            let modified = response.lastModifiedSeconds
        {
            let (span, overflow) = (response.dateSeconds ?? responseSeconds).subtractingReportingOverflow(modified)
            if !overflow, span > 0 {
                let tenth = Int64(Seconds.saturating(span)) * Int64(settings.heuristicPercent) / 100
                return FreshnessLifetime(min(Seconds.saturating(tenth), settings.heuristicCapSeconds), .heuristic)
            }
        }
        for rule in settings.statusLifetimes where rule.status == response.status && !response.hasPragmaNoCache {
            return FreshnessLifetime(rule.seconds, .statusRule)
        }
        if allowed, settings.defaultLifetimeSeconds > 0, !response.hasPragmaNoCache {
            return FreshnessLifetime(settings.defaultLifetimeSeconds, .statusRule)
        }
        return FreshnessLifetime(0, .none)
    }
}

/// What statuses mean to a cache.
enum StatusRules {
    /// RFC 9110 section 15.1. 206 is cached as a partial object by its own rules.
    static func isHeuristicallyCacheable(_ status: UInt16) -> Bool {
        switch status {
        case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }

    /// Statuses whose caching requirements this cache knows, for `must-understand` (RFC 9111 section 5.2.2.3): those
    /// of RFC 9110 and the registered extensions that ask nothing of a cache.
    static func isUnderstood(_ status: UInt16) -> Bool {
        switch status {
        case 200...205, 207, 208, 300...303, 307, 308, 400...417, 421...426, 428, 429, 431, 451, 500...508, 511: true
        default: false
        }
    }
}
