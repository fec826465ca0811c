// The record under the base key of a URL whose answers vary: which request fields select, and a random generation
// that all its variants share. Writing records is in VaryEncoding.swift, variant keys in VaryKey.swift.
//
//  offset  size
//   0      1     kind (StoredKind.varyRecord)
//   1      1     refused codings (CodingSet): asked for, but the origin chose otherwise
//   2      2     number of fields
//   4      2     variants stored under this generation, saturating
//   6      2     bytes of names
//   8      8     generation
//  16            names: per field a length byte and the lower-case name; sorted, without repetition
//  behind them 4 until when the varying answers are fresh, the last of them: Unix seconds. Missing in records of
//                releases before: not fresh

package import HTTPMessage

/// A view of a Vary record.
package struct VaryRecord: ~Escapable {
    package static let headerBytes = 16
    /// An answer that varies by more fields than this is not stored.
    package static let maximumFields = 16
    /// Longest field name.
    package static let maximumNameBytes = 63
    /// Most bytes of a record.
    package static let maximumBytes = headerBytes + maximumFields * (maximumNameBytes + 1) + freshnessBytes
    static let freshnessBytes = 4

    package let block: RawSpan

    /// nil when the block is something else or damaged.
    @_lifetime(copy block)
    package init?(_ block: RawSpan) {
        guard block.byteCount >= VaryRecord.headerBytes, StoredKind.of(block) == .varyRecord,
            block.byteCount >= VaryRecord.headerBytes + Int(block.pair(at: 6)),
            Int(block.pair(at: 2)) <= VaryRecord.maximumFields
        else { return nil }
        self.block = block
    }

    package var refusedCodings: CodingSet { CodingSet(rawValue: block.byte(at: 1)) }
    package var fieldCount: Int { Int(block.pair(at: 2)) }
    package var variantCount: UInt16 { block.pair(at: 4) }
    package var generation: UInt64 { block.word(at: 8) }
    /// Header and names.
    var byteCount: Int { VaryRecord.headerBytes + Int(block.pair(at: 6)) }
    /// Unix seconds at which the last of the varying answers expires.
    package var freshUntilSeconds: UInt32 {
        block.byteCount >= byteCount + VaryRecord.freshnessBytes ? block.halfWord(at: byteCount) : 0
    }

    /// Whether an answer that does not vary may take the record's place: no varying one is fresh any more.
    package func isOutlived(now: Int64) -> Bool { Int64(freshUntilSeconds) <= Seconds.whole(now) }

    /// The names with their length bytes.
    var names: RawSpan {
        @_lifetime(copy self) get { block.extracting(VaryRecord.headerBytes..<byteCount) }
    }

    /// Whether the field is one that selects; `name` in any case.
    package func contains(_ name: RawSpan) -> Bool {
        var walker = VaryNameWalker()
        let names = names
        while let extent = walker.next(in: names) {
            if equalIgnoringCase(names.slice(extent), name) { return true }
        }
        return false
    }

    /// Whether an answer's Vary names no field beyond these.
    package func covers(bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        var next = fields.index(of: .vary)
        while let index = next {
            var list = ListWalker(fields[index].value)
            while let element = list.next(in: bytes) {
                guard contains(bytes.slice(element)) else { return false }
            }
            next = fields.index(of: .vary, from: index + 1)
        }
        return true
    }

    /// What storing a varying answer means for the URL's record.
    package enum Change: UInt8, Sendable {
        /// The record fits: store the variant and leave the record.
        case keep
        /// As `keep`; but the record should be told that it counts for longer.
        case extend
        /// Write the new record first; the variants stored so far stay reachable.
        case update
        /// Write the new record first; it has a new generation, so that all variants so far are gone.
        case replace
    }
}

/// Walks length-prefixed names.
struct VaryNameWalker {
    private var position = 0

    mutating func next(in names: RawSpan) -> Extent? {
        guard position < names.byteCount else { return nil }
        let start = position + 1
        let end = start + Int(names.byte(at: position))
        guard end <= names.byteCount else { return nil }
        position = end
        return Extent(start: start, end: end)
    }
}
