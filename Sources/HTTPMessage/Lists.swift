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
    package mutating func next(in bytes: RawSpan) -> Extent? {
        while position < end {
            let byte = bytes.byte(at: position)
            if byte != 0x2C, !ByteClass.isBlank(byte) { break }
            position &+= 1
        }
        guard position < end else { return nil }
        let start = position
        var inQuotes = false
        while position < end {
            let byte = bytes.byte(at: position)
            if byte == 0x22 {
                inQuotes = !inQuotes
            } else if inQuotes, byte == 0x5C {
                position &+= 1
            } else if !inQuotes, byte == 0x2C {
                break
            }
            position &+= 1
        }
        var last = Swift.min(position, end)
        while last > start, ByteClass.isBlank(bytes.byte(at: last &- 1)) { last &-= 1 }
        return Extent(start: start, end: last)
    }
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

/// Walks the directives of one Cache-Control value (RFC 9111 section 5.2). An element that begins with no token is
/// malformed and has no name: what a quotation in it has swallowed is for the caller to fear.
package struct DirectiveWalker: Sendable {
    var list: ListWalker

    package init(_ extent: Extent) { list = ListWalker(extent) }

    /// The next directive, nil at the end.
    package mutating func next(in bytes: RawSpan) -> Directive? {
        guard let element = list.next(in: bytes) else { return nil }
        var nameEnd = element.lower
        while nameEnd < element.upper, ByteClass.isToken(bytes.byte(at: nameEnd)) { nameEnd &+= 1 }
        let name = Extent(start: element.lower, end: nameEnd)
        guard nameEnd < element.upper else { return Directive(name: name, kind: .none, argument: .empty) }
        guard !name.isEmpty, bytes.byte(at: nameEnd) == 0x3D else {
            return Directive(name: name, kind: .malformed, argument: Extent(start: nameEnd, end: element.upper))
        }
        return argument(bytes, name, Extent(start: nameEnd &+ 1, end: element.upper))
    }

    private func argument(_ bytes: RawSpan, _ name: Extent, _ rest: Extent) -> Directive {
        if rest.isEmpty || isToken(bytes.slice(rest)) { return Directive(name: name, kind: .token, argument: rest) }
        if bytes.byte(at: rest.lower) == 0x22, let close = QuotedString.end(bytes, rest.lower, rest.upper),
            close == rest.upper
        {
            return Directive(
                name: name, kind: .quoted, argument: Extent(start: rest.lower &+ 1, end: rest.upper &- 1)
            )
        }
        return Directive(name: name, kind: .malformed, argument: rest)
    }
}

/// Quoted strings (RFC 9110 section 5.6.4).
package enum QuotedString {
    /// The place behind the closing quote of the string that begins at `start`, nil if it does not end.
    package static func end(_ bytes: RawSpan, _ start: Int, _ limit: Int) -> Int? {
        var at = start &+ 1
        while at < limit {
            switch bytes.byte(at: at) {
            case 0x22: return at &+ 1
            case 0x5C: at &+= 2
            default: at &+= 1
            }
        }
        return nil
    }
}
