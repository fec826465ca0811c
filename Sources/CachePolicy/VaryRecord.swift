// The record under the base key of a URL whose answers vary: which request fields select, and a random generation
// that all its variants share. Writing variant keys is in VaryKey.swift.
//
//  offset  size
//   0      1     kind (StoredKind.varyRecord)
//   1      1     refused codings (CodingSet): asked for, but the origin chose otherwise
//   2      2     number of fields
//   4      2     variants stored under this generation, saturating
//   6      2     reserved, zero
//   8      8     generation
//  16            per field: length byte, lower-case name; sorted, without repetition

package import HTTPMessage

/// A view of a Vary record.
package struct VaryRecord: ~Escapable {
    package static let headerBytes = 16
    /// More fields than this are not stored.
    package static let maximumFields = 16
    /// Most bytes of a record.
    package static let maximumBytes = 1024

    package let block: RawSpan

    /// nil when the block is something else or damaged.
    @_lifetime(copy block)
    package init?(_ block: RawSpan) {
        guard block.byteCount >= VaryRecord.headerBytes, StoredKind.of(block) == .varyRecord else { return nil }
        self.block = block
    }

    package var refusedCodings: CodingSet { CodingSet(rawValue: block.byte(at: 1)) }
    package var fieldCount: Int { Int(block.pair(at: 2)) }
    package var variantCount: UInt16 { block.pair(at: 4) }
    package var generation: UInt64 { block.word(at: 8) }

    /// What storing a varying answer means for the URL's record.
    package enum Change: UInt8, Sendable {
        /// The record fits: store the variant and leave the record.
        case keep
        /// Write the new record first; the variants stored so far stay reachable.
        case update
        /// Write the new record first; it has a new generation, so that all variants so far are gone.
        case replace
    }

    /// Writes the record that the URL of this answer needs, given the one it has (or nil).
    ///
    /// - Parameters:
    ///   - response: the answer's fields and their span.
    ///   - asked: the codings the request to the origin accepted; `chosen`: the one that came.
    ///   - randomGeneration: any random number; used when the record is new.
    /// - Returns: what to do and the length written (also for `.keep`); nil when the answer must be passed
    ///   (`PassReason.varyStar`, `.varyTooComplex`).
    package static func encode(
        responseBytes: RawSpan, responseFields: borrowing FieldTable, asked: CodingSet, chosen: ContentCoding,
        current: borrowing VaryRecord?, randomGeneration: UInt64, settings: PolicySettings,
        into buffer: inout MutableRawSpan
    ) -> (change: Change, count: Int)? {
        nil
    }

    /// Writes the variant key of a request: the base key, this generation and the normalised values of the fields.
    /// - Returns: false when it does not fit: pass.
    package func writeKey(
        base: RawSpan, requestBytes: RawSpan, requestFields: borrowing FieldTable, into sink: inout ByteSink
    ) -> Bool {
        false
    }
}
