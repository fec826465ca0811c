// Whether a request has anything to do with the cache, decided before anything is looked up.

package import HTTPMessage

/// What to do with a request whose head is complete.
package enum Admission: Sendable, Equatable {
    /// Look up; on a miss of a GET, fill. A HEAD that nothing stored can answer is relayed as HEAD, and its answer
    /// may update what is stored (`Freshening.judgeHead`).
    case lookUp
    /// Relay, with this reason in Cache-Status. Other methods than GET and HEAD may invalidate (`Invalidation`).
    case relay(CacheStatus.Forward)

    package static func decide(head: RequestHead, facts: RequestFacts) -> Admission {
        decide(head: head, mustForward: facts.mustForward)
    }

    /// As above, with the one fact that counts.
    package static func decide(head: RequestHead, mustForward: Bool) -> Admission {
        guard head.method == .get || head.method == .head else { return .relay(.method) }
        if head.form == .asterisk { return .relay(.bypass) }
        if head.upgrade { return .relay(.bypass) }
        // A body on GET has no meaning that a key could carry (RFC 9110 section 9.3.1).
        if head.framing != .none, head.framing != .length(0) { return .relay(.request) }
        return mustForward ? .relay(.request) : .lookUp
    }
}
