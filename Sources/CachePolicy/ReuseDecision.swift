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
        /// Not for this request (Authorization): fetch as if nothing were stored.
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

    /// Decides about a stored answer.
    ///
    /// - Parameters:
    ///   - now: Unix milliseconds.
    ///   - random: any random number, for early refresh.
    package static func decide(
        stored: borrowing StoredHead, request: RequestFacts, now: Int64, random: UInt64, settings: PolicySettings
    ) -> Reuse {
        Reuse(verdict: .validate, fallback: .never, mayValidate: false, ageSeconds: 0, ttlSeconds: 0)
    }

    /// Whether the origin's answer to a validation counts as a failure that `fallback` may cover.
    package static func isError(status: UInt16) -> Bool {
        status == 500 || (status >= 502 && status <= 504)
    }

    /// What to answer a request for which nothing is stored: `only-if-cached` is 504 (RFC 9111 section 5.2.1.7).
    package static func refusesFetch(request: RequestFacts) -> Bool {
        request.directives.onlyIfCached
    }
}
