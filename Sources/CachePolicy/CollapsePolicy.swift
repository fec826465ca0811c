// May a request that waited for somebody else's fetch use its answer? (RFC 9111 section 4, collapsed forwarding.)

import HTTPMessage

package enum CollapsePolicy {
    /// Whether the request may wait for a fetch that is under way for its key at all.
    package static func mayWait(request: RequestFacts, settings: PolicySettings) -> Bool {
        request.method == .get || request.method == .head
    }

    /// Whether a waiter may use the answer in flight; if not it goes to the origin by itself. The caller has checked
    /// that the waiter's variant key is the fetch's.
    package static func mayUse(stored: borrowing StoredHead, request: RequestFacts, settings: PolicySettings) -> Bool {
        false
    }
}
