// What a 304 (or the answer to a HEAD) does to a stored answer (RFC 9111 sections 3.2, 4.3.4, 4.3.5).

package import HTTPMessage

package enum Freshening {
    /// What to do with the origin's answer to a validation.
    package enum Outcome: UInt8, Sendable {
        /// 304 for what is stored: update it (`encode`) and serve it.
        case update
        /// 304 that names another validator: what is stored is not what the origin has. Fetch again, unconditionally.
        case mismatch
        /// An error that the stored answer may cover, see `Reuse.Fallback`.
        case failed
        /// A whole new answer: decide about storing it as for a miss; it replaces the stored one.
        case replaced
    }

    /// Judges the answer to a validation request that carried the stored validators.
    package static func judge(
        stored: borrowing StoredHead, status: UInt16, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> Outcome { .replaced }

    /// What a HEAD answer from the origin says about a stored GET answer (section 4.3.5).
    package enum HeadOutcome: UInt8, Sendable {
        /// Same validators and length: update the stored fields.
        case update
        /// Different: the stored answer is out of date and must be validated before use.
        case invalidate
        /// It says nothing about it.
        case ignore
    }

    package static func judgeHead(
        stored: borrowing StoredHead, head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> HeadOutcome { .ignore }

    /// Writes the updated header block: stored fields replaced by those of the answer, but for Content-Length,
    /// Content-Encoding, Content-Range and those never stored; freshness computed anew.
    ///
    /// - Returns: its length and the new plan; nil when it may no longer be stored (then remove it, after having
    ///   served it to this client) or does not fit.
    package static func encode(
        stored: borrowing StoredHead, head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable,
        request: RequestFacts, times: ExchangeTimes, settings: PolicySettings, into buffer: inout MutableRawSpan
    ) -> (plan: StorePlan, count: Int)? { nil }
}
