// The Cache-Status field (RFC 9211): what happened, told truthfully. One value in, one field line out.

package import HTTPMessage

/// What the node did with a request.
package struct CacheStatus: Sendable, Equatable {
    /// Why the request went forward (RFC 9211 section 2.2).
    package enum Forward: UInt8, Sendable {
        /// It did not: a hit.
        case none
        case bypass, method, uriMiss, varyMiss, miss, request, stale, partial
    }

    /// Why the answer is what it is, beside the reasons not to store.
    package enum Note: UInt8, Sendable {
        case none
        /// An expired answer within stale-while-revalidate.
        case staleWhileRevalidate
        /// An expired answer because the origin failed.
        case staleIfError
        /// An expired answer because the client said `max-stale`.
        case maxStale
        /// The stored answer was validated by a 304.
        case validated
        /// A marker said that answers for this key are not storable.
        case hitForMiss
        /// `only-if-cached` without a usable answer.
        case onlyIfCached
        /// The origin could not be reached or its answer was unusable.
        case originFailed
        /// The answer was stored, but another coding was needed.
        case coding
    }

    package var forward = Forward.none
    /// The origin's status; 0 when there was none or it is the status sent.
    package var forwardStatus: UInt16 = 0
    /// Seconds of freshness left; nil to leave it out.
    package var ttlSeconds: Int64?
    package var isStored = false
    package var isCollapsed = false
    /// Why it was not stored.
    package var refusal: PassReason?
    package var note = Note.none

    package init() {}

    package static func hit(ttlSeconds: Int64) -> CacheStatus {
        var status = CacheStatus()
        status.ttlSeconds = ttlSeconds
        return status
    }

    /// Writes `Cache-Status: name; hit; ttl=59 CRLF` and the like. `key` is written only if the settings show it.
    package func write(key: RawSpan, settings: PolicySettings, into sink: inout ByteSink) {}
}
