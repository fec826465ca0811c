// What differs in a head when the node has encoded the body, or might have: Content-Encoding, the entity tag, Vary.

import HTTPMessage

extension ClientHead {
    /// Copies stored lines. Of an encoded form the entity tag is weak, since its bytes are not those of the object
    /// (RFC 9110 section 8.8.3): the same tag, so that it is found again in If-None-Match.
    static func append(
        _ range: Range<Int>, of stored: borrowing StoredHead, coding: ContentCoding, into sink: inout ByteSink
    ) {
        let lines = stored.fieldLines
        let tag = stored.etagStart
        guard coding != .identity, stored.flags.contains(.strongETag), range.contains(tag) else {
            return sink.append(lines.extracting(range))
        }
        sink.append(lines.extracting(range.lowerBound..<tag))
        sink.append("W/")
        sink.append(lines.extracting(tag..<range.upperBound))
    }

    /// All stored lines, and what the coding adds.
    static func appendLines(of stored: borrowing StoredHead, coding: ContentCoding, into sink: inout ByteSink) {
        append(0..<stored.fieldLines.byteCount, of: stored, coding: coding, into: &sink)
        switch coding {
        case .gzip: sink.append("Content-Encoding: gzip\r\n")
        case .br: sink.append("Content-Encoding: br\r\n")
        case .zstd: sink.append("Content-Encoding: zstd\r\n")
        case .identity, .other: break
        }
    }

    /// Continues a Cache-Status line that ends after the remaining freshness.
    static func writeDetail(_ coding: ContentCoding, settings: PolicySettings, into sink: inout ByteSink) {
        guard settings.explainsInCacheStatus, let detail = CacheStatus.detail(of: coding) else { return }
        sink.append("; detail=")
        sink.append(detail)
    }

    /// Says that Accept-Encoding makes a difference, unless the origin has said so.
    static func appendVary(of stored: borrowing StoredHead, into sink: inout ByteSink) {
        if !stored.flags.contains(.variesByCoding) { sink.append("Vary: Accept-Encoding\r\n") }
    }
}
