// multipart/byteranges (RFC 9110 section 14.6): the parts' heads and the total length. The bytes between are the
// caller's.

package import HTTPMessage

package enum MultipartRanges {
    /// Most bytes of one part's head besides the content type.
    package static let maximumPartHeadBytes = 256

    /// Bytes of the whole body: part heads, ranges and the end.
    package static func totalLength(
        plan: RangePlan, length: UInt64, contentType: RawSpan, boundary: UInt64
    ) -> UInt64 { 0 }

    /// Writes the delimiter and head of part `index`; its bytes follow.
    package static func writePartHead(
        plan: RangePlan, index: Int, length: UInt64, contentType: RawSpan, boundary: UInt64, into sink: inout ByteSink
    ) {}

    /// Writes the closing delimiter.
    package static func writeEnd(boundary: UInt64, into sink: inout ByteSink) {}
}
