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

    /// Reads all Accept-Encoding lines. A request without one could be sent anything (RFC 9110 section 12.5.3) but is
    /// taken to want identity.
    package init(accepting fields: borrowing FieldTable, bytes: RawSpan) {
        self = .identityOnly
        guard fields.contains(.acceptEncoding) else { return }
        var named: CodingSet = []
        var wildcard: Bool?
        var next = fields.index(of: .acceptEncoding)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                let item = WeightedItem(element, in: bytes)
                let name = bytes.slice(item.name)
                if name.byteCount == 1 && name.byte(at: 0) == UInt8(ascii: "*") {
                    wildcard = item.isAcceptable
                } else if let bit = CodingSet(name: name) {
                    named.insert(bit)
                    let accepted = bit == .refusesIdentity ? !item.isAcceptable : item.isAcceptable
                    if accepted { insert(bit) } else { remove(bit) }
                }
            }
            next = fields.index(of: .acceptEncoding, from: index + 1)
        }
        guard let wildcard else { return }
        if wildcard {
            formUnion(CodingSet.all.subtracting(named))
        } else if !named.contains(.refusesIdentity) {
            insert(.refusesIdentity)
        }
    }

    /// Every coding the node knows.
    package static var all: CodingSet { [.gzip, .br, .zstd] }

    /// The bit that a coding's name speaks about; `refusesIdentity` for `identity`.
    init?(name: RawSpan) {
        if equalIgnoringCase(name, "gzip") || equalIgnoringCase(name, "x-gzip") {
            self = .gzip
        } else if equalIgnoringCase(name, "br") {
            self = .br
        } else if equalIgnoringCase(name, "zstd") {
            self = .zstd
        } else if equalIgnoringCase(name, "identity") {
            self = .refusesIdentity
        } else {
            return nil
        }
    }

    /// The set with only `coding` in it.
    package init(_ coding: ContentCoding) {
        switch coding {
        case .gzip: self = .gzip
        case .br: self = .br
        case .zstd: self = .zstd
        case .identity, .other: self = []
        }
    }

    /// Writes the canonical Accept-Encoding value, e.g. `br, gzip`; nothing for an empty set.
    package func writeValue(into sink: inout ByteSink) {
        let start = sink.count
        func separate(_ sink: inout ByteSink) {
            if sink.count > start { sink.append(", ") }
        }
        if contains(.br) { sink.append("br") }
        if contains(.gzip) {
            separate(&sink)
            sink.append("gzip")
        }
        if contains(.zstd) {
            separate(&sink)
            sink.append("zstd")
        }
        if contains(.refusesIdentity) {
            separate(&sink)
            sink.append("identity;q=0")
        }
    }
}

extension ContentCoding {
    /// The coding that an answer's Content-Encoding names.
    init(bytes: RawSpan, fields: borrowing FieldTable) {
        self = .identity
        var next = fields.index(of: .contentEncoding)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                let name = bytes.slice(element)
                if equalIgnoringCase(name, "identity") { continue }
                self = self == .identity ? ContentCoding(name: name) : .other
            }
            next = fields.index(of: .contentEncoding, from: index + 1)
        }
    }

    private init(name: RawSpan) {
        if equalIgnoringCase(name, "gzip") || equalIgnoringCase(name, "x-gzip") {
            self = .gzip
        } else if equalIgnoringCase(name, "br") {
            self = .br
        } else if equalIgnoringCase(name, "zstd") {
            self = .zstd
        } else {
            self = .other
        }
    }
}
