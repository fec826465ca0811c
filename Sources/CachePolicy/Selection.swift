// Which part of a usable stored answer this request gets: preconditions (RFC 9110 section 13.2.2, as far as they are a
// cache's business), then ranges (section 14). Writing the answer's head is in ClientHead.swift.

package import HTTPMessage

/// What to send of a stored answer.
package enum Selection: Sendable {
    /// The whole object (head only for HEAD).
    case whole
    /// 304, no body.
    case notModified
    /// 206 with one range.
    case range(ByteRange)
    /// 206 with several (`MultipartRanges`). Apart, because every answer passes a selection on and seldom this one.
    indirect case multipart(RangePlan)
    /// 416, no body.
    case unsatisfiable

    /// Evaluates If-None-Match, If-Modified-Since, then Range with If-Range. If-Match and If-Unmodified-Since are for
    /// the origin: such requests are relayed (`Admission`).
    ///
    /// - Parameters:
    ///   - length: the object's length; nil while it is not known (a running fill without Content-Length): ranges are
    ///     then answered with the whole.
    ///   - now: Unix milliseconds; decides the century of two-digit years.
    package static func decide(
        stored: borrowing StoredHead, method: Method, bytes: RawSpan, fields: borrowing FieldTable, length: UInt64?,
        now: Int64, settings: PolicySettings
    ) -> Selection {
        // A stored answer to POST is what the origin made of that POST's preconditions.
        guard method == .get || method == .head else { return .whole }
        // Preconditions do not turn an error answer into a 304 (RFC 9110 section 13.2.1).
        guard stored.status >= 200, stored.status < 300 else { return .whole }
        if isNotModified(stored: stored, bytes: bytes, fields: fields, now: now) { return .notModified }
        guard method == .get, stored.status == 200, let length, fields.contains(.range) else { return .whole }
        guard let value = fields.only(.range) else { return .whole }
        if let range = RangeSet.single(bytes, value)?.resolved(length: length) {
            let holds = ifRangeHolds(stored: stored, bytes: bytes, fields: fields, now: now, settings: settings)
            return holds ? .range(range) : .whole
        }
        guard let wanted = RangeSet.parse(bytes, value) else { return .whole }
        guard ifRangeHolds(stored: stored, bytes: bytes, fields: fields, now: now, settings: settings) else {
            return .whole
        }
        return RangePlan.resolve(wanted, length: length, maximum: Int(settings.maximumRanges))
    }

    /// If-None-Match, and only without it If-Modified-Since (RFC 9110 section 13.2.2, RFC 9111 section 4.3.2).
    static func isNotModified(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> Bool {
        guard let first = fields.index(of: .ifNoneMatch) else {
            return isUnmodifiedSince(stored: stored, bytes: bytes, fields: fields, now: now)
        }
        var next: Int? = first
        while let index = next {
            if matches(stored: stored, bytes: bytes, value: fields[index].value) { return true }
            next = fields.index(of: .ifNoneMatch, from: index + 1)
        }
        return false
    }

    private static func matches(stored: borrowing StoredHead, bytes: RawSpan, value: Extent) -> Bool {
        let hasTag = stored.flags.contains(.hasETag)
        // The usual case: a client asks with the tag it was given, byte for byte.
        if hasTag, equalBytes(bytes.slice(value), stored.etag) { return true }
        switch EntityTagList.match(bytes, value, tag: stored.etag, weakly: true) {
        case .any: return true
        case .match: return hasTag
        case .noMatch: return false
        // An origin that forgets the quotes is understood above only: where both sides are malformed alike.
        case .malformed: return false
        }
    }

    /// Last-Modified, or Date where there is none, is not after the given date.
    private static func isUnmodifiedSince(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> Bool {
        guard let value = fields.only(.ifModifiedSince),
            let since = HTTPDate.parse(bytes.slice(value), now: Seconds.whole(now))
        else { return false }
        return (stored.lastModifiedSeconds ?? stored.dateSeconds) <= since
    }

    /// If-Range by strong comparison (RFC 9110 section 13.1.5); true when there is none.
    static func ifRangeHolds(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64, settings: PolicySettings
    ) -> Bool {
        guard fields.contains(.ifRange) else { return true }
        guard let value = fields.only(.ifRange) else { return false }
        let text = bytes.slice(value)
        if EntityTag.parse(bytes, value) != nil {
            return stored.flags.contains(.strongETag) && equalBytes(text, stored.etag)
        }
        guard stored.flags.contains(.strongLastModified),
            let date = HTTPDate.parse(text, now: Seconds.whole(now))
        else { return false }
        // The date is the same in every coding: what this client has of the object may be encoded.
        if stored.flags.contains(.encodable),
            !CodingSet(accepting: fields, bytes: bytes).isDisjoint(with: settings.encodedCodings)
        {
            return false
        }
        return date == stored.lastModifiedSeconds
    }
}
