// Which fields of an answer are kept, and which a 304 may not replace (RFC 9111 sections 3.1 and 3.2).

package import HTTPMessage

enum StoredFields {
    /// Hop-by-hop and framing fields, fields of the connection to a proxy, and Age, which is computed anew. What
    /// Connection lists has been marked as dropped by the parser.
    static func mayStore(_ field: KnownField, hidesTags: Bool) -> Bool {
        guard field.rawValue < 64 else { return field != .proxyAuthenticationInfo }
        if never.intersects(field.bit) { return false }
        return !(hidesTags && tags.intersects(field.bit))
    }

    /// Fields of a stored answer that a 304 or a HEAD answer leaves as they are (section 3.2): how the stored bytes are
    /// framed and encoded, and the digest of a message's content, which a 304 has not. All others are replaced,
    /// whatever their names begin with.
    static func mayUpdate(_ field: KnownField) -> Bool {
        switch field {
        case .contentEncoding, .contentRange, .contentLength, .contentDigest: false
        default: true
        }
    }

    private static var never: FieldSet {
        FieldSet(.connection) | .contentLength | .transferEncoding | .te | .upgrade | .keepAlive
            | .proxyConnection | .proxyAuthenticate | .proxyAuthorization | .age
    }

    private static var tags: FieldSet { FieldSet(.surrogateKey) | .cacheTag }
}

/// The field names in `no-cache="..."` and `private="..."` of an answer. They must not be sent from the cache
/// (RFC 9111 sections 5.2.2.4 and 5.2.2.7).
package enum NamedFields {
    /// Writes the lines that are left out of the stored answer only because they are named: they are for the client
    /// that the origin has answered.
    package static func write(bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink) {
        write(bytes: bytes, fields: fields, namedIn: bytes, fields, into: &sink)
    }

    /// As above, of a 304: what it makes of the stored fields says which are named.
    package static func write(
        bytes: RawSpan, fields: borrowing FieldTable, namedIn merged: RawSpan, _ mergedFields: borrowing FieldTable,
        into sink: inout ByteSink
    ) {
        for index in 0..<fields.count {
            let entry = fields[index]
            // Date goes with every answer as it is.
            guard !entry.isDropped, entry.field != .date, StoredFields.mayStore(entry.field, hidesTags: true),
                contain(bytes.slice(entry.name), bytes: merged, fields: mergedFields)
            else { continue }
            sink.append(entry.name, of: bytes)
            sink.append(": ")
            sink.append(entry.value, of: bytes)
            sink.append("\r\n")
        }
    }

    /// Whether any cache-control field of the answer names `name`. Targeted fields are read alike: dropping a field
    /// that only another cache was told to drop does no harm.
    static func contain(_ name: RawSpan, bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        contain(name, in: .cacheControl, bytes: bytes, fields: fields)
            || contain(name, in: .cdnCacheControl, bytes: bytes, fields: fields)
            || contain(name, in: .martletCacheControl, bytes: bytes, fields: fields)
    }

    private static func contain(
        _ name: RawSpan, in field: KnownField, bytes: RawSpan, fields: borrowing FieldTable
    ) -> Bool {
        var next = fields.index(of: field)
        while let index = next {
            var walker = DirectiveWalker(fields[index].value)
            while let directive = walker.next(in: bytes) {
                guard directive.kind != .none else { continue }
                let known = ResponseDirectiveName(bytes.slice(directive.name))
                guard known == .noCache || known == .isPrivate else { continue }
                var list = ListWalker(directive.argument)
                while let element = list.next(in: bytes) {
                    if equalIgnoringCase(bytes.slice(element), name) { return true }
                }
            }
            next = fields.index(of: field, from: index + 1)
        }
        return false
    }
}
