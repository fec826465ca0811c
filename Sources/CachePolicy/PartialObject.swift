// Answers that are a part (206): which ranges are held, which are missing, and when parts may be joined (RFC 9111
// sections 3.3 and 3.4). Interval arithmetic; the bytes are the cache's business.

package import HTTPMessage

/// Sorted, disjoint, non-adjacent byte ranges: what is held of an object. At most 32 runs.
package struct HeldRanges: Sendable {
    package static let maximum = 32
    package private(set) var count = 0
    private var runs: InlineArray<32, ByteRange>

    package init() { runs = InlineArray(repeating: ByteRange(first: 0, last: 0)) }

    package subscript(_ index: Int) -> ByteRange { runs[index] }

    /// Whether every byte of `range` is held.
    package func covers(_ range: ByteRange) -> Bool { firstMissing(in: range) == nil }

    /// The first run of `range` that is not held, nil when all is.
    package func firstMissing(in range: ByteRange) -> ByteRange? {
        var first = range.first
        for index in 0..<count {
            let run = runs[index]
            if run.last < first { continue }
            if run.first > first { return ByteRange(first: first, last: min(range.last, run.first - 1)) }
            if run.last >= range.last { return nil }
            first = run.last + 1
        }
        return ByteRange(first: first, last: range.last)
    }

    /// Adds a run, joining what touches; false when there would be too many runs (nothing is changed then).
    package mutating func insert(_ range: ByteRange) -> Bool {
        guard range.first <= range.last, range.last < .max else { return false }
        var joined = range
        var kept = InlineArray<32, ByteRange>(repeating: ByteRange(first: 0, last: 0))
        var keptCount = 0
        var place = 0
        for index in 0..<count {
            let run = runs[index]
            if run.last + 1 >= joined.first, run.first <= joined.last + 1 {
                joined = ByteRange(first: min(run.first, joined.first), last: max(run.last, joined.last))
            } else {
                kept[keptCount] = run
                keptCount += 1
                if run.last < joined.first { place = keptCount }
            }
        }
        guard keptCount < HeldRanges.maximum else { return false }
        var index = keptCount
        while index > place {
            kept[index] = kept[index - 1]
            index -= 1
        }
        kept[place] = joined
        runs = kept
        count = keptCount + 1
        return true
    }
}

/// What to do with a 206 (RFC 9110 section 15.3.7, RFC 9111 sections 3.3 and 3.4).
package enum PartialDecision: Sendable, Equatable {
    /// Store it as a partial object of `length` bytes that holds `range`.
    case store(range: ByteRange, length: UInt64)
    /// Add `range` to the partial object that is stored: same strong validator, same length.
    case combine(range: ByteRange)
    /// It is the whole object in other words: store it as a 200 would be.
    case complete
    /// Relay only.
    case pass

    /// Decides; `decision` is what `StoreDecision` says of the same answer with status 200.
    ///
    /// - Parameters:
    ///   - stored: the partial object already there, with its `storedLength`.
    package static func decide(
        response: ResponseFacts, bytes: RawSpan, fields: borrowing FieldTable, stored: StoredHead?,
        storedLength: UInt64
    ) -> PartialDecision {
        guard response.status == 206, case .bytes(let range, let length?) = response.contentRange,
            range.last < length, response.declaredLength == nil || response.declaredLength == range.count
        else { return .pass }
        if range.first == 0, range.last == length - 1 { return .complete }
        if let stored, stored.flags.contains(.isPartial), storedLength == length,
            hasSameStrongValidator(stored, bytes: bytes, fields: fields)
        {
            return .combine(range: range)
        }
        return .store(range: range, length: length)
    }

    /// Parts are joined under an equal strong entity tag, or an equal strong Last-Modified where neither has a tag.
    private static func hasSameStrongValidator(
        _ stored: StoredHead, bytes: RawSpan, fields: borrowing FieldTable
    ) -> Bool {
        if stored.flags.contains(.hasETag) || fields.contains(.etag) {
            guard stored.flags.contains(.strongETag), let value = fields.only(.etag) else { return false }
            return equalBytes(bytes.slice(value), stored.etag)
        }
        guard stored.flags.contains(.strongLastModified), let value = fields.only(.lastModified) else { return false }
        return equalBytes(bytes.slice(value), stored.lastModified)
    }
}
