// The canonical key text of a request and, inside it, the authority and target that are forwarded: what is keyed is
// what is sent. Normalisation itself is in TargetNormalisation.swift.
//
// Text: `M1 s<n>:<site>c<n>:<scheme>a<n>:<authority>t<n>:<path?query>`, numbers decimal. A variant key appends
// `v<16 hex>` and per field `f<n>:<name>` and `=<n>:<value>` or `-` (see VaryKey.swift).

package import HTTPMessage

/// Where things stand in a key text that was just written.
package struct CacheKey: Sendable, Equatable {
    /// The whole base key.
    package var text: Extent
    /// Lower-case `host[:port]`, the default port left out.
    package var authority: Extent
    /// Normalised path and query.
    package var target: Extent

    /// Writes the key of a request whose authority is known. Rule: scheme and host lower-case, default port dropped;
    /// in path and query, percent-encoded unreserved characters decoded, other percent-encodings with upper-case
    /// digits, stray `%` encoded as `%25`; dot segments removed from the path; the query kept in its order; an empty
    /// query (`/a?`) kept apart from none.
    ///
    /// - Parameters:
    ///   - site: identifies the site and its key rule, the same for every generation that means the same.
    ///   - secure: the request came by TLS.
    /// - Returns: extents relative to the sink's first byte; nil when it does not fit: answer 414.
    package static func write(
        head: RequestHead, bytes: RawSpan, site: RawSpan, secure: Bool, into sink: inout ByteSink
    ) -> CacheKey? {
        write(
            path: bytes.slice(head.path), query: bytes.slice(head.query), hasQuery: head.hasQuery,
            authority: bytes.slice(head.authority), site: site, secure: secure, into: &sink
        )
    }

    /// As above, over the parts.
    package static func write(
        path: RawSpan, query: RawSpan, hasQuery: Bool, authority: RawSpan, site: RawSpan, secure: Bool,
        into sink: inout ByteSink
    ) -> CacheKey? {
        nil
    }

    /// Writes the key that `reference` (a Location or Content-Location value, or a URL to purge) has as seen from
    /// `key` in `base`, the sink's text so far or another span.
    /// - Returns: nil when it does not fit, is not http(s), or has another origin than `key`.
    package static func write(
        reference: RawSpan, seenFrom key: CacheKey, in base: RawSpan, site: RawSpan, secure: Bool,
        into sink: inout ByteSink
    ) -> CacheKey? {
        nil
    }
}
