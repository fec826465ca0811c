// Cache-Control and Pragma fields to plain values. Conservative wherever RFC 9111 section 4.2.1 leaves a choice: of
// several values the smallest counts, and an invalid number makes the answer stale.

package import HTTPMessage

extension ResponseDirectives {
    /// Reads what holds for this cache: the first valid targeted field (RFC 9213 section 2.2), else Cache-Control.
    package init(bytes: RawSpan, fields: borrowing FieldTable, settings: PolicySettings) {
        self.init()
        if settings.usesTargetedFields {
            if let own = ResponseDirectives(targeted: .martletCacheControl, bytes: bytes, fields: fields) {
                self = own
                return
            }
            if let shared = ResponseDirectives(targeted: .cdnCacheControl, bytes: bytes, fields: fields) {
                self = shared
                return
            }
        }
        var next = fields.index(of: .cacheControl)
        while let index = next {
            flags.insert(.present)
            read(bytes: bytes, value: fields[index].value)
            next = fields.index(of: .cacheControl, from: index + 1)
        }
    }

    /// Reads one Cache-Control value and adds it to what is known.
    mutating func read(bytes: RawSpan, value: Extent) {
        var walker = DirectiveWalker(value)
        while let directive = walker.next(in: bytes) {
            if directive.kind == .malformed, isUnbalanced(bytes: bytes, argument: directive.argument) {
                // Whatever else the line said is swallowed by the quotation; it may have been `no-store`, or `private`,
                // which counts beside `must-understand` too.
                flags.formUnion([.malformed, .noStore, .isPrivate])
            }
            add(ResponseDirectiveName(bytes.slice(directive.name)), directive: directive, bytes: bytes)
        }
    }

    private mutating func add(_ name: ResponseDirectiveName, directive: Directive, bytes: RawSpan) {
        switch name {
        case .maxAge: maxAgeSeconds = DirectiveNumber.smaller(maxAgeSeconds, DirectiveNumber.read(bytes, directive))
        case .sharedMaxAge:
            sharedMaxAgeSeconds = DirectiveNumber.smaller(
                sharedMaxAgeSeconds, DirectiveNumber.read(bytes, directive))
        case .staleWhileRevalidate:
            staleWhileRevalidateSeconds = DirectiveNumber.smaller(
                staleWhileRevalidateSeconds, DirectiveNumber.read(bytes, directive))
        case .staleIfError:
            staleIfErrorSeconds = DirectiveNumber.smaller(
                staleIfErrorSeconds, DirectiveNumber.read(bytes, directive))
        case .noCache: flags.insert(namesFields(directive, bytes) ? .noCacheFields : .noCache)
        case .isPrivate: flags.insert(namesFields(directive, bytes) ? .privateFields : .isPrivate)
        case .other: break
        default: flags.insert(name.flag)
        }
    }

    private func namesFields(_ directive: Directive, _ bytes: RawSpan) -> Bool {
        (directive.kind == .quoted || directive.kind == .token)
            && ResponseDirectives.isFieldList(directive.argument, bytes)
    }

    /// `no-cache` and `private` count as a whole unless they have a usable list of names: one of fields without which
    /// what is left can still be understood.
    static func isFieldList(_ argument: Extent, _ bytes: RawSpan) -> Bool {
        var isNamed = false
        var list = ListWalker(argument)
        while let element = list.next(in: bytes) {
            let name = bytes.slice(element)
            guard isToken(name) else { return false }
            let field = KnownField.recognise(name)
            if [.contentEncoding, .contentType, .contentRange, .vary].contains(field) { return false }
            isNamed = true
        }
        return isNamed
    }

    private func isUnbalanced(bytes: RawSpan, argument: Extent) -> Bool {
        for offset in argument.range where bytes.byte(at: offset) == UInt8(ascii: "\"") { return true }
        return false
    }
}

/// The response directives this cache knows.
enum ResponseDirectiveName: UInt8 {
    case other, noStore, noCache, isPrivate, isPublic, mustRevalidate, proxyRevalidate, mustUnderstand, noTransform,
        immutable, maxAge, sharedMaxAge, staleWhileRevalidate, staleIfError

