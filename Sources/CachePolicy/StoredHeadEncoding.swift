// Writes header blocks: of a new answer. Freshening.swift writes those that a 304 updates.

package import HTTPMessage

extension StoredHead {
    /// Most bytes of field lines that a block can hold.
    package static let maximumLineBytes = 0xFFFF

    /// Writes the header block of an answer that `StoreDecision` wants stored: prologue, end-to-end field lines
    /// (hop-by-hop, Connection-listed, proxy and Age fields removed, and those named by `no-cache=` or `private=`;
    /// Content-Length removed since the body's length is written on sending; Date supplied when missing).
    ///
    /// - Parameters:
    ///   - bytes: the span that `head` and `fields` were parsed from.
    ///   - isVariant: the block goes under a variant key.
    ///   - fetchCostMilliseconds: from sending the request to the end of the answer's head; drives early refresh.
    /// - Returns: the block's length, nil when `buffer` or the stored form is too small: then do not store.
    package static func encode(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, facts: ResponseFacts, plan: StorePlan,
        times: ExchangeTimes, isVariant: Bool, fetchCostMilliseconds: UInt32, into buffer: inout MutableRawSpan
    ) -> Int? {
        nil
    }
}
