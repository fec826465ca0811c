// May a request that waited for somebody else's fetch use its answer? (RFC 9111 section 4, collapsed forwarding.)

package import HTTPMessage

package enum CollapsePolicy {
    /// Whether the request may fetch for the cache, or wait for such a fetch that is under way for its key.
    package static func mayWait(request: RequestFacts, settings: PolicySettings) -> Bool {
        guard request.method == .get || request.method == .head, !request.mustForward else { return false }
        return !(request.directives.noCache && settings.requestNoCache == .honour)
    }

    /// Whether the answer to a request for which nothing is stored will be for its client alone, unless it says
    /// otherwise (RFC 9111 section 3.5): waiting for another's would be in vain.
    package static func isPersonal(request: RequestFacts, settings: PolicySettings) -> Bool {
        request.hasAuthorization && settings.authorizationBypasses
    }

    /// Whether a validation of what is stored confirms it for the one request that caused it, most likely: it was not
    /// fresh when it came (`no-cache`, `max-age=0`, no lifetime), and will not be next time.
    package static func isForOne(stored: borrowing StoredHead) -> Bool {
        stored.flags.isDisjoint(with: [.shareable, .isPartial])
    }

    /// Whether a waiter may use the answer in flight; if not it goes to the origin by itself. The caller has checked
    /// that the waiter's variant key is the fetch's.
    ///
    /// The answer must have been fresh on arrival: one with `max-age=0` or `no-cache` was made for the request that
    /// fetched it.
    package static func mayUse(stored: borrowing StoredHead, request: RequestFacts, settings: PolicySettings) -> Bool {
        stored.flags.contains(.shareable) && isFor(stored: stored, request: request, settings: settings)
    }

    /// The same for a part: it must have the range that the waiter asks for.
    package static func mayUsePart(
        stored: borrowing StoredHead, request: RequestFacts, bytes: RawSpan, fields: borrowing FieldTable, now: Int64,
        settings: PolicySettings
    ) -> Bool {
        guard stored.flags.contains(.isPartial), !stored.flags.contains(.noCache), stored.expiryMilliseconds > now,
            isFor(stored: stored, request: request, settings: settings)
        else { return false }
        let part = Selection.decidePart(
            stored: stored, method: request.method, bytes: bytes, fields: fields, now: now, settings: settings)
        return part != nil
    }

    private static func isFor(
        stored: borrowing StoredHead, request: RequestFacts, settings: PolicySettings
    ) -> Bool {
        guard mayWait(request: request, settings: settings) else { return false }
        // The answer to somebody's Authorization, or to nobody's, is not everybody's (RFC 9111 section 3.5).
        if request.hasAuthorization, !stored.flags.contains(.sharedWithAuthorization) { return false }
        return stored.flags.contains(.unaskedCoding) || request.acceptedCodings.accepts(stored.coding)
    }
}
