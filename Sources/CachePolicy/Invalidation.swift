// What an unsafe request makes of stored answers (RFC 9111 section 4.4, RFC 9875), and the tags of an answer.

package import HTTPMessage

/// What to purge after an answer to an unsafe request.
package struct Invalidation: Sendable, Equatable {
    /// The request's own URL.
    package var target = false
    /// Values to give to `CacheKey.write(reference:...)`, which refuses other origins.
    package var location: Extent?
    package var contentLocation: Extent?
    /// There is a Cache-Group-Invalidation field: walk it with `TagWalker`.
    package var groups = false

    package init() {}

    /// Decides; nothing for safe methods and for error answers (4xx, 5xx).
    package static func decide(method: Method, status: UInt16, fields: borrowing FieldTable) -> Invalidation {
        Invalidation()
    }
}

/// Walks the tags of an answer: Surrogate-Key (by spaces), Cache-Tag (by commas), Cache-Groups (strings of a
/// structured list, RFC 9875). A group belongs to its origin, a tag to the site.
package struct TagWalker: Sendable {
    package enum Kind: UInt8, Sendable {
        case tag
        case group
    }

    /// One tag; the text may have backslash escapes for groups.
    package struct Tag: Sendable, Equatable {
        package var kind: Kind
        package var text: Extent
    }

    /// More tags than this make an answer not storable.
    package static let maximum = 64

    /// All tags that a stored answer carries.
    package static func ofAnswer() -> TagWalker { TagWalker() }
    /// The groups that Cache-Group-Invalidation names.
    package static func invalidated() -> TagWalker { TagWalker() }

    package mutating func next(bytes: RawSpan, fields: borrowing FieldTable) -> Tag? { nil }
}
