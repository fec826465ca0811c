// Structured fields (RFC 9651, a superset of RFC 8941), walked without copies. A walker checks as it goes: a field
// is only to be believed once the walk came to `.end`, since one malformed member makes the whole field invalid.

/// The type of a bare item.
package enum StructuredType: UInt8, Sendable {
    case integer, decimal, string, token, byteSequence, boolean, date, displayString
    /// An inner list: its members are walked with `StructuredItemWalker(innerList:)`.
    case innerList
}

/// A bare item or inner list with its parameters.
package struct StructuredValue: Equatable, Sendable {
    package var type: StructuredType
    /// Integer and date: the number. Decimal: thousandths. Boolean: 0 or 1.
    package var number: Int64
    /// String, token, byte sequence: the bytes between the delimiters, not unescaped. Inner list: what is between
    /// the parentheses. Numbers: the digits.
    package var text: Extent
    /// The parameters, from the first `;` on; walk them with `StructuredParameterWalker`.
    package var parameters: Extent
}

/// A step of a walk.
package enum StructuredStep: Equatable, Sendable {
    /// A member; the key is empty in lists and items.
    case member(key: Extent, value: StructuredValue)
    case end
    /// The field does not follow the grammar: ignore all of it.
    case malformed
}

/// Walks a dictionary. A key that comes again replaces the earlier one; that is for the caller to do.
package struct StructuredDictionaryWalker: Sendable {
    var position: Int
    let end: Int
    var isFirst = true

    package init(_ extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    package mutating func next(in bytes: RawSpan) -> StructuredStep { .malformed }
}

/// Walks a list.
package struct StructuredListWalker: Sendable {
    var position: Int
    let end: Int
    var isFirst = true

    package init(_ extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    package mutating func next(in bytes: RawSpan) -> StructuredStep { .malformed }
}

/// Walks the members of an inner list.
package struct StructuredItemWalker: Sendable {
    var position: Int
    let end: Int

    package init(innerList extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    package mutating func next(in bytes: RawSpan) -> StructuredStep { .malformed }
}

/// Walks parameters; a key that comes again replaces the earlier one.
package struct StructuredParameterWalker: Sendable {
    var position: Int
    let end: Int

    package init(_ extent: Extent) {
        position = extent.lower
        end = extent.upper
    }

    package mutating func next(in bytes: RawSpan) -> StructuredStep { .malformed }
}

package enum StructuredItem {
    /// The value of a field that is one item (with parameters), nil if it is malformed.
    package static func parse(_ bytes: RawSpan, _ extent: Extent) -> StructuredValue? { nil }
}
