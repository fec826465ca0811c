// Targeted cache-control fields (RFC 9213): structured dictionaries, so that one malformed member voids the field.

import HTTPMessage

extension ResponseDirectives {
    /// What the targeted field says; nil when it is absent, empty, malformed, or has a number of the wrong type
    /// without forbidding anything: then the next field counts.
    init?(targeted field: KnownField, bytes: RawSpan, fields: borrowing FieldTable) {
        guard fields.contains(field) else { return nil }
        self.init()
        var members = 0
        var hasWrongType = false
        var lines = 0
        var hasEmptyLine = false
        var next = fields.index(of: field)
        while let index = next {
            lines += 1
            if fields[index].value.length == 0 { hasEmptyLine = true }
            var walker = StructuredDictionaryWalker(fields[index].value)
            walk: while true {
                switch walker.next(in: bytes) {
                case .member(let key, let value):
                    members += 1
                    let name = ResponseDirectiveName(exactly: bytes.slice(key))
                    if !add(name, value: value, bytes: bytes) { hasWrongType = true }
                case .end: break walk
                case .malformed: return nil
                }
            }
            next = fields.index(of: field, from: index + 1)
        }
        // Lines are joined by commas first: one without a member among others is an error (RFC 9651 section 4.2).
        guard members > 0, lines == 1 || !hasEmptyLine else { return nil }
        flags.formUnion([.present, .targeted])
        if hasWrongType {
            guard !flags.isDisjoint(with: [.noStore, .isPrivate, .noCache]) else { return nil }
            maxAgeSeconds = 0
        }
    }

    /// Adds a member; false when a number was expected and something else came. A repeated key replaces.
    private mutating func add(_ name: ResponseDirectiveName, value: StructuredValue, bytes: RawSpan) -> Bool {
        switch name {
        case .maxAge, .sharedMaxAge, .staleWhileRevalidate, .staleIfError:
            guard value.type == .integer, value.number >= 0 else { return false }
            set(name, seconds: Seconds.saturating(value.number))
        case .noCache:
            set(.noCache, .noCacheFields, value: value, bytes: bytes)
        case .isPrivate:
            set(.isPrivate, .privateFields, value: value, bytes: bytes)
        case .other: break
        default:
            // `directive=?0` means that it is not there; any other value means that it was meant.
            if value.type == .boolean, value.number == 0 {
                flags.remove(name.flag)
            } else {
                flags.insert(name.flag)
            }
        }
        return true
    }

    private mutating func set(_ name: ResponseDirectiveName, seconds: UInt32) {
        switch name {
        case .maxAge: maxAgeSeconds = seconds
        case .sharedMaxAge: sharedMaxAgeSeconds = seconds
        case .staleWhileRevalidate: staleWhileRevalidateSeconds = seconds
        default: staleIfErrorSeconds = seconds
        }
    }

    private mutating func set(_ whole: Flags, _ named: Flags, value: StructuredValue, bytes: RawSpan) {
        flags.subtract([whole, named])
        if value.type == .boolean, value.number == 0 { return }
        let namesFields = value.type == .string && ResponseDirectives.isFieldList(value.text, bytes)
        flags.insert(namesFields ? named : whole)
    }
}

extension ResponseDirectiveName {
    /// Structured keys are lower-case only, so that no folding is needed; the walker has refused others.
    init(exactly key: RawSpan) { self.init(key) }
}
