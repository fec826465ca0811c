// The metadata block that the cache keeps in front of a body: a fixed prologue and the field lines as they go on the
// wire. This file reads it; StoredHeadEncoding.swift writes it.
//
//  offset  size
//   0      1     kind and layout version (StoredKind)
//   1      1     content coding
//   2      2     status
//   4      4     flags (StoredFlags)
//   8      8     zero moment: Unix milliseconds at which the answer's age was zero
//  16      8     Date, Unix seconds
//  24      8     Last-Modified, Unix seconds (0 unless hasLastModified)
//  32      4     freshness lifetime, seconds
//  36      4     stale-while-revalidate window, seconds
//  40      4     stale-if-error window, seconds
//  44      4     fetch cost, milliseconds
//  48      8     declared body length, all ones when unknown
//  56      2+2   ETag value: offset into the lines, length
//  60      2+2   Last-Modified value
//  64      2+2   Content-Type value
//  68      2+2   Date value
//  72      2     length of the field lines
//  74      2     length of the reason phrase, which stands behind the lines
//  76      4     when the answer (or the last 304) was received: Unix seconds, the lower half
//  80      8     first byte of the object that is held; 0 unless the body is a part
//  88      8     bytes that are held; 0 unless the body is a part
//  96            field lines, each `Name: value CRLF`; then the reason phrase; then, with severalRuns, the runs that
//                are held: 2 bytes number, each 8 bytes first and 8 bytes last place in the object

package import HTTPMessage

/// What a header block is; its first byte.
package enum StoredKind: UInt8, Sendable {
    case response = 0x11
    /// Names the fields a URL varies by; see `VaryRecord`.
    case varyRecord = 0x21
    /// An encoded form of a response's body; see `EncodedHead`.
    case encoded = 0x31

    /// The kind of a header block, nil if this release cannot read it: then it is a miss.
    package static func of(_ block: RawSpan) -> StoredKind? {
        block.byteCount > 0 ? StoredKind(rawValue: block.byte(at: 0)) : nil
    }
}

/// What the prologue says in single bits.
package struct StoredFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Never used without validation (RFC 9111 section 5.2.2.4).
    @inlinable package static var noCache: StoredFlags { StoredFlags(rawValue: 1 << 0) }
    /// Never used stale: `must-revalidate`, `proxy-revalidate` or `s-maxage`.
    @inlinable package static var mustRevalidate: StoredFlags { StoredFlags(rawValue: 1 << 1) }
    @inlinable package static var hasETag: StoredFlags { StoredFlags(rawValue: 1 << 2) }
    /// The entity tag is well formed and strong.
    @inlinable package static var strongETag: StoredFlags { StoredFlags(rawValue: 1 << 3) }
    @inlinable package static var hasLastModified: StoredFlags { StoredFlags(rawValue: 1 << 4) }
    /// Last-Modified is at least a second older than Date: a strong validator (RFC 9110 section 8.8.2.2).
    @inlinable package static var strongLastModified: StoredFlags { StoredFlags(rawValue: 1 << 5) }
    @inlinable package static var heuristic: StoredFlags { StoredFlags(rawValue: 1 << 6) }
    @inlinable package static var isPublic: StoredFlags { StoredFlags(rawValue: 1 << 7) }
    @inlinable package static var noTransform: StoredFlags { StoredFlags(rawValue: 1 << 8) }
    @inlinable package static var immutable: StoredFlags { StoredFlags(rawValue: 1 << 9) }
    /// The block belongs to a variant key.
    @inlinable package static var isVariant: StoredFlags { StoredFlags(rawValue: 1 << 10) }
    /// The body is a part of the object, see `StoredHead.heldRange`.
    @inlinable package static var isPartial: StoredFlags { StoredFlags(rawValue: 1 << 11) }
    /// May be used for a request with Authorization (RFC 9111 section 3.5).
    @inlinable package static var sharedWithAuthorization: StoredFlags { StoredFlags(rawValue: 1 << 12) }
    /// The fetch may be shared with requests that waited for it: it was fresh on arrival.
    @inlinable package static var shareable: StoredFlags { StoredFlags(rawValue: 1 << 13) }
    /// Surrogate-Key and Cache-Tag were left out.
    @inlinable package static var hidesTags: StoredFlags { StoredFlags(rawValue: 1 << 15) }
    /// At most one Content-Type and one Last-Modified line, and none that only some answers may repeat
    /// (Content-Encoding, Content-Language, Content-Range): a 206 takes the lines whole, a 304 without two known ones.
    @inlinable package static var simpleLines: StoredFlags { StoredFlags(rawValue: 1 << 16) }
    /// Fetched because a client would not have what was stored; see `wasDemandedLately`.
    @inlinable package static var demanded: StoredFlags { StoredFlags(rawValue: 1 << 17) }
    /// The origin chose a content coding that it was not asked for: it would for everybody.
    @inlinable package static var unaskedCoding: StoredFlags { StoredFlags(rawValue: 1 << 18) }
    /// A part of several runs of bytes: the table behind the reason phrase says which.
    @inlinable package static var severalRuns: StoredFlags { StoredFlags(rawValue: 1 << 19) }
    /// The body is text that the node may encode for clients that accept it; see `Encodable`.
    @inlinable package static var encodable: StoredFlags { StoredFlags(rawValue: 1 << 20) }
    /// The origin's own Vary names Accept-Encoding.
    @inlinable package static var variesByCoding: StoredFlags { StoredFlags(rawValue: 1 << 21) }
    /// The answer came in HTTP/1.0, as Via says.
    @inlinable package static var receivedAs10: StoredFlags { StoredFlags(rawValue: 1 << 22) }
    /// The stale-if-error window was stated, not a default: past it nothing is served in the origin's stead.
    @inlinable package static var statedStaleIfError: StoredFlags { StoredFlags(rawValue: 1 << 14) }
}

