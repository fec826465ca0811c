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

/// Why an answer is not stored; the text goes into `Cache-Status` as `detail`.
package enum PassReason: UInt8, Sendable, CaseIterable {
    /// The method is not GET (HEAD answers update stored objects but are not stored).
    case method
    /// 1xx, 101 or 304.
    case statusNotFinal
    /// 206: a part is relayed.
    case partialContent
    /// `must-understand` with a status that this cache has no rules for (section 5.2.2.3).
    case statusNotUnderstood
    /// The request said `no-store`.
    case requestNoStore
    /// The answer said `no-store`.
    case noStore
    /// The answer said `private`.
    case privateResponse
    /// The request had Authorization and the answer does not allow sharing (section 3.5).
    case authorization
    /// Set-Cookie without `public` or `s-maxage`.
    case setCookie
    /// `Vary: *`.
    case varyStar
    /// Too many fields in Vary, or names too long.
    case varyTooComplex
    /// No explicit freshness, and the status is not heuristically cacheable.
    case noFreshness
    /// Neither fresh, nor with a validator, nor with a stale window: it could never be used.
    case neverUsable
    /// The path promises a static file and the content type says page or API.
    case deception
    /// The head does not fit the stored form.
    case headTooLarge

    /// What `detail=` says.
    package var detail: StaticString {
        switch self {
        case .method: "method"
        case .statusNotFinal: "status"
        case .partialContent: "partial-content"
        case .statusNotUnderstood: "must-understand"
        case .requestNoStore: "request-no-store"
        case .noStore: "no-store"
        case .privateResponse: "private"
        case .authorization: "authorization"
        case .setCookie: "set-cookie"
        case .varyStar: "vary-star"
        case .varyTooComplex: "vary-too-complex"
        case .noFreshness: "no-freshness"
        case .neverUsable: "not-fresh"
        case .deception: "extension-mismatch"
        case .headTooLarge: "head-too-large"
        }
    }
}

extension StoreDecision {
    /// Decides for the final answer to `request` (RFC 9111 sections 3, 3.5, 4.2 and 5.2.2).
    package static func decide(
        request: RequestFacts, response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings
    ) -> StoreDecision {
        .pass(.method, rememberSeconds: 0)
    }
}
