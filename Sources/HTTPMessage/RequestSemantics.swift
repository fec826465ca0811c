// What the fields of a request mean for its framing, routing and connection, once they are all there (RFC 9110
// sections 7.2, 7.6.1, 10.1.1; RFC 9112 sections 3.2, 6, 9.3).

enum RequestSemantics {
    /// Fields that make a request more than a plain one.
    static var special: FieldSet {
        FieldSet(.contentLength) | .transferEncoding | .connection | .expect | .te | .upgrade | .keepAlive
            | .proxyConnection
    }

    /// Fills in the rest of `head` and marks what is not forwarded; the reason if the request is refused.
    @inline(__always)
    static func settle(
        _ bytes: RawSpan, _ fields: inout FieldTable, _ head: inout RequestHead, _ limits: MessageLimits
    ) -> Rejection? {
        if let reason = settleHost(bytes, &fields, &head) { return reason }
        if head.method == .trace || head.method == .options {
            if let reason = settleForwards(bytes, &fields, &head) { return reason }
            // OPTIONS of a whole server by way of a proxy (RFC 9112 section 3.2.4).
            if head.form == .absolute, head.method == .options, head.path.isEmpty, !head.hasQuery {
                head.form = .asterisk
            }
        }
        if !fields.containsAny(special) {
            head.keepAlive = head.minorVersion >= 1
            return nil
        }
        return settleSpecial(bytes, &fields, &head, limits)
    }

    /// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0. The authority of an absolute-form target overrules
    /// it, whatever it says (RFC 9112 section 3.2.2).
    @inline(__always)
    private static func settleHost(_ bytes: RawSpan, _ fields: inout FieldTable, _ head: inout RequestHead)
        -> Rejection?
    {
        guard let index = fields.index(of: .host) else { return head.minorVersion >= 1 ? .missingHost : nil }
        if fields.repeated.intersects(KnownField.host.bit) { return .repeatedHost }
        if let host = Authority.parse(bytes, fields[index].value) {
            if head.form != .absolute { head.take(host) }
        } else if head.form != .absolute || !fields[index].value.isEmpty {
            return .invalidHost
        }
        fields.drop(at: index)
        return nil
    }

    private static func settleSpecial(
        _ bytes: RawSpan, _ fields: inout FieldTable, _ head: inout RequestHead, _ limits: MessageLimits
    ) -> Rejection? {
        switch Framing.settle(bytes, &fields, minorVersion: head.minorVersion) {
        case .success(let framing): head.framing = framing ?? .none
        case .failure(let reason): return reason
        }
        if case .length(let count) = head.framing, count > limits.bodyBytes { return .bodyTooLong }
        if head.method == .trace, head.framing != .none, head.framing != .length(0) { return .bodyInTrace }
        if fields.contains(.expect), let reason = settleExpect(bytes, &fields, &head) { return reason }
        head.connection = ConnectionField.settle(bytes, &fields)
        head.keepAlive = ConnectionField.keepsAlive(head.connection, minorVersion: head.minorVersion)
        if fields.contains(.te) { head.acceptsTrailers = namesTrailers(bytes, fields) }
        if fields.contains(.upgrade) {
            head.upgrade =
                head.minorVersion >= 1 && head.connection.contains(.upgrade)
                && UpgradeField.isTunnelable(bytes, fields)
            fields.dropAll(.http2Settings)
        }
        ConnectionField.dropStandard(&fields)
        return nil
    }

    /// Max-Forwards (RFC 9110 section 7.6.2): one decimal; the node writes it anew.
    private static func settleForwards(
        _ bytes: RawSpan, _ fields: inout FieldTable, _ head: inout RequestHead
    ) -> Rejection? {
        guard let index = fields.index(of: .maxForwards) else { return nil }
        guard fields.index(of: .maxForwards, from: index &+ 1) == nil,
            let count = Numbers.deltaSeconds(bytes.slice(fields[index].value))
        else { return .invalidFieldValue }
        if count == 0, head.method == .trace { return .noForwardsLeft }
        head.maxForwards = count
        fields.drop(at: index)
        return nil
    }

    /// A list of `100-continue`, which matters only where a body may follow; HTTP/1.0 clients do not wait. The node
    /// says it anew.
    private static func settleExpect(
        _ bytes: RawSpan, _ fields: inout FieldTable, _ head: inout RequestHead
    ) -> Rejection? {
        var isExpected = false
        var next = fields.index(of: .expect)
        while let index = next {
            var list = ListWalker(fields[index].value)
            while let element = list.next(in: bytes) {
                isExpected = equalIgnoringCase(bytes.slice(element), "100-continue")
                if head.minorVersion >= 1, !isExpected { return .unknownExpectation }
            }
            fields.drop(at: index)
            next = fields.index(of: .expect, from: index &+ 1)
        }
        let hasBody = head.framing != .none && head.framing != .length(0)
        head.expectContinue = isExpected && hasBody && head.minorVersion >= 1
        return nil
    }

    private static func namesTrailers(_ bytes: RawSpan, _ fields: borrowing FieldTable) -> Bool {
        var next = fields.index(of: .te)
        while let index = next {
            var list = ListWalker(fields[index].value)
            while let element = list.next(in: bytes) {
                if equalIgnoringCase(bytes.slice(element), "trailers") { return true }
            }
            next = fields.index(of: .te, from: index &+ 1)
        }
        return false
    }
}
