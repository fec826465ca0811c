// Which part of a usable stored answer this request gets: preconditions (RFC 9110 section 13), then ranges
// (section 14). Writing the answer's head is in ClientHead.swift.

package import HTTPMessage

/// Ranges of one multipart/byteranges answer.
package struct RangePlan: Sendable {
    package var ranges: InlineArray<16, ByteRange>
    package var count: Int

    package init() {
        ranges = InlineArray(repeating: ByteRange(first: 0, last: 0))
        count = 0
    }
}

/// What to send of a stored answer.
package enum Selection: Sendable {
    /// The whole object (head only for HEAD).
    case whole
    /// 304, no body.
    case notModified
    /// 412, no body.
    case preconditionFailed
    /// 206 with one range.
    case range(ByteRange)
    /// 206 with several (`MultipartRanges`).
    case multipart(RangePlan)
    /// 416, no body.
    case unsatisfiable

    /// Evaluates If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, then Range and If-Range.
    ///
    /// - Parameters:
    ///   - length: the object's length; nil while it is not known (a running fill without Content-Length): ranges are
    ///     then answered with the whole.
    ///   - now: Unix milliseconds; decides the century of two-digit years.
    package static func decide(
        stored: borrowing StoredHead, method: Method, bytes: RawSpan, fields: borrowing FieldTable, length: UInt64?,
        now: Int64, settings: PolicySettings
    ) -> Selection {
        .whole
    }
}
