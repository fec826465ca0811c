// May a request that waited for somebody else's fetch use its answer? (RFC 9111 section 4, collapsed forwarding.)

import HTTPMessage

package enum CollapsePolicy {
    /// Whether the request may fetch for the cache, or wait for such a fetch that is under way for its key. A request
    /// with Authorization may: whether its answer can be shared is known when it is there.
    package static func mayWait(request: RequestFacts, settings: PolicySettings) -> Bool {
        guard request.method == .get || request.method == .head, !request.mustForward else { return false }
        return !(request.directives.noCache && settings.requestNoCache == .honour)
    }

    /// Whether a waiter may use the answer in flight; if not it goes to the origin by itself. The caller has checked
    /// that the waiter's variant key is the fetch's.
    ///
    /// The answer must have been fresh on arrival: one with `max-age=0` or `no-cache` was made for the request that
    /// fetched it.
    package static func mayUse(stored: borrowing StoredHead, request: RequestFacts, settings: PolicySettings) -> Bool {
        guard stored.flags.contains(.shareable), mayWait(request: request, settings: settings) else { return false }
        // The answer to somebody's Authorization, or to nobody's, is not everybody's (RFC 9111 section 3.5).
        if request.hasAuthorization, !stored.flags.contains(.sharedWithAuthorization) { return false }
        return stored.flags.contains(.unaskedCoding) || request.acceptedCodings.accepts(stored.coding)
    }
}
