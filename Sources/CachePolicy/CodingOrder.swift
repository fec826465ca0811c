// In which codings a client would like to have an answer, best first (RFC 9110 section 12.5.3). What there is to choose
// from is for whoever asks to say.

package import HTTPMessage

/// The codings on offer that a request accepts, in the order of its weights; of equal ones the denser first.
package struct CodingOrder: Sendable {
    private var codings = InlineArray<3, ContentCoding>(repeating: .identity)
    package private(set) var count = 0

    package subscript(_ index: Int) -> ContentCoding { codings[index] }

    /// Nothing for a request without Accept-Encoding, and nothing that is wanted less than identity where that has a
    /// weight of its own.
    package init(accepting fields: borrowing FieldTable, bytes: RawSpan, offered: CodingSet) {
        guard fields.contains(.acceptEncoding), !offered.isEmpty else { return }
        let weights = CodingWeights(fields, bytes)
        let known: InlineArray<3, ContentCoding> = [.br, .zstd, .gzip]
        for index in known.indices {
            let coding = known[index]
            let weight = weights.weight(of: coding)
            guard offered.contains(CodingSet(coding)), weight > 0, weight >= weights.identity else { continue }
            var place = count
            while place > 0, weights.weight(of: codings[place - 1]) < weight {
                codings[place] = codings[place - 1]
                place -= 1
            }
            codings[place] = coding
            count += 1
        }
    }
}

/// What a request's Accept-Encoding lines say of each coding, in thousandths.
private struct CodingWeights {
    private var gzip: UInt16?
    private var br: UInt16?
    private var zstd: UInt16?
    private var wildcard: UInt16 = 0
    /// Identity is acceptable unless it is refused, but nobody's wish unless it is named.
    private(set) var identity: UInt16 = 0

    init(_ fields: borrowing FieldTable, _ bytes: RawSpan) {
        var next = fields.index(of: .acceptEncoding)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                let item = WeightedItem(element, in: bytes)
                note(bytes.slice(item.name), item.thousandths)
            }
            next = fields.index(of: .acceptEncoding, from: index + 1)
        }
    }

    private mutating func note(_ name: RawSpan, _ weight: UInt16) {
        if name.byteCount == 1, name.byte(at: 0) == UInt8(ascii: "*") {
            wildcard = weight
            return
        }
        switch CodingSet(name: name) {
        case .some(.gzip): gzip = weight
        case .some(.br): br = weight
        case .some(.zstd): zstd = weight
        case .some(.refusesIdentity): identity = weight
        default: break
        }
    }

    func weight(of coding: ContentCoding) -> UInt16 {
        switch coding {
        case .gzip: gzip ?? wildcard
        case .br: br ?? wildcard
        case .zstd: zstd ?? wildcard
        case .identity, .other: 0
        }
    }
}
