// Keys of URLs that a message refers to (Location, Content-Location) or that somebody wants purged: reference
// resolution of RFC 3986 section 5, cut down to what can be of the same origin.

package import HTTPMessage

extension CacheKey {
    /// Writes the key that `reference` has as seen from the request with `key`, whose text is in `base`.
    /// - Returns: nil when it does not fit, is not of the request's scheme, or names another authority.
    package static func write(
        reference: RawSpan, seenFrom key: CacheKey, in base: RawSpan, site: RawSpan, secure: Bool,
        sortsQuery: Bool = false, into sink: inout ByteSink
    ) -> CacheKey? {
        let parts = ReferenceParts(reference, secure: secure)
        guard parts.isUsable else { return nil }
        let start = sink.count
        let own = base.slice(key.authority)
        let authority: Extent
        if parts.hasAuthority {
            authority = writeFront(
                authority: reference.slice(parts.authority), site: site, secure: secure, into: &sink
            )
            guard !sink.overflowed, equalBytes(sink.written.slice(authority), own) else {
                sink.truncate(to: start)
                return nil
            }
        } else {
            authority = writeFront(authority: own, site: site, secure: secure, into: &sink)
        }
        let targetStart = sink.count
        writeTarget(reference, parts: parts, base: base.slice(key.target), sortsQuery: sortsQuery, into: &sink)
        return finish(start: start, authority: authority, targetStart: targetStart, sink: sink)
    }

    /// Whether `reference` (as in Content-Location) names the very URL of `key`.
    package static func isSame(
        reference: RawSpan, as key: CacheKey, in base: RawSpan, site: RawSpan, secure: Bool,
        sortsQuery: Bool = false, scratch sink: inout ByteSink
    ) -> Bool {
        let start = sink.count
        defer { sink.truncate(to: start) }
        guard
            let other = write(
                reference: reference, seenFrom: key, in: base, site: site, secure: secure, sortsQuery: sortsQuery,
                into: &sink
            )
        else { return false }
        return equalBytes(sink.written.slice(other.text), base.slice(key.text))
    }

    /// RFC 3986 section 5.2.2, with the base's target already normalised.
    private static func writeTarget(
        _ reference: RawSpan, parts: ReferenceParts, base: RawSpan, sortsQuery: Bool, into sink: inout ByteSink
    ) {
        let path = reference.slice(parts.path)
        let question = firstIndex(of: UInt8(ascii: "?"), in: base)
        let basePath = base.extracting(first: question ?? base.byteCount)
        if path.byteCount == 0, !parts.hasAuthority {
            sink.append(basePath)
            if !parts.hasQuery, let question { return sink.append(base.extracting(question...)) }
        } else {
            var normaliser = TargetNormaliser(into: &sink)
            if path.byteCount > 0, path.byte(at: 0) == UInt8(ascii: "/") {
                normaliser.add(path: path.extracting(1...), into: &sink)
            } else {
                if !parts.hasAuthority { normaliser.add(path: folder(of: basePath), into: &sink) }
                normaliser.add(path: path, into: &sink)
            }
            normaliser.finishPath(into: &sink)
        }
        if parts.hasQuery {
            TargetNormaliser.add(query: reference.slice(parts.query), sorted: sortsQuery, into: &sink)
        }
    }

    /// `/a/b` gives `a/`: without the first slash, with the last.
    @_lifetime(copy path)
    private static func folder(of path: RawSpan) -> RawSpan {
        var end = path.byteCount
        while end > 1, path.byte(at: end - 1) != UInt8(ascii: "/") { end -= 1 }
        return path.extracting(min(1, end)..<end)
    }

    private static func firstIndex(of byte: UInt8, in bytes: RawSpan) -> Int? {
        for offset in 0..<bytes.byteCount where bytes.byte(at: offset) == byte { return offset }
        return nil
    }
}

/// A URI reference taken apart (RFC 3986 appendix B), without its fragment.
private struct ReferenceParts {
    /// The scheme is missing or the request's own.
    var isUsable = true
    var hasAuthority = false
    var authority = Extent.empty
    var path = Extent.empty
    var hasQuery = false
    var query = Extent.empty

    init(_ text: RawSpan, secure: Bool) {
        var end = 0
        while end < text.byteCount, text.byte(at: end) != UInt8(ascii: "#") { end += 1 }
        var position = 0
        while position < end, !ReferenceParts.endsScheme(text.byte(at: position)) { position += 1 }
        if position < end, text.byte(at: position) == UInt8(ascii: ":") {
            let scheme = text.extracting(first: position)
            isUsable = secure ? equalIgnoringCase(scheme, "https") : equalIgnoringCase(scheme, "http")
            position += 1
            // `http:path` is obsolete and means different things to different readers.
            if position + 1 >= end || text.byte(at: position) != UInt8(ascii: "/")
                || text.byte(at: position + 1) != UInt8(ascii: "/")
            {
                isUsable = false
            }
        } else {
            position = 0
        }
        if position + 1 < end, text.byte(at: position) == UInt8(ascii: "/"),
            text.byte(at: position + 1) == UInt8(ascii: "/")
        {
            hasAuthority = true
            let start = position + 2
            position = start
            while position < end, text.byte(at: position) != UInt8(ascii: "/"),
                text.byte(at: position) != UInt8(ascii: "?")
            {
                position += 1
            }
            authority = Extent(start: start, end: position)
        }
        let pathStart = position
        while position < end, text.byte(at: position) != UInt8(ascii: "?") { position += 1 }
        path = Extent(start: pathStart, end: position)
        if position < end {
            hasQuery = true
            query = Extent(start: position + 1, end: end)
        }
    }

    private static func endsScheme(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
    }
}
