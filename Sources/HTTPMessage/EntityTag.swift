// Entity tags and lists of them (RFC 9110 section 8.8.3, 13.1.1, 13.1.2).

/// One entity tag.
package struct EntityTag: Equatable, Sendable {
    /// The opaque tag with its quotes.
    package var opaque: Extent
    package var isWeak: Bool

    /// The tag that takes up all of `extent`, nil if it is malformed.
    package static func parse(_ bytes: RawSpan, _ extent: Extent) -> EntityTag? { nil }
}

/// What If-Match or If-None-Match holds.
package enum EntityTagMatch: UInt8, Sendable {
    /// `*`
    case any
    /// One of the tags is the same.
    case match
    /// None is.
    case noMatch
    /// Not a list of entity tags.
    case malformed
}

package enum EntityTagList {
    /// Whether the list at `list` of `bytes` has the tag `tag` (quotes and `W/` included). `weakly` compares only the
    /// opaque tags (If-None-Match); otherwise both must be strong (If-Match, If-Range).
    package static func match(_ bytes: RawSpan, _ list: Extent, tag: RawSpan, weakly: Bool) -> EntityTagMatch {
        .malformed
    }
}
