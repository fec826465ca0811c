// Structured fields (RFC 9651, a superset of RFC 8941), walked without copies. A walker checks as it goes: a field
// is only to be believed once the walk came to `.end`, since one malformed member makes the whole field invalid.
// Bare items are in StructuredItems.swift.

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
    /// the parentheses. Numbers: the digits. Empty for a boolean that is only implied.
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
    private var scanner: StructuredScanner

    package init(_ extent: Extent) { scanner = StructuredScanner(extent) }

    package mutating func next(in bytes: RawSpan) -> StructuredStep {
        switch scanner.toNextMember(bytes) {
        case .end: return .end
        case .malformed: return .malformed
        case .ready: break
        }
        guard let key = scanner.key(bytes) else { return .malformed }
        guard scanner.take(0x3D, bytes) else {
            guard let parameters = scanner.parameters(bytes) else { return .malformed }
            return .member(
                key: key, value: StructuredValue(type: .boolean, number: 1, text: .empty, parameters: parameters)
            )
        }
        guard let value = scanner.itemOrInnerList(bytes) else { return .malformed }
        return .member(key: key, value: value)
    }
}

/// Walks a list.
package struct StructuredListWalker: Sendable {
    private var scanner: StructuredScanner

    package init(_ extent: Extent) { scanner = StructuredScanner(extent) }

    package mutating func next(in bytes: RawSpan) -> StructuredStep {
        switch scanner.toNextMember(bytes) {
        case .end: return .end
        case .malformed: return .malformed
        case .ready: break
        }
        guard let value = scanner.itemOrInnerList(bytes) else { return .malformed }
        return .member(key: .empty, value: value)
    }
}

/// Walks the members of an inner list.
package struct StructuredItemWalker: Sendable {
    private var scanner: StructuredScanner

    /// `extent` is the `text` of an inner list's value.
    package init(innerList extent: Extent) { scanner = StructuredScanner(extent) }

    package mutating func next(in bytes: RawSpan) -> StructuredStep {
        scanner.skipSpaces(bytes)
        if scanner.isAtEnd { return .end }
        guard let value = scanner.item(bytes) else { return .malformed }
        guard scanner.isAtEnd || scanner.peek(bytes) == 0x20 else { return .malformed }
        return .member(key: .empty, value: value)
    }
}

/// Walks parameters; a key that comes again replaces the earlier one.
package struct StructuredParameterWalker: Sendable {
    private var scanner: StructuredScanner

    /// `extent` is the `parameters` of a value.
    package init(_ extent: Extent) { scanner = StructuredScanner(extent) }

    package mutating func next(in bytes: RawSpan) -> StructuredStep {
        if scanner.isAtEnd { return .end }
        guard let (key, value) = scanner.parameter(bytes) else { return .malformed }
        return .member(key: key, value: value)
    }
}

package enum StructuredItem {
    /// The value of a field that is one item (with parameters), nil if it is malformed.
    package static func parse(_ bytes: RawSpan, _ extent: Extent) -> StructuredValue? {
        var scanner = StructuredScanner(extent)
        scanner.skipSpaces(bytes)
        guard let value = scanner.item(bytes) else { return nil }
        scanner.skipSpaces(bytes)
        return scanner.isAtEnd ? value : nil
    }
}
