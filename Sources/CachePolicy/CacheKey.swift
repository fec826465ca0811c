// The canonical key text of a request and, inside it, the authority and target that are forwarded: what is keyed is
// what is sent. Normalisation itself is in TargetNormalisation.swift, references in KeyReference.swift.
//
// Text: `M1 LF site LF scheme LF authority LF path?query`. No part can contain LF: the message parser refuses control
// characters and the normaliser escapes them. A variant key appends lines of its own (VaryKey.swift).

package import HTTPMessage

/// Where things stand in a key text that was just written.
package struct CacheKey: Sendable, Equatable {
    /// The whole base key.
    package var text: Extent
    /// Lower-case `host[:port]`, the default port left out.
    package var authority: Extent
    /// Normalised path and query.
    package var target: Extent

    /// Of an exchange that no request of this process began: nothing.
    package static var none: CacheKey {
        let nothing = Extent(start: 0, end: 0)
        return CacheKey(text: nothing, authority: nothing, target: nothing)
    }

    /// Writes the key of a request whose authority is known. Rule: scheme and host lower-case, default port dropped;
    /// in path and query, percent-encoded unreserved characters decoded, other percent-encodings with upper-case
    /// digits, stray `%` encoded as `%25`, control, space and non-ASCII bytes encoded; dot segments removed from the
    /// path; the query kept in its order unless `sortsQuery`; an empty query (`/a?`) kept apart from none.
    ///
    /// - Parameters:
    ///   - site: identifies the site and its key rule, the same for every generation that means the same; no LF.
    ///   - secure: the request came by TLS.
    /// - Returns: extents relative to the sink's first byte; nil when it does not fit: answer 414.
    package static func write(
        head: RequestHead, bytes: RawSpan, site: RawSpan, secure: Bool, sortsQuery: Bool = false,
        into sink: inout ByteSink
    ) -> CacheKey? {
        // The parser has told host and port apart: nothing is left to do to an authority but its case.
        let isDefaultPort = head.port == (secure ? 443 : 80)
        let start = sink.count
        let front = writeFront(
            normal: bytes.slice(isDefaultPort ? head.host : head.authority), site: site, secure: secure, into: &sink)
        return write(
            path: bytes.slice(head.path), query: bytes.slice(head.query), hasQuery: head.hasQuery, start: start,
            authority: front, sortsQuery: sortsQuery, into: &sink)
    }

    /// As above, over the parts.
    package static func write(
        path: RawSpan, query: RawSpan, hasQuery: Bool, authority: RawSpan, site: RawSpan, secure: Bool,
        sortsQuery: Bool = false, into sink: inout ByteSink
    ) -> CacheKey? {
        let start = sink.count
        let front = writeFront(authority: authority, site: site, secure: secure, into: &sink)
        return write(
            path: path, query: query, hasQuery: hasQuery, start: start, authority: front, sortsQuery: sortsQuery,
            into: &sink)
    }

    /// Writes the target behind a key's front.
    @inline(__always)
    private static func write(
        path: RawSpan, query: RawSpan, hasQuery: Bool, start: Int, authority: Extent,
        sortsQuery: Bool, into sink: inout ByteSink
    ) -> CacheKey? {
        let targetStart = sink.count
        if TargetNormaliser.isNormal(path: path) {
            sink.append(path)
        } else {
            var normaliser = TargetNormaliser(into: &sink)
            let first = path.byteCount > 0 && path.byte(at: 0) == UInt8(ascii: "/") ? 1 : 0
            normaliser.add(path: path.extracting(first...), into: &sink)
            normaliser.finishPath(into: &sink)
        }
        if hasQuery { TargetNormaliser.add(query: query, sorted: sortsQuery, into: &sink) }
        return finish(start: start, authority: authority, targetStart: targetStart, sink: sink)
    }

    /// Writes everything before the target; returns where the authority is.
    static func writeFront(authority: RawSpan, site: RawSpan, secure: Bool, into sink: inout ByteSink) -> Extent {
        sink.append("M1\n")
        sink.append(site)
        sink.append(secure ? "\nhttps\n" : "\nhttp\n")
        let start = sink.count
        AuthorityNormaliser.write(authority, secure: secure, into: &sink)
        let extent = Extent(start: start, end: sink.count)
        sink.append(UInt8(ascii: "\n"))
        return extent
    }

    /// As `writeFront`, for an authority that has no default port and nothing to change but its case.
    @inline(__always)
    private static func writeFront(
        normal authority: RawSpan, site: RawSpan, secure: Bool, into sink: inout ByteSink
    ) -> Extent {
        sink.append("M1\n")
        sink.append(site)
        if secure { sink.append("\nhttps\n") } else { sink.append("\nhttp\n") }
        let start = sink.count
        sink.appendLowered(authority)
        let extent = Extent(start: start, end: sink.count)
        sink.append("\n")
        return extent
    }

    static func finish(start: Int, authority: Extent, targetStart: Int, sink: borrowing ByteSink) -> CacheKey? {
        guard !sink.overflowed else { return nil }
        return CacheKey(
            text: Extent(start: start, end: sink.count), authority: authority,
            target: Extent(start: targetStart, end: sink.count)
        )
    }
}
