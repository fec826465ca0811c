// Entity tags and lists of them (RFC 9110 section 8.8.3, 13.1.1, 13.1.2).

/// One entity tag.
package struct EntityTag: Equatable, Sendable {
    /// The opaque tag with its quotes.
    package var opaque: Extent
    package var isWeak: Bool

    /// The tag that takes up all of `extent`, nil if it is malformed.
    package static func parse(_ bytes: RawSpan, _ extent: Extent) -> EntityTag? {
        var at = extent.lower
        guard let tag = next(bytes, &at, extent.upper), at == extent.upper else { return nil }
        return tag
    }

    /// The tag at `at`, which is moved behind it.
    static func next(_ bytes: RawSpan, _ at: inout Int, _ end: Int) -> EntityTag? {
        var start = at
        var isWeak = false
        if end &- start >= 2, bytes.byte(at: start) == 0x57, bytes.byte(at: start &+ 1) == 0x2F {
            isWeak = true
            start &+= 2
        }
        guard start < end, bytes.byte(at: start) == 0x22 else { return nil }
        var close = start &+ 1
        while close < end, ByteClass.of(bytes.byte(at: close)) & ByteClass.etag != 0 { close &+= 1 }
        guard close < end, bytes.byte(at: close) == 0x22 else { return nil }
        at = close &+ 1
        return EntityTag(opaque: Extent(start: start, end: at), isWeak: isWeak)
    }
}

/// What If-Match or If-None-Match holds.
package enum EntityTagMatch: UInt8, Sendable {
    /// `*`
    case any
    /// One of the tags is the same.
    case match
    /// None is.
    case noMatch
    /// Not a list of entity tags.
    case malformed
}

package enum EntityTagList {
    /// Whether the list at `list` of `bytes` has the tag `tag` (quotes and `W/` included). `weakly` compares only the
    /// opaque tags (If-None-Match); otherwise both must be strong (If-Match, If-Range).
    package static func match(_ bytes: RawSpan, _ list: Extent, tag: RawSpan, weakly: Bool) -> EntityTagMatch {
        if list.count == 1, bytes.byte(at: list.lower) == 0x2A { return .any }
        let wanted = EntityTag.parse(tag, Extent(start: 0, end: tag.byteCount))
        var at = list.lower
        var found = false
        var needsComma = false
        while at < list.upper {
            let byte = bytes.byte(at: at)
            if byte == 0x2C || ByteClass.isBlank(byte) {
                if byte == 0x2C { needsComma = false }
                at &+= 1
                continue
            }
            guard !needsComma, let candidate = EntityTag.next(bytes, &at, list.upper) else { return .malformed }
            needsComma = true
            if let wanted, weakly || !(wanted.isWeak || candidate.isWeak),
                equalBytes(bytes.slice(candidate.opaque), tag.slice(wanted.opaque))
            {
                found = true
            }
        }
        return found ? .match : .noMatch
    }
}
