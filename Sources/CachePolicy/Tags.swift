// The tags of an answer, by which it can be purged together with others. The caller hashes them.

package import HTTPMessage

/// Walks the tags of an answer: Surrogate-Key (separated by spaces), Cache-Tag (by commas), Cache-Groups (strings of
/// a structured list, RFC 9875). A group belongs to its origin, a tag to the site.
package struct TagWalker: Sendable {
    /// Which field it comes from, in the order of the walk.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case surrogateKey
        case cacheTag
        case group

        package var field: KnownField {
            switch self {
            case .surrogateKey: .surrogateKey
            case .cacheTag: .cacheTag
            case .group: .cacheGroups
            }
        }
    }

    /// One tag. Text of groups may hold backslash escapes.
    package struct Tag: Sendable, Equatable {
        package var kind: Kind
        package var text: Extent
    }

    private enum Phase: UInt8 { case surrogateKey, cacheTag, groups, invalidation, done }

    /// More tags than this make an answer not storable.
    package static let maximum = 64

    private var phase: Phase
    private var line = 0
    /// Where in the line's value the walk goes on; -1 before its beginning.
    private var position = -1

    private init(_ phase: Phase) { self.phase = phase }

    /// All tags that a stored answer carries.
    package static func ofAnswer() -> TagWalker { TagWalker(.surrogateKey) }
    /// The groups that Cache-Group-Invalidation names.
    package static func invalidated() -> TagWalker { TagWalker(.invalidation) }

    /// The next tag, nil at the end. A malformed Cache-Groups line gives none.
    package mutating func next(bytes: RawSpan, fields: borrowing FieldTable) -> Tag? {
        while phase != .done {
            guard let index = fields.index(of: field, from: line) else {
                advancePhase()
                continue
            }
            line = index
            let value = fields[index].value
            if position < 0 { position = value.lower }
            let text =
                phase == .groups || phase == .invalidation
                ? nextGroup(bytes: bytes, value: value) : nextWord(bytes: bytes, value: value)
            if let text { return Tag(kind: kind, text: text) }
            line += 1
            position = -1
        }
        return nil
    }

    private var field: KnownField {
        switch phase {
        case .surrogateKey: .surrogateKey
        case .cacheTag: .cacheTag
        case .groups: .cacheGroups
        case .invalidation, .done: .cacheGroupInvalidation
        }
    }

    private var kind: Kind {
        switch phase {
        case .surrogateKey: .surrogateKey
        case .cacheTag: .cacheTag
        case .groups, .invalidation, .done: .group
        }
    }

    private mutating func advancePhase() {
        line = 0
        position = -1
        switch phase {
        case .surrogateKey: phase = .cacheTag
        case .cacheTag: phase = .groups
        case .groups, .invalidation, .done: phase = .done
        }
    }

    private mutating func nextWord(bytes: RawSpan, value: Extent) -> Extent? {
        while position < value.upper, separates(bytes.byte(at: position)) { position += 1 }
        let start = position
        while position < value.upper, !separates(bytes.byte(at: position)) { position += 1 }
        return position > start ? Extent(start: start, end: position) : nil
    }

    private func separates(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || (phase == .cacheTag && byte == UInt8(ascii: ","))
    }

    /// The first string of the list that begins at or behind `position`. The list is checked as a whole first.
    private mutating func nextGroup(bytes: RawSpan, value: Extent) -> Extent? {
        if position == value.lower, !TagWalker.isList(bytes: bytes, value: value) { return nil }
        var walker = StructuredListWalker(value)
        while case .member(_, let member) = walker.next(in: bytes) {
            guard member.type == .string, member.text.lower > position else { continue }
            position = member.text.upper + 1
            return member.text
        }
        return nil
    }

    private static func isList(bytes: RawSpan, value: Extent) -> Bool {
        var walker = StructuredListWalker(value)
        while true {
            switch walker.next(in: bytes) {
            case .member: continue
            case .end: return true
            case .malformed: return false
            }
        }
    }
}