    init(_ name: RawSpan) {
        self = .other
        switch name.byteCount {
        case 6: if equalIgnoringCase(name, "public") { self = .isPublic }
        case 7:
            if equalIgnoringCase(name, "max-age") { self = .maxAge }
            if equalIgnoringCase(name, "private") { self = .isPrivate }
        case 8:
            if equalIgnoringCase(name, "no-store") { self = .noStore }
            if equalIgnoringCase(name, "no-cache") { self = .noCache }
            if equalIgnoringCase(name, "s-maxage") { self = .sharedMaxAge }
        case 9: if equalIgnoringCase(name, "immutable") { self = .immutable }
        case 12: if equalIgnoringCase(name, "no-transform") { self = .noTransform }
        case 14: if equalIgnoringCase(name, "stale-if-error") { self = .staleIfError }
        case 15:
            if equalIgnoringCase(name, "must-revalidate") { self = .mustRevalidate }
            if equalIgnoringCase(name, "must-understand") { self = .mustUnderstand }
        case 16: if equalIgnoringCase(name, "proxy-revalidate") { self = .proxyRevalidate }
        case 22: if equalIgnoringCase(name, "stale-while-revalidate") { self = .staleWhileRevalidate }
        default: break
        }
    }

    /// The flag of a directive that has no number and no list.
    var flag: ResponseDirectives.Flags {
        switch self {
        case .noStore: .noStore
        case .noCache: .noCache
        case .isPrivate: .isPrivate
        case .isPublic: .isPublic
        case .mustRevalidate: .mustRevalidate
        case .proxyRevalidate: .proxyRevalidate
        case .mustUnderstand: .mustUnderstand
        case .noTransform: .noTransform
        case .immutable: .immutable
        default: []
        }
    }
}

/// Delta-seconds in directives.
enum DirectiveNumber {
    /// The argument as seconds, quoted or not; 0 when it is missing or not a number.
    static func read(_ bytes: RawSpan, _ directive: Directive) -> UInt32 {
        guard directive.kind == .token || directive.kind == .quoted else { return 0 }
        return Numbers.deltaSeconds(bytes.slice(directive.argument)) ?? 0
    }

    static func smaller(_ left: UInt32?, _ right: UInt32) -> UInt32 {
        guard let left else { return right }
        return min(left, right)
    }
}

extension RequestDirectives {
    /// Reads all Cache-Control lines, or Pragma when there is none (RFC 9111 section 5.4).
    package init(bytes: RawSpan, fields: borrowing FieldTable) {
        self.init()
        guard fields.containsAny(FieldSet(.cacheControl) | .pragma) else { return }
        guard fields.contains(.cacheControl) else {
            noCache = PragmaField.saysNoCache(bytes: bytes, fields: fields)
            return
        }
        var next = fields.index(of: .cacheControl)
        while let index = next {
            var walker = DirectiveWalker(fields[index].value)
            while let directive = walker.next(in: bytes) { add(directive, bytes: bytes) }
            next = fields.index(of: .cacheControl, from: index + 1)
        }
    }

    private mutating func add(_ directive: Directive, bytes: RawSpan) {
        let name = bytes.slice(directive.name)
        if equalIgnoringCase(name, "no-cache") {
            noCache = true
        } else if equalIgnoringCase(name, "no-store") {
            noStore = true
        } else if equalIgnoringCase(name, "only-if-cached") {
            onlyIfCached = true
        } else if equalIgnoringCase(name, "no-transform") {
            noTransform = true
        } else if equalIgnoringCase(name, "max-age") {
            maxAgeSeconds = DirectiveNumber.smaller(maxAgeSeconds, DirectiveNumber.read(bytes, directive))
        } else if equalIgnoringCase(name, "min-fresh") {
            minFreshSeconds = max(minFreshSeconds ?? 0, DirectiveNumber.read(bytes, directive))
        } else if equalIgnoringCase(name, "max-stale") {
            let seconds = directive.kind == .none ? Seconds.maximum : DirectiveNumber.read(bytes, directive)
            maxStaleSeconds = DirectiveNumber.smaller(maxStaleSeconds, seconds)
        } else if equalIgnoringCase(name, "stale-if-error") {
            staleIfErrorSeconds = DirectiveNumber.smaller(
                staleIfErrorSeconds, DirectiveNumber.read(bytes, directive))
        }
    }
}

/// Pragma (RFC 9111 section 5.4).
enum PragmaField {
    static func saysNoCache(bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        var next = fields.index(of: .pragma)
        while let index = next {
            var walker = DirectiveWalker(fields[index].value)
            while let directive = walker.next(in: bytes) {
                if equalIgnoringCase(bytes.slice(directive.name), "no-cache") { return true }
            }
            next = fields.index(of: .pragma, from: index + 1)
        }
        return false
    }
}