/// A view of a stored response's header block.
package struct StoredHead: ~Escapable {
    package static let prologueBytes = 96

    /// The whole block.
    package let block: RawSpan

    /// nil when the block is not a response of this layout or is shorter than it says: treat it as a miss.
    @_lifetime(copy block)
    @inlinable
    package init?(_ block: RawSpan) {
        guard block.byteCount >= StoredHead.prologueBytes, block.byte(at: 0) == 0x11,
            block.byteCount >= StoredHead.prologueBytes &+ Int(block.pair(at: 72)) &+ Int(block.pair(at: 74))
        else { return nil }
        self.block = block
    }

    @inlinable package var coding: ContentCoding { ContentCoding(rawValue: block.byte(at: 1)) ?? .other }
    @inlinable package var status: UInt16 { block.pair(at: 2) }
    @inlinable package var flags: StoredFlags { StoredFlags(rawValue: block.halfWord(at: 4)) }
    /// Unix milliseconds at which the answer's age was zero.
    @inlinable package var zeroMoment: Int64 { Int64(bitPattern: block.word(at: 8)) }
    @inlinable package var dateSeconds: Int64 { Int64(bitPattern: block.word(at: 16)) }
    @inlinable package var lastModifiedSeconds: Int64? {
        flags.contains(.hasLastModified) ? Int64(bitPattern: block.word(at: 24)) : nil
    }
    @inlinable package var freshnessSeconds: UInt32 { block.halfWord(at: 32) }
    @inlinable package var staleWhileRevalidateSeconds: UInt32 { block.halfWord(at: 36) }
    @inlinable package var staleIfErrorSeconds: UInt32 { block.halfWord(at: 40) }
    @inlinable package var fetchCostMilliseconds: UInt32 { block.halfWord(at: 44) }
    /// What the origin's Content-Length said; nil when it sent none.
    @inlinable package var declaredLength: UInt64? {
        let length = block.word(at: 48)
        return length == .max ? nil : length
    }
    /// How many bytes of the object are stored, where they are a part.
    package var heldBytes: UInt64 { block.word(at: 88) }
    /// Which bytes of the object are stored, where they are a part; its length is the declared one. The body has them
    /// one run behind the other.
    package var heldRanges: HeldRanges? {
        guard flags.contains(.isPartial), heldBytes > 0 else { return nil }
        var ranges = HeldRanges()
        guard flags.contains(.severalRuns) else {
            let first = block.word(at: 80)
            return ranges.insert(ByteRange(first: first, last: first &+ heldBytes &- 1)) ? ranges : nil
        }
        var place = StoredHead.prologueBytes &+ Int(block.pair(at: 72)) &+ Int(block.pair(at: 74))
        guard block.byteCount >= place + 2 else { return nil }
        let count = Int(block.pair(at: place))
        place += 2
        guard count <= HeldRanges.maximumStored, block.byteCount >= place + 16 * count else { return nil }
        for _ in 0..<count {
            let run = ByteRange(first: block.word(at: place), last: block.word(at: place + 8))
            guard ranges.insert(run) else { return nil }
            place += 16
        }
        return ranges.count == count && ranges.byteCount == heldBytes ? ranges : nil
    }
    /// What would be held if `range` were added to this part; nil when there would be too many runs.
    package func union(with range: ByteRange) -> HeldRanges? {
        guard var ranges = heldRanges, ranges.insert(range) else { return nil }
        return ranges.count <= HeldRanges.maximumStored ? ranges : nil
    }
    /// Unix milliseconds of expiry.
    @inlinable package var expiryMilliseconds: Int64 { zeroMoment &+ Int64(freshnessSeconds) &* 1000 }

    /// The field lines, ready for the wire.
    @inlinable package var fieldLines: RawSpan {
        @_lifetime(copy self) get {
            block.extracting(StoredHead.prologueBytes..<StoredHead.prologueBytes &+ Int(block.pair(at: 72)))
        }
    }
    /// The reason phrase; may be empty.
    package var reason: RawSpan {
        @_lifetime(copy self) get {
            let start = StoredHead.prologueBytes + Int(block.pair(at: 72))
            return block.extracting(start..<start + Int(block.pair(at: 74)))
        }
    }
    /// Empty when there is none. May be malformed where the origin sent it so; see `StoredFlags.strongETag`.
    package var etag: RawSpan { @_lifetime(copy self) get { value(at: 56) } }
    /// Where it is among the lines.
    var etagStart: Int { Int(block.pair(at: 56)) }
    package var lastModified: RawSpan { @_lifetime(copy self) get { value(at: 60) } }
    package var contentType: RawSpan { @_lifetime(copy self) get { value(at: 64) } }
    package var date: RawSpan { @_lifetime(copy self) get { value(at: 68) } }
    /// Where the Content-Type and Last-Modified lines are among the lines; empty where there is none.
    var contentTypeLine: Extent { line(at: 64, nameLength: 12) }
    var lastModifiedLine: Extent { line(at: 60, nameLength: 13) }

    /// A whole line, from where its value is.
    private func line(at offset: Int, nameLength: Int) -> Extent {
        let (start, count) = (Int(block.pair(at: offset)), Int(block.pair(at: offset + 2)))
        let end = start + count + 2
        guard start >= nameLength + 2, end <= Int(block.pair(at: 72)) else { return .empty }
        return Extent(start: start - nameLength - 2, end: end)
    }

    @_lifetime(copy self)
    private func value(at offset: Int) -> RawSpan {
        let lines = fieldLines
        let start = min(Int(block.pair(at: offset)), lines.byteCount)
        return lines.extracting(start..<min(start + Int(block.pair(at: offset + 2)), lines.byteCount))
    }

    /// Whether this was fetched within the last second because a client demanded it: then it is new enough for all
    /// others who do.
    package func wasDemandedLately(now: Int64) -> Bool {
        guard flags.contains(.demanded) else { return false }
        return UInt32(truncatingIfNeeded: Seconds.whole(now)) &- block.halfWord(at: 76) <= 1
    }

    /// Age in whole seconds at `now` (Unix milliseconds).
    @inlinable
    package func ageSeconds(now: Int64) -> UInt64 {
        UInt64(max(0, now &- zeroMoment)) / 1000
    }

    /// Whether a plain request (`RequestFacts.isPlain`) can be answered with the whole object without asking anything
    /// else: fresh for longer than an early refresh could want, no `no-cache`, not a part, and in a coding that needs
    /// no look at Accept-Encoding.
    @inlinable
    package func isPlain(now: Int64) -> Bool {
        let margin = Int64(fetchCostMilliseconds) &* 32
        return now < expiryMilliseconds &- margin
            && flags.isDisjoint(with: StoredFlags(rawValue: 1 << 0 | 1 << 11))
            && block.byte(at: 1) == 0
    }
}
