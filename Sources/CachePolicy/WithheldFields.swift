// Fields of a client's that an origin did not get, and by which it says that it chooses all the same. Which are kept
// from it is in ForwardRules.swift.

package import HTTPMessage

package enum WithheldFields {
    /// Whether an answer's Vary names a field that the client sent and the guards kept back: the origin has answered as
    /// if it were not there, which is no answer for its value (RFC 9111 section 4.1).
    ///
    /// - Parameter sent: the head that went to the origin.
    package static func select(
        responseBytes: RawSpan, responseFields: borrowing FieldTable, requestBytes: RawSpan,
        requestFields: borrowing FieldTable, sent: RawSpan, settings: PolicySettings
    ) -> Bool {
        let rules = ForwardRules(purpose: .fill, context: ForwardContext(), settings: settings)
        var next = responseFields.index(of: .vary)
        while let line = next {
            var names = ListWalker(responseFields[line].value)
            while let name = names.next(in: responseBytes) {
                guard let index = requestFields.index(named: responseBytes.slice(name), in: requestBytes) else {
                    continue
                }
                let entry = requestFields[index]
                if rules.guards(entry, bytes: requestBytes), !contains(sent, entry, of: requestBytes) { return true }
            }
            next = responseFields.index(of: .vary, from: line + 1)
        }
        return false
    }

    /// Whether the client's line is one of the head's.
    private static func contains(_ head: RawSpan, _ entry: FieldEntry, of bytes: RawSpan) -> Bool {
        var lines = StoredLineWalker(behindFirstLineOf: head)
        while let line = lines.next(in: head) {
            guard equalIgnoringCase(head.slice(line.name), bytes.slice(entry.name)) else { continue }
            if equalBytes(head.slice(line.value), bytes.slice(entry.value)) { return true }
        }
        return false
    }
}
