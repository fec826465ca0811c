// Comma-separated lists in field values (RFC 9110 section 5.6.1), walked element by element without copies. The
// walkers hold offsets; the bytes are handed in with each call.

/// Walks the elements of a comma-separated list; commas inside quoted strings do not separate. Empty elements are
/// skipped, white space around elements is not part of them.
@usableFromInline package struct ListWalker: Sendable {
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    /// A walk over the value at `extent` of the span that `next` is given.
    @inlinable
    package init(_ extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    /// The next element, nil at the end.
    package mutating func next(in bytes: RawSpan) -> Extent? { nil }
}

/// A directive of Cache-Control or of a field built alike.
package struct Directive: Equatable, Sendable {
    package enum Argument: UInt8, Sendable {
        /// No `=`.
        case none
        /// A token. `argument` may be empty, as in `max-age=`.
        case token
        /// A quoted string: `argument` is without the quotes, and its backslashes are still in it.
        case quoted
        /// Something that is neither: `argument` is all of it.
        case malformed
    }
    package var name: Extent
    package var kind: Argument
    package var argument: Extent
}

/// Walks the directives of one Cache-Control value (RFC 9111 section 5.2).
package struct DirectiveWalker: Sendable {
    var list: ListWalker

    package init(_ extent: Extent) { list = ListWalker(extent) }

    /// The next directive, nil at the end.
    package mutating func next(in bytes: RawSpan) -> Directive? { nil }
}

/// Compares two runs of bytes without regard to ASCII case.
package func equalIgnoringCase(_ left: RawSpan, _ right: RawSpan) -> Bool { false }

/// Compares with a text that is in lower case already.
package func equalIgnoringCase(_ left: RawSpan, _ lowerCase: StaticString) -> Bool { false }

/// Compares two runs of bytes.
package func equalBytes(_ left: RawSpan, _ right: RawSpan) -> Bool { false }
