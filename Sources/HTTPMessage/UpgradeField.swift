// The Upgrade field (RFC 9110 section 7.8).

enum UpgradeField {
    /// Whether it names protocols, and only such as may be spoken through the node. `h2c`, `h2`, `HTTP/x`, `TLS/x`: a
    /// tunnel for other HTTP would carry requests that nobody here has looked at. Upgrade may be left unanswered.
    static func isTunnelable(_ bytes: RawSpan, _ fields: borrowing FieldTable) -> Bool {
        var isNamed = false
        var next = fields.index(of: .upgrade)
        while let index = next {
            var list = ListWalker(fields[index].value)
            while let element = list.next(in: bytes) {
                if isHTTP(bytes.slice(element)) { return false }
                isNamed = true
            }
            next = fields.index(of: .upgrade, from: index + 1)
        }
        return isNamed
    }

    private static func isHTTP(_ name: RawSpan) -> Bool {
        equalIgnoringCase(name, "h2c") || equalIgnoringCase(name, "h2") || begins(name, with: "http/")
            || begins(name, with: "tls/")
    }

    private static func begins(_ name: RawSpan, with prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return name.byteCount >= length && equalIgnoringCase(name.extracting(first: length), prefix)
    }
}
