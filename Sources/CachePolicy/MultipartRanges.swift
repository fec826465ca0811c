// multipart/byteranges (RFC 9110 section 14.6): the parts' heads and the total length. The bytes between are the
// caller's.

package import HTTPMessage

package enum MultipartRanges {
    /// Most bytes of one part's head besides the content type.
    package static let maximumPartHeadBytes = 256

    /// Bytes of the whole body: part heads, ranges and the end.
    package static func totalLength(
        plan: RangePlan, length: UInt64, contentType: RawSpan, boundary: UInt64
    ) -> UInt64 {
        var total: UInt64 = 0
        for index in 0..<plan.count {
            let range = plan.ranges[index]
            var head = (index == 0 ? 0 : 2) + 2 + boundaryBytes + 2
            if contentType.byteCount > 0 { head += 14 + contentType.byteCount + 2 }
            head += 21 + digits(range.first) + 1 + digits(range.last) + 1 + digits(length) + 4
            total += UInt64(head) + range.count
        }
        return total + UInt64(4 + boundaryBytes + 4)
    }

    /// Writes the delimiter and head of part `index`; its bytes follow.
    package static func writePartHead(
        plan: RangePlan, index: Int, length: UInt64, contentType: RawSpan, boundary: UInt64, into sink: inout ByteSink
    ) {
        sink.append(index == 0 ? "--" : "\r\n--")
        writeBoundary(boundary, into: &sink)
        sink.append("\r\n")
        if contentType.byteCount > 0 { sink.appendField("Content-Type", contentType) }
        sink.append("Content-Range: ")
        ContentRange.write(plan.ranges[index], length: length, into: &sink)
        sink.append("\r\n\r\n")
    }

    /// Writes the closing delimiter.
    package static func writeEnd(boundary: UInt64, into sink: inout ByteSink) {
        sink.append("\r\n--")
        writeBoundary(boundary, into: &sink)
        sink.append("--\r\n")
    }

    static let boundaryBytes = 24

    /// `martlet-` and 16 hexadecimal digits.
    static func writeBoundary(_ boundary: UInt64, into sink: inout ByteSink) {
        sink.append("martlet-")
        for shift in stride(from: 60 as UInt64, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: (boundary >> shift) & 15)
            sink.append(digit < 10 ? 48 + digit : 87 + digit)
        }
    }

    private static func digits(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}
